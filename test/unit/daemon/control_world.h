/*
 * control_world.h - a daemon with its control socket, and clients of few
 * manners.
 */
#ifndef TEST_CONTROL_WORLD_H
#define TEST_CONTROL_WORLD_H

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

struct world {
	uv_loop_t loop;
	struct daemon *d;
	char dir[64];
	char *socket;
	uv_timer_t deadline;
};

static inline void
on_deadline(uv_timer_t *t)
{
	(void)t;
	fail_msg("nothing happened for too long");
}

static inline void
on_scheduler_started(void *arg, const struct err *e)
{
	(void)e;
	*(bool *)arg = true;
}

/* A folder job, and many that only have a schedule to be asked about. */
static inline struct conf *
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

static inline struct world *
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

static inline void
on_runner_stopped(void *arg, const struct err *e)
{
	struct world *w = arg;

	(void)e;
	daemon_close(w->d);
}

static inline void
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

static inline int
setup(void **state)
{
	*state = world_new("");
	return 0;
}

static inline int
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

static inline int
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

static inline void
plain_open(struct world *w, struct plain *p)
{
	memset(p, 0, sizeof(*p));
	p->fd = plain_socket(w->socket);
	assert_true(p->fd != -1);
	(void)fcntl(p->fd, F_SETFL, O_NONBLOCK);
}

static inline void
plain_close(struct plain *p)
{
	(void)close(p->fd);
	buf_done(&p->in);
}

static inline void
plain_send(struct plain *p, const char *text)
{
	assert_int_equal(write(p->fd, text, strlen(text)), strlen(text));
}

static inline void
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
static inline bool
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

static inline void
plain_until_over(struct world *w, struct plain *p)
{
	while (!p->is_over) {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		plain_read(p);
	}
}

/* What one request is answered with, up to its end or error. */
static inline char *
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

#endif
