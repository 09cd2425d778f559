/* upload_digest.c - digests of each part and of the whole, on the pool. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "store/upload_int.h"

struct upload_digest {
	unsigned of_parts, of_whole;
	EVP_MD_CTX *part_md5, *part_sha256;
	EVP_MD_CTX *md5, *sha256; /* Of the whole. */
	uint32_t crc32c;
};

/* An implicit fetch at each use is slow: once, and never given back. */
static uv_once_t fetch_once = UV_ONCE_INIT;
static EVP_MD *type_md5, *type_sha256;

static void
digest_fetch(void)
{
	type_md5 = EVP_MD_fetch(NULL, "MD5", NULL);
	type_sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static EVP_MD_CTX *
digest_begin(EVP_MD_CTX *ctx, const EVP_MD *type)
{
	if (ctx == NULL)
		ctx = EVP_MD_CTX_new();
	BUG_IF(type == NULL || ctx == NULL);
	BUG_IF(EVP_DigestInit_ex2(ctx, type, NULL) != 1);
	return ctx;
}

struct upload_digest *
upload_digest_new(const struct upload_ops *ops)
{
	struct upload_digest *d = xcalloc(1, sizeof(*d));

	uv_once(&fetch_once, digest_fetch);
	d->of_parts = ops->digests & ~ops->not_of_parts;
	d->of_whole = ops->digests & ~ops->not_of_whole;
	if ((d->of_whole & UPLOAD_MD5) != 0)
		d->md5 = digest_begin(NULL, type_md5);
	if ((d->of_whole & UPLOAD_SHA256) != 0)
		d->sha256 = digest_begin(NULL, type_sha256);
	return d;
}

void
upload_digest_free(struct upload_digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->part_md5);
	EVP_MD_CTX_free(d->part_sha256);
	EVP_MD_CTX_free(d->md5);
	EVP_MD_CTX_free(d->sha256);
	free(d);
}

static void
digest_add(EVP_MD_CTX *ctx, const struct block *b)
{
	if (ctx != NULL)
		BUG_IF(EVP_DigestUpdate(ctx, b->data, b->len) != 1);
}

static void
digest_end(EVP_MD_CTX *ctx, uint8_t *out)
{
	if (ctx != NULL)
		BUG_IF(EVP_DigestFinal_ex(ctx, out, NULL) != 1);
}

/* The only part is the whole: once is enough. */
static void
digest_single(struct upload_digest *d, struct upload *u, struct upload_part *p,
    atomic_bool *is_given_up)
{
	unsigned all = d->of_parts | d->of_whole;
	size_t i;

	if ((all & UPLOAD_MD5) != 0)
		d->part_md5 = digest_begin(d->part_md5, type_md5);
	if ((all & UPLOAD_SHA256) != 0)
		d->part_sha256 = digest_begin(d->part_sha256, type_sha256);
	for (i = 0; i < p->nblocks && !atomic_load(is_given_up); i++) {
		digest_add(d->part_md5, p->blocks[i]);
		digest_add(d->part_sha256, p->blocks[i]);
		if ((all & UPLOAD_CRC32C) != 0)
			p->crc32c = upload_crc32c(p->crc32c, p->blocks[i]->data,
			    p->blocks[i]->len);
	}
	digest_end(d->part_md5, p->md5);
	digest_end(d->part_sha256, p->sha256);
	memcpy(u->md5, p->md5, sizeof(u->md5));
	memcpy(u->sha256, p->sha256, sizeof(u->sha256));
	u->crc32c = p->crc32c;
}

static void
digest_block(struct upload_digest *d, struct upload_part *p,
    const struct block *b)
{
	digest_add(d->part_md5, b);
	digest_add(d->part_sha256, b);
	digest_add(d->md5, b);
	digest_add(d->sha256, b);
	if ((d->of_parts & UPLOAD_CRC32C) != 0)
		p->crc32c = upload_crc32c(p->crc32c, b->data, b->len);
	if ((d->of_whole & UPLOAD_CRC32C) != 0)
		d->crc32c = upload_crc32c(d->crc32c, b->data, b->len);
}

void
upload_digest_part(struct upload_digest *d, struct upload *u,
    struct upload_part *p, atomic_bool *is_given_up)
{
	size_t i;

	if (p->number == 1 && p->is_last) {
		digest_single(d, u, p, is_given_up);
		return;
	}
	if ((d->of_parts & UPLOAD_MD5) != 0)
		d->part_md5 = digest_begin(d->part_md5, type_md5);
	if ((d->of_parts & UPLOAD_SHA256) != 0)
		d->part_sha256 = digest_begin(d->part_sha256, type_sha256);
	for (i = 0; i < p->nblocks && !atomic_load(is_given_up); i++)
		digest_block(d, p, p->blocks[i]);
	digest_end(d->part_md5, p->md5);
	digest_end(d->part_sha256, p->sha256);
	if (!p->is_last)
		return;
	digest_end(d->md5, u->md5);
	digest_end(d->sha256, u->sha256);
	u->crc32c = d->crc32c;
}
