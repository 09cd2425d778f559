/* expr_test.c - what an expression says, and where a bad one is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cron/cron.h"

static struct cron_expr *
parse(const char *text)
{
	struct err e = ERR_INIT;
	struct cron_expr *x = cron_expr_parse(text, &e);

	if (x == NULL)
		fail_msg("'%s': %s", text, e.msg);
	return x;
}

/* The firings of ${text} in UTC after ${from}, as many as ${want} has. */
static void
check(const char *text, const char *from, const char *want)
{
	struct cron_expr *x = parse(text);
	struct cron_zone *utc = cron_zone_load("UTC", NULL);
	char have[400] = "", one[STR_TIME_MAX];
	const char *s;
	int64_t t;

	assert_int_equal(str_parse_time(from, &t), 0);
	for (s = want; s != NULL; s = strchr(s + 1, ' ')) {
		t = cron_next(x, utc, t);
		str_format_time(t, one);
		(void)snprintf(have + strlen(have), sizeof(have) - strlen(have),
		    "%s%s", have[0] == '\0' ? "" : " ", one);
	}
	if (strcmp(have, want) != 0)
		fail_msg("'%s' from %s: %s, not %s", text, from, have, want);
	cron_expr_free(x);
	cron_zone_free(utc);
}

static void
test_fields(void **state)
{
	(void)state;
	check("0 4 * * 0", "2026-03-26T00:00:00Z",
	    "2026-03-29T04:00:00Z 2026-04-05T04:00:00Z");
	/* Strictly after. */
	check("0 4 * * *", "2026-03-29T04:00:00Z", "2026-03-30T04:00:00Z");
	check("0 4 * * *", "2026-03-29T03:59:59.999Z", "2026-03-29T04:00:00Z");
	check("* * * * *", "2026-03-29T03:59:59Z",
	    "2026-03-29T04:00:00Z 2026-03-29T04:01:00Z");
	check("*/20 3,5 1 JAN,jul *", "2026-06-01T00:00:00Z",
	    "2026-07-01T03:00:00Z 2026-07-01T03:20:00Z 2026-07-01T03:40:00Z "
	    "2026-07-01T05:00:00Z");
	check("10-30/10 0 1 1 *", "2026-01-01T00:00:00Z",
	    "2026-01-01T00:10:00Z 2026-01-01T00:20:00Z 2026-01-01T00:30:00Z "
	    "2027-01-01T00:10:00Z");
	/* Sunday is 0 and 7. */
	check("0 0 * * 7", "2026-03-24T00:00:00Z", "2026-03-29T00:00:00Z");
	check("0 0 * * 5-7", "2026-03-24T00:00:00Z",
	    "2026-03-27T00:00:00Z 2026-03-28T00:00:00Z 2026-03-29T00:00:00Z "
	    "2026-04-03T00:00:00Z");
	/* Seconds in front. */
	check("*/30 0 4 * * *", "2026-03-29T00:00:00Z",
	    "2026-03-29T04:00:00Z 2026-03-29T04:00:30Z 2026-03-30T04:00:00Z");
	check(" \t0  4\t* * mon ", "2026-03-29T00:00:00Z",
	    "2026-03-30T04:00:00Z");
}

static void
test_wrapped_ranges(void **state)
{
	(void)state;
	check("0 0 * * FRI-MON", "2026-03-24T00:00:00Z",
	    "2026-03-27T00:00:00Z 2026-03-28T00:00:00Z 2026-03-29T00:00:00Z "
	    "2026-03-30T00:00:00Z 2026-04-03T00:00:00Z");
	check("0 22-2 * * *", "2026-03-24T21:00:00Z",
	    "2026-03-24T22:00:00Z 2026-03-24T23:00:00Z 2026-03-25T00:00:00Z "
	    "2026-03-25T01:00:00Z 2026-03-25T02:00:00Z 2026-03-25T22:00:00Z");
	check("0 22-3/2 * * *", "2026-03-24T21:00:00Z",
	    "2026-03-24T22:00:00Z 2026-03-25T00:00:00Z 2026-03-25T02:00:00Z "
	    "2026-03-25T22:00:00Z");
	check("0 0 31-1 * *", "2026-04-20T00:00:00Z",
	    "2026-05-01T00:00:00Z 2026-05-31T00:00:00Z 2026-06-01T00:00:00Z");
	check("0 0 1 NOV-FEB *", "2026-02-02T00:00:00Z",
	    "2026-11-01T00:00:00Z 2026-12-01T00:00:00Z 2027-01-01T00:00:00Z "
	    "2027-02-01T00:00:00Z 2027-11-01T00:00:00Z");
}

