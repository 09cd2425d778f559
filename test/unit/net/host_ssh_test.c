/* host_ssh_test.c - scripts over a real OpenSSH server. */
#include <sys/resource.h>

#include "unit/net/sshd_fixture.h"

struct both {
	struct fixture f;
	struct sshd d;
};

static int
setup(void **state)
{
	struct both *b = xcalloc(1, sizeof(*b));

	fixture_init(&b->f);
	sshd_start(&b->d, "");
	sshd_host(&b->f, &b->d);
	*state = b;
	return 0;
}

static int
teardown(void **state)
{
	struct both *b = *state;

	fixture_done(&b->f);
	sshd_stop(&b->d);
	free(b);
	return 0;
}

static void
test_exec(void **state)
{
	struct both *b = *state;
	struct fixture *f = &b->f;
	struct verdict v;
	int64_t began;

	assert_false(host_is_local(f->host));
	fixture_run(f, "echo '@rb hi' >&2; echo err >&2; printf out; exit 3",
	    &v);
	if (v.err.code != ERR_NONE)
		fail_msg("%s", v.err.msg);
	assert_int_equal(v.status, 3);
	assert_string_equal(buf_str(&v.out), "out");
	assert_string_equal(buf_str(&v.notes), "hi|");
	assert_string_equal(v.err_text, "err");
	verdict_done(&v);
	/* The connection stays: the second is quick. */
	began = env_mono_ms(f->env);
	fixture_run(f, "cat; echo \"$SSH_CONNECTION\" | wc -w", &v);
	assert_int_equal(v.err.code, ERR_NONE);
	assert_int_equal(atol(buf_str(&v.out)), 4);
	verdict_done(&v);
	assert_true(env_mono_ms(f->env) - began < 5000);
}

static void
test_killed_shell(void **state)
{
	struct both *b = *state;
	struct verdict v;

	fixture_run(&b->f, "kill -KILL $$; sleep 1", &v);
	assert_int_equal(v.err.code, ERR_NETWORK);
	assert_non_null(strstr(v.err.msg, "without its end marker"));
	verdict_done(&v);
	fixture_run(&b->f, "echo next", &v);
	assert_int_equal(v.err.code, ERR_NONE);
	verdict_done(&v);
}

static long
peak_kib(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return u.ru_maxrss;
}

/* 100 MB each way at once, bounded memory. */
static void
test_stream_both_ways(void **state)
{
	struct both *b = *state;
	struct fixture *f = &b->f;
	struct host_cmd cmd = { 0 };
	struct drain d = { 0 };
	struct verdict v;
	long before;

	fixture_run(f, ":", &v);
	verdict_done(&v);
	before = peak_kib();
	cmd.script = "cat";
	cmd.input = pattern_new(f, 100 * 1000 * 1000 + 13, false);
	cmd.stall_ms = 10000;
	drain_start(&d, host_stream(f->host, &cmd));
	fixture_wait(f, &d.is_over);
	if (d.err.code != ERR_NONE)
		fail_msg("%s", d.err.msg);
	assert_int_equal(d.bytes, 100 * 1000 * 1000 + 13);
	assert_false(d.is_wrong);
	reader_close(d.r);
	/* The sanitizers' quarantine is not ours. */
#ifndef __SANITIZE_ADDRESS__
	assert_true(peak_kib() - before < 24 * 1024);
#else
	(void)before;
#endif
}

/* Nobody reads for a while; commands beside it go on all the same. */
static void
test_back_pressure(void **state)
{
	struct both *b = *state;
	struct fixture *f = &b->f;
	struct host_cmd cmd = { 0 };
	struct drain d = { 0 };
	struct reader *r;
	struct verdict v;
	int64_t until = env_mono_ms(f->env) + 2500;

	cmd.script = "dd if=/dev/zero bs=1000000 count=12 2>/dev/null; exit 6";
	cmd.stall_ms = 1200;
	r = host_stream(f->host, &cmd);
	while (env_mono_ms(f->env) < until) {
		fixture_run(f, "echo beat; sleep 0.1", &v);
		assert_int_equal(v.err.code, ERR_NONE);
		assert_string_equal(buf_str(&v.out), "beat\n");
		verdict_done(&v);
	}
	drain_start(&d, r);
	fixture_wait(f, &d.is_over);
	assert_int_equal(d.bytes, 12000000);
	assert_int_equal(d.err.code, ERR_RUN_FAILED);
	reader_close(d.r);
}

