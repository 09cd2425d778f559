/* cloud_stream_test.c - answers that come block by block, and good ones that
 * are bad. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/store/cloud_world.h"

static void
stream_in(struct world *w, const char *name, const char *steps,
    struct result *r)
{
	struct cloud_req req = { .method = "GET",
		.path = path_of(name, steps),
		.on_block = on_result_block,
		.block_arg = r };

	call_in(w, &req, r);
}

static void
test_stream(void **state)
{
	struct world w;
	struct result r;

	(void)state;
	world_init(&w);
	stream_in(&w, "stream", "503,reset,big:3000000", &r);
	assert_int_equal(r.err.code, ERR_NONE);
	assert_int_equal(r.streamed, 3000000);
	assert_string_equal(r.body, "");
	result_done(&r);
	/* The words of an error are no part of the object. */
	stream_in(&w, "stream404", "404", &r);
	assert_int_equal(r.err.code, ERR_NOT_FOUND);
	assert_int_equal(r.streamed, 0);
	assert_string_equal(r.body, "body");
	result_done(&r);
	/* What was delivered is not delivered twice. */
	stream_in(&w, "streamcut", "cut:5,200", &r);
	assert_int_equal(r.err.code, ERR_NETWORK);
	assert_int_equal(r.streamed, 5);
	assert_int_equal(requests_of(&w, "streamcut", NULL), 1);
	stream_in(&w, "streamstall", "stall:5,200", &r);
	assert_int_equal(r.err.code, ERR_TIMEOUT);
	assert_int_equal(r.streamed, 5);
	/* Cut before the first byte: nothing was delivered. */
	stream_in(&w, "streamnone", "cut:0,200", &r);
	assert_int_equal(r.err.code, ERR_NONE);
	assert_int_equal(r.streamed, 4);
	result_done(&r);
	world_done(&w);
}

/* 200 with the words of an error, as S3 completes an upload. */
static void
test_bad_2xx(void **state)
{
	struct cloud_req req = { .method = "POST",
		.is_once = true,
		.path = path_of("bad2xx-once", "200") };
	struct world w;
	struct result r;

	(void)state;
	world_init(&w);
	w.is_2xx_bad = true;
	w.c->retry_for_ms = 2000;
	get_in(&w, "bad2xx", "200", &r);
	assert_int_equal(r.err.code, ERR_BUSY);
	assert_string_equal(r.err.msg, "store 'offsite': GET: it is busy");
	result_done(&r);
	call_in(&w, &req, &r);
	assert_int_equal(r.err.code, ERR_BUSY);
	assert_non_null(strstr(r.err.msg, "not known"));
	result_done(&r);
	stream_in(&w, "bad2xx-stream", "200", &r);
	assert_int_equal(r.err.code, ERR_BUSY);
	assert_int_equal(r.streamed, 4);
	result_done(&r);
	w.is_2xx_bad = false;
	assert_true(requests_of(&w, "bad2xx", NULL) > 1);
	assert_int_equal(requests_of(&w, "bad2xx-once", NULL), 1);
	assert_int_equal(requests_of(&w, "bad2xx-stream", NULL), 1);
	world_done(&w);
}

static void
test_stream_hold(void **state)
{
	struct cloud_req req = { .method = "GET",
		.path = path_of("hold", "big:3000000"),
		.on_block = on_result_block };
	struct world w;
	struct result r;
	unsigned blocks;

	(void)state;
	world_init(&w);
	req.block_arg = &r;
	call_start(&w, &req, &r);
	cloud_unpause(r.call);
	r.does_hold = true;
	/* Far longer than silence may last: it is we who wait. */
	assert_true(world_run(&w, &r.blocks, 1, 5000));
	blocks = r.blocks;
	world_pass(&w, 1200);
	assert_int_equal(r.blocks, blocks);
	r.does_hold = false;
	cloud_unpause(r.call);
	assert_true(world_run(&w, &r.calls, 1, 5000));
	assert_int_equal(r.err.code, ERR_NONE);
	assert_int_equal(r.streamed, 3000000);
	result_done(&r);
	world_done(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_bad_2xx),
		cmocka_unit_test(test_stream_hold),
	};

	return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
