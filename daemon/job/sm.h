/*
 * sm.h - the engine: a table of states with their allowed moves, one mover.
 *
 * Knows: edges, making a state durable before its step, giving back without
 * waiting.  Does not know: what a state does.
 * Threads: loop thread only.
 *
 * sm_move() checks the edge, writes the state into the history, and when that
 * is durable calls the row's step.  A state that gives back what was taken
 * (SM_GIVES_BACK) does not wait for the history: its step runs at once, and a
 * write that fails is only reported.  Steps are idempotent, start something and
 * return; what they started calls sm_move() later.
 */
#ifndef DAEMON_JOB_SM_H
#define DAEMON_JOB_SM_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/defer.h"
#include "base/err.h"

/* What start-up does with a run that was in the state. */
enum sm_restart {
	SM_QUEUE_AGAIN, /* Nothing was done yet. */
	SM_UNDO,        /* Give back, then fail. */
	SM_ASK_SOURCE,  /* source_recover() decides. */
	SM_CLOSED       /* Final: nothing is left to do. */
};

#define SM_GIVES_BACK 1u
#define SM_FINAL 2u

struct sm_state {
	const char *name; /* Stored in the history, never renamed. */
	uint64_t may_go;  /* Bit n: may move to state n. */
	void (*step)(void *ctx);
	enum sm_restart restart;
	unsigned flags;
};

typedef void sm_done_fn(void *arg, const struct err *);

struct sm {
	const struct sm_state *table;
	unsigned count;
	unsigned state;
	void *ctx;
	uv_loop_t *loop;
	/* Make ${name} durable, then answer; never from within. */
	void (*persist)(void *ctx, const char *name, sm_done_fn *, void *arg);
	/* The state could not be made durable, and its step did not run. */
	void (*lost)(void *ctx, const struct err *);
	bool is_moving;  /* A write is awaited before the step. */
	unsigned writes; /* Answers that still come. */
	struct defer *soon;
};

/* The index of state ${name}, -1 if there is none. */
int sm_find(const struct sm_state *, unsigned count, const char *name);
bool sm_may(const struct sm *, unsigned to);
void sm_move(struct sm *, unsigned to);
const char *sm_name(const struct sm *);
bool sm_is_final(const struct sm *);
/* No step is called any more; answers that still come are not looked at, but
 * the struct must live until sm_is_idle(). */
void sm_stop(struct sm *);
bool sm_is_idle(const struct sm *);

#endif
