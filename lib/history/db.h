/*
 * db.h - the history's SQLite connection: open, statements, errors.
 *
 * Knows: SQLite.  Does not know: runs, threads, callbacks.
 * Threads: one at a time; the history's own once it is open.
 *
 * Parameters come from a JSON object: ":job" in the text is bound to its
 * member "job".  Objects and arrays are bound as their JSON text.
 */
#ifndef HISTORY_DB_H
#define HISTORY_DB_H

#include <jansson.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct db_statement;

struct db {
	sqlite3 *sql;
	struct db_statement *cache; /* Prepared once, by text. */
	size_t ncache;
};

/* The schema's migrations, oldest first; user_version counts those done. */
extern const char *const db_migrations[];
extern const size_t db_migration_count;

/* Open or make ${path}, check it, bring its schema up to date. */
int db_open(struct db *, const char *path, struct err *);
void db_close(struct db *);

/**
 * db_query(db, text, args, e):
 * The statement for ${text}, reset and bound; NULL with ${e} set.  Owned by
 * ${db}; good until the same text is asked for again.
 */
sqlite3_stmt *db_query(struct db *, const char *text, const json_t *args,
    struct err *);
/* 1: a row; 0: no more, and the statement is reset; -1: failed and reset. */
int db_step(struct db *, sqlite3_stmt *, struct err *);
/* Run a statement that yields no rows. */
int db_exec(struct db *, const char *text, const json_t *args, struct err *);
/* Fill ${e} for result ${rc} of the last call on ${db}; return -1. */
int db_error(struct db *, int rc, struct err *);
/* Rows that the last statement changed. */
int64_t db_changes(struct db *);

int db_begin(struct db *, struct err *);
int db_commit(struct db *, struct err *);
/* After a failure; harmless when SQLite has rolled back already. */
void db_rollback(struct db *);

/* Columns become members of a JSON object. */
enum db_kind {
	DB_INT, /* An integer or null. */
	DB_BOOL,
	DB_TEXT,
	DB_TIME, /* Milliseconds; RFC 3339 or null when read. */
	DB_JSON  /* JSON text; the value itself when read. */
};

struct db_field {
	const char *name;
	enum db_kind kind;
};

/* Column i of the row becomes member fields[i].name. */
json_t *db_row(sqlite3_stmt *, const struct db_field *, size_t n);
/* All rows of ${text} as an array of such objects; NULL with ${e} set. */
json_t *db_rows(struct db *, const char *text, const json_t *args,
    const struct db_field *, size_t n, struct err *);

#endif
