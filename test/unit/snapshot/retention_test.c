/* retention_test.c - each rule by hand, then laws over random histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "snapshot/retention.h"

#define MAX 14

struct history {
	struct retention_snapshot list[MAX];
	char ids[MAX][24];
	const char *requires[MAX][3];
	size_t n;
};

/* Times given as text, newest first; ids are a, b, c ... */
static void
history_of(struct history *h, const char *const *times, size_t n)
{
	size_t i;

	memset(h, 0, sizeof(*h));
	h->n = n;
	for (i = 0; i < n; i++) {
		(void)snprintf(h->ids[i], sizeof(h->ids[i]), "%c",
		    (char)('a' + i));
		h->list[i].id = h->ids[i];
		h->list[i].is_proven = true;
		assert_int_equal(str_parse_time(times[i], &h->list[i].as_of_ms),
		    0);
	}
}

/* The verdicts as letters k, d, s. */
static const char *
verdicts(const struct history *h, const struct retention_policy *p,
    const char *now)
{
	static char text[MAX + 1];
	struct retention_answer a[MAX];
	int64_t now_ms;
	size_t i;

	assert_int_equal(str_parse_time(now, &now_ms), 0);
	retention_decide(h->list, h->n, p, now_ms, a);
	for (i = 0; i < h->n; i++) {
		text[i] = retention_word(a[i].verdict)[0];
		assert_true(a[i].reason[0] != '\0');
	}
	text[h->n] = '\0';
	return text;
}

static void
test_rules(void **state)
{
	static const char *const times[] = {
		"2026-03-10T12:30:00Z", "2026-03-10T12:00:00Z", /* a b Tue */
		"2026-03-10T03:00:00Z", "2026-03-09T03:00:00Z", /* c d Mon */
		"2026-03-08T03:00:00Z", "2026-03-01T03:00:00Z", /* e f Sun */
		"2026-02-14T03:00:00Z", "2025-12-31T03:00:00Z", /* g h */
		"2025-03-01T03:00:00Z", "2024-06-01T03:00:00Z", /* i j */
	};
	static const struct {
		struct retention_policy p;
		const char *want;
	} cases[] = {
		{ { 0 }, "kkkkkkkkkk" },
		{ { .last = 1 }, "kddddddddd" },
		{ { .last = 4 }, "kkkkdddddd" },
		{ { .last = 99 }, "kkkkkkkkkk" },
		{ { .last = 1, .min_proven = 3 }, "kkkddddddd" },
		{ { .hourly = 2 }, "kdkddddddd" },
		{ { .daily = 3 }, "kddkkddddd" },
		{ { .weekly = 3 }, "kdddkkdddd" },
		{ { .monthly = 3 }, "kdddddkkdd" },
		{ { .yearly = 2 }, "kddddddkdd" },
		{ { .yearly = 9 }, "kddddddkdk" },
		{ { .within_ms = 10 * INT64_C(3600000) }, "kkkddddddd" },
		{ { .last = 2, .yearly = 3 }, "kkdddddkdk" },
	};
	struct history h;
	size_t i;

	(void)state;
	history_of(&h, times, COUNT_OF(times));
	for (i = 0; i < COUNT_OF(cases); i++)
		assert_string_equal(verdicts(&h, &cases[i].p,
					"2026-03-10T13:00:00Z"),
		    cases[i].want);
}

static void
test_spared(void **state)
{
	static const char *const times[] = { "2026-03-20", "2026-03-09",
		"2026-03-08", "2026-03-07", "2026-03-06", "2026-03-05" };
	struct retention_policy one = { .last = 1 };
	struct history h;

	(void)state;
	history_of(&h, times, COUNT_OF(times));
	/* a is in the future: kept, and b is still the last one. */
	assert_string_equal(verdicts(&h, &one, "2026-03-10"), "kkdddd");
	h.list[1].is_suspect = true;
	assert_string_equal(verdicts(&h, &one, "2026-03-10"), "kskddd");
	h.list[2].is_proven = false;
	assert_string_equal(verdicts(&h, &one, "2026-03-10"), "ksskdd");
	h.list[4].pinned_by = "restore 7";
	assert_string_equal(verdicts(&h, &one, "2026-03-10"), "kssksd");
	h.list[5].locked_until_ms = h.list[0].as_of_ms;
	assert_string_equal(verdicts(&h, &one, "2026-03-10"), "ksskss");
	h.list[5].locked_until_ms = 1;
	assert_string_equal(verdicts(&h, &one, "2026-03-10"), "kssksd");
}

