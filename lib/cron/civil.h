/*
 * civil.h - dates of the Gregorian calendar as day numbers, day 0 being
 * 1970-01-01.
 *
 * Threads: any; pure.  Good for the years -30000 to 30000.
 */
#ifndef CRON_CIVIL_H
#define CRON_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

#define CIVIL_DAY INT64_C(86400) /* Seconds. */

struct civil {
	int64_t year;
	int month; /* 1-12 */
	int day;   /* 1-31 */
};

int64_t civil_to_days(int64_t year, int month, int day);
struct civil civil_from_days(int64_t days);
bool civil_is_leap(int64_t year);
int civil_month_days(int64_t year, int month);
/* 0 is Sunday. */
int civil_weekday(int64_t days);
/* Division that rounds down, and its remainder. */
int64_t civil_div(int64_t a, int64_t b);
int64_t civil_mod(int64_t a, int64_t b);

#endif
