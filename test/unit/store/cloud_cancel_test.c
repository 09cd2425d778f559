/* cloud_cancel_test.c - calls that are canceled, and stores that are closed,
 * wherever they are. */
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
		.path = path_of(name, steps),
		.on_block = on_result_block,
		.block_arg = r };

	call_start(w, &req, r);
}

/* After so many real ms of such a life. */
static void
check_cancel(const char *steps, unsigned ms, bool is_fetch_held)
{
	struct world w;
	struct result r;

	world_init(&w);
	w.is_fetch_held = is_fetch_held;
	start_named(&w, "cancel", steps, &r);
	if (ms > 0)
		world_pass(&w, ms);
	assert_int_equal(r.calls, 0);
	cloud_cancel(r.call);
	world_pass(&w, 50);
	assert_int_equal(r.calls, 0);
	if (is_fetch_held)
		on_fetched(&w);
	world_done(&w);
	assert_int_equal(r.calls, 0);
}

static void
test_cancel(void **state)
{
	(void)state;
	check_cancel("200", 0, false);
	check_cancel("200", 30, true);
	check_cancel("hang", 100, false);
	check_cancel("stall:0", 100, false);
	check_cancel("stall:5", 100, false);
	check_cancel("503:after=50", 150, false);
}

/* From inside on_block, and what else is under way goes on. */
static void
test_cancel_in_block(void **state)
{
	struct world w;
	struct result r, other;

	(void)state;
	world_init(&w);
	start_named(&w, "other", "big:3000000", &other);
	start_named(&w, "inside", "big:3000000", &r);
	r.does_cancel = true;
	assert_true(world_run(&w, &r.blocks, 1, 5000));
	assert_true(world_run(&w, &other.calls, 1, 5000));
	assert_int_equal(other.streamed, 3000000);
	result_done(&other);
	assert_int_equal(r.calls, 0);
	assert_int_equal(r.blocks, 1);
	assert_null(r.call);
	world_done(&w);
}

struct pair {
	struct world *w;
	struct result first, second;
};

static void
on_first(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct pair *p = arg;

	on_result(&p->first, a, code, e);
	cloud_cancel(p->second.call);
	p->second.call = NULL;
}

/* One that waited for the same credentials, in the first one's callback. */
static void
test_cancel_other(void **state)
{
	struct world w;
	struct pair p = { .w = &w };
	struct cloud_req req = { .method = "GET", .path = "/both/200" };

	(void)state;
	world_init(&w);
	w.does_sign_fail = true;
	p.first.call = cloud_start(w.c, &req, on_first, &p);
	p.second.call = cloud_start(w.c, &req, on_result, &p.second);
	assert_true(world_run(&w, &p.first.calls, 1, 5000));
	world_pass(&w, 50);
	assert_int_equal(p.second.calls, 0);
	world_done(&w);
}

/* The owner is gone, the call still ends as it should. */
static void
check_close(const char *name, const char *steps, unsigned ms,
    enum err_code code)
{
	struct world w;
	struct result r;

	world_init(&w);
	start_named(&w, name, steps, &r);
	if (ms > 0)
		world_pass(&w, ms);
	world_leave(&w);
	world_end(&w);
	assert_int_equal(r.calls, 1);
	assert_int_equal(r.err.code, code);
	result_done(&r);
}

static void
test_close(void **state)
{
	(void)state;
	check_close("close0", "200", 0, ERR_NONE);
	check_close("close1", "big:3000000", 5, ERR_NONE);
	check_close("close2", "503,200", 0, ERR_NONE);
	/* But nobody waits for long. */
	check_close("close3", "503,503,503,200", 0, ERR_BUSY);
	check_close("close4", "reset", 0, ERR_NETWORK);
	check_close("close5", "404", 0, ERR_NOT_FOUND);
}

static void
on_last(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct world *w = arg;

	(void)a;
	(void)code;
	assert_null(e);
	/* The store goes with its last call, but not under its feet. */
	store_close(&w->c->base);
	assert_false(w->is_freed);
	assert_string_equal(store_name(&w->c->base), "offsite");
}

static void
test_close_in_callback(void **state)
{
	struct world w;
	struct cloud_req req = { .method = "GET", .path = "/last/200" };

	(void)state;
	world_init(&w);
	(void)cloud_start(w.c, &req, on_last, &w);
	json_decref(w.cfg);
	http_free(w.http);
	work_pool_free(w.pool);
	world_end(&w);
}

/* Users other than calls; no call ever. */
static void
test_close_held(void **state)
{
	struct world w;

	(void)state;
	world_init(&w);
	cloud_hold(w.c);
	cloud_hold(w.c);
	world_leave(&w);
	cloud_release(w.c);
	(void)uv_run(&w.loop, UV_RUN_NOWAIT);
	assert_false(w.is_freed);
	/* Somebody else takes it over before its end has come. */
	cloud_release(w.c);
	cloud_hold(w.c);
	(void)uv_run(&w.loop, UV_RUN_DEFAULT);
	assert_false(w.is_freed);
	cloud_release(w.c);
	assert_false(w.is_freed);
	world_end(&w);
}

static void
check_prefix(const char *path, const char *want)
{
	struct world w;
	struct fake *f = xcalloc(1, sizeof(*f));
	struct store_env lent;
	json_t *cfg;

	world_init(&w);
	lent = w.c->base.lent;
	cfg = json_pack("{s:s, s:i, s:b}", "path", path, "concurrency", 99,
	    "tls_verify", 0);
	f->world = &w;
	cloud_init(&f->cloud, &fake_store_ops, &fake_cloud_ops, &lent, "other",
	    cfg);
	json_decref(cfg);
	assert_string_equal(f->cloud.prefix, want);
	assert_int_equal(f->cloud.concurrency, 16);
	assert_true(f->cloud.is_insecure);
	assert_string_equal(json_get_str(f->cloud.base.cfg, "path", NULL),
	    path);
	store_close(&f->cloud.base);
	world_done(&w);
}

static void
test_prefix(void **state)
{
	(void)state;
	check_prefix("", "");
	check_prefix("/", "");
	check_prefix("a", "a/");
	check_prefix("/a/b//", "a/b/");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_cancel_in_block),
		cmocka_unit_test(test_cancel_other),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_close_in_callback),
		cmocka_unit_test(test_close_held),
		cmocka_unit_test(test_prefix),
	};

	return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
