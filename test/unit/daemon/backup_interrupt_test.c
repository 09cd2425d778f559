/*
 * backup_interrupt_test.c - a run that is interrupted at the N-th turn of the
 * loop, N = 1, 2, ... until it ends before: by a cancel, a timeout, a stop, a
 * broken store, a history that cannot be written, a crash.  Whatever comes
 * when: it ends, the services are back, nothing is owed, nothing half is
 * listed.
 */
#include <string.h>

#include "unit/daemon/backup_trouble.h"

#define STEPS_MAX 400

enum how {
	BY_CANCEL,
	BY_CANCEL_AND_STOP,
	BY_TIMEOUT,
	BY_STOP,
	BY_STORE,
	BY_STORES,
	BY_HISTORY,
	BY_CANCEL_AND_HISTORY
};

static void
interrupt_run(struct world *w, enum err_code code)
{
	struct run *run = runner_find(w->d.runner, w->run);
	struct err e, why;

	(void)err_set(&e, code, "interrupted");
	if (run != NULL)
		(void)run->ops->cancel(run, &e, &why);
}

static void
interrupt(struct world *w, enum how how)
{
	switch (how) {
	case BY_CANCEL:
		interrupt_run(w, ERR_CANCELED);
		break;
	case BY_CANCEL_AND_STOP:
		interrupt_run(w, ERR_CANCELED);
		interrupt_run(w, ERR_CANCELED);
		runner_stop(w->d.runner, on_stopped, w);
		break;
	case BY_TIMEOUT:
		interrupt_run(w, ERR_TIMEOUT);
		break;
	case BY_STOP:
		runner_stop(w->d.runner, on_stopped, w);
		break;
	case BY_STORES:
		store_break(w, "b", true);
		/* fallthrough */
	case BY_STORE:
		store_break(w, "a", true);
		break;
	case BY_CANCEL_AND_HISTORY:
		interrupt_run(w, ERR_CANCELED);
		/* fallthrough */
	case BY_HISTORY:
		history_break(w, true);
		break;
	}
}

/* Interrupted at turn ${n}; false when it had ended by then. */
static bool
interrupted_at(enum how how, unsigned n)
{
	struct world *w = world_new("");
	bool is_in_time;

	fake_source_reset();
	world_hurry(w);
	world_trigger(w);
	is_in_time = world_turn(w, n);
	if (is_in_time)
		interrupt(w, how);
	world_wait(w, &w->is_ended);
	history_break(w, false);
	if (how >= BY_HISTORY)
		assert_true(fake.is_running);
	world_restart(w);
	store_break(w, "a", false);
	store_break(w, "b", false);
	world_recover(w);
	assert_verdict(w);
	if (n % 6 < 2)
		assert_next_is_whole(w);
	world_free(w);
	return is_in_time;
}

static void
interrupted_everywhere(enum how how)
{
	unsigned n;

	/* Between them the kinds meet every turn. */
	for (n = 1 + how % 2; interrupted_at(how, n); n += 2)
		assert_true(n < STEPS_MAX);
	/* It was met at more than its first step. */
	assert_true(n > 20);
}

static void
test_cancel(void **state)
{
	(void)state;
	interrupted_everywhere(BY_CANCEL);
}

static void
test_cancel_twice_and_stop(void **state)
{
	(void)state;
	interrupted_everywhere(BY_CANCEL_AND_STOP);
}

static void
test_timeout(void **state)
{
	(void)state;
	interrupted_everywhere(BY_TIMEOUT);
}

static void
test_stop(void **state)
{
	(void)state;
	interrupted_everywhere(BY_STOP);
}

static void
test_store(void **state)
{
	(void)state;
	interrupted_everywhere(BY_STORE);
}

static void
test_stores(void **state)
{
	(void)state;
	interrupted_everywhere(BY_STORES);
}

static void
test_history(void **state)
{
	(void)state;
	interrupted_everywhere(BY_HISTORY);
}

static void
test_cancel_and_history(void **state)
{
	(void)state;
	interrupted_everywhere(BY_CANCEL_AND_HISTORY);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_twice_and_stop),
		cmocka_unit_test(test_timeout),
		cmocka_unit_test(test_stop),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_stores),
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_cancel_and_history),
	};

	return cmocka_run_group_tests_name("backup_interrupt", tests, NULL,
	    NULL);
}
