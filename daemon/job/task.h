/*
 * task.h - runs that move or look at what is sealed already: verify, copy,
 * retry, prune.
 *
 *	QUEUED -> WORK -> DONE | PARTIAL | FAILED | CANCELED
 *
 * Knows: the states, the row, cancel, carrying on after a crash (every kind's
 * work can be begun again).  Does not know: what a kind does.
 * Threads: loop thread only.
 *
 * The frozen configuration of a task is {"name": job, "task": its arguments,
 * "stores", "hosts", "job": object | null}.  What it finds is "results" in its
 * row's details.
 */
#ifndef DAEMON_JOB_TASK_H
#define DAEMON_JOB_TASK_H

#include "job/run.h"
#include "job/sm.h"
#include "store/store.h"

struct task;

struct task_kind {
	const char *kind; /* "verify" */
	size_t size;      /* Of its struct, which begins with a task. */
	/* Begin, once; ends by task_end(), never from within. */
	void (*work)(struct task *);
	/* End soon, with ERR_CANCELED: task_end(), never from within. */
	void (*cancel)(struct task *);
	void (*done)(struct task *); /* Free what the kind has; may be NULL. */
};

extern const struct task_kind task_verify, task_copy, task_retry, task_prune;

struct task {
	struct run run; /* First. */
	struct sm sm;
	const struct task_kind *kind;
	const json_t *args;
	json_t *results;
	json_t *warnings;
	struct err error;
	bool is_partial; /* Some of it went well. */
	bool is_working, is_canceled;
	int64_t bytes;
	json_t *last;
	struct defer *soon;
};

/* ${frozen} is taken over. */
struct run *task_new(struct daemon *, const struct task_kind *, int64_t id,
    const char *uuid, json_t *frozen);
/* One that a dead daemon left, from its row. */
struct run *task_revive(struct daemon *, const struct task_kind *,
    const json_t *row, struct err *);
/* NULL when it is none. */
const struct task_kind *task_find_kind(const char *word);

/* For the kinds.  ${taken}: one of "results". */
void task_result(struct task *, json_t *taken);
void task_warn(struct task *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
/* The first failure counts; the work goes on. */
void task_blame(struct task *, const struct err *);
/* The work is over: done unless something was blamed; ${e} may be NULL. */
void task_end(struct task *, const struct err *e);
/* Store ${name} of the frozen configuration. */
struct store *task_store(struct task *, const char *name, struct err *);

#endif
