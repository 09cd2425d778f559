/* debts.c - see history.h: what is still owed. */
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "history/queue.h"

static const struct db_field debt_fields[] = {
	{ "debt", DB_INT },
	{ "run", DB_INT },
	{ "job", DB_TEXT },
	{ "kind", DB_TEXT },
	{ "host", DB_TEXT },
	{ "data", DB_JSON },
	{ "created", DB_TIME },
	{ "attempts", DB_INT },
	{ "last_attempt", DB_TIME },
	{ "last_error", DB_TEXT },
};

static int
op_debt_add(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	if (db_exec(db,
		"INSERT INTO debts (run, job, kind, host, data,"
		" created) VALUES (:run, :job, :kind, :host, :data, :at)",
		args, e) == -1)
		return -1;
	out->id = sqlite3_last_insert_rowid(db->sql);
	return 0;
}

static int
op_debt_failed(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	(void)out;
	if (db_exec(db,
		"UPDATE debts SET attempts = attempts + 1,"
		" last_attempt = :at, last_error = :error WHERE debt = :debt",
		args, e) == -1)
		return -1;
	if (db_changes(db) == 0)
		return err_set(e, ERR_NOT_FOUND, "history: no such debt");
	return 0;
}

/* One that is settled already is settled. */
static int
op_debt_settle(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	(void)out;
	return db_exec(db, "DELETE FROM debts WHERE debt = :debt", args, e);
}

static int
op_debts(struct db *db, const json_t *args, struct history_answer *out,
    struct err *e)
{
	out->value = db_rows(db,
	    "SELECT debt, run, job, kind, host, data, created,"
	    " attempts, last_attempt, last_error FROM debts ORDER BY debt",
	    args, debt_fields, COUNT_OF(debt_fields), e);
	return out->value == NULL ? -1 : 0;
}

static const struct history_op debt_add = { "record a debt", true,
	op_debt_add };
static const struct history_op debt_failed = { "record a failed attempt", true,
	op_debt_failed };
static const struct history_op debt_settle = { "settle a debt", true,
	op_debt_settle };
static const struct history_op debts = { "list debts", false, op_debts };

void
history_debt_add(struct history *h, int64_t run, const char *job,
    const char *kind, const char *host, const json_t *data, int64_t at_ms,
    history_id_fn *fn, void *arg)
{
	json_t *args = json_object();

	if (run != 0)
		json_put_int(args, "run", run);
	json_put_str(args, "job", job);
	json_put_str(args, "kind", kind);
	json_put_str(args, "host", host);
	json_put(args, "data",
	    data == NULL ? json_object() : json_deep_copy(data));
	json_put_int(args, "at", at_ms);
	history_ask(h, &debt_add, args, HISTORY_ID(fn, arg));
}

void
history_debt_failed(struct history *h, int64_t debt, int64_t at_ms,
    const char *error, history_done_fn *fn, void *arg)
{
	json_t *args = json_object();

	json_put_int(args, "debt", debt);
	json_put_int(args, "at", at_ms);
	json_put_str(args, "error", error);
	history_ask(h, &debt_failed, args, HISTORY_DONE(fn, arg));
}

void
history_debt_settle(struct history *h, int64_t debt, history_done_fn *fn,
    void *arg)
{
	json_t *args = json_object();

	json_put_int(args, "debt", debt);
	history_ask(h, &debt_settle, args, HISTORY_DONE(fn, arg));
}

void
history_debts(struct history *h, history_json_fn *fn, void *arg)
{
	history_ask(h, &debts, json_object(), HISTORY_JSON(fn, arg));
}
