/*
 * next_test.c - schedules in zones whose clocks change: examples, and a slow
 * search, minute by minute, that must agree.  CRON_LONG=1 tries 100,000.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cron/civil.h"
#include "cron/expr.h"
#include "cron/zone.h"

static struct cron_expr *
parse(const char *text)
{
	struct err e = ERR_INIT;
	struct cron_expr *x = cron_expr_parse(text, &e);

	if (x == NULL)
		fail_msg("'%s': %s", text, e.msg);
	return x;
}

static struct cron_zone *
load(const char *name)
{
	struct err e = ERR_INIT;
	struct cron_zone *z = cron_zone_load(name, &e);

	if (z == NULL)
		fail_msg("%s", e.msg);
	return z;
}

static void
check(const char *zone, const char *text, const char *from, const char *want)
{
	struct cron_expr *x = parse(text);
	struct cron_zone *z = load(zone);
	char have[400] = "", one[STR_TIME_MAX];
	const char *s;
	int64_t t;

	assert_int_equal(str_parse_time(from, &t), 0);
	for (s = want; s != NULL; s = strchr(s + 1, ' ')) {
		t = cron_next(x, z, t);
		str_format_time(t, one);
		/* Date and time without the year and the seconds. */
		(void)snprintf(have + strlen(have), sizeof(have) - strlen(have),
		    "%s%.11s", have[0] == '\0' ? "" : " ", one + 5);
	}
	if (strcmp(have, want) != 0)
		fail_msg("'%s' in %s from %s: %s, not %s", text, zone, from,
		    have, want);
	cron_expr_free(x);
	cron_zone_free(z);
}

/* 02:00 -> 03:00 on 2026-03-29 at 01:00Z. */
static void
test_oslo_spring(void **state)
{
	(void)state;
	check("Europe/Oslo", "0 4 * * 0", "2026-03-20T12:00:00Z",
	    "03-22T03:00 03-29T02:00 04-05T02:00");
	check("Europe/Oslo", "30 2 * * *", "2026-03-27T12:00:00Z",
	    "03-28T01:30 03-29T01:00 03-30T00:30");
	check("Europe/Oslo", "0 2 * * *", "2026-03-27T12:00:00Z",
	    "03-28T01:00 03-29T01:00 03-30T00:00");
	check("Europe/Oslo", "*/15 * * * *", "2026-03-29T00:30:00Z",
	    "03-29T00:45 03-29T01:00 03-29T01:15");
	/* All that the gap hides is one firing, also with the one behind. */
	check("Europe/Oslo", "0,20,40 2,3 * * *", "2026-03-29T00:00:00Z",
	    "03-29T01:00 03-29T01:20 03-29T01:40 03-30T00:00");
	/* The minute begins with '*': the clock as it is. */
	check("Europe/Oslo", "*/20 2 * * *", "2026-03-28T12:00:00Z",
	    "03-30T00:00 03-30T00:20 03-30T00:40");
	/* Seconds do not make it so. */
	check("Europe/Oslo", "*/20 30 2 * * *", "2026-03-28T12:00:00Z",
	    "03-29T01:00 03-30T00:30 03-30T00:30 03-30T00:30");
}

/* 03:00 -> 02:00 on 2026-10-25 at 01:00Z. */
static void
test_oslo_autumn(void **state)
{
	(void)state;
	check("Europe/Oslo", "0 4 * * 0", "2026-10-20T12:00:00Z",
	    "10-25T03:00 11-01T03:00");
	check("Europe/Oslo", "30 2 * * *", "2026-10-24T12:00:00Z",
	    "10-25T00:30 10-26T01:30");
	check("Europe/Oslo", "0 2 * * *", "2026-10-24T12:00:00Z",
	    "10-25T00:00 10-26T01:00");
	check("Europe/Oslo", "0 3 * * *", "2026-10-24T12:00:00Z",
	    "10-25T02:00 10-26T02:00");
	check("Europe/Oslo", "*/15 * * * *", "2026-10-25T00:40:00Z",
	    "10-25T00:45 10-25T01:00 10-25T01:15 10-25T01:30 10-25T01:45 "
	    "10-25T02:00");
	check("Europe/Oslo", "30 * * * *", "2026-10-25T00:00:00Z",
	    "10-25T00:30 10-25T01:30 10-25T02:30");
	/* From inside the second pass. */
	check("Europe/Oslo", "30 2 * * *", "2026-10-25T01:10:00Z",
	    "10-26T01:30");
}

