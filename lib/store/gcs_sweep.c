/*
 * gcs_sweep.c - see gcs.h: what is left of uploads.
 *
 * Sessions cannot be listed, cost nothing, and expire by themselves a week
 * after they were opened; an object that is sent in one request is there whole
 * or not at all; and there are no folders.  So nothing is to be removed, but a
 * store that cannot be reached has not been swept.
 */
#include <stdlib.h>

#include "base/defer.h"
#include "base/mem.h"
#include "store/gcs.h"

struct sweep_op {
	struct cloud *cloud;
	store_done_fn *fn;
	void *arg;
	struct err err;
};

static void
sweep_answer(struct sweep_op *op, const struct err *e)
{
	struct cloud *c = op->cloud;

	op->fn(op->arg, e);
	free(op);
	cloud_release(c);
}

static void
on_swept(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	(void)a;
	(void)code;
	sweep_answer(arg, e);
}

static void
on_sweep_refused(void *arg)
{
	struct sweep_op *op = arg;

	sweep_answer(op, &op->err);
}

void
gcs_sweep(struct store *s, const char *prefix, int64_t age_ms,
    store_done_fn *fn, void *arg)
{
	struct sweep_op *op = xcalloc(1, sizeof(*op));

	(void)age_ms;
	op->cloud = cloud_of(s);
	op->fn = fn;
	op->arg = arg;
	cloud_hold(op->cloud);
	if (store_prefix_check(prefix, &op->err) == -1)
		(void)defer_call(s->env->loop, on_sweep_refused, op);
	else
		(void)gcs_reach(gcs_of(op->cloud), on_swept, op);
}
