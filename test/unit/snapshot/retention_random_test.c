/*
 * retention_random_test.c - random histories against a second implementation,
 * written from the rules alone and as naively as can be, and against the laws
 * that both must keep.
 *
 * RETENTION_CASES=1000000 in the environment is the long run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "snapshot/retention.h"

#define MAX 20
#define CASES 50000
#define DAY INT64_C(86400000)
#define YEAR (365 * DAY)

struct history {
	struct retention_snapshot list[MAX];
	char ids[MAX][24];
	const char *requires[MAX][4];
	size_t n;
	struct retention_policy p;
	int64_t now;
};

static uint64_t seed;

static unsigned
dice(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % n;
}

static int64_t
random_instant(const struct history *h, size_t i)
{
	static const int64_t spans[] = { 60000, 3600000, DAY, 7 * DAY, 30 * DAY,
		YEAR };

	/* The same instant as another, a clock that is a year ahead. */
	if (i > 0 && dice(6) == 0)
		return h->list[dice((unsigned)i)].as_of_ms;
	if (dice(12) == 0)
		return h->now + (dice(2) == 0 ? 1 : YEAR);
	return h->now - (int64_t)dice(9) * spans[dice(COUNT_OF(spans))] -
	    (dice(3) == 0 ? dice(1000000) : 0);
}

static void
random_requires(struct history *h, size_t i)
{
	unsigned k, n = dice(4);

	for (k = 0; k < n; k++)
	h->requires[i][k] = dice(8) == 0 ? "20200101-000000"
					 : h->ids[dice((unsigned)h->n)];
	h->list[i].requires = h->requires[i];
}

static void
random_snapshot(struct history *h, size_t i)
{
	struct retention_snapshot *s = &h->list[i];

	(void)snprintf(h->ids[i], sizeof(h->ids[i]), "%c%zu",
	    (char)('a' + dice(26)), i);
	s->id = h->ids[i];
	s->as_of_ms = random_instant(h, i);
	s->is_proven = dice(8) != 0;
	s->is_suspect = dice(8) == 0;
	s->pinned_by = dice(10) == 0 ? "restore 7" : NULL;
	s->locked_until_ms = dice(10) == 0 ? h->now + (int64_t)dice(3) - 1 : 0;
}

static unsigned
random_rule(void)
{
	return dice(3) == 0 ? 1 + dice(5) : 0;
}

static void
random_history(struct history *h)
{
	size_t i;

	memset(h, 0, sizeof(*h));
	h->n = dice(MAX);
	/* From 2026 on, and now and then the turn of a year or 1970. */
	h->now = INT64_C(1767225600000) + (int64_t)dice(700) * DAY / 2;
	if (dice(20) == 0)
		h->now = (int64_t)dice(40) * DAY;
	for (i = 0; i < h->n; i++)
		random_snapshot(h, i);
	for (i = 0; i < h->n; i++)
		if (dice(4) == 0)
			random_requires(h, i);
	h->p.last = random_rule();
	h->p.hourly = random_rule();
	h->p.daily = random_rule();
	h->p.weekly = random_rule();
	h->p.monthly = random_rule();
	h->p.yearly = random_rule();
	h->p.within_ms = dice(3) == 0 ? (int64_t)dice(50) * DAY : 0;
	h->p.min_proven = dice(5);
}

/* --- The second implementation. */

static bool
counts(const struct history *h, size_t i)
{
	return h->list[i].is_proven && !h->list[i].is_suspect &&
	    h->list[i].as_of_ms <= h->now;
}

static bool
is_newer(const struct history *h, size_t a, size_t b)
{
	if (h->list[a].as_of_ms != h->list[b].as_of_ms)
		return h->list[a].as_of_ms > h->list[b].as_of_ms;
	return strcmp(h->list[a].id, h->list[b].id) > 0;
}

/* A name for the period that an instant is in, by the calendar. */
static void
period_name(int64_t ms, char unit, char *out, size_t size)
{
	static const char *const formats[] = { "%Y-%m-%d %H", "%Y-%m-%d",
		"%G-%V", "%Y-%m", "%Y" };
	int64_t s = ms >= 0 ? ms / 1000 : (ms - 999) / 1000;
	time_t t = (time_t)s;
	struct tm tm;

	assert_non_null(gmtime_r(&t, &tm));
	assert_true(strftime(out, size,
			formats[strchr("hdwmy", unit) - "hdwmy"], &tm) > 0);
}

/* How many periods with something newer that counts there are, but its own;
 * UINT_MAX: its own has something newer. */
static unsigned
periods_before(const struct history *h, size_t i, char unit)
{
	char own[32], seen[MAX][32], name[32];
	unsigned n = 0, k;
	size_t j;

	period_name(h->list[i].as_of_ms, unit, own, sizeof(own));
	for (j = 0; j < h->n; j++) {
		if (!counts(h, j) || !is_newer(h, j, i))
			continue;
		period_name(h->list[j].as_of_ms, unit, name, sizeof(name));
		if (strcmp(name, own) == 0)
			return UINT_MAX;
		for (k = 0; k < n && strcmp(seen[k], name) != 0; k++)
			;
		if (k == n)
			memcpy(seen[n++], name, sizeof(name));
	}
	return n;
}

