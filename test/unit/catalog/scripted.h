/*
 * scripted.h - a store in front of another that misbehaves as it is told: puts
 * that land and yet report an error, errors without an effect, failing reads,
 * and no way to refuse to replace.
 */
#ifndef TEST_CATALOG_SCRIPTED_H
#define TEST_CATALOG_SCRIPTED_H

#include "unit/store/world.h"

struct scripted {
	struct store base;
	struct store *inner;
	bool has_no_if_absent;
	/* For keys with this suffix; NULL: none. */
	const char *put_key;
	enum err_code put_code; /* Reported in place of success. */
	bool put_lands;
	const char *get_key;
	enum err_code get_code;
	unsigned get_faults;       /* So many times. */
	const char *remove_key;    /* Says it went, and stays. */
	enum err_code remove_code; /* Refuses to remove it instead. */
	/* What stat says of keys with this suffix. */
	const char *stat_key;
	const char *kind, *value, *etag;
	/* Bytes that are read are other ones, in the middle. */
	const char *flip_key;
	/* The operation that fails, counted from 1; 0: none. */
	unsigned fail_at;
	unsigned ops;
	/* Called before each operation; may change the world. */
	void (*before)(void *arg, const char *what, const char *key);
	void *before_arg;
	struct buf log; /* "put key\n" "remove key\n" ... */
};

struct scripted_put {
	struct store_put_base base;
	struct scripted *s;
	struct store_put *inner;
	char *key;
	bool has_failed;
	store_put_fn *fn;
	void *arg;
};

UNUSED_OK static void
sc_note(struct scripted *s, const char *what, const char *key)
{
	buf_addf(&s->log, "%s %s\n", what, key);
	if (s->before != NULL)
		s->before(s->before_arg, what, key);
}

/* One answer with a fault, whatever the operation is. */
struct sc_fault {
	enum err_code code;
	store_stat_fn *on_stat;
	store_list_fn *on_list;
	store_done_fn *on_done;
	void *arg;
};

static void
sc_on_fault(void *arg)
{
	struct sc_fault f = *(struct sc_fault *)arg;
	struct err e = ERR_INIT;

	free(arg);
	(void)err_set(&e, f.code, "this operation fails");
	if (f.on_stat != NULL)
		f.on_stat(f.arg, NULL, &e);
	else if (f.on_list != NULL)
		f.on_list(f.arg, NULL, 0, &e);
	else
		f.on_done(f.arg, &e);
}

static void
sc_answer_fault(struct scripted *s, enum err_code code, store_stat_fn *on_stat,
    store_list_fn *on_list, store_done_fn *on_done, void *arg)
{
	struct sc_fault *f = xcalloc(1, sizeof(*f));

	*f = (struct sc_fault){ code, on_stat, on_list, on_done, arg };
	(void)defer_call(s->base.env->loop, sc_on_fault, f);
}

/* Whether this one fails; its answer comes then. */
static bool
sc_fails(struct scripted *s, store_stat_fn *on_stat, store_list_fn *on_list,
    store_done_fn *on_done, void *arg)
{
	if (++s->ops != s->fail_at)
		return false;
	if (on_stat == NULL && on_list == NULL && on_done == NULL)
		return true;
	sc_answer_fault(s, ERR_NETWORK, on_stat, on_list, on_done, arg);
	return true;
}

static bool
sc_is(const char *key, const char *suffix)
{
	size_t n = strlen(key), m = suffix == NULL ? 0 : strlen(suffix);

	return suffix != NULL && n >= m && strcmp(key + n - m, suffix) == 0;
}

static void
sc_close(struct store *s)
{
	buf_done(&((struct scripted *)s)->log);
	free(s);
}

static void
sc_caps(struct store *s, struct store_caps *caps)
{
	struct scripted *sc = (struct scripted *)s;

	store_caps(sc->inner, caps);
	caps->has_if_absent = !sc->has_no_if_absent;
}

static void
sc_check(struct store *s, store_done_fn *fn, void *arg)
{
	store_check(((struct scripted *)s)->inner, fn, arg);
}

