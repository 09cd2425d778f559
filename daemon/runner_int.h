/*
 * runner_int.h - what the files of the runner share.
 */
#ifndef DAEMON_RUNNER_INT_H
#define DAEMON_RUNNER_INT_H

#include "base/defer.h"
#include "base/env.h"
#include "daemon.h"
#include "job/run.h"
#include "job/settle.h"
#include "job/task.h"
#include "runner.h"

/* Somebody waits for a run to end, or for a host to be settled. */
struct waiter {
	struct waiter *next;
	int64_t run; /* 0: waits for ${host}. */
	char *host;
	runner_done_fn *fn;
	void *arg;
};

/* A firing or a request whose row is being written. */
struct adding {
	struct adding *next;
	struct runner *r;
	char uuid[ENV_UUID_SIZE];
	const struct task_kind *kind; /* NULL: a backup. */
	json_t *frozen;
	runner_id_fn *fn;
	void *arg;
};

struct runner_watch {
	struct runner_watch *next;
	struct runner *r;
	int64_t run;
	runner_event_fn *fn; /* NULL: unwatched, freed when nobody iterates. */
	void *arg;
	struct defer *soon;
};

/* What an ended run owes: all rows of one run are settled by one effort. */
struct debt {
	struct debt *next;
	int64_t run;
	char *job;
	char *host;
	bool has_services;
	json_t *rows;        /* As history_debts() has them. */
	int64_t next_try_ms; /* Wall clock. */
	struct runner *r;
	struct settle *settle; /* Under way. */
};

/* The row of an ended run, not yet closed. */
struct closing {
	struct closing *next;
	struct runner *r;
	int64_t run;
	json_t *set;
	bool is_asked;
};

struct runner {
	struct daemon *d;
	struct run *queue, *running;
	struct adding *adding;
	struct waiter *waiters;
	struct runner_watch *watches;
	unsigned iterating;
	struct debt *debts;
	json_t
	    *waits;   /* Run -> not before this instant, were it not written. */
	json_t *paid; /* Rows that are settled, were they not deleted yet. */
	struct env_timer *debt_timer;
	bool is_loading_debts;
	bool is_load_stale;   /* Something changed since the read was asked. */
	bool is_debts_unread; /* The last read failed. */
	struct defer *hosts_soon;
	struct closing *closings;
	struct env_timer *close_timer;
	bool is_recovering; /* The rows of a dead daemon are being read. */
	bool is_stopping, is_stopped;
	runner_done_fn *stop_fn, *recover_fn;
	void *stop_arg, *recover_arg;
	struct defer *soon;
	json_t *unsafe_hosts; /* Names whose reboot is not covered: true. */
};

/* runner_watch.c */
void runner_tell(struct runner *, const struct run *, const json_t *);
void runner_tell_end(struct runner *, const struct run *);
/* runner_debts.c */
void runner_debts_load(struct runner *);
/* Mirror the rows, taken over; NULL: none. */
void runner_debts_take(struct runner *, json_t *rows);
void runner_debts_free(struct runner *);
/* What is mirrored of an ended run is to be read again. */
void runner_debts_forget(struct runner *, int64_t run);
/* Pay it, now; nothing when that is under way. */
void runner_debt_try(struct debt *);
void runner_debts_attach(struct runner *, struct run *);
void runner_debts_status(const struct runner *, json_t *out);
/* runner_hosts.c */
void runner_hosts_look(struct runner *);
/* runner.c */
struct run *runner_find(const struct runner *, int64_t run);
void runner_adopt(struct runner *, struct run *);
void runner_start(struct runner *, struct run *);
void runner_start_next(struct runner *);
void runner_check_stopped(struct runner *);
/* runner_close.c */
void runner_close_try(struct closing *);
void runner_close_free(struct runner *);
/* runner_wait.c */
void runner_waiter_free(struct waiter *);
/* Wake all who wait for any host. */
void runner_wake_hosts(struct runner *, const struct err *);
void runner_wake_waiters(struct runner *, int64_t run, const char *host,
    const struct err *);
void runner_wait(struct runner *, int64_t run, const char *host,
    runner_done_fn *, void *);

#endif