/* Those that count and are newer; no more than that. */
static unsigned
rank_of(const struct history *h, size_t i)
{
	unsigned n = 0;
	size_t j;

	for (j = 0; j < h->n; j++)
		n += counts(h, j) && is_newer(h, j, i);
	return n;
}

static bool
policy_keeps(const struct history *h, size_t i)
{
	const struct retention_policy *p = &h->p;
	const struct {
		unsigned n;
		char unit;
	} periods[] = { { p->hourly, 'h' }, { p->daily, 'd' },
		{ p->weekly, 'w' }, { p->monthly, 'm' }, { p->yearly, 'y' } };
	bool has_rule = p->last > 0 || p->within_ms > 0;
	unsigned rank = rank_of(h, i);
	size_t k;

	if (rank < p->last || rank == 0 || rank < p->min_proven)
		return true;
	if (p->within_ms > 0 && h->now - h->list[i].as_of_ms <= p->within_ms)
		return true;
	for (k = 0; k < COUNT_OF(periods); k++) {
		has_rule |= periods[k].n > 0;
		if (periods[k].n > 0 &&
		    periods_before(h, i, periods[k].unit) < periods[k].n)
			return true;
	}
	return !has_rule;
}

/* Someone who stays requires ${i}. */
static bool
is_required(const struct history *h, const enum retention_verdict *v, size_t i)
{
	const char *const *r;
	size_t j;

	for (j = 0; j < h->n; j++)
		for (r = h->list[j].requires;
		     v[j] != RETENTION_DELETE && r != NULL && *r != NULL; r++)
			if (strcmp(*r, h->list[i].id) == 0)
				return true;
	return false;
}

static void
naive_decide(const struct history *h, enum retention_verdict *v)
{
	const struct retention_snapshot *s;
	bool has_changed;
	size_t i;

	for (i = 0; i < h->n; i++) {
		s = &h->list[i];
		if (!s->is_proven || s->is_suspect)
			v[i] = RETENTION_SKIP;
		else if (s->as_of_ms > h->now || policy_keeps(h, i))
			v[i] = RETENTION_KEEP;
		else if (s->pinned_by != NULL || s->locked_until_ms > h->now)
			v[i] = RETENTION_SKIP;
		else
			v[i] = RETENTION_DELETE;
	}
	do {
		has_changed = false;
		for (i = 0; i < h->n; i++)
			if (v[i] == RETENTION_DELETE && is_required(h, v, i)) {
				v[i] = RETENTION_KEEP;
				has_changed = true;
			}
	} while (has_changed);
}

/* --- The laws. */

static void
check_floor(const struct history *h, const struct retention_answer *a)
{
	unsigned least = h->p.min_proven > 1 ? h->p.min_proven : 1;
	unsigned counted = 0, left = 0;
	size_t i;

	for (i = 0; i < h->n; i++) {
		counted += counts(h, i);
		left += counts(h, i) && a[i].verdict != RETENTION_DELETE;
		if (a[i].verdict != RETENTION_DELETE)
			continue;
		assert_true(counts(h, i));
		assert_null(h->list[i].pinned_by);
		assert_true(h->list[i].locked_until_ms <= h->now);
	}
	assert_true(left >= (counted < least ? counted : least));
}

/* Reasons say what is true: who "needs" one is there, stays and requires it. */
static void
check_reason(const struct history *h, const struct retention_answer *a,
    size_t i)
{
	static const char needed[] = "needed by ";
	const char *const *r = NULL;
	size_t j;

	assert_true(a[i].reason[0] != '\0');
	if (!str_has_prefix(a[i].reason, needed))
		return;
	for (j = 0; j < h->n; j++)
		if (strcmp(h->list[j].id, a[i].reason + strlen(needed)) == 0)
			break;
	assert_true(j < h->n);
	assert_int_not_equal(a[j].verdict, RETENTION_DELETE);
	for (r = h->list[j].requires; *r != NULL; r++)
		if (strcmp(*r, h->list[i].id) == 0)
			return;
	fail_msg("'%s' does not need '%s'", h->list[j].id, h->list[i].id);
}

static void
check_order(const struct history *h, const struct retention_answer *a)
{
	struct retention_snapshot mixed[MAX];
	struct retention_answer b[MAX];
	size_t from[MAX], i, j, t;

	for (i = 0; i < h->n; i++)
		from[i] = i;
	for (i = h->n; i > 1; i--) {
		j = dice((unsigned)i);
		t = from[i - 1];
		from[i - 1] = from[j];
		from[j] = t;
	}
	for (i = 0; i < h->n; i++)
		mixed[i] = h->list[from[i]];
	retention_decide(mixed, h->n, &h->p, h->now, b);
	for (i = 0; i < h->n; i++) {
		assert_int_equal(b[i].verdict, a[from[i]].verdict);
		assert_string_equal(b[i].reason, a[from[i]].reason);
	}
}

