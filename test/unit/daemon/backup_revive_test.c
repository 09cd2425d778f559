/*
 * backup_revive_test.c - what start-up makes of the runs a dead daemon left.
 */
#include <string.h>

#include "unit/daemon/backup_trouble.h"

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
		world_leave(w, steps[i], NULL);
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
world_touch(const char *path)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	(void)fclose(f);
}

static void
test_revived_capture_is_sent_again(void **state)
{
	static const char *const steps[] = { "RESUME", "TRANSFER" };
	struct err e;
	char *path, *half;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(steps); i++) {
		struct world *w = world_new("");

		fake_source_reset();
		fake.recovery = SOURCE_RERUN;
		world_leave(w, steps[i], NULL);
		path = xasprintf("%s/a/20260101-000000", w->dir);
		assert_int_equal(file_mkdir_p(path, &e), 0);
		free(path);
		path = xasprintf("%s/b", w->dir);
		assert_int_equal(file_mkdir_p(path, &e), 0);
		free(path);
		path = xasprintf("%s/a/20260101-000000", w->dir);
		half = xasprintf("%s/one.tar.gz%sdead01", path, FILE_TMP_MARK);
		assert_int_equal(file_mkdir_p(path, &e), 0);
		world_touch(half);
		world_recover(w);
		assert_state(w, "done");
		/* It would stand in the sealed folder. */
		assert_int_not_equal(access(half, F_OK), 0);
		free(half);
		free(path);
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
	world_leave(w, "TRANSFER", NULL);
	path = xasprintf("%s/a/20260101-000000", w->dir);
	assert_int_equal(file_mkdir_p(path, &e), 0);
	free(path);
	path = xasprintf("%s/a/20260101-000000/MANIFEST.sha256", w->dir);
	assert_int_equal(file_publish(path, text, strlen(text), false, &e), 0);
	free(path);
	w->has_answer = false;
	history_run_store(w->d.history, w->run, "a", "sealing", 1, NULL,
	    env_wall_ms(w->d.env), on_recovered, w);
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
	world_leave(w, "QUEUED", NULL);
	world_recover(w);
	assert_state(w, "done");
	world_free(w);
}

static void
world_had_store(struct world *w, const char *name, const char *verdict)
{
	w->has_answer = false;
	history_run_store(w->d.history, w->run, name, verdict, 1, NULL,
	    env_wall_ms(w->d.env), on_recovered, w);
	world_wait(w, &w->has_answer);
}

static void
world_had_manifest(struct world *w, const char *name)
{
	static const char text[] = "0000000000000000000000000000000000000000"
				   "000000000000000000000000  x\n";
	char *dir = xasprintf("%s/%s/20260101-000000", w->dir, name);
	char *path = xasprintf("%s/MANIFEST.sha256", dir);
	struct err e;

	assert_int_equal(file_mkdir_p(dir, &e), 0);
	assert_int_equal(file_publish(path, text, strlen(text), false, &e), 0);
	free(dir);
	free(path);
}

static const char *
store_error(const struct world *w, const char *name)
{
	const json_t *stores = json_object_get(w->row, "stores"), *o;
	size_t i;

	for (i = 0; i < json_array_size(stores); i++) {
		o = json_array_get(stores, i);
		if (strcmp(json_get_str(o, "store", ""), name) == 0)
			return json_get_str(o, "error", "");
	}
	return "";
}

/* Neither sent again over it nor thrown away: it may be whole. */
static void
test_revived_seal_that_cannot_be_read_is_left(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	fake.recovery = SOURCE_RERUN;
	world_hurry(w);
	world_leave(w, "TRANSFER", NULL);
	world_had_manifest(w, "a");
	world_had_store(w, "a", "sealing");
	store_break(w, "a", true);
	world_recover(w);
	assert_state(w, "partial");
	assert_non_null(strstr(store_error(w, "a"), "is not known"));
	assert_int_equal(world_snapshots(w, "b", NULL), 1);
	store_break(w, "a", false);
	assert_int_equal(world_snapshots(w, "a", NULL), 1);
	world_free(w);
}

static void
test_revived_store_that_is_gone(void **state)
{
	static const char *const verdicts[] = { NULL, "sending", "proving",
		"sealing", "sealed", "pruned", "dropped" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(verdicts); i++) {
		struct world *w = world_new("");

		fake_source_reset();
		fake.recovery = SOURCE_RERUN;
		world_leave(w, "TRANSFER", "a");
		if (verdicts[i] != NULL)
			world_had_store(w, "a", verdicts[i]);
		world_recover(w);
		assert_state(w, i == 4 || i == 5 ? "done" : "partial");
		assert_int_equal(world_snapshots(w, "b", NULL), 1);
		assert_true(fake.is_running);
		world_free(w);
	}
}

