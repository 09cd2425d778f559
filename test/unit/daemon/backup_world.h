/*
 * backup_world.h - a daemon without socket and schedule around a scripted
 * source, with a real history and real filesystem stores.  Included by one test
 * program at a time.
 */
#ifndef TEST_BACKUP_WORLD_H
#define TEST_BACKUP_WORLD_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon.h"
#include "runner.h"
#include "unit/daemon/fake_source.h"

#define WAIT_MS 20000

struct world {
	uv_loop_t loop;
	struct daemon d;
	char dir[64];
	int64_t run;
	json_t *row; /* Of the ended run. */
	json_t *debts;
	struct err trigger_err, cancel_err;
	bool is_ended, is_canceled, has_answer, is_stopped, is_late;
	struct runner_watch *watch;
	const char *cancel_at; /* Step at which to cancel. */
	struct env_timer *limit;
};

static void
on_limit(void *arg)
{
	struct world *w = arg;

	w->is_late = true;
}

/* Turn the loop until ${flag}; the test fails when that takes too long. */
static void
world_wait(struct world *w, const bool *flag)
{
	w->is_late = false;
	env_timer_start(w->limit, WAIT_MS);
	while (!*flag && !w->is_late)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	env_timer_stop(w->limit);
	assert_false(w->is_late);
}

static const char config[] =
    "daemon: {state_dir: ./state, min_free: 0}\n"
    "stores:\n"
    "  a: {type: filesystem, path: ./a}\n"
    "  b: {type: filesystem, path: ./b}\n"
    "jobs:\n"
    "  fake:\n"
    "    source: {type: directory, paths: [./data]%s}\n"
    "    stores: [{store: a, keep: {last: 2}}, {store: b}]\n";

/* Everything that lives in the process, on what stands in its directory. */
static void
world_open(struct world *w)
{
	struct err e = ERR_INIT;
	char *path = xasprintf("%s/state/history.db", w->dir);

	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->d.loop = &w->loop;
	w->d.env = env_new(&w->loop);
	w->d.pool = work_pool_new(&w->loop, 2);
	w->d.history = history_open(w->d.env, path, &e);
	assert_string_equal(e.msg, "");
	assert_non_null(w->d.history);
	w->d.runner = runner_new(&w->d);
	w->limit = env_timer_new(w->d.env, on_limit, w);
	free(path);
}

static struct world *
world_new(const char *source_extra)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct err e = ERR_INIT;
	char *path, *text;

	/* In memory where that is to be had: many worlds are made. */
	(void)snprintf(w->dir, sizeof(w->dir), "%s/rb-backup-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(w->dir));
	text = xasprintf(config, source_extra);
	path = xasprintf("%s/c.yaml", w->dir);
	w->d.conf = conf_parse(path, text, strlen(text), NULL, &e);
	assert_string_equal(e.msg, "");
	assert_non_null(w->d.conf);
	w->d.conf_path = path;
	free(text);
	text = xasprintf("%s/state", w->dir);
	assert_int_equal(mkdir(text, 0700), 0);
	free(text);
	world_open(w);
	return w;
}

static void
on_stopped(void *arg, const struct err *e)
{
	struct world *w = arg;

	assert_null(e);
	w->is_stopped = true;
}

