/*
 * backup_revive_test.c - what start-up makes of the runs a dead daemon left.
 */
#include <string.h>

#include "unit/daemon/backup_world.h"

static void
on_left(void *arg, int64_t run, const struct err *e)
{
	struct world *w = arg;

	assert_null(e);
	w->run = run;
	w->has_answer = true;
}

static void
on_written(void *arg, const struct err *e)
{
	struct world *w = arg;

	assert_null(e);
	w->has_answer = true;
}

static void
world_leave(struct world *w, const char *step)
{
	struct history_new_run row;
	json_t *set = json_object();

	memset(&row, 0, sizeof(row));
	row.uuid = "11111111-2222-4333-8444-555555555555";
	row.job = "fake";
	row.kind = "backup";
	row.trigger = "manual";
	row.queued_ms = env_wall_ms(w->d.env);
	row.attempt = 1;
	row.config = conf_freeze(w->d.conf, "fake");
	w->has_answer = false;
	history_run_add(w->d.history, &row, on_left, w);
	json_decref((json_t *)(uintptr_t)row.config);
	world_wait(w, &w->has_answer);
	json_put_str(set, "snapshot", "20260101-000000");
	json_put(set, "source", json_pack("{s:s}", "fake", "state"));
	history_run_set(w->d.history, w->run, set, on_written, w);
	w->has_answer = false;
	history_run_step(w->d.history, w->run, step, env_wall_ms(w->d.env), 0,
	    NULL, on_written, w);
	world_wait(w, &w->has_answer);
	fake.is_running = strcmp(step, "PREPARE") == 0 ||
	    strcmp(step, "TRANSFER") == 0;
	fake.has_staging = strcmp(step, "PREPARE") != 0;
}

static void
world_recover(struct world *w)
{
	w->has_answer = false;
	runner_recover(w->d.runner, on_written, w);
	world_wait(w, &w->has_answer);
	do {
		world_read(w);
	} while (strcmp(json_get_str(w->row, "state", ""), "running") == 0);
}

static void
test_revived_runs_are_undone(void **state)
{
	static const char *const steps[] = { "PREPARE", "QUIESCE", "CAPTURE",
		"RESUME", "TRANSFER", "UNDO" };
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(steps); i++) {
		struct world *w = world_new("");

		fake_source_reset();
		world_leave(w, steps[i]);
		world_recover(w);
		assert_state(w, "failed");
		text = xasprintf("the daemon was interrupted in %s", steps[i]);
		assert_string_equal(json_get_str(w->row, "error", ""), text);
		assert_string_equal(json_get_str(w->row, "error_code", ""),
		    "crashed");
		free(text);
		assert_clean(w);
		assert_int_equal(fake.calls[FAKE_UNDO], 1);
		world_free(w);
	}
}

static void
test_revived_capture_is_sent_again(void **state)
{
	static const char *const steps[] = { "RESUME", "TRANSFER" };
	struct err e;
	char *path;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(steps); i++) {
		struct world *w = world_new("");

		fake_source_reset();
		fake.recovery = SOURCE_RERUN;
		world_leave(w, steps[i]);
		path = xasprintf("%s/a/20260101-000000", w->dir);
		assert_int_equal(file_mkdir_p(path, &e), 0);
		free(path);
		path = xasprintf("%s/b", w->dir);
		assert_int_equal(file_mkdir_p(path, &e), 0);
		free(path);
		world_recover(w);
		assert_state(w, "done");
		assert_clean(w);
		assert_int_equal(world_snapshots(w, "a", NULL), 1);
		assert_int_equal(world_snapshots(w, "b", NULL), 1);
		assert_int_equal(json_array_size(json_object_get(w->row,
				     "warnings")),
		    1);
		world_free(w);
	}
}

/* What a dead daemon was sealing is settled by reading, never assumed. */
static void
test_revived_seal_is_settled_by_reading(void **state)
{
	static const char text[] = "0000000000000000000000000000000000000000"
				   "000000000000000000000000  x\n";
	struct world *w = world_new("");
	struct err e;
	char *path;

	(void)state;
	fake_source_reset();
	world_leave(w, "TRANSFER");
	path = xasprintf("%s/a/20260101-000000", w->dir);
	assert_int_equal(file_mkdir_p(path, &e), 0);
	free(path);
	path = xasprintf("%s/a/20260101-000000/MANIFEST.sha256", w->dir);
	assert_int_equal(file_publish(path, text, strlen(text), false, &e), 0);
	free(path);
	w->has_answer = false;
	history_run_store(w->d.history, w->run, "a", "sealing", 1, NULL,
	    env_wall_ms(w->d.env), on_written, w);
	world_wait(w, &w->has_answer);
	world_recover(w);
	/* Sealed in a: the source's UNDO must not take it away. */
	assert_state(w, "partial");
	assert_int_equal(world_snapshots(w, "a", NULL), 1);
	assert_int_equal(world_snapshots(w, "b", NULL), 0);
	world_free(w);
}

static void
test_revived_queued_run_is_run(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	world_leave(w, "QUEUED");
	world_recover(w);
	assert_state(w, "done");
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_revived_runs_are_undone),
		cmocka_unit_test(test_revived_capture_is_sent_again),
		cmocka_unit_test(test_revived_seal_is_settled_by_reading),
		cmocka_unit_test(test_revived_queued_run_is_run),
	};

	return cmocka_run_group_tests_name("backup_revive", tests, NULL, NULL);
}
