/*
 * deadman_test.c - the daemon is killed or frozen; the helper on the host
 * brings the services back, and no torn copy is taken for whole.
 */
#include "unit/source/gone_fixture.h"

#define LEASE_S 3

static void
app_up(void)
{
	project_up();
	shell("docker stop -t 1 app_off >/dev/null");
}

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
	pause_ms(8000);
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

/* It beats for ever: the services are not down for longer than max_downtime. */
static void
test_max_downtime(void **state)
{
	struct fixture *f = *state;
	struct gone g;
	char *cfg = xasprintf("{\"type\": \"docker\", \"project\": \"app\", "
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
		cmocka_unit_test(test_killed_before_stop),
		cmocka_unit_test(test_killed_in_stop),
		cmocka_unit_test(test_killed_in_copy),
		cmocka_unit_test(test_killed_after_capture),
		cmocka_unit_test(test_frozen_in_copy),
		cmocka_unit_test(test_max_downtime),
	};

	return cmocka_run_group_tests(tests, engine_start, engine_stop);
}
