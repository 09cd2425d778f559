/*
 * gcs_piece.c - see gcs.h: the parts of a session, one after the other.
 *
 *	SEND ---308: all of it---> the part is done
 *	 ^ |  |---200: the object is made (the last part)
 *	 | |  |---308: less than was sent---> SEND the rest, at once or later
 *	 | +--lost on the way---> WAIT ---> ASK what is there ---+
 *	 +-------------------------------------------------------+
 *
 * The store may keep less of a piece than was sent, and the answer may be lost
 * although the piece was kept: what it says is there counts, and the part is
 * sent from there on.  Without progress this ends after cfg "retry_for".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/gcs.h"

#define WAIT_MS 200
#define WAIT_MAX_MS 8000

static void piece_send(struct gcs_put *);
static void piece_ask(struct gcs_put *);

static struct env *
piece_env(const struct gcs_put *p)
{
	return p->up.cloud->base.env;
}

static int64_t
piece_end(const struct gcs_put *p)
{
	return p->part->offset + p->part->size;
}

static void
piece_done(struct gcs_put *p, const struct err *e)
{
	struct upload_part *part = p->part;
	struct err why;

	p->part = NULL;
	if (e != NULL) {
		err_copy(&why, e);
		(void)err_context(&why, "'%s'", p->up.key);
	}
	upload_part_done(&p->up, part, e == NULL ? NULL : &why);
}

static void
piece_fail(struct gcs_put *p, enum err_code code, const char *what)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, code, "store '%s': %s", p->up.cloud->base.name, what);
	piece_done(p, &e);
}

/* --- What the store says is there. */

static void
piece_moved(struct gcs_put *p, int64_t at)
{
	if (at > p->at) {
		err_clear(&p->err);
		p->tries = 0;
		p->since_ms = env_mono_ms(piece_env(p));
	}
	p->at = at;
}

/* Nothing new is there: with a pause, and not for ever. */
static void
piece_wait(struct gcs_put *p)
{
	int64_t most = WAIT_MAX_MS;
	uint64_t chance;

	if (env_mono_ms(piece_env(p)) - p->since_ms >
	    p->up.cloud->retry_for_ms) {
		if (p->err.code == ERR_NONE)
			piece_fail(p, ERR_BUSY,
			    "the session takes no more bytes");
		else
			piece_done(p, &p->err);
		return;
	}
	if (p->tries < 5)
		most = (int64_t)WAIT_MS << p->tries;
	p->tries++;
	env_random(piece_env(p), &chance, sizeof(chance));
	env_timer_start(p->timer, (int64_t)(chance % (uint64_t)(most + 1)));
}

static void
on_piece_timer(void *arg)
{
	struct gcs_put *p = arg;

	if (upload_is_stopped(&p->up))
		piece_fail(p, ERR_CANCELED, "the upload is over");
	else if (p->must_ask || p->at == piece_end(p))
		piece_ask(p);
	else
		piece_send(p);
}

/* 308: bytes up to ${stored} are there. */
static void
piece_stored(struct gcs_put *p, int64_t stored)
{
	bool has_moved = stored > p->at;

	p->must_ask = false;
	if (stored < 0 || stored > piece_end(p)) {
		piece_fail(p, ERR_PROTOCOL,
		    "the session tells of bytes that were not sent");
		return;
	}
	if (stored < p->part->offset) {
		piece_fail(p, ERR_NETWORK,
		    "the session lost what it had; the object must be sent "
		    "again");
		return;
	}
	piece_moved(p, stored);
	if (stored == piece_end(p) && !p->part->is_last)
		piece_done(p, NULL);
	else if (has_moved && stored < piece_end(p))
		piece_send(p);
	else
		piece_wait(p);
}

/* 200: it is an object now. */
static void
piece_made(struct gcs_put *p, const struct http_answer *a)
{
	struct err e = ERR_INIT;

	if (gcs_object_read(a, &p->made, &e) == -1) {
		(void)err_context(&e, "store '%s'", p->up.cloud->base.name);
		piece_done(p, &e);
		return;
	}
	p->is_made = true;
	if (!p->part->is_last)
		piece_fail(p, ERR_PROTOCOL,
		    "the session ended before its last piece");
	else
		piece_done(p, NULL);
}

