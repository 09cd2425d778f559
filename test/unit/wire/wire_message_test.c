/* wire_message_test.c - hello, requests, replies, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "wire/wire.h"

static json_t *
parse(const char *text)
{
	struct err e = ERR_INIT;
	json_t *v = json_parse(text, strlen(text), &e);

	assert_non_null(v);
	return v;
}

static void
test_hello(void **state)
{
	json_t *v = wire_hello_new();
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(wire_hello_check(v, &e), 0);
	json_decref(v);
	v = parse("{\"hello\":{\"protocol\":2,\"version\":\"9.9\"}}");
	assert_int_equal(wire_hello_check(v, &e), -1);
	assert_int_equal(e.code, ERR_PROTOCOL);
	assert_non_null(strstr(e.msg, "version 9.9) speaks protocol 2"));
	json_decref(v);
	v = parse("{\"id\":1,\"cmd\":\"ping\"}");
	assert_int_equal(wire_hello_check(v, &e), -1);
	json_decref(v);
}

static void
test_requests(void **state)
{
	static const char *const bad[] = {
		"{\"cmd\":\"ping\"}",
		"{\"id\":0,\"cmd\":\"ping\"}",
		"{\"id\":\"1\",\"cmd\":\"ping\"}",
		"{\"id\":1}",
		"{\"id\":1,\"cmd\":7}",
		"{\"id\":1,\"cmd\":\"ping\",\"args\":[]}",
	};
	struct wire_request r;
	struct err e = ERR_INIT;
	json_t *v = wire_request_new(7, "show", json_pack("{s:i}", "run", 3));
	size_t i;

	(void)state;
	assert_int_equal(wire_request_parse(v, &r, &e), 0);
	assert_int_equal(r.id, 7);
	assert_string_equal(r.cmd, "show");
	assert_int_equal(json_get_int(r.args, "run", 0), 3);
	json_decref(v);
	v = parse("{\"id\":1,\"cmd\":\"ping\",\"args\":null}");
	assert_int_equal(wire_request_parse(v, &r, &e), 0);
	assert_null(r.args);
	json_decref(v);
	for (i = 0; i < COUNT_OF(bad); i++) {
		v = parse(bad[i]);
		assert_int_equal(wire_request_parse(v, &r, &e), -1);
		assert_int_equal(e.code, ERR_PROTOCOL);
		json_decref(v);
	}
}

static void
test_replies(void **state)
{
	static const char *const bad[] = { "{\"id\":1}", "{\"data\":1}",
		"{\"id\":1,\"error\":{}}" };
	struct wire_reply r;
	struct err e = ERR_INIT, sent = { ERR_NOT_FOUND, "no run 5" };
	json_t *v;
	size_t i;

	(void)state;
	v = wire_error_new(4, &sent);
	assert_int_equal(wire_reply_parse(v, &r, &e), 0);
	assert_int_equal(r.kind, WIRE_ERROR);
	assert_int_equal(r.id, 4);
	assert_int_equal(r.err.code, ERR_NOT_FOUND);
	assert_string_equal(r.err.msg, "no run 5");
	json_decref(v);
	v = wire_error_new(0, &sent);
	assert_true(json_is_null(json_object_get(v, "id")));
	assert_int_equal(wire_reply_parse(v, &r, &e), 0);
	assert_int_equal(r.id, 0);
	json_decref(v);
	v = wire_reply_new(4, WIRE_DATA, json_integer(5));
	assert_int_equal(wire_reply_parse(v, &r, &e), 0);
	assert_int_equal(r.kind, WIRE_DATA);
	assert_int_equal(json_integer_value(r.value), 5);
	json_decref(v);
	for (i = 0; i < COUNT_OF(bad); i++) {
		v = parse(bad[i]);
		assert_int_equal(wire_reply_parse(v, &r, &e), -1);
		json_decref(v);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hello),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_replies),
	};

	return cmocka_run_group_tests_name("wire_message", tests, NULL, NULL);
}