/* Services come back even when no store can be opened any more. */
static void
test_revived_without_any_store(void **state)
{
	static const char *const steps[] = { "PREPARE", "QUIESCE", "CAPTURE",
		"RESUME", "TRANSFER", "UNDO" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(steps); i++) {
		struct world *w = world_new("");

		fake_source_reset();
		fake.recovery = SOURCE_RERUN;
		world_leave(w, steps[i], "ab");
		world_recover(w);
		assert_state(w, "failed");
		assert_clean(w);
		world_free(w);
	}
}

static void
test_requeued_run_with_a_store_that_is_gone(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	world_leave(w, "QUEUED", "a");
	world_recover(w);
	assert_state(w, "partial");
	assert_clean(w);
	world_free(w);
}

/* Sealed in one store before the crash; the services cannot be resumed. */
static void
test_revived_resume_that_fails_after_a_seal(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	fake.recovery = SOURCE_RERUN;
	(void)err_set(&fake.fail[FAKE_RESUME], ERR_SERVICE, "port in use");
	world_leave(w, "RESUME", NULL);
	world_had_manifest(w, "a");
	world_had_store(w, "a", "sealed");
	world_recover(w);
	assert_state(w, "partial");
	assert_string_equal(json_get_str(w->row, "error", ""), "port in use");
	assert_int_equal(fake.calls[FAKE_UNDO], 1);
	assert_true(fake.is_running);
	assert_int_equal(world_snapshots(w, "a", NULL), 1);
	world_free(w);
}

/* The last living store fails while another one is sealed already. */
static void
test_revived_other_store_breaks(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	fake.recovery = SOURCE_RERUN;
	world_leave(w, "TRANSFER", NULL);
	world_had_manifest(w, "a");
	world_had_store(w, "a", "sealed");
	store_break(w, "b", true);
	world_recover(w);
	assert_state(w, "partial");
	assert_non_null(strstr(json_get_str(w->row, "error", ""), "store b"));
	store_break(w, "b", false);
	world_free(w);
}

/* Only its last row was missing: nothing is asked of anybody. */
static void
test_revived_closed_run_is_closed(void **state)
{
	static const char *const steps[][2] = { { "DONE", "done" },
		{ "PARTIAL", "partial" }, { "FAILED", "failed" },
		{ "CANCELED", "canceled" } };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(steps); i++) {
		struct world *w = world_new("");

		fake_source_reset();
		world_leave(w, steps[i][0], "ab");
		world_recover(w);
		assert_state(w, steps[i][1]);
		assert_int_equal(fake.calls[FAKE_UNDO] + fake.recovers, 0);
		world_free(w);
	}
}

static void
test_stop_while_the_source_is_asked(void **state)
{
	static const char *const steps[] = { "RESUME", "TRANSFER" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(steps); i++) {
		struct world *w = world_new("");

		fake_source_reset();
		fake.recovery = SOURCE_RERUN;
		fake.is_recover_hanging = true;
		world_leave(w, steps[i], NULL);
		w->has_answer = false;
		runner_recover(w->d.runner, on_recovered, w);
		world_wait(w, &w->has_answer);
		while (fake.recovers == 0)
			(void)uv_run(&w->loop, UV_RUN_ONCE);
		runner_stop(w->d.runner, on_stopped, w);
		world_wait(w, &w->is_stopped);
		world_read(w);
		assert_state(w, "failed");
		assert_clean(w);
		world_free(w);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_revived_runs_are_undone),
		cmocka_unit_test(test_revived_capture_is_sent_again),
		cmocka_unit_test(test_revived_seal_is_settled_by_reading),
		cmocka_unit_test(test_revived_queued_run_is_run),
		cmocka_unit_test(test_revived_seal_that_cannot_be_read_is_left),
		cmocka_unit_test(test_revived_store_that_is_gone),
		cmocka_unit_test(test_revived_without_any_store),
		cmocka_unit_test(test_requeued_run_with_a_store_that_is_gone),
		cmocka_unit_test(test_revived_resume_that_fails_after_a_seal),
		cmocka_unit_test(test_revived_other_store_breaks),
		cmocka_unit_test(test_revived_closed_run_is_closed),
		cmocka_unit_test(test_stop_while_the_source_is_asked),
	};

	return cmocka_run_group_tests_name("backup_revive", tests, NULL, NULL);
}
