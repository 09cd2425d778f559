/*
 * gcs_put.c - see gcs.h: an object in one request, or as a session.
 *
 * What ends within its first part is one request that also says what the bytes'
 * checksum is: the store refuses what differs.  A session is told its checksum
 * with its last piece, by a header; its answer is compared here as well.  What
 * the store then holds and should not is removed again, just that generation.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/gcs.h"

/* Up to here MD5 costs the loop nothing that counts. */
#define MD5_MAX ((int64_t)256 * 1024)

/* --- What a request in two parts is made of. */

static struct block *
block_of(const struct buf *text)
{
	struct block *b = block_new(text->len);

	memcpy(b->data, text->data, text->len);
	b->len = text->len;
	return b;
}

void
gcs_body_init(struct gcs_body *body, struct env *env, const json_t *meta,
    struct block *const *blocks, size_t n)
{
	struct buf head = BUF_INIT, tail = BUF_INIT;
	char mark[ENV_UUID_SIZE], *text = json_print(meta);
	size_t i;

	env_uuid(env, mark);
	(void)snprintf(body->type, sizeof(body->type),
	    "multipart/related; boundary=\"%s\"", mark);
	buf_addf(&head,
	    "--%s\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n",
	    mark);
	buf_adds(&head, text);
	buf_addf(&head,
	    "\r\n--%s\r\nContent-Type: application/octet-stream\r\n\r\n", mark);
	buf_addf(&tail, "\r\n--%s--\r\n", mark);
	body->blocks = xcalloc(n + 2, sizeof(struct block *));
	body->blocks[0] = block_of(&head);
	for (i = 0; i < n; i++)
		body->blocks[i + 1] = block_ref(blocks[i]);
	body->blocks[n + 1] = block_of(&tail);
	body->nblocks = n + 2;
	buf_done(&head);
	buf_done(&tail);
	free(text);
}

void
gcs_body_done(struct gcs_body *body)
{
	size_t i;

	for (i = 0; i < body->nblocks; i++)
		block_unref(body->blocks[i]);
	free(body->blocks);
	body->blocks = NULL;
	body->nblocks = 0;
}

static struct gcs_put *
put_of(struct upload *u)
{
	return (struct gcs_put *)(void *)u;
}

/* --- The end. */

static void
put_proven(struct gcs_put *p)
{
	struct upload *u = &p->up;
	struct store_proof proof = { .size = u->size, .is_checked = true };

	(void)strcpy(proof.kind, "crc32c");
	(void)strcpy(proof.value, p->made.crc32c);
	(void)strcpy(proof.etag, p->made.generation);
	upload_put_done(u, &proof, NULL);
}

static void
on_spoilt_removed(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct gcs_put *p = arg;
	size_t n = strlen(p->err.msg);

	(void)a;
	(void)code;
	p->up.call = NULL;
	if (e != NULL && e->code != ERR_NOT_FOUND)
		(void)snprintf(p->err.msg + n, sizeof(p->err.msg) - n,
		    "; and it could not be removed: %s", e->msg);
	upload_put_done(&p->up, NULL, &p->err);
}

/* What is there is not what was sent.  Without its generation it may be another
 * writer's. */
static void
put_spoilt(struct gcs_put *p)
{
	struct upload *u = &p->up;

	(void)err_context(&p->err, "store '%s': '%s'", u->cloud->base.name,
	    u->key);
	if (p->made.generation[0] == '\0') {
		upload_put_done(u, NULL, &p->err);
		return;
	}
	u->call = gcs_remove_generation(gcs_of(u->cloud), u->key,
	    p->made.generation, on_spoilt_removed, p);
}

/* --- In one request. */

static bool
put_md5(const struct upload_part *part, uint8_t md5[16])
{
	EVP_MD_CTX *ctx;
	bool is_good;
	size_t i;

	if (part->size > MD5_MAX || (ctx = EVP_MD_CTX_new()) == NULL)
		return false;
	is_good = EVP_DigestInit_ex(ctx, EVP_md5(), NULL) == 1;
	for (i = 0; is_good && i < part->nblocks; i++)
		is_good = EVP_DigestUpdate(ctx, part->blocks[i]->data,
			      part->blocks[i]->len) == 1;
	is_good = is_good && EVP_DigestFinal_ex(ctx, md5, NULL) == 1;
	EVP_MD_CTX_free(ctx);
	return is_good;
}

static void
on_put(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct gcs_put *p = arg;
	struct upload *u = &p->up;
	uint8_t md5[16];
	bool has_md5 = put_md5(p->part, md5);
	struct err why = ERR_INIT;

	(void)code;
	u->call = NULL;
	if (e != NULL) {
		err_copy(&why, e);
		(void)err_context(&why, "'%s'", u->key);
		upload_put_done(u, NULL, &why);
		return;
	}
	err_clear(&p->err);
	if (gcs_object_read(a, &p->made, &p->err) == -1 ||
	    gcs_object_check(&p->made, u->size, u->crc32c, has_md5 ? md5 : NULL,
		&p->err) == -1)
		put_spoilt(p);
	else
		put_proven(p);
}

