/* refused.c - see refused.h. */
#include "store/refused.h"

#include <stdlib.h>

#include "base/defer.h"
#include "base/mem.h"

struct refused {
	struct reader base;
	struct env *env;
	struct defer *due;
	reader_fn *fn;
	void *arg;
	struct err err;
};

static void
on_refused_due(void *arg)
{
	struct refused *r = arg;
	struct err e;

	r->due = NULL;
	err_copy(&e, &r->err);
	r->fn(r->arg, NULL, &e);
}

static void
refused_read(struct reader *reader, reader_fn *fn, void *arg)
{
	struct refused *r = (struct refused *)(void *)reader;

	BUG_IF(r->due != NULL);
	r->fn = fn;
	r->arg = arg;
	r->due = defer_call(r->env->loop, on_refused_due, r);
}

static void
refused_close(struct reader *reader)
{
	struct refused *r = (struct refused *)(void *)reader;

	defer_cancel(r->due);
	free(r);
}

static const struct reader_ops refused_ops = { refused_read, refused_close };

struct reader *
refused_reader(struct env *env, const struct err *e)
{
	struct refused *r = xcalloc(1, sizeof(*r));

	r->base.ops = &refused_ops;
	r->env = env;
	err_copy(&r->err, e);
	return &r->base;
}
