/*
 * history.h - the runs, their steps and stores, and what is still owed.
 *
 * Knows: SQLite (its only user), on a thread of its own.  Does not know: what a
 * state means.
 * Threads: loop thread for every call; answers come on the loop, in the order
 * of the calls, never from within.  Writes are durable (WAL, synchronous FULL,
 * F_FULLFSYNC on macOS) before their answer.
 */
#ifndef HISTORY_HISTORY_H
#define HISTORY_HISTORY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "base/err.h"

struct history;

typedef void history_done_fn(void *arg, const struct err *);
typedef void history_id_fn(void *arg, int64_t id, const struct err *);
/* ${v} is owned by the callee of the callback; NULL when ${e} is set. */
typedef void history_json_fn(void *arg, json_t *v, const struct err *e);

/**
 * history_open(env, path, e):
 * Open or make the database, migrate it (user_version), start its thread.
 * Blocks; called before the loop runs.  A database of a newer program is
 * ERR_CONFIG; a damaged one ERR_CORRUPT.
 */
struct history *history_open(struct env *, const char *path, struct err *);
/*
 * Waits for what was asked; pending answers are called, also of what they ask
 * in turn; then it is closed.  Not from inside one of its callbacks.  The
 * memory goes when libuv has closed its handle: run the loop once more.
 */
void history_close(struct history *);

/* This instance's id: a UUID made when the database was. */
const char *history_instance(const struct history *);

/*
 * --- Runs.  A run is one JSON object when read:
 * {run, uuid, job, kind, state ("running", "done", "partial", "failed",
 * "canceled"), step (machine state), trigger, scheduled_for, queued, started,
 * finished, as_of, downtime_ms, healthy_ms, bytes_read, bytes_stored, snapshot,
 * attempt, warnings: [...], error, error_code, stores: [{store, verdict, bytes,
 * error, started, finished}]} and in history_run_get() also config (frozen),
 * source (saved), details, steps: [{step, started, finished, bytes, error}].
 * Times are RFC 3339 UTC or null; names are as STYLE.md has them.
 */
struct history_new_run {
	const char *uuid;
	const char *job;
	const char *kind;     /* "backup", ... */
	const char *trigger;  /* "manual", "schedule", "catch-up" */
	int64_t scheduled_ms; /* 0: not by schedule. */
	int64_t queued_ms;
	int attempt;          /* From 1. */
	const json_t *config; /* Frozen; copied. */
};
/*
 * Also advances the job's bookkeeping (last_due) to scheduled_ms, in the same
 * transaction, so that a firing is neither lost nor run twice.
 */
void history_run_add(struct history *, const struct history_new_run *,
    history_id_fn *, void *);

/*
 * Enter machine state ${step} at ${at_ms}: closes the open step row (with
 * ${bytes} and ${step_error}, NULL if it went well) and opens a new one.
 */
void history_run_step(struct history *, int64_t run, const char *step,
    int64_t at_ms, int64_t bytes, const char *step_error, history_done_fn *,
    void *);
/*
 * Set columns: an object with any of started, as_of, finished (ms integers),
 * state, downtime_ms, healthy_ms, bytes_read, bytes_stored, snapshot, warnings
 * (array), error, error_code, source, details, health (strings or objects).
 * ${set} is taken over.  Setting finished also ends the open step row.
 */
void history_run_set(struct history *, int64_t run, json_t *set,
    history_done_fn *, void *);
/* Insert or update the row of ${store} in the run; the first ${at_ms} is its
 * "started", the last of later ones its "finished". */
void history_run_store(struct history *, int64_t run, const char *store,
    const char *verdict, int64_t bytes, const char *error, int64_t at_ms,
    history_done_fn *, void *);

struct history_filter {
	const char *job;            /* NULL: any; copied, as all here. */
	const char *state;          /* NULL: any. */
	const char *kind;           /* NULL: any. */
	int64_t since_ms, until_ms; /* By queued; 0: open. */
	int64_t before_run;         /* Keyset paging: run < this; 0: newest. */
	unsigned limit;             /* 0: 100; at most 10000. */
};
/* Newest first. */
void history_runs(struct history *, const struct history_filter *,
    history_json_fn *, void *);
/* ERR_NOT_FOUND for an unknown one. */
void history_run_get(struct history *, int64_t run, history_json_fn *, void *);
/* Every run whose state is "running", as history_run_get() has them. */
void history_unfinished(struct history *, history_json_fn *, void *);
/* {job: {last: run object | null, last_ok: run object | null,
 * last_due (ms), paused: bool}} for every job known. */
void history_jobs(struct history *, history_json_fn *, void *);
/* Remember ${due_ms} as where the accounting of ${job} starts; an earlier
 * instant than the one known changes nothing. */
void history_job_seen(struct history *, const char *job, int64_t due_ms,
    history_done_fn *, void *);
/* Remember that firings up to ${due_ms} were accounted for, with one row in
 * "firings" of ${verdict} ("skipped", "merged", "missed") and its reason. */
void history_firing(struct history *, const char *job, int64_t due_ms,
    const char *verdict, const char *reason, history_done_fn *, void *);
/* {job, due, verdict, reason, recorded} of the last ${limit} (0: 1000, the
 * most) such rows of ${job}, newest first. */
void history_firings(struct history *, const char *job, unsigned limit,
    history_json_fn *, void *);

/* Remember that ${job} is paused, or not any more. */
void history_pause(struct history *, const char *job, bool is_paused,
    history_done_fn *, void *);

/*
 * --- Debts: what is still owed, written before the effect that creates it,
 * with all that settling needs.  Object when read: {debt, run, job, kind
 * ("services", "staging", "upload"), host, data, created, attempts,
 * last_attempt, last_error}.
 */
void history_debt_add(struct history *, int64_t run, const char *job,
    const char *kind, const char *host, const json_t *data, int64_t at_ms,
    history_id_fn *, void *);
void history_debt_failed(struct history *, int64_t debt, int64_t at_ms,
    const char *error, history_done_fn *, void *);
/* A debt that is not there is settled. */
void history_debt_settle(struct history *, int64_t debt, history_done_fn *,
    void *);
void history_debts(struct history *, history_json_fn *, void *);

/* Deletions by retention or as garbage, a row each. */
void history_deleted(struct history *, int64_t run, const char *store,
    const char *snapshot, const char *reason, int64_t at_ms, history_done_fn *,
    void *);

#endif
