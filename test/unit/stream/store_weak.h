/*
 * store_weak.h - the calls of store.h that a stream makes, straight to the
 * backend; the library's own take their place when they are linked.
 */
#ifndef TEST_STREAM_STORE_WEAK_H
#define TEST_STREAM_STORE_WEAK_H

#include "store/store.h"

#define WEAK __attribute__((weak))

static const struct store_ops *
weak_ops(struct store_put *p)
{
	return ((struct store_put_base *)(void *)p)->store->ops;
}

WEAK struct store_put *
store_put_open(struct store *s, const char *key,
    const struct store_put_opt *opt, store_ready_fn *ready, void *arg,
    struct err *e)
{
	return s->ops->put_open(s, key, opt, ready, arg, e);
}

WEAK bool
store_put_write(struct store_put *p, struct block *b)
{
	return weak_ops(p)->put_write(p, b);
}

WEAK bool
store_put_failed(struct store_put *p)
{
	return weak_ops(p)->put_failed(p);
}

WEAK void
store_put_finish(struct store_put *p, store_put_fn *fn, void *arg)
{
	weak_ops(p)->put_finish(p, fn, arg);
}

WEAK void
store_put_abort(struct store_put *p)
{
	weak_ops(p)->put_abort(p);
}

WEAK const char *
store_name(const struct store *s)
{
	return s->name;
}

#endif
