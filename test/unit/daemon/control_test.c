/* control_test.c - the socket server with its real daemon behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "control.h"
#include "daemon.h"
#include "runner.h"
#include "scheduler.h"
#include "wire/wire.h"

#define HELLO "{\"hello\":{\"protocol\":1,\"version\":\"t\"}}\n"
#define JOBS 100
#define DEADLINE_MS 30000
#define GROUP_GID 65534

struct world {
	uv_loop_t loop;
	struct daemon *d;
	char dir[64];
	char *socket;
	uv_timer_t deadline;
};

static void
on_deadline(uv_timer_t *t)
{
	(void)t;
	fail_msg("nothing happened for too long");
}

static void
on_scheduler_started(void *arg, const struct err *e)
{
	(void)e;
	*(bool *)arg = true;
}

/* A folder job, and many that only have a schedule to be asked about. */
static struct conf *
world_conf(const struct world *w, const char *more)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct conf *conf;
	int i;

	buf_addf(&b, "daemon: {state_dir: %s/state, socket: %s%s}\n", w->dir,
	    w->socket, more);
	buf_addf(&b, "stores: {local: {type: filesystem, path: %s/store}}\n",
	    w->dir);
	buf_adds(&b, "jobs:\n");
	for (i = 0; i < JOBS; i++)
		buf_addf(&b,
		    "  job%d: {source: {type: directory, paths: [%s]}"
		    ", schedule: {cron: \"0 4 * * *\", timezone: UTC}, stores: "
		    "[{store: local, keep: {last: 2}}]}\n",
		    i, w->dir);
	conf = conf_parse("test.yaml", buf_str(&b), b.len, NULL, &e);
	if (conf == NULL)
		fail_msg("%s", e.msg);
	buf_done(&b);
	return conf;
}

static struct world *
world_new(const char *more)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct err e = ERR_INIT;
	bool is_started = false;
	struct conf *conf;
	char *path;

	strcpy(w->dir, "/tmp/ctl-test-XXXXXX");
	BUG_IF(mkdtemp(w->dir) == NULL || chmod(w->dir, 0711) == -1);
	w->socket = xasprintf("%s/run/control.sock", w->dir);
	path = xasprintf("%s/state", w->dir);
	BUG_IF(mkdir(path, 0700) == -1);
	free(path);
	path = xasprintf("%s/store", w->dir);
	BUG_IF(mkdir(path, 0700) == -1);
	free(path);
	BUG_IF(uv_loop_init(&w->loop) != 0);
	BUG_IF(uv_timer_init(&w->loop, &w->deadline) != 0);
	BUG_IF(uv_timer_start(&w->deadline, on_deadline, DEADLINE_MS, 0) != 0);
	conf = world_conf(w, more);
	path = xasprintf("%s/test.yaml", w->dir);
	w->d = daemon_new(&w->loop, conf, path, 2, &e);
	if (w->d == NULL)
		fail_msg("%s", e.msg);
	conf_unref(conf);
	free(path);
	scheduler_start(w->d->scheduler, on_scheduler_started, &is_started);
	while (!is_started)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	return w;
}

static void
on_runner_stopped(void *arg, const struct err *e)
{
	struct world *w = arg;

	(void)e;
	daemon_close(w->d);
}

static void
world_free(struct world *w)
{
	struct err e = ERR_INIT;

	w->d->is_stopping = true;
	scheduler_stop(w->d->scheduler);
	runner_stop(w->d->runner, on_runner_stopped, w);
	uv_close((uv_handle_t *)&w->deadline, NULL);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	/* What was bound is gone with it. */
	assert_int_equal(access(w->socket, F_OK), -1);
	daemon_free(w->d);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	BUG_IF(uv_loop_close(&w->loop) != 0);
	BUG_IF(file_remove_tree(w->dir, &e) == -1);
	free(w->socket);
	free(w);
}

static int
setup(void **state)
{
	*state = world_new("");
	return 0;
}

static int
teardown(void **state)
{
	world_free(*state);
	return 0;
}

/* A client of few manners: a socket that does not block. */
struct plain {
	int fd;
	struct buf in;
	bool is_over;
};

static int
plain_socket(const char *path)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	memcpy(sun.sun_path, path, strlen(path));
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		return fd;
	(void)close(fd);
	return -1;
}

