/*
 * docker_repair_test.c - two runs on the same volumes, a dead holder, an
 * engine that dies in between.
 */
#include "unit/source/gone_fixture.h"

/* Killed with its helper, as by a power cut: the next run repairs first. */
static void
test_dead_holder(void **state)
{
	struct fixture *f = *state;
	struct gone g;
	struct subject t;
	char *cfg = cfg_wrapped(f, "");

	app_up();
	wrapper_make(f, "none");
	gone_start(&g, f, cfg);
	gone_expect(&g, "PQ");
	/* While it lives the other one is told who holds what. */
	subject_init(&t, f, CFG_AB, NULL, NULL);
	assert_int_equal(subject_do(&t, source_prepare), ERR_BUSY);
	assert_non_null(strstr(t.err.msg, g.run));
	shell("kill -9 $(cut -d' ' -f5 $HOME/.ragbackup/*/runs/%s/helper.beat)",
	    g.run);
	gone_kill(&g);
	project_expect("");
	/* The helper's own beat must be seen to be old, too. */
	pause_ms(11000);
	buf_clear(&f->warnings);
	subject_ok(&t, source_prepare);
	assert_non_null(strstr(buf_str(&f->warnings), g.run));
	project_expect("app_a app_b");
	assert_int_equal(json_array_size(json_object_get(
			     json_object_get(source_facts(t.s)->versions,
				 "services"),
			     "a")),
	    0);
	subject_ok(&t, source_undo);
	subject_done(&t);
	gone_settle(&g, f, cfg);
	free(cfg);
	project_down();
}

/* The engine is killed and started again between stop and start. */
static void
test_engine_dies(void **state)
{
	struct fixture *f = *state;
	struct gone g;
	char *cfg = cfg_wrapped(f, "");

	app_up();
	wrapper_make(f, "none");
	gone_start(&g, f, cfg);
	gone_expect(&g, "PQ");
	shell("test/services/docker kill %s", engine_dir);
	gone_kill(&g);
	pause_ms((LEASE_S + 2) * 1000);
	shell("test/services/docker start %s >/dev/null", engine_dir);
	wait_until(20, ALL_UP);
	gone_settle(&g, f, cfg);
	free(cfg);
	project_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dead_holder),
		cmocka_unit_test(test_engine_dies),
	};

	return cmocka_run_group_tests(tests, engine_start, engine_stop);
}
