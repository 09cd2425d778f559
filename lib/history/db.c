/* db.c - see db.h: statements, parameters, rows, errors. */
#include "history/db.h"

#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/mem.h"

struct db_statement {
	char *text;
	sqlite3_stmt *stmt;
};

static sqlite3_stmt *
db_prepare(struct db *db, const char *text, struct err *e)
{
	struct db_statement *s;
	sqlite3_stmt *stmt;
	size_t i;
	int rc;

	for (i = 0; i < db->ncache; i++)
		if (strcmp(db->cache[i].text, text) == 0)
			return db->cache[i].stmt;
	rc = sqlite3_prepare_v3(db->sql, text, -1, SQLITE_PREPARE_PERSISTENT,
	    &stmt, NULL);
	if (rc != SQLITE_OK) {
		(void)db_error(db, rc, e);
		return NULL;
	}
	db->cache = xrealloc(db->cache, (db->ncache + 1) * sizeof(*s));
	s = &db->cache[db->ncache++];
	s->text = xstrdup(text);
	s->stmt = stmt;
	return stmt;
}

void
db_close(struct db *db)
{
	size_t i;

	for (i = 0; i < db->ncache; i++) {
		(void)sqlite3_finalize(db->cache[i].stmt);
		free(db->cache[i].text);
	}
	free(db->cache);
	(void)sqlite3_close(db->sql);
	memset(db, 0, sizeof(*db));
}

static int
db_bind_one(sqlite3_stmt *stmt, int at, const json_t *v)
{
	char *text;
	int rc;

	switch (v == NULL ? JSON_NULL : json_typeof(v)) {
	case JSON_STRING:
		return sqlite3_bind_text64(stmt, at, json_string_value(v),
		    json_string_length(v), SQLITE_TRANSIENT, SQLITE_UTF8);
	case JSON_INTEGER:
		return sqlite3_bind_int64(stmt, at, json_integer_value(v));
	case JSON_REAL:
		return sqlite3_bind_double(stmt, at, json_real_value(v));
	case JSON_TRUE:
		return sqlite3_bind_int(stmt, at, 1);
	case JSON_FALSE:
		return sqlite3_bind_int(stmt, at, 0);
	case JSON_NULL:
		return sqlite3_bind_null(stmt, at);
	default:
		text = json_print(v);
		rc = sqlite3_bind_text64(stmt, at, text, strlen(text),
		    SQLITE_TRANSIENT, SQLITE_UTF8);
		free(text);
		return rc;
	}
}

sqlite3_stmt *
db_query(struct db *db, const char *text, const json_t *args, struct err *e)
{
	sqlite3_stmt *stmt = db_prepare(db, text, e);
	int i, n, rc;

	if (stmt == NULL)
		return NULL;
	(void)sqlite3_reset(stmt);
	n = sqlite3_bind_parameter_count(stmt);
	for (i = 1; i <= n; i++) {
		const char *name = sqlite3_bind_parameter_name(stmt, i);

		rc = db_bind_one(stmt, i, json_object_get(args, name + 1));
		if (rc != SQLITE_OK) {
			(void)db_error(db, rc, e);
			return NULL;
		}
	}
	return stmt;
}

int
db_step(struct db *db, sqlite3_stmt *stmt, struct err *e)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE) {
		(void)sqlite3_reset(stmt);
		return 0;
	}
	(void)db_error(db, rc, e);
	(void)sqlite3_reset(stmt);
	return -1;
}

int
db_exec(struct db *db, const char *text, const json_t *args, struct err *e)
{
	sqlite3_stmt *stmt = db_query(db, text, args, e);
	int rc;

	if (stmt == NULL)
		return -1;
	while ((rc = db_step(db, stmt, e)) == 1)
		;
	return rc;
}

int64_t
db_changes(struct db *db)
{
	return sqlite3_changes(db->sql);
}

int
db_begin(struct db *db, struct err *e)
{
	/* Taking the write lock at once lets busy_timeout apply to it. */
	return db_exec(db, "BEGIN IMMEDIATE", NULL, e);
}

int
db_commit(struct db *db, struct err *e)
{
	CRASH_POINT("history-before-commit");
	if (db_exec(db, "COMMIT", NULL, e) == -1)
		return -1;
	CRASH_POINT("history-after-commit");
	return 0;
}

void
db_rollback(struct db *db)
{
	size_t i;

	/* A statement left in the middle would keep its read lock. */
	for (i = 0; i < db->ncache; i++)
		(void)sqlite3_reset(db->cache[i].stmt);
	if (!sqlite3_get_autocommit(db->sql))
		(void)db_exec(db, "ROLLBACK", NULL, NULL);
}

static json_t *
db_json_column(sqlite3_stmt *stmt, int at)
{
	const char *text = (const char *)sqlite3_column_text(stmt, at);
	json_t *v;

	v = json_parse(text, (size_t)sqlite3_column_bytes(stmt, at), NULL);
	/* Somebody else's hand in the file: show what is there. */
	return v != NULL ? v : json_string(text);
}

json_t *
db_row(sqlite3_stmt *stmt, const struct db_field *fields, size_t n)
{
	json_t *o = json_object();
	size_t i;

	for (i = 0; i < n; i++) {
		const char *name = fields[i].name;
		int at = (int)i;

		if (sqlite3_column_type(stmt, at) == SQLITE_NULL) {
			json_put(o, name, json_null());
			continue;
		}
		switch (fields[i].kind) {
		case DB_INT:
			json_put_int(o, name, sqlite3_column_int64(stmt, at));
			break;
		case DB_BOOL:
			json_put_bool(o, name, sqlite3_column_int(stmt, at));
			break;
		case DB_TEXT:
			json_put_str(o, name,
			    (const char *)sqlite3_column_text(stmt, at));
			break;
		case DB_TIME:
			json_put_time(o, name, sqlite3_column_int64(stmt, at));
			break;
		case DB_JSON:
			json_put(o, name, db_json_column(stmt, at));
			break;
		}
	}
	return o;
}

json_t *
db_rows(struct db *db, const char *text, const json_t *args,
    const struct db_field *fields, size_t n, struct err *e)
{
	sqlite3_stmt *stmt = db_query(db, text, args, e);
	json_t *rows = json_array();
	int rc = -1;

	while (stmt != NULL && (rc = db_step(db, stmt, e)) == 1)
		(void)json_array_append_new(rows, db_row(stmt, fields, n));
	if (rc == 0)
		return rows;
	json_decref(rows);
	return NULL;
}