/* The file's table ends in 2037 at the latest; the footer goes on. */
static void
test_far_future(void **state)
{
	(void)state;
	check("Europe/Oslo", "0 4 * * 0", "2150-03-27T12:00:00Z",
	    "03-29T02:00 04-05T02:00");
	check("Europe/Oslo", "30 2 29 3 *", "2150-01-01T12:00:00Z",
	    "03-29T01:00 03-29T00:30");
}

static void
test_odd_zones(void **state)
{
	(void)state;
	/* Half an hour: 02:00 -> 02:30 on 2026-10-03T15:30Z. */
	check("Australia/Lord_Howe", "15 2 * * *", "2026-10-02T00:00:00Z",
	    "10-02T15:45 10-03T15:30 10-04T15:15");
	/* 02:00 -> 01:30 on 2026-04-04T15:00Z. */
	check("Australia/Lord_Howe", "45 1 * * *", "2026-04-03T00:00:00Z",
	    "04-03T14:45 04-04T14:45 04-05T15:15");
	/* No 30 December in 2011: skipped, not caught up. */
	check("Pacific/Apia", "0 12 * * *", "2011-12-28T00:00:00Z",
	    "12-28T22:00 12-29T22:00 12-30T22:00 12-31T22:00");
	check("Pacific/Apia", "0 12 30 12 *", "2011-12-01T00:00:00Z",
	    "12-29T22:00");
	/* At midnight: 00:00 -> 01:00 on 2018-11-04T03:00Z. */
	check("America/Sao_Paulo", "0 0 * * *", "2018-11-03T12:00:00Z",
	    "11-04T03:00 11-05T02:00");
	check("America/Sao_Paulo", "@daily", "2018-02-17T12:00:00Z",
	    "02-18T03:00 02-19T03:00");
	check("UTC", "30 2 * * *", "2026-03-28T12:00:00Z",
	    "03-29T02:30 03-30T02:30");
}

static void
test_limits(void **state)
{
	struct cron_expr *x = parse("0 0 1 1 *"), *y = parse("@every 1h");
	struct cron_zone *z = load("UTC");

	(void)state;
	assert_true(cron_next(x, z, INT64_MAX) == CRON_NEVER);
	assert_true(cron_next(y, z, INT64_MAX) == CRON_NEVER);
	assert_true(cron_next(x, z, INT64_MIN) < 0);
	assert_true(cron_next(y, z, INT64_MIN) < 0);
	assert_int_equal(cron_next(x, z, -1), 0);
	assert_int_equal(cron_next(y, z, -1), 0);
	cron_expr_free(x);
	cron_expr_free(y);
	cron_zone_free(z);
}

/* --- The slow search. */

static bool
in_set(expr_set set, int64_t n)
{
	return set >> n & 1;
}

/* Whether the minute ${wall} matches, by what the fields say of one date. */
static bool
slow_matches(const struct cron_expr *x, int64_t wall)
{
	struct civil c = civil_from_days(civil_div(wall, CIVIL_DAY));
	int64_t sec = civil_mod(wall, CIVIL_DAY);
	int weekday = civil_weekday(civil_div(wall, CIVIL_DAY));
	bool by_date = in_set(x->days, c.day) ||
	    (x->last_day && c.day == civil_month_days(c.year, c.month));
	bool by_weekday = in_set(x->weekdays, weekday) ||
	    in_set(x->nth[(c.day - 1) / 7], weekday);

	if (!in_set(x->minutes, sec / 60 % 60) ||
	    !in_set(x->hours, sec / 3600) || !in_set(x->months, c.month))
		return false;
	return x->any_day || x->any_weekday ? by_date && by_weekday
					    : by_date || by_weekday;
}

