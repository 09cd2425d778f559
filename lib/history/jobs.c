/*
 * jobs.c - see history.h: what is known of each job, the firings that did not
 * become runs, pauses, and deletions.
 */
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "history/queue.h"
#include "history/run_read.h"

#define FIRINGS_MAX 1000

static const struct db_field job_fields[] = {
	{ "job", DB_TEXT },
	{ "last_due", DB_INT },
	{ "paused", DB_BOOL },
};
static const struct db_field firing_fields[] = {
	{ "job", DB_TEXT },
	{ "due", DB_TIME },
	{ "verdict", DB_TEXT },
	{ "reason", DB_TEXT },
	{ "recorded", DB_TIME },
};

static int
job_add_run(struct db *db, json_t *job, const char *member, const char *where,
    struct err *e)
{
	json_t *found = run_read_all(db, where, job, false, e), *run;

	if (found == NULL)
		return -1;
	run = json_array_get(found, 0);
	json_put(job, member, run == NULL ? json_null() : json_incref(run));
	json_decref(found);
	return 0;
}

static int
job_read(struct db *db, json_t *job, struct err *e)
{
	if (job_add_run(db, job, "last",
		"WHERE job = :job AND kind = 'backup'"
		" ORDER BY run DESC LIMIT 1",
		e) == -1)
		return -1;
	return job_add_run(db, job, "last_ok",
	    "WHERE job = :job AND kind = 'backup' AND state = 'done'"
	    " ORDER BY run DESC LIMIT 1",
	    e);
}

static int
op_jobs(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	sqlite3_stmt *stmt;
	const char *name;
	json_t *job;
	int rc;

	stmt = db_query(db, "SELECT job, last_due, paused FROM jobs", args, e);
	if (stmt == NULL)
		return -1;
	out->value = json_object();
	while ((rc = db_step(db, stmt, e)) == 1) {
		job = db_row(stmt, job_fields, COUNT_OF(job_fields));
		json_put(out->value, json_get_str(job, "job", ""), job);
	}
	json_object_foreach(out->value, name, job) {
		if (rc == 0)
			rc = job_read(db, job, e);
	}
	return rc;
}

static int
op_job_seen(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	(void)out;
	return db_exec(db,
	    "INSERT INTO jobs (job, last_due) VALUES"
	    " (:job, :due) ON CONFLICT (job) DO UPDATE SET"
	    " last_due = max(last_due, excluded.last_due)",
	    args, e);
}

static int
op_firing(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	if (db_exec(db,
		"INSERT INTO firings (job, due, verdict, reason,"
		" recorded) VALUES (:job, :due, :verdict, :reason, :recorded)",
		args, e) == -1)
		return -1;
	return op_job_seen(db, args, out, e);
}

static int
op_firings(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	out->value = db_rows(db,
	    "SELECT job, due, verdict, reason, recorded"
	    " FROM firings WHERE job = :job ORDER BY firing DESC LIMIT :limit",
	    args, firing_fields, COUNT_OF(firing_fields), e);
	return out->value == NULL ? -1 : 0;
}

static int
op_pause(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	(void)out;
	return db_exec(db,
	    "INSERT INTO jobs (job, paused) VALUES"
	    " (:job, :paused) ON CONFLICT (job) DO UPDATE SET"
	    " paused = excluded.paused",
	    args, e);
}

static int
op_deleted(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	(void)out;
	return db_exec(db,
	    "INSERT INTO deletions (run, store, snapshot,"
	    " reason, at) VALUES (:run, :store, :snapshot, :reason, :at)",
	    args, e);
}

static const struct history_op jobs = { "list jobs", false, op_jobs };
static const struct history_op job_seen = { "record a job", true, op_job_seen };
static const struct history_op firing = { "record a firing", true, op_firing };
static const struct history_op firings = { "list firings", false, op_firings };
static const struct history_op pausing = { "record a pause", true, op_pause };
static const struct history_op deleted = { "record a deletion", true,
	op_deleted };

void
history_jobs(struct history *h, history_json_fn *fn, void *arg)
{
	history_ask(h, &jobs, json_object(), HISTORY_JSON(fn, arg));
}

void
history_job_seen(struct history *h, const char *job, int64_t due_ms,
    history_done_fn *fn, void *arg)
{
	json_t *args = json_object();

	json_put_str(args, "job", job);
	json_put_int(args, "due", due_ms);
	history_ask(h, &job_seen, args, HISTORY_DONE(fn, arg));
}

void
history_firing(struct history *h, const char *job, int64_t due_ms,
    const char *verdict, const char *reason, history_done_fn *fn, void *arg)
{
	json_t *args = json_object();

	json_put_str(args, "job", job);
	json_put_int(args, "due", due_ms);
	json_put_str(args, "verdict", verdict);
	json_put_str(args, "reason", reason);
	json_put_int(args, "recorded", history_now_ms(h));
	history_ask(h, &firing, args, HISTORY_DONE(fn, arg));
}

void
history_firings(struct history *h, const char *job, unsigned limit,
    history_json_fn *fn, void *arg)
{
	json_t *args = json_object();

	json_put_str(args, "job", job);
	json_put_int(args, "limit",
	    limit == 0 || limit > FIRINGS_MAX ? FIRINGS_MAX : limit);
	history_ask(h, &firings, args, HISTORY_JSON(fn, arg));
}

void
history_pause(struct history *h, const char *job, bool is_paused,
    history_done_fn *fn, void *arg)
{
	json_t *args = json_object();

	json_put_str(args, "job", job);
	json_put_bool(args, "paused", is_paused);
	history_ask(h, &pausing, args, HISTORY_DONE(fn, arg));
}

void
history_deleted(struct history *h, int64_t run, const char *store,
    const char *snapshot, const char *reason, int64_t at_ms,
    history_done_fn *fn, void *arg)
{
	json_t *args = json_object();

	if (run != 0)
		json_put_int(args, "run", run);
	json_put_str(args, "store", store);
	json_put_str(args, "snapshot", snapshot);
	json_put_str(args, "reason", reason);
	json_put_int(args, "at", at_ms);
	history_ask(h, &deleted, args, HISTORY_DONE(fn, arg));
}
