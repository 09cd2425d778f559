/*
 * backup_trouble.h - what can go wrong around a world of backup_world.h, and
 * what must hold afterwards.  Included by one test program at a time.
 */
#ifndef TEST_BACKUP_TROUBLE_H
#define TEST_BACKUP_TROUBLE_H
#include <sqlite3.h>

#include "runner_int.h"
#include "unit/daemon/backup_world.h"

#define READS_MAX 4000
/* Of the run that world_leave() leaves. */
#define LEFT_UUID "11111111-2222-4333-8444-555555555555"

static const struct env_ops *patient;

static void __attribute__((unused)) hasty_start(struct env_timer *t, int64_t ms)
{
	patient->timer_start(t, ms > 500 && ms < WAIT_MS ? ms / 50 : ms);
}

/* What is tried again after seconds is so at once. */
static void __attribute__((unused)) world_hurry(struct world *w)
{
	static struct env_ops hasty;

	patient = w->d.env->ops;
	hasty = *patient;
	hasty.timer_start = hasty_start;
	w->d.env->ops = &hasty;
}

/* From now on, or no longer, every write to the history fails. */
static void __attribute__((unused))
history_break(struct world *w, bool is_broken)
{
	static const char *const tables[] = { "runs", "steps", "run_stores",
		"run_docs", "debts" };
	static const char *const verbs[] = { "INSERT", "UPDATE", "DELETE" };
	char *path = xasprintf("%s/state/history.db", w->dir), *text;
	sqlite3 *db;
	size_t i, k;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	(void)sqlite3_busy_timeout(db, 5000);
	for (i = 0; i < COUNT_OF(tables); i++)
		for (k = 0; k < COUNT_OF(verbs); k++) {
			text = is_broken
			    ? xasprintf("CREATE TRIGGER IF NOT EXISTS"
					" broken_%s_%s BEFORE %s ON %s BEGIN"
					" SELECT RAISE(ABORT, 'disk full');"
					" END",
				  tables[i], verbs[k], verbs[k], tables[i])
			    : xasprintf("DROP TRIGGER IF EXISTS broken_%s_%s",
				  tables[i], verbs[k]);
			assert_int_equal(sqlite3_exec(db, text, NULL, NULL,
					     NULL),
			    SQLITE_OK);
			free(text);
		}
	(void)sqlite3_close(db);
	free(path);
}

/* As if its disk were gone: what is in it stays, out of reach. */
static void __attribute__((unused))
store_break(struct world *w, const char *name, bool is_broken)
{
	char *path = xasprintf("%s/%s", w->dir, name);
	char *away = xasprintf("%s/%s.away", w->dir, name);
	FILE *f;

	if (is_broken) {
		/* The run may make it just now. */
		(void)mkdir(path, 0700);
		assert_int_equal(rename(path, away), 0);
		f = fopen(path, "w");
		assert_non_null(f);
		(void)fclose(f);
	} else if (access(away, F_OK) == 0) {
		assert_int_equal(unlink(path), 0);
		assert_int_equal(rename(away, path), 0);
	}
	free(path);
	free(away);
}

static void __attribute__((unused)) world_trigger(struct world *w)
{
	w->is_ended = w->has_answer = false;
	runner_trigger(w->d.runner, "fake", "manual", 0, on_triggered, w);
	world_wait(w, &w->has_answer);
	assert_int_equal(w->trigger_err.code, ERR_NONE);
}

/* Whether the run was still going at turn ${n}. */
static bool __attribute__((unused)) world_turn(struct world *w, unsigned n)
{
	for (; n > 0 && !w->is_ended; n--)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	return !w->is_ended;
}

/* A new daemon on what the old one left. */
static void __attribute__((unused)) world_restart(struct world *w)
{
	world_close(w);
	world_open(w);
}

static void __attribute__((unused)) on_recovered(void *arg, const struct err *e)
{
	struct world *w = arg;

	assert_null(e);
	w->has_answer = true;
}

static bool __attribute__((unused)) world_is_settled(struct world *w)
{
	world_read(w);
	return strcmp(json_get_str(w->row, "state", ""), "running") != 0 &&
	    json_array_size(w->debts) == 0;
}

