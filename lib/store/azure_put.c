/*
 * azure_put.c - see azure.h: one object up.
 *
 * What fits into one request is a Put Blob, whose MD5 the service checks and
 * keeps.  What does not is staged in blocks, each with its MD5, and becomes a
 * blob by the list of their ids (azure_commit.c).  The ids hold what no other
 * upload's hold: two writers on one name never mix their blocks.
 */
#include "store/azure_put.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "base/str.h"

#define MIB ((int64_t)1024 * 1024)
/* Before base64: mark, second, salt, number; a multiple of three bytes. */
#define ID_MARK "rb1"
#define ID_RAW 30

void
azure_block_id(const char salt[AZURE_BLOCK_SALT + 1], int64_t now_ms,
    unsigned number, char out[AZURE_BLOCK_ID_MAX])
{
	char raw[ID_RAW + 16];
	int n = snprintf(raw, sizeof(raw), ID_MARK "%08llx%.*s%05u",
	    (unsigned long long)(now_ms / 1000) & 0xffffffff, AZURE_BLOCK_SALT,
	    salt, number);

	BUG_IF(n != ID_RAW);
	cloud_base64(raw, ID_RAW, out);
}

int
azure_block_time(const char *id, int64_t *ms)
{
	char raw[ID_RAW + 16], hex[9], *end;

	if (cloud_base64_decode(id, raw, sizeof(raw)) != ID_RAW ||
	    memcmp(raw, ID_MARK, 3) != 0)
		return -1;
	memcpy(hex, raw + 3, 8);
	hex[8] = '\0';
	*ms = (int64_t)strtoll(hex, &end, 16) * 1000;
	return end == hex + 8 ? 0 : -1;
}

struct azure_put *
azure_put_of(struct upload *u)
{
	return CONTAINER_OF(u, struct azure_put, up);
}

size_t
azure_put_headers(struct azure_put *p, char md5[32],
    struct cloud_pair out[AZURE_PUT_HEADERS])
{
	const struct azure *az = azure_of(p->up.cloud);
	const char *tier = p->up.tier != NULL ? p->up.tier : az->tier;
	size_t n = 0;

	cloud_base64(p->up.md5, sizeof(p->up.md5), md5);
	out[n++] = (struct cloud_pair){ "x-ms-blob-content-md5", md5 };
	out[n++] = (struct cloud_pair){ AZURE_META, p->run };
	if (tier != NULL)
		out[n++] = (struct cloud_pair){ "x-ms-access-tier", tier };
	if (p->up.if_absent)
		out[n++] = (struct cloud_pair){ "If-None-Match", "*" };
	return n;
}

/* The service tells what it computed: trust, but compare. */
static int
put_check_md5(const struct http_answer *a, const uint8_t md5[16], struct err *e)
{
	char theirs[33], ours[33];

	str_hex(md5, 16, ours);
	if (azure_md5(a, theirs) && strcmp(theirs, ours) != 0)
		return err_set(e, ERR_CORRUPT,
		    "the store has MD5 %s of it, not %s", theirs, ours);
	return 0;
}

static void
on_put_answer(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct upload *u = arg;
	struct store_proof proof = { .size = u->size, .is_checked = true };
	struct err fault = ERR_INIT;

	(void)code;
	u->call = NULL;
	if (e == NULL && put_check_md5(a, u->md5, &fault) == -1)
		e = &fault;
	if (e != NULL) {
		upload_put_done(u, NULL, e);
		return;
	}
	(void)snprintf(proof.kind, sizeof(proof.kind), "md5");
	str_hex(u->md5, sizeof(u->md5), proof.value);
	azure_etag(a, proof.etag, sizeof(proof.etag));
	upload_put_done(u, &proof, NULL);
}

