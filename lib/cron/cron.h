/*
 * cron.h - cron expression + IANA zone -> the next instants.  Pure but for the
 * zone files it reads.
 *
 * Rule for clock changes: a schedule whose minute or hour field starts with '*'
 * follows the wall clock as it is (both passes of a repeated hour).  Any other
 * has fixed times: those inside a skipped interval run once together, at the
 * first instant after the gap; those inside a repeated interval run once, in
 * the first pass.  A zone that skips three hours or more skips them.
 * Day-of-month and day-of-week are ORed when both are restricted; a field that
 * starts with '*' counts as unrestricted.
 * Threads: any; objects are constant.
 */
#ifndef CRON_CRON_H
#define CRON_CRON_H

#include <stdint.h>

#include "base/err.h"

struct cron_expr;
struct cron_zone;

/* ERR_CONFIG; the message holds the column, from 1, of the fault. */
struct cron_expr *cron_expr_parse(const char *, struct err *);
void cron_expr_free(struct cron_expr *);
/* The zone in a "CRON_TZ=" prefix, NULL if none; owned by the expression. */
const char *cron_expr_zone(const struct cron_expr *);

/* "Europe/Oslo", "UTC"; NULL: the machine's own.  ERR_CONFIG if unknown. */
struct cron_zone *cron_zone_load(const char *, struct err *);
void cron_zone_free(struct cron_zone *);

#define CRON_NEVER INT64_MAX
/*
 * The first instant strictly after ${after_ms} at which the schedule fires, in
 * ms since 1970; CRON_NEVER when there is none within 400 years.  For "@every"
 * firings are multiples of the interval since 1970.
 */
int64_t cron_next(const struct cron_expr *, const struct cron_zone *,
    int64_t after_ms);

#endif
