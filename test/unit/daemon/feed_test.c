/*
 * feed_test.c - stores that do not get their bytes from the stream: one that
 * was too slow is fed from another that is sealed, one on the source's host
 * adopts what a script wrote there; and what goes wrong with both.
 */
#include "unit/daemon/feed_world.h"

static void
test_fed(void **state)
{
	struct world *w = slow_world('b');

	(void)state;
	feed_run(w);
	assert_true(script.has_detached);
	assert_state(w, "done");
	assert_string_equal(leg_says(w, "b", "verdict"), "pruned");
	assert_null(leg_says(w, "b", "error"));
	/* That it was slow is not forgotten. */
	assert_true(json_array_size(json_get_array(w->row, "warnings")) > 0);
	assert_same(w, "a", "b");
	assert_clean(w);
	world_free(w);
}

static void
test_next_source(void **state)
{
	struct world *w = slow_world('b');

	(void)state;
	world_add_c(w);
	script.unread = "a";
	feed_run(w);
	assert_state(w, "done");
	assert_true(script.has_detached);
	assert_same(w, "b", "c");
	world_free(w);
}

static void
test_no_source(void **state)
{
	struct world *w = slow_world('b');
	unsigned others;

	(void)state;
	world_add_c(w);
	script.unread = "ac";
	feed_run(w);
	assert_state(w, "partial");
	assert_string_equal(leg_says(w, "a", "verdict"), "pruned");
	assert_string_equal(leg_says(w, "b", "verdict"), "dropped");
	assert_string_equal(leg_says(w, "c", "verdict"), "pruned");
	assert_int_equal(world_snapshots(w, "b", &others), 0);
	assert_int_equal(others, 0);
	assert_clean(w);
	world_free(w);
}

/* The faster one fails: the slow one is better than none. */
static void
test_sent_again(void **state)
{
	struct world *w;
	unsigned i;

	(void)state;
	/* By its word, read back, and not even there. */
	for (i = 0; i < 3; i++) {
		w = slow_world('b');
		script.unsealed = i < 2 ? "a" : "ab";
		script.wordless = i == 1 ? "ab" : NULL;
		feed_run(w);
		assert_true(script.has_detached);
		assert_state(w, i < 2 ? "partial" : "failed");
		assert_string_equal(leg_says(w, "a", "verdict"), "dropped");
		assert_string_equal(leg_says(w, "b", "verdict"),
		    i < 2 ? "pruned" : "dropped");
		assert_int_equal(json_get_int(w->row, "bytes_stored", 0), 250);
		assert_verdict(w);
		assert_clean(w);
		world_free(w);
	}
}

/*
 * --- Interrupted while feeding.
 */
enum how { BY_CANCEL, BY_TIMEOUT, BY_STOP };

static void
interrupt(struct world *w, enum how how)
{
	struct run *run = runner_find(w->d.runner, w->run);
	struct err e, why;

	(void)err_set(&e, how == BY_TIMEOUT ? ERR_TIMEOUT : ERR_CANCELED,
	    "interrupted");
	if (how == BY_STOP)
		runner_stop(w->d.runner, on_stopped, w);
	else if (run != NULL)
		(void)run->ops->cancel(run, &e, &why);
}

/* Interrupted ${n} turns after it was detached; false: it had ended. */
static bool
fed_until(enum how how, unsigned n)
{
	struct world *w = slow_world('b');
	bool is_in_time;

	world_begin(w);
	world_wait(w, &script.has_detached);
	is_in_time = world_turn(w, n);
	if (is_in_time)
		interrupt(w, how);
	world_wait(w, &w->is_ended);
	world_restart(w);
	world_recover(w);
	assert_verdict(w);
	if (n % 4 == 0)
		assert_next_is_whole(w);
	world_free(w);
	return is_in_time;
}

static void
test_interrupted(void **state)
{
	unsigned n;

	(void)state;
	for (n = 0; fed_until((enum how)(n % 3), n); n += 4)
		assert_true(n < 1000);
	assert_true(n > 40);
}

/* What it is fed from hangs. */
static void
fed_hung(enum how how)
{
	struct world *w = slow_world('b');

	script.stuck = "a";
	if (how == BY_TIMEOUT)
		json_put_int(world_job(w), "timeout", 400);
	world_begin(w);
	world_wait(w, &script.is_reading);
	if (how != BY_TIMEOUT)
		interrupt(w, how);
	world_wait(w, &w->is_ended);
	if (how == BY_STOP)
		world_restart(w);
	world_read(w);
	assert_state(w, "partial");
	assert_string_equal(leg_says(w, "b", "verdict"), "dropped");
	assert_string_equal(json_get_str(w->row, "error_code", ""),
	    how == BY_TIMEOUT ? "timeout" : "canceled");
	assert_clean(w);
	world_free(w);
}

static void
test_hung(void **state)
{
	(void)state;
	fed_hung(BY_CANCEL);
	fed_hung(BY_TIMEOUT);
	fed_hung(BY_STOP);
}

/* Reading back what was sent takes for ever: nobody waits for it. */
static void
proving_hung(enum how how, const char *stores, const char *want)
{
	struct world *w = slow_world('\0');
	unsigned i;

	script.wordless = script.hung = stores;
	world_begin(w);
	world_wait(w, &script.is_reading);
	/* The others get as far as they can. */
	for (i = 0; i < 100; i++) {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		(void)usleep(1000);
	}
	assert_false(w->is_ended);
	interrupt(w, how);
	world_wait(w, &w->is_ended);
	if (how == BY_STOP)
		world_restart(w);
	world_read(w);
	assert_state(w, want);
	assert_verdict(w);
	assert_clean(w);
	world_free(w);
}

