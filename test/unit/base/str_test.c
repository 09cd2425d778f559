/* str_test.c - durations, sizes, times, names, quoting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

static void
test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
		{ "0", 0 },
		{ "250ms", 250 },
		{ "90s", 90000 },
		{ "15m", 900000 },
		{ "1h30m", 5400000 },
		{ "8d", 691200000 },
		{ "2w", 1209600000 },
		{ "1.5s", 1500 },
	};
	static const char *const bad[] = { "", "5", "s", "5 m", "-5s", "5x",
		"1h30", "5mm" };
	char text[64];
	int64_t ms;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(good); i++) {
		assert_int_equal(str_parse_duration(good[i].text, &ms), 0);
		assert_int_equal(ms, good[i].ms);
		str_format_duration(ms, text, sizeof(text));
		assert_int_equal(str_parse_duration(text, &ms), 0);
		assert_int_equal(ms, good[i].ms);
	}
	for (i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(str_parse_duration(bad[i], &ms), -1);
}

static void
test_sizes(void **state)
{
	int64_t v;

	(void)state;
	assert_int_equal(str_parse_size("500", &v), 0);
	assert_int_equal(v, 500);
	assert_int_equal(str_parse_size("8MiB", &v), 0);
	assert_int_equal(v, 8 << 20);
	assert_int_equal(str_parse_size("64k", &v), 0);
	assert_int_equal(v, 64 << 10);
	assert_int_equal(str_parse_size("1.5GB", &v), 0);
	assert_int_equal(v, 1500000000);
	assert_int_equal(str_parse_size("12 parsecs", &v), -1);
	assert_int_equal(str_parse_size("1MiBx", &v), -1);
}

static void
test_times(void **state)
{
	char text[STR_TIME_MAX];
	int64_t ms, i;

	(void)state;
	assert_int_equal(str_parse_time("2026-03-29T01:00:00Z", &ms), 0);
	assert_int_equal(ms, INT64_C(1774746000000));
	assert_int_equal(str_parse_time("2026-03-29T03:00:00+02:00", &ms), 0);
	assert_int_equal(ms, INT64_C(1774746000000));
	assert_int_equal(str_parse_time("2026-02-30T00:00:00Z", &ms), -1);
	assert_int_equal(str_parse_time("2026-03-29T01:00:00", &ms), -1);
	for (i = -5000; i < 5000; i++) {
		int64_t t = i * INT64_C(86399999), back;

		str_format_time(t, text);
		assert_int_equal(str_parse_time(text, &back), 0);
		assert_int_equal(back, t);
	}
}

static void
test_names(void **state)
{
	static const char *const words[] = { "schedule", "stores", "source" };

	(void)state;
	assert_true(str_is_safe_name("lightrag-data.tar.gz"));
	assert_false(str_is_safe_name(".claim"));
	assert_false(str_is_safe_name("a/b"));
	assert_true(str_is_safe_path("a/b.c"));
	assert_false(str_is_safe_path("a//b"));
	assert_false(str_is_safe_path("a/../b"));
	assert_false(str_is_safe_path("/a"));
	assert_string_equal(str_nearest("shedule", words, 3), "schedule");
	assert_null(str_nearest("compression", words, 3));
}

static void
test_quote(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	str_quote_sh(&b, "it's $HOME `x`");
	assert_string_equal(buf_str(&b), "'it'\\''s $HOME `x`'");
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_times),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_quote),
	};

	return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
