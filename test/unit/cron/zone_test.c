/* zone_test.c - offsets against another reader's; names; damaged files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "cron/civil.h"
#include "cron/zone.h"

static struct cron_zone *
load(const char *name)
{
	struct err e = ERR_INIT;
	struct cron_zone *z = cron_zone_load(name, &e);

	if (z == NULL)
		fail_msg("%s", e.msg);
	return z;
}

/* Made by make_offsets.py. */
static void
test_offsets(void **state)
{
	static const struct {
		const char *zone;
		int64_t at;
		int32_t off;
	} rows[] = {
#include "offsets.inc"
	};
	struct cron_zone *z = NULL;
	size_t i;

	(void)state;
	assert_true(COUNT_OF(rows) > 150);
	for (i = 0; i < COUNT_OF(rows); i++) {
		if (i == 0 || strcmp(rows[i].zone, rows[i - 1].zone) != 0) {
			cron_zone_free(z);
			z = load(rows[i].zone);
		}
		if (zone_offset(z, rows[i].at) != rows[i].off)
			fail_msg("%s at %lld: %d, not %d", rows[i].zone,
			    (long long)rows[i].at, zone_offset(z, rows[i].at),
			    rows[i].off);
	}
	cron_zone_free(z);
}

/* Day by day, the changes are where the offsets differ and nowhere else. */
static void
check_changes(const char *name, int64_t from, int days)
{
	struct cron_zone *z = load(name);
	int64_t t = from, c = zone_next_change(z, t);
	int i;

	for (i = 0; i < days * 96; i++, t += 900) {
		if (c > t + 900) {
			assert_int_equal(zone_offset(z, t),
			    zone_offset(z, t + 900));
			continue;
		}
		assert_true(zone_changes_at(z, c));
		assert_int_equal(zone_offset(z, t), zone_offset(z, c - 1));
		assert_int_equal(zone_offset(z, t + 900), zone_offset(z, c));
		c = zone_next_change(z, c);
	}
	cron_zone_free(z);
}

static void
test_changes(void **state)
{
	(void)state;
	check_changes("Europe/Oslo", 1700000100, 800);
	check_changes("Europe/Oslo", INT64_C(4102444800), 800);
	check_changes("Australia/Lord_Howe", 2200000200, 800);
	check_changes("Pacific/Apia", 1300000200, 500);
	check_changes("America/Sao_Paulo", 1000000800, 800);
	check_changes("UTC", 0, 100);
}

static void
check_posix(const char *text, int64_t at, int32_t off)
{
	struct zone_posix p;
	struct err e = ERR_INIT;

	if (zone_posix_parse(text, &p, &e) == -1)
		fail_msg("%s", e.msg);
	if (zone_posix_offset(&p, at) != off)
		fail_msg("%s at %lld: %d, not %d", text, (long long)at,
		    zone_posix_offset(&p, at), off);
}

