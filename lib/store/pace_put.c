/* pace_put.c - see pace.h: what stands between a put and its user. */
#include <stdlib.h>

#include "base/mem.h"
#include "store/pace.h"

struct pace_put {
	struct pace *pace;
	struct env_timer *timer;
	bool is_early;    /* The timer runs. */
	bool is_finished; /* No ready any more. */
	bool is_held;     /* The backend said wait. */
	store_ready_fn *ready;
	void *ready_arg;
	store_put_fn *fn; /* Of finish. */
	void *arg;
};

static void
on_put_due(void *arg)
{
	struct pace_put *pp = arg;

	pp->is_early = false;
	if (!pp->is_held)
		pp->ready(pp->ready_arg);
}

struct pace_put *
pace_put_new(struct pace *p, struct env *env, store_ready_fn *ready, void *arg)
{
	struct pace_put *pp = xcalloc(1, sizeof(*pp));

	pp->pace = pace_ref(p);
	pp->ready = ready;
	pp->ready_arg = arg;
	pp->timer = env_timer_new(env, on_put_due, pp);
	return pp;
}

void
pace_put_free(struct pace_put *pp)
{
	if (pp == NULL)
		return;
	env_timer_free(pp->timer);
	pace_free(pp->pace);
	free(pp);
}

void
pace_put_ready(void *arg)
{
	struct pace_put *pp = arg;

	pp->is_held = false;
	if (!pp->is_early && !pp->is_finished)
		pp->ready(pp->ready_arg);
}

bool
pace_put_wrote(struct pace_put *pp, size_t n, bool may_go_on)
{
	int64_t wait = pace_take(pp->pace, n);

	pp->is_held = !may_go_on;
	if (wait > 0) {
		pp->is_early = true;
		env_timer_start(pp->timer, wait);
	}
	return wait == 0 && may_go_on;
}

static void
on_put_done(void *arg, const struct store_proof *proof, const struct err *e)
{
	struct pace_put *pp = arg;
	store_put_fn *fn = pp->fn;

	arg = pp->arg;
	pace_put_free(pp);
	fn(arg, proof, e);
}

void
pace_put_finish(struct pace_put *pp, struct store_put *p, store_put_fn *fn,
    void *arg)
{
	pp->is_finished = true;
	env_timer_stop(pp->timer);
	pp->fn = fn;
	pp->arg = arg;
	((struct store_put_base *)(void *)p)
	    ->store->ops->put_finish(p, on_put_done, pp);
}
