/* http_test.c - requests against a server that misbehaves by path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
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

static int
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

static int
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
	struct http_answer answer;	/* Pointing to the copies. */
	/* Streamed: */
	struct http_req *req;
	uint64_t streamed;
	bool is_pattern;
	int blocks;
	int hold_each;			/* Ask to wait after so many blocks. */
	bool cancel_in_block;
	struct world *world;
};

static void
world_init(struct world *w)
{
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->env = env_new(&w->loop);
	w->http = http_new(w->env);
}

/* Also proves that no handle is left open. */
static void
world_done(struct world *w)
{
	http_free(w->http);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	env_free(w->env);
	assert_int_equal(uv_loop_close(&w->loop), 0);
}

static void
on_guard(uv_timer_t *t)
{
	*(bool *)t->data = true;
}

/* Run until ${calls} reaches ${want}, or ${ms} have passed (then false). */
static bool
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

static void
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

static void
result_done(struct result *r)
{
	free(r->body);
	free(r->headers);
	memset(r, 0, sizeof(*r));
}

static char *
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
static void
ask_in(struct world *w, struct http_opt *o, const char *path,
    struct result *r)
{
	memset(r, 0, sizeof(*r));
	if (o->url == NULL)
		o->url = url_of(path);
	(void)http_start(w->http, o, on_answer, r);
	assert_int_equal(r->calls, 0);
	assert_true(world_run(w, &r->calls, 1, 5000));
	assert_int_equal(r->calls, 1);
}

static void
ask(struct http_opt *o, const char *path, struct result *r)
{
	struct world w;

	world_init(&w);
	ask_in(&w, o, path, r);
	world_done(&w);
	assert_int_equal(r->calls, 1);
}

static void
test_simple(void **state)
{
	struct http_opt o = { 0 };
	struct result r;
	char value[8];

	(void)state;
	ask(&o, "/hello", &r);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body, "hello");
	assert_true(http_header(&r.answer, "x-test", value, sizeof(value)));
	assert_string_equal(value, "a b");
	assert_false(http_header(&r.answer, "X-Tes", value, sizeof(value)));
	result_done(&r);
	ask(&(struct http_opt){ 0 }, "/interim", &r);
	assert_string_equal(r.body, "final");
	assert_true(http_header(&r.answer, "X-Test", value, sizeof(value)));
	assert_string_equal(value, "late");
	result_done(&r);
	ask(&(struct http_opt){ .method = "HEAD" }, "/hello", &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.len, 0);
	result_done(&r);
	ask(&(struct http_opt){ 0 }, "/chunked", &r);
	assert_string_equal(r.body, "hello, world");
	result_done(&r);
}

/* What goes over the wire: no dot segment is squashed, nothing is added. */
static void
test_request_as_written(void **state)
{
	static const char *const headers[] = { "X-One: 1", "X-Empty;", NULL };
	struct http_opt o = { .method = "PUT", .headers = headers,
		.body = "abc", .body_len = 3 };
	struct result r;

	(void)state;
	ask(&o, "/head?a=%2f&b=/../c", &r);
	assert_int_equal(r.status, 200);
	assert_true(str_has_prefix(r.body,
	    "PUT /head?a=%2f&b=/../c HTTP/1.1\r\n"));
	assert_non_null(strstr(r.body, "\r\nX-One: 1"));
	assert_non_null(strstr(r.body, "\r\nX-Empty:"));
	assert_non_null(strstr(r.body, "\r\nContent-Length: 3"));
	assert_null(strstr(r.body, "Expect"));
	assert_null(strstr(r.body, "chunked"));
	assert_null(strstr(r.body, "Content-Type"));
	result_done(&r);
	ask(&(struct http_opt){ 0 }, "/a/../b/./c", &r);
	assert_int_equal(r.status, 404);
	assert_string_equal(r.body, "no such path /a/../b/./c");
	result_done(&r);
	ask(&(struct http_opt){ .method = "PUT" }, "/head", &r);
	assert_non_null(strstr(r.body, "\r\nContent-Length: 0"));
	result_done(&r);
}