static void
test_many_at_once(void **state)
{
	struct both *b = *state;
	struct fixture *f = &b->f;
	struct host_cmd cmd = { 0 };
	struct drain d = { 0 };
	struct verdict v[12];
	char script[12][100];
	size_t i;

	cmd.script = "cat";
	cmd.input = pattern_new(f, 20 * 1000 * 1000, false);
	drain_start(&d, host_stream(f->host, &cmd));
	for (i = 0; i < 12; i++) {
		(void)snprintf(script[i], sizeof(script[i]),
		    "echo %zu; "
		    "dd if=/dev/zero bs=1000 count=500 2>/dev/null | wc -c; "
		    "exit %zu",
		    i, i);
		cmd = fixture_cmd(&v[i], script[i]);
		(void)host_run(f->host, &cmd, on_fixture_end, &v[i]);
	}
	for (i = 0; i < 12; i++) {
		fixture_wait(f, &v[i].is_there);
		if (v[i].err.code != ERR_NONE)
			fail_msg("%zu: %s", i, v[i].err.msg);
		assert_int_equal(v[i].status, i);
		assert_int_equal(atol(buf_str(&v[i].out)), i);
		assert_non_null(strstr(buf_str(&v[i].out), "500000"));
		verdict_done(&v[i]);
	}
	fixture_wait(f, &d.is_over);
	assert_int_equal(d.err.code, ERR_NONE);
	assert_int_equal(d.bytes, 20 * 1000 * 1000);
	reader_close(d.r);
}

/* Its parent is the server's process for this connection. */
#define KILL_SESSION "kill -KILL $(ps -o ppid= -p $$)"

static void
test_lost_connection(void **state)
{
	struct both *b = *state;
	struct fixture *f = &b->f;
	struct host_cmd cmd = { 0 };
	struct drain d = { 0 };
	struct verdict v, beside;

	cmd = fixture_cmd(&beside, "sleep 20");
	(void)host_run(f->host, &cmd, on_fixture_end, &beside);
	memset(&cmd, 0, sizeof(cmd));
	cmd.script = "i=0; while [ $i -lt 90 ]; do i=$((i+1)); dd "
		     "if=/dev/zero bs=1000 count=1000 2>/dev/null || exit 1; "
		     "sleep 0.1; done";
	drain_start(&d, host_stream(f->host, &cmd));
	while (d.bytes < 100000)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	fixture_run(f, KILL_SESSION "; sleep 5", &v);
	assert_int_equal(v.err.code, ERR_NETWORK);
	assert_non_null(strstr(v.err.msg, "connection lost"));
	verdict_done(&v);
	fixture_wait(f, &d.is_over);
	assert_int_equal(d.err.code, ERR_NETWORK);
	reader_close(d.r);
	fixture_wait(f, &beside.is_there);
	assert_int_equal(beside.err.code, ERR_NETWORK);
	verdict_done(&beside);
	/* The next command connects anew. */
	fixture_run(f, "echo again", &v);
	assert_int_equal(v.err.code, ERR_NONE);
	verdict_done(&v);
}

/* It died while nobody used it: the next command does not notice. */
static void
test_dead_while_idle(void **state)
{
	struct both *b = *state;
	struct fixture *f = &b->f;
	struct verdict v;

	fixture_run(f, "(sleep 0.3; " KILL_SESSION ") >/dev/null 2>&1 &", &v);
	assert_int_equal(v.err.code, ERR_NONE);
	verdict_done(&v);
	fixture_sleep(f, 700);
	fixture_run(f, "echo again", &v);
	if (v.err.code != ERR_NONE)
		fail_msg("%s", v.err.msg);
	assert_string_equal(buf_str(&v.out), "again\n");
	verdict_done(&v);
}

