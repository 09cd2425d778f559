/*
 * host_shells_test.c - login shells of all sorts, with noise before the
 * command, and shells of all sorts as sh.  Those not installed are left out.
 */
#include "unit/net/sshd_fixture.h"

static const char *const login_shells[] = { "sh", "bash", "dash", "ksh", "zsh",
	"fish", "tcsh", "busybox sh" };
static const char *const inner_shells[] = { "dash", "bash", "ksh", "zsh",
	"busybox" };

/* Where the program is; false if it is not here. */
static bool
find_program(const char *words, char *path, size_t size)
{
	char cmd[200];
	FILE *p;

	(void)snprintf(cmd, sizeof(cmd), "set -- %s; command -v \"$1\"", words);
	p = popen(cmd, "r");
	assert_non_null(p);
	if (fgets(path, (int)size, p) == NULL)
		path[0] = '\0';
	(void)pclose(p);
	path[strcspn(path, "\n")] = '\0';
	return path[0] == '/';
}

static void
check_cancel(struct fixture *f, const char *what)
{
	struct stopped s = { false, ERR_INIT };
	struct host_cmd cmd;
	struct host_run *r;
	struct verdict v;
	long pid = 0;

	cmd = fixture_cmd(&v, "sleep 60 & echo \"@rb $!\" >&2; wait");
	r = host_run(f->host, &cmd, on_fixture_end, &v);
	while (strchr(buf_str(&v.notes), '|') == NULL && !v.is_there)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	pid = atol(buf_str(&v.notes));
	assert_true(pid > 1 && process_runs(pid));
	host_run_cancel(r, on_stopped, &s);
	fixture_wait(f, &s.is_over);
	if (s.err.code != ERR_NONE || process_runs(pid))
		fail_msg("%s: cancel: %s", what, s.err.msg);
	verdict_done(&v);
}

static void
check_scripts(struct fixture *f, const char *what)
{
	struct host_cmd cmd;
	struct verdict v;

	fixture_run(f,
	    "cat\necho \"it's !x $HOME\" | tr -d /; "
	    "printf '\\\\n%s' \"$(printf 'a\\nb')\"; exit 5",
	    &v);
	if (v.err.code != ERR_NONE || v.status != 5)
		fail_msg("%s: %d %s", what, v.status, v.err.msg);
	if (strstr(buf_str(&v.out), "it's !x ") != buf_str(&v.out) ||
	    strstr(buf_str(&v.out), "\\na\nb") == NULL)
		fail_msg("%s: '%s'", what, buf_str(&v.out));
	verdict_done(&v);
	cmd = fixture_cmd(&v, "wc -c; exec 2>&1; exec no-such-program-here");
	cmd.input = pattern_new(f, 300001, false);
	(void)host_run(f->host, &cmd, on_fixture_end, &v);
	fixture_wait(f, &v.is_there);
	if (v.err.code != ERR_NONE || v.status != 127 ||
	    atol(buf_str(&v.out)) != 300001)
		fail_msg("%s: %d %s '%s'", what, v.status, v.err.msg,
		    buf_str(&v.out));
	verdict_done(&v);
	check_cancel(f, what);
}

static void
check_command(const char *what, const char *command)
{
	struct fixture f;
	struct sshd d;
	char options[600];

	(void)snprintf(options, sizeof(options), "--command '%s'", command);
	fixture_init(&f);
	sshd_start(&d, options);
	sshd_host(&f, &d);
	check_scripts(&f, what);
	fixture_done(&f);
	sshd_stop(&d);
}

static void
test_login_shells(void **state)
{
	char path[200], command[400];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(login_shells); i++) {
		if (!find_program(login_shells[i], path, sizeof(path))) {
			print_message("no %s here\n", login_shells[i]);
			continue;
		}
		(void)snprintf(command, sizeof(command),
		    "echo Welcome to "
		    "@rb0123 begin 1 group; printf \"no end\"; echo oops >&2; "
		    "exec %s -c \"$SSH_ORIGINAL_COMMAND\"",
		    login_shells[i]);
		check_command(login_shells[i], command);
	}
}

static void
test_inner_shells(void **state)
{
	char path[200], command[400], dir[] = "/tmp/rb-shells-XXXXXX";
	size_t i;

	(void)state;
	assert_non_null(mkdtemp(dir));
	for (i = 0; i < COUNT_OF(inner_shells); i++) {
		if (!find_program(inner_shells[i], path, sizeof(path))) {
			print_message("no %s here\n", inner_shells[i]);
			continue;
		}
		sshd_shell("ln -sf %s %s/sh", path, dir);
		(void)snprintf(command, sizeof(command),
		    "PATH=%s:$PATH; "
		    "export PATH; exec dash -c \"$SSH_ORIGINAL_COMMAND\"",
		    dir);
		check_command(inner_shells[i], command);
	}
	sshd_shell("rm -rf %s", dir);
}

/* A wrapper that stays: the script's shell leads no group of its own. */
static void
test_wrapped(void **state)
{
	(void)state;
	check_command("wrapped",
	    "sh -c \"$SSH_ORIGINAL_COMMAND; exit \\$?\"; "
	    "true");
}

/* A login shell that never gets to the command, and one that runs another. */
static void
test_forced_otherwise(void **state)
{
	struct fixture f;
	struct sshd d;

	(void)state;
	fixture_init(&f);
	sshd_start(&d, "--command 'echo only this'");
	sshd_expect(&f, &d, ERR_NETWORK, "without its begin marker");
	sshd_stop(&d);
	sshd_start(&d, "--command 'yes noise'");
	sshd_expect(&f, &d, ERR_PROTOCOL, "login shell");
	host_free(f.host);
	f.host = NULL;
	sshd_stop(&d);
	fixture_done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_login_shells),
		cmocka_unit_test(test_inner_shells),
		cmocka_unit_test(test_wrapped),
		cmocka_unit_test(test_forced_otherwise),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
