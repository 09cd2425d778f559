/*
 * http_world.h - for the tests of http.h: a server, a loop, one request.
 *
 * Included by one file of each test program.
 */
#ifndef TEST_UNIT_NET_HTTP_WORLD_H
#define TEST_UNIT_NET_HTTP_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/http.h"

static char dir[] = "/tmp/http_test.XXXXXX";
static pid_t server_pid = -1;
static int server_in = -1;
static int port, tls_port;

static inline int
setup(void **state)
{
	int in[2], out[2];
	char line[64] = "";
	FILE *f;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(dir) == NULL || pipe(in) == -1 || pipe(out) == -1)
		return -1;
	if ((server_pid = fork()) == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)close(in[1]);
		(void)close(out[0]);
		(void)execlp("python3", "python3",
		    "test/unit/net/http_server.py", dir, (char *)NULL);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	server_in = in[1];
	(void)fcntl(server_in, F_SETFD, FD_CLOEXEC);
	if ((f = fdopen(out[0], "r")) == NULL)
		return -1;
	if (fgets(line, sizeof(line), f) == NULL ||
	    sscanf(line, "%d %d", &port, &tls_port) != 2)
		return -1;
	(void)fclose(f);
	return 0;
}

static inline int
teardown(void **state)
{
	int status;

	(void)state;
	(void)close(server_in);
	(void)waitpid(server_pid, &status, 0);
	return file_remove_tree(dir, NULL);
}

struct world {
	uv_loop_t loop;
	struct env *env;
	struct http *http;
};

struct result {
	int calls;
	long status;
	struct err err;
	char *body;
	size_t len;
	char *headers;
	struct http_answer answer; /* Pointing to the copies. */
	/* Streamed: */
	struct http_req *req;
	uint64_t streamed;
	bool is_pattern;
	int blocks;
	int hold_each; /* Ask to wait after so many blocks. */
	bool cancel_in_block;
	struct world *world;
};

static inline void
world_init(struct world *w)
{
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->env = env_new(&w->loop);
	w->http = http_new(w->env);
}

/* Also proves that no handle is left open. */
static inline void
world_done(struct world *w)
{
	http_free(w->http);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	env_free(w->env);
	assert_int_equal(uv_loop_close(&w->loop), 0);
}

static inline void
on_guard(uv_timer_t *t)
{
	*(bool *)t->data = true;
}

/* Run until ${calls} reaches ${want}, or ${ms} have passed (then false). */
static inline bool
world_run(struct world *w, const int *calls, int want, unsigned ms)
{
	bool is_late = false;
	uv_timer_t guard;

	(void)uv_timer_init(&w->loop, &guard);
	guard.data = &is_late;
	(void)uv_timer_start(&guard, on_guard, ms, 0);
	while (*calls < want && !is_late)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&guard, NULL);
	(void)uv_run(&w->loop, UV_RUN_NOWAIT);
	return *calls >= want;
}

static inline void
on_answer(void *arg, const struct http_answer *a, const struct err *e)
{
	struct result *r = arg;

	r->calls++;
	r->req = NULL;
	assert_true((a == NULL) == (e != NULL));
	if (e != NULL) {
		r->err = *e;
		return;
	}
	assert_int_equal(strlen(a->headers) > 0, 1);
	r->status = a->status;
	r->len = a->body_len;
	r->body = xmalloc(a->body_len + 1);
	memcpy(r->body, a->body, a->body_len + 1);
	r->headers = xstrdup(a->headers);
	r->answer = *a;
	r->answer.headers = r->headers;
	r->answer.body = r->body;
}

static inline void
result_done(struct result *r)
{
	free(r->body);
	free(r->headers);
	memset(r, 0, sizeof(*r));
}

static inline char *
url_of(const char *path)
{
	static char urls[4][256];
	static unsigned at;
	char *url = urls[at++ % 4];

	(void)snprintf(url, sizeof(urls[0]), "http://127.0.0.1:%d%s", port,
	    path);
	return url;
}

/* One request from start to its callback, which must come in 5 s. */
static inline void
ask_in(struct world *w, struct http_opt *o, const char *path, struct result *r)
{
	memset(r, 0, sizeof(*r));
	if (path != NULL)
		o->url = url_of(path);
	(void)http_start(w->http, o, on_answer, r);
	assert_int_equal(r->calls, 0);
	assert_true(world_run(w, &r->calls, 1, 5000));
	assert_int_equal(r->calls, 1);
}

static inline void
ask(struct http_opt *o, const char *path, struct result *r)
{
	struct world w;

	world_init(&w);
	ask_in(&w, o, path, r);
	world_done(&w);
	assert_int_equal(r->calls, 1);
}

#endif
