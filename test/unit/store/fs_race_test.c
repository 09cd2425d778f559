/*
 * fs_race_test.c - the filesystem store among processes: a writer that is
 * killed at any instant, eight that want one name.
 */
#include "unit/store/world.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

/* Children are this program with other words: a fork of a process that has
 * threads may do little more than exec. */
static const char *program;

static pid_t
start_child(const char *what, const char *dir, int in)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)dup2(in, 0);
		(void)execl(program, program, what, dir, (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* In a child: publish version after version until it is killed. */
static void
publish_forever(const char *dir)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct err e = ERR_INIT;
	struct store *s;
	unsigned version;

	BUG_IF(uv_loop_init(&w->loop) != 0);
	w->env = env_new(&w->loop);
	w->cfg = json_pack("{s:s,s:s}", "type", "filesystem", "path", dir);
	BUG_IF((s = store_open(&(struct store_env){ .env = w->env }, "child",
		    w->cfg, &e)) == NULL);
	for (version = 0;; version++) {
		size_t n = 3 * BLOCK_SIZE;
		struct waited a = { 0 };
		char *text = xmalloc(n);

		memset(text, 'a' + (int)(version % 26), n);
		store_put_bytes(s, "id/x", text, n, false, w_on_put, &a);
		free(text);
		while (a.answers == 0)
			(void)uv_run(&w->loop, UV_RUN_ONCE);
		BUG_IF(a.err.code != ERR_NONE);
	}
}

static void
test_killed(void **state)
{
	struct world *w = *state;
	char *path = file_join(w->dir, "id/x"), *text;
	unsigned seen = 0, i;
	int status;
	size_t n;
	pid_t pid;

	for (i = 0; i < 40; i++) {
		pid = start_child("publish", w->dir, 0);
		(void)usleep(1000 * (5 + i * 7 % 60));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		if (access(path, F_OK) != 0)
			continue;
		seen++;
		text = file_slurp(path, 4 * BLOCK_SIZE, &n, NULL);
		assert_int_equal(n, 3 * BLOCK_SIZE);
		assert_int_equal(strspn(text, (char[]){ text[0], '\0' }), n);
		free(text);
		assert_string_equal(w_list(w, w->store, "", true),
		    "id/x 786432\n");
	}
	assert_true(seen > 10);
	/* What they left is found and goes. */
	assert_int_equal(w_sweep(w, w->store, "id/", 0), ERR_NONE);
	assert_int_equal(w_remove(w, w->store, "id/x"), ERR_NONE);
	assert_false(w_exists(w, "id"));
	free(path);
}

/* In a child: want the name; the exit status tells who got it. */
static void
want_name(const char *dir)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct waited a = { 0 };
	struct err e = ERR_INIT;
	struct store *s;
	char c;

	BUG_IF(uv_loop_init(&w->loop) != 0);
	w->env = env_new(&w->loop);
	w->cfg = json_pack("{s:s,s:s}", "type", "filesystem", "path", dir);
	BUG_IF((s = store_open(&(struct store_env){ .env = w->env }, "child",
		    w->cfg, &e)) == NULL);
	(void)!read(0, &c, 1);
	store_put_bytes(s, "id/.claim", "x", 1, true, w_on_put, &a);
	while (a.answers == 0)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	_exit(a.err.code == ERR_NONE ? 0 : a.err.code == ERR_CONFLICT ? 1 : 2);
}

static void
test_race(void **state)
{
	struct world *w = *state;
	int round, start[2], status, won, i;

	for (round = 0; round < 10; round++) {
		assert_int_equal(pipe(start), 0);
		assert_int_equal(fcntl(start[1], F_SETFD, FD_CLOEXEC), 0);
		for (i = 0; i < 8; i++)
			(void)start_child("want", w->dir, start[0]);
		(void)usleep(20000);
		(void)close(start[0]);
		(void)close(start[1]);
		for (won = 0, i = 0; i < 8; i++) {
			assert_true(wait(&status) > 0);
			assert_true(WIFEXITED(status));
			assert_true(WEXITSTATUS(status) < 2);
			won += WEXITSTATUS(status) == 0;
		}
		assert_int_equal(won, 1);
		assert_int_equal(w_remove(w, w->store, "id/.claim"), ERR_NONE);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_killed),
		T(test_race),
	};

	program = argv[0];
	if (argc == 3 && strcmp(argv[1], "publish") == 0)
		publish_forever(argv[2]);
	if (argc == 3 && strcmp(argv[1], "want") == 0)
		want_name(argv[2]);
	return cmocka_run_group_tests_name("fs_race", tests, NULL, NULL);
}
