/*
 * deadman_stop_test.c - the daemon is killed around the stop of the
 * services; the helper on the host brings them back.
 */
#include "unit/source/gone_fixture.h"

/* Killed while docker is told to stop: armed, nothing stopped yet. */
static void
test_killed_before_stop(void **state)
{
	struct fixture *f = *state;
	struct gone g;
	char *cfg = cfg_wrapped(f, ""), *was;

	app_up();
	wrapper_make(f, "stop");
	was = shell_out("docker inspect -f '{{.State.StartedAt}}' app_a");
	gone_start(&g, f, cfg);
	gone_expect(&g, "P");
	wait_held(f);
	gone_kill(&g);
	/* A stop that comes late, after the lease, must not come at all. */
	pause_ms(6000);
	wait_until(LEASE_S + 10, ALL_UP);
	assert_true(shell_is("docker inspect -f '{{.State.StartedAt}}' app_a",
	    was));
	gone_settle(&g, f, cfg);
	free(was);
	free(cfg);
	project_down();
}

/* Killed while a service takes its time to stop. */
static void
test_killed_in_stop(void **state)
{
	struct fixture *f = *state;
	struct gone g;
	char *cfg = cfg_wrapped(f, "");

	app_up();
	shell("docker rm -f app_a >/dev/null");
	container_up("a", "app_vol-a",
	    "trap \"sleep 5; exit 0\" TERM; while :; do sleep 0.1; done");
	wrapper_make(f, "none");
	gone_start(&g, f, cfg);
	gone_expect(&g, "P");
	wait_until(20, "ls $HOME/.ragbackup/*/runs/*/stopping >/dev/null 2>&1");
	pause_ms(500);
	gone_kill(&g);
	pause_ms((LEASE_S + 4) * 1000);
	wait_until(14, ALL_UP);
	pause_ms(2000);
	project_expect("app_a app_b");
	gone_settle(&g, f, cfg);
	free(cfg);
	project_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_before_stop),
		cmocka_unit_test(test_killed_in_stop),
	};

	return cmocka_run_group_tests(tests, engine_start, engine_stop);
}
