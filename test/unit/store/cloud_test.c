/* cloud_test.c - one request to a store behind HTTP, and what follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/str.h"
#include "unit/store/cloud_world.h"

static void
test_plain(void **state)
{
	struct cloud_pair query[] = { { "a b", "c/d&e" }, { "uploads", NULL },
		{ "empty", "" } };
	struct cloud_pair headers[] = { { "X-Date", "mine" } };
	struct cloud_req req = { .method = "PUT",
		.path = path_of("plain", "200"),
		.query = query,
		.nquery = 3,
		.headers = headers,
		.nheaders = 1,
		.body = "hello",
		.body_len = 5 };
	struct world w;
	struct result r;
	char *log, hex[65];

	(void)state;
	world_init(&w);
	assert_string_equal(w.c->prefix, "pre/");
	call_in(&w, &req, &r);
	assert_int_equal(r.err.code, ERR_NONE);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.code, "");
	assert_string_equal(r.body, "body");
	result_done(&r);
	assert_true(w.has_digests);
	str_hex(w.md5, 16, hex);
	assert_string_equal(hex, "5d41402abc4b2a76b9719d911017c592");
	str_hex(w.sha256, 32, hex);
	assert_string_equal(hex,
	    "2cf24dba5fb0a30e26e83b2ac5b9e29e"
	    "1b161e5c1fa7425e73043362938b9824");
	assert_int_equal(requests_of(&w, "plain", &log), 1);
	/* No digest of what has no body; the caller's header counts. */
	assert_false(w.has_digests);
	assert_string_equal(log,
	    "PUT /plain/200?a%20b=c%2Fd%26e&uploads&empty= 5 5 T0 mine");
	free(log);
	world_done(&w);
}

/* The whole body once more, and its length said. */
static void
test_blocks(void **state)
{
	struct block *blocks[3];
	struct cloud_req req = { .method = "PUT",
		.path = path_of("blocks", "503,reset,200"),
		.blocks = blocks,
		.nblocks = 3 };
	struct world w;
	struct result r;
	char *log;
	int i;

	(void)state;
	world_init(&w);
	for (i = 0; i < 3; i++) {
		blocks[i] = block_new(BLOCK_SIZE);
		blocks[i]->len = BLOCK_SIZE - (size_t)i;
		memset(blocks[i]->data, 'b', BLOCK_SIZE);
	}
	call_start(&w, &req, &r);
	for (i = 0; i < 3; i++)
		block_unref(blocks[i]);
	assert_true(world_run(&w, &r.calls, 1, 8000));
	assert_int_equal(r.err.code, ERR_NONE);
	result_done(&r);
	assert_int_equal(requests_of(&w, "blocks", &log), 3);
	assert_non_null(strstr(log, " 786429 786429 "));
	assert_null(strstr(log, " E\n"));
	free(log);
	world_done(&w);
}

/* A refusal while the body is still on its way is heard the second time; who
 * knows nothing of asking first still gets his bytes. */
static void
test_early(void **state)
{
	static const struct {
		const char *name, *steps;
		enum err_code code;
		unsigned requests;
	} rows[] = {
		{ "early", "early:404", ERR_NOT_FOUND, 2 },
		{ "deaf", "reset,200", ERR_NONE, 2 },
	};
	struct block *blocks[20], *b = block_new(BLOCK_SIZE);
	struct cloud_req req = { .method = "PUT",
		.blocks = blocks,
		.nblocks = COUNT_OF(blocks) };
	struct world w;
	struct result r;
	char *log;
	size_t i;

	(void)state;
	b->len = BLOCK_SIZE;
	memset(b->data, 'b', b->len);
	for (i = 0; i < COUNT_OF(blocks); i++)
		blocks[i] = b;
	for (i = 0; i < COUNT_OF(rows); i++) {
		/* On a kept connection curl would try again by itself. */
		world_init(&w);
		req.path = path_of(rows[i].name, rows[i].steps);
		call_start(&w, &req, &r);
		assert_true(world_run(&w, &r.calls, 1, 8000));
		assert_int_equal(r.err.code, rows[i].code);
		assert_int_equal(requests_of(&w, rows[i].name, &log),
		    rows[i].requests);
		assert_null(strstr(strchr(log, '\n') - 2, " E\n"));
		assert_non_null(strstr(strchr(log, '\n') + 1, " E"));
		free(log);
		result_done(&r);
		world_done(&w);
	}
	block_unref(b);
}

