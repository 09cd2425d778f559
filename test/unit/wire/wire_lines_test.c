/* wire_lines_test.c - lines come whole, however the bytes come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "wire/wire.h"

struct seen {
	struct buf text; /* Lines, each with '|' behind it. */
	unsigned lines, stop_after;
};

static bool
on_line(void *arg, const char *text, size_t n)
{
	struct seen *s = arg;

	buf_add(&s->text, text, n);
	buf_addc(&s->text, '|');
	return ++s->lines != s->stop_after;
}

static void
test_split_at_every_byte(void **state)
{
	static const char in[] = "{\"a\":1}\n\n{}\r\n{\"b\":\"x\"}\nrest";
	size_t n = sizeof(in) - 1, i, j;

	(void)state;
	for (i = 0; i <= n; i++)
		for (j = i; j <= n; j++) {
			struct seen s = { BUF_INIT, 0, 0 };
			struct wire_lines l;
			struct err e = ERR_INIT;

			wire_lines_init(&l, 64);
			assert_int_equal(wire_lines_feed(&l, in, i, on_line, &s,
					     &e),
			    0);
			assert_int_equal(wire_lines_feed(&l, in + i, j - i,
					     on_line, &s, &e),
			    0);
			assert_int_equal(wire_lines_feed(&l, in + j, n - j,
					     on_line, &s, &e),
			    0);
			assert_string_equal(buf_str(&s.text),
			    "{\"a\":1}|{}|{\"b\":\"x\"}|");
			buf_done(&s.text);
			wire_lines_done(&l);
		}
}

static void
test_limit(void **state)
{
	struct seen s = { BUF_INIT, 0, 0 };
	struct wire_lines l;
	struct err e = ERR_INIT;

	(void)state;
	/* With its newline a line may have 8 bytes. */
	wire_lines_init(&l, 8);
	assert_int_equal(wire_lines_feed(&l, "1234567\n1234", 12, on_line, &s,
			     &e),
	    0);
	assert_int_equal(s.lines, 1);
	assert_int_equal(wire_lines_feed(&l, "567\n", 4, on_line, &s, &e), 0);
	assert_int_equal(s.lines, 2);
	assert_int_equal(wire_lines_feed(&l, "12345678\n", 9, on_line, &s, &e),
	    -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(s.lines, 2);
	wire_lines_done(&l);
	/* Also when the end never comes: nothing grows. */
	wire_lines_init(&l, 8);
	assert_int_equal(wire_lines_feed(&l, "1234", 4, on_line, &s, &e), 0);
	assert_int_equal(wire_lines_feed(&l, "5678", 4, on_line, &s, &e), -1);
	wire_lines_done(&l);
	buf_done(&s.text);
}

static void
test_stop(void **state)
{
	struct seen s = { BUF_INIT, 0, 2 };
	struct wire_lines l;
	struct err e = ERR_INIT;

	(void)state;
	wire_lines_init(&l, 64);
	assert_int_equal(wire_lines_feed(&l, "a\nb\nc\n", 6, on_line, &s, &e),
	    0);
	assert_string_equal(buf_str(&s.text), "a|b|");
	buf_done(&s.text);
	wire_lines_done(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split_at_every_byte),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_stop),
	};

	return cmocka_run_group_tests_name("wire_lines", tests, NULL, NULL);
}
