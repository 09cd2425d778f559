/* host_local_test.c - scripts on this machine. */
#include "unit/net/host_fixture.h"

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct err e = ERR_INIT;

	fixture_init(f);
	f->host = host_new(f->env, "here", NULL, &e);
	assert_non_null(f->host);
	assert_true(host_is_local(f->host));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	fixture_done(*state);
	free(*state);
	return 0;
}

static void
test_output_and_status(void **state)
{
	static const struct {
		const char *script;
		const char *out;
		int status;
	} rows[] = {
		{ "echo hello", "hello\n", 0 },
		{ "printf 'no newline'", "no newline", 0 },
		{ "", "", 0 },
		{ "true", "", 0 },
		{ "echo a; exit 7", "a\n", 7 },
		{ "set -e\necho b\nfalse\necho never", "b\n", 1 },
		{ "exec printf '%s' 'it'\\''s'", "it's", 0 },
		{ "trap 'echo bye' EXIT; exit 3", "bye\n", 3 },
		{ "kill -KILL $(sh -c 'echo $PPID'); sleep 5", NULL, 137 },
		{ "echo \"$n$s\" \"$_rb\"", " \n", 0 },
		{ "cat; echo after", "after\n", 0 },
		{ "while read -r l; do echo \"$l\"; done; echo end", "end\n",
		    0 },
		{ "(exit 255)", "", 255 },
		{ "echo one >&2\necho two", "two\n", 0 },
	};
	struct fixture *f = *state;
	struct verdict v;
	size_t i;

	for (i = 0; i < COUNT_OF(rows); i++) {
		fixture_run(f, rows[i].script, &v);
		if (v.err.code != ERR_NONE)
			fail_msg("%s: %s", rows[i].script, v.err.msg);
		assert_int_equal(v.status, rows[i].status);
		if (rows[i].out != NULL)
			assert_string_equal(buf_str(&v.out), rows[i].out);
		verdict_done(&v);
	}
	/* Shells differ in the status of what is no script. */
	fixture_run(f, "if then", &v);
	assert_int_equal(v.err.code, ERR_NONE);
	assert_in_range(v.status, 1, 2);
	assert_string_equal(buf_str(&v.out), "");
	verdict_done(&v);
}

static void
test_notes_and_errors(void **state)
{
	struct fixture *f = *state;
	struct verdict v;

	fixture_run(f,
	    "echo '@rb step one' >&2; echo oops >&2; "
	    "echo '@rb two' >&2; printf ' last\\twords ' >&2; exit 4",
	    &v);
	assert_int_equal(v.err.code, ERR_NONE);
	assert_int_equal(v.status, 4);
	assert_string_equal(buf_str(&v.notes), "step one|two|");
	assert_string_equal(v.err_text, "oops;  last words");
	verdict_done(&v);
	/* Much of it: the end is kept, and nothing stalls. */
	fixture_run(f,
	    "i=0; while [ $i -lt 20000 ]; do "
	    "echo \"line $i of much text\" >&2; i=$((i+1)); done; "
	    "echo '@rb note' >&2; echo the end >&2",
	    &v);
	assert_int_equal(v.err.code, ERR_NONE);
	assert_string_equal(buf_str(&v.notes), "note|");
	assert_non_null(strstr(v.err_text, "line 19999 of much text; the end"));
	assert_true(strlen(v.err_text) <= 4200);
	verdict_done(&v);
}

static void
test_input_is_the_scripts(void **state)
{
	struct fixture *f = *state;
	struct verdict v;
	struct host_cmd cmd;

	cmd = fixture_cmd(&v, "IFS= read -r l; wc -c | tr -d ' '");
	cmd.input = pattern_new(f, 3000000, false);
	(void)host_run(f->host, &cmd, on_fixture_end, &v);
	fixture_wait(f, &v.is_there);
	assert_int_equal(v.err.code, ERR_NONE);
	assert_true(atol(buf_str(&v.out)) > 2900000);
	verdict_done(&v);
	/* One that does not read it all ends well all the same. */
	cmd = fixture_cmd(&v, "dd bs=1 count=3 2>/dev/null | wc -c; exit 0");
	cmd.input = pattern_new(f, 30000000, false);
	(void)host_run(f->host, &cmd, on_fixture_end, &v);
	fixture_wait(f, &v.is_there);
	assert_int_equal(v.err.code, ERR_NONE);
	assert_int_equal(atol(buf_str(&v.out)), 3);
	verdict_done(&v);
}