static void
on_piece(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct gcs_put *p = arg;

	p->part->call = NULL;
	if (e == NULL && a->status == 308) {
		piece_stored(p, gcs_session_stored(a));
	} else if (e == NULL) {
		piece_made(p, a);
	} else if (!err_is_transient(e->code) || strcmp(code, GCS_LOST) == 0) {
		piece_done(p, e);
	} else {
		/* It may be there all the same. */
		err_copy(&p->err, e);
		p->must_ask = true;
		piece_wait(p);
	}
}

/* --- What is sent. */

/* The blocks of the part from ${at} on, the first one cut. */
static struct block **
piece_blocks(const struct upload_part *part, int64_t at, size_t *n)
{
	struct block **out = xcalloc(part->nblocks + 1, sizeof(*out));
	int64_t skip = at - part->offset;
	size_t i;

	for (*n = i = 0; i < part->nblocks; i++) {
		struct block *b = part->blocks[i], *rest;

		if (skip >= (int64_t)b->len) {
			skip -= (int64_t)b->len;
			continue;
		}
		if (skip == 0) {
			out[(*n)++] = block_ref(b);
			continue;
		}
		rest = block_new(b->len - (size_t)skip);
		rest->len = b->len - (size_t)skip;
		memcpy(rest->data, b->data + skip, rest->len);
		out[(*n)++] = rest;
		skip = 0;
	}
	return out;
}

static void
piece_send(struct gcs_put *p)
{
	struct upload_part *part = p->part;
	char range[80], hash[32] = "crc32c=";
	struct cloud_pair headers[] = { { "Content-Range", range },
		{ "X-Goog-Hash", hash } };
	struct cloud_req req = { .what = GCS_PIECE,
		.method = "PUT",
		.url = p->session,
		.headers = headers,
		.nheaders = part->is_last ? 2 : 1,
		.is_once = true };
	struct block **blocks;
	size_t n, i;
	int len;

	len = snprintf(range, sizeof(range), "bytes %lld-%lld/",
	    (long long)p->at, (long long)(piece_end(p) - 1));
	/* The digest of the whole is still being made before the last part. */
	if (part->is_last) {
		(void)snprintf(range + len, sizeof(range) - (size_t)len, "%lld",
		    (long long)piece_end(p));
		gcs_crc32c_text(p->up.crc32c, hash + strlen(hash));
	} else {
		(void)strcpy(range + len, "*");
	}
	p->was_ended = p->was_ended || part->is_last;
	blocks = piece_blocks(part, p->at, &n);
	req.blocks = blocks;
	req.nblocks = n;
	part->call = cloud_start(p->up.cloud, &req, on_piece, p);
	for (i = 0; i < n; i++)
		block_unref(blocks[i]);
	free(blocks);
}

/* With the last part's total it also ends a session that has all its bytes. */
static void
piece_ask(struct gcs_put *p)
{
	char range[48] = "bytes */*";
	struct cloud_pair header = { "Content-Range", range };
	struct cloud_req req = { .what = GCS_STATUS,
		.method = "PUT",
		.url = p->session,
		.headers = &header,
		.nheaders = 1,
		.body = "" };

	if (p->part->is_last)
		(void)snprintf(range, sizeof(range), "bytes */%lld",
		    (long long)piece_end(p));
	p->part->call = cloud_start(p->up.cloud, &req, on_piece, p);
}

void
gcs_piece(struct upload *u, struct upload_part *part)
{
	struct gcs_put *p = (struct gcs_put *)(void *)u;

	if (p->timer == NULL)
		p->timer = env_timer_new(u->cloud->base.env, on_piece_timer, p);
	p->part = part;
	p->at = part->offset;
	p->tries = 0;
	p->must_ask = false;
	p->since_ms = env_mono_ms(u->cloud->base.env);
	err_clear(&p->err);
	piece_send(p);
}