/* As daemon_close() does it. */
static void
world_close(struct world *w)
{
	runner_unwatch(w->watch);
	w->watch = NULL;
	if (!w->is_stopped)
		runner_stop(w->d.runner, on_stopped, w);
	world_wait(w, &w->is_stopped);
	w->is_stopped = false;
	history_close(w->d.history);
	runner_free(w->d.runner);
	env_timer_free(w->limit);
	work_pool_free(w->d.pool);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	env_free(w->d.env);
	assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void
world_free(struct world *w)
{
	struct err e;

	world_close(w);
	conf_unref(w->d.conf);
	free(w->d.conf_path);
	json_decref(w->row);
	json_decref(w->debts);
	assert_int_equal(file_remove_tree(w->dir, &e), 0);
	free(w);
}

static void
on_canceled(void *arg, const struct err *e)
{
	struct world *w = arg;

	w->is_canceled = true;
	err_copy(&w->cancel_err, e);
}

static void
on_event(void *arg, const json_t *event)
{
	struct world *w = arg;
	const char *what = json_get_str(event, "event", "");

	if (strcmp(what, "end") == 0)
		w->is_ended = true;
	if (w->cancel_at != NULL && strcmp(what, "state") == 0 &&
	    strcmp(json_get_str(event, "step", ""), w->cancel_at) == 0) {
		w->cancel_at = NULL;
		runner_cancel(w->d.runner, w->run, on_canceled, w);
	}
}

static void
on_triggered(void *arg, int64_t run, const struct err *e)
{
	struct world *w = arg;

	w->has_answer = true;
	err_copy(&w->trigger_err, e);
	w->run = run;
	if (e == NULL)
		w->watch = runner_watch(w->d.runner, run, on_event, w);
}

static void
on_row(void *arg, json_t *row, const struct err *e)
{
	struct world *w = arg;

	assert_null(e);
	w->row = row;
	w->has_answer = true;
}

static void
on_debts(void *arg, json_t *debts, const struct err *e)
{
	struct world *w = arg;

	assert_null(e);
	json_decref(w->debts);
	w->debts = debts;
	w->has_answer = true;
}

static void
world_read(struct world *w)
{
	json_decref(w->row);
	w->row = NULL;
	w->has_answer = false;
	history_run_get(w->d.history, w->run, on_row, w);
	world_wait(w, &w->has_answer);
	w->has_answer = false;
	history_debts(w->d.history, on_debts, w);
	world_wait(w, &w->has_answer);
}

/* One run, to its end. */
static void __attribute__((unused)) world_run(struct world *w)
{
	w->is_ended = w->has_answer = false;
	runner_unwatch(w->watch);
	w->watch = NULL;
	runner_trigger(w->d.runner, "fake", "manual", 0, on_triggered, w);
	world_wait(w, &w->has_answer);
	assert_int_equal(w->trigger_err.code, ERR_NONE);
	world_wait(w, &w->is_ended);
	world_read(w);
}

/*
 * More is in the folder than temporary files: those a store keeps for a moment,
 * to be sure that nobody writes them any more.
 */
static unsigned
world_is_begun(const char *path, const char *name)
{
	char *folder = file_join(path, name);
	DIR *dir = opendir(folder);
	unsigned is_begun = dir == NULL;
	struct dirent *de;

	while (dir != NULL && (de = readdir(dir)) != NULL)
		if (strcmp(de->d_name, ".") != 0 &&
		    strcmp(de->d_name, "..") != 0 &&
		    strstr(de->d_name, FILE_TMP_MARK) == NULL)
			is_begun = 1;
	if (dir != NULL)
		(void)closedir(dir);
	free(folder);
	return is_begun;
}

/* Snapshots with a manifest in store ${name}; any other entry in ${others}. */
static unsigned
world_snapshots(struct world *w, const char *name, unsigned *others)
{
	char *path = xasprintf("%s/%s", w->dir, name), *file;
	unsigned n = 0, m = 0;
	struct dirent *de;
	DIR *dir = opendir(path);

	while (dir != NULL && (de = readdir(dir)) != NULL) {
		if (de->d_name[0] == '.')
			continue;
		file = xasprintf("%s/%s/MANIFEST.sha256", path, de->d_name);
		if (access(file, F_OK) == 0)
			n++;
		else
			m += world_is_begun(path, de->d_name);
		free(file);
	}
	if (dir != NULL)
		(void)closedir(dir);
	free(path);
	if (others != NULL)
		*others = m;
	return n;
}

static void
assert_state(const struct world *w, const char *state)
{
	assert_string_equal(json_get_str(w->row, "state", "?"), state);
	assert_non_null(json_get_str(w->row, "finished", NULL));
}

/* Nothing taken, nothing owed, nothing half in a store. */
static void
assert_clean(struct world *w)
{
	unsigned others;

	assert_true(fake.is_running);
	assert_false(fake.has_staging);
	assert_int_equal(json_array_size(w->debts), 0);
	(void)world_snapshots(w, "a", &others);
	assert_int_equal(others, 0);
}

#endif