static struct store_put *
sc_put_open(struct store *s, const char *key, const struct store_put_opt *opt,
    store_ready_fn *ready, void *arg, struct err *e)
{
	struct scripted *sc = (struct scripted *)s;
	struct scripted_put *p;

	assert_false(opt->if_absent && sc->has_no_if_absent);
	sc_note(sc, "put", key);
	p = xcalloc(1, sizeof(*p));
	p->base.store = s;
	p->s = sc;
	p->key = xstrdup(key);
	p->has_failed = sc_fails(sc, NULL, NULL, NULL, NULL);
	p->inner = store_put_open(sc->inner, key, opt, ready, arg, e);
	assert_non_null(p->inner);
	return (struct store_put *)p;
}

static bool
sc_put_write(struct store_put *p, struct block *b)
{
	return store_put_write(((struct scripted_put *)p)->inner, b);
}

static bool
sc_put_failed(struct store_put *p)
{
	return store_put_failed(((struct scripted_put *)p)->inner);
}

static void
sc_put_answer(struct scripted_put *p, const struct store_proof *proof,
    const struct err *e)
{
	store_put_fn *fn = p->fn;
	void *arg = p->arg;

	free(p->key);
	free(p);
	fn(arg, proof, e);
}

static void
sc_on_put(void *arg, const struct store_proof *proof, const struct err *e)
{
	struct scripted_put *p = arg;
	struct err fault = ERR_INIT;

	if (p->has_failed || sc_is(p->key, p->s->put_key)) {
		(void)err_set(&fault,
		    p->has_failed ? ERR_NETWORK : p->s->put_code,
		    "as the script says");
		sc_put_answer(p, NULL, &fault);
	} else {
		sc_put_answer(p, proof, e);
	}
}

static void
sc_on_dropped(void *arg)
{
	sc_on_put(arg, NULL, NULL);
}

static void
sc_put_finish(struct store_put *put, store_put_fn *fn, void *arg)
{
	struct scripted_put *p = (struct scripted_put *)put;

	p->fn = fn;
	p->arg = arg;
	if (p->has_failed ||
	    (sc_is(p->key, p->s->put_key) && !p->s->put_lands)) {
		store_put_abort(p->inner);
		(void)defer_call(p->s->base.env->loop, sc_on_dropped, p);
		return;
	}
	store_put_finish(p->inner, sc_on_put, p);
}

static void
sc_put_abort(struct store_put *put)
{
	struct scripted_put *p = (struct scripted_put *)put;

	store_put_abort(p->inner);
	free(p->key);
	free(p);
}

/* A reader that fails once, or changes a byte of what another reads. */
struct sc_reader {
	struct reader base;
	struct scripted *s;
	struct reader *inner; /* NULL: it fails. */
	reader_fn *fn;
	void *arg;
	struct defer *defer;
};

static void
sc_on_read(void *arg)
{
	struct sc_reader *r = arg;
	struct err e = ERR_INIT;

	r->defer = NULL;
	(void)err_set(&e, r->s->get_code, "unreadable, as the script says");
	r->fn(r->arg, NULL, &e);
}

static void
sc_on_flip(void *arg, struct block *b, const struct err *e)
{
	struct sc_reader *r = arg;

	if (b != NULL)
		b->data[b->len / 2] ^= 1;
	r->fn(r->arg, b, e);
}

static void
sc_read(struct reader *reader, reader_fn *fn, void *arg)
{
	struct sc_reader *r = (struct sc_reader *)reader;

	r->fn = fn;
	r->arg = arg;
	if (r->inner != NULL) {
		reader_read(r->inner, sc_on_flip, r);
		return;
	}
	r->defer = defer_call(r->s->base.env->loop, sc_on_read, r);
}

static void
sc_read_close(struct reader *reader)
{
	defer_cancel(((struct sc_reader *)reader)->defer);
	reader_close(((struct sc_reader *)reader)->inner);
	free(reader);
}

