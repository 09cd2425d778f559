/* foreign_test.c - who else uses what is captured. */
#include "unit/source/fixture.h"

#include "source/host/scripts.h"

/* ${mount}: of container "other"; its "NAME (STATE) " when it is foreign. */
static void
check_foreign(const char *status, const char *mount, const char *want)
{
	struct fixture f;
	char *got, *path;
	FILE *to;

	fixture_init(&f);
	path = xasprintf("%s/engine.sh", f.dir);
	to = fopen(path, "w");
	assert_non_null(to);
	assert_true(fputs(host_script_docker_engine, to) >= 0);
	assert_int_equal(fclose(to), 0);
	got = shell_out("RB_RUN=r PLAN='id1 t 1 running ours ours'\n"
			"TABLE='C id1 running t t 0 i p ours - - /ours -\n"
			"M id1 bind - /Users/me/data\n"
			"C id2 %s t t 0 i p other - - /other -\n"
			"M id2 %s'\n"
			"MOUNTS='volume kg p_kg\n"
			"path - /Users/me/data'\n"
			". %s && foreign_find",
	    status, mount, path);
	assert_string_equal(got, want);
	free(got);
	free(path);
	fixture_done(&f);
}

static void
test_mounts(void **state)
{
	static const char there[] = "other (running) ";

	(void)state;
	check_foreign("running", "volume p_kg /var/lib/x", there);
	check_foreign("running", "volume p_other /var/lib/x", "");
	check_foreign("running", "bind - /Users/me/data", there);
	check_foreign("running", "bind - /Users/me", there);
	check_foreign("running", "bind - /Users/me/data/in a folder", there);
	check_foreign("running", "bind - /Users/me/database", "");
	check_foreign("paused", "bind - /Users/me/data", "other (paused) ");
	check_foreign("exited", "bind - /Users/me/data", "");
}

/* Docker Desktop's virtual machine has the Mac's folders elsewhere. */
static void
test_docker_desktop(void **state)
{
	static const char there[] = "other (running) ";

	(void)state;
	check_foreign("running", "bind - /host_mnt/Users/me/data/x", there);
	check_foreign("running", "bind - /run/desktop/mnt/host/Users/me",
	    there);
	check_foreign("running", "bind - /host_mnt/Users/you", "");
	check_foreign("running", "bind - /mnt/host_mnt/Users/me/data", "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_docker_desktop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
