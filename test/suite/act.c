/* act.c - see suite.h: operations that are waited for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "suite.h"

/* The eight bytes at place ${i}: a step of splitmix64. */
static uint64_t
word_at(uint64_t seed, uint64_t i)
{
	uint64_t z = seed + (i + 1) * UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void
act_fill(uint64_t seed, int64_t from, void *out, size_t n)
{
	uint64_t place = (uint64_t)from, w;
	uint8_t *p = out;

	while (n > 0) {
		size_t skip = (size_t)(place % 8), take = 8 - skip;

		if (take > n)
			take = n;
		w = word_at(seed, place / 8);
		memcpy(p, (const uint8_t *)&w + skip, take);
		p += take;
		n -= take;
		place += take;
	}
}

/*
 * --- Puts.
 */
static void
on_put(void *arg, const struct store_proof *proof, const struct err *e)
{
	struct putting *p = arg;

	p->put = NULL;
	p->is_done = true;
	err_copy(&p->err, e);
	suite_see(p->suite, e);
	if (proof != NULL)
		p->proof = *proof;
}

static void
putting_go(struct putting *p)
{
	size_t piece = p->piece == 0 ? BLOCK_SIZE : p->piece;

	while (p->may_write && p->at < p->size) {
		int64_t rest = p->size - p->at;
		struct block *b = block_new(piece);

		b->len = rest < (int64_t)piece ? (size_t)rest : piece;
		act_fill(p->seed, p->at, b->data, b->len);
		p->at += (int64_t)b->len;
		p->may_write = store_put_write(p->put, b);
		block_unref(b);
	}
	if (!p->may_write)
		return;
	if (p->is_held)
		p->is_done = true;
	else
		store_put_finish(p->put, on_put, p);
}

static void
on_ready(void *arg)
{
	struct putting *p = arg;

	p->may_write = true;
	putting_go(p);
}

bool
putting_start(struct suite *s, struct store *store, const char *key,
    const struct store_put_opt *opt, struct putting *p)
{
	p->suite = s;
	p->may_write = true;
	p->put = store_put_open(store, key, opt, on_ready, p, &p->err);
	suite_see(s, &p->err);
	if (p->put == NULL) {
		p->is_done = true;
		return false;
	}
	putting_go(p);
	return true;
}

void
putting_go_on(struct putting *p, int64_t more)
{
	p->is_held = false;
	p->is_done = false;
	p->size += more;
	putting_go(p);
}

static void
put_wait(struct suite *s, struct store *store, const char *key,
    const struct store_put_opt *opt, struct putting *p, struct err *e)
{
	if (putting_start(s, store, key, opt, p))
		suite_wait(s, &p->is_done);
	err_copy(e, p->err.code == ERR_NONE ? NULL : &p->err);
}

void
act_put(struct suite *s, struct store *store, const char *key, uint64_t seed,
    int64_t size, int64_t hint, struct store_proof *proof, struct err *e)
{
	struct store_put_opt opt = { hint, false, NULL, 0 };
	struct putting p = { .seed = seed, .size = size };

	put_wait(s, store, key, &opt, &p, e);
	if (proof != NULL)
		*proof = p.proof;
	if (e->code == ERR_NONE && p.proof.size != size)
		suite_fail(s, __FILE__, __LINE__,
		    "'%s': %lld bytes proven of %lld", key,
		    (long long)p.proof.size, (long long)size);
}

void
act_put_if_absent(struct suite *s, struct store *store, const char *key,
    uint64_t seed, int64_t size, struct err *e)
{
	struct store_put_opt opt = { size, true, NULL, 0 };
	struct putting p = { .seed = seed, .size = size };

	put_wait(s, store, key, &opt, &p, e);
}

/*
 * --- Gets.
 */
static void
on_read(void *arg, struct block *b, const struct err *e)
{
	struct getting *g = arg;
	uint8_t *want;

	if (e != NULL || b == NULL) {
		err_copy(&g->err, e);
		suite_see(g->suite, e);
		g->is_done = true;
		return;
	}
	if (g->fd != -1) {
		if (write(g->fd, b->data, b->len) != (ssize_t)b->len)
			g->is_equal = false;
	} else {
		want = xmalloc(b->len);
		act_fill(g->seed, g->from + g->at, want, b->len);
		if (memcmp(want, b->data, b->len) != 0)
			g->is_equal = false;
		free(want);
	}
	g->at += (int64_t)b->len;
	block_unref(b);
	if (g->pause > 0 && g->at >= g->pause)
		g->is_done = true;
	else
		reader_read(g->reader, on_read, g);
}

void
getting_start(struct suite *s, struct store *store, const char *key,
    int64_t from, int64_t len, struct getting *g)
{
	g->suite = s;
	g->from = from;
	g->is_equal = true;
	g->reader = store_get(store, key, from, len);
	reader_read(g->reader, on_read, g);
}

void
getting_go_on(struct getting *g)
{
	g->pause = 0;
	g->is_done = false;
	reader_read(g->reader, on_read, g);
}

void
act_get(struct suite *s, struct store *store, const char *key, uint64_t seed,
    int64_t from, int64_t len, int64_t want, struct err *e)
{
	struct getting g = { .seed = seed, .fd = -1 };

	getting_start(s, store, key, from, len, &g);
	suite_wait(s, &g.is_done);
	reader_close(g.reader);
	err_copy(e, g.err.code == ERR_NONE ? NULL : &g.err);
	if (e->code != ERR_NONE)
		return;
	if (g.at != want)
		(void)err_set(e, ERR_CORRUPT, "%lld bytes came, not %lld",
		    (long long)g.at, (long long)want);
	else if (!g.is_equal)
		(void)err_set(e, ERR_CORRUPT, "other bytes came");
}

/*
 * --- The rest.
 */
struct waited {
	struct suite *suite;
	bool is_done;
	struct err *err;
	struct told *told;
	struct listing *listing;
};

static void
on_done(void *arg, const struct err *e)
{
	struct waited *w = arg;

	suite_see(w->suite, e);
	err_copy(w->err, e);
	w->is_done = true;
}

void
act_check(struct suite *s, struct store *store, struct err *e)
{
	struct waited w = { .suite = s, .err = e };

	store_check(store, on_done, &w);
	suite_wait(s, &w.is_done);
}

static void
copy_text(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text == NULL ? "" : text);
}

