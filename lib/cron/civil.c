/* civil.c - see civil.h. */
#include "cron/civil.h"

#define DAYS_400_YEARS 146097
#define DAYS_TO_1970 719468 /* From 0000-03-01. */

int64_t
civil_div(int64_t a, int64_t b)
{
	return a / b - (a % b != 0 && (a % b < 0) != (b < 0));
}

int64_t
civil_mod(int64_t a, int64_t b)
{
	return a - civil_div(a, b) * b;
}

bool
civil_is_leap(int64_t year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int
civil_month_days(int64_t year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	return days[month - 1] + (month == 2 && civil_is_leap(year));
}

/*
 * Years are counted from March, so that the leap day is the last one of a year
 * and months have lengths that one line describes: month m (0 is March) begins
 * on day (153 m + 2) / 5.
 */
int64_t
civil_to_days(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t m = month <= 2 ? month + 9 : month - 3;

	return y * 365 + civil_div(y, 4) - civil_div(y, 100) +
	    civil_div(y, 400) + (153 * m + 2) / 5 + day - 1 - DAYS_TO_1970;
}

struct civil
civil_from_days(int64_t days)
{
	int64_t cycle, d, y, m;
	struct civil c;

	days += DAYS_TO_1970;
	cycle = civil_div(days, DAYS_400_YEARS);
	d = civil_mod(days, DAYS_400_YEARS);
	/* Take the leap days out that came before, to divide by 365. */
	y = (d - d / 1460 + d / 36524 - d / 146096) / 365;
	d -= y * 365 + y / 4 - y / 100;
	m = (5 * d + 2) / 153;
	c.day = (int)(d - (153 * m + 2) / 5 + 1);
	c.month = (int)(m < 10 ? m + 3 : m - 9);
	c.year = cycle * 400 + y + (c.month <= 2);
	return c;
}

int
civil_weekday(int64_t days)
{
	return (int)civil_mod(days + 4, 7); /* 1970-01-01: Thursday. */
}
