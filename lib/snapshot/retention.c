/* retention.c - see retention.h. */
#include "snapshot/retention.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"

/* The working state of one decision; index arrays, nothing is copied. */
struct decision {
	const struct retention_snapshot *list;
	struct retention_answer *answers;
	size_t n;
	int64_t now_ms;
	size_t *all;    /* Newest first. */
	size_t *newest; /* Those that count, newest first. */
	size_t ncounted;
	size_t *by_id;
};

/* qsort has no argument: sort pairs that carry what is compared. */
struct sort_key {
	const struct retention_snapshot *s;
	size_t at;
};

static int
key_compare_id(const void *a, const void *b)
{
	const struct sort_key *x = a, *y = b;

	return strcmp(x->s->id, y->s->id);
}

/* Ids settle equal instants, so that the input's order cannot matter. */
static int
key_compare_newest(const void *a, const void *b)
{
	const struct sort_key *x = a, *y = b;

	if (x->s->as_of_ms != y->s->as_of_ms)
		return x->s->as_of_ms < y->s->as_of_ms ? 1 : -1;
	return strcmp(y->s->id, x->s->id);
}

static bool
counts(const struct decision *d, size_t i)
{
	const struct retention_snapshot *s = &d->list[i];

	return s->is_proven && !s->is_suspect && s->as_of_ms <= d->now_ms;
}

static void
decision_sort(struct decision *d)
{
	struct sort_key *keys = xcalloc(d->n + 1, sizeof(*keys));
	size_t i;

	for (i = 0; i < d->n; i++)
		keys[i] = (struct sort_key){ &d->list[i], i };
	qsort(keys, d->n, sizeof(*keys), key_compare_id);
	for (i = 0; i < d->n; i++)
		d->by_id[i] = keys[i].at;
	qsort(keys, d->n, sizeof(*keys), key_compare_newest);
	for (i = 0; i < d->n; i++) {
		d->all[i] = keys[i].at;
		if (counts(d, keys[i].at))
			d->newest[d->ncounted++] = keys[i].at;
	}
	free(keys);
}

static void
answer(struct decision *d, size_t i, enum retention_verdict v,
    const char *reason)
{
	d->answers[i].verdict = v;
	(void)snprintf(d->answers[i].reason, sizeof(d->answers[i].reason), "%s",
	    reason);
}

/* The first rule that keeps one is the reason that is shown. */
static void
keep(struct decision *d, size_t i, const char *reason)
{
	if (d->answers[i].verdict == RETENTION_DELETE)
		answer(d, i, RETENTION_KEEP, reason);
}

static void
keep_last(struct decision *d, unsigned last, const char *what)
{
	char reason[64];
	size_t i;

	if (last == 1)
		(void)snprintf(reason, sizeof(reason), "the last%s one", what);
	else
		(void)snprintf(reason, sizeof(reason), "one of the last %u%s",
		    last, what);
	for (i = 0; i < d->ncounted && i < last; i++)
		keep(d, d->newest[i], reason);
}

static int64_t
floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

/* Which hour, day, ISO week, month, year (all UTC) an instant is in. */
static int64_t
period_of(int64_t ms, char unit)
{
	time_t t = (time_t)floor_div(ms, 1000);
	struct tm tm;

	switch (unit) {
	case 'h':
		return floor_div(ms, 3600000);
	case 'd':
		return floor_div(ms, 86400000);
	case 'w':
		/* 1970-01-01 was a Thursday; weeks begin on Monday. */
		return floor_div(floor_div(ms, 86400000) + 3, 7);
	default:
		if (gmtime_r(&t, &tm) == NULL)
			return 0;
		return unit == 'm' ? (int64_t)tm.tm_year * 12 + tm.tm_mon
				   : tm.tm_year;
	}
}

/* The newest of each of the last ${n} periods that have any. */
static void
keep_periods(struct decision *d, unsigned n, char unit, const char *word)
{
	char reason[64];
	int64_t last = 0, period;
	unsigned used = 0;
	size_t i;

	(void)snprintf(reason, sizeof(reason),
	    "the newest of its %s, one of %u", word, n);
	for (i = 0; i < d->ncounted && n > 0; i++) {
		period = period_of(d->list[d->newest[i]].as_of_ms, unit);
		if (used > 0 && period == last)
			continue;
		if (used++ == n)
			break;
		last = period;
		keep(d, d->newest[i], reason);
	}
}

