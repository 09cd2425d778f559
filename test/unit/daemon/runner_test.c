/*
 * runner_test.c - the queue, cancels, debts of a host, start-up and stop, with
 * the scripted source.
 */
#include <string.h>

#include "unit/daemon/backup_trouble.h"

struct answer {
	bool is_there;
	struct err err;
};

static void
on_answer(void *arg, const struct err *e)
{
	struct answer *a = arg;

	a->is_there = true;
	err_copy(&a->err, e);
}

static void
world_recover_only(struct world *w)
{
	w->has_answer = false;
	runner_recover(w->d.runner, on_recovered, w);
	world_wait(w, &w->has_answer);
}

/*
 * --- Cancelling.
 */
static void
on_triggered_cancel(void *arg, int64_t run, const struct err *e)
{
	struct world *w = arg;

	on_triggered(w, run, e);
	runner_cancel(w->d.runner, run, on_canceled, w);
}

static void
test_canceled_before_it_began(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	runner_trigger(w->d.runner, "fake", "manual", 0, on_triggered_cancel,
	    w);
	world_wait(w, &w->is_canceled);
	world_read(w);
	assert_state(w, "canceled");
	assert_int_equal(w->cancel_err.code, ERR_NONE);
	assert_int_equal(fake.calls[FAKE_PREPARE], 0);
	world_free(w);
}

/* Who comes too late does not answer for who came in time. */
static void
test_two_cancels(void **state)
{
	struct world *w = world_new("");
	struct answer first = { false, ERR_INIT };

	(void)state;
	fake_source_reset();
	fake.hangs[FAKE_PREPARE] = true;
	world_trigger(w);
	while (fake.calls[FAKE_PREPARE] == 0)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	w->cancel_at = "CANCELED";
	runner_cancel(w->d.runner, w->run, on_answer, &first);
	assert_false(first.is_there);
	world_wait(w, &first.is_there);
	world_wait(w, &w->is_canceled);
	assert_int_equal(first.err.code, ERR_NONE);
	assert_int_equal(w->cancel_err.code, ERR_CONFLICT);
	world_free(w);
}

/* Sealed and pruned everywhere, only its health is awaited. */
static void
world_run_to_health(struct world *w)
{
	fake.hangs[FAKE_PROBE] = true;
	world_trigger(w);
	do {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		world_read(w);
	} while (world_snapshots(w, "a", NULL) == 0 ||
	    world_snapshots(w, "b", NULL) == 0);
}

static void
test_cancel_after_the_seal(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	world_run_to_health(w);
	runner_cancel(w->d.runner, w->run, on_canceled, w);
	assert_false(w->is_canceled);
	world_wait(w, &w->is_canceled);
	assert_int_equal(w->cancel_err.code, ERR_CONFLICT);
	world_wait(w, &w->is_ended);
	world_read(w);
	assert_state(w, "partial");
	assert_string_equal(json_get_str(w->row, "error", ""),
	    "canceled on request");
	assert_clean(w);
	assert_int_equal(world_snapshots(w, "a", NULL), 1);
	world_free(w);
}

/* A stop does not wait for a service that may never be healthy. */
static void
test_stop_after_the_seal(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	world_run_to_health(w);
	runner_stop(w->d.runner, on_stopped, w);
	world_wait(w, &w->is_stopped);
	world_read(w);
	assert_state(w, "partial");
	world_free(w);
}

/* The artifact's own verdict fails after a cancel came. */
static void
test_cancel_then_failing_end(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	(void)err_set(&fake.fail[FAKE_END], ERR_CORRUPT, "bad checksum");
	fake.hangs[FAKE_END] = true;
	world_trigger(w);
	while (fake.calls[FAKE_END] == 0)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	runner_cancel(w->d.runner, w->run, on_canceled, w);
	fake_go_on();
	world_wait(w, &w->is_ended);
	world_read(w);
	assert_state(w, "canceled");
	assert_clean(w);
	world_free(w);
}

/*
 * --- Start and stop.
 */
static void
test_stop_while_rows_are_read(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	world_leave(w, "CAPTURE", NULL);
	runner_recover(w->d.runner, on_recovered, w);
	world_close(w);
	/* The next start does it. */
	world_open(w);
	world_recover(w);
	assert_state(w, "failed");
	assert_clean(w);
	world_free(w);
}