static void
test_bodies(void **state)
{
	struct block *blocks[3];
	struct http_opt o = { .method = "POST", .nblocks = 3,
		.blocks = blocks, .answer_max = 1 << 20 };
	struct result r;
	size_t i, k, at = 0;

	(void)state;
	for (i = 0; i < 3; i++) {
		blocks[i] = block_new(100000);
		blocks[i]->len = 70000 + i * 9999;
		for (k = 0; k < blocks[i]->len; k++)
			blocks[i]->data[k] = (uint8_t)(at++ % 251);
	}
	ask(&o, "/echo", &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.len, at);
	for (k = 0; k < at; k++)
		if ((uint8_t)r.body[k] != k % 251)
			fail_msg("byte %zu differs", k);
	result_done(&r);
	for (i = 0; i < 3; i++) {
		assert_int_equal(atomic_load(&blocks[i]->refs), 1);
		block_unref(blocks[i]);
	}
	ask(&(struct http_opt){ .method = "POST", .body = "", .body_len = 0 },
	    "/echo", &r);
	assert_int_equal(r.len, 0);
	result_done(&r);
}

static void
test_no_redirect(void **state)
{
	struct result r;
	char where[64];

	(void)state;
	ask(&(struct http_opt){ 0 }, "/redirect", &r);
	assert_int_equal(r.status, 302);
	assert_true(http_header(&r.answer, "Location", where, sizeof(where)));
	assert_string_equal(where, "/hello");
	result_done(&r);
	ask(&(struct http_opt){ 0 }, "/status?503", &r);
	assert_int_equal(r.status, 503);
	assert_string_equal(r.body, "status 503");
	result_done(&r);
}

static void
test_failures(void **state)
{
	static const struct {
		const char *path;
		enum err_code code;
		const char *text;
	} rows[] = {
		{ "/reset", ERR_NETWORK, "GET http://127.0.0.1" },
		{ "/close", ERR_NETWORK, "mpty reply" },
		{ "/short?secret=1", ERR_NETWORK, "/short: " },
		{ "/cut-chunk", ERR_NETWORK, "" },
		{ "/bad-chunk", ERR_NETWORK, "" },
		{ "/garbage", ERR_PROTOCOL, "" },
		{ "/headers?100", ERR_LIMIT, "headers" },
		{ "/big?2000000", ERR_LIMIT, "larger than 1048576" },
	};
	struct result r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(rows); i++) {
		ask(&(struct http_opt){ 0 }, rows[i].path, &r);
		if (r.err.code != rows[i].code ||
		    strstr(r.err.msg, rows[i].text) == NULL)
			fail_msg("%s: %s: %s", rows[i].path,
			    err_name(r.err.code), r.err.msg);
		assert_null(strstr(r.err.msg, "secret"));
		result_done(&r);
	}
	ask(&(struct http_opt){ 0 }, "/headers?50", &r);
	assert_int_equal(r.status, 200);
	result_done(&r);
}

static void
test_time_limits(void **state)
{
	struct result r;

	(void)state;
	ask(&(struct http_opt){ .deadline_ms = 200 }, "/hang", &r);
	assert_int_equal(r.err.code, ERR_TIMEOUT);
	assert_non_null(strstr(r.err.msg, "not done within 200ms"));
	ask(&(struct http_opt){ .stall_ms = 200 }, "/hang", &r);
	assert_int_equal(r.err.code, ERR_TIMEOUT);
	assert_non_null(strstr(r.err.msg, "no byte moved for 200ms"));
	ask(&(struct http_opt){ .stall_ms = 200 }, "/stall", &r);
	assert_int_equal(r.err.code, ERR_TIMEOUT);
	/* 600 ms in all, but never 400 ms without a byte. */
	ask(&(struct http_opt){ .stall_ms = 400 }, "/trickle", &r);
	assert_int_equal(r.err.code, ERR_NONE);
	assert_string_equal(r.body, "0123456789");
	result_done(&r);
	ask(&(struct http_opt){ .deadline_ms = 300 }, "/trickle", &r);
	assert_int_equal(r.err.code, ERR_TIMEOUT);
}

