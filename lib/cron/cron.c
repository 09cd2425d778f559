/*
 * cron.c - see cron.h: the matching wall-clock times as instants.
 *
 * Between two changes of the zone's offset, instants and wall-clock times
 * differ by a constant; so the search goes from change to change:
 *
 *	     first pass   gap                         second pass
 *	wall ----------->|.....|----------------->|<======|---------->
 *	                 ^ change                         ^ change
 *
 * A schedule of fixed times fires at the first instant at which the clock has
 * reached the time: at the change when it lies in a gap; never in a second
 * pass, because no clock has it there for the first time.
 */
#include "cron/cron.h"

#include <stdbool.h>

#include "cron/civil.h"
#include "cron/expr.h"
#include "cron/zone.h"

#define GAP_MAX (3 * 3600) /* A bigger one is not caught up. */
#define LIMIT (400 * INT64_C(31556952))
#define YEAR_1 INT64_C(-62135596800)
#define YEAR_10000 INT64_C(253402300800)

/* The last search, which often still holds behind the next change. */
struct search {
	const struct cron_expr *expr;
	int64_t from;
	int64_t hit;
};

static int64_t
search_next(struct search *s, int64_t wall)
{
	if (wall < s->from || wall > s->hit) {
		s->from = wall;
		s->hit = expr_next(s->expr, wall);
	}
	return s->hit;
}

/* Whether ${t} ends a gap that hid a fixed time. */
static bool
gap_fires(const struct cron_zone *z, struct search *s, int64_t t, int64_t high)
{
	int32_t off = zone_offset(z, t), was = zone_offset(z, t - 1);

	if (off <= was || off - was >= GAP_MAX || high >= t + off)
		return false;
	return search_next(s, high) < t + off;
}

static int64_t
next_by_wall(const struct cron_expr *x, const struct cron_zone *z, int64_t t)
{
	struct search s = { x, INT64_MAX, INT64_MIN };
	int64_t limit = t + LIMIT;

	while (t < limit) {
		int32_t off = zone_offset(z, t);
		int64_t wall = t + off, end, hit;

		if (x->is_fixed) {
			int64_t high = zone_high_water(z, t);

			if (gap_fires(z, &s, t, high))
				return t;
			if (high > wall)
				wall = high;
		}
		end = zone_next_change(z, t);
		hit = search_next(&s, wall);
		if (hit != EXPR_NEVER && hit - off < end)
			return hit - off;
		if (end == ZONE_NO_CHANGE)
			break;
		t = end;
	}
	return CRON_NEVER;
}

int64_t
cron_next(const struct cron_expr *x, const struct cron_zone *z,
    int64_t after_ms)
{
	int64_t t = civil_div(after_ms, 1000) + 1, at;

	if (t < YEAR_1)
		t = YEAR_1;
	if (t > YEAR_10000)
		return CRON_NEVER;
	if (x->every_ms != 0)
		return (civil_div(after_ms, x->every_ms) + 1) * x->every_ms;
	at = next_by_wall(x, z, t);
	return at == CRON_NEVER ? CRON_NEVER : at * 1000;
}
