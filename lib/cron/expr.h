/*
 * expr.h - a parsed cron expression, and the wall-clock seconds it matches.
 *
 * Knows: fields, the calendar.  Does not know: time zones.
 * Threads: any; an expression is constant.
 */
#ifndef CRON_EXPR_H
#define CRON_EXPR_H

#include <stdbool.h>
#include <stdint.h>

#include "cron/cron.h"

/* A set of small numbers: bit n is number n. */
typedef uint64_t expr_set;

#define EXPR_WEEKS 5

struct cron_expr {
	char *zone;       /* From "CRON_TZ=", or NULL. */
	int64_t every_ms; /* "@every"; then nothing below counts. */
	bool is_fixed;    /* Neither minute nor hour begins with '*'. */
	expr_set seconds;
	expr_set minutes;
	expr_set hours;
	expr_set days;     /* Of the month, 1-31. */
	expr_set months;   /* 1-12 */
	expr_set weekdays; /* 0-6, 0 is Sunday. */
	bool any_day;      /* The field begins with '*'. */
	bool any_weekday;
	bool last_day;            /* L */
	bool last_workday;        /* LW */
	expr_set workdays;        /* nW: the one nearest to day n. */
	expr_set nth[EXPR_WEEKS]; /* d#n: weekday d of week n - 1. */
	expr_set last_weekdays;   /* dL */
};

/* The days of the month that match, as a set. */
expr_set expr_days(const struct cron_expr *, int64_t year, int month);

#define EXPR_NEVER INT64_MAX
/*
 * The first matching wall-clock second at or after ${wall} (seconds, counted
 * as if the clock showed UTC); EXPR_NEVER when there is none in 400 years,
 * after which the calendar repeats.
 */
int64_t expr_next(const struct cron_expr *, int64_t wall);

#endif
