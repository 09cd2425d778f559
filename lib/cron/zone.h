/*
 * zone.h - a time zone: offsets from UTC and the instants they change.
 *
 * Knows: TZif files (RFC 8536, versions 1 to 3) and POSIX TZ strings with
 * their extended hours.  Never asks libc, which has one zone a process.
 * Threads: any; a zone is constant.  Instants are seconds since 1970.
 */
#ifndef CRON_ZONE_H
#define CRON_ZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cron/cron.h"

#define ZONE_NO_CHANGE INT64_MAX

/* A yearly change of the clock, as a POSIX TZ string has it. */
struct zone_rule {
	char kind;    /* 'M', 'J' or '0' (counted from zero). */
	int month;    /* 'M': 1-12, */
	int week;     /* 1-5, 5 the last, */
	int day;      /* weekday, 0 Sunday; else the day. */
	int32_t time; /* Seconds from midnight, -167 h to 167 h. */
};

struct zone_posix {
	int32_t std_off; /* Seconds east of UTC. */
	int32_t dst_off;
	bool has_dst;
	struct zone_rule start;
	struct zone_rule end;
};

struct cron_zone {
	int32_t first_off; /* Before the first change. */
	size_t n;
	int64_t *at;    /* Ascending. */
	int32_t *off;   /* From at[i] on. */
	bool has_posix; /* After the last change. */
	struct zone_posix posix;
};

/* ${text} up to its end; ERR_CONFIG. */
int zone_posix_parse(const char *text, struct zone_posix *, struct err *);
int32_t zone_posix_offset(const struct zone_posix *, int64_t t);
/* The first change after ${t}. */
int64_t zone_posix_next(const struct zone_posix *, int64_t t);

/* The contents of a TZif file; ERR_CONFIG. */
struct cron_zone *zone_parse(const void *, size_t, struct err *);

int32_t zone_offset(const struct cron_zone *, int64_t t);
/* The first instant after ${t} when the offset becomes another. */
int64_t zone_next_change(const struct cron_zone *, int64_t t);
/* Whether the offset became another at ${t}. */
bool zone_changes_at(const struct cron_zone *, int64_t t);
/*
 * The first wall-clock second (counted as if it were UTC) that no clock had
 * shown before instant ${t}; that is less than ${t} + offset in a gap, more
 * when the clock was set back.
 */
int64_t zone_high_water(const struct cron_zone *, int64_t t);

#endif