static void
test_run_asked_for_while_rows_are_read(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	runner_recover(w->d.runner, on_recovered, w);
	world_run(w);
	assert_state(w, "done");
	assert_int_equal(fake.calls[FAKE_PREPARE], 1);
	world_free(w);
}

/* One run of a job at a time, also beside one that is being given back. */
static void
test_run_asked_for_beside_a_revived_one(void **state)
{
	struct world *w = world_new("");
	int64_t old;

	(void)state;
	fake_source_reset();
	world_leave(w, "CAPTURE", NULL);
	old = w->run;
	fake.hangs[FAKE_UNDO] = true;
	runner_recover(w->d.runner, on_recovered, w);
	world_trigger(w);
	while (fake.calls[FAKE_UNDO] == 0)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(runner_current(w->d.runner, "fake"), old);
	assert_false(runner_find(w->d.runner, w->run)->is_started);
	/* The old one ends, and makes room. */
	fake.hangs[FAKE_UNDO] = false;
	fake_go_on();
	world_wait(w, &w->is_ended);
	world_read(w);
	assert_state(w, "done");
	world_free(w);
}

/* What the source borrows is that of the start. */
static void
test_reload_during_a_run(void **state)
{
	struct world *w = world_new("");
	struct conf *old = w->d.conf;
	struct err e = ERR_INIT;
	char *text = xasprintf(config, "");

	(void)state;
	fake_source_reset();
	world_trigger(w);
	/* The run has begun when its row says so. */
	while (runner_find(w->d.runner, w->run)->last_event == NULL)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	w->d.conf = conf_parse(w->d.conf_path, text, strlen(text), NULL, &e);
	assert_non_null(w->d.conf);
	conf_unref(old);
	free(text);
	world_wait(w, &w->is_ended);
	world_read(w);
	assert_state(w, "done");
	world_free(w);
}

/* A full disk at the very end: the row is closed without a restart. */
static void
test_row_is_closed_later(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	world_hurry(w);
	world_run_to_health(w);
	history_break(w, true);
	runner_cancel(w->d.runner, w->run, on_canceled, w);
	world_wait(w, &w->is_ended);
	world_read(w);
	assert_string_equal(json_get_str(w->row, "state", ""), "running");
	history_break(w, false);
	while (strcmp(json_get_str(w->row, "state", ""), "running") == 0)
		world_read(w);
	assert_state(w, "partial");
	/* What was paid is not paid again and again. */
	assert_true(fake.calls[FAKE_UNDO] <= 1);
	world_free(w);
}

/*
 * --- Debts.
 */
static void
on_left_debt(void *arg, int64_t id, const struct err *e)
{
	struct world *w = arg;

	(void)id;
	assert_null(e);
	w->has_answer = true;
}

static void
world_owe(struct world *w, const char *uuid, const char *kind)
{
	json_t *set = json_object();
	json_t *data = json_pack("{s:s, s:o, s:{}}", "uuid", uuid, "config",
	    conf_freeze(w->d.conf, "fake"), "saved");

	world_add_row(w, uuid, NULL);
	json_put_str(set, "state", "failed");
	w->has_answer = false;
	history_run_set(w->d.history, w->run, set, on_recovered, w);
	world_wait(w, &w->has_answer);
	w->has_answer = false;
	history_debt_add(w->d.history, w->run, "fake", kind, "local", data,
	    env_wall_ms(w->d.env), on_left_debt, w);
	json_decref(data);
	world_wait(w, &w->has_answer);
	world_read(w);
}

static void
assert_host_blocked(struct world *w, bool is_blocked)
{
	struct answer one = { false, ERR_INIT }, two = one;

	runner_settle_host(w->d.runner, "local", on_answer, &one);
	runner_settle_host(w->d.runner, "local", on_answer, &two);
	assert_false(one.is_there || two.is_there);
	world_wait(w, &one.is_there);
	world_wait(w, &two.is_there);
	assert_int_equal(one.err.code, is_blocked ? ERR_SERVICE : ERR_NONE);
	assert_int_equal(two.err.code, one.err.code);
}

#define UNPAID "aaaaaaaa-2222-4333-8444-555555555555"
#define PAID "bbbbbbbb-2222-4333-8444-555555555555"

