/*
 * scheduler.h - which job is due when.
 *
 * Knows: cron expressions, what was accounted for, catch-up, overlap, pauses.
 * Does not know: how a job runs.
 * Threads: loop thread only.
 *
 * A firing that is due while the daemon runs is "schedule" up to 60 s late.
 * One that was missed - the daemon was down, the machine asleep - is made up
 * for once, as "catch-up", if it is no later than the job's catch_up; else it
 * is "missed" (within 60 s of a start it is "schedule" even then).  Of several
 * only the newest runs, the others are "merged".  While the job is paused or
 * its last run still goes on, firings are "skipped".  What comes from a new or
 * changed schedule counts from the moment the daemon sees it.
 *
 * Every firing that was due has exactly one row: a run (which advances
 * last_due in the same transaction) or a firing with its reason; when more
 * than 100 were missed, the older ones share a row.  The clock is
 * looked at every 30 s at most, so that sleep and clock steps are seen.
 */
#ifndef DAEMON_SCHEDULER_H
#define DAEMON_SCHEDULER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "runner.h"

struct daemon;
struct scheduler;

/* What is asked of the runner, so that a test can stand in for it. */
struct scheduler_runner {
	void (*trigger)(struct runner *, const char *job, const char *trigger,
	    int64_t scheduled_ms, runner_id_fn *, void *);
	int64_t (*current)(const struct runner *, const char *job);
};

/* The table must outlive the scheduler. */
struct scheduler *scheduler_new_with(struct daemon *,
    const struct scheduler_runner *);
static inline struct scheduler *
scheduler_new(struct daemon *d)
{
	static const struct scheduler_runner real = { runner_trigger,
		runner_current };

	return scheduler_new_with(d, &real);
}
/* Stops it; no callback comes any more. */
void scheduler_free(struct scheduler *);
/*
 * Read what was accounted for, then start the clock.  Once, after recovery.
 * When the history cannot be read now, that is the answer, and it is tried
 * again until it can.
 */
typedef void scheduler_done_fn(void *arg, const struct err *);
void scheduler_start(struct scheduler *, scheduler_done_fn *, void *);
void scheduler_stop(struct scheduler *);
/* The configuration changed: plan anew. */
void scheduler_replan(struct scheduler *);
/* The next ${count} firings of ${job} in ms; returns how many. */
size_t scheduler_next(const struct scheduler *, const char *job, size_t count,
    int64_t *out);
void scheduler_pause(struct scheduler *, const char *job, bool is_paused,
    scheduler_done_fn *, void *);
bool scheduler_is_paused(const struct scheduler *, const char *job);

#endif