/* A listener whose queue is full answers no SYN: the connect time counts. */
static void
test_connect(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	struct http_opt o = { .connect_ms = 300 };
	int fd = socket(AF_INET, SOCK_STREAM, 0), fill[8];
	socklen_t len = sizeof(a);
	struct result r;
	char url[64];
	size_t i;

	(void)state;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/",
	    ntohs(a.sin_port));
	o.url = url;
	ask(&o, NULL, &r);
	assert_int_equal(r.err.code, ERR_NETWORK);
	assert_int_equal(listen(fd, 0), 0);
	for (i = 0; i < COUNT_OF(fill); i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM, 0);
		(void)fcntl(fill[i], F_SETFL, O_NONBLOCK);
		(void)connect(fill[i], (struct sockaddr *)&a, sizeof(a));
	}
	ask(&o, NULL, &r);
	assert_int_equal(r.err.code, ERR_TIMEOUT);
	for (i = 0; i < COUNT_OF(fill); i++)
		(void)close(fill[i]);
	(void)close(fd);
}

static bool
name_is_loopback(const char *name)
{
	const struct addrinfo hints = { .ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	const struct sockaddr_in *a;
	bool is_loopback;

	if (getaddrinfo(name, NULL, &hints, &list) != 0)
		return false;
	a = (const struct sockaddr_in *)(const void *)list->ai_addr;
	is_loopback = a->sin_addr.s_addr == htonl(INADDR_LOOPBACK);
	freeaddrinfo(list);
	return is_loopback;
}

/* This machine's own name, three times: the answer is remembered. */
static void
test_own_name(void)
{
	char name[128] = "", url[256];
	struct result r;
	struct world w;
	int i;

	(void)gethostname(name, sizeof(name) - 1);
	world_init(&w);
	for (i = 0; i < 3; i++) {
		(void)snprintf(url, sizeof(url), "http://%s:%d/hello", name,
		    i == 1 ? 1 : port);
		ask_in(&w, &(struct http_opt){ .url = url,
		    .deadline_ms = 4000 }, NULL, &r);
		if (name_is_loopback(name) && i != 1)
			assert_string_equal(r.body, "hello");
		else
			assert_true(r.err.code == ERR_NETWORK ||
			    r.err.code == ERR_TIMEOUT);
		result_done(&r);
	}
	world_done(&w);
}

static void
test_names(void **state)
{
	struct result r;
	char url[128];

	(void)state;
	ask(&(struct http_opt){ .url = "http://no-such-host.invalid/x",
	    .deadline_ms = 4000 }, NULL, &r);
	assert_true(r.err.code == ERR_NETWORK || r.err.code == ERR_TIMEOUT);
	assert_non_null(strstr(r.err.msg, "no-such-host.invalid"));
	(void)snprintf(url, sizeof(url), "http://localhost:%d/hello", port);
	ask(&(struct http_opt){ .url = url }, NULL, &r);
	assert_string_equal(r.body, "hello");
	result_done(&r);
	test_own_name();
}

static void
test_bad_requests(void **state)
{
	static const char *const urls[] = { "ftp://127.0.0.1/", "http://",
		"not a url", "http://127.0.0.1/\xc3\xa9", "file:///etc/passwd",
		"http://127.0.0.1:99999/" };
	static const char *const headers[] = { "X: a\r\nY: b", NULL };
	struct result r;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(urls); i++) {
		ask(&(struct http_opt){ .url = urls[i] }, NULL, &r);
		if (r.err.code != ERR_CONFIG)
			fail_msg("%s: %s", urls[i], r.err.msg);
	}
	ask(&(struct http_opt){ .headers = headers }, "/hello", &r);
	assert_int_equal(r.err.code, ERR_CONFIG);
}

