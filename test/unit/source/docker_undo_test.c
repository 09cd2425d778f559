/*
 * docker_undo_test.c - a lost folder, a cancel, the limit on the downtime:
 * undo puts everything back.
 */
#include "unit/source/gone_fixture.h"

/* The run's folder is lost: what the daemon remembers is enough. */
static void
test_folder_lost(void **state)
{
	struct fixture *f = *state;
	struct subject t;
	struct err e = ERR_INIT;
	json_t *saved;

	app_up();
	subject_init(&t, f, CFG_AB, NULL, NULL);
	subject_ok(&t, source_prepare);
	subject_ok(&t, source_quiesce);
	saved = source_save(t.s);
	source_free(t.s);
	shell("rm -rf %s/.ragbackup/*/runs", f->dir);
	project_expect("");
	t.s = source_new(&t.senv, saved, &e);
	json_decref(saved);
	subject_ok(&t, source_undo);
	project_expect("app_a app_b");
	check_host_clean(f);
	subject_done(&t);
	project_down();
}

static void
test_cancel(void **state)
{
	struct fixture *f = *state;
	struct subject t, c;
	int i;

	app_up();
	shell("docker rm -f app_a >/dev/null");
	container_up("a", "app_vol-a",
	    "trap \"sleep 3; exit 0\" TERM; while :; do sleep 0.1; done");
	subject_init(&t, f, CFG_AB, NULL, NULL);
	subject_init(&c, f, CFG_AB, NULL, NULL);
	subject_ok(&t, source_prepare);
	source_quiesce(t.s, on_subject_done, &t);
	for (i = 0; i < 100 && source_facts(t.s)->stop_ms == 0; i++)
		fixture_sleep(f, 100);
	fixture_sleep(f, 300);
	source_cancel(t.s, on_subject_done, &c);
	subject_wait(&c);
	assert_true(t.is_answered);
	t.is_answered = false;
	assert_int_equal(t.err.code, ERR_CANCELED);
	subject_ok(&t, source_undo);
	project_expect("app_a app_b");
	check_host_clean(f);
	subject_done(&t);
	subject_done(&c);
	project_down();
}

static void
test_budget(void **state)
{
	struct fixture *f = *state;
	struct subject t;
	char *cfg = cfg_wrapped(f, ", \"downtime_budget\": 2000");

	app_up();
	wrapper_make(f, "exec");
	subject_init(&t, f, cfg, NULL, NULL);
	subject_ok(&t, source_prepare);
	subject_ok(&t, source_quiesce);
	assert_int_equal(subject_do(&t, source_capture), ERR_BUDGET);
	assert_non_null(strstr(t.err.msg, "2s"));
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
		cmocka_unit_test(test_folder_lost),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_budget),
	};

	return cmocka_run_group_tests(tests, engine_start, engine_stop);
}