static void
keep_within(struct decision *d, int64_t within_ms)
{
	size_t i;

	for (i = 0; i < d->ncounted && within_ms > 0; i++) {
		/* Unsigned: the span may not fit into a signed one. */
		if ((uint64_t)d->now_ms -
			(uint64_t)d->list[d->newest[i]].as_of_ms <=
		    (uint64_t)within_ms)
			keep(d, d->newest[i], "younger than the limit");
	}
}

static void
apply_rules(struct decision *d, const struct retention_policy *p)
{
	bool has_rule = p->last > 0 || p->hourly > 0 || p->daily > 0 ||
	    p->weekly > 0 || p->monthly > 0 || p->yearly > 0 ||
	    p->within_ms > 0;
	size_t i;

	for (i = 0; i < d->ncounted && !has_rule; i++)
		keep(d, d->newest[i], "no rule says what may go");
	keep_last(d, p->last, "");
	keep_within(d, p->within_ms);
	keep_periods(d, p->hourly, 'h', "hour");
	keep_periods(d, p->daily, 'd', "day");
	keep_periods(d, p->weekly, 'w', "week");
	keep_periods(d, p->monthly, 'm', "month");
	keep_periods(d, p->yearly, 'y', "year");
	keep_last(d, p->min_proven > 1 ? p->min_proven : 1, " proven");
}

/* What no rule is asked about. */
static void
set_apart(struct decision *d)
{
	size_t i;

	for (i = 0; i < d->n; i++) {
		if (!d->list[i].is_proven)
			answer(d, i, RETENTION_SKIP, "not proven");
		else if (d->list[i].is_suspect)
			answer(d, i, RETENTION_SKIP, "suspect");
		else if (d->list[i].as_of_ms > d->now_ms)
			answer(d, i, RETENTION_KEEP, "dated in the future");
		else
			answer(d, i, RETENTION_DELETE, "no rule keeps it");
	}
}

/* A reader or a lock only matters for what would go. */
static void
spare_held(struct decision *d)
{
	const struct retention_snapshot *s;
	char reason[sizeof(d->answers[0].reason)];
	size_t i;

	for (i = 0; i < d->n; i++) {
		s = &d->list[i];
		if (d->answers[i].verdict != RETENTION_DELETE)
			continue;
		if (s->pinned_by != NULL) {
			(void)snprintf(reason, sizeof(reason),
			    "in use by %.64s", s->pinned_by);
			answer(d, i, RETENTION_SKIP, reason);
		} else if (s->locked_until_ms > d->now_ms) {
			answer(d, i, RETENTION_SKIP, "locked by its store");
		}
	}
}

static size_t
find_id(const struct decision *d, const char *id)
{
	size_t low = 0, high = d->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = strcmp(d->list[d->by_id[mid]].id, id);

		if (c == 0)
			return d->by_id[mid];
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return d->n;
}

/*
 * Whatever stays in the store keeps what it needs, over any number of steps.
 * The newest is asked first: who needs it is the reason that is shown, and the
 * order of the input must not tell.
 */
static void
keep_required(struct decision *d)
{
	char reason[sizeof(d->answers[0].reason)];
	size_t *todo = xcalloc(d->n + 1, sizeof(*todo)), ntodo = 0, i, at;
	size_t done = 0;
	const char *const *id;

	for (i = 0; i < d->n; i++)
		if (d->answers[d->all[i]].verdict != RETENTION_DELETE)
			todo[ntodo++] = d->all[i];
	while (done < ntodo) {
		i = todo[done++];
		for (id = d->list[i].requires; id != NULL && *id != NULL;
		     id++) {
			at = find_id(d, *id);
			if (at == d->n ||
			    d->answers[at].verdict != RETENTION_DELETE)
				continue;
			(void)snprintf(reason, sizeof(reason),
			    "needed by %.64s", d->list[i].id);
			answer(d, at, RETENTION_KEEP, reason);
			todo[ntodo++] = at;
		}
	}
	free(todo);
}

void
retention_decide(const struct retention_snapshot *list, size_t n,
    const struct retention_policy *policy, int64_t now_ms,
    struct retention_answer *answers)
{
	struct decision d = { .list = list,
		.answers = answers,
		.n = n,
		.now_ms = now_ms };

	d.all = xcalloc(n + 1, sizeof(*d.all));
	d.newest = xcalloc(n + 1, sizeof(*d.newest));
	d.by_id = xcalloc(n + 1, sizeof(*d.by_id));
	decision_sort(&d);
	set_apart(&d);
	apply_rules(&d, policy);
	spare_held(&d);
	keep_required(&d);
	free(d.all);
	free(d.newest);
	free(d.by_id);
}

const char *
retention_word(enum retention_verdict v)
{
	static const char *const words[] = { "keep", "delete", "skip" };

	return words[v];
}