static json_t *
put_meta(struct upload *u, const struct upload_part *part)
{
	json_t *meta = gcs_meta(gcs_of(u->cloud), u->key, u->tier);
	char text[32];
	uint8_t md5[16];

	gcs_crc32c_text(u->crc32c, text);
	json_put_str(meta, "crc32c", text);
	if (put_md5(part, md5)) {
		cloud_base64(md5, sizeof(md5), text);
		json_put_str(meta, "md5Hash", text);
	}
	return meta;
}

static void
gcs_put_single(struct upload *u, struct upload_part *part)
{
	static const struct cloud_pair query[] = { { "uploadType",
						       "multipart" },
		{ "fields", GCS_FIELDS }, { "ifGenerationMatch", "0" } };
	struct gcs *g = gcs_of(u->cloud);
	char *path = gcs_upload_path(g);
	json_t *meta = put_meta(u, part);
	struct cloud_pair header = { "Content-Type", NULL };
	struct gcs_body body;
	struct cloud_req req = { .what = GCS_PUT,
		.method = "POST",
		.path = path,
		.query = query,
		.nquery = u->if_absent ? 3 : 2,
		.headers = &header,
		.nheaders = 1,
		.is_once = u->if_absent };

	gcs_body_init(&body, u->cloud->base.env, meta, part->blocks,
	    part->nblocks);
	header.value = body.type;
	req.blocks = body.blocks;
	req.nblocks = body.nblocks;
	put_of(u)->part = part;
	u->call = cloud_start(u->cloud, &req, on_put, put_of(u));
	gcs_body_done(&body);
	json_decref(meta);
	free(path);
}

/* --- As a session. */

static void
on_begun(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct gcs_put *p = arg;
	struct err why = ERR_INIT;

	(void)code;
	p->up.call = NULL;
	if (e == NULL) {
		p->session = gcs_session_uri(gcs_of(p->up.cloud), a, &why);
		e = p->session == NULL ? &why : NULL;
	}
	upload_begun(&p->up, e);
}

static void
gcs_put_begin(struct upload *u)
{
	static const struct cloud_pair query[] = {
		{ "uploadType", "resumable" }, { "fields", GCS_FIELDS }
	};
	static const struct cloud_pair headers[] = {
		{ "Content-Type", "application/json; charset=UTF-8" },
		{ "X-Upload-Content-Type", "application/octet-stream" }
	};
	struct gcs *g = gcs_of(u->cloud);
	char *path = gcs_upload_path(g);
	json_t *meta = gcs_meta(g, u->key, u->tier);
	char *text = json_print(meta);
	struct cloud_req req = { .what = GCS_BEGIN,
		.method = "POST",
		.path = path,
		.query = query,
		.nquery = COUNT_OF(query),
		.headers = headers,
		.nheaders = COUNT_OF(headers),
		.body = text,
		.body_len = strlen(text) };

	u->call = cloud_start(u->cloud, &req, on_begun, put_of(u));
	free(text);
	json_decref(meta);
	free(path);
}

static void
on_complete(void *arg)
{
	struct gcs_put *p = arg;
	struct upload *u = &p->up;

	err_clear(&p->err);
	if (gcs_object_check(&p->made, u->size, u->crc32c, NULL, &p->err) == -1)
		put_spoilt(p);
	else
		put_proven(p);
}

/* The last piece made it an object already. */
static void
gcs_put_complete(struct upload *u, const struct upload_part *parts, size_t n)
{
	BUG_IF(!put_of(u)->is_made);
	(void)parts;
	(void)n;
	(void)defer_call(u->cloud->base.env->loop, on_complete, u);
}

static void
gcs_put_free(struct upload *u)
{
	struct gcs_put *p = put_of(u);

	if (p->session != NULL)
		OPENSSL_cleanse(p->session, strlen(p->session));
	free(p->session);
	env_timer_free(p->timer);
	free(p);
}

/* Any size will do for a piece; what is large is sent again at a cost. */
static const struct upload_ops gcs_upload = {
	.digests = UPLOAD_CRC32C,
	.not_of_parts = UPLOAD_CRC32C,
	.is_sequential = true,
	.limits = { .part_min = (int64_t)256 << 10,
	    .part_max = (int64_t)1 << 30,
	    .granule = (int64_t)256 << 10 },
	.put = gcs_put_single,
	.begin = gcs_put_begin,
	.part = gcs_piece,
	.complete = gcs_put_complete,
	.abort = gcs_session_abort,
	.free = gcs_put_free,
};

struct store_put *
gcs_put_open(struct store *s, const char *key, const struct store_put_opt *opt,
    store_ready_fn *ready, void *arg, struct err *e)
{
	struct gcs_put *p;

	if (store_key_check(key, e) == -1)
		return NULL;
	p = xcalloc(1, sizeof(*p));
	upload_init(&p->up, cloud_of(s), &gcs_upload, key, opt, ready, arg);
	return (struct store_put *)(void *)p;
}
