/* when_test.c - times as people write and read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <time.h>

#include "../../../ctl/when.h"
#include "base/mem.h"

/* 2026-03-29T02:00:00Z, an hour after the clocks went forward in Oslo. */
#define NOW INT64_C(1774749600000)

static int
set_zone(void **state)
{
	(void)state;
	if (setenv("TZ", "Europe/Oslo", 1) == -1)
		return -1;
	tzset();
	return 0;
}

static void
test_parse(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "2026-03-29T02:00:00Z", NOW },
		{ "2026-03-29T04:00:00+02:00", NOW },
		{ "2026-03-29 04:00", NOW },
		{ "2026-03-29T04:00:05", NOW + 5000 },
		/* Midnight is still winter time. */
		{ "2026-03-29", NOW - 3 * 3600000 },
		{ "90s", NOW - 90000 },
		{ "1h30m", NOW - 5400000 },
		{ "0", NOW },
	};
	static const char *const bad[] = { "", "soon", "2026-02-30", "2026-3-9",
		"2026-03-29 4", "2026-03-29 04:00x", "8", "-1h",
		"2026-03-29 04:00:61:00" };
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(good); i++) {
		assert_int_equal(when_parse(good[i].text, NOW, &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(when_parse(bad[i], NOW, &ms), -1);
}

static void
test_format(void **state)
{
	char text[WHEN_MAX];
	json_t *o = json_pack("{s:s, s:n}", "a", "2026-03-29T00:59:59.5Z", "b");

	(void)state;
	when_format(NOW, text);
	assert_string_equal(text, "2026-03-29 04:00:00");
	when_member(o, "a", text);
	assert_string_equal(text, "2026-03-29 01:59:59");
	when_member(o, "b", text);
	assert_string_equal(text, "-");
	json_decref(o);
}

static void
test_spans(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ 0, "0 ms" },
		{ 999, "999 ms" },
		{ 1800, "1.8 s" },
		{ 59000, "59 s" },
		{ 119000, "119 s" },
		{ 125000, "2 min" },
		{ 3600000, "1 h" },
		{ 7500000, "2 h 5 min" },
		{ 172800000, "2 days" },
		{ 864000000, "10 days" },
	};
	char text[WHEN_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(rows); i++) {
		when_span(rows[i].ms, text);
		assert_string_equal(text, rows[i].text);
	}
	when_from(NOW + 7500000, NOW, text);
	assert_string_equal(text, "in 2 h 5 min");
	when_from(NOW - 1800, NOW, text);
	assert_string_equal(text, "1.8 s ago");
	when_clock(65000, text);
	assert_string_equal(text, "1:05");
	when_clock(3725000, text);
	assert_string_equal(text, "1:02:05");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_spans),
	};

	return cmocka_run_group_tests_name("when", tests, set_zone, NULL);
}
