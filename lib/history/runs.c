/* runs.c - see history.h: what is written about a run while it goes. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "history/queue.h"

static int
op_run_add(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	if (db_exec(db,
		"INSERT INTO runs (uuid, job, kind, state, \"trigger\","
		" scheduled_for, queued, attempt) VALUES (:uuid, :job, :kind,"
		" 'running', :trigger, :scheduled_for, :queued, :attempt)",
		args, e) == -1)
		return -1;
	out->id = sqlite3_last_insert_rowid(db->sql);
	if (db_exec(db,
		"INSERT INTO run_docs (run, config) VALUES"
		" ((SELECT run FROM runs WHERE uuid = :uuid), :config)",
		args, e) == -1)
		return -1;
	if (strcmp(json_get_str(args, "kind", ""), "backup") != 0)
		return 0;
	return db_exec(db,
	    "INSERT INTO jobs (job, last_due) VALUES"
	    " (:job, coalesce(:scheduled_for, 0)) ON CONFLICT (job) DO UPDATE"
	    " SET last_due = max(last_due, excluded.last_due)",
	    args, e);
}

static int
run_must_exist(struct db *db, struct err *e)
{
	if (db_changes(db) > 0)
		return 0;
	return err_set(e, ERR_NOT_FOUND, "history: no such run");
}

static int
op_run_step(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	(void)out;
	if (db_exec(db, "UPDATE runs SET step = :step WHERE run = :run", args,
		e) == -1 ||
	    run_must_exist(db, e) == -1)
		return -1;
	if (db_exec(db,
		"UPDATE steps SET finished = :at, bytes = :bytes,"
		" error = :error WHERE run = :run AND finished IS NULL",
		args, e) == -1)
		return -1;
	return db_exec(db,
	    "INSERT INTO steps (run, seq, step, started) VALUES"
	    " (:run, (SELECT coalesce(max(seq), 0) + 1 FROM steps"
	    " WHERE run = :run), :step, :at)",
	    args, e);
}

static int
op_run_store(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	(void)out;
	/* No change, but it tells whether there is such a run. */
	if (db_exec(db, "UPDATE runs SET run = run WHERE run = :run", args,
		e) == -1 ||
	    run_must_exist(db, e) == -1)
		return -1;
	return db_exec(db,
	    "INSERT INTO run_stores (run, store, verdict, bytes,"
	    " error, started) VALUES (:run, :store, :verdict, :bytes, :error,"
	    " :at) ON CONFLICT (run, store) DO UPDATE SET"
	    " verdict = excluded.verdict, bytes = excluded.bytes,"
	    " error = excluded.error, finished = excluded.started",
	    args, e);
}

/* What history_run_set() may set, and the statement that does it. */
#define RUN_COLUMN(table, name)                                                \
	{                                                                      \
#name,                                                         \
		    "UPDATE " #table " SET " #name                             \
		    " = :value WHERE run = :run"                               \
	}

static const struct {
	const char *name;
	const char *text;
} settable[] = {
	RUN_COLUMN(runs, started),
	RUN_COLUMN(runs, as_of),
	RUN_COLUMN(runs, finished),
	RUN_COLUMN(runs, state),
	RUN_COLUMN(runs, downtime_ms),
	RUN_COLUMN(runs, healthy_ms),
	RUN_COLUMN(runs, bytes_read),
	RUN_COLUMN(runs, bytes_stored),
	RUN_COLUMN(runs, snapshot),
	RUN_COLUMN(runs, warnings),
	RUN_COLUMN(runs, error),
	RUN_COLUMN(runs, error_code),
	RUN_COLUMN(run_docs, source),
	RUN_COLUMN(run_docs, details),
	RUN_COLUMN(run_docs, health),
};

static int
run_set_one(struct db *db, json_t *args, const char *name, json_t *value,
    struct err *e)
{
	size_t i;

	for (i = 0; i < COUNT_OF(settable); i++)
		if (strcmp(settable[i].name, name) == 0)
			break;
	if (i == COUNT_OF(settable))
		return err_set(e, ERR_INTERNAL, "history: a run has no '%s'",
		    name);
	json_put(args, "value", json_incref(value));
	if (db_exec(db, settable[i].text, args, e) == -1)
		return err_context(e, "%s", name);
	return run_must_exist(db, e);
}

static int
op_run_set(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	const json_t *set = json_object_get(args, "set");
	json_t *each = json_object(), *value;
	const char *name;
	int rc = 0;

	(void)out;
	json_put(each, "run", json_incref(json_object_get(args, "run")));
	json_object_foreach((json_t *)set, name, value)
		if ((rc = run_set_one(db, each, name, value, e)) == -1)
			break;
	/* A finished run has no open step. */
	if (rc == 0 && json_is_integer(json_object_get(set, "finished"))) {
		json_put(each, "at",
		    json_incref(json_object_get(set, "finished")));
		rc = db_exec(db,
		    "UPDATE steps SET finished = :at WHERE"
		    " run = :run AND finished IS NULL",
		    each, e);
	}
	json_decref(each);
	return rc;
}

static const struct history_op run_add = { "add a run", true, op_run_add };
static const struct history_op run_step = { "record a step", true,
	op_run_step };
static const struct history_op run_set = { "record a run", true, op_run_set };
static const struct history_op run_store = { "record a store", true,
	op_run_store };

void
history_run_add(struct history *h, const struct history_new_run *n,
    history_id_fn *fn, void *arg)
{
	json_t *args = json_object();

	json_put_str(args, "uuid", n->uuid);
	json_put_str(args, "job", n->job);
	json_put_str(args, "kind", n->kind);
	json_put_str(args, "trigger", n->trigger);
	if (n->scheduled_ms != 0)
		json_put_int(args, "scheduled_for", n->scheduled_ms);
	json_put_int(args, "queued", n->queued_ms);
	json_put_int(args, "attempt", n->attempt);
	json_put(args, "config",
	    n->config == NULL ? json_object() : json_deep_copy(n->config));
	history_ask(h, &run_add, args, HISTORY_ID(fn, arg));
}

void
history_run_step(struct history *h, int64_t run, const char *step,
    int64_t at_ms, int64_t bytes, const char *step_error, history_done_fn *fn,
    void *arg)
{
	json_t *args = json_object();

	json_put_int(args, "run", run);
	json_put_str(args, "step", step);
	json_put_int(args, "at", at_ms);
	json_put_int(args, "bytes", bytes);
	json_put_str(args, "error", step_error);
	history_ask(h, &run_step, args, HISTORY_DONE(fn, arg));
}

void
history_run_set(struct history *h, int64_t run, json_t *set,
    history_done_fn *fn, void *arg)
{
	json_t *args = json_object();

	json_put_int(args, "run", run);
	json_put(args, "set", set);
	history_ask(h, &run_set, args, HISTORY_DONE(fn, arg));
}

void
history_run_store(struct history *h, int64_t run, const char *store,
    const char *verdict, int64_t bytes, const char *error, int64_t at_ms,
    history_done_fn *fn, void *arg)
{
	json_t *args = json_object();

	json_put_int(args, "run", run);
	json_put_str(args, "store", store);
	json_put_str(args, "verdict", verdict);
	json_put_int(args, "bytes", bytes);
	json_put_str(args, "error", error);
	json_put_int(args, "at", at_ms);
	history_ask(h, &run_store, args, HISTORY_DONE(fn, arg));
}