/* Some other debt of the host that is paid does not open it. */
static void
test_services_debt_blocks_its_host(void **state)
{
	static const char *const other[] = { "services", "staging" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(other); i++) {
		struct world *w = world_new("");

		fake_source_reset();
		world_owe(w, UNPAID, "services");
		world_owe(w, PAID, other[i]);
		(void)snprintf(fake.failing_run, sizeof(fake.failing_run), "%s",
		    UNPAID);
		world_recover_only(w);
		assert_host_blocked(w, true);
		assert_host_blocked(w, true);
		fake.failing_run[0] = '\0';
		assert_host_blocked(w, false);
		world_read(w);
		assert_int_equal(json_array_size(w->debts), 0);
		world_free(w);
	}
}

/* A copy that cannot be removed is no reason to stop nothing. */
static void
test_staging_debt_does_not_block(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	world_owe(w, UNPAID, "staging");
	(void)snprintf(fake.failing_run, sizeof(fake.failing_run), "%s",
	    UNPAID);
	world_recover_only(w);
	assert_host_blocked(w, false);
	world_run(w);
	assert_state(w, "done");
	assert_int_equal(json_array_size(w->debts), 1);
	world_free(w);
}

static void
test_run_on_a_blocked_host_fails(void **state)
{
	struct world *w = world_new("");

	(void)state;
	fake_source_reset();
	world_owe(w, UNPAID, "services");
	(void)snprintf(fake.failing_run, sizeof(fake.failing_run), "%s",
	    UNPAID);
	world_recover_only(w);
	world_run(w);
	assert_state(w, "failed");
	assert_int_equal(fake.calls[FAKE_PREPARE], 0);
	assert_non_null(strstr(json_get_str(w->row, "error", ""),
	    "still owes services"));
	world_free(w);
}

static void
on_pause_over(void *arg)
{
	struct answer *a = arg;

	a->is_there = true;
}

/* An attempt that cannot be written down is not made again at once. */
static void
test_debts_wait_without_a_history(void **state)
{
	struct world *w = world_new("");
	struct answer pause = { false, ERR_INIT };
	struct env_timer *t;

	(void)state;
	fake_source_reset();
	world_owe(w, UNPAID, "services");
	history_break(w, true);
	(void)snprintf(fake.failing_run, sizeof(fake.failing_run), "%s",
	    UNPAID);
	world_recover_only(w);
	t = env_timer_new(w->d.env, on_pause_over, &pause);
	env_timer_start(t, 300);
	world_wait(w, &pause.is_there);
	env_timer_free(t);
	assert_int_equal(fake.calls[FAKE_UNDO], 1);
	world_free(w);
}

static void
test_stop_while_a_debt_is_settled(void **state)
{
	struct world *w = world_new("");
	struct answer one = { false, ERR_INIT };

	(void)state;
	fake_source_reset();
	fake.hangs[FAKE_UNDO] = true;
	world_owe(w, UNPAID, "services");
	world_recover_only(w);
	runner_settle_host(w->d.runner, "local", on_answer, &one);
	while (fake.calls[FAKE_UNDO] == 0)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	runner_stop(w->d.runner, on_stopped, w);
	world_wait(w, &one.is_there);
	assert_int_equal(one.err.code, ERR_CANCELED);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canceled_before_it_began),
		cmocka_unit_test(test_two_cancels),
		cmocka_unit_test(test_cancel_after_the_seal),
		cmocka_unit_test(test_stop_after_the_seal),
		cmocka_unit_test(test_cancel_then_failing_end),
		cmocka_unit_test(test_stop_while_rows_are_read),
		cmocka_unit_test(test_run_asked_for_while_rows_are_read),
		cmocka_unit_test(test_run_asked_for_beside_a_revived_one),
		cmocka_unit_test(test_reload_during_a_run),
		cmocka_unit_test(test_row_is_closed_later),
		cmocka_unit_test(test_services_debt_blocks_its_host),
		cmocka_unit_test(test_staging_debt_does_not_block),
		cmocka_unit_test(test_run_on_a_blocked_host_fails),
		cmocka_unit_test(test_debts_wait_without_a_history),
		cmocka_unit_test(test_stop_while_a_debt_is_settled),
	};

	return cmocka_run_group_tests_name("runner", tests, NULL, NULL);
}