static void
test_days(void **state)
{
	(void)state;
	/* Both restricted: either. */
	check("0 0 13 * 5", "2026-03-10T00:00:00Z",
	    "2026-03-13T00:00:00Z 2026-03-20T00:00:00Z 2026-03-27T00:00:00Z "
	    "2026-04-03T00:00:00Z 2026-04-10T00:00:00Z 2026-04-13T00:00:00Z");
	/* One begins with '*': both. */
	check("0 0 */2 * 1", "2026-03-01T00:00:00Z",
	    "2026-03-09T00:00:00Z 2026-03-23T00:00:00Z 2026-04-13T00:00:00Z");
	check("0 0 13 * */5", "2026-01-01T00:00:00Z",
	    "2026-02-13T00:00:00Z 2026-03-13T00:00:00Z 2026-09-13T00:00:00Z");
	check("0 0 L * *", "2028-01-31T00:00:00Z",
	    "2028-02-29T00:00:00Z 2028-03-31T00:00:00Z 2028-04-30T00:00:00Z");
	check("0 0 LW * *", "2026-01-31T00:00:00Z",
	    "2026-02-27T00:00:00Z 2026-03-31T00:00:00Z 2026-04-30T00:00:00Z "
	    "2026-05-29T00:00:00Z");
	/* 2026-03-15 is a Sunday, 2026-08-15 a Saturday. */
	check("0 0 15W 3,8 *", "2026-01-01T00:00:00Z",
	    "2026-03-16T00:00:00Z 2026-08-14T00:00:00Z");
	/* Never out of the month: 2026-08-01 is a Saturday, 05-31 a Sunday. */
	check("0 0 1w 8 *", "2026-01-01T00:00:00Z", "2026-08-03T00:00:00Z");
	check("0 0 31W 4,5 *", "2026-01-01T00:00:00Z", "2026-05-29T00:00:00Z");
	check("0 0 * * 5L", "2026-03-01T00:00:00Z",
	    "2026-03-27T00:00:00Z 2026-04-24T00:00:00Z 2026-05-29T00:00:00Z");
	check("0 0 * * MON#1,7#5", "2026-03-01T00:00:00Z",
	    "2026-03-02T00:00:00Z 2026-03-29T00:00:00Z 2026-04-06T00:00:00Z "
	    "2026-05-04T00:00:00Z 2026-05-31T00:00:00Z");
}

