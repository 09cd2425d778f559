/*
 * vclock.h - a clock that stands until it is told to go on, as a struct env.
 *
 * For one test program each, behind cmocka.h.
 */
#ifndef UNIT_DAEMON_VCLOCK_H
#define UNIT_DAEMON_VCLOCK_H

#include <stdlib.h>

#include "base/env.h"
#include "base/mem.h"

struct vclock {
	struct env env;
	int64_t wall, mono;
	struct env_timer *timers;
	unsigned fired;
};

struct env_timer {
	struct env_timer_base base;
	struct env_timer *next;
	env_timer_fn *fn;
	void *arg;
	int64_t due; /* Monotonic; -1: stopped. */
};

static int64_t
v_wall(struct env *env)
{
	return ((struct vclock *)(void *)env)->wall;
}

static int64_t
v_mono(struct env *env)
{
	return ((struct vclock *)(void *)env)->mono;
}

static void
v_random(struct env *env, void *out, size_t n)
{
	(void)env;
	assert_int_equal(uv_random(NULL, NULL, out, n, 0, NULL), 0);
}

static struct env_timer *
v_timer_new(struct env *env, env_timer_fn *fn, void *arg)
{
	struct vclock *c = (struct vclock *)(void *)env;
	struct env_timer *t = xcalloc(1, sizeof(*t));

	t->base.env = env;
	t->fn = fn;
	t->arg = arg;
	t->due = -1;
	t->next = c->timers;
	c->timers = t;
	return t;
}

static void
v_timer_start(struct env_timer *t, int64_t ms)
{
	t->due = v_mono(t->base.env) + (ms < 0 ? 0 : ms);
}

static void
v_timer_stop(struct env_timer *t)
{
	t->due = -1;
}

static void
v_timer_free(struct env_timer *t)
{
	struct env_timer **at = &((struct vclock *)(void *)t->base.env)->timers;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	free(t);
}

static const struct env_ops v_ops = { v_wall, v_mono, v_random, v_timer_new,
	v_timer_start, v_timer_stop, v_timer_free };

#endif
