/* expr_next.c - see expr.h: from a date to the next one that matches. */
#include "cron/civil.h"
#include "cron/expr.h"

#define MONTHS_MAX (400 * 12 + 1)

/* The smallest member that is at least ${from}, -1 if none. */
static int
set_next(expr_set set, int from)
{
	for (; from < 64; from++)
		if (set >> from & 1)
			return from;
	return -1;
}

static bool
is_workday(int64_t day)
{
	int weekday = civil_weekday(day);

	return weekday != 0 && weekday != 6;
}

/* The working day nearest to ${day} without leaving its month. */
static int
nearest_workday(int64_t first, int day, int last)
{
	int weekday = civil_weekday(first + day - 1);

	if (weekday == 6)
		return day > 1 ? day - 1 : day + 2;
	if (weekday == 0)
		return day < last ? day + 1 : day - 2;
	return day;
}

static expr_set
days_by_date(const struct cron_expr *x, int64_t first, int last)
{
	expr_set out = x->days;
	int d;

	if (x->last_day)
		out |= UINT64_C(1) << last;
	for (d = last; x->last_workday && d >= 1; d--)
		if (is_workday(first + d - 1)) {
			out |= UINT64_C(1) << d;
			break;
		}
	for (d = set_next(x->workdays, 1); d != -1 && d <= last;
	     d = set_next(x->workdays, d + 1))
		out |= UINT64_C(1) << nearest_workday(first, d, last);
	return out;
}

static expr_set
days_by_weekday(const struct cron_expr *x, int64_t first, int last)
{
	expr_set out = 0;
	int d;

	for (d = 1; d <= last; d++) {
		expr_set any = x->weekdays | x->nth[(d - 1) / 7];

		if (d + 7 > last)
			any |= x->last_weekdays;
		if (any >> civil_weekday(first + d - 1) & 1)
			out |= UINT64_C(1) << d;
	}
	return out;
}

expr_set
expr_days(const struct cron_expr *x, int64_t year, int month)
{
	int64_t first = civil_to_days(year, month, 1);
	int last = civil_month_days(year, month);
	expr_set all = ((UINT64_C(1) << last) - 1) << 1;
	expr_set by_date = days_by_date(x, first, last);
	expr_set by_weekday = days_by_weekday(x, first, last);

	if (x->any_day || x->any_weekday)
		return by_date & by_weekday & all;
	return (by_date | by_weekday) & all;
}

/* The first matching day at or after ${day}; -1 with no such day. */
static int
next_day(const struct cron_expr *x, struct civil *c)
{
	int i, d;

	for (i = 0; i < MONTHS_MAX; i++) {
		d = x->months >> c->month & 1
		    ? set_next(expr_days(x, c->year, c->month), c->day)
		    : -1;
		if (d != -1) {
			c->day = d;
			return 0;
		}
		c->day = 1;
		if (++c->month > 12) {
			c->month = 1;
			c->year++;
		}
	}
	return -1;
}

/* The first matching second of a day at or after ${from}, -1 if none. */
static int
next_second(const struct cron_expr *x, int from)
{
	int h = set_next(x->hours, from / 3600), m, s;

	if (h == -1)
		return -1;
	if (h == from / 3600) {
		m = set_next(x->minutes, from / 60 % 60);
		if (m != -1 && m == from / 60 % 60) {
			s = set_next(x->seconds, from % 60);
			if (s != -1)
				return h * 3600 + m * 60 + s;
			m = set_next(x->minutes, m + 1);
		}
		if (m != -1)
			return h * 3600 + m * 60 + set_next(x->seconds, 0);
		h = set_next(x->hours, h + 1);
	}
	if (h == -1)
		return -1;
	return h * 3600 + set_next(x->minutes, 0) * 60 +
	    set_next(x->seconds, 0);
}

int64_t
expr_next(const struct cron_expr *x, int64_t wall)
{
	int64_t day = civil_div(wall, CIVIL_DAY), found;
	int from = (int)civil_mod(wall, CIVIL_DAY), second;
	struct civil c = civil_from_days(day);

	if (next_day(x, &c) == -1)
		return EXPR_NEVER;
	found = civil_to_days(c.year, c.month, c.day);
	second = next_second(x, found == day ? from : 0);
	if (second == -1) { /* Too late on this day: from the next one. */
		c = civil_from_days(day + 1);
		if (next_day(x, &c) == -1)
			return EXPR_NEVER;
		found = civil_to_days(c.year, c.month, c.day);
		second = next_second(x, 0);
	}
	return found * CIVIL_DAY + second;
}
