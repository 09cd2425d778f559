/*
 * scheduler_int.h - what the files of the scheduler share.
 *
 * Threads: loop thread only.
 */
#ifndef DAEMON_SCHEDULER_INT_H
#define DAEMON_SCHEDULER_INT_H

#include "base/env.h"
#include "cron/cron.h"
#include "daemon.h"
#include "scheduler.h"

/* A firing that does not become a run of its own. */
struct sched_row {
	int64_t due_ms;
	const char *verdict;
	char *reason;
};

/* What is recorded and started, one after the other, for a job. */
struct sched_batch {
	struct sched_row *rows;
	size_t n, at;
	const char *trigger; /* Then a run, unless NULL, ... */
	int64_t run_due_ms;  /* ... for this firing. */
};

/* A job that was ever seen; kept until the scheduler goes. */
struct sched_job {
	struct sched_job *next;
	struct scheduler *s;
	char *name;
	char *key;              /* Its schedule as text, to see a change. */
	struct cron_expr *expr; /* NULL: nothing is planned. */
	struct cron_zone *zone;
	int64_t catch_up_ms;
	int64_t last_due_ms; /* Accounted for up to here. */
	bool is_paused;
	bool is_busy;    /* ${batch} is being worked on. */
	bool has_failed; /* The last try to record what is due. */
	struct sched_batch batch;
};

struct scheduler {
	struct daemon *d;
	const struct scheduler_runner *runner;
	struct env_timer *timer;
	struct sched_job *jobs;
	size_t pending; /* Answers that will still come. */
	bool is_running;
	bool is_known;   /* The history has been read. */
	bool is_planned; /* At least once. */
	bool is_planning;
	bool plan_again;
	bool is_dead;
	/* Wall clock; what was due by then was missed. */
	int64_t first_look_ms;
	int64_t planned_ms; /* Monotonic. */
	scheduler_done_fn *start_fn;
	void *start_arg;
};

/* scheduler.c */
void scheduler_arm(struct scheduler *);
struct sched_job *scheduler_job(struct scheduler *, const char *name);
/* The first line of each callback: true when the scheduler has gone. */
bool scheduler_answered(struct scheduler *);

/* scheduler_plan.c */
void scheduler_plan(struct scheduler *);

/* scheduler_due.c: see to what is due of ${j}, if anything. */
void scheduler_account(struct sched_job *j, int64_t now_ms);
void sched_batch_done(struct sched_batch *);

#endif