/* What a kept one needs is kept, over several steps, from skipped ones too. */
static void
test_requires(void **state)
{
	static const char *const times[] = { "2026-03-09", "2026-03-08",
		"2026-03-07", "2026-03-06", "2026-03-05" };
	static const char *const b[] = { "b", "unknown", NULL };
	static const char *const d[] = { "d", NULL };
	static const char *const a[] = { "a", NULL };
	struct retention_policy one = { .last = 1 };
	struct history h;

	(void)state;
	history_of(&h, times, COUNT_OF(times));
	h.list[0].requires = b;
	h.list[1].requires = d;
	h.list[3].requires = a; /* A ring ends as well. */
	assert_string_equal(verdicts(&h, &one, "2026-03-10"), "kkdkd");
	h.list[0].requires = NULL;
	h.list[2].pinned_by = "somebody";
	h.list[2].requires = d;
	assert_string_equal(verdicts(&h, &one, "2026-03-10"), "kdskd");
}

static uint64_t seed = 20260310;

static unsigned
dice(unsigned n)
{
	seed = seed * UINT64_C(6364136223846793005) +
	    UINT64_C(1442695040888963407);
	return (unsigned)(seed >> 33) % n;
}

static void
random_history(struct history *h, int64_t now)
{
	static const int64_t spans[] = { 3600000, 86400000, 604800000,
		INT64_C(2592000000) };
	size_t i;

	memset(h, 0, sizeof(*h));
	h->n = dice(MAX + 1);
	for (i = 0; i < h->n; i++) {
		struct retention_snapshot *s = &h->list[i];

		(void)snprintf(h->ids[i], sizeof(h->ids[i]), "s%zu", i);
		s->id = h->ids[i];
		/* Now and then the same instant, or one to come. */
		s->as_of_ms = now - (int64_t)dice(12) * spans[dice(4)];
		if (dice(10) == 0)
			s->as_of_ms = now + 1 + dice(1000000);
		s->is_proven = dice(8) != 0;
		s->is_suspect = dice(8) == 0;
		s->pinned_by = dice(8) == 0 ? "r" : NULL;
		s->locked_until_ms = dice(8) == 0 ? now + 1 : 0;
		if (dice(3) == 0) {
			h->requires[i][0] = h->ids[dice((unsigned)h->n)];
			h->requires[i][1] = dice(2) == 0
			    ? "gone"
			    : h->ids[dice((unsigned)h->n)];
			s->requires = h->requires[i];
		}
	}
}

static void
random_policy(struct retention_policy *p)
{
	memset(p, 0, sizeof(*p));
	p->last = dice(4);
	p->hourly = dice(3) == 0 ? dice(4) : 0;
	p->daily = dice(3) == 0 ? dice(4) : 0;
	p->weekly = dice(3) == 0 ? dice(4) : 0;
	p->monthly = dice(3) == 0 ? dice(4) : 0;
	p->yearly = dice(3) == 0 ? dice(4) : 0;
	p->within_ms = dice(3) == 0 ? (int64_t)dice(50) * 86400000 : 0;
	p->min_proven = dice(4);
}

static bool
counts(const struct retention_snapshot *s, int64_t now)
{
	return s->is_proven && !s->is_suspect && s->as_of_ms <= now;
}

static bool
has_rule(const struct retention_policy *p)
{
	return p->last + p->hourly + p->daily + p->weekly + p->monthly +
		p->yearly >
	    0 ||
	    p->within_ms > 0;
}

