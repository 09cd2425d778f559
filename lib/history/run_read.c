/* run_read.c - see history.h: runs as JSON objects, and pages of them. */
#include "history/run_read.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "history/queue.h"

#define PAGE_DEFAULT 100
#define PAGE_MAX 10000

/* The members of a run behind "run"; "history --json" promises the names. */
#define RUN_FIELDS(X)                                                          \
	X(uuid, TEXT)                                                          \
	X(job, TEXT)                                                           \
	X(kind, TEXT)                                                          \
	X(state, TEXT)                                                         \
	X(step, TEXT)                                                          \
	X(trigger, TEXT)                                                       \
	X(scheduled_for, TIME)                                                 \
	X(queued, TIME)                                                        \
	X(started, TIME)                                                       \
	X(finished, TIME)                                                      \
	X(as_of, TIME)                                                         \
	X(downtime_ms, INT)                                                    \
	X(healthy_ms, INT)                                                     \
	X(bytes_read, INT)                                                     \
	X(bytes_stored, INT)                                                   \
	X(snapshot, TEXT)                                                      \
	X(attempt, INT)                                                        \
	X(warnings, JSON)                                                      \
	X(error, TEXT)                                                         \
	X(error_code, TEXT)

#define AS_FIELD(name, kind) { #name, DB_##kind },
#define AS_COLUMN(name, kind) ", \"" #name "\""
#define RUN_SELECT "SELECT run" RUN_FIELDS(AS_COLUMN) " FROM runs "

static const struct db_field run_fields[] = { { "run", DB_INT },
	RUN_FIELDS(AS_FIELD) };
static const struct db_field doc_fields[] = {
	{ "config", DB_JSON },
	{ "source", DB_JSON },
	{ "details", DB_JSON },
	{ "health", DB_JSON },
};
static const struct db_field store_fields[] = {
	{ "store", DB_TEXT },
	{ "verdict", DB_TEXT },
	{ "bytes", DB_INT },
	{ "error", DB_TEXT },
	{ "started", DB_TIME },
	{ "finished", DB_TIME },
};
static const struct db_field step_fields[] = {
	{ "step", DB_TEXT },
	{ "started", DB_TIME },
	{ "finished", DB_TIME },
	{ "bytes", DB_INT },
	{ "error", DB_TEXT },
};

/* Add the rows of ${text} for this run as the array member ${name}. */
static int
run_read_list(struct db *db, json_t *run, const char *name, const char *text,
    const struct db_field *fields, size_t n, struct err *e)
{
	json_t *list = db_rows(db, text, run, fields, n, e);

	if (list == NULL)
		return -1;
	json_put(run, name, list);
	return 0;
}

static int
run_read_docs(struct db *db, json_t *run, struct err *e)
{
	sqlite3_stmt *stmt;
	json_t *docs;
	int rc;

	stmt = db_query(db,
	    "SELECT config, source, details, health"
	    " FROM run_docs WHERE run = :run",
	    run, e);
	if (stmt == NULL || (rc = db_step(db, stmt, e)) == -1)
		return -1;
	if (rc == 0)
		return 0;
	docs = db_row(stmt, doc_fields, COUNT_OF(doc_fields));
	(void)sqlite3_reset(stmt);
	(void)json_object_update(run, docs);
	json_decref(docs);
	return 0;
}

static int
run_read_rest(struct db *db, json_t *run, bool full, struct err *e)
{
	if (run_read_list(db, run, "stores",
		"SELECT store, verdict, bytes,"
		" error, started, finished FROM run_stores WHERE run = :run"
		" ORDER BY id",
		store_fields, COUNT_OF(store_fields), e) == -1)
		return -1;
	if (!full)
		return 0;
	if (run_read_docs(db, run, e) == -1)
		return -1;
	return run_read_list(db, run, "steps",
	    "SELECT step, started,"
	    " finished, bytes, error FROM steps WHERE run = :run ORDER BY seq",
	    step_fields, COUNT_OF(step_fields), e);
}

json_t *
run_read_all(struct db *db, const char *where, const json_t *args, bool full,
    struct err *e)
{
	struct buf text = BUF_INIT;
	json_t *runs, *run;
	int rc = 0;
	size_t i;

	buf_adds(&text, RUN_SELECT);
	buf_adds(&text, where);
	runs = db_rows(db, buf_str(&text), args, run_fields,
	    COUNT_OF(run_fields), e);
	buf_done(&text);
	json_array_foreach(runs, i, run)
		if (rc == 0)
			rc = run_read_rest(db, run, full, e);
	if (rc == 0)
		return runs;
	json_decref(runs);
	return NULL;
}

/* Only the conditions that are asked for, so that their index is used. */
static const struct {
	const char *name;
	const char *text;
} conditions[] = {
	{ "job", "job = :job" },
	{ "state", "state = :state" },
	{ "kind", "kind = :kind" },
	{ "since", "queued >= :since" },
	{ "until", "queued < :until" },
	{ "before", "run < :before" },
};

static int
op_runs(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	struct buf where = BUF_INIT;
	const char *glue = "WHERE ";
	size_t i;

	for (i = 0; i < COUNT_OF(conditions); i++) {
		if (json_object_get(args, conditions[i].name) == NULL)
			continue;
		buf_adds(&where, glue);
		buf_adds(&where, conditions[i].text);
		glue = " AND ";
	}
	buf_adds(&where, " ORDER BY run DESC LIMIT :limit");
	out->value = run_read_all(db, buf_str(&where), args, false, e);
	buf_done(&where);
	return out->value == NULL ? -1 : 0;
}

static int
op_run_get(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	json_t *found;

	found = run_read_all(db, "WHERE run = :run", args, true, e);
	if (found == NULL)
		return -1;
	out->value = json_incref(json_array_get(found, 0));
	json_decref(found);
	if (out->value == NULL)
		return err_set(e, ERR_NOT_FOUND, "history: no such run");
	return 0;
}

static int
op_unfinished(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	out->value = run_read_all(db, "WHERE state = 'running' ORDER BY run",
	    args, true, e);
	return out->value == NULL ? -1 : 0;
}

static const struct history_op runs = { "list runs", false, op_runs };
static const struct history_op run_get = { "read a run", false, op_run_get };
static const struct history_op unfinished = { "list unfinished runs", false,
	op_unfinished };

void
history_runs(struct history *h, const struct history_filter *f,
    history_json_fn *fn, void *arg)
{
	json_t *args = json_object();
	unsigned limit = f->limit == 0 ? PAGE_DEFAULT : f->limit;

	if (f->job != NULL)
		json_put_str(args, "job", f->job);
	if (f->state != NULL)
		json_put_str(args, "state", f->state);
	if (f->kind != NULL)
		json_put_str(args, "kind", f->kind);
	if (f->since_ms != 0)
		json_put_int(args, "since", f->since_ms);
	if (f->until_ms != 0)
		json_put_int(args, "until", f->until_ms);
	if (f->before_run != 0)
		json_put_int(args, "before", f->before_run);
	json_put_int(args, "limit", limit > PAGE_MAX ? PAGE_MAX : limit);
	history_ask(h, &runs, args, HISTORY_JSON(fn, arg));
}

void
history_run_get(struct history *h, int64_t run, history_json_fn *fn, void *arg)
{
	json_t *args = json_object();

	json_put_int(args, "run", run);
	history_ask(h, &run_get, args, HISTORY_JSON(fn, arg));
}

void
history_unfinished(struct history *h, history_json_fn *fn, void *arg)
{
	history_ask(h, &unfinished, json_object(), HISTORY_JSON(fn, arg));
}
