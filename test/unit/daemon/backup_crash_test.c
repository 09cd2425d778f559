/*
 * backup_crash_test.c - the daemon dies at the N-th turn of the loop, N = 1, 2,
 * ... until a run completes, then once more while it recovers: the third one
 * ends the run, with the services back, nothing owed and nothing half listed.
 */
#include <string.h>
#include <sys/wait.h>

#include "unit/daemon/backup_trouble.h"

#define STEPS_MAX 400

/*
 * Do ${first} in a process that dies ${n} turns later; false when the run had
 * ended by then.  No thread may live here: the child has none of them.
 */
static bool
dies_at(struct world *w, void (*first)(struct world *), unsigned n)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		world_open(w);
		first(w);
		_exit(world_turn(w, n) ? 1 : 0);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 1;
}

static void
begin_recovery(struct world *w)
{
	runner_recover(w->d.runner, on_recovered, w);
}

static bool
crashed_at(enum source_recovery recovery, unsigned n)
{
	struct world *w = world_new("");
	bool is_in_time;

	world_close(w);
	fake_source_reset();
	fake.recovery = recovery;
	is_in_time = dies_at(w, world_trigger, n);
	(void)dies_at(w, begin_recovery, 2 + n * 5 % 23);
	world_open(w);
	w->run = 1;
	world_recover(w);
	assert_verdict(w);
	if (n % 3 == 0)
		assert_next_is_whole(w);
	world_free(w);
	return is_in_time;
}

static void
test_crash_is_undone(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; crashed_at(SOURCE_UNDO, n); n++)
		assert_true(n < STEPS_MAX);
	assert_true(n > 20);
}

static void
test_crash_is_sent_again(void **state)
{
	unsigned n;

	(void)state;
	for (n = 1; crashed_at(SOURCE_RERUN, n); n++)
		assert_true(n < STEPS_MAX);
	assert_true(n > 20);
}

static void
begin_and_hang(struct world *w)
{
	world_leave(w, "CAPTURE", NULL);
	fake.hangs[FAKE_UNDO] = true;
	w->has_answer = false;
	begin_recovery(w);
	world_wait(w, &w->has_answer);
	while (fake.calls[FAKE_UNDO] == 0)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	world_read(w);
}

static void
test_second_crash_keeps_the_first_cause(void **state)
{
	struct world *w = world_new("");

	(void)state;
	world_close(w);
	fake_source_reset();
	(void)dies_at(w, begin_and_hang, 0);
	fake.hangs[FAKE_UNDO] = false;
	world_open(w);
	w->run = 1;
	world_recover(w);
	assert_state(w, "failed");
	assert_string_equal(json_get_str(w->row, "error", ""),
	    "the daemon was interrupted in CAPTURE");
	assert_clean(w);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crash_is_undone),
		cmocka_unit_test(test_crash_is_sent_again),
		cmocka_unit_test(test_second_crash_keeps_the_first_cause),
	};

	return cmocka_run_group_tests_name("backup_crash", tests, NULL, NULL);
}
