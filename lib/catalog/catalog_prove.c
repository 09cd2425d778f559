/*
 * catalog_prove.c - what the store holds is what was sent: by the store's own
 * word where it has given one that binds, else by reading it back, hashed off
 * the loop.
 */
#include <openssl/evp.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
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
	bool is_telling;  /* In ${progress}. */
	bool is_canceled; /* What is under way ends it. */
	void (*canceled)(void *);
	void *canceled_arg;
	catalog_progress_fn *progress;
	catalog_done_fn *fn;
	void *arg;
};

static void
on_prove_pool_unused(void *arg)
{
	work_pool_free(arg);
}

static void
prove_free(struct catalog_prove *p)
{
	size_t i;

	reader_close(p->reader);
	if (p->is_canceled)
		(void)defer_call(p->store->env->loop, p->canceled,
		    p->canceled_arg);
	/* Not from here: it may be delivering what ended this. */
	(void)defer_call(p->store->env->loop, on_prove_pool_unused, p->pool);
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

/* False: it was canceled meanwhile, and is gone. */
static bool
prove_tell(struct catalog_prove *p, int64_t more)
{
	p->bytes += more;
	p->is_telling = true;
	if (p->progress != NULL)
		p->progress(p->arg, p->bytes);
	p->is_telling = false;
	if (!p->is_canceled)
		return true;
	prove_free(p);
	return false;
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
	if (!prove_tell(p, len))
		return;
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

enum prove_word { PROVE_YES, PROVE_NO, PROVE_READ };

/*
 * A digest that the store keeps of the whole object says both yes and no.  An
 * ETag says yes only: another one may just be another way of storing it.
 */
static enum prove_word
prove_by_store(const struct prove_file *f, const struct store_stat *st)
{
	const struct store_proof *p = &f->proof;
	bool has_digest = p->kind[0] != '\0' && strcmp(p->kind, "none") != 0 &&
	    p->value[0] != '\0' && st->kind != NULL && st->value != NULL &&
	    strcmp(st->kind, p->kind) == 0;

	if (p->size != f->size)
		return PROVE_READ;
	if (has_digest && strcmp(p->kind, "sha256") == 0)
		return strcmp(st->value, f->sha256) == 0 ? PROVE_YES : PROVE_NO;
	if (has_digest && strcmp(st->value, p->value) == 0)
		return PROVE_YES;
	if (has_digest && strcmp(p->kind, "etag") != 0)
		return PROVE_NO;
	if (p->is_checked && p->etag[0] != '\0' && st->etag != NULL &&
	    strcmp(st->etag, p->etag) == 0)
		return PROVE_YES;
	return PROVE_READ;
}

static void
prove_read(struct catalog_prove *p)
{
	BUG_IF(EVP_DigestInit_ex(p->md, EVP_sha256(), NULL) != 1);
	p->file_bytes = 0;
	p->reader = store_get(p->store, p->files[p->at].key, 0, -1);
	reader_read(p->reader, on_prove_read, p);
}

static void
on_prove_stat(void *arg, const struct store_stat *st, const struct err *e)
{
	struct catalog_prove *p = arg;
	struct prove_file *f = &p->files[p->at];
	enum prove_word word;

	p->is_asked = false;
	if (p->is_canceled) {
		prove_free(p);
		return;
	}
	if (e != NULL) {
		on_prove_read(p, NULL, e);
		return;
	}
	word = prove_by_store(f, st);
	if (st->size != f->size) {
		prove_fail(p, "its size is not what was sent");
	} else if (word == PROVE_NO) {
		prove_fail(p, "the store's digest is not of what was sent");
	} else if (word == PROVE_READ) {
		prove_read(p);
	} else if (prove_tell(p, f->size)) {
		p->at++;
		prove_next(p);
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
catalog_prove_cancel(struct catalog_prove *p, void (*done)(void *), void *arg)
{
	p->is_canceled = true;
	p->canceled = done;
	p->canceled_arg = arg;
	if (!p->is_asked && !p->is_telling && p->block == NULL)
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
