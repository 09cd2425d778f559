/* chain.c - see chain.h. */
#include "stream/chain.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stream/filter.h"

struct chain {
	struct gunzip *gunzip; /* Those not asked for are NULL. */
	struct tarscan *tar;
	struct datacheck *check;
	struct gzip *gzip;
	struct digest *plain;
	struct digest *stored; /* NULL: plain is what is stored. */
	struct blockq *out;    /* While a call is under way. */
	int64_t stored_size;
	char plain_sha256[STR_HEX_SHA256];
	char stored_sha256[STR_HEX_SHA256];
};

static int
chain_plain(void *arg, const void *p, size_t n, struct err *e)
{
	struct chain *c = arg;

	digest_add(c->plain, p, n);
	return c->tar == NULL ? 0 : tarscan_write(c->tar, p, n, e);
}

/* Takes ${b} over. */
static void
chain_stored(void *arg, struct block *b)
{
	struct chain *c = arg;

	if (c->stored != NULL)
		digest_add(c->stored, b->data, b->len);
	c->stored_size += (int64_t)b->len;
	blockq_add(c->out, b);
}

static void
chain_new_tar(struct chain *c, bool has_data_checks)
{
	struct tarscan_hooks hooks;

	if (!has_data_checks) {
		c->tar = tarscan_new(NULL);
		return;
	}
	c->check = datacheck_new();
	datacheck_hooks(c->check, &hooks);
	c->tar = tarscan_new(&hooks);
}

struct chain *
chain_new(const struct stream_opt *opt)
{
	struct chain *c = xcalloc(1, sizeof(*c));

	BUG_IF(opt->is_compressed_here && opt->is_gzip_plain);
	c->plain = digest_new();
	if (opt->is_compressed_here || opt->is_gzip_plain)
		c->stored = digest_new();
	if (opt->is_tar)
		chain_new_tar(c, opt->has_data_checks);
	if (opt->is_compressed_here)
		c->gzip = gzip_new(opt->level, chain_stored, c);
	if (opt->is_gzip_plain)
		c->gunzip = gunzip_new(chain_plain, c);
	return c;
}

int
chain_write(struct chain *c, struct block *b, struct blockq *out, struct err *e)
{
	int rc;

	c->out = out;
	if (c->gunzip != NULL)
		rc = gunzip_write(c->gunzip, b->data, b->len, e);
	else
		rc = chain_plain(c, b->data, b->len, e);
	if (rc == -1)
		return -1;
	if (c->gzip != NULL)
		return gzip_write(c->gzip, b->data, b->len, e);
	chain_stored(c, block_ref(b));
	return 0;
}

int
chain_end(struct chain *c, struct blockq *out, struct err *e)
{
	c->out = out;
	if (c->gunzip != NULL && gunzip_end(c->gunzip, e) == -1)
		return -1;
	if (c->tar != NULL && tarscan_end(c->tar, e) == -1)
		return -1;
	if (c->gzip != NULL && gzip_end(c->gzip, e) == -1)
		return -1;
	digest_end(c->plain, c->plain_sha256);
	if (c->stored != NULL)
		digest_end(c->stored, c->stored_sha256);
	else
		memcpy(c->stored_sha256, c->plain_sha256,
		    sizeof(c->stored_sha256));
	return 0;
}

void
chain_progress(const struct chain *c, struct stream_progress *p)
{
	p->bytes_read = digest_size(c->plain);
	p->bytes_stored = c->stored_size;
}

void
chain_result(const struct chain *c, struct stream_result *r)
{
	r->plain_size = digest_size(c->plain);
	r->size = c->stored_size;
	memcpy(r->plain_sha256, c->plain_sha256, sizeof(r->plain_sha256));
	memcpy(r->sha256, c->stored_sha256, sizeof(r->sha256));
	if (c->tar != NULL)
		r->entries = tarscan_entries(c->tar);
	if (c->check != NULL)
		datacheck_result(c->check, &r->check, &r->checked,
		    &r->malformed);
}

void
chain_free(struct chain *c)
{
	if (c == NULL)
		return;
	gunzip_free(c->gunzip);
	tarscan_free(c->tar);
	datacheck_free(c->check);
	gzip_free(c->gzip);
	digest_free(c->plain);
	digest_free(c->stored);
	free(c);
}
