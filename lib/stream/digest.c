/* digest.c - see filter.h. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "stream/filter.h"

struct digest {
	EVP_MD_CTX *ctx;
	int64_t size;
};

/* An implicit fetch at each use is slow: once, and never given back. */
static uv_once_t fetch_once = UV_ONCE_INIT;
static EVP_MD *sha256;

static void
digest_fetch(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	BUG_IF(sha256 == NULL);
}

struct digest *
digest_new(void)
{
	struct digest *d = xcalloc(1, sizeof(*d));

	uv_once(&fetch_once, digest_fetch);
	d->ctx = EVP_MD_CTX_new();
	BUG_IF(d->ctx == NULL);
	BUG_IF(EVP_DigestInit_ex2(d->ctx, sha256, NULL) != 1);
	return d;
}

void
digest_add(struct digest *d, const void *p, size_t n)
{
	BUG_IF(EVP_DigestUpdate(d->ctx, p, n) != 1);
	d->size += (int64_t)n;
}

int64_t
digest_size(const struct digest *d)
{
	return d->size;
}

void
digest_end(struct digest *d, char hex[STR_HEX_SHA256])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n;

	BUG_IF(EVP_DigestFinal_ex(d->ctx, md, &n) != 1);
	BUG_IF(n != (STR_HEX_SHA256 - 1) / 2);
	str_hex(md, n, hex);
}

void
digest_free(struct digest *d)
{
	if (d == NULL)
		return;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}