/* A broken input must not look like the end of a whole one. */
static void
test_broken_input(void **state)
{
	struct fixture *f = *state;
	char dir[] = "/tmp/rb-net-XXXXXX", script[200], path[100];
	struct host_cmd cmd;
	struct verdict v;

	assert_non_null(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/done", dir);
	(void)snprintf(script, sizeof(script), "cat >/dev/null; : >%s", path);
	cmd = fixture_cmd(&v, script);
	cmd.input = pattern_new(f, 600000, true);
	(void)host_run(f->host, &cmd, on_fixture_end, &v);
	fixture_wait(f, &v.is_there);
	assert_int_equal(v.err.code, ERR_CORRUPT);
	assert_non_null(strstr(v.err.msg, "host 'here': input: the pattern"));
	fixture_sleep(f, 100);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(rmdir(dir), 0);
	verdict_done(&v);
}

static void
test_limits(void **state)
{
	struct fixture *f = *state;
	struct host_cmd cmd;
	struct verdict v;
	int64_t began;

	cmd = fixture_cmd(&v, "yes");
	cmd.out_max = 100000;
	(void)host_run(f->host, &cmd, on_fixture_end, &v);
	fixture_wait(f, &v.is_there);
	assert_int_equal(v.err.code, ERR_LIMIT);
	verdict_done(&v);

	began = env_mono_ms(f->env);
	cmd = fixture_cmd(&v, "echo x; sleep 30");
	cmd.deadline_ms = 300;
	(void)host_run(f->host, &cmd, on_fixture_end, &v);
	fixture_wait(f, &v.is_there);
	assert_int_equal(v.err.code, ERR_TIMEOUT);
	assert_non_null(strstr(v.err.msg, "300ms"));
	verdict_done(&v);

	cmd = fixture_cmd(&v, "echo x; sleep 30");
	cmd.stall_ms = 200;
	(void)host_run(f->host, &cmd, on_fixture_end, &v);
	fixture_wait(f, &v.is_there);
	assert_int_equal(v.err.code, ERR_NETWORK);
	assert_non_null(strstr(v.err.msg, "no byte moved for 200ms"));
	verdict_done(&v);
	assert_true(env_mono_ms(f->env) - began < 5000);

	/* Slow, but never silent for so long. */
	cmd = fixture_cmd(&v,
	    "for i in 1 2 3 4 5; do echo $i; sleep 0.4; "
	    "done");
	cmd.stall_ms = 1300;
	(void)host_run(f->host, &cmd, on_fixture_end, &v);
	fixture_wait(f, &v.is_there);
	assert_int_equal(v.err.code, ERR_NONE);
	verdict_done(&v);
}

/* The script's shell itself dies: that is no status. */
static void
test_killed_shell(void **state)
{
	struct fixture *f = *state;
	struct verdict v;

	fixture_run(f, "echo part; kill -KILL $$; sleep 1", &v);
	assert_int_equal(v.err.code, ERR_NETWORK);
	assert_non_null(strstr(v.err.msg, "without its end marker"));
	verdict_done(&v);
}

/* What a script leaves running with our pipes does not hold the verdict. */
static void
test_background_holds_nothing(void **state)
{
	struct fixture *f = *state;
	struct verdict v;
	int64_t began = env_mono_ms(f->env);

	fixture_run(f, "sleep 4 & echo $!", &v);
	assert_int_equal(v.err.code, ERR_NONE);
	assert_true(env_mono_ms(f->env) - began < 2000);
	(void)kill((pid_t)atol(buf_str(&v.out)), SIGKILL);
	verdict_done(&v);
}

static void
test_cancel(void **state)
{
	struct fixture *f = *state;

	cancel_one(f, "sleep 60 & echo \"@rb $$ $!\" >&2; wait", 3000);
	/* Deaf to TERM. */
	cancel_one(f,
	    "trap '' TERM; (trap '' TERM; while :; do sleep 1; "
	    "done) & echo \"@rb $$ $!\" >&2; wait; sleep 60",
	    9000);
}

static void
test_cancel_at_once(void **state)
{
	struct fixture *f = *state;
	struct stopped s = { false, ERR_INIT };
	struct host_run *r;
	struct host_cmd cmd;
	struct verdict v;

	cmd = fixture_cmd(&v, "echo never");
	r = host_run(f->host, &cmd, on_fixture_end, &v);
	host_run_cancel(r, on_stopped, &s);
	fixture_wait(f, &s.is_over);
	assert_int_equal(s.err.code, ERR_NONE);
	assert_false(v.is_there);
	verdict_done(&v);
}

static void
test_stream(void **state)
{
	struct fixture *f = *state;
	struct host_cmd cmd = { 0 };
	struct drain d = { 0 };

	cmd.script = "cat";
	cmd.input = pattern_new(f, 40 * 1000 * 1000 + 7, false);
	cmd.stall_ms = 5000;
	drain_start(&d, host_stream(f->host, &cmd));
	fixture_wait(f, &d.is_over);
	assert_int_equal(d.err.code, ERR_NONE);
	assert_int_equal(d.bytes, 40 * 1000 * 1000 + 7);
	assert_false(d.is_wrong);
	reader_close(d.r);
}

static void
test_stream_errors(void **state)
{
	struct fixture *f = *state;
	struct host_cmd cmd = { 0 };
	struct drain d = { 0 };

	cmd.script = "echo data; echo 'tar: gone' >&2; exit 2";
	drain_start(&d, host_stream(f->host, &cmd));
	fixture_wait(f, &d.is_over);
	assert_int_equal(d.bytes, 5);
	assert_int_equal(d.err.code, ERR_RUN_FAILED);
	assert_non_null(strstr(d.err.msg, "status 2: tar: gone"));
	reader_close(d.r);

	/* Closed early: the program goes. */
	memset(&d, 0, sizeof(d));
	cmd.script = "exec yes";
	d.stop_after = 1000000;
	drain_start(&d, host_stream(f->host, &cmd));
	fixture_wait(f, &d.is_over);
	assert_null(d.r);
}

/* Nobody reads: the program waits, nothing piles up, it is no stall. */
static void
test_stream_back_pressure(void **state)
{
	struct fixture *f = *state;
	struct host_cmd cmd = { 0 };
	struct drain d = { 0 };
	struct reader *r;

	cmd.script = "i=0; while [ $i -lt 3 ]; do "
		     "dd if=/dev/zero bs=1000000 count=1 2>/dev/null; "
		     "i=$((i+1)); done; exit 9";
	cmd.stall_ms = 1000;
	r = host_stream(f->host, &cmd);
	fixture_sleep(f, 1700);
	drain_start(&d, r);
	fixture_wait(f, &d.is_over);
	assert_int_equal(d.bytes, 3000000);
	assert_int_equal(d.err.code, ERR_RUN_FAILED);
	reader_close(d.r);
}

/* Freed in the middle of all sorts of things. */
static void
test_free_ends_all(void **state)
{
	struct fixture *f = *state;
	struct drain d = { 0 };
	struct host_cmd cmd;
	struct verdict v;
	long pid = 0;

	cmd = fixture_cmd(&v, "echo \"@rb $$\" >&2; sleep 60");
	(void)host_run(f->host, &cmd, on_fixture_end, &v);
	while (strchr(buf_str(&v.notes), '|') == NULL)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	pid = atol(buf_str(&v.notes));
	cmd.script = "yes";
	drain_start(&d, host_stream(f->host, &cmd));
	(void)uv_run(&f->loop, UV_RUN_ONCE);
	host_run_cancel(host_run(f->host, &cmd, on_fixture_end, &v), NULL,
	    NULL);
	host_free(f->host);
	f->host = NULL;
	fixture_wait(f, &d.is_over);
	assert_int_equal(d.err.code, ERR_CANCELED);
	reader_close(d.r);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_false(v.is_there);
	assert_false(process_runs(pid));
	verdict_done(&v);
}

static void
test_environment(void **state)
{
	struct fixture *f = *state;
	struct verdict v;

	assert_int_equal(setenv("RB_TEST_SECRET", "hush", 1), 0);
	fixture_run(f,
	    "echo \"${RB_TEST_SECRET-unset}\"; "
	    "[ -n \"$HOME\" ] && case :$PATH: in *:/usr/local/bin:*) "
	    "echo found ;; esac",
	    &v);
	assert_string_equal(buf_str(&v.out), "unset\nfound\n");
	verdict_done(&v);
	/* We ignore SIGPIPE; they must not. */
	fixture_run(f, "sh -c 'kill -PIPE $$; echo alive'; :", &v);
	assert_int_equal(v.err.code, ERR_NONE);
	assert_string_equal(buf_str(&v.out), "");
	verdict_done(&v);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_output_and_status),
		TEST(test_notes_and_errors),
		TEST(test_input_is_the_scripts),
		TEST(test_broken_input),
		TEST(test_limits),
		TEST(test_killed_shell),
		TEST(test_background_holds_nothing),
		TEST(test_cancel),
		TEST(test_cancel_at_once),
		TEST(test_stream),
		TEST(test_stream_errors),
		TEST(test_stream_back_pressure),
		TEST(test_free_ends_all),
		TEST(test_environment),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
