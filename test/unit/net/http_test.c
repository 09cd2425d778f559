/* http_test.c - requests and failures, with a server that misbehaves. */
#include "unit/net/http_world.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

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
	struct http_opt o = { .method = "PUT",
		.headers = headers,
		.body = "abc",
		.body_len = 3 };
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
	struct http_opt o = { .method = "POST",
		.nblocks = 3,
		.blocks = blocks,
		.answer_max = 1 << 20 };
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
		ask_in(&w,
		    &(struct http_opt){ .url = url, .deadline_ms = 4000 }, NULL,
		    &r);
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
		.deadline_ms = 4000 },
	    NULL, &r);
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

/* The connection that is kept is not for children. */
static void
test_no_heirs(void **state)
{
	struct sockaddr_in peer;
	struct result r;
	struct world w;
	char url[64];
	int fd, found = 0;

	(void)state;
	world_init(&w);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/hello", port);
	ask_in(&w, &(struct http_opt){ .url = url }, NULL, &r);
	assert_string_equal(r.body, "hello");
	for (fd = 3; fd < 256; fd++) {
		socklen_t n = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &n) == -1 ||
		    peer.sin_family != AF_INET || ntohs(peer.sin_port) != port)
			continue;
		found++;
		assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	}
	assert_int_equal(found, 1);
	result_done(&r);
	world_done(&w);
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
	ask(&(struct http_opt){ .url = url,
		.ca_file = ca,
		.deadline_ms = 2000 },
	    NULL, &r);
	assert_true(r.err.code != ERR_NONE);
	free(ca);
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
		cmocka_unit_test(test_no_heirs),
		cmocka_unit_test(test_no_proxy),
		cmocka_unit_test(test_tls),
	};

	return cmocka_run_group_tests_name("http", tests, setup, teardown);
}
