/* cloud_auth_test.c - credentials: who waits, who renews, who is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/store/cloud_world.h"

static void
start_named(struct world *w, const char *name, const char *steps,
    struct result *r)
{
	struct cloud_req req = { .method = "GET",
		.path = path_of(name, steps) };

	call_start(w, &req, r);
}

static void
wait_for(struct world *w, struct result *r, enum err_code code)
{
	assert_true(world_run(w, &r->calls, 1, 8000));
	assert_int_equal(r->calls, 1);
	assert_int_equal(r->err.code, code);
	result_done(r);
}

/* One fetch for all that wait; one of them leaves. */
static void
test_waiters(void **state)
{
	struct world w;
	struct result r[5];
	int i;

	(void)state;
	world_init(&w);
	w.is_fetch_held = true;
	for (i = 0; i < 5; i++)
		start_named(&w, "waiters", "200", &r[i]);
	world_pass(&w, 50);
	assert_non_null(w.auth_fn);
	cloud_cancel(r[0].call);
	cloud_cancel(r[4].call);
	cloud_cancel(r[2].call);
	on_fetched(&w);
	wait_for(&w, &r[1], ERR_NONE);
	wait_for(&w, &r[3], ERR_NONE);
	assert_int_equal(w.fetches, 1);
	assert_int_equal(r[0].calls + r[2].calls + r[4].calls, 0);
	assert_int_equal(requests_of(&w, "waiters", NULL), 2);
	assert_int_equal(w.fetches, 1);
	world_done(&w);
}

/* All leave; what was fetched for them serves the next. */
static void
test_all_leave(void **state)
{
	struct world w;
	struct result r[2];

	(void)state;
	world_init(&w);
	w.is_fetch_held = true;
	start_named(&w, "leave", "200", &r[0]);
	start_named(&w, "leave", "200", &r[1]);
	world_pass(&w, 50);
	cloud_cancel(r[0].call);
	cloud_cancel(r[1].call);
	world_pass(&w, 50);
	on_fetched(&w);
	get_in(&w, "leave", "200", &r[0]);
	wait_for(&w, &r[0], ERR_NONE);
	assert_int_equal(w.fetches, 1);
	world_done(&w);
}

/* Refused in the middle: once more with others; both calls share them. */
static void
test_renew(void **state)
{
	struct world w;
	struct result r[2];

	(void)state;
	world_init(&w);
	w.tokens[0] = "T1";
	w.tokens[1] = "T2";
	start_named(&w, "renew1", "auth:T2", &r[0]);
	start_named(&w, "renew2", "auth:T2", &r[1]);
	wait_for(&w, &r[0], ERR_NONE);
	wait_for(&w, &r[1], ERR_NONE);
	assert_int_equal(w.fetches, 2);
	assert_int_equal(requests_of(&w, "renew1", NULL), 2);
	assert_int_equal(requests_of(&w, "renew2", NULL), 2);
	world_done(&w);
}

/* Once only: other credentials that are refused, too, are the answer. */
static void
test_refused(void **state)
{
	struct world w;
	struct result r;

	(void)state;
	world_init(&w);
	get_in(&w, "refused", "403", &r);
	assert_int_equal(r.err.code, ERR_AUTH);
	assert_string_equal(r.code, "Code403");
	result_done(&r);
	assert_int_equal(w.fetches, 2);
	assert_int_equal(requests_of(&w, "refused", NULL), 2);
	world_done(&w);
}

/* The network fails, then the token comes; or it never does. */
static void
test_transient(void **state)
{
	struct world w;
	struct result r;
	int64_t began;
	size_t i;

	(void)state;
	world_init(&w);
	w.auth_fails[0] = ERR_NETWORK;
	w.auth_fails[1] = ERR_TIMEOUT;
	get_in(&w, "transient", "200", &r);
	assert_int_equal(r.err.code, ERR_NONE);
	result_done(&r);
	assert_int_equal(w.fetches, 3);
	for (i = 0; i < COUNT_OF(w.auth_fails); i++)
		w.auth_fails[i] = ERR_NETWORK;
	w.c->is_authorized = false;
	began = world_now(&w);
	get_in(&w, "transient", "200", &r);
	assert_int_equal(r.err.code, ERR_NETWORK);
	assert_string_equal(r.err.msg,
	    "store 'offsite': credentials: no token today");
	assert_in_range(world_now(&w) - began, 10000, 250000);
	assert_true(w.fetches > 6);
	world_done(&w);
}

/* While it pauses between two fetches its waiters leave: it stops. */
static void
test_transient_leave(void **state)
{
	struct world w;
	struct result r;
	unsigned begun;
	size_t i;

	(void)state;
	world_init(&w);
	for (i = 0; i < COUNT_OF(w.auth_fails); i++)
		w.auth_fails[i] = ERR_NETWORK;
	start_named(&w, "pause", "200", &r);
	assert_true(world_run(&w, &w.fetches, 6, 8000));
	begun = w.authorizes;
	cloud_cancel(r.call);
	world_pass(&w, 700);
	assert_int_equal(w.authorizes, begun);
	assert_int_equal(r.calls, 0);
	world_done(&w);
}

static void
test_permanent(void **state)
{
	struct world w;
	struct result r[2];

	(void)state;
	world_init(&w);
	w.auth_fails[0] = ERR_CONFIG;
	start_named(&w, "permanent", "200", &r[0]);
	start_named(&w, "permanent", "200", &r[1]);
	wait_for(&w, &r[0], ERR_CONFIG);
	wait_for(&w, &r[1], ERR_CONFIG);
	assert_int_equal(w.fetches, 1);
	/* Somebody put it right meanwhile. */
	get_in(&w, "permanent", "200", &r[0]);
	wait_for(&w, &r[0], ERR_NONE);
	assert_int_equal(w.fetches, 2);
	world_done(&w);
}

