/*
 * daemon_test.c - all parts together: made, told to reload, ended at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon.h"
#include "runner.h"

struct world {
	uv_loop_t loop;
	struct daemon *d;
	char dir[64];
	char *conf_path, *log, *moved;
	bool is_reloaded, is_stopped;
	struct err err;
};

static const char good[] = "daemon: {state_dir: ./state, socket: ./s, "
			   "min_free: 0}\n"
			   "stores:\n  a: {type: filesystem, path: ./a}\n"
			   "jobs:\n  j:\n"
			   "    source: {type: directory, paths: [./data]}\n"
			   "    stores: [{store: a}]\n";

static void
world_write(struct world *w, const char *text)
{
	struct err e;

	assert_int_equal(file_publish(w->conf_path, text, strlen(text), false,
			     &e),
	    0);
}

static struct world *
world_new(void)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct err e = ERR_INIT;
	struct conf *conf;
	char *state;

	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/rb-daemon-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->conf_path = xasprintf("%s/c.yaml", w->dir);
	w->log = xasprintf("%s/log", w->dir);
	w->moved = xasprintf("%s/log.1", w->dir);
	state = xasprintf("%s/state", w->dir);
	assert_int_equal(mkdir(state, 0700), 0);
	free(state);
	world_write(w, good);
	conf = conf_load(w->conf_path, NULL, &e);
	assert_string_equal(e.msg, "");
	assert_int_equal(log_open(w->log, LOG_INFO, &e), 0);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->d = daemon_new(&w->loop, conf, w->conf_path, 1, &e);
	assert_string_equal(e.msg, "");
	conf_unref(conf);
	return w;
}

static void
on_reloaded(void *arg, const struct err *e)
{
	struct world *w = arg;

	err_copy(&w->err, e);
	w->is_reloaded = true;
}

static void
world_reload(struct world *w)
{
	w->is_reloaded = false;
	daemon_reload(w->d, on_reloaded, w);
	assert_false(w->is_reloaded);
	while (!w->is_reloaded)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
}

static void
on_stopped(void *arg, const struct err *e)
{
	struct world *w = arg;

	(void)e;
	w->is_stopped = true;
	daemon_close(w->d);
}

static void
world_free(struct world *w)
{
	struct err e;

	w->d->is_stopping = true;
	runner_stop(w->d->runner, on_stopped, w);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_true(w->is_stopped);
	daemon_free(w->d);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	log_close();
	assert_int_equal(file_remove_tree(w->dir, &e), 0);
	free(w->conf_path);
	free(w->log);
	free(w->moved);
	free(w);
}

static void
test_reload_leaves_a_moved_log(void **state)
{
	static const char *const texts[] = { good, "daemon: {nonsense: 1}\n" };
	struct world *w = world_new();
	const struct conf *first = w->d->conf;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(texts); i++) {
		assert_int_equal(rename(w->log, w->moved), 0);
		world_write(w, texts[i]);
		world_reload(w);
		log_info("after=%d", (int)i);
		assert_int_equal(access(w->log, F_OK), 0);
		assert_int_equal(w->err.code, i == 0 ? ERR_NONE : ERR_CONFIG);
		/* A bad one changes nothing else. */
		if (i == 0)
			first = w->d->conf;
		assert_ptr_equal(w->d->conf, first);
	}
	world_free(w);
}

static void
on_recovered(void *arg, const struct err *e)
{
	(void)arg;
	assert_null(e);
}

/* As SIGTERM right behind the start, and behind a SIGHUP. */
static void
test_stop_in_the_middle_of_everything(void **state)
{
	struct world *w = world_new();

	(void)state;
	runner_recover(w->d->runner, on_recovered, w->d);
	daemon_reload(w->d, on_reloaded, w);
	world_free(w);
}

static void
test_history_that_cannot_be_opened(void **state)
{
	struct world *w = world_new();
	struct err e = ERR_INIT;
	char *path = xasprintf("%s/state/history.db", w->dir);
	struct conf *conf = conf_ref(w->d->conf);
	char dir[64];

	(void)state;
	memcpy(dir, w->dir, sizeof(dir));
	w->d->is_stopping = true;
	runner_stop(w->d->runner, on_stopped, w);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	daemon_free(w->d);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_null(daemon_new(&w->loop, conf, w->conf_path, 1, &e));
	assert_non_null(strstr(e.msg, "history.db"));
	assert_int_equal(rmdir(path), 0);
	w->d = daemon_new(&w->loop, conf, w->conf_path, 1, &e);
	assert_non_null(w->d);
	conf_unref(conf);
	free(path);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reload_leaves_a_moved_log),
		cmocka_unit_test(test_stop_in_the_middle_of_everything),
		cmocka_unit_test(test_history_that_cannot_be_opened),
	};

	return cmocka_run_group_tests_name("daemon", tests, NULL, NULL);
}