static void
plain_open(struct world *w, struct plain *p)
{
	memset(p, 0, sizeof(*p));
	p->fd = plain_socket(w->socket);
	assert_true(p->fd != -1);
	(void)fcntl(p->fd, F_SETFL, O_NONBLOCK);
}

static void
plain_close(struct plain *p)
{
	(void)close(p->fd);
	buf_done(&p->in);
}

static void
plain_send(struct plain *p, const char *text)
{
	assert_int_equal(write(p->fd, text, strlen(text)), strlen(text));
}

static void
plain_read(struct plain *p)
{
	char bytes[4096];
	ssize_t n = read(p->fd, bytes, sizeof(bytes));

	if (n > 0)
		buf_add(&p->in, bytes, (size_t)n);
	else if (n == 0 || errno != EAGAIN)
		p->is_over = true;
}

/* Run the loop until ${text} has come ${count} times, or the end. */
static bool
plain_until(struct world *w, struct plain *p, const char *text, int count)
{
	while (!p->is_over) {
		const char *at = buf_str(&p->in);
		int n = 0;

		while ((at = strstr(at, text)) != NULL) {
			at++;
			n++;
		}
		if (n >= count)
			return true;
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		plain_read(p);
	}
	return strstr(buf_str(&p->in), text) != NULL;
}

static void
plain_until_over(struct world *w, struct plain *p)
{
	while (!p->is_over) {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		plain_read(p);
	}
}

/* What one request is answered with, up to its end or error. */
static char *
ask(struct world *w, const char *request)
{
	struct plain p;
	char *out;

	plain_open(w, &p);
	plain_send(&p, HELLO);
	plain_send(&p, request);
	while (!p.is_over && strstr(buf_str(&p.in), "\"end\":") == NULL &&
	    strstr(buf_str(&p.in), "\"error\":{") == NULL) {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		plain_read(&p);
	}
	out = xstrdup(buf_str(&p.in));
	plain_close(&p);
	return out;
}

static void
test_answers(void **state)
{
	static const struct {
		const char *request, *want;
	} rows[] = {
		{ "{\"id\":1,\"cmd\":\"ping\"}\n", "\"version\":\"" },
		{ "{\"id\":1,\"cmd\":\"version\"}\n", "\"protocol\":1" },
		{ "{\"id\":1,\"cmd\":\"pong\"}\n", "did you mean 'ping'" },
		{ "{\"id\":1,\"cmd\":\"ping\",\"args\":{\"x\":1}}\n",
		    "\"usage\"" },
		{ "{\"id\":1,\"cmd\":\"show\",\"args\":{\"run\":99}}\n",
		    "\"not-found\"" },
		{ "{\"id\":1,\"cmd\":\"watch\",\"args\":{\"run\":99}}\n",
		    "\"not-found\"" },
		{ "{\"id\":1,\"cmd\":\"cancel\",\"args\":{\"run\":99}}\n",
		    "\"not-found\"" },
		{ "{\"id\":1,\"cmd\":\"trigger\",\"args\":{\"job\":\"jbo1\"}}\n",
		    "there is no job 'jbo1'; did you mean 'job" },
		{ "{\"id\":1,\"cmd\":\"history\"}\n", "{\"end\":{},\"id\":1}" },
		{ "{\"id\":1,\"cmd\":\"history\",\"args\":{\"job\":\"nix\"}}\n",
		    "\"not-found\"" },
		{ "{\"id\":1,\"cmd\":\"history\",\"args\":{\"state\":\"x\"}}\n",
		    "is no state" },
		{ "{\"id\":1,\"cmd\":\"history\",\"args\":{\"limit\":10001}}\n",
		    "at most 10000" },
		{ "{\"id\":1,\"cmd\":\"status\",\"args\":{\"job\":\"job7\"}}\n",
		    "\"job\":\"job7\",\"last\":null,\"last_ok\":null" },
		{ "{\"id\":1,\"cmd\":\"next\",\"args\":{\"job\":\"job7\","
		  "\"count\":3}}\n",
		    "T04:00:00Z" },
		{ "{\"id\":1,\"cmd\":\"next\",\"args\":{\"count\":101}}\n",
		    "at most 100" },
		{ "{\"id\":1,\"cmd\":\"snapshots\"}\n", "\"errors\":[]" },
		{ "{\"id\":1,\"cmd\":\"snapshots\",\"args\":{\"store\":"
		  "\"x\"}}\n",
		    "there is no store 'x'" },
		{ "{\"id\":1,\"cmd\":\"pause\",\"args\":{\"job\":\"job3\"}}\n",
		    "\"paused\":true" },
		{ "{\"id\":1,\"cmd\":\"status\",\"args\":{\"job\":\"job3\"}}\n",
		    "\"state\":\"paused\"" },
		{ "{\"id\":1,\"cmd\":\"resume\",\"args\":{\"job\":\"job3\"}}\n",
		    "\"paused\":false" },
		/* The file is not there: a fault, not a lost daemon. */
		{ "{\"id\":1,\"cmd\":\"check\"}\n", "\"ok\":false" },
		{ "{\"id\":1,\"cmd\":\"check\",\"args\":{\"file\":"
		  "\"/etc/passwd\"}}\n",
		    "its own file only" },
		{ "{\"id\":1,\"cmd\":\"reload\"}\n", "\"error\":{" },
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < COUNT_OF(rows); i++) {
		char *got = ask(w, rows[i].request);

		if (strstr(got, rows[i].want) == NULL)
			fail_msg("%s  wanted %s\n  got %s", rows[i].request,
			    rows[i].want, got);
		free(got);
	}
}

