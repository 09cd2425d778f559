/* env.c - see env.h. */
#include "base/env.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>

#include "base/mem.h"
#include "base/str.h"

struct env_timer {
	struct env_timer_base base;
	env_timer_fn *fn;
	void *arg;
	uv_timer_t uv;
};

static int64_t
real_wall_ms(struct env *env)
{
	struct timeval tv;

	(void)env;
	(void)gettimeofday(&tv, NULL);
	return (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

static int64_t
real_mono_ms(struct env *env)
{
	(void)env;
	return (int64_t)(uv_hrtime() / 1000000);
}

static void
real_random(struct env *env, void *out, size_t n)
{
	(void)env;
	BUG_IF(uv_random(NULL, NULL, out, n, 0, NULL) != 0);
}

static struct env_timer *
real_timer_new(struct env *env, env_timer_fn *fn, void *arg)
{
	struct env_timer *t = xcalloc(1, sizeof(*t));

	t->base.env = env;
	t->fn = fn;
	t->arg = arg;
	BUG_IF(uv_timer_init(env->loop, &t->uv) != 0);
	t->uv.data = t;
	return t;
}

static void
on_uv_timer(uv_timer_t *uv)
{
	struct env_timer *t = uv->data;

	t->fn(t->arg);
}

static void
real_timer_start(struct env_timer *t, int64_t ms)
{
	/* The loop's cached time may be old: count from now. */
	uv_update_time(t->base.env->loop);
	BUG_IF(uv_timer_start(&t->uv, on_uv_timer, ms < 0 ? 0 : (uint64_t)ms,
		   0) != 0);
}

static void
real_timer_stop(struct env_timer *t)
{
	(void)uv_timer_stop(&t->uv);
}

static void
on_timer_closed(uv_handle_t *h)
{
	free(h->data);
}

static void
real_timer_free(struct env_timer *t)
{
	uv_close((uv_handle_t *)&t->uv, on_timer_closed);
}

static const struct env_ops real_ops = {
	real_wall_ms,
	real_mono_ms,
	real_random,
	real_timer_new,
	real_timer_start,
	real_timer_stop,
	real_timer_free,
};

struct env *
env_new(uv_loop_t *loop)
{
	struct env *env = xcalloc(1, sizeof(*env));

	env->ops = &real_ops;
	env->loop = loop;
	return env;
}

void
env_free(struct env *env)
{
	free(env);
}

int64_t
env_wall_ms(struct env *env)
{
	return env->ops->wall_ms(env);
}

int64_t
env_mono_ms(struct env *env)
{
	return env->ops->mono_ms(env);
}

void
env_random(struct env *env, void *out, size_t n)
{
	env->ops->random(env, out, n);
}

void
env_uuid(struct env *env, char out[ENV_UUID_SIZE])
{
	uint8_t b[16];
	char hex[33];

	env_random(env, b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	str_hex(b, sizeof(b), hex);
	(void)snprintf(out, ENV_UUID_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex,
	    hex + 8, hex + 12, hex + 16, hex + 20);
}

struct env_timer *
env_timer_new(struct env *env, env_timer_fn *fn, void *arg)
{
	return env->ops->timer_new(env, fn, arg);
}

static const struct env_ops *
env_timer_ops(struct env_timer *t)
{
	return ((struct env_timer_base *)(void *)t)->env->ops;
}

void
env_timer_start(struct env_timer *t, int64_t ms)
{
	env_timer_ops(t)->timer_start(t, ms);
}

void
env_timer_stop(struct env_timer *t)
{
	if (t != NULL)
		env_timer_ops(t)->timer_stop(t);
}

void
env_timer_free(struct env_timer *t)
{
	if (t != NULL)
		env_timer_ops(t)->timer_free(t);
}
