/*
 * durable_test.c - what was acknowledged stays: the writer killed at any
 * moment and at every crash point, the disk full.
 */
#include "unit/history/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define T0 INT64_C(1774746000000)
#define ROUNDS 15
#define CHILD_OPEN_FAILED 3

static const char *self; /* This program, to be run as the writer. */

/* --- The writer: a run per number, told on standard output when durable. */

static void
writer_check(const struct answer *a)
{
	if (a->err.code != ERR_NONE) {
		(void)fprintf(stderr, "writer: %s\n", a->err.msg);
		_exit(4);
	}
}

static void
writer_add(struct fixture *f, int64_t number)
{
	struct answer a = { 0 }, b = { 0 };

	add_start(f, "j", number, number, &a);
	while (!a.has_come)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	writer_check(&a);
	history_run_step(f->h, a.id, "PREPARE", number, 0, NULL, on_done, &b);
	while (!b.has_come)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	writer_check(&b);
	if (write(STDOUT_FILENO, &a.id, sizeof(a.id)) != sizeof(a.id))
		_exit(5);
}

static int
writer_main(char *path, int count)
{
	struct err e = ERR_INIT;
	struct fixture f;
	int i;

	(void)uv_loop_init(&f.loop);
	f.env = env_new(&f.loop);
	f.path = path;
	if ((f.h = history_open(f.env, path, &e)) == NULL) {
		(void)fprintf(stderr, "writer: %s\n", e.msg);
		return CHILD_OPEN_FAILED;
	}
	for (i = 0; i < count; i++)
		writer_add(&f, T0 + i);
	fixture_close(&f);
	env_free(f.env);
	(void)uv_loop_close(&f.loop);
	return 0;
}

static pid_t
writer_spawn(const char *path, const char *count, const char *crash_at,
    int *from)
{
	int fds[2];
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		(void)dup2(fds[1], STDOUT_FILENO);
		(void)close(fds[0]);
		(void)close(fds[1]);
		if (crash_at != NULL)
			(void)setenv("RAGBACKUP_CRASH_AT", crash_at, 1);
		(void)execl(self, self, "writer", path, count, (char *)NULL);
		_exit(127);
	}
	(void)close(fds[1]);
	*from = fds[0];
	return pid;
}

/* The last run that the dead writer was told of. */
static int64_t
writer_last(int from, int64_t last)
{
	int64_t id;

	while (read(from, &id, sizeof(id)) == (ssize_t)sizeof(id))
		last = id;
	(void)close(from);
	return last;
}

/* --- The reader: every acknowledged run is there, and whole. */

static int64_t
check_runs(struct fixture *f, int64_t earlier, int64_t told)
{
	struct history_filter filter = { .limit = 10000 };
	struct answer a = { 0 }, jobs = { 0 };
	json_t *r, *j;
	int64_t newest, due = 0;
	size_t i;

	fixture_open(f);
	history_runs(f->h, &filter, on_json, &a);
	history_jobs(f->h, on_json, &jobs);
	await_ok(f, &a);
	if (!jobs.has_come)
		await_ok(f, &jobs);
	newest = (int64_t)json_array_size(a.value);
	assert_true(newest >= told);
	/* At most the one in flight is there without having been told. */
	assert_true(newest <= told + 1);
	json_array_foreach(a.value, i, r) {
		struct answer full = { 0 };
		int64_t run = json_get_int(r, "run", 0), at;

		assert_int_equal(run, newest - (int64_t)i);
		assert_int_equal(str_parse_time(json_get_str(r, "scheduled_for",
						    ""),
				     &at),
		    0);
		if (at > due)
			due = at;
		history_run_get(f->h, run, on_json, &full);
		await_ok(f, &full);
		/* The row of the run and that of its configuration: both. */
		assert_json(json_object_get(full.value, "config"),
		    "{\"name\":\"j\"}");
		/* The last run of an earlier writer may lack its step. */
		if (run > earlier && run <= told)
			assert_int_equal(json_array_size(json_object_get(
					     full.value, "steps")),
			    1);
		json_decref(full.value);
	}
	j = json_object_get(jobs.value, "j");
	assert_int_equal(json_get_int(j, "last_due", 0), due);
	json_decref(a.value);
	json_decref(jobs.value);
	fixture_close(f);
	return newest;
}

