/* host_fault_test.c - servers that re-key, fall silent, refuse. */
#include "unit/net/sshd_fixture.h"

#include <sys/resource.h>

#ifdef __SANITIZE_ADDRESS__
/* libssh2 1.10 loses the host key of each exchange that is followed by one. */
const char *__lsan_default_suppressions(void);
const char *
__lsan_default_suppressions(void)
{
	return "leak:libssh2\n";
}
#endif

/*
 * The server changes keys every 16 MB.  Downloads must come through.  An
 * upload may hang in libssh2 (its issue 2110) and must then be reported in
 * time, never taken for a success.
 */
static void
test_rekey(void **state)
{
	struct fixture f;
	struct sshd d;
	struct host_cmd cmd = { 0 };
	struct drain down = { 0 };
	struct verdict v;

	(void)state;
	fixture_init(&f);
	sshd_start(&d, "--config 'RekeyLimit 16M'");
	sshd_host(&f, &d);
	cmd.script = "dd if=/dev/zero bs=65536 count=1600 2>/dev/null; exit 7";
	cmd.stall_ms = 8000;
	drain_start(&down, host_stream(f.host, &cmd));
	fixture_wait(&f, &down.is_over);
	if (down.err.code != ERR_RUN_FAILED)
		fail_msg("%s", down.err.msg);
	assert_int_equal(down.bytes, 1600 * 65536);
	reader_close(down.r);

	cmd = fixture_cmd(&v, "wc -c");
	cmd.input = pattern_new(&f, 100 * 1000 * 1000, false);
	cmd.stall_ms = 3000;
	(void)host_run(f.host, &cmd, on_fixture_end, &v);
	fixture_wait(&f, &v.is_there);
	if (v.err.code == ERR_NONE)
		assert_int_equal(atol(buf_str(&v.out)), 100 * 1000 * 1000);
	else
		assert_int_equal(v.err.code, ERR_NETWORK);
	print_message("upload across re-keying: %s\n",
	    v.err.code == ERR_NONE ? "fine" : v.err.msg);
	verdict_done(&v);
	/* Whatever happened, the next command works. */
	fixture_run(&f, "echo next", &v);
	assert_int_equal(v.err.code, ERR_NONE);
	verdict_done(&v);
	fixture_done(&f);
	sshd_stop(&d);
}

/* This process has no descriptor left: an error, and later it works again. */
static void
test_no_descriptors(void **state)
{
	struct rlimit all, few;
	struct fixture f;
	struct sshd d;
	struct verdict v;
	int next;

	(void)state;
	fixture_init(&f);
	sshd_start(&d, "");
	sshd_host(&f, &d);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &all), 0);
	next = dup(0);
	assert_true(next > 0);
	(void)close(next);
	few = all;
	few.rlim_cur = (rlim_t)next;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	fixture_run(&f, "echo never", &v);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &all), 0);
	assert_int_not_equal(v.err.code, ERR_NONE);
	if (strstr(v.err.msg, "too many open files") == NULL)
		fail_msg("%s", v.err.msg);
	verdict_done(&v);
	fixture_run(&f, "echo fine", &v);
	assert_int_equal(v.err.code, ERR_NONE);
	verdict_done(&v);
	fixture_done(&f);
	sshd_stop(&d);
}

/* The process that serves the connection sleeps: as a dead network does. */
static void
test_silent_server(void **state)
{
	struct fixture f;
	struct sshd d;
	struct host_cmd cmd;
	struct verdict v;
	int64_t began;
	long script_pid = 0, server_pid = 0;

	(void)state;
	fixture_init(&f);
	sshd_start(&d, "");
	sshd_host(&f, &d);
	cmd = fixture_cmd(&v,
	    "echo \"@rb $$ $(ps -o ppid= -p $$)\" >&2; "
	    "exec sleep 60");
	cmd.stall_ms = 1000;
	(void)host_run(f.host, &cmd, on_fixture_end, &v);
	while (strchr(buf_str(&v.notes), '|') == NULL)
		(void)uv_run(&f.loop, UV_RUN_ONCE);
	assert_int_equal(sscanf(buf_str(&v.notes), "%ld %ld", &script_pid,
			     &server_pid),
	    2);
	assert_int_equal(kill((pid_t)server_pid, SIGSTOP), 0);
	began = env_mono_ms(f.env);
	fixture_wait(&f, &v.is_there);
	assert_int_equal(v.err.code, ERR_NETWORK);
	assert_non_null(strstr(v.err.msg, "stalled"));
	/* It was stopped over a connection of its own. */
	assert_null(strstr(v.err.msg, "failed"));
	assert_false(process_runs(script_pid));
	assert_true(env_mono_ms(f.env) - began < 15000);
	verdict_done(&v);
	fixture_run(&f, "echo next", &v);
	assert_int_equal(v.err.code, ERR_NONE);
	verdict_done(&v);
	(void)kill((pid_t)server_pid, SIGCONT);
	(void)kill((pid_t)server_pid, SIGKILL);
	fixture_done(&f);
	sshd_stop(&d);
}

