/* db_open.c - see db.h: open, check and migrate the database. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/file.h"
#include "base/mem.h"
#include "history/db.h"

#define BUSY_MS 5000

static enum err_code
db_code(struct db *db, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ERR_NO_SPACE;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		if (sqlite3_system_errno(db->sql) == ENOSPC ||
		    sqlite3_system_errno(db->sql) == EDQUOT)
			return ERR_NO_SPACE;
		if (sqlite3_system_errno(db->sql) == EACCES)
			return ERR_PERMISSION;
		return ERR_IO;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_CORRUPT;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return ERR_PERMISSION;
	case SQLITE_CONSTRAINT:
		return ERR_CONFLICT;
	case SQLITE_TOOBIG:
		return ERR_LIMIT;
	default:
		return ERR_INTERNAL;
	}
}

int
db_error(struct db *db, int rc, struct err *e)
{
	const char *text = db->sql == NULL ? sqlite3_errstr(rc)
					   : sqlite3_errmsg(db->sql);
	int num = db->sql == NULL ? 0 : sqlite3_system_errno(db->sql);

	if ((rc & 0xff) == SQLITE_IOERR && num != 0)
		return err_set(e, db_code(db, rc), "history: %s (%s)", text,
		    strerror(num));
	return err_set(e, db_code(db, rc), "history: %s", text);
}

static int
db_sync_parent(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int rc;

	if (slash == NULL)
		return file_sync_dir(".", e);
	dir = xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
	rc = file_sync_dir(dir, e);
	free(dir);
	return rc;
}

/*
 * The file is made by us so that nobody else can ever read it; -wal and -shm
 * take its mode.  An existing one is not opened here: closing it would drop
 * SQLite's locks in this process.
 */
static int
db_make_file(const char *path, struct err *e)
{
	struct stat st;
	int fd;

	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd != -1) {
		(void)close(fd);
		return db_sync_parent(path, e);
	}
	if (errno != EEXIST)
		return err_sys(e, errno, "history '%s'", path);
	if (stat(path, &st) == -1)
		return err_sys(e, errno, "history '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_CONFIG, "history '%s': not a file", path);
	if ((st.st_mode & 0077) != 0 && chmod(path, 0600) == -1)
		return err_sys(e, errno, "history '%s'", path);
	return 0;
}

/* Run a pragma or a script; its first value, if any, goes to ${out}. */
static int
db_script(struct db *db, const char *text, char *out, size_t max, struct err *e)
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	if (out == NULL) {
		rc = sqlite3_exec(db->sql, text, NULL, NULL, NULL);
		return rc == SQLITE_OK ? 0 : db_error(db, rc, e);
	}
	out[0] = '\0';
	rc = sqlite3_prepare_v2(db->sql, text, -1, &stmt, NULL);
	if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
		(void)snprintf(out, max, "%s",
		    (const char *)sqlite3_column_text(stmt, 0));
		rc = SQLITE_OK;
	}
	if (rc != SQLITE_OK && rc != SQLITE_DONE)
		(void)db_error(db, rc, e);
	(void)sqlite3_finalize(stmt);
	return rc == SQLITE_OK || rc == SQLITE_DONE ? 0 : -1;
}

static int
db_settings(struct db *db, struct err *e)
{
	char mode[32];

	(void)sqlite3_extended_result_codes(db->sql, 1);
	(void)sqlite3_busy_timeout(db->sql, BUSY_MS);
	(void)sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db->sql, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0,
	    NULL);
	if (db_script(db, "PRAGMA journal_mode = WAL", mode, sizeof(mode), e) ==
	    -1)
		return -1;
	/* The reply is the mode in force, not the one asked for. */
	if (strcmp(mode, "wal") != 0)
		return err_set(e, ERR_CONFIG,
		    "history: the file system does "
		    "not allow a write-ahead log (mode '%s')",
		    mode);
	return db_script(db,
	    "PRAGMA synchronous = FULL;"
	    "PRAGMA fullfsync = 1; PRAGMA checkpoint_fullfsync = 1;"
	    "PRAGMA foreign_keys = ON;PRAGMA journal_size_limit = 4194304",
	    NULL, 0, e);
}

static int
db_check(struct db *db, struct err *e)
{
	char verdict[200];

	if (db_script(db, "PRAGMA quick_check(1)", verdict, sizeof(verdict),
		e) == -1)
		return -1;
	if (strcmp(verdict, "ok") != 0)
		return err_set(e, ERR_CORRUPT, "history: %s", verdict);
	return 0;
}

static int
db_migrate_one(struct db *db, size_t version, struct err *e)
{
	char set[64];

	(void)snprintf(set, sizeof(set), "PRAGMA user_version = %zu",
	    version + 1);
	if (db_script(db, "BEGIN IMMEDIATE", NULL, 0, e) == -1)
		return -1;
	if (db_script(db, db_migrations[version], NULL, 0, e) == 0 &&
	    db_script(db, set, NULL, 0, e) == 0) {
		CRASH_POINT("history-before-migration");
		if (db_script(db, "COMMIT", NULL, 0, e) == 0)
			return 0;
	}
	if (!sqlite3_get_autocommit(db->sql))
		(void)db_script(db, "ROLLBACK", NULL, 0, NULL);
	return err_context(e, "migration %zu", version + 1);
}

static int
db_migrate(struct db *db, struct err *e)
{
	char text[32];
	long have;
	size_t i;

	if (db_script(db, "PRAGMA user_version", text, sizeof(text), e) == -1)
		return -1;
	have = strtol(text, NULL, 10);
	if (have < 0 || (size_t)have > db_migration_count)
		return err_set(e, ERR_CONFIG,
		    "history: made by a newer "
		    "ragbackupd (schema %ld, this one knows %zu)",
		    have, db_migration_count);
	for (i = (size_t)have; i < db_migration_count; i++)
		if (db_migrate_one(db, i, e) == -1)
			return -1;
	return 0;
}

int
db_open(struct db *db, const char *path, struct err *e)
{
	int rc;

	memset(db, 0, sizeof(*db));
	if (db_make_file(path, e) == -1)
		return -1;
	rc = sqlite3_open_v2(path, &db->sql,
	    SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK)
		(void)db_error(db, rc, e);
	if (rc == SQLITE_OK && db_settings(db, e) == 0 &&
	    db_check(db, e) == 0 && db_migrate(db, e) == 0)
		return 0;
	db_close(db);
	return err_context(e, "'%s'", path);
}
