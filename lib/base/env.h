/*
 * env.h - what the outside world gives the loop: clocks, timers, randomness.
 *
 * Daemon and library code never calls time(), uv_timer or rand() itself, so
 * that a test can replace this vtable and run a year in a second.
 * Threads: loop thread only, but env_wall_ms, env_mono_ms and env_random may
 * be called from any.
 */
#ifndef BASE_ENV_H
#define BASE_ENV_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct env;
struct env_timer; /* Begins with a struct env_timer_base. */
typedef void env_timer_fn(void *arg);

struct env_ops {
	int64_t (*wall_ms)(struct env *); /* Since 1970, UTC. */
	int64_t (*mono_ms)(struct env *); /* Never steps back. */
	void (*random)(struct env *, void *, size_t);
	struct env_timer *(*timer_new)(struct env *, env_timer_fn *, void *);
	void (*timer_start)(struct env_timer *, int64_t ms);
	void (*timer_stop)(struct env_timer *);
	void (*timer_free)(struct env_timer *);
};

/* Embedded at the start of an implementation's own timer. */
struct env_timer_base {
	struct env *env;
};

/* Embedded at the start of an implementation. */
struct env {
	const struct env_ops *ops;
	uv_loop_t *loop; /* Borrowed. */
};

/* The real world on ${loop}.  Free it with env_free(). */
struct env *env_new(uv_loop_t *);
void env_free(struct env *);

int64_t env_wall_ms(struct env *);
int64_t env_mono_ms(struct env *);
void env_random(struct env *, void *, size_t);
/* A random version 4 UUID as 36 characters and a NUL. */
#define ENV_UUID_SIZE 37
void env_uuid(struct env *, char out[ENV_UUID_SIZE]);

/**
 * env_timer_new(env, fn, arg):
 * A stopped one-shot timer, owned by the caller.  env_timer_start() (re)arms
 * it; ${fn}(${arg}) runs once from the loop, never from within start.
 * env_timer_free(), also from inside ${fn}, ends it at once: no callback comes
 * any more (the handle's memory goes when libuv has closed it).
 */
struct env_timer *env_timer_new(struct env *, env_timer_fn *, void *);
void env_timer_start(struct env_timer *, int64_t ms);
void env_timer_stop(struct env_timer *);
void env_timer_free(struct env_timer *);

#endif