static void
test_leap_days(void **state)
{
	(void)state;
	check("0 0 29 2 *", "2026-01-01T00:00:00Z",
	    "2028-02-29T00:00:00Z 2032-02-29T00:00:00Z");
	check("0 0 29 2 *", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z");
	/* One that is a Sunday or a Saturday. */
	check("0 0 29 FEB */6", "2026-01-01T00:00:00Z",
	    "2032-02-29T00:00:00Z 2048-02-29T00:00:00Z 2060-02-29T00:00:00Z "
	    "2076-02-29T00:00:00Z 2088-02-29T00:00:00Z 2116-02-29T00:00:00Z");
}

static void
test_macros(void **state)
{
	(void)state;
	check("@hourly", "2026-03-29T03:00:01Z", "2026-03-29T04:00:00Z");
	check("@daily", "2026-03-29T03:00:00Z", "2026-03-30T00:00:00Z");
	check("@Midnight", "2026-03-29T03:00:00Z", "2026-03-30T00:00:00Z");
	check("@weekly", "2026-03-29T03:00:00Z", "2026-04-05T00:00:00Z");
	check("@monthly", "2026-03-29T03:00:00Z", "2026-04-01T00:00:00Z");
	check("@yearly", "2026-03-29T03:00:00Z", "2027-01-01T00:00:00Z");
	check("@annually", "2026-03-29T03:00:00Z", "2027-01-01T00:00:00Z");
	check("@every 90m", "1970-01-01T00:00:00Z",
	    "1970-01-01T01:30:00Z 1970-01-01T03:00:00Z");
	check("@every 90m", "1969-12-31T23:59:00Z", "1970-01-01T00:00:00Z");
	check("@every 1h30m", "2026-03-29T03:10:00Z",
	    "2026-03-29T04:30:00Z 2026-03-29T06:00:00Z");
}

static void
test_zone_prefix(void **state)
{
	struct cron_expr *x;

	(void)state;
	x = parse("CRON_TZ=Europe/Oslo 0 4 * * 0");
	assert_string_equal(cron_expr_zone(x), "Europe/Oslo");
	cron_expr_free(x);
	x = parse("TZ=UTC @daily");
	assert_string_equal(cron_expr_zone(x), "UTC");
	cron_expr_free(x);
	x = parse("0 4 * * 0");
	assert_null(cron_expr_zone(x));
	cron_expr_free(x);
}

static void
test_faults(void **state)
{
	static const struct {
		const char *text;
		int column;
		const char *word; /* That the message has. */
	} bad[] = {
		{ "", 1, "five fields" },
		{ "0 4 * *", 8, "five fields" },
		{ "0 0 4 * * * *", 13, "six fields" },
		{ "60 4 * * 0", 1, "minute: 60" },
		{ "0 24 * * 0", 3, "hour: 24" },
		{ "0 4 0 * *", 5, "day of month: 0" },
		{ "0 4 32 * *", 5, "day of month: 32" },
		{ "0 4 * 13 *", 7, "month: 13" },
		{ "0 4 * * 8", 9, "day of week: 8" },
		{ "99 0 4 * * *", 1, "second: 99" },
		{ "4294967296 4 * * 0", 1, "4294967296" },
		{ "0 18446744073709551616 * * 0", 3, "hour" },
		{ "*5 4 * * 0", 2, "'5' is too much" },
		{ "** 4 * * 0", 2, "too much" },
		{ "0x 4 * * 0", 2, "'x' is too much" },
		{ "0 4 * * MONDAY", 12, "'DAY' is too much" },
		{ "0 4 * * MUN", 9, "'MUN' is not a value" },
		{ "0 4 * MON *", 7, "'MON' is not a value" },
		{ "0 4 ? * *", 5, "'?'" },
		{ "1,,2 4 * * 0", 3, "missing" },
		{ "1, 4 * * 0", 3, "missing" },
		{ ",1 4 * * 0", 1, "missing" },
		{ "1- 4 * * 0", 3, "missing" },
		{ "-1 4 * * 0", 1, "'-1'" },
		{ "1-2-3 4 * * 0", 4, "too much" },
		{ "*/0 4 * * 0", 3, "step: 0" },
		{ "*/ 4 * * 0", 3, "step is missing" },
		{ "*/-5 4 * * 0", 3, "step is missing" },
		{ "*/60 4 * * 0", 3, "step: 60" },
		{ "0 4 * * */7", 11, "step: 7" },
		{ "1-5/0 4 * * 0", 5, "step: 0" },
		{ "2/1-5 4 * * 0", 2, "step needs a range" },
		{ "5/15 4 * * 0", 2, "step needs a range" },
		{ "0 4 L-3 * *", 6, "too much" },
		{ "0 4 32W * *", 5, "32" },
		{ "0 4 1-5W * *", 8, "too much" },
		{ "0 4 * * L", 9, "'L'" },
		{ "0 4 * * 5#6", 11, "week: 6" },
		{ "0 4 * * 5#0", 11, "week: 0" },
		{ "0 4 * * 5#", 11, "week" },
		{ "0 4 * * 1-5L", 12, "too much" },
		{ "0 0 30 2 *", 5, "no such date" },
		{ "0 0 31 2,4,JUN *", 5, "no such date" },
		{ "0 0 31W 2-2 *", 5, "no such date" },
		{ "@every 90", 8, "@every" },
		{ "@every", 7, "@every" },
		{ "@every 0", 8, "@every" },
		{ "@every 500ms", 8, "@every" },
		{ "@every 90m x", 12, "too much" },
		{ "@every 99999w", 8, "@every" },
		{ "@reboot", 1, "not known" },
		{ "@daily 5", 8, "too much" },
		{ "CRON_TZ= 0 4 * * 0", 9, "zone is missing" },
		{ "TZ=UTC 0 24 * * *", 10, "hour: 24" },
		{ "TZ=UTC", 7, "five fields" },
		{ "0 4 * * 0\n", 10, "too much" },
	};
	char want[32];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(bad); i++) {
		struct err e = ERR_INIT;

		if (cron_expr_parse(bad[i].text, &e) != NULL)
			fail_msg("'%s' accepted", bad[i].text);
		assert_int_equal(e.code, ERR_CONFIG);
		(void)snprintf(want, sizeof(want),
		    "column %d: ", bad[i].column);
		if (!str_has_prefix(e.msg, want) ||
		    strstr(e.msg, bad[i].word) == NULL)
			fail_msg("'%s': %s (not %s%s)", bad[i].text, e.msg,
			    want, bad[i].word);
	}
}

static void
test_too_long(void **state)
{
	char text[3000];
	struct err e = ERR_INIT;

	(void)state;
	memset(text, '1', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_null(cron_expr_parse(text, &e));
	assert_int_equal(e.code, ERR_CONFIG);
}

/* Random text of a schedule's letters is read or refused, never more. */
static void
test_noise(void **state)
{
	static const char letters[] = "0123456789*/-,#LW @MONFEB\t?=";
	static const char *const words[] = { "*", "*/5", "L", "1-5", "MON", "0",
		"15W", "5#2" };
	char text[64];
	int i;

	(void)state;
	srand(3);
	for (i = 0; i < 100000; i++) {
		size_t n = 0, k;

		for (k = 0; k < 5; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s ",
			    words[(size_t)rand() % COUNT_OF(words)]);
		for (k = (size_t)rand() % 4; k > 0; k--)
			text[(size_t)rand() % n] =
			    letters[(size_t)rand() % (sizeof(letters) - 1)];
		cron_expr_free(cron_expr_parse(text, NULL));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_wrapped_ranges),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_leap_days),
		cmocka_unit_test(test_macros),
		cmocka_unit_test(test_zone_prefix),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests_name("expr", tests, NULL, NULL);
}
