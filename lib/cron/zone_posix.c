/* zone_posix.c - see zone.h: "CET-1CEST,M3.5.0,M10.5.0/3". */
#include <string.h>

#include "cron/civil.h"
#include "cron/zone.h"

#define HOUR 3600
#define HOURS_MAX 167 /* RFC 8536 3.3.1. */

/* Digits up to ${max}; returns the end or NULL. */
static const char *
posix_number(const char *s, int max, int *out)
{
	int v = 0;

	if (s == NULL || *s < '0' || *s > '9')
		return NULL;
	for (; *s >= '0' && *s <= '9'; s++) {
		v = v * 10 + (*s - '0');
		if (v > max)
			return NULL;
	}
	*out = v;
	return s;
}

/* [+-]hh[:mm[:ss]] */
static const char *
posix_time(const char *s, int32_t *out)
{
	int h = 0, m = 0, sec = 0, sign = *s == '-' ? -1 : 1;

	if (*s == '+' || *s == '-')
		s++;
	s = posix_number(s, HOURS_MAX, &h);
	if (s != NULL && *s == ':')
		s = posix_number(s + 1, 59, &m);
	if (s != NULL && *s == ':')
		s = posix_number(s + 1, 59, &sec);
	*out = sign * (h * HOUR + m * 60 + sec);
	return s;
}

/* An offset is what to add to get UTC; ours is what to add to UTC. */
static const char *
posix_offset(const char *s, int32_t *out)
{
	if ((s = posix_time(s, out)) == NULL || *out > 25 * HOUR ||
	    *out < -25 * HOUR)
		return NULL;
	*out = -*out;
	return s;
}

/* The abbreviation, whose text nobody here needs. */
static const char *
posix_name(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
	static const char quoted[] = "abcdefghijklmnopqrstuvwxyz"
				     "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-";
	size_t n;

	if (*s == '<') {
		n = strspn(s + 1, quoted);
		return n < 3 || s[n + 1] != '>' ? NULL : s + n + 2;
	}
	n = strspn(s, letters);
	return n < 3 ? NULL : s + n;
}

static const char *
posix_rule(const char *s, struct zone_rule *r)
{
	r->kind = '0';
	if (*s == 'M') {
		r->kind = 'M';
		s = posix_number(s + 1, 12, &r->month);
		if (s == NULL || *s != '.' || r->month < 1)
			return NULL;
		s = posix_number(s + 1, 5, &r->week);
		if (s == NULL || *s != '.' || r->week < 1)
			return NULL;
		s = posix_number(s + 1, 6, &r->day);
	} else if (*s == 'J') {
		r->kind = 'J';
		s = posix_number(s + 1, 365, &r->day);
		if (s != NULL && r->day < 1)
			return NULL;
	} else
		s = posix_number(s, 365, &r->day);
	r->time = 2 * HOUR;
	if (s != NULL && *s == '/')
		s = posix_time(s + 1, &r->time);
	return s;
}

static const char *
posix_rules(const char *s, struct zone_posix *p)
{
	/* Without rules it is the implementation's choice: as glibc. */
	if (*s == '\0')
		s = ",M3.2.0,M11.1.0";
	if (*s != ',' || (s = posix_rule(s + 1, &p->start)) == NULL)
		return NULL;
	if (*s != ',')
		return NULL;
	return posix_rule(s + 1, &p->end);
}

int
zone_posix_parse(const char *text, struct zone_posix *p, struct err *e)
{
	const char *s = posix_name(text);

	memset(p, 0, sizeof(*p));
	if (s != NULL)
		s = posix_offset(s, &p->std_off);
	if (s != NULL && *s != '\0') {
		p->has_dst = true;
		p->dst_off = p->std_off + HOUR;
		if ((s = posix_name(s)) != NULL && *s != ',' && *s != '\0')
			s = posix_offset(s, &p->dst_off);
		if (s != NULL)
			s = posix_rules(s, p);
	}
	if (s == NULL || *s != '\0')
		return err_set(e, ERR_CONFIG,
		    "'%.80s' is not a POSIX time zone", text);
	return 0;
}

/* The day number of ${r} in ${year}. */
static int64_t
rule_day(const struct zone_rule *r, int64_t year)
{
	int64_t first, day;

	if (r->kind == '0')
		return civil_to_days(year, 1, 1) + r->day;
	if (r->kind == 'J') /* 29 February is never counted. */
		return civil_to_days(year, 1, 1) + r->day - 1 +
		    (r->day >= 60 && civil_is_leap(year));
	first = civil_to_days(year, r->month, 1);
	day = civil_mod(r->day - civil_weekday(first), 7) + (r->week - 1) * 7;
	if (day >= civil_month_days(year, r->month))
		day -= 7;
	return first + day;
}

struct posix_change {
	int64_t at;
	int32_t off;
};

#define CHANGES 8 /* Two for each of four years. */

/*
 * The changes of the years around ${t}, in order.  Where both come at one
 * instant (summer time all year) the start is the later.
 */
static void
posix_changes(const struct zone_posix *p, int64_t t, struct posix_change *out)
{
	int64_t year = civil_from_days(civil_div(t, CIVIL_DAY)).year - 1;
	size_t i, k;

	for (i = 0; i < CHANGES; i += 2, year++) {
		out[i].at = rule_day(&p->end, year) * CIVIL_DAY + p->end.time -
		    p->dst_off;
		out[i].off = p->std_off;
		out[i + 1].at = rule_day(&p->start, year) * CIVIL_DAY +
		    p->start.time - p->std_off;
		out[i + 1].off = p->dst_off;
	}
	for (i = 1; i < CHANGES; i++) {
		struct posix_change c = out[i];

		for (k = i; k > 0 && out[k - 1].at > c.at; k--)
			out[k] = out[k - 1];
		out[k] = c;
	}
}

int32_t
zone_posix_offset(const struct zone_posix *p, int64_t t)
{
	struct posix_change c[CHANGES];
	int32_t off;
	size_t i;

	if (!p->has_dst)
		return p->std_off;
	posix_changes(p, t, c);
	/* Before the first one listed, the other offset is in force. */
	off = c[0].off == p->std_off ? p->dst_off : p->std_off;
	for (i = 0; i < CHANGES && c[i].at <= t; i++)
		off = c[i].off;
	return off;
}

int64_t
zone_posix_next(const struct zone_posix *p, int64_t t)
{
	struct posix_change c[CHANGES];
	size_t i;

	if (!p->has_dst)
		return ZONE_NO_CHANGE;
	posix_changes(p, t, c);
	for (i = 0; i < CHANGES; i++)
		if (c[i].at > t &&
		    zone_posix_offset(p, c[i].at - 1) !=
			zone_posix_offset(p, c[i].at))
			return c[i].at;
	return ZONE_NO_CHANGE;
}
