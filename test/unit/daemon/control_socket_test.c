/* control_socket_test.c - the socket's place, and who may use it. */
#include "control_world.h"

#include <pthread.h>

#define GROUP_GID 65534

static void
test_socket_place(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	struct stat st;
	char *path, *dir;
	int fd;

	dir = xasprintf("%s/run", w->dir);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(w->socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* A live one is not taken away from its daemon. */
	assert_null(control_new(w->d, w->socket, &e));
	assert_int_equal(e.code, ERR_BUSY);
	assert_int_equal(access(w->socket, F_OK), 0);
	/* What is no socket stays. */
	path = xasprintf("%s/file", dir);
	assert_int_equal(file_publish(path, "x", 1, false, &e), 0);
	assert_null(control_new(w->d, path, &e));
	assert_int_equal(e.code, ERR_EXISTS);
	assert_int_equal(access(path, F_OK), 0);
	free(path);
	/* Where others may write, ours could be replaced. */
	path = xasprintf("%s/open", w->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chmod(path, 0777), 0);
	free(path);
	path = xasprintf("%s/open/s", w->dir);
	assert_null(control_new(w->d, path, &e));
	assert_int_equal(e.code, ERR_PERMISSION);
	free(path);
	path = xasprintf("%s/%0120d", w->dir, 1);
	assert_null(control_new(w->d, path, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	free(path);
	free(dir);
	/* The refused ones close by themselves. */
	(void)uv_run(&w->loop, UV_RUN_NOWAIT);
	fd = plain_socket(w->socket);
	assert_true(fd != -1);
	(void)close(fd);
}

static void
on_extra_closed(void *arg)
{
	*(bool *)arg = true;
}

static void
test_stale_socket(void **state)
{
	struct world *w = *state;
	char *path = xasprintf("%s/run/stale", w->dir);
	struct sockaddr_un sun;
	struct err e = ERR_INIT;
	struct control *extra;
	bool is_closed = false;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	memcpy(sun.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	(void)close(fd);
	assert_int_equal(access(path, F_OK), 0);
	extra = control_new(w->d, path, &e);
	assert_non_null(extra);
	control_close(extra, on_extra_closed, &is_closed);
	assert_false(is_closed);
	while (!is_closed)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(access(path, F_OK), -1);
	free(path);
}

static void *
listen_late(void *arg)
{
	(void)usleep(20000);
	return listen(*(int *)arg, 1) == 0 ? NULL : arg;
}

/* A refusal alone does not show that nobody is there. */
static void
test_late_socket(void **state)
{
	struct world *w = *state;
	char *path = xasprintf("%s/run/late", w->dir);
	struct sockaddr_un sun;
	struct err e = ERR_INIT;
	void *failed = NULL;
	pthread_t late;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	memcpy(sun.sun_path, path, strlen(path));
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(pthread_create(&late, NULL, listen_late, &fd), 0);
	assert_null(control_new(w->d, path, &e));
	assert_int_equal(e.code, ERR_BUSY);
	assert_int_equal(access(path, F_OK), 0);
	assert_int_equal(pthread_join(late, &failed), 0);
	assert_null(failed);
	(void)close(fd);
	(void)uv_run(&w->loop, UV_RUN_NOWAIT);
	free(path);
}

/* As another user of group ${gid}; status 0 when it got what it may get. */
static void
be_member(const char *path, gid_t gid, bool may_read)
{
	static const char requests[] = HELLO
	    "{\"id\":1,\"cmd\":\"ping\"}\n"
	    "{\"id\":2,\"cmd\":\"trigger\",\"args\":{\"job\":\"job1\"}}\n";
	char got[8192];
	size_t n = 0;
	ssize_t r;
	int fd;

	if (setgid(gid) == -1 || setuid(65533) == -1)
		_exit(90);
	if ((fd = plain_socket(path)) == -1)
		_exit(may_read ? 91 : 0);
	if (write(fd, requests, sizeof(requests) - 1) == -1)
		_exit(92);
	while ((r = read(fd, got + n, sizeof(got) - 1 - n)) > 0) {
		n += (size_t)r;
		got[n] = '\0';
		if (strstr(got, "\"id\":2") != NULL)
			break;
	}
	if ((strstr(got, "{\"end\":{},\"id\":1}") != NULL) != may_read)
		_exit(93);
	_exit(strstr(got, "not-permitted") == NULL ? 94 : 0);
}

static int
run_member(struct world *w, gid_t gid, bool may_read)
{
	int status = 0;
	pid_t pid = fork();

	assert_true(pid != -1);
	if (pid == 0)
		be_member(w->socket, gid, may_read);
	while (waitpid(pid, &status, WNOHANG) == 0) {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		(void)usleep(1000);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void
test_group(void **state)
{
	struct world *w;
	struct stat st;
	char *dir;

	(void)state;
	if (geteuid() != 0)
		skip();
	w = world_new(", socket_group: nogroup");
	dir = xasprintf("%s/run", w->dir);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0710);
	assert_int_equal(st.st_gid, GROUP_GID);
	assert_int_equal(stat(w->socket, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(st.st_gid, GROUP_GID);
	free(dir);
	assert_int_equal(run_member(w, GROUP_GID, true), 0);
	assert_int_equal(run_member(w, 65532, false), 0);
	/* Also when it gets as far as connecting. */
	assert_int_equal(chmod(w->socket, 0666), 0);
	dir = xasprintf("%s/run", w->dir);
	assert_int_equal(chmod(dir, 0711), 0);
	free(dir);
	assert_int_equal(run_member(w, 65532, false), 0);
	world_free(w);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_socket_place),
		TEST(test_stale_socket),
		TEST(test_late_socket),
		cmocka_unit_test(test_group),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("control_socket", tests, NULL, NULL);
}