static void
test_no_proxy(void **state)
{
	struct result r;

	(void)state;
	assert_int_equal(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:1", 1), 0);
	ask(&(struct http_opt){ 0 }, "/hello", &r);
	assert_int_equal(r.err.code, ERR_NONE);
	result_done(&r);
	(void)unsetenv("http_proxy");
	(void)unsetenv("ALL_PROXY");
}

static void
test_tls(void **state)
{
	char url[64], *ca = file_join(dir, "ca.pem");
	struct result r;

	(void)state;
	(void)snprintf(url, sizeof(url), "https://localhost:%d/hello",
	    tls_port);
	ask(&(struct http_opt){ .url = url }, NULL, &r);
	assert_int_equal(r.err.code, ERR_PROTOCOL);
	assert_non_null(strstr(r.err.msg, "certificate is not trusted"));
	ask(&(struct http_opt){ .url = url, .ca_file = ca }, NULL, &r);
	assert_int_equal(r.err.code, ERR_NONE);
	assert_string_equal(r.body, "hello");
	result_done(&r);
	ask(&(struct http_opt){ .url = url, .is_insecure = true }, NULL, &r);
	assert_int_equal(r.err.code, ERR_NONE);
	result_done(&r);
	ask(&(struct http_opt){ .url = url, .ca_file = "/nonexistent" }, NULL,
	    &r);
	assert_int_equal(r.err.code, ERR_CONFIG);
	/* The certificate is for the name, not for the address. */
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/hello",
	    tls_port);
	ask(&(struct http_opt){ .url = url, .ca_file = ca }, NULL, &r);
	assert_int_equal(r.err.code, ERR_PROTOCOL);
	/* Plain against TLS and TLS against plain. */
	(void)snprintf(url, sizeof(url), "https://localhost:%d/hello", port);
	ask(&(struct http_opt){ .url = url, .ca_file = ca,
	    .deadline_ms = 2000 }, NULL, &r);
	assert_true(r.err.code != ERR_NONE);
	free(ca);
}

static void
test_keep_alive(void **state)
{
	struct world w;
	struct result r;
	char first[32];
	int i;

	(void)state;
	world_init(&w);
	ask_in(&w, &(struct http_opt){ 0 }, "/count", &r);
	(void)snprintf(first, sizeof(first), "%s", r.body);
	assert_true(str_has_suffix(first, " 1"));
	result_done(&r);
	for (i = 2; i < 6; i++) {
		ask_in(&w, &(struct http_opt){ 0 }, "/count", &r);
		assert_memory_equal(r.body, first, strlen(first) - 1);
		assert_int_equal(r.body[r.len - 1], '0' + i);
		result_done(&r);
	}
	world_done(&w);
}

/* The server closes a kept connection: the body is sent again, whole. */
static void
test_dead_connection(void **state)
{
	static char big[300000];
	struct world w;
	struct result r;
	int i;

	(void)state;
	memset(big, 'z', sizeof(big));
	for (i = 0; i < 4; i++) {
		world_init(&w);
		ask_in(&w, &(struct http_opt){ 0 }, "/last", &r);
		assert_string_equal(r.body, "last");
		result_done(&r);
		/* Just before, while and after the server closes. */
		(void)usleep((unsigned)(80000 + i * 15000));
		ask_in(&w, &(struct http_opt){ .method = "PUT", .body = big,
		    .body_len = sizeof(big) }, "/echo", &r);
		if (r.err.code == ERR_NONE) {
			assert_int_equal(r.len, sizeof(big));
			assert_memory_equal(r.body, big, sizeof(big));
		} else {
			/* Closed in the middle of the body: not repeated. */
			assert_int_equal(r.err.code, ERR_NETWORK);
			assert_true(i < 3);
		}
		result_done(&r);
		world_done(&w);
	}
}

/* Told no before the body is through. */
static void
test_early_answer(void **state)
{
	static char big[8 << 20];
	struct result r;

	(void)state;
	ask(&(struct http_opt){ .method = "PUT", .body = big,
	    .body_len = sizeof(big) }, "/early", &r);
	if (r.err.code == ERR_NONE)
		assert_int_equal(r.status, 403);
	else
		assert_int_equal(r.err.code, ERR_NETWORK);
	result_done(&r);
}

static void
on_many(void *arg, const struct http_answer *a, const struct err *e)
{
	int *calls = arg;

	if (e != NULL)
		fail_msg("%s", e->msg);
	assert_int_equal(a->status, 200);
	(*calls)++;
}