/* What passes is tried again, what does not is not. */
static void
test_again(void **state)
{
	static const struct {
		const char *steps;
		enum err_code code;
		unsigned requests;
	} rows[] = {
		{ "503,500,429,200", ERR_NONE, 4 },
		{ "reset,close,cut:5,200", ERR_NONE, 4 },
		{ "404,200", ERR_NOT_FOUND, 1 },
		{ "garbage,200", ERR_PROTOCOL, 1 },
		{ "big:1048577,200", ERR_LIMIT, 1 },
	};
	struct world w;
	struct result r;
	char name[16];
	size_t i;

	(void)state;
	world_init(&w);
	for (i = 0; i < COUNT_OF(rows); i++) {
		(void)snprintf(name, sizeof(name), "again%zu", i);
		get_in(&w, name, rows[i].steps, &r);
		assert_int_equal(r.err.code, rows[i].code);
		assert_int_equal(requests_of(&w, name, NULL), rows[i].requests);
		result_done(&r);
	}
	get_in(&w, "again-text", "404", &r);
	assert_true(r.has_answer);
	assert_string_equal(r.code, "Code404");
	assert_string_equal(r.err.msg,
	    "store 'offsite': GET: no such thing: Code404");
	result_done(&r);
	world_done(&w);
}

/* As long as retry_for says, with its last words. */
static void
test_budget(void **state)
{
	struct world w;
	struct result r;
	int64_t began;

	(void)state;
	world_init(&w);
	began = world_now(&w);
	get_in(&w, "budget", "503", &r);
	assert_int_equal(r.err.code, ERR_BUSY);
	assert_int_equal(r.status, 503);
	assert_string_equal(r.code, "Code503");
	assert_string_equal(r.err.msg,
	    "store 'offsite': GET: it is busy: Code503");
	assert_in_range(world_now(&w) - began, 59000, 250000);
	result_done(&r);
	/* 200 ms, 400 ms, ... 30 s: by chance between nothing and that. */
	assert_in_range(requests_of(&w, "budget", NULL), 5, 40);
	world_done(&w);
}

static void
test_own_budget(void **state)
{
	struct cloud_req req = { .method = "GET",
		.path = path_of("own", "reset"),
		.retry_for_ms = 5000 };
	struct world w;
	struct result r;
	int64_t began;

	(void)state;
	world_init(&w);
	began = world_now(&w);
	call_in(&w, &req, &r);
	assert_int_equal(r.err.code, ERR_NETWORK);
	assert_false(r.has_answer);
	assert_in_range(world_now(&w) - began, 4900, 100000);
	world_done(&w);
}

static void
check_wait(struct world *w, const char *name, const char *steps, int64_t least,
    int64_t most)
{
	struct result r;
	int64_t began = world_now(w);

	get_in(w, name, steps, &r);
	assert_int_equal(r.err.code, ERR_NONE);
	assert_int_equal(requests_of(w, name, NULL), 2);
	assert_in_range(world_now(w) - began, least, most);
	result_done(&r);
}

static void
test_retry_after(void **state)
{
	struct world w;
	struct result r;
	int64_t began;

	(void)state;
	world_init(&w);
	check_wait(&w, "after", "503:after=30,200", 30000, 250000);
	check_wait(&w, "date", "429:date=30,200", 28000, 250000);
	check_wait(&w, "past", "429:date=-30,200", 0, 60000);
	check_wait(&w, "none", "503:after=soon,200", 0, 60000);
	check_wait(&w, "minus", "503:after=-9223372036854775808,200", 0, 60000);
	/* The clocks differ: the date is by the store's. */
	w.c->clock_ahead_ms = 3600000;
	check_wait(&w, "skewed", "503:date=30,200", 28000, 250000);
	/* Longer than there is time: no wait at all. */
	began = world_now(&w);
	get_in(&w, "long", "503:after=100,200", &r);
	assert_int_equal(r.err.code, ERR_BUSY);
	assert_in_range(world_now(&w) - began, 0, 60000);
	result_done(&r);
	/* Longer than is sensible: two minutes. */
	w.c->retry_for_ms = 300000;
	check_wait(&w, "cap", "503:after=9223372036854775807,200", 120000,
	    300000);
	world_done(&w);
}

