/* docker_test.c - volumes of containers on a real engine: the main road. */
#include "unit/source/docker_fixture.h"

static void
test_whole_run(void **state)
{
	struct fixture *f = *state;
	struct subject t;
	const struct source_artifact *a;
	const struct source_facts *facts;
	char *tar = xasprintf("%s/out.tar", f->dir), *got;

	project_up();
	shell("docker stop -t 1 app_off");
	subject_init(&t, f, CFG_AB, NULL, NULL);
	subject_ok(&t, source_prepare);
	facts = source_facts(t.s);
	assert_true(facts->has_services);
	assert_true(facts->size_hint > 0);
	assert_int_equal(facts->downtime_ms, 0);
	project_expect("app_a app_b");
	subject_ok(&t, source_quiesce);
	project_expect("");
	assert_true(facts->stop_ms > 0);
	assert_true(json_array_size(facts->arms) > 0);
	subject_ok(&t, source_capture);
	subject_ok(&t, source_resume);
	project_expect("app_a app_b");
	assert_true(facts->downtime_ms > 0 && facts->downtime_ms < 20000);
	assert_true(facts->start_ms > facts->stop_ms);
	assert_true(facts->as_of_ms > 0);
	got = json_print(facts->versions);
	assert_non_null(strstr(got, "\"image\":\"alpine\""));
	free(got);
	a = source_artifact(t.s, 1);
	assert_string_equal(a->name, "vol-b.tar");
	assert_string_equal(a->kind, "volume");
	assert_string_equal(a->of, "vol-b");
	assert_true(a->size_hint > 0);
	assert_null(source_artifact(t.s, 2));
	assert_true(subject_read(&t, 0, false, tar) % 512 == 0);
	shell(
	    "mkdir %s/got && tar -xpf %s -C %s/got && diff -r --no-dereference"
	    " %s/got $(docker volume inspect -f '{{.Mountpoint}}' app_vol-a)",
	    f->dir, tar, f->dir, f->dir);
	shell("rm -rf %s/got", f->dir);
	shell("cp %s %s.1", tar, tar);
	(void)subject_read(&t, 0, true, tar);
	shell("gunzip -c <%s | cmp - %s.1", tar, tar);
	subject_ok(&t, source_release);
	project_expect("app_a app_b");
	check_host_clean(f);
	subject_ok(&t, source_release);
	subject_done(&t);
	free(tar);
	project_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_run),
	};

	return cmocka_run_group_tests(tests, engine_start, engine_stop);
}