/* Watch a clock from ${t} on, minute by minute, and count what it shows. */
static int64_t
slow_next(const struct cron_expr *x, const struct cron_zone *z, int64_t after,
    int64_t limit)
{
	int64_t t = civil_div(after, 60) * 60 - 3 * CIVIL_DAY;
	int64_t shown = t + zone_offset(z, t); /* The latest so far. */

	for (t += 60; t < limit; t += 60) {
		int64_t wall = t + zone_offset(z, t), w;
		int64_t jump = zone_offset(z, t) - zone_offset(z, t - 60);
		bool hit = slow_matches(x, wall);

		if (x->is_fixed && wall <= shown)
			hit = false;
		if (x->is_fixed && jump < 3 * 3600)
			for (w = shown + 60; w < wall; w += 60)
				hit = hit || slow_matches(x, w);
		if (wall > shown)
			shown = wall;
		if (hit && t > after)
			return t;
	}
	return limit;
}

static uint64_t seed = 88172645463325252;

static size_t
any(size_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (size_t)(seed % n);
}

static void
random_expr(char *out, size_t max)
{
	static const char *const minutes[] = { "*", "*/15", "0", "30", "45",
		"0,30", "5-50/9", "59", "*/7", "50-10/5" };
	static const char *const hours[] = { "*", "*/2", "2", "1-3", "0", "3,4",
		"22-2", "23", "*/6", "1,2" };
	static const char *const days[] = { "*", "*", "*", "1", "25-31", "*/2",
		"29,30", "L", "30-4" };
	static const char *const months[] = { "*", "*", "*", "3,10", "4,11",
		"OCT-MAR", "12" };
	static const char *const weekdays[] = { "*", "*", "*", "0", "SAT-SUN",
		"1-5", "*/2", "SUN#5,0#1", "SUN" };

	(void)snprintf(out, max, "%s %s %s %s %s",
	    minutes[any(COUNT_OF(minutes))], hours[any(COUNT_OF(hours))],
	    days[any(COUNT_OF(days))], months[any(COUNT_OF(months))],
	    weekdays[any(COUNT_OF(weekdays))]);
}

static void
try_one(const char *zone, const struct cron_zone *z)
{
	int64_t start = 978307200 + (int64_t)any(50 * 365) * CIVIL_DAY;
	int64_t change = zone_next_change(z, start), slow, fast, limit;
	char text[100];
	struct cron_expr *x;

	/* Mostly near a change. */
	if (change != ZONE_NO_CHANGE && any(4) != 0)
		start = change - 30 * 3600 + (int64_t)any(36 * 3600);
	random_expr(text, sizeof(text));
	x = parse(text);
	limit = start + 4 * CIVIL_DAY;
	fast = start;
	do {
		slow = slow_next(x, z, fast, limit);
		start = fast;
		fast = cron_next(x, z, start * 1000) / 1000;
		if (slow == limit ? fast < limit : fast != slow)
			fail_msg("'%s' in %s after %lld: %lld, not %lld", text,
			    zone, (long long)start, (long long)fast,
			    (long long)slow);
	} while (fast < limit && any(3) != 0);
	cron_expr_free(x);
}

static void
test_against_slow_search(void **state)
{
	static const char *const zones[] = { "Europe/Oslo", "America/New_York",
		"Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo",
		"Europe/Dublin", "Africa/Casablanca", "Asia/Kolkata", "UTC",
		"America/Caracas" };
	bool is_long = getenv("CRON_LONG") != NULL;
	int rounds = is_long ? 10000 : 400, i;
	size_t k;

	(void)state;
	for (k = 0; k < COUNT_OF(zones); k++) {
		struct cron_zone *z = load(zones[k]);

		for (i = 0; i < rounds; i++)
			try_one(zones[k], z);
		cron_zone_free(z);
	}
	print_message("           %d schedules\n",
	    rounds * (int)COUNT_OF(zones));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oslo_spring),
		cmocka_unit_test(test_oslo_autumn),
		cmocka_unit_test(test_far_future),
		cmocka_unit_test(test_odd_zones),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_against_slow_search),
	};

	/* Not everybody's machine has the database. */
	if (access("/usr/share/zoneinfo/Europe/Oslo", R_OK) == -1 &&
	    access("/var/db/timezone/zoneinfo/Europe/Oslo", R_OK) == -1) {
		(void)fprintf(stderr, "next: skipped: no tzdata here\n");
		return 0;
	}
	return cmocka_run_group_tests_name("next", tests, NULL, NULL);
}