/* A file on a disk that is gone: the call ends, and the fetch some day. */
static void
test_hung(void **state)
{
	struct world w;
	struct result r;
	int64_t began;

	(void)state;
	world_init(&w);
	w.is_fetch_held = true;
	began = world_now(&w);
	start_named(&w, "hung", "200", &r);
	assert_true(world_run(&w, &r.calls, 1, 8000));
	assert_int_equal(r.err.code, ERR_TIMEOUT);
	assert_in_range(world_now(&w) - began, 60000, 250000);
	world_leave(&w);
	(void)uv_run(&w.loop, UV_RUN_NOWAIT);
	assert_false(w.is_freed);
	on_fetched(&w);
	world_end(&w);
}

/* Five minutes before the end, or at half of a short life. */
static void
check_life(int64_t life_ms, int64_t good_ms, int64_t bad_ms)
{
	struct world w;
	struct result r;

	world_init(&w);
	w.life_ms = life_ms;
	get_in(&w, "life", "200", &r);
	wait_for(&w, &r, ERR_NONE);
	w.hurry.wall_ahead_ms += good_ms;
	get_in(&w, "life", "200", &r);
	wait_for(&w, &r, ERR_NONE);
	assert_int_equal(w.fetches, 1);
	w.hurry.wall_ahead_ms += bad_ms - good_ms;
	get_in(&w, "life", "200", &r);
	wait_for(&w, &r, ERR_NONE);
	assert_int_equal(w.fetches, 2);
	world_done(&w);
}

#define MINUTE INT64_C(60000)

static void
test_life(void **state)
{
	(void)state;
	check_life(60 * MINUTE, 50 * MINUTE, 55 * MINUTE);
	check_life(8 * MINUTE, 1 * MINUTE, 4 * MINUTE);
	/* Dead on arrival: it is used, and another is had for the next. */
	check_life(-1, -1000 * MINUTE, MINUTE);
}

/* What is still good is used on when its renewal fails. */
static void
test_renewal_fails(void **state)
{
	struct world w;
	struct result r;

	(void)state;
	world_init(&w);
	w.life_ms = 60 * MINUTE;
	w.tokens[0] = "T1";
	w.tokens[2] = "T3";
	w.auth_fails[1] = ERR_NETWORK;
	get_in(&w, "renewal", "auth:T1", &r);
	wait_for(&w, &r, ERR_NONE);
	w.hurry.wall_ahead_ms += 56 * MINUTE;
	get_in(&w, "renewal", "auth:T1", &r);
	wait_for(&w, &r, ERR_NONE);
	assert_int_equal(w.fetches, 2);
	w.hurry.wall_ahead_ms += 1 * MINUTE;
	get_in(&w, "renewal3", "auth:T3", &r);
	wait_for(&w, &r, ERR_NONE);
	assert_int_equal(w.fetches, 3);
	assert_int_equal(requests_of(&w, "renewal3", NULL), 1);
	world_done(&w);
}

/* --- Requests for credentials. */
struct asked {
	unsigned calls;
	long status;
	struct err err;
	char body[16];
};

static void
on_asked(void *arg, const struct http_answer *a, const struct err *e)
{
	struct asked *r = arg;

	r->calls++;
	r->status = a == NULL ? 0 : a->status;
	if (a != NULL)
		(void)snprintf(r->body, sizeof(r->body), "%s", a->body);
	err_copy(&r->err, e);
}

static void
ask_in(struct world *w, const char *name, const char *steps, bool is_patient,
    struct asked *r)
{
	char *url = xasprintf("%s%s", w->c->url, path_of(name, steps));
	char *header = xstrdup("Authorization: ASK"), body[] = "grant=x";
	const char *headers[] = { header, NULL };
	struct http_opt o = { .method = "POST",
		.url = url,
		.headers = headers,
		.body = body,
		.body_len = 7 };

	memset(r, 0, sizeof(*r));
	cloud_ask(w->c, &o, is_patient, on_asked, r);
	/* All is copied. */
	memset(url, 'x', strlen(url));
	memset(header, 'x', strlen(header));
	memset(body, 'x', 7);
	free(url);
	free(header);
	assert_int_equal(r->calls, 0);
	assert_true(world_run(w, &r->calls, 1, 8000));
}

static void
test_ask(void **state)
{
	struct world w;
	struct asked r;
	char *log;

	(void)state;
	world_init(&w);
	ask_in(&w, "ask", "404,429,reset,200", true, &r);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body, "body");
	assert_int_equal(requests_of(&w, "ask", &log), 4);
	assert_non_null(strstr(log, "POST /ask/404,429,reset,200 7 7 ASK -"));
	free(log);
	/* Four are enough. */
	ask_in(&w, "ask4", "410,500,503,404,200", true, &r);
	assert_int_equal(r.status, 404);
	assert_int_equal(requests_of(&w, "ask4", NULL), 4);
	ask_in(&w, "ask400", "400,200", true, &r);
	assert_int_equal(r.status, 400);
	ask_in(&w, "ask1", "500,200", false, &r);
	assert_int_equal(r.status, 500);
	ask_in(&w, "askhang", "hang", false, &r);
	assert_int_equal(r.err.code, ERR_TIMEOUT);
	world_done(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waiters),
		cmocka_unit_test(test_all_leave),
		cmocka_unit_test(test_renew),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_transient),
		cmocka_unit_test(test_transient_leave),
		cmocka_unit_test(test_permanent),
		cmocka_unit_test(test_hung),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_renewal_fails),
		cmocka_unit_test(test_ask),
	};

	return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