static void
test_killed_at_any_moment(void **state)
{
	int64_t told = 0, have = 0;
	struct fixture f;
	int i, status, from;

	(void)state;
	fixture_init(&f);
	for (i = 0; i < ROUNDS; i++) {
		pid_t pid = writer_spawn(f.path, "100000", NULL, &from);

		(void)usleep((useconds_t)(20000 + i * 7919));
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		told = writer_last(from, have);
		have = check_runs(&f, have, told);
	}
	print_message("           %d runs survived %d kills\n", (int)have,
	    ROUNDS);
	assert_true(have > 0);
	fixture_done(&f);
}

/* Dies at the first crash point, at the second, ... until it does not. */
static void
test_killed_at_crash_points(void **state)
{
#ifdef RAGBACKUP_TEST_HOOKS
	struct fixture f;
	int i, status = 0, from;

	(void)state;
	for (i = 1; i < 100; i++) {
		char at[16];
		int64_t told;
		pid_t pid;

		fixture_init(&f);
		(void)snprintf(at, sizeof(at), "%d", i);
		pid = writer_spawn(f.path, "4", at, &from);
		told = writer_last(from, 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		(void)check_runs(&f, 0, told);
		fixture_done(&f);
		if (WIFEXITED(status))
			break;
	}
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(i > 8);
#else
	(void)state;
	print_message("           no crash points in this build\n");
	skip();
#endif
}

/* --- The disk full. */

static void
fill_disk(const char *path)
{
	static const char zeros[4096];
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = write(fd, zeros, sizeof(zeros))) > 0)
		;
	assert_int_equal(errno, ENOSPC);
	(void)close(fd);
}

static bool
mount_small(const char *dir)
{
	char *cmd = xasprintf("mount -t tmpfs -o size=1m tmpfs %s 2>/dev/null",
	    dir);
	int rc = geteuid() == 0 ? system(cmd) : -1;

	free(cmd);
	return rc == 0;
}

static void
check_full(struct fixture *f)
{
	struct answer failed = { 0 }, later = { 0 }, list = { 0 };
	struct history_filter filter = { 0 };
	char *filler = file_join(f->dir, "filler");
	int64_t i;

	(void)add_run(f, "before", 0, T0);
	fill_disk(filler);
	for (i = 0; i < 1000 && failed.err.code == ERR_NONE; i++) {
		memset(&failed, 0, sizeof(failed));
		add_start(f, "full", 0, T0, &failed);
		await(f, &failed);
	}
	assert_int_equal(failed.err.code, ERR_NO_SPACE);
	assert_int_equal(failed.id, 0);
	/* Reading needs no space. */
	history_runs(f->h, &filter, on_json, &list);
	await_ok(f, &list);
	assert_int_equal(json_array_size(list.value), i);
	json_decref(list.value);
	assert_int_equal(unlink(filler), 0);
	free(filler);
	add_start(f, "after", 0, T0, &later);
	await_ok(f, &later);
	assert_int_equal(later.id, i + 1);
}

static void
test_disk_full(void **state)
{
	struct fixture f;
	char *cmd;

	(void)state;
	fixture_init(&f);
	if (!mount_small(f.dir)) {
		print_message("           needs root and tmpfs\n");
		fixture_done(&f);
		skip();
	}
	fixture_open(&f);
	check_full(&f);
	fixture_close(&f);
	fixture_open(&f); /* quick_check finds nothing. */
	fixture_close(&f);
	cmd = xasprintf("umount %s", f.dir);
	assert_int_equal(system(cmd), 0);
	free(cmd);
	fixture_done(&f);
}

/* A limit on the file's size makes writes fail that are not short of space. */
static void
test_write_error(void **state)
{
	struct answer failed = { 0 }, later = { 0 };
	struct rlimit was, tiny;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	tiny = was;
	tiny.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tiny), 0);
	add_start(&f, "j", 0, T0, &failed);
	await(&f, &failed);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_int_equal(failed.err.code, ERR_IO);
	add_start(&f, "j", 0, T0, &later);
	await_ok(&f, &later);
	assert_int_equal(later.id, 1);
	fixture_done(&f);
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_at_any_moment),
		cmocka_unit_test(test_killed_at_crash_points),
		cmocka_unit_test(test_disk_full),
		cmocka_unit_test(test_write_error),
	};

	if (argc == 4 && strcmp(argv[1], "writer") == 0)
		return writer_main(argv[2], atoi(argv[3]));
	self = argv[0];
	return cmocka_run_group_tests_name("durable", tests, NULL, NULL);
}
