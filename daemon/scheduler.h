/*
 * scheduler.h - which job is due when.
 *
 * Knows: cron expressions, what was accounted for, catch-up, overlap, pauses.
 * Does not know: how a job runs.
 * Threads: loop thread only.
 *
 * Every firing that was due has exactly one row: a run (which advances
 * last_due in the same transaction) or a firing with its reason.  The clock is
 * looked at every 30 s at most, so that sleep and clock steps are seen.
 */
#ifndef DAEMON_SCHEDULER_H
#define DAEMON_SCHEDULER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct daemon;
struct scheduler;

struct scheduler *scheduler_new(struct daemon *);
void scheduler_free(struct scheduler *);
/* Read what was accounted for, then start the clock.  Once, after recovery. */
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