/* What went does not matter any more: nothing else goes the next time. */
static void
check_again(const struct history *h, const struct retention_answer *a)
{
	struct retention_snapshot left[MAX];
	struct retention_answer b[MAX];
	size_t i, n = 0;

	for (i = 0; i < h->n; i++)
		if (a[i].verdict != RETENTION_DELETE)
			left[n++] = h->list[i];
	retention_decide(left, n, &h->p, h->now, b);
	for (i = 0; i < n; i++)
		assert_int_not_equal(b[i].verdict, RETENTION_DELETE);
}

/*
 * One that comes later, and needs nothing: what was to go still is, for the
 * reason that it was; if it does not count, or is dated in the future, nothing
 * changes for anybody.
 */
static void
check_newer(const struct history *h, const struct retention_answer *a)
{
	struct retention_snapshot more[MAX + 1];
	struct retention_answer b[MAX + 1];
	bool is_idle;
	size_t i;

	memcpy(more, h->list, h->n * sizeof(more[0]));
	more[h->n] = (struct retention_snapshot){ .id = "zz",
		.as_of_ms = dice(3) == 0 ? h->now + YEAR : h->now,
		.is_proven = dice(4) != 0,
		.is_suspect = dice(4) == 0 };
	is_idle = more[h->n].as_of_ms > h->now || !more[h->n].is_proven ||
	    more[h->n].is_suspect;
	/* "zz" may be needed by none of them. */
	retention_decide(more, h->n + 1, &h->p, h->now, b);
	assert_int_not_equal(b[h->n].verdict, RETENTION_DELETE);
	for (i = 0; i < h->n; i++) {
		if (is_idle || a[i].verdict == RETENTION_DELETE) {
			assert_int_equal(b[i].verdict, a[i].verdict);
			assert_string_equal(b[i].reason, a[i].reason);
		}
		if (a[i].verdict == RETENTION_SKIP)
			assert_int_equal(b[i].verdict, RETENTION_SKIP);
	}
}

static void
test_random(void **state)
{
	const char *text = getenv("RETENTION_CASES");
	enum retention_verdict naive[MAX];
	struct retention_answer a[MAX];
	int64_t cases = CASES, k;
	uint64_t deleted = 0, needed = 0;
	struct history h;
	size_t i;

	(void)state;
	if (text != NULL)
		assert_int_equal(str_parse_i64(text, &cases), 0);
	for (k = 0; k < cases; k++) {
		/* A case that fails can be had again from its number. */
		seed = (uint64_t)k * UINT64_C(0x9e3779b97f4a7c15);
		random_history(&h);
		retention_decide(h.list, h.n, &h.p, h.now, a);
		naive_decide(&h, naive);
		for (i = 0; i < h.n; i++) {
			if (a[i].verdict != naive[i])
				fail_msg("case %lld, '%s': %s (%s), not %s",
				    (long long)k, h.ids[i],
				    retention_word(a[i].verdict), a[i].reason,
				    retention_word(naive[i]));
			check_reason(&h, a, i);
			deleted += a[i].verdict == RETENTION_DELETE;
			needed += strncmp(a[i].reason, "needed", 6) == 0;
		}
		check_floor(&h, a);
		check_order(&h, a);
		check_again(&h, a);
		check_newer(&h, a);
	}
	/* The laws are not kept by never deleting, nor without chains. */
	assert_true(deleted > (uint64_t)cases);
	assert_true(needed > (uint64_t)cases / 10);
}

static void
test_policy(void **state)
{
	json_t *keep = json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:I,s:i}", "last", 1,
	    "hourly", 2, "daily", 3, "weekly", 4, "monthly", 5, "yearly", 6,
	    "within", (json_int_t)14 * DAY, "min_proven", 8);
	struct retention_policy p;

	(void)state;
	retention_policy_read(keep, &p);
	assert_int_equal(p.last, 1);
	assert_int_equal(p.hourly, 2);
	assert_int_equal(p.daily, 3);
	assert_int_equal(p.weekly, 4);
	assert_int_equal(p.monthly, 5);
	assert_int_equal(p.yearly, 6);
	assert_int_equal(p.within_ms, 14 * DAY);
	assert_int_equal(p.min_proven, 8);
	json_decref(keep);
	retention_policy_read(NULL, &p);
	assert_int_equal(p.last + p.hourly + p.daily + p.weekly + p.monthly +
		p.yearly,
	    0);
	assert_int_equal(p.within_ms, 0);
	assert_int_equal(p.min_proven, 1);
	/* Never less than was asked for. */
	keep = json_pack("{s:I,s:i,s:i}", "last", (json_int_t)1 << 40, "within",
	    -1, "min_proven", -3);
	retention_policy_read(keep, &p);
	assert_int_equal(p.last, UINT_MAX);
	assert_int_equal(p.within_ms, 0);
	assert_int_equal(p.min_proven, 1);
	json_decref(keep);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_policy),
	};

	return cmocka_run_group_tests_name("retention_random", tests, NULL,
	    NULL);
}
