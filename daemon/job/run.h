/*
 * run.h - what every kind of run has in common, and how it tells the runner.
 *
 * Knows: identity, frozen configuration, events, warnings.  Does not know: the
 * queue, the socket.
 * Threads: loop thread only.
 */
#ifndef DAEMON_JOB_RUN_H
#define DAEMON_JOB_RUN_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"

struct daemon;
struct run;

struct run_ops {
	const char *kind; /* "backup" */
	/* Begin, or carry on after a restart.  Returns at once. */
	void (*start)(struct run *);
	/* Stop it for reason ${e}; ended() comes later.  -1 with ${why} when it
	 * is past the point of no return. */
	int (*cancel)(struct run *, const struct err *e, struct err *why);
	void (*free)(struct run *);
};

/* Embedded at the start of every kind of run. */
struct run {
	const struct run_ops *ops;
	struct daemon *d;
	int64_t id;
	char uuid[ENV_UUID_SIZE];
	json_t *frozen;   /* conf_freeze(); owned. */
	const char *job;  /* Name, in frozen. */
	const char *host; /* Name of the source's host, "local". */
	bool is_started;
	bool is_ending; /* Canceled before it began: only its row is awaited. */
	int64_t progress_at; /* Monotonic ms of the last progress event. */
	json_t *last_event;  /* State or progress, for new watchers. */
	const char *state;   /* The final state's word once ended. */
	/* Set by the runner. */
	void (*on_event)(struct run *, const json_t *);
	void (*on_ended)(struct run *);
	struct run *next;
};

/* Fill the common part; ${frozen} is taken over. */
void run_init(struct run *, const struct run_ops *, struct daemon *, int64_t id,
    const char *uuid, json_t *frozen);
void run_done(struct run *);

/* It stops services and has its job for itself; a task does neither. */
bool run_is_backup(const struct run *);
const json_t *run_job_cfg(const struct run *);
const json_t *run_host_cfg(const struct run *); /* NULL: this machine. */

/* Tell who watches; log state changes. */
void run_event_state(struct run *, const char *step);
void run_event_note(struct run *, const char *text);
/* At most four a second; ${total} -1: unknown. */
void run_event_progress(struct run *, const char *step, int64_t bytes,
    int64_t total);

/* For answers of the history that only matter when they fail. */
void run_on_history(void *arg, const struct err *);
void run_on_history_id(void *arg, int64_t id, const struct err *);

#endif