static void
test_parallel(void **state)
{
	struct http_opt o = { 0 };
	struct world w;
	int calls = 0, i;
	char path[32];
	uint64_t begin;

	(void)state;
	world_init(&w);
	begin = uv_hrtime();
	for (i = 0; i < 64; i++) {
		(void)snprintf(path, sizeof(path), "/slow?%d", 300 + i % 8);
		o.url = url_of(path);
		(void)http_start(w.http, &o, on_many, &calls);
	}
	assert_true(world_run(&w, &calls, 64, 8000));
	/* One after the other would be 19 s. */
	assert_true((uv_hrtime() - begin) / 1000000 < 8000);
	world_done(&w);
	assert_int_equal(calls, 64);
}

static bool
on_block(void *arg, struct block *b)
{
	struct result *r = arg;
	size_t i;

	for (i = 0; i < b->len; i++)
		if (b->data[i] != (r->streamed + i) % 251)
			r->is_pattern = false;
	r->streamed += b->len;
	r->blocks++;
	assert_true(b->len > 0 && b->len <= b->cap);
	block_unref(b);
	if (r->cancel_in_block) {
		http_cancel(r->req);
		return false;
	}
	return r->hold_each == 0 || r->blocks % r->hold_each != 0;
}

static bool
on_any_block(void *arg, struct block *b)
{
	(void)arg;
	block_unref(b);
	return true;
}

static void
on_unpause(uv_timer_t *t)
{
	struct result *r = t->data;

	if (r->req != NULL)
		http_unpause(r->req);
}

static void
stream(struct result *r, const char *path, int hold_each, unsigned every_ms,
    uint64_t want)
{
	struct http_opt o = { .on_block = on_block, .block_arg = r,
		.stall_ms = 2000 };
	struct world w;
	uv_timer_t timer;

	memset(r, 0, sizeof(*r));
	world_init(&w);
	r->is_pattern = true;
	r->hold_each = hold_each;
	o.url = url_of(path);
	r->req = http_start(w.http, &o, on_answer, r);
	(void)uv_timer_init(&w.loop, &timer);
	timer.data = r;
	(void)uv_timer_start(&timer, on_unpause, every_ms, every_ms);
	assert_true(world_run(&w, &r->calls, 1, 8000));
	uv_close((uv_handle_t *)&timer, NULL);
	world_done(&w);
	assert_int_equal(r->calls, 1);
	assert_int_equal(r->streamed, want);
	assert_true(r->is_pattern);
}

static void
test_stream(void **state)
{
	struct result r;

	(void)state;
	stream(&r, "/big?20000001", 0, 1000, 20000001);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.len, 0);
	result_done(&r);
	stream(&r, "/big?9000001", 2, 5, 9000001);
	assert_int_equal(r.status, 200);
	result_done(&r);
	/* No 2xx: the answer is in the answer. */
	stream(&r, "/status?404", 0, 1000, 0);
	assert_int_equal(r.status, 404);
	assert_string_equal(r.body, "status 404");
	result_done(&r);
	/* Cut off: an error, whatever was streamed before. */
	memset(&r, 0, sizeof(r));
	ask(&(struct http_opt){ .on_block = on_any_block, .block_arg = &r },
	    "/short", &r);
	assert_int_equal(r.err.code, ERR_NETWORK);
}

