/* http_move_test.c - connections kept, many at once, streams, cancelling. */
#include "unit/net/http_world.h"

#include <sys/resource.h>

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
		ask_in(&w,
		    &(struct http_opt){ .method = "PUT",
			.body = big,
			.body_len = sizeof(big) },
		    "/echo", &r);
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
	ask(&(struct http_opt){ .method = "PUT",
		.body = big,
		.body_len = sizeof(big) },
	    "/early", &r);
	if (r.err.code == ERR_NONE) {
		assert_int_equal(r.status, 403);
	} else {
		assert_int_equal(r.err.code, ERR_NETWORK);
		assert_null(strstr(r.err.msg, "select/poll"));
	}
	result_done(&r);
	/* Asked first, it never fails to say so. */
	ask(&(struct http_opt){ .method = "PUT",
		.body = big,
		.body_len = sizeof(big),
		.does_ask = true },
	    "/early", &r);
	assert_int_equal(r.err.code, ERR_NONE);
	assert_int_equal(r.status, 403);
	result_done(&r);
}

/* The answer, and a reset at its heels: it was said all the same. */
static void
test_slammed(void **state)
{
	static char big[2 << 20];
	struct result r;
	int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		ask(&(struct http_opt){ .method = "PUT",
			.body = big,
			.body_len = sizeof(big),
			.does_ask = true },
		    "/slam", &r);
		assert_int_equal(r.err.code, ERR_NONE);
		assert_int_equal(r.status, 403);
		result_done(&r);
	}
}

/* Nobody takes the body: a stall while sending, and a cancel in it. */
static void
test_deaf(void **state)
{
	static char big[16 << 20];
	struct http_opt o = { .method = "PUT",
		.body = big,
		.body_len = sizeof(big),
		.stall_ms = 300 };
	struct http_req *req;
	struct result r;
	struct world w;
	int never = 0;

	(void)state;
	ask(&o, "/deaf", &r);
	assert_int_equal(r.err.code, ERR_TIMEOUT);
	assert_non_null(strstr(r.err.msg, "no byte moved for 300ms"));
	result_done(&r);
	world_init(&w);
	o.url = url_of("/deaf");
	req = http_start(w.http, &o, on_answer, &r);
	(void)world_run(&w, &never, 1, 100);
	http_cancel(req);
	world_done(&w);
	assert_int_equal(r.calls, 0);
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
stream_from(struct result *r, const char *url, int hold_each, unsigned every_ms,
    uint64_t want)
{
	char *ca = file_join(dir, "ca.pem");
	struct http_opt o = { .on_block = on_block,
		.block_arg = r,
		.ca_file = ca,
		.stall_ms = 2000 };
	struct world w;
	uv_timer_t timer;

	memset(r, 0, sizeof(*r));
	world_init(&w);
	r->is_pattern = true;
	r->hold_each = hold_each;
	o.url = url;
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
	free(ca);
}

static void
stream(struct result *r, const char *path, int hold_each, unsigned every_ms,
    uint64_t want)
{
	stream_from(r, url_of(path), hold_each, every_ms, want);
}

static void
test_stream_tls(void **state)
{
	struct result r;
	char url[64];

	(void)state;
	(void)snprintf(url, sizeof(url), "https://localhost:%d/big?7000001",
	    tls_port);
	stream_from(&r, url, 0, 1000, 7000001);
	assert_int_equal(r.status, 200);
	result_done(&r);
	stream_from(&r, url, 3, 5, 7000001);
	assert_int_equal(r.status, 200);
	result_done(&r);
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
	struct http_opt o = { .on_block = on_block,
		.block_arg = &r,
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
	o = (struct http_opt){ .on_block = on_block,
		.block_arg = &r,
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
		cmocka_unit_test(test_keep_alive),
		cmocka_unit_test(test_dead_connection),
		cmocka_unit_test(test_early_answer),
		cmocka_unit_test(test_slammed),
		cmocka_unit_test(test_deaf),
		cmocka_unit_test(test_parallel),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_stream_tls),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_reentry),
	};

	return cmocka_run_group_tests_name("http_move", tests, setup, teardown);
}