static void
test_posix(void **state)
{
	static const char *const bad[] = { "", "AB1", "CET", "CET-1X",
		"CET-1CEST,M3.5.0", "CET-1CEST,M3.5.0,M13.1.0", "<+1-1",
		"CET-26", "CET-1CEST,M3.6.0,M10.5.0", "CET-1CEST,J0,J5",
		"CET-1 ", "CET-1CEST,M3.5.0/168,M10.5.0",
		"CET-1CEST,M3.5.0,M10.5.0x" };
	struct zone_posix p;
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	check_posix("UTC0", 0, 0);
	check_posix("<-03>3", 0, -10800);
	check_posix("IST-5:30", 0, 19800);
	check_posix("CET-1CEST,M3.5.0,M10.5.0/3", 1774745999, 3600);
	check_posix("CET-1CEST,M3.5.0,M10.5.0/3", 1774746000, 7200);
	/* Winter time as the negative one, as in Dublin. */
	check_posix("IST-1GMT0,M10.5.0,M3.5.0/1", 1774745999, 0);
	check_posix("IST-1GMT0,M10.5.0,M3.5.0/1", 1774746000, 3600);
	/* Hours before and behind the day: Godthab's, and a whole week. */
	check_posix("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1774745999, -7200);
	check_posix("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1774746000, -3600);
	check_posix("CET-1CEST,M3.5.0/-22,M10.5.0/3", 1774659600 - 1, 3600);
	check_posix("CET-1CEST,M3.4.4/74,M10.5.0", 1774659600 + 90000, 7200);
	/* Summer time all year (RFC 8536 3.3.1). */
	check_posix("EST5EDT,0/0,J365/25", 1767243600 - 1, -14400);
	check_posix("EST5EDT,0/0,J365/25", 1767243600, -14400);
	check_posix("EST5EDT,0/0,J365/25", 1780000000, -14400);
	assert_int_equal(zone_posix_parse("EST5EDT,0/0,J365/25", &p, &e), 0);
	assert_true(zone_posix_next(&p, 1780000000) == ZONE_NO_CHANGE);
	/* Julian days: J60 is 1 March always, 59 the 60th day. */
	check_posix("AAA0BBB,J60/0,300", 1709251200 - 1, 0);
	check_posix("AAA0BBB,J60/0,300", 1709251200, 3600);
	check_posix("AAA0BBB,59/0,300", 1709164800 - 1, 0);
	check_posix("AAA0BBB,59/0,300", 1709164800, 3600);
	for (i = 0; i < COUNT_OF(bad); i++) {
		err_clear(&e);
		if (zone_posix_parse(bad[i], &p, &e) != -1)
			fail_msg("'%s' accepted", bad[i]);
		assert_int_equal(e.code, ERR_CONFIG);
	}
}

static void
test_names(void **state)
{
	static const char *const bad[] = { "", "../etc/passwd", "/etc/passwd",
		"Europe/../UTC", "Europe//Oslo", "Europe/Oslo/", "Europe",
		"CEST", "Europe/Osl", "zone.tab", "Europe/Oslo\n",
		"tzdata.zi" };
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(bad); i++) {
		err_clear(&e);
		if (cron_zone_load(bad[i], &e) != NULL)
			fail_msg("'%s' accepted", bad[i]);
		assert_int_equal(e.code, ERR_CONFIG);
	}
}

static void
check_local(const char *tz, int32_t off)
{
	struct cron_zone *z;

	assert_int_equal(setenv("TZ", tz, 1), 0);
	z = load(NULL);
	assert_int_equal(zone_offset(z, 1780000000), off);
	cron_zone_free(z);
}

static void
test_local(void **state)
{
	char *was = getenv("TZ") == NULL ? NULL : xstrdup(getenv("TZ"));
	struct err e = ERR_INIT;

	(void)state;
	check_local("", 0);
	check_local("UTC", 0);
	check_local("Europe/Oslo", 7200);
	check_local(":Asia/Kolkata", 19800);
	check_local("CET-1CEST,M3.5.0,M10.5.0/3", 7200);
	assert_int_equal(setenv("TZ", "Nowhere/Town", 1), 0);
	assert_null(cron_zone_load(NULL, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	assert_int_equal(unsetenv("TZ"), 0);
	cron_zone_free(load(NULL));
	if (was != NULL)
		assert_int_equal(setenv("TZ", was, 1), 0);
	free(was);
}

/* A directory of one's own, with what a zone file can be. */
static void
test_tzdir(void **state)
{
	char dir[] = "/tmp/zone_test.XXXXXX";
	struct err e = ERR_INIT;
	char *path;

	(void)state;
	assert_non_null(mkdtemp(dir));
	path = file_join(dir, "Junk");
	assert_int_equal(file_publish(path, "TZif", 4, false, &e), 0);
	assert_int_equal(setenv("TZDIR", dir, 1), 0);
	assert_null(cron_zone_load("Junk", &e));
	assert_int_equal(e.code, ERR_CONFIG);
	/* What is not there is looked for in the system's directories. */
	cron_zone_free(load("Europe/Oslo"));
	assert_int_equal(unsetenv("TZDIR"), 0);
	free(path);
	assert_int_equal(file_remove_tree(dir, &e), 0);
}

static char *
slurp_zone(const char *name, size_t *len)
{
	static const char *const dirs[] = { "/usr/share/zoneinfo",
		"/var/db/timezone/zoneinfo" };
	struct err e = ERR_INIT;
	char *path, *data = NULL;
	size_t i;

	for (i = 0; i < COUNT_OF(dirs) && data == NULL; i++) {
		path = file_join(dirs[i], name);
		data = file_slurp(path, 1 << 20, len, &e);
		free(path);
	}
	assert_non_null(data);
	return data;
}

/* Cut anywhere or changed anywhere, a file is refused or read, never more. */
static void
test_damaged(void **state)
{
	struct cron_zone *z;
	size_t len, i;
	char *data = slurp_zone("Europe/Oslo", &len), *copy;

	(void)state;
	for (i = 0; i < len; i++) {
		copy = xmalloc(i + 1);
		memcpy(copy, data, i);
		/* Our own allocation, so that a read behind it is seen. */
		copy = xrealloc(copy, i == 0 ? 1 : i);
		z = zone_parse(copy, i, NULL);
		assert_null(z);
		free(copy);
	}
	srand(7);
	for (i = 0; i < 20000; i++) {
		size_t at = (size_t)rand() % len;
		char was = data[at];

		data[at] = (char)rand();
		z = zone_parse(data, len, NULL);
		if (z != NULL) {
			(void)zone_offset(z, 1780000000);
			(void)zone_next_change(z, 1780000000);
			(void)zone_high_water(z, 1774746000);
		}
		cron_zone_free(z);
		data[at] = was;
	}
	free(data);
}

static void
test_civil(void **state)
{
	int64_t days = civil_to_days(-400, 3, 1), y;
	struct civil c;
	int m, d;

	(void)state;
	assert_int_equal(civil_to_days(1970, 1, 1), 0);
	assert_int_equal(civil_to_days(2000, 3, 1), 11017);
	assert_int_equal(civil_weekday(civil_to_days(2026, 3, 29)), 0);
	/* Count through the calendar. */
	for (y = -400; y < 2800; y++)
		for (m = y == -400 ? 3 : 1; m <= 12; m++)
			for (d = 1; d <= civil_month_days(y, m); d++) {
				c = civil_from_days(days);
				if (c.year != y || c.month != m || c.day != d ||
				    civil_to_days(y, m, d) != days)
					fail_msg("%d-%d-%d", (int)y, m, d);
				days++;
			}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_civil),
		cmocka_unit_test(test_offsets),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_posix),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_tzdir),
		cmocka_unit_test(test_damaged),
	};

	/* Not everybody's machine has the database. */
	if (access("/usr/share/zoneinfo/Europe/Oslo", R_OK) == -1 &&
	    access("/var/db/timezone/zoneinfo/Europe/Oslo", R_OK) == -1) {
		(void)fprintf(stderr, "zone: skipped: no tzdata here\n");
		return 0;
	}
	return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