static void
on_stat(void *arg, const struct store_stat *st, const struct err *e)
{
	struct waited *w = arg;

	if (st != NULL) {
		w->told->size = st->size;
		w->told->mtime_ms = st->mtime_ms;
		copy_text(w->told->kind, sizeof(w->told->kind), st->kind);
		copy_text(w->told->value, sizeof(w->told->value), st->value);
		copy_text(w->told->etag, sizeof(w->told->etag), st->etag);
	}
	on_done(arg, e);
}

void
act_stat(struct suite *s, struct store *store, const char *key,
    struct told *told)
{
	struct waited w = { .suite = s, .told = told };

	memset(told, 0, sizeof(*told));
	w.err = &told->err;
	store_stat(store, key, on_stat, &w);
	suite_wait(s, &w.is_done);
}

static void
on_list(void *arg, const struct store_stat *list, size_t n, const struct err *e)
{
	struct waited *w = arg;
	struct listing *l = w->listing;
	size_t i;

	l->list = xcalloc(n + 1, sizeof(*l->list));
	l->n = n;
	for (i = 0; i < n; i++) {
		l->list[i] = list[i];
		l->list[i].key = xstrdup(list[i].key);
		if (i > 0 && strcmp(list[i - 1].key, list[i].key) >= 0)
			suite_fail(w->suite, __FILE__, __LINE__,
			    "'%s' is listed before '%s'", list[i - 1].key,
			    list[i].key);
	}
	on_done(arg, e);
}

void
act_list(struct suite *s, struct store *store, const char *prefix, bool is_flat,
    struct listing *l)
{
	struct waited w = { .suite = s, .listing = l };

	memset(l, 0, sizeof(*l));
	w.err = &l->err;
	store_list(store, prefix, is_flat, on_list, &w);
	suite_wait(s, &w.is_done);
}

void
listing_done(struct listing *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free((void *)(uintptr_t)l->list[i].key);
	free(l->list);
	l->list = NULL;
	l->n = 0;
}

const struct store_stat *
listing_find(const struct listing *l, const char *key)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (strcmp(l->list[i].key, key) == 0)
			return &l->list[i];
	return NULL;
}

void
act_remove(struct suite *s, struct store *store, const char *key, struct err *e)
{
	struct waited w = { .suite = s, .err = e };

	store_remove(store, key, on_done, &w);
	suite_wait(s, &w.is_done);
}

void
act_sweep(struct suite *s, struct store *store, const char *prefix,
    int64_t age_ms, struct err *e)
{
	struct waited w = { .suite = s, .err = e };

	store_sweep(store, prefix, age_ms, on_done, &w);
	suite_wait(s, &w.is_done);
}

#define REMOVALS 16

/* Several at a time, as a long list takes long otherwise. */
static void
remove_some(struct suite *s, struct store *store, const struct listing *l,
    size_t from, size_t n)
{
	struct waited w[REMOVALS] = { { NULL, false, NULL, NULL, NULL } };
	struct err e[REMOVALS];
	size_t i;

	for (i = 0; i < n; i++) {
		w[i].suite = s;
		w[i].err = &e[i];
		store_remove(store, l->list[from + i].key, on_done, &w[i]);
	}
	for (i = 0; i < n; i++) {
		suite_wait(s, &w[i].is_done);
		if (e[i].code != ERR_NONE)
			suite_fail(s, __FILE__, __LINE__, "remove '%s': %s",
			    l->list[from + i].key, e[i].msg);
	}
}

void
act_clear(struct suite *s, struct store *store, const char *prefix)
{
	struct listing l;
	size_t i, n;

	act_list(s, store, prefix, true, &l);
	if (l.err.code != ERR_NONE)
		suite_fail(s, __FILE__, __LINE__, "list '%s': %s", prefix,
		    l.err.msg);
	for (i = 0; i < l.n; i += n) {
		n = l.n - i < REMOVALS ? l.n - i : REMOVALS;
		remove_some(s, store, &l, i, n);
	}
	listing_done(&l);
}

const char *
act_key(struct suite *s, const char *leaf)
{
	static char keys[8][1100];
	static unsigned turn;
	char *key = keys[turn++ % 8];

	(void)snprintf(key, sizeof(keys[0]), "%s%s", s->folder, leaf);
	return key;
}
