/*
 * azure_commit.c - see azure_put.h: blocks become a blob.
 *
 *	send --201--> verify --same blocks--> proof
 *	  |  \--no answer, or refused--> look --ours--> verify
 *	  +------ after a while ----------+ not ours: send again, or give up
 *
 * The list of blocks may be taken and the answer lost: only the blob's own
 * metadata tells.  The list names uncommitted blocks only, so that one that
 * arrives late cannot take effect twice.
 */
#include "store/azure_put.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/xml.h"

/* The service may work on a long list in silence. */
#define COMMIT_SILENCE_MS ((int64_t)5 * 60 * 1000)
#define WAIT_MS 500
#define WAIT_MAX_MS 30000
/* Of the answer for each block: its name, its size and their tags. */
#define BLOCK_TEXT 256

static void commit_send(struct azure_put *);
static void commit_verify(struct azure_put *);

static void
commit_fail(struct azure_put *p, const struct err *e)
{
	struct err copy;

	err_copy(&copy, e);
	upload_put_done(&p->up, NULL, &copy);
}

/* --- The blocks that the blob is made of. */

int
azure_blocks_check(const char *answer, size_t len,
    const struct upload_part *parts, size_t n, struct err *e)
{
	struct xml *x = xml_parse(answer, len, e);
	const struct xml *b;
	int64_t size;
	size_t i = 0;

	if (x == NULL)
		return -1;
	b = xml_find(xml_find(x, "CommittedBlocks"), "Block");
	for (; b != NULL && i < n; b = xml_next(b), i++)
		if (strcmp(xml_text(b, "Name", ""), parts[i].etag) != 0 ||
		    str_parse_i64(xml_text(b, "Size", ""), &size) == -1 ||
		    size != parts[i].size)
			break;
	xml_free(x);
	if (b != NULL || i < n)
		return err_set(e, ERR_CORRUPT,
		    "the store's list of blocks is not the one that was "
		    "sent (block %zu of %zu)",
		    i + 1, n);
	return 0;
}

static int
verify_take(struct azure_put *p, const struct http_answer *a, struct err *e)
{
	char etag[132];

	azure_etag(a, etag, sizeof(etag));
	if (strcmp(etag, p->etag) != 0)
		return err_set(e, ERR_CONFLICT,
		    "'%s' was replaced by somebody else", p->up.key);
	return azure_blocks_check(a->body, a->body_len, p->parts, p->nparts, e);
}

static void
on_verify_answer(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct azure_put *p = arg;
	struct store_proof proof = { .size = p->up.size, .is_checked = true };
	struct err fault = ERR_INIT;

	(void)code;
	p->up.call = NULL;
	if (e != NULL) {
		commit_fail(p, e);
		return;
	}
	if (verify_take(p, a, &fault) == -1) {
		commit_fail(p, &fault);
		return;
	}
	/* The service keeps the MD5 that it was told of the whole; it checked
	 * only those of the blocks. */
	(void)snprintf(proof.kind, sizeof(proof.kind), "none");
	(void)snprintf(proof.etag, sizeof(proof.etag), "%s", p->etag);
	upload_put_done(&p->up, &proof, NULL);
}

static void
commit_verify(struct azure_put *p)
{
	static const struct cloud_pair query[] = { { "comp", "blocklist" },
		{ "blocklisttype", "committed" } };
	struct cloud_req req = { .what = AZURE_BLOCKS,
		.method = "GET",
		.path = p->path,
		.query = query,
		.nquery = COUNT_OF(query),
		.answer_max = 65536 + p->nparts * BLOCK_TEXT };

	p->up.call = cloud_start(p->up.cloud, &req, on_verify_answer, p);
}

/* --- Was it taken? */

static void
on_commit_timer(void *arg)
{
	commit_send(arg);
}

/* Not ours: again, if that can help and there is time. */
static void
commit_again(struct azure_put *p)
{
	struct cloud *c = p->up.cloud;
	int64_t now = env_mono_ms(c->base.env);
	unsigned shift = p->attempts < 7 ? p->attempts - 1 : 6;
	int64_t wait = (int64_t)WAIT_MS << shift;

	if (wait > WAIT_MAX_MS)
		wait = WAIT_MAX_MS;
	if (!err_is_transient(p->err.code) ||
	    now + wait - p->since_ms > c->retry_for_ms) {
		commit_fail(p, &p->err);
		return;
	}
	if (p->timer == NULL)
		p->timer = env_timer_new(c->base.env, on_commit_timer, p);
	env_timer_start(p->timer, wait);
}

static void
on_look_answer(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct azure_put *p = arg;
	char run[64] = "";

	(void)code;
	p->up.call = NULL;
	if (e != NULL && e->code != ERR_NOT_FOUND) {
		(void)err_context(&p->err,
		    "whether '%s' was written is not known", p->up.key);
		commit_fail(p, &p->err);
		return;
	}
	if (e == NULL && http_header(a, AZURE_META, run, sizeof(run)) &&
	    strcmp(run, p->run) == 0) {
		azure_etag(a, p->etag, sizeof(p->etag));
		commit_verify(p);
		return;
	}
	commit_again(p);
}

static void
commit_look(struct azure_put *p)
{
	struct cloud_req req = { .what = AZURE_HEAD,
		.method = "HEAD",
		.path = p->path };

	p->up.call = cloud_start(p->up.cloud, &req, on_look_answer, p);
}

/* --- Sending. */

static void
on_commit_answer(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct azure_put *p = arg;

	(void)code;
	p->up.call = NULL;
	if (e == NULL) {
		azure_etag(a, p->etag, sizeof(p->etag));
		commit_verify(p);
		return;
	}
	err_copy(&p->err, e);
	if (p->since_ms == 0)
		p->since_ms = env_mono_ms(p->up.cloud->base.env);
	if (e->code == ERR_AUTH || e->code == ERR_PERMISSION ||
	    e->code == ERR_CONFIG)
		commit_fail(p, &p->err);
	else
		commit_look(p);
}

static void
commit_list(const struct azure_put *p, struct buf *out)
{
	size_t i;

	buf_adds(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
	for (i = 0; i < p->nparts; i++)
		buf_addf(out, "<Uncommitted>%s</Uncommitted>",
		    p->parts[i].etag);
	buf_adds(out, "</BlockList>");
}

static void
commit_send(struct azure_put *p)
{
	static const struct cloud_pair query[] = { { "comp", "blocklist" } };
	struct cloud_pair headers[AZURE_PUT_HEADERS];
	struct buf body = BUF_INIT;
	struct cloud_req req = { .what = AZURE_COMMIT,
		.method = "PUT",
		.path = p->path,
		.query = query,
		.nquery = COUNT_OF(query),
		.headers = headers,
		.silence_ms = COMMIT_SILENCE_MS,
		.is_once = true };
	char md5[32];

	p->attempts++;
	commit_list(p, &body);
	req.body = buf_str(&body);
	req.body_len = body.len;
	req.nheaders = azure_put_headers(p, md5, headers);
	p->up.call = cloud_start(p->up.cloud, &req, on_commit_answer, p);
	buf_done(&body);
}

void
azure_commit(struct upload *u, const struct upload_part *parts, size_t n)
{
	struct azure_put *p = azure_put_of(u);

	p->parts = parts;
	p->nparts = n;
	commit_send(p);
}
