/*
 * backup_test.c - the backup machine with a scripted source: what each failure
 * leads to.
 */
#include <string.h>

#include "unit/daemon/backup_world.h"

static void
test_done(void **state)
{
	struct world *w = world_new("");
	unsigned others;

	(void)state;
	fake_source_reset();
	world_run(w);
	assert_state(w, "done");
	assert_clean(w);
	assert_int_equal(world_snapshots(w, "a", NULL), 1);
	assert_int_equal(world_snapshots(w, "b", &others), 1);
	assert_int_equal(others, 0);
	assert_int_equal(json_get_int(w->row, "downtime_ms", 0), 1234);
	assert_int_equal(json_get_int(w->row, "healthy_ms", 0), 77);
	assert_int_equal(json_get_int(w->row, "bytes_read", 0), 4096);
	assert_int_equal(json_array_size(json_object_get(w->row, "stores")), 2);
	assert_int_equal(json_array_size(json_object_get(w->row, "warnings")),
	    0);
	assert_int_equal(fake.calls[FAKE_UNDO], 0);
	assert_int_equal(fake.calls[FAKE_RELEASE], 1);
	assert_int_equal(fake.calls[FAKE_END], 2);
	world_free(w);
}

static void
test_retention_keeps_the_last_two(void **state)
{
	struct world *w = world_new("");
	int i;

	(void)state;
	fake_source_reset();
	for (i = 0; i < 3; i++) {
		world_run(w);
		assert_state(w, "done");
	}
	assert_int_equal(world_snapshots(w, "a", NULL), 2);
	assert_int_equal(world_snapshots(w, "b", NULL), 3);
	world_free(w);
}

static void
test_failing_operations_are_undone(void **state)
{
	enum fake_op op;

	(void)state;
	for (op = FAKE_PREPARE; op <= FAKE_RESUME; op++) {
		struct world *w = world_new("");

		fake_source_reset();
		(void)err_set(&fake.fail[op], ERR_SERVICE, "scripted %d",
		    (int)op);
		world_run(w);
		assert_state(w, "failed");
		assert_string_equal(json_get_str(w->row, "error", ""),
		    fake.fail[op].msg);
		assert_clean(w);
		assert_int_equal(world_snapshots(w, "a", NULL), 0);
		assert_int_equal(world_snapshots(w, "b", NULL), 0);
		assert_int_equal(fake.calls[FAKE_UNDO], 1);
		world_free(w);
	}
}

static void
test_canceled_operations_are_undone(void **state)
{
	static const char *const steps[] = { "PREPARE", "QUIESCE", "CAPTURE",
		"RESUME", "TRANSFER" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(steps); i++) {
		struct world *w = world_new("");

		fake_source_reset();
		if (i < 3)
			fake.hangs[i] = true;
		w->cancel_at = steps[i];
		world_run(w);
		world_wait(w, &w->is_canceled);
		assert_state(w, "canceled");
		assert_clean(w);
		assert_int_equal(world_snapshots(w, "a", NULL), 0);
		assert_int_equal(w->cancel_err.code, ERR_NONE);
		world_free(w);
	}
}

static void
test_debts_are_retried(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	(void)err_set(&fake.fail[FAKE_CAPTURE], ERR_NETWORK, "link cut");
	fake.failing_undos = 1;
	world_run(w);
	assert_state(w, "failed");
	/* The machine gave up; the runner has tried, or will soon. */
	while (fake.calls[FAKE_UNDO] < 2)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	do {
		world_read(w);
	} while (json_array_size(w->debts) > 0);
	assert_clean(w);
	world_free(w);
}

static void
world_break_store(struct world *w, const char *name)
{
	char *path = xasprintf("%s/%s", w->dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	(void)fclose(f);
	free(path);
}

static void
test_one_broken_store_is_partial(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	world_break_store(w, "a");
	world_run(w);
	assert_state(w, "partial");
	assert_int_equal(world_snapshots(w, "b", NULL), 1);
	assert_non_null(strstr(json_get_str(w->row, "error", ""), "store a"));
	assert_int_equal(json_array_size(w->debts), 0);
	world_free(w);
}

static void
test_no_store_is_a_failure_before_any_stop(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	world_break_store(w, "a");
	world_break_store(w, "b");
	world_run(w);
	assert_state(w, "failed");
	assert_int_equal(fake.calls[FAKE_QUIESCE], 0);
	assert_int_equal(json_array_size(w->debts), 0);
	world_free(w);
}

static void
test_torn_json(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	fake.is_json_torn = true;
	world_run(w);
	assert_state(w, "failed");
	assert_non_null(strstr(json_get_str(w->row, "error", ""),
	    "kv_store_test.json"));
	assert_clean(w);
	world_free(w);
	w = world_new(", checks: warn");
	fake_source_reset();
	fake.is_json_torn = true;
	world_run(w);
	assert_state(w, "done");
	assert_int_equal(json_array_size(json_object_get(w->row, "warnings")),
	    1);
	world_free(w);
}

static void
test_broken_read(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	fake.is_read_broken = true;
	world_run(w);
	assert_state(w, "failed");
	assert_clean(w);
	assert_int_equal(world_snapshots(w, "a", NULL), 0);
	world_free(w);
}

static void
test_unhealthy_is_partial(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	(void)err_set(&fake.fail[FAKE_PROBE], ERR_UNHEALTHY, "still 503");
	world_run(w);
	assert_state(w, "partial");
	assert_string_equal(json_get_str(w->row, "error", ""), "still 503");
	assert_int_equal(world_snapshots(w, "a", NULL), 1);
	world_free(w);
}

static void
test_release_that_fails_stays_owed(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	(void)err_set(&fake.fail[FAKE_RELEASE], ERR_NETWORK, "gone");
	world_run(w);
	assert_state(w, "done");
	/* The runner's effort is source_undo, which goes well here. */
	do {
		world_read(w);
	} while (json_array_size(w->debts) > 0);
	assert_int_equal(fake.calls[FAKE_UNDO], 1);
	assert_false(fake.has_staging);
	world_free(w);
}

static void
test_second_trigger_is_busy(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	fake.hangs[FAKE_PREPARE] = true;
	runner_trigger(w->d.runner, "fake", "manual", 0, on_triggered, w);
	world_wait(w, &w->has_answer);
	w->has_answer = false;
	runner_trigger(w->d.runner, "fake", "manual", 0, on_triggered, w);
	world_wait(w, &w->has_answer);
	assert_int_equal(w->trigger_err.code, ERR_BUSY);
	w->has_answer = false;
	runner_trigger(w->d.runner, "nobody", "manual", 0, on_triggered, w);
	world_wait(w, &w->has_answer);
	assert_int_equal(w->trigger_err.code, ERR_NOT_FOUND);
	/* Stopping ends what hangs, with everything given back. */
	world_free(w);
	assert_true(fake.is_running);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_done),
		cmocka_unit_test(test_retention_keeps_the_last_two),
		cmocka_unit_test(test_failing_operations_are_undone),
		cmocka_unit_test(test_canceled_operations_are_undone),
		cmocka_unit_test(test_debts_are_retried),
		cmocka_unit_test(test_one_broken_store_is_partial),
		cmocka_unit_test(test_no_store_is_a_failure_before_any_stop),
		cmocka_unit_test(test_torn_json),
		cmocka_unit_test(test_broken_read),
		cmocka_unit_test(test_unhealthy_is_partial),
		cmocka_unit_test(test_release_that_fails_stays_owed),
		cmocka_unit_test(test_second_trigger_is_busy),
	};

	return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
