/*
 * runner.h - which runs are queued and running, and who watches them.
 *
 * Knows: the queue, limits, one run of a job at a time, start-up recovery,
 * debts.  Does not know: how a backup works (job/backup.c), the socket.
 * Threads: loop thread only.
 */
#ifndef DAEMON_RUNNER_H
#define DAEMON_RUNNER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct daemon;
struct runner;
struct runner_watch;

struct runner *runner_new(struct daemon *);
/*
 * Resolve every unfinished run by its row and go on settling debts; never
 * waits for a host.  Called once, before the schedule starts.
 */
typedef void runner_done_fn(void *arg, const struct err *);
void runner_recover(struct runner *, runner_done_fn *, void *);

/**
 * runner_trigger(r, job, trigger, scheduled_ms, fn, arg):
 * Queue a run; ${fn} gets its number once its row is durable.  ERR_BUSY when
 * the job is queued or running already, ERR_NOT_FOUND for an unknown job.
 */
typedef void runner_id_fn(void *arg, int64_t run, const struct err *);
void runner_trigger(struct runner *, const char *job, const char *trigger,
    int64_t scheduled_ms, runner_id_fn *, void *);

/**
 * runner_add_task(r, kind, frozen, fn, arg):
 * Queue a task (job/task.h) of ${kind}, which works from ${frozen}, taken over.
 * Tasks and backups do not wait for each other's places in the queue.
 */
void runner_add_task(struct runner *, const char *kind, json_t *frozen,
    runner_id_fn *, void *);

/*
 * Cancel; ${fn} when the run has ended, never from within.  ERR_NOT_FOUND when
 * it is not running, ERR_CONFLICT, soon, when it is past the point of no
 * return: what is not sealed by then is dropped, and it ends partial.
 */
void runner_cancel(struct runner *, int64_t run, runner_done_fn *, void *);

/*
 * Settle the services still owed on ${host}, if any, before something new is
 * stopped there.
 */
void runner_settle_host(struct runner *, const char *host, runner_done_fn *,
    void *);

/*
 * Remember whether a reboot of ${host} between stop and start is covered by an
 * arm there, for the warnings of runner_status().
 */
void runner_note_host(struct runner *, const char *host, bool is_reboot_safe);

/* Stop taking runs, end the running ones with services back, then ${fn}. */
void runner_stop(struct runner *, runner_done_fn *, void *);
void runner_free(struct runner *);

/* Of an ended run: set these columns (copied), however often it takes. */
void runner_close_row(struct runner *, int64_t run, const json_t *set);

/**
 * runner_watch(r, run, fn, arg):
 * See what happens to ${run}: objects {"event": "state" | "progress" | "note" |
 * "end", "run", "job", "step", "bytes", "total" (null if unknown), "message",
 * "state"}; borrowed.  The first comes soon.  NULL when it is not running or
 * queued.  After "end" nothing comes; the watch still is to be freed.
 */
typedef void runner_event_fn(void *arg, const json_t *event);
struct runner_watch *runner_watch(struct runner *, int64_t run,
    runner_event_fn *, void *);
void runner_unwatch(struct runner_watch *);

/* {"running": [...], "queued": [...], "debts": [...], "warnings": [...]};
 * a new reference; answers at once from memory. */
json_t *runner_status(const struct runner *);
/* Whether a run with this UUID is queued or running. */
bool runner_is_active(const struct runner *, const char *uuid);
/* The run of ${job} that is queued or running, 0 if none. */
int64_t runner_current(const struct runner *, const char *job);

#endif