static void
test_proving_hung(void **state)
{
	(void)state;
	proving_hung(BY_CANCEL, "b", "partial");
	proving_hung(BY_STOP, "b", "partial");
	proving_hung(BY_CANCEL, "ab", "canceled");
	proving_hung(BY_TIMEOUT, "ab", "failed");
	proving_hung(BY_STOP, "ab", "canceled");
}

/*
 * --- A dead daemon left it waiting, or being fed.
 */
static void
had_file(struct world *w, const char *store, const char *name, const char *text)
{
	char *dir = xasprintf("%s/%s/20260101-000000", w->dir, store);
	char *path = file_join(dir, name);
	struct err e = ERR_INIT;

	assert_int_equal(file_mkdir_p(dir, &e), 0);
	assert_int_equal(file_publish(path, text, strlen(text), false, &e), 0);
	free(dir);
	free(path);
}

static void
left(const char *verdict, enum source_recovery recovery, const char *want)
{
	struct world *w = slow_world('\0');
	unsigned i;
	char *claim;

	fake.recovery = recovery;
	world_leave(w, "TRANSFER", NULL);
	/* What the first one holds is what the other one gets. */
	had_file(w, "a", "x", "x\n");
	had_file(w, "a", MANIFEST_NAME,
	    "73cb3858a687a8494ca3323053016282"
	    "f3dad39d42cf62ca4e79dda2aac7d9ac  x\n");
	claim = xasprintf("{\"instance\": \"%s\", \"run\": \"%s\"}",
	    history_instance(w->d.history), LEFT_UUID);
	had_file(w, "b", CATALOG_CLAIM_NAME, claim);
	free(claim);
	for (i = 0; i < 2; i++) {
		w->has_answer = false;
		history_run_store(w->d.history, w->run, i == 0 ? "a" : "b",
		    i == 0 ? "pruned" : verdict, 1, "it was too slow",
		    env_wall_ms(w->d.env), on_recovered, w);
		world_wait(w, &w->has_answer);
	}
	world_recover(w);
	assert_state(w, want);
	assert_string_equal(leg_says(w, "a", "verdict"), "pruned");
	assert_string_equal(leg_says(w, "b", "verdict"),
	    strcmp(want, "done") == 0 ? "pruned" : "dropped");
	assert_int_equal(world_snapshots(w, "b", NULL),
	    strcmp(want, "done") == 0);
	assert_true(fake.is_running);
	assert_false(fake.has_staging);
	world_free(w);
}

static void
test_left(void **state)
{
	(void)state;
	left("waiting", SOURCE_UNDO, "partial");
	left("waiting", SOURCE_RERUN, "done");
	left("sending", SOURCE_RERUN, "done");
	left("proving", SOURCE_RERUN, "done");
	left("sealing", SOURCE_UNDO, "partial");
}

/*
 * --- Stores on the source's host.
 */
static struct world *
host_world(const char *on_host)
{
	struct world *w = slow_world('\0');

	script.on_host = on_host;
	json_put(w->d.conf->root, "hosts",
	    json_pack("{s:{s:s}}", "vm", "ssh", "vm.invalid"));
	json_put_str(json_object_get(world_job(w), "source"), "host", "vm");
	return w;
}

static void
test_adopted(void **state)
{
	static const char *const where[] = { "b", "ab" };
	struct world *w;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(where); i++) {
		w = host_world(where[i]);
		feed_run(w);
		assert_state(w, "done");
		assert_int_equal(script.adopted, 2 * strlen(where[i]));
		assert_same(w, "a", "b");
		assert_clean(w);
		world_free(w);
	}
}

static void
test_adoption_refused(void **state)
{
	struct world *w = host_world("b");

	(void)state;
	script.refusing = "b";
	feed_run(w);
	assert_state(w, "partial");
	assert_string_equal(leg_says(w, "b", "verdict"), "dropped");
	assert_non_null(strstr(leg_says(w, "b", "error"), "another file"));
	assert_int_equal(world_snapshots(w, "b", NULL), 0);
	assert_clean(w);
	world_free(w);
	/* By all of them: nothing is left of it. */
	w = host_world("ab");
	script.refusing = "ab";
	feed_run(w);
	assert_state(w, "failed");
	assert_verdict(w);
	assert_clean(w);
	world_free(w);
}

/* The stream has nobody left: what the script wrote was not read to its end,
 * and is written again. */
static void
test_sinks_fail(void **state)
{
	struct world *w = host_world("b");

	(void)state;
	script.broken = "a";
	feed_run(w);
	assert_state(w, "partial");
	assert_string_equal(leg_says(w, "a", "verdict"), "dropped");
	assert_string_equal(leg_says(w, "b", "verdict"), "pruned");
	assert_int_equal(world_snapshots(w, "b", NULL), 1);
	assert_int_equal(script.adopted, 2);
	assert_clean(w);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fed),
		cmocka_unit_test(test_next_source),
		cmocka_unit_test(test_no_source),
		cmocka_unit_test(test_sent_again),
		cmocka_unit_test(test_interrupted),
		cmocka_unit_test(test_hung),
		cmocka_unit_test(test_proving_hung),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_adopted),
		cmocka_unit_test(test_adoption_refused),
		cmocka_unit_test(test_sinks_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
