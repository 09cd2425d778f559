/* cloud_test.c - one request to a store behind HTTP, and what follows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/store/cloud_world.h"

static void
test_plain(void **state)
{
	struct cloud_pair query[] = { { "a b", "c/d&e" }, { "uploads", NULL },
		{ "empty", "" } };
	struct cloud_pair headers[] = { { "X-Mine", "1" } };
	struct cloud_req req = { .method = "PUT",
		.path = path_of("plain", "200"), .query = query, .nquery = 3,
		.headers = headers, .nheaders = 1, .body = "hello",
		.body_len = 5 };
	struct world w;
	struct result r;
	char *log;

	(void)state;
	world_init(&w);
	call_in(&w, &req, &r);
	assert_int_equal(r.err.code, ERR_NONE);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.code, "");
	assert_string_equal(r.body, "body");
	result_done(&r);
	assert_int_equal(requests_of(&w, "plain", &log), 1);
	assert_non_null(strstr(log,
	    " PUT /plain/200?a%20b=c%2Fd%26e&uploads&empty= 5 5 T0"));
	free(log);
	assert_int_equal(w.fetches, 1);
	world_done(&w);
}

static void
test_busy(void **state)
{
	struct world w;
	struct result r;

	(void)state;
	world_init(&w);
	get_in(&w, "busy", "503,500,429,200", &r);
	assert_int_equal(r.err.code, ERR_NONE);
	assert_int_equal(r.status, 200);
	result_done(&r);
	assert_int_equal(requests_of(&w, "busy", NULL), 4);
	world_done(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_busy),
	};

	return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