/* How many that count are newer than ${i}. */
static unsigned
rank_of(const struct history *h, size_t i, int64_t now)
{
	const struct retention_snapshot *s = &h->list[i], *o;
	unsigned n = 0;
	size_t j;

	for (j = 0; j < h->n; j++) {
		o = &h->list[j];
		n += counts(o, now) &&
		    (o->as_of_ms > s->as_of_ms ||
			(o->as_of_ms == s->as_of_ms &&
			    strcmp(o->id, s->id) > 0));
	}
	return n;
}

static void
check_required(const struct history *h, const struct retention_answer *a)
{
	const char *const *r;
	size_t i, j;

	for (i = 0; i < h->n; i++) {
		r = h->list[i].requires;
		if (a[i].verdict == RETENTION_DELETE || r == NULL)
			continue;
		for (; *r != NULL; r++)
			for (j = 0; j < h->n; j++)
				if (strcmp(h->list[j].id, *r) == 0)
					assert_int_not_equal(a[j].verdict,
					    RETENTION_DELETE);
	}
}

static void
check_laws(const struct history *h, const struct retention_policy *p,
    const struct retention_answer *a, int64_t now)
{
	unsigned floor = p->min_proven > 1 ? p->min_proven : 1, rank;
	size_t i;

	for (i = 0; i < h->n; i++) {
		const struct retention_snapshot *s = &h->list[i];

		rank = rank_of(h, i, now);
		if (counts(s, now) &&
		    (rank < floor || rank < p->last || !has_rule(p)))
			assert_int_equal(a[i].verdict, RETENTION_KEEP);
		if (a[i].verdict == RETENTION_DELETE)
			assert_true(counts(s, now) && s->pinned_by == NULL &&
			    s->locked_until_ms <= now);
		if (s->is_proven && !s->is_suspect && s->as_of_ms > now)
			assert_int_equal(a[i].verdict, RETENTION_KEEP);
		if (!s->is_proven || s->is_suspect)
			assert_int_equal(a[i].verdict, RETENTION_SKIP);
	}
	check_required(h, a);
}

/* The same snapshots in another order get the same answers. */
static void
check_order(const struct history *h, const struct retention_policy *p,
    const struct retention_answer *a, int64_t now)
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
	retention_decide(mixed, h->n, p, now, b);
	for (i = 0; i < h->n; i++)
		assert_int_equal(b[i].verdict, a[from[i]].verdict);
}

/* One from the future displaces none: without it all others fare the same,
 * unless it needs them. */
static void
check_future(struct history *h, const struct retention_policy *p,
    const struct retention_answer *a, int64_t now)
{
	struct retention_snapshot past[MAX];
	struct retention_answer b[MAX];
	size_t from[MAX], i, n = 0;

	for (i = 0; i < h->n; i++) {
		if (h->list[i].as_of_ms > now && h->list[i].requires != NULL)
			return;
		if (h->list[i].as_of_ms <= now) {
			from[n] = i;
			past[n++] = h->list[i];
		}
	}
	retention_decide(past, n, p, now, b);
	for (i = 0; i < n; i++)
		assert_int_equal(b[i].verdict, a[from[i]].verdict);
}

static void
test_laws(void **state)
{
	struct retention_answer a[MAX];
	struct retention_policy p;
	struct history h;
	int64_t now;
	int i, deleted = 0;
	size_t j;

	(void)state;
	for (i = 0; i < 100000; i++) {
		now = INT64_C(1773000000000) + (int64_t)dice(400) * 86400000;
		random_history(&h, now);
		random_policy(&p);
		retention_decide(h.list, h.n, &p, now, a);
		check_laws(&h, &p, a, now);
		check_order(&h, &p, a, now);
		check_future(&h, &p, a, now);
		for (j = 0; j < h.n; j++)
			deleted += a[j].verdict == RETENTION_DELETE;
	}
	/* The laws are not kept by never deleting. */
	assert_true(deleted > 100000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_spared),
		cmocka_unit_test(test_requires),
		cmocka_unit_test(test_laws),
	};

	return cmocka_run_group_tests_name("retention", tests, NULL, NULL);
}