/* Two in one write are both answered; ids tell which is which. */
static void
test_two_at_once(void **state)
{
	struct world *w = *state;
	struct plain p;

	plain_open(w, &p);
	plain_send(&p,
	    HELLO "{\"id\":5,\"cmd\":\"check\"}\n"
		  "{\"id\":6,\"cmd\":\"ping\"}\n");
	assert_true(plain_until(w, &p, "\"end\":", 2));
	assert_non_null(strstr(buf_str(&p.in), "{\"end\":{},\"id\":5}"));
	assert_non_null(strstr(buf_str(&p.in), "{\"end\":{},\"id\":6}"));
	plain_close(&p);
}

/* More than a client may have open are refused, the others answered. */
static void
test_too_many_requests(void **state)
{
	struct world *w = *state;
	struct plain p;
	struct buf b = BUF_INIT;
	int i;

	buf_adds(&b, HELLO);
	for (i = 1; i <= 10; i++)
		buf_addf(&b, "{\"id\":%d,\"cmd\":\"check\"}\n", i);
	plain_open(w, &p);
	plain_send(&p, buf_str(&b));
	assert_true(plain_until(w, &p, "\"code\":\"busy\"", 2));
	assert_true(plain_until(w, &p, "\"end\":", 8));
	/* And then there is room again. */
	plain_send(&p, "{\"id\":11,\"cmd\":\"ping\"}\n");
	assert_true(plain_until(w, &p, "{\"end\":{},\"id\":11}", 1));
	plain_close(&p);
	buf_done(&b);
}

static void
test_rude(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "{\"id\":1,\"cmd\":\"ping\"}\n", "no hello" },
		{ "{\"hello\":{\"protocol\":99}}\n", "protocol 99" },
		{ HELLO "nonsense\n", "\"protocol\"" },
		{ HELLO "[]\n", "no JSON object" },
		{ HELLO "{\"cmd\":\"ping\"}\n", "needs a positive" },
		{ HELLO "{\"id\":1,\"id\":2,\"cmd\":\"ping\"}\n", "duplicate" },
	};
	struct world *w = *state;
	struct plain p;
	char *text;
	size_t i;

	for (i = 0; i < COUNT_OF(rows); i++) {
		plain_open(w, &p);
		plain_send(&p, rows[i].text);
		plain_until_over(w, &p);
		assert_non_null(strstr(buf_str(&p.in), rows[i].want));
		assert_non_null(strstr(buf_str(&p.in), "\"id\":null"));
		plain_close(&p);
	}
	/* A line that does not end. */
	text = xmalloc(WIRE_REQUEST_MAX + 1);
	memset(text, 'x', WIRE_REQUEST_MAX);
	text[WIRE_REQUEST_MAX] = '\0';
	plain_open(w, &p);
	plain_send(&p, HELLO);
	plain_send(&p, text);
	plain_until_over(w, &p);
	assert_non_null(strstr(buf_str(&p.in), "\"limit\""));
	plain_close(&p);
	free(text);
	text = ask(w, "{\"id\":1,\"cmd\":\"ping\"}\n");
	assert_non_null(strstr(text, "\"end\""));
	free(text);
}