static void __attribute__((unused)) world_recover(struct world *w)
{
	unsigned i;

	w->has_answer = false;
	runner_recover(w->d.runner, on_recovered, w);
	world_wait(w, &w->has_answer);
	for (i = 0; !world_is_settled(w); i++)
		assert_true(i < READS_MAX);
}

static void __attribute__((unused)) assert_verdict(struct world *w)
{
	const char *state = json_get_str(w->row, "state", "?");
	unsigned a = world_snapshots(w, "a", NULL);
	unsigned b = world_snapshots(w, "b", NULL);

	assert_true(fake.is_running);
	assert_false(fake.has_staging);
	assert_int_equal(json_array_size(w->debts), 0);
	assert_non_null(json_get_str(w->row, "finished", NULL));
	if (strcmp(state, "done") == 0) {
		assert_int_equal(a + b, 2);
		assert_null(json_get_str(w->row, "error", NULL));
	} else if (strcmp(state, "partial") == 0) {
		assert_true(a + b > 0);
		assert_non_null(json_get_str(w->row, "error", NULL));
	} else {
		assert_true(strcmp(state, "failed") == 0 ||
		    strcmp(state, "canceled") == 0);
		assert_int_equal(a + b, 0);
		assert_null(json_get_str(w->row, "snapshot", NULL));
		assert_non_null(json_get_str(w->row, "error", NULL));
	}
}

/* What was left half is collected by the next run. */
static void __attribute__((unused)) assert_next_is_whole(struct world *w)
{
	unsigned others;

	world_run(w);
	assert_state(w, "done");
	assert_clean(w);
	(void)world_snapshots(w, "b", &others);
	assert_int_equal(others, 0);
}

static void __attribute__((unused))
on_left(void *arg, int64_t run, const struct err *e)
{
	struct world *w = arg;

	assert_null(e);
	w->run = run;
	w->has_answer = true;
}

/* A row of job "fake"; stores named in ${gone} cannot be opened any more. */
static void __attribute__((unused))
world_add_row(struct world *w, const char *uuid, const char *gone)
{
	json_t *frozen = conf_freeze(w->d.conf, "fake"), *store;
	struct history_new_run row;
	char name[2] = "";

	for (; gone != NULL && *gone != '\0'; gone++) {
		name[0] = *gone;
		store = json_object_get(json_object_get(frozen, "stores"),
		    name);
		json_put_str(store, "type", "of-a-newer-program");
	}
	memset(&row, 0, sizeof(row));
	row.uuid = uuid;
	row.job = "fake";
	row.kind = "backup";
	row.trigger = "manual";
	row.queued_ms = env_wall_ms(w->d.env);
	row.attempt = 1;
	row.config = frozen;
	w->has_answer = false;
	history_run_add(w->d.history, &row, on_left, w);
	json_decref(frozen);
	world_wait(w, &w->has_answer);
}

/* What a daemon leaves that dies in ${step}. */
static void __attribute__((unused))
world_leave(struct world *w, const char *step, const char *gone)
{
	json_t *set = json_object();
	struct err e;
	char *path;
	int i;

	world_add_row(w, LEFT_UUID, gone);
	for (i = 0; i < 2; i++) {
		path = xasprintf("%s/%s", w->dir, i == 0 ? "a" : "b");
		assert_int_equal(file_mkdir_p(path, &e), 0);
		free(path);
	}
	json_put_str(set, "snapshot", "20260101-000000");
	json_put(set, "source", json_pack("{s:s}", "fake", "state"));
	w->has_answer = false;
	history_run_set(w->d.history, w->run, set, on_recovered, w);
	world_wait(w, &w->has_answer);
	w->has_answer = false;
	history_run_step(w->d.history, w->run, step, env_wall_ms(w->d.env), 0,
	    NULL, on_recovered, w);
	world_wait(w, &w->has_answer);
	fake.is_running = strcmp(step, "PREPARE") == 0 ||
	    strcmp(step, "TRANSFER") == 0;
	fake.has_staging = strcmp(step, "PREPARE") != 0;
}

#endif
