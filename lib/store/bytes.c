/* bytes.c - see store.h: small objects written and read in one call. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/defer.h"
#include "base/mem.h"
#include "store/store.h"

struct put_bytes {
	struct store_put *put; /* NULL: it could not be opened. */
	char *data;
	size_t n;
	size_t at;
	store_put_fn *fn;
	void *arg;
	struct err err;
};

static void
put_bytes_answer(struct put_bytes *p, const struct store_proof *proof,
    const struct err *e)
{
	store_put_fn *fn = p->fn;
	void *arg = p->arg;

	free(p->data);
	free(p);
	fn(arg, proof, e);
}

static void
on_bytes_put(void *arg, const struct store_proof *proof, const struct err *e)
{
	put_bytes_answer(arg, proof, e);
}

static void
on_bytes_refused(void *arg)
{
	struct put_bytes *p = arg;
	struct err e;

	err_copy(&e, &p->err);
	put_bytes_answer(p, NULL, &e);
}

static void
put_bytes_go(void *arg)
{
	struct put_bytes *p = arg;
	struct block *b;
	bool may_go_on = true;

	while (may_go_on && p->at < p->n) {
		size_t n = p->n - p->at;

		b = block_new(n < BLOCK_SIZE ? n : BLOCK_SIZE);
		b->len = b->cap;
		memcpy(b->data, p->data + p->at, b->len);
		p->at += b->len;
		may_go_on = store_put_write(p->put, b);
		block_unref(b);
	}
	if (may_go_on)
		store_put_finish(p->put, on_bytes_put, p);
}

void
store_put_bytes(struct store *s, const char *key, const void *data, size_t n,
    bool if_absent, store_put_fn *fn, void *arg)
{
	struct store_put_opt opt = { (int64_t)n, if_absent, NULL, 0 };
	struct put_bytes *p = xcalloc(1, sizeof(*p));

	p->fn = fn;
	p->arg = arg;
	p->data = xmalloc(n + 1);
	memcpy(p->data, data, n);
	p->n = n;
	p->put = store_put_open(s, key, &opt, put_bytes_go, p, &p->err);
	if (p->put == NULL)
		(void)defer_call(s->env->loop, on_bytes_refused, p);
	else
		put_bytes_go(p);
}

struct get_bytes {
	struct reader *reader;
	struct buf text;
	size_t max;
	store_bytes_fn *fn;
	void *arg;
};

static void
get_bytes_answer(struct get_bytes *g, const struct err *e)
{
	reader_close(g->reader);
	g->fn(g->arg, e != NULL ? NULL : buf_str(&g->text),
	    e != NULL ? 0 : g->text.len, e);
	buf_done(&g->text);
	free(g);
}

static void
on_bytes_read(void *arg, struct block *b, const struct err *e)
{
	struct get_bytes *g = arg;
	struct err copy = ERR_INIT;

	if (e != NULL) {
		err_copy(&copy, e);
		get_bytes_answer(g, &copy);
	} else if (b == NULL) {
		get_bytes_answer(g, NULL);
	} else if (b->len > g->max - g->text.len) {
		block_unref(b);
		(void)err_set(&copy, ERR_LIMIT,
		    "the object is larger than %zu bytes", g->max);
		get_bytes_answer(g, &copy);
	} else {
		buf_add(&g->text, b->data, b->len);
		block_unref(b);
		reader_read(g->reader, on_bytes_read, g);
	}
}

void
store_get_bytes(struct store *s, const char *key, size_t max,
    store_bytes_fn *fn, void *arg)
{
	struct get_bytes *g = xcalloc(1, sizeof(*g));

	g->max = max;
	g->fn = fn;
	g->arg = arg;
	g->reader = store_get(s, key, 0, -1);
	reader_read(g->reader, on_bytes_read, g);
}
