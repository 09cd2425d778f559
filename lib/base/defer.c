/* defer.c - see defer.h. */
#include "base/defer.h"

#include <stdlib.h>

#include "base/mem.h"

struct defer {
	uv_timer_t timer;
	void (*fn)(void *);
	void *arg;
};

static void
on_defer_closed(uv_handle_t *h)
{
	free(h->data);
}

static void
on_defer_due(uv_timer_t *t)
{
	struct defer *d = t->data;
	void (*fn)(void *) = d->fn;
	void *arg = d->arg;

	uv_close((uv_handle_t *)t, on_defer_closed);
	fn(arg);
}

struct defer *
defer_call(uv_loop_t *loop, void (*fn)(void *), void *arg)
{
	struct defer *d = xcalloc(1, sizeof(*d));

	d->fn = fn;
	d->arg = arg;
	BUG_IF(uv_timer_init(loop, &d->timer) != 0);
	d->timer.data = d;
	BUG_IF(uv_timer_start(&d->timer, on_defer_due, 0, 0) != 0);
	return d;
}

void
defer_cancel(struct defer *d)
{
	if (d != NULL)
		uv_close((uv_handle_t *)&d->timer, on_defer_closed);
}