/* The same without a watchdog: keepalives find out. */
static void
test_unanswered_keepalives(void **state)
{
	struct fixture f;
	struct sshd d;
	struct host_cmd cmd;
	struct verdict v;
	long script_pid = 0, server_pid = 0;

	(void)state;
	fixture_init(&f);
	sshd_start(&d, "");
	json_put_int(d.cfg, "keepalive", 1000);
	sshd_host(&f, &d);
	/* Answered ones do no harm, though nothing else moves. */
	fixture_run(&f, "sleep 9", &v);
	assert_int_equal(v.err.code, ERR_NONE);
	verdict_done(&v);
	cmd = fixture_cmd(&v,
	    "echo \"@rb $$ $(ps -o ppid= -p $$)\" >&2; "
	    "exec sleep 60");
	(void)host_run(f.host, &cmd, on_fixture_end, &v);
	while (strchr(buf_str(&v.notes), '|') == NULL)
		(void)uv_run(&f.loop, UV_RUN_ONCE);
	assert_int_equal(sscanf(buf_str(&v.notes), "%ld %ld", &script_pid,
			     &server_pid),
	    2);
	assert_int_equal(kill((pid_t)server_pid, SIGSTOP), 0);
	fixture_wait(&f, &v.is_there);
	assert_int_equal(v.err.code, ERR_NETWORK);
	assert_non_null(strstr(v.err.msg, "does not answer 3 keepalives"));
	verdict_done(&v);
	(void)kill((pid_t)script_pid, SIGKILL);
	(void)kill((pid_t)server_pid, SIGKILL);
	fixture_done(&f);
	sshd_stop(&d);
}

/* One channel a connection: those beside it get connections of their own. */
static void
test_max_sessions(void **state)
{
	struct fixture f;
	struct sshd d;
	struct host_cmd cmd;
	struct verdict one, two;

	(void)state;
	fixture_init(&f);
	sshd_start(&d, "--config 'MaxSessions 1'");
	sshd_host(&f, &d);
	cmd = fixture_cmd(&one, "sleep 1; echo one");
	(void)host_run(f.host, &cmd, on_fixture_end, &one);
	fixture_sleep(&f, 500);
	fixture_run(&f, "echo two", &two);
	if (two.err.code != ERR_NONE)
		fail_msg("%s", two.err.msg);
	fixture_wait(&f, &one.is_there);
	assert_int_equal(one.err.code, ERR_NONE);
	verdict_done(&one);
	verdict_done(&two);
	fixture_done(&f);
	sshd_stop(&d);
}

/* What scripts leave behind with our pipes takes no channels for long. */
static void
test_left_behind(void **state)
{
	struct fixture f;
	struct sshd d;
	struct verdict v;
	char first[200] = "";
	int i;

	(void)state;
	fixture_init(&f);
	sshd_start(&d, "--config 'MaxSessions 3'");
	sshd_host(&f, &d);
	for (i = 0; i < 12; i++) {
		fixture_run(&f, "sleep 15 & echo \"$SSH_CONNECTION\"", &v);
		if (v.err.code != ERR_NONE)
			fail_msg("%s", v.err.msg);
		if (i == 0)
			(void)snprintf(first, sizeof(first), "%s",
			    buf_str(&v.out));
		/* All on one connection: none was refused. */
		assert_string_equal(buf_str(&v.out), first);
		verdict_done(&v);
	}
	fixture_done(&f);
	sshd_stop(&d);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rekey),
		cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_silent_server),
		cmocka_unit_test(test_unanswered_keepalives),
		cmocka_unit_test(test_max_sessions),
		cmocka_unit_test(test_left_behind),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
