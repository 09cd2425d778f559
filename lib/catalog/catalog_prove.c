/*
 * catalog_prove.c - what the store holds is what was sent: by the store's own
 * SHA-256 where it has one, else by reading it back, hashed off the loop.
 */
#include <openssl/evp.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/work.h"
#include "catalog/catalog.h"

struct prove_file {
	char *key;
	int64_t size;
	char sha256[STR_HEX_SHA256];
	struct store_proof proof;
};

struct catalog_prove {
	struct store *store;
	struct prove_file *files;
	size_t n;
	size_t at;
	int64_t bytes; /* Of all files so far. */
	int64_t file_bytes;
	struct reader *reader;
	struct block *block;
	struct work_pool *pool;
	struct work work;
	EVP_MD_CTX *md;
	bool is_asked;    /* store_stat() has yet to answer. */
	bool is_canceled; /* What is under way ends it. */
	catalog_progress_fn *progress;
	catalog_done_fn *fn;
	void *arg;
};

static void
prove_free(struct catalog_prove *p)
{
	size_t i;

	reader_close(p->reader);
	work_pool_free(p->pool);
	EVP_MD_CTX_free(p->md);
	for (i = 0; i < p->n; i++)
		free(p->files[i].key);
	free(p->files);
	free(p);
}

static void
prove_answer(struct catalog_prove *p, const struct err *e)
{
	catalog_done_fn *fn = p->fn;
	void *arg = p->arg;
	struct err copy;

	err_copy(&copy, e);
	prove_free(p);
	fn(arg, copy.code == ERR_NONE ? NULL : &copy);
}

static void
prove_fail(struct catalog_prove *p, const char *what)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, ERR_CORRUPT, "'%s' in store '%s': %s",
	    p->files[p->at].key, store_name(p->store), what);
	prove_answer(p, &e);
}

static void prove_next(struct catalog_prove *);
static void on_prove_read(void *, struct block *, const struct err *);

static void
prove_file_end(struct catalog_prove *p)
{
	const struct prove_file *f = &p->files[p->at];
	uint8_t raw[32];
	char hex[STR_HEX_SHA256];
	unsigned n = 0;

	reader_close(p->reader);
	p->reader = NULL;
	BUG_IF(EVP_DigestFinal_ex(p->md, raw, &n) != 1 || n != sizeof(raw));
	str_hex(raw, sizeof(raw), hex);
	if (p->file_bytes != f->size) {
		prove_fail(p, "its size is not what was sent");
	} else if (strcmp(hex, f->sha256) != 0) {
		prove_fail(p, "its SHA-256 is not what was sent");
	} else {
		p->at++;
		prove_next(p);
	}
}

static void
on_hash_run(void *arg)
{
	struct catalog_prove *p = arg;

	BUG_IF(EVP_DigestUpdate(p->md, p->block->data, p->block->len) != 1);
}

static void
on_hash_done(void *arg)
{
	struct catalog_prove *p = arg;
	int64_t len = (int64_t)p->block->len;

	block_unref(p->block);
	p->block = NULL;
	if (p->is_canceled) {
		prove_free(p);
		return;
	}
	p->file_bytes += len;
	p->bytes += len;
	if (p->progress != NULL)
		p->progress(p->arg, p->bytes);
	if (p->file_bytes > p->files[p->at].size)
		prove_fail(p, "it is longer than what was sent");
	else
		reader_read(p->reader, on_prove_read, p);
}

static void
on_prove_read(void *arg, struct block *b, const struct err *e)
{
	struct catalog_prove *p = arg;
	struct err copy;

	if (e != NULL) {
		err_copy(&copy, e);
		(void)err_context(&copy, "prove '%s' in store '%s'",
		    p->files[p->at].key, store_name(p->store));
		/* What was sent and is not there is damage. */
		if (copy.code == ERR_NOT_FOUND)
			copy.code = ERR_CORRUPT;
		prove_answer(p, &copy);
	} else if (b == NULL) {
		prove_file_end(p);
	} else {
		p->block = b;
		work_submit(p->pool, &p->work, on_hash_run, on_hash_done, p);
	}
}

static bool
prove_by_store(const struct prove_file *f)
{
	return strcmp(f->proof.kind, "sha256") == 0 &&
	    f->proof.size == f->size && strcmp(f->proof.value, f->sha256) == 0;
}

static void
on_prove_stat(void *arg, const struct store_stat *st, const struct err *e)
{
	struct catalog_prove *p = arg;
	struct prove_file *f = &p->files[p->at];

	p->is_asked = false;
	if (p->is_canceled) {
		prove_free(p);
	} else if (e != NULL) {
		on_prove_read(p, NULL, e);
	} else if (st->size != f->size) {
		prove_fail(p, "its size is not what was sent");
	} else if (prove_by_store(f)) {
		p->bytes += f->size;
		if (p->progress != NULL)
			p->progress(p->arg, p->bytes);
		p->at++;
		prove_next(p);
	} else {
		BUG_IF(EVP_DigestInit_ex(p->md, EVP_sha256(), NULL) != 1);
		p->file_bytes = 0;
		p->reader = store_get(p->store, f->key, 0, -1);
		reader_read(p->reader, on_prove_read, p);
	}
}

static void
prove_next(struct catalog_prove *p)
{
	if (p->at == p->n) {
		prove_answer(p, NULL);
		return;
	}
	p->is_asked = true;
	store_stat(p->store, p->files[p->at].key, on_prove_stat, p);
}

void
catalog_prove_cancel(struct catalog_prove *p)
{
	p->is_canceled = true;
	if (!p->is_asked && p->block == NULL)
		prove_free(p);
}

struct catalog_prove *
catalog_prove(struct store *store, const char *id,
    const struct catalog_file *files, size_t n, catalog_progress_fn *progress,
    catalog_done_fn *fn, void *arg)
{
	struct catalog_prove *p = xcalloc(1, sizeof(*p));
	size_t i;

	BUG_IF(n == 0);
	p->store = store;
	p->n = n;
	p->files = xcalloc(n, sizeof(*p->files));
	for (i = 0; i < n; i++) {
		struct prove_file *f = &p->files[i];

		f->key = xasprintf("%s/%s", id, files[i].name);
		f->size = files[i].size;
		BUG_IF(strlen(files[i].sha256) != sizeof(f->sha256) - 1);
		memcpy(f->sha256, files[i].sha256, sizeof(f->sha256));
		if (files[i].proof != NULL)
			f->proof = *files[i].proof;
	}
	p->pool = work_pool_new(store->env->loop, 1);
	BUG_IF((p->md = EVP_MD_CTX_new()) == NULL);
	p->progress = progress;
	p->fn = fn;
	p->arg = arg;
	prove_next(p);
	return p;
}