static struct reader *
sc_get(struct store *s, const char *key, int64_t from, int64_t len)
{
	static const struct reader_ops ops = { sc_read, sc_read_close };
	struct scripted *sc = (struct scripted *)s;
	struct sc_reader *r;
	struct reader *inner = NULL;

	sc_note(sc, "get", key);
	if (sc_fails(sc, NULL, NULL, NULL, NULL))
		sc->get_code = ERR_NETWORK;
	else if (sc_is(key, sc->flip_key))
		inner = store_get(sc->inner, key, from, len);
	else if (!sc_is(key, sc->get_key) || sc->get_faults == 0)
		return store_get(sc->inner, key, from, len);
	else
		sc->get_faults--;
	r = xcalloc(1, sizeof(*r));
	r->base.ops = &ops;
	r->s = sc;
	r->inner = inner;
	return &r->base;
}

struct sc_stat {
	struct scripted *s;
	store_stat_fn *fn;
	void *arg;
};

static void
sc_on_stat(void *arg, const struct store_stat *st, const struct err *e)
{
	struct sc_stat c = *(struct sc_stat *)arg;
	struct store_stat more;

	free(arg);
	if (st != NULL && sc_is(st->key, c.s->stat_key)) {
		more = *st;
		more.kind = c.s->kind;
		more.value = c.s->value;
		more.etag = c.s->etag;
		st = &more;
	}
	c.fn(c.arg, st, e);
}

static void
sc_stat(struct store *s, const char *key, store_stat_fn *fn, void *arg)
{
	struct scripted *sc = (struct scripted *)s;
	struct sc_stat *c;

	sc_note(sc, "stat", key);
	if (sc_fails(sc, fn, NULL, NULL, arg))
		return;
	c = xcalloc(1, sizeof(*c));
	*c = (struct sc_stat){ sc, fn, arg };
	store_stat(sc->inner, key, sc_on_stat, c);
}

static void
sc_list(struct store *s, const char *prefix, bool is_flat, store_list_fn *fn,
    void *arg)
{
	sc_note((struct scripted *)s, "list", prefix);
	if (!sc_fails((struct scripted *)s, NULL, fn, NULL, arg))
		store_list(((struct scripted *)s)->inner, prefix, is_flat, fn,
		    arg);
}

static void
sc_remove(struct store *s, const char *key, store_done_fn *fn, void *arg)
{
	struct scripted *sc = (struct scripted *)s;

	sc_note(sc, "remove", key);
	if (sc_fails(sc, NULL, NULL, fn, arg))
		return;
	if (sc_is(key, sc->remove_key) && sc->remove_code != ERR_NONE) {
		sc_answer_fault(sc, sc->remove_code, NULL, NULL, fn, arg);
		return;
	}
	store_remove(sc->inner,
	    sc_is(key, sc->remove_key) ? "20000101-000000/none" : key, fn, arg);
}

static void
sc_sweep(struct store *s, const char *prefix, int64_t age, store_done_fn *fn,
    void *arg)
{
	sc_note((struct scripted *)s, "sweep", prefix);
	if (!sc_fails((struct scripted *)s, NULL, NULL, fn, arg))
		store_sweep(((struct scripted *)s)->inner, prefix, age, fn,
		    arg);
}

static const struct store_ops sc_ops = {
	.type = "scripted",
	.close = sc_close,
	.caps = sc_caps,
	.check = sc_check,
	.put_open = sc_put_open,
	.put_write = sc_put_write,
	.put_failed = sc_put_failed,
	.put_finish = sc_put_finish,
	.put_abort = sc_put_abort,
	.get = sc_get,
	.stat = sc_stat,
	.list = sc_list,
	.remove = sc_remove,
	.sweep = sc_sweep,
};

UNUSED_OK static struct scripted *
sc_open(struct world *w, struct store *inner)
{
	struct scripted *s = xcalloc(1, sizeof(*s));

	s->base.ops = &sc_ops;
	s->base.env = w->env;
	s->base.name = inner->name;
	s->inner = inner;
	return s;
}

#endif