static void
test_cancel(void **state)
{
	struct both *b = *state;

	cancel_one(&b->f, "sleep 60 & echo \"@rb $$ $!\" >&2; wait", 3000);
	cancel_one(&b->f,
	    "trap '' TERM; (trap '' TERM; while :; do sleep 1; "
	    "done) & echo \"@rb $$ $!\" >&2; wait; sleep 60",
	    9000);
}

static void
test_limits(void **state)
{
	struct both *b = *state;
	struct fixture *f = &b->f;
	struct host_cmd cmd;
	struct verdict v;

	cmd = fixture_cmd(&v, "echo \"@rb $$\" >&2; sleep 30");
	cmd.deadline_ms = 1500;
	(void)host_run(f->host, &cmd, on_fixture_end, &v);
	fixture_wait(f, &v.is_there);
	assert_int_equal(v.err.code, ERR_TIMEOUT);
	assert_false(process_runs(atol(buf_str(&v.notes))));
	verdict_done(&v);

	cmd = fixture_cmd(&v, "echo \"@rb $$\" >&2; sleep 30");
	cmd.stall_ms = 400;
	(void)host_run(f->host, &cmd, on_fixture_end, &v);
	fixture_wait(f, &v.is_there);
	assert_int_equal(v.err.code, ERR_NETWORK);
	assert_non_null(strstr(v.err.msg, "stalled"));
	assert_false(process_runs(atol(buf_str(&v.notes))));
	verdict_done(&v);

	cmd = fixture_cmd(&v, "yes");
	cmd.out_max = 1000000;
	(void)host_run(f->host, &cmd, on_fixture_end, &v);
	fixture_wait(f, &v.is_there);
	assert_int_equal(v.err.code, ERR_LIMIT);
	verdict_done(&v);
}

static void
test_fresh_connection(void **state)
{
	struct both *b = *state;
	struct fixture *f = &b->f;
	struct host_cmd cmd;
	struct verdict one, two;

	fixture_run(f, "echo \"$SSH_CONNECTION\"", &one);
	cmd = fixture_cmd(&two, "echo \"$SSH_CONNECTION\"");
	cmd.is_fresh = true;
	(void)host_run(f->host, &cmd, on_fixture_end, &two);
	fixture_wait(f, &two.is_there);
	assert_int_equal(two.err.code, ERR_NONE);
	assert_string_not_equal(buf_str(&one.out), buf_str(&two.out));
	verdict_done(&one);
	verdict_done(&two);
}

static void
test_free_in_the_middle(void **state)
{
	struct both *b = *state;
	struct fixture *f = &b->f;
	struct drain d = { 0 };
	struct host_cmd cmd;
	struct verdict v;

	cmd = fixture_cmd(&v, "sleep 5");
	(void)host_run(f->host, &cmd, on_fixture_end, &v);
	cmd.script = "yes";
	cmd.input = pattern_new(f, 100000000, false);
	drain_start(&d, host_stream(f->host, &cmd));
	while (d.bytes < 3000000)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	host_free(f->host);
	f->host = NULL;
	fixture_wait(f, &d.is_over);
	assert_int_equal(d.err.code, ERR_CANCELED);
	reader_close(d.r);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	assert_false(v.is_there);
	verdict_done(&v);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_exec),
		TEST(test_killed_shell),
		TEST(test_stream_both_ways),
		TEST(test_back_pressure),
		TEST(test_many_at_once),
		TEST(test_lost_connection),
		TEST(test_dead_while_idle),
		TEST(test_cancel),
		TEST(test_limits),
		TEST(test_fresh_connection),
		TEST(test_free_in_the_middle),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
