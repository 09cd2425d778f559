/*
 * docker_refuse_test.c - what prepare refuses, in words that help, and
 * leaves as it was; a service that has to be killed.
 */
#include "unit/source/docker_fixture.h"

/* Prepare must fail with ${code} and words from ${want}. */
static void
expect_refusal(struct fixture *f, const char *cfg, enum err_code code,
    const char *want)
{
	struct subject t;

	subject_init(&t, f, cfg, NULL, NULL);
	if (subject_do(&t, source_prepare) != code)
		fail_msg("%s: %s", err_name(t.err.code), t.err.msg);
	if (strstr(t.err.msg, want) == NULL)
		fail_msg("no '%s' in: %s", want, t.err.msg);
	check_host_clean(f);
	subject_ok(&t, source_undo);
	subject_done(&t);
}

static void
test_refusals(void **state)
{
	struct fixture *f = *state;

	project_up();
	/* app_off runs and has b's volume. */
	expect_refusal(f, CFG_AB, ERR_SERVICE, "app_off (running)");
	shell("docker pause app_off >/dev/null");
	expect_refusal(f, CFG_AB, ERR_SERVICE, "app_off (paused)");
	shell("docker unpause app_off >/dev/null; "
	      "docker stop -t 1 app_off >/dev/null");
	/* Never created by looking for it. */
	expect_refusal(f, CFG_OF("\"a\"", "\"vol-z\"", ""), ERR_NOT_FOUND,
	    "app_vol-a");
	assert_true(shell_is("docker volume ls -q | sort | tr '\\n' ' '",
	    "app_vol-a app_vol-b "));
	expect_refusal(f, CFG_OF("\"a\", \"q\"", "\"vol-a\"", ""),
	    ERR_NOT_FOUND, "a b off");
	expect_refusal(f,
	    CFG_OF("\"a\"", "\"vol-a\"", ", \"helper_image\": \"no/such:1\""),
	    ERR_MISSING, "no/such:1");
	expect_refusal(f,
	    CFG_OF("\"a\"", "\"vol-a\"", ", \"paths\": [\"/no/such\"]"),
	    ERR_NOT_FOUND, "/no/such");
	expect_refusal(f,
	    "{\"type\": \"docker\", \"stop\": [\"a\"], "
	    "\"volumes\": [\"vol-a\"], \"compose\": \"/no/such\"}",
	    ERR_MISSING, "/no/such");
	expect_refusal(f,
	    CFG_OF("\"a\"", "\"vol-a\"", ", \"docker_path\": \"/no/docker\""),
	    ERR_MISSING, "/no/docker");
	expect_refusal(f,
	    CFG_OF("\"a\"", "\"vol-a\"",
		", \"docker_host\": \"unix:///no/docker.sock\""),
	    ERR_SERVICE, "cannot be reached");
	shell("docker pause app_a >/dev/null");
	expect_refusal(f, CFG_OF("\"a\"", "\"vol-a\"", ""), ERR_SERVICE,
	    "paused");
	shell("docker unpause app_a >/dev/null");
	project_expect("app_a app_b");
	project_down();
}

/* A service that does not care about SIGTERM. */
static void
test_killed(void **state)
{
	struct fixture *f = *state;
	struct subject t;

	project_up();
	shell("docker rm -f app_a >/dev/null; docker stop -t 1 app_off "
	      ">/dev/null");
	container_up("a", "app_vol-a",
	    "trap \"\" TERM; while :; do sleep 0.1; done");
	subject_init(&t, f, CFG_OF("\"a\", \"b\"", "\"vol-a\"", ""), NULL,
	    NULL);
	subject_ok(&t, source_prepare);
	assert_int_equal(subject_do(&t, source_quiesce), ERR_KILLED);
	assert_non_null(strstr(t.err.msg, "'a'"));
	subject_ok(&t, source_undo);
	project_expect("app_a app_b");
	check_host_clean(f);
	subject_done(&t);

	buf_clear(&f->warnings);
	subject_init(&t, f,
	    CFG_OF("\"a\", \"b\"", "\"vol-a\"", ", \"killed\": \"warn\""), NULL,
	    NULL);
	subject_ok(&t, source_prepare);
	subject_ok(&t, source_quiesce);
	assert_non_null(strstr(buf_str(&f->warnings), "137"));
	subject_ok(&t, source_capture);
	subject_ok(&t, source_resume);
	subject_ok(&t, source_release);
	project_expect("app_a app_b");
	check_host_clean(f);
	subject_done(&t);
	project_down();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_killed),
	};

	return cmocka_run_group_tests(tests, engine_start, engine_stop);
}
