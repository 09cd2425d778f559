/* s3_put.c - an object on its way in, in one request; see s3_put.h. */
#include "store/s3_put.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define MIB (INT64_C(1) << 20)
#define PART_MIN (5 * MIB)
#define PART_MAX (5 * 1024 * MIB)
/* Some stores want all parts but the last to be equal. */
#define PART_GRANULE (64 * 1024)
#define PARTS_MAX 10000

struct s3_put *
s3_put_of(struct upload *u)
{
	return (struct s3_put *)(void *)u;
}

struct s3 *
s3_put_store(const struct s3_put *p)
{
	return s3_of(p->up.cloud);
}

void
s3_headers_add(struct s3_headers *h, const char *name, const char *value)
{
	BUG_IF(h->n == COUNT_OF(h->pairs));
	h->pairs[h->n].name = name;
	h->pairs[h->n++].value = value;
}

void
s3_headers_keep(struct s3_headers *h, const struct s3_put *p)
{
	const struct s3 *s = s3_put_store(p);
	const char *class = p->up.tier != NULL ? p->up.tier : s->storage_class;

	if (class != NULL)
		s3_headers_add(h, "x-amz-storage-class", class);
	if (s->sse != NULL)
		s3_headers_add(h, "x-amz-server-side-encryption", s->sse);
	if (s->sse != NULL && s->sse_kms_key_id != NULL)
		s3_headers_add(h, "x-amz-server-side-encryption-aws-kms-key-id",
		    s->sse_kms_key_id);
}

const char *
s3_checksum_name(const struct s3 *s)
{
	switch (s->checksum) {
	case S3_CHECKSUM_CRC32C:
		return "CRC32C";
	case S3_CHECKSUM_SHA256:
		return "SHA256";
	default:
		return NULL;
	}
}

bool
s3_checksum(const struct s3 *s, const struct upload_part *part, char out[64])
{
	uint8_t crc[4];

	switch (s->checksum) {
	case S3_CHECKSUM_CRC32C:
		crc[0] = (uint8_t)(part->crc32c >> 24);
		crc[1] = (uint8_t)(part->crc32c >> 16);
		crc[2] = (uint8_t)(part->crc32c >> 8);
		crc[3] = (uint8_t)part->crc32c;
		cloud_base64(crc, sizeof(crc), out);
		return true;
	case S3_CHECKSUM_SHA256:
		cloud_base64(part->sha256, sizeof(part->sha256), out);
		return true;
	default:
		return false;
	}
}

void
s3_headers_checksum(struct s3_headers *h, const struct s3_put *p,
    const struct upload_part *part)
{
	const struct s3 *s = s3_put_store(p);

	if (s3_checksum(s, part, h->checksum))
		s3_headers_add(h,
		    s->checksum == S3_CHECKSUM_CRC32C ? "x-amz-checksum-crc32c"
						      : "x-amz-checksum-sha256",
		    h->checksum);
}

static void
on_condemned(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_put *p = arg;

	(void)a;
	(void)code;
	p->up.call = NULL;
	if (e != NULL && e->code != ERR_NOT_FOUND) {
		size_t n = strlen(p->err.msg);

		(void)snprintf(p->err.msg + n, sizeof(p->err.msg) - n,
		    "; it is still there: %.200s", e->msg);
	}
	upload_put_done(&p->up, NULL, &p->err);
}

void
s3_put_condemn(struct s3_put *p, const struct err *e)
{
	struct cloud_req req = { .what = S3_REMOVE,
		.method = "DELETE",
		.path = p->path };

	err_copy(&p->err, e);
	p->up.call = cloud_start(p->up.cloud, &req, on_condemned, p);
}

static void
put_prove(struct s3_put *p, const char *md5, const struct http_answer *a)
{
	struct store_proof *proof = &p->proof;

	memset(proof, 0, sizeof(*proof));
	proof->size = p->up.size;
	proof->is_checked = true;
	(void)snprintf(proof->kind, sizeof(proof->kind), "none");
	if (!s3_etag(a, proof->etag))
		return;
	s3_etag_bare(proof->etag);
	if (strcmp(proof->etag, md5) != 0)
		return;
	(void)snprintf(proof->kind, sizeof(proof->kind), "etag");
	(void)snprintf(proof->value, sizeof(proof->value), "%s", md5);
}

static void
on_put(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_put *p = arg;
	struct err mine = ERR_INIT;

	(void)code;
	p->up.call = NULL;
	if (e != NULL) {
		upload_put_done(&p->up, NULL, e);
		return;
	}
	put_prove(p, p->composite, a);
	if (s3_etag_is_md5(p->proof.etag) && p->proof.value[0] == '\0' &&
	    !s3_is_sealed(a)) {
		(void)err_set(&mine, ERR_CORRUPT,
		    "store '%s': '%s' arrived with MD5 %s, not %s",
		    p->up.cloud->base.name, p->up.key, p->proof.etag,
		    p->composite);
		s3_put_condemn(p, &mine);
		return;
	}
	upload_put_done(&p->up, &p->proof, NULL);
}

static void
s3_put_whole(struct upload *u, struct upload_part *part)
{
	struct s3_put *p = s3_put_of(u);
	struct s3_headers h = { .n = 0 };
	struct cloud_req req = { .what = u->if_absent ? S3_PUT_IF : S3_PUT,
		.method = "PUT",
		.path = p->path,
		.headers = h.pairs,
		.blocks = part->blocks,
		.nblocks = part->nblocks,
		.md5 = part->md5,
		.sha256 = part->sha256,
		.is_once = u->if_absent };

	s3_headers_keep(&h, p);
	s3_headers_checksum(&h, p, part);
	if (u->if_absent)
		s3_headers_add(&h, "If-None-Match", "*");
	req.nheaders = h.n;
	str_hex(part->md5, sizeof(part->md5), p->composite);
	u->call = cloud_start(u->cloud, &req, on_put, p);
}

static void
s3_put_free(struct upload *u)
{
	struct s3_put *p = s3_put_of(u);

	free(p->path);
	free(p->id);
	free(p);
}

#define S3_UPLOAD_OPS(more)                                                    \
	{                                                                      \
		.digests = UPLOAD_MD5 | UPLOAD_SHA256 | (more),                \
		.limits = { .part_min = PART_MIN,                              \
			.part_max = PART_MAX,                                  \
			.granule = PART_GRANULE,                               \
			.parts_max = PARTS_MAX },                              \
		.put = s3_put_whole, .begin = s3_put_begin,                    \
		.part = s3_put_part, .complete = s3_put_complete,              \
		.abort = s3_put_abort, .free = s3_put_free,                    \
	}

static const struct upload_ops s3_upload_ops = S3_UPLOAD_OPS(0);
static const struct upload_ops s3_upload_ops_crc32c =
    S3_UPLOAD_OPS(UPLOAD_CRC32C);

struct store_put *
s3_put_open(struct store *store, const char *key,
    const struct store_put_opt *opt, store_ready_fn *ready, void *arg,
    struct err *e)
{
	struct s3 *s = s3_of(cloud_of(store));
	struct s3_put *p = xcalloc(1, sizeof(*p));

	(void)e;
	p->path = s3_path(s, key);
	p->has_md5s = true;
	upload_init(&p->up, &s->cloud,
	    s->checksum == S3_CHECKSUM_CRC32C ? &s3_upload_ops_crc32c
					      : &s3_upload_ops,
	    key, opt, ready, arg);
	return (struct store_put *)(void *)p;
}
