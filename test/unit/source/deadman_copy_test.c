/*
 * deadman_copy_test.c - the daemon is killed or frozen during the copy:
 * the services come back, and no torn copy is taken for whole.
 */
#include "unit/source/gone_fixture.h"

static void
test_killed_in_copy(void **state)
{
	struct fixture *f = *state;
	struct gone g;
	char *cfg = cfg_wrapped(f, "");

	app_up();
	wrapper_make(f, "exec");
	gone_start(&g, f, cfg);
	gone_expect(&g, "PQ");
	wait_held(f);
	project_expect("");
	gone_kill(&g);
	wait_until(LEASE_S + 10, ALL_UP);
	gone_settle(&g, f, cfg);
	free(cfg);
	project_down();
}

/* Frozen for longer than the lease in the middle of the copy. */
static void
test_frozen_in_copy(void **state)
{
	struct fixture *f = *state;
	struct gone g;
	char *cfg = cfg_wrapped(f, "");

	app_up();
	wrapper_make(f, "exec");
	gone_start(&g, f, cfg);
	gone_expect(&g, "PQ");
	wait_held(f);
	assert_int_equal(kill(-g.pid, SIGSTOP), 0);
	wait_until(LEASE_S + 10, ALL_UP);
	assert_int_equal(kill(-g.pid, SIGCONT), 0);
	gone_expect(&g, "l");
	gone_kill(&g);
	gone_settle(&g, f, cfg);
	free(cfg);
	project_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_in_copy),
		cmocka_unit_test(test_frozen_in_copy),
	};

	return cmocka_run_group_tests(tests, engine_start, engine_stop);
}
