/*
 * docker_meanwhile_test.c - containers that others start during the copy.
 */
#include "unit/source/gone_fixture.h"

/* Somebody starts one of the stopped, or another one, during the copy. */
static void
test_started_meanwhile(void **state)
{
	struct fixture *f = *state;
	struct subject t;

	project_up();
	shell("docker stop -t 1 app_off >/dev/null");
	subject_init(&t, f, CFG_AB, NULL, NULL);
	subject_ok(&t, source_prepare);
	subject_ok(&t, source_quiesce);
	shell("docker start app_b >/dev/null; docker stop -t 3 app_b "
	      ">/dev/null");
	assert_int_equal(subject_do(&t, source_capture), ERR_SERVICE);
	assert_non_null(strstr(t.err.msg, "b "));
	subject_ok(&t, source_undo);
	project_expect("app_a app_b");
	check_host_clean(f);
	subject_done(&t);

	subject_init(&t, f, CFG_AB, NULL, NULL);
	subject_ok(&t, source_prepare);
	subject_ok(&t, source_quiesce);
	shell("docker start app_off >/dev/null");
	assert_int_equal(subject_do(&t, source_capture), ERR_SERVICE);
	assert_non_null(strstr(t.err.msg, "app_off"));
	shell("docker stop -t 1 app_off >/dev/null");
	subject_ok(&t, source_undo);
	project_expect("app_a app_b");
	check_host_clean(f);
	subject_done(&t);
	project_down();
}

/* After the check beside the copy, but before the copy's last byte. */
static void
test_started_late(void **state)
{
	struct fixture *f = *state;
	struct subject t;
	char *cfg = cfg_wrapped(f, "");

	app_up();
	shell("cat >%s/docker <<'END'\n"
	      "#!/bin/sh\n"
	      "if [ \"$1\" = exec ]; then\n"
	      "sleep 3; docker start app_off >/dev/null </dev/null\n"
	      "fi\n"
	      "exec docker \"$@\"\n"
	      "END\n"
	      "chmod 755 %s/docker",
	    f->dir, f->dir);
	subject_init(&t, f, cfg, NULL, NULL);
	subject_ok(&t, source_prepare);
	subject_ok(&t, source_quiesce);
	assert_int_equal(subject_do(&t, source_capture), ERR_SERVICE);
	assert_non_null(strstr(t.err.msg, "app_off"));
	shell("docker stop -t 1 app_off >/dev/null");
	subject_ok(&t, source_undo);
	project_expect("app_a app_b");
	check_host_clean(f);
	subject_done(&t);
	free(cfg);
	project_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_started_meanwhile),
		cmocka_unit_test(test_started_late),
	};

	return cmocka_run_group_tests(tests, engine_start, engine_stop);
}
