/*
 * deadman_after_test.c - the copy is whole and the daemon gone, or it keeps
 * the services down for too long.
 */
#include "unit/source/gone_fixture.h"

/* The copy was whole: a daemon that comes back may go on with it. */
static void
test_killed_after_capture(void **state)
{
	struct fixture *f = *state;
	struct gone g;
	struct subject t;
	char *cfg = cfg_wrapped(f, "");

	app_up();
	wrapper_make(f, "none");
	gone_start(&g, f, cfg);
	gone_expect(&g, "PQC");
	gone_kill(&g);
	project_expect("");
	wait_until(LEASE_S + 10, ALL_UP);
	subject_init(&t, f, cfg, g.run, NULL);
	subject_done(&t);
	gone_settle(&g, f, cfg);
	free(cfg);
	project_down();
}

/* It beats for ever: the services are not down for longer than max_downtime. */
static void
test_max_downtime(void **state)
{
	struct fixture *f = *state;
	struct gone g;
	char *cfg = xasprintf(
	    "{\"type\": \"docker\", \"project\": \"app\", "
	    "\"stop\": [\"a\", \"b\"], \"volumes\": [\"vol-a\"], "
	    "\"stop_timeout\": 10000, "
	    "\"deadman\": {\"lease\": 30000, \"max_downtime\": 3000}}");

	app_up();
	gone_start(&g, f, cfg);
	gone_expect(&g, "PQC");
	project_expect("");
	wait_until(3 + 10, ALL_UP);
	gone_kill(&g);
	gone_settle(&g, f, cfg);
	free(cfg);
	project_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_after_capture),
		cmocka_unit_test(test_max_downtime),
	};

	return cmocka_run_group_tests(tests, engine_start, engine_stop);
}