static void
test_silence(void **state)
{
	struct cloud_req req = { .method = "GET",
		.path = path_of("commit", "hang,200"),
		.silence_ms = 20000 };
	struct world w;
	struct result r;
	int64_t began;

	(void)state;
	world_init(&w);
	began = world_now(&w);
	get_in(&w, "silence", "hang,stall:5,200", &r);
	assert_int_equal(r.err.code, ERR_NONE);
	assert_in_range(world_now(&w) - began, 80000, 250000);
	assert_int_equal(requests_of(&w, "silence", NULL), 3);
	result_done(&r);
	began = world_now(&w);
	call_in(&w, &req, &r);
	assert_int_equal(r.err.code, ERR_NONE);
	assert_in_range(world_now(&w) - began, 20000, 79000);
	result_done(&r);
	world_done(&w);
}

/* Nothing is sent twice when it may have had an effect. */
static void
test_once(void **state)
{
	static const struct {
		const char *steps;
		enum err_code code;
		unsigned requests;
		bool is_unknown;
	} rows[] = {
		{ "200", ERR_NONE, 1, false },
		{ "503,429,200", ERR_NONE, 3, false },
		{ "403,200", ERR_NONE, 2, false },
		{ "500,200", ERR_BUSY, 1, true },
		{ "504,200", ERR_BUSY, 1, true },
		{ "reset,200", ERR_NETWORK, 1, true },
		{ "close,200", ERR_NETWORK, 1, true },
		{ "cut:5,200", ERR_NETWORK, 1, true },
		{ "hang,200", ERR_TIMEOUT, 1, true },
		{ "404,200", ERR_NOT_FOUND, 1, false },
	};
	struct cloud_req req = { .method = "PUT",
		.body = "x",
		.body_len = 1,
		.is_once = true };
	struct world w;
	struct result r;
	char name[16];
	size_t i;

	(void)state;
	world_init(&w);
	for (i = 0; i < COUNT_OF(rows); i++) {
		(void)snprintf(name, sizeof(name), "once%zu", i);
		req.path = path_of(name, rows[i].steps);
		call_in(&w, &req, &r);
		assert_int_equal(r.err.code, rows[i].code);
		assert_int_equal(strstr(r.err.msg, "not known") != NULL,
		    rows[i].is_unknown);
		/* Over a kept connection, which curl would try twice. */
		assert_int_equal(requests_of(&w, name, NULL), rows[i].requests);
		result_done(&r);
	}
	world_done(&w);
}

struct mend {
	struct world *w;
	char *url;
};

static void
on_mend(void *arg)
{
	struct mend *m = arg;

	free(m->w->c->url);
	m->w->c->url = m->url;
}

/* Nothing went out: even what may be sent once is tried again. */
static void
check_mended(const char *url, const char *name)
{
	struct cloud_req req = { .method = "PUT",
		.body = "x",
		.body_len = 1,
		.is_once = true,
		.path = path_of(name, "200") };
	struct world w;
	struct result r;
	struct mend m = { &w, NULL };
	struct env_timer *t;

	world_init(&w);
	m.url = w.c->url;
	w.c->url = xstrdup(url);
	t = env_timer_new(&w.hurry.env, on_mend, &m);
	env_timer_start(t, 5000);
	call_in(&w, &req, &r);
	assert_int_equal(r.err.code, ERR_NONE);
	env_timer_free(t);
	result_done(&r);
	assert_int_equal(requests_of(&w, name, NULL), 1);
	world_done(&w);
}

static void
test_not_connected(void **state)
{
	(void)state;
	check_mended("http://127.0.0.1:1", "mended");
	check_mended("http://no-such-host.invalid", "named");
}

static void
test_tls(void **state)
{
	struct world w;
	struct result r;

	(void)state;
	world_init(&w);
	free(w.c->url);
	w.c->url = xasprintf("https://localhost:%d", tls_port);
	get_in(&w, "tls", "200", &r);
	assert_int_equal(r.err.code, ERR_PROTOCOL);
	assert_non_null(strstr(r.err.msg, "not trusted"));
	w.c->ca_file = xasprintf("%s/no-such.pem", dir);
	get_in(&w, "tls", "200", &r);
	assert_int_equal(r.err.code, ERR_CONFIG);
	free(w.c->ca_file);
	w.c->ca_file = xasprintf("%s/ca.pem", dir);
	get_in(&w, "tls", "200", &r);
	assert_int_equal(r.err.code, ERR_NONE);
	result_done(&r);
	free(w.c->ca_file);
	w.c->ca_file = NULL;
	w.c->is_insecure = true;
	get_in(&w, "tls", "200", &r);
	assert_int_equal(r.err.code, ERR_NONE);
	result_done(&r);
	assert_int_equal(requests_of(&w, "tls", NULL), 2);
	world_done(&w);
}