static int64_t
cpu_ms(void)
{
	struct rusage u;

	(void)getrusage(RUSAGE_SELF, &u);
	return (int64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
	    (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
}

/*
 * A reader that waits: bounded memory, no busy loop, and no stall, however
 * long it takes.
 */
static void
test_pause(void **state)
{
	struct result r = { .hold_each = 1, .is_pattern = true };
	struct http_opt o = { .on_block = on_block, .block_arg = &r,
		.stall_ms = 200 };
	struct world w;
	int never = 0;
	int64_t cpu;

	(void)state;
	world_init(&w);
	o.url = url_of("/big?50000000");
	r.req = http_start(w.http, &o, on_answer, &r);
	assert_true(world_run(&w, &r.blocks, 1, 3000));
	(void)world_run(&w, &never, 1, 200);
	cpu = cpu_ms();
	assert_false(world_run(&w, &never, 1, 700));
	assert_true(cpu_ms() - cpu < 200);
	assert_int_equal(r.calls, 0);
	assert_int_equal(r.blocks, 1);
	r.hold_each = 0;
	http_unpause(r.req);
	assert_true(world_run(&w, &r.calls, 1, 8000));
	assert_int_equal(r.streamed, 50000000);
	assert_true(r.is_pattern);
	result_done(&r);
	world_done(&w);
}

/* From within on_block, from within nothing, before anything, and by free. */
static void
test_cancel(void **state)
{
	static const unsigned after_ms[] = { 0, 1, 5, 30, 120 };
	static const char *const paths[] = { "/hang", "/stall", "/trickle",
		"/big?30000000" };
	struct http_opt o = { 0 };
	struct http_req *req;
	struct result r, other;
	struct world w;
	int never = 0;
	size_t i, k;

	(void)state;
	for (i = 0; i < COUNT_OF(after_ms); i++)
		for (k = 0; k < COUNT_OF(paths); k++) {
			memset(&r, 0, sizeof(r));
			memset(&other, 0, sizeof(other));
			world_init(&w);
			o.url = url_of(paths[k]);
			o.answer_max = 100 << 20;
			req = http_start(w.http, &o, on_answer, &r);
			(void)http_start(w.http, &o, on_answer, &other);
			if (after_ms[i] > 0)
				(void)world_run(&w, &never, 1, after_ms[i]);
			if (r.calls == 0)
				http_cancel(req);
			world_done(&w);
			result_done(&r);
			result_done(&other);
		}
	memset(&r, 0, sizeof(r));
	world_init(&w);
	o = (struct http_opt){ .on_block = on_block, .block_arg = &r,
		.url = url_of("/big?3000000") };
	r.cancel_in_block = true;
	r.req = http_start(w.http, &o, on_answer, &r);
	assert_true(world_run(&w, &r.blocks, 1, 3000));
	(void)world_run(&w, &never, 1, 100);
	assert_int_equal(r.blocks, 1);
	world_done(&w);
	assert_int_equal(r.calls, 0);
	/* While the name is looked up, and at once. */
	world_init(&w);
	o = (struct http_opt){ .url = "http://no-such-host.invalid/" };
	req = http_start(w.http, &o, on_answer, &r);
	(void)uv_run(&w.loop, UV_RUN_NOWAIT);
	http_cancel(req);
	http_cancel(http_start(w.http, &o, on_answer, &r));
	(void)http_start(w.http, &o, on_answer, &r);
	(void)uv_run(&w.loop, UV_RUN_NOWAIT);
	world_done(&w);
	assert_int_equal(r.calls, 0);
}

struct chain {
	struct world *w;
	int calls;
};

static void
on_chain(void *arg, const struct http_answer *a, const struct err *e)
{
	struct chain *c = arg;
	struct http_opt o = { .url = url_of("/hello") };

	assert_non_null(a);
	assert_null(e);
	if (++c->calls < 3) {
		(void)http_start(c->w->http, &o, on_chain, c);
	} else {
		http_free(c->w->http);
		c->w->http = NULL;
	}
}

/* Starting the next, and ending it all, from within a callback. */
static void
test_reentry(void **state)
{
	struct http_opt o = { .url = url_of("/hello") };
	struct world w;
	struct chain c = { &w, 0 };

	(void)state;
	world_init(&w);
	(void)http_start(w.http, &o, on_chain, &c);
	assert_true(world_run(&w, &c.calls, 3, 3000));
	world_done(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_request_as_written),
		cmocka_unit_test(test_bodies),
		cmocka_unit_test(test_no_redirect),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_time_limits),
		cmocka_unit_test(test_connect),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_bad_requests),
		cmocka_unit_test(test_no_proxy),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_dead_connection),
		cmocka_unit_test(test_early_answer),
		cmocka_unit_test(test_parallel),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_reentry),
	};

	return cmocka_run_group_tests_name("http", tests, setup, teardown);
}