static void
azure_put_blob(struct upload *u, struct upload_part *part)
{
	struct azure_put *p = azure_put_of(u);
	struct cloud_pair headers[AZURE_PUT_HEADERS + 1];
	struct cloud_req req = { .what = AZURE_PUT,
		.method = "PUT",
		.path = p->path,
		.headers = headers,
		.body = part->nblocks == 0 ? "" : NULL,
		.blocks = part->blocks,
		.nblocks = part->nblocks,
		.md5 = part->md5,
		.is_once = u->if_absent };
	char md5[32];

	req.nheaders = azure_put_headers(p, md5, headers);
	headers[req.nheaders++] = (struct cloud_pair){ "x-ms-blob-type",
		"BlockBlob" };
	u->call = cloud_start(u->cloud, &req, on_put_answer, u);
}

/* --- Blocks. */

static void
on_put_begun(void *arg)
{
	struct azure_put *p = arg;

	p->begun = NULL;
	upload_begun(&p->up, NULL);
}

/* There is no call that begins an upload: the first block does. */
static void
azure_put_begin(struct upload *u)
{
	struct azure_put *p = azure_put_of(u);

	p->begun = defer_call(u->cloud->base.env->loop, on_put_begun, p);
}

static void
on_block_answer(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct upload_part *part = arg;
	struct azure_put *p = azure_put_of(part->upload);
	struct err fault = ERR_INIT;

	(void)code;
	part->call = NULL;
	if (e == NULL)
		p->has_blocks = true;
	else
		p->has_refused = true;
	if (e == NULL && put_check_md5(a, part->md5, &fault) == -1)
		e = &fault;
	upload_part_done(part->upload, part, e);
}

static void
azure_put_block(struct upload *u, struct upload_part *part)
{
	struct azure_put *p = azure_put_of(u);
	const struct cloud *c = u->cloud;
	struct cloud_pair query[] = { { "comp", "block" },
		{ "blockid", part->etag } };
	struct cloud_req req = { .what = AZURE_BLOCK,
		.method = "PUT",
		.path = p->path,
		.query = query,
		.nquery = COUNT_OF(query),
		.blocks = part->blocks,
		.nblocks = part->nblocks,
		.md5 = part->md5 };

	azure_block_id(p->salt, env_wall_ms(c->base.env) + c->clock_ahead_ms,
	    part->number, part->etag);
	part->call = cloud_start(u->cloud, &req, on_block_answer, part);
}

static void
on_put_unstaged(void *arg, const struct err *e)
{
	struct azure_put *p = arg;

	(void)e; /* What stays goes by itself, within a week. */
	p->unstage = NULL;
	upload_aborted(&p->up);
}

/* Blocks that are still on their way may stay: until a sweep, or for a week. */
static void
azure_put_abort(struct upload *u)
{
	struct azure_put *p = azure_put_of(u);

	p->unstage = azure_unstage(azure_of(u->cloud), p->path, p->run,
	    !p->has_blocks && p->has_refused, on_put_unstaged, p);
}

static void
azure_put_free(struct upload *u)
{
	struct azure_put *p = azure_put_of(u);

	BUG_IF(p->begun != NULL || p->unstage != NULL);
	env_timer_free(p->timer);
	free(p->path);
	free(p);
}

static const struct upload_ops put_ops = {
	.digests = UPLOAD_MD5,
	.limits = { .part_min = 64 * 1024,
	    .part_max = 4000 * MIB,
	    .parts_max = 50000 },
	.put = azure_put_blob,
	.begin = azure_put_begin,
	.part = azure_put_block,
	.complete = azure_commit,
	.abort = azure_put_abort,
	.free = azure_put_free,
};

struct store_put *
azure_put_open(struct store *s, const char *key,
    const struct store_put_opt *opt, store_ready_fn *ready, void *arg,
    struct err *e)
{
	struct cloud *c = cloud_of(s);
	struct azure_put *p;
	uint8_t random[AZURE_BLOCK_SALT / 2];

	if (store_key_check(key, e) == -1)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	p->path = azure_path(c, key);
	env_uuid(s->env, p->run);
	env_random(s->env, random, sizeof(random));
	str_hex(random, sizeof(random), p->salt);
	upload_init(&p->up, c, &put_ops, key, opt, ready, arg);
	return (struct store_put *)(void *)&p->up.base;
}