/* A list longer than the queue waits for a slow client, and comes whole. */
static void
test_long_list(void **state)
{
	struct world *w = *state;
	struct plain p;
	int i;

	plain_open(w, &p);
	plain_send(&p,
	    HELLO "{\"id\":1,\"cmd\":\"next\",\"args\":{\"count\":"
		  "100}}\n");
	/* Take nothing for a while: the daemon goes on. */
	for (i = 0; i < 50; i++) {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		free(ask(w, "{\"id\":1,\"cmd\":\"ping\"}\n"));
	}
	assert_true(plain_until(w, &p, "{\"end\":{},\"id\":1}", 1));
	assert_true(plain_until(w, &p, "\"data\":", JOBS * 100));
	plain_close(&p);
}

/* Clients that go in the middle leave nothing behind. */
static void
test_gone_in_the_middle(void **state)
{
	static const char *const requests[] = {
		"{\"id\":1,\"cmd\":\"check\"}\n",
		"{\"id\":1,\"cmd\":\"history\"}\n",
		"{\"id\":1,\"cmd\":\"status\"}\n",
		"{\"id\":1,\"cmd\":\"snapshots\"}\n",
		"{\"id\":1,\"cmd\":\"next\",\"args\":{\"count\":100}}\n",
		"{\"id\":1,\"cmd\":\"trigger\",\"args\":{\"job\":\"job1\","
		"\"wait\":true}}\n",
	};
	struct world *w = *state;
	struct plain p;
	size_t i;
	int turns;
	char *text;

	for (i = 0; i < COUNT_OF(requests); i++)
		for (turns = 0; turns < 6; turns++) {
			int n;

			plain_open(w, &p);
			plain_send(&p, HELLO);
			plain_send(&p, requests[i]);
			for (n = 0; n < turns; n++)
				(void)uv_run(&w->loop, UV_RUN_NOWAIT);
			plain_close(&p);
			(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		}
	text = ask(w, "{\"id\":1,\"cmd\":\"ping\"}\n");
	assert_non_null(strstr(text, "\"end\""));
	free(text);
}

/* So many clients and no more; the ones that are there are served on. */
static void
test_too_many_clients(void **state)
{
	struct world *w = *state;
	struct plain first, all[60];
	size_t i;
	int refused = 0;

	plain_open(w, &first);
	plain_send(&first, HELLO);
	assert_true(plain_until(w, &first, "hello", 1));
	for (i = 0; i < COUNT_OF(all); i++) {
		plain_open(w, &all[i]);
		assert_true(plain_until(w, &all[i], "\n", 1));
		refused += strstr(buf_str(&all[i].in), "too many clients") !=
		    NULL;
	}
	assert_true(refused > 0 && refused < (int)COUNT_OF(all));
	plain_send(&first, "{\"id\":1,\"cmd\":\"ping\"}\n");
	assert_true(plain_until(w, &first, "\"end\"", 1));
	plain_close(&first);
	for (i = 0; i < COUNT_OF(all); i++)
		plain_close(&all[i]);
}

/* Who waits when the daemon stops is told the end of what it watched. */
static void
test_stop_tells_watchers(void **state)
{
	struct world *w = world_new("");
	struct plain p;

	(void)state;
	plain_open(w, &p);
	plain_send(&p,
	    HELLO "{\"id\":1,\"cmd\":\"trigger\",\"args\":{\"job\":"
		  "\"job1\",\"wait\":true}}\n");
	assert_true(plain_until(w, &p, "\"event\":\"started\"", 1));
	world_free(w);
	while (!p.is_over)
		plain_read(&p);
	assert_non_null(strstr(buf_str(&p.in), "{\"end\":{},\"id\":1}"));
	plain_close(&p);
}

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
		TEST(test_answers),
		TEST(test_two_at_once),
		TEST(test_too_many_requests),
		TEST(test_rude),
		TEST(test_long_list),
		TEST(test_gone_in_the_middle),
		TEST(test_too_many_clients),
		cmocka_unit_test(test_stop_tells_watchers),
		TEST(test_socket_place),
		TEST(test_stale_socket),
		cmocka_unit_test(test_group),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