static void
test_sign_fails(void **state)
{
	struct world w;
	struct result r;

	(void)state;
	world_init(&w);
	w.does_sign_fail = true;
	get_in(&w, "unsigned", "200", &r);
	assert_int_equal(r.err.code, ERR_CONFIG);
	assert_string_equal(r.err.msg,
	    "store 'offsite': GET: no key to sign with");
	assert_false(r.has_answer);
	world_done(&w);
}

/* A URL of its own goes out as it is, without any of ours. */
static void
test_own_url(void **state)
{
	char url[128];
	struct cloud_req req = { .method = "PUT",
		.url = url,
		.body = "",
		.body_len = 0 };
	struct world w;
	struct result r;
	char *log;

	(void)state;
	world_init(&w);
	(void)snprintf(url, sizeof(url),
	    "http://127.0.0.1:%d/url/200?upload_id=a%%2Fb", port);
	call_in(&w, &req, &r);
	assert_int_equal(r.err.code, ERR_NONE);
	assert_int_equal(w.fetches, 0);
	result_done(&r);
	assert_int_equal(requests_of(&w, "url", &log), 1);
	assert_string_equal(log, "PUT /url/200?upload_id=a%2Fb 0 0 - -");
	free(log);
	world_done(&w);
}

/* A clock that is behind is told so and put right. */
static void
test_skew(void **state)
{
	char first[CLOUD_DATE_MAX], second[CLOUD_DATE_MAX], *log, *line;
	int64_t a, b;
	struct world w;
	struct result r;

	(void)state;
	world_init(&w);
	w.skew_ms = 3600000;
	get_in(&w, "skew", "403,200", &r);
	assert_int_equal(r.err.code, ERR_NONE);
	result_done(&r);
	assert_int_equal(requests_of(&w, "skew", &log), 2);
	assert_non_null(line = strstr(log, "T0 "));
	(void)snprintf(first, sizeof(first), "%.29s", line + 3);
	assert_non_null(line = strstr(line + 3, "T0 "));
	(void)snprintf(second, sizeof(second), "%.29s", line + 3);
	assert_int_equal(cloud_date_parse(first, &a), 0);
	assert_int_equal(cloud_date_parse(second, &b), 0);
	assert_in_range(b - a, 3600000, 3700000);
	free(log);
	world_done(&w);
}

/* In no error and no line of the log; what helps to find it there is. */
static void
test_secrets(void **state)
{
	static const char *const steps[] = { "503", "reset", "hang", "404",
		"garbage" };
	struct cloud_pair query[] = { { "sig", "CANARY1" } };
	struct cloud_pair headers[] = { { "X-Key", "CANARY2" } };
	struct cloud_req req = { .method = "PUT",
		.query = query,
		.nquery = 1,
		.headers = headers,
		.nheaders = 1,
		.body = "CANARY3",
		.body_len = 7,
		.retry_for_ms = 3000 };
	char *path = xasprintf("%s/log", dir), *text, name[16];
	struct world w;
	struct result r;
	size_t i;

	(void)state;
	world_init(&w);
	w.token = "CANARY4";
	assert_int_equal(log_open(path, LOG_DEBUG, NULL), 0);
	for (i = 0; i < COUNT_OF(steps); i++) {
		(void)snprintf(name, sizeof(name), "secret%zu", i);
		req.path = path_of(name, steps[i]);
		call_in(&w, &req, &r);
		assert_int_not_equal(r.err.code, ERR_NONE);
		assert_null(strstr(r.err.msg, "CANARY"));
		result_done(&r);
	}
	log_close();
	text = file_slurp(path, 1 << 20, NULL, NULL);
	assert_non_null(text);
	assert_null(strstr(text, "CANARY"));
	assert_non_null(strstr(text,
	    "store=offsite method=PUT attempt=1 status=503 code=Code503 "
	    "request_id=REQ503 wait_ms="));
	free(text);
	free(path);
	world_done(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_early),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_own_budget),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_once),
		cmocka_unit_test(test_not_connected),
		cmocka_unit_test(test_tls),
		cmocka_unit_test(test_sign_fails),
		cmocka_unit_test(test_own_url),
		cmocka_unit_test(test_skew),
		cmocka_unit_test(test_secrets),
	};

	return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
