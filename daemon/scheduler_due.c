/*
 * scheduler_due.c - what is due of one job: a run, and rows for what is not.
 *
 *	last_due                                     now
 *	---|-------+-----------+-----------+----------|--->
 *	           older ("merged", ...)   newest ("schedule", "catch-up", ...)
 *
 * The older ones are recorded first, oldest first, and the newest last: each
 * row moves last_due on, so that a crash in between leaves the rest due.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "scheduler_int.h"

#define ON_TIME_MS 60000
#define ROWS_MAX 100    /* More than that share one row. */
#define COUNT_MAX 10000 /* More than that are not counted. */
#define AHEAD_MAX_MS (INT64_C(7) * 86400000)

void
sched_batch_done(struct sched_batch *b)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		free(b->rows[i].reason);
	free(b->rows);
	b->rows = NULL;
	b->n = b->at = 0;
	b->trigger = NULL;
}

static void
batch_add(struct sched_batch *b, int64_t due, const char *verdict,
    const char *reason)
{
	struct sched_row *row;

	b->rows = xrealloc(b->rows, (b->n + 1) * sizeof(*b->rows));
	row = &b->rows[b->n++];
	row->due_ms = due;
	row->verdict = verdict;
	row->reason = xstrdup(reason);
}

static int64_t
job_next(const struct sched_job *j, int64_t after)
{
	return cron_next(j->expr, j->zone, after);
}

/* The last firing up to ${to}, given that there is one after ${from}. */
static int64_t
last_due(const struct sched_job *j, int64_t from, int64_t to)
{
	int64_t late = to; /* Nothing fires between here and ${to}. */

	while (late - from > 1) {
		int64_t mid = from + (late - from) / 2;

		if (job_next(j, mid) <= to)
			from = mid;
		else
			late = mid;
	}
	return job_next(j, from);
}

/* Rows for the firings after last_due and before ${newest}. */
static void
batch_older(struct sched_job *j, int64_t newest, const char *verdict,
    const char *reason)
{
	int64_t first = job_next(j, j->last_due_ms), t = first;
	char from[STR_TIME_MAX], *text;
	unsigned n = 0;

	for (; t < newest && n < COUNT_MAX; t = job_next(j, t))
		n++;
	if (n <= ROWS_MAX) {
		for (t = first; t < newest; t = job_next(j, t))
			batch_add(&j->batch, t, verdict, reason);
		return;
	}
	str_format_time(first, from);
	text = xasprintf("%s%u firings from %s on: %s",
	    t < newest ? "more than " : "", n, from, reason);
	batch_add(&j->batch, last_due(j, first - 1, newest - 1), verdict, text);
	free(text);
}

/*
 * What becomes of the newest firing: NULL and a trigger, or a verdict with a
 * reason (free() it).
 */
static const char *
newest_verdict(const struct sched_job *j, int64_t newest, int64_t now,
    const char **trigger, char **reason)
{
	const struct scheduler *s = j->s;
	int64_t late = now - newest, run;
	bool was_missed = late > ON_TIME_MS || newest <= s->first_look_ms;
	bool is_caught = was_missed && late <= j->catch_up_ms;
	char text[32];

	*trigger = is_caught ? "catch-up" : "schedule";
	if (j->is_paused) {
		*reason = xstrdup("paused");
		return "skipped";
	}
	if (late > ON_TIME_MS && !is_caught) {
		str_format_duration(late / 1000 * 1000, text, sizeof(text));
		*reason = xasprintf("%s late, more than catch_up allows", text);
		return "missed";
	}
	run = s->runner->current(s->d->runner, j->name);
	if (run != 0) {
		*reason = xasprintf("overlap: run %" PRId64 " still goes on",
		    run);
		return "skipped";
	}
	return NULL;
}

static void
batch_fill(struct sched_job *j, int64_t newest, int64_t now)
{
	char *reason = NULL, at[STR_TIME_MAX];
	const char *verdict, *trigger;

	verdict = newest_verdict(j, newest, now, &trigger, &reason);
	if (verdict != NULL) {
		batch_older(j, newest, verdict, reason);
		batch_add(&j->batch, newest, verdict, reason);
	} else {
		str_format_time(newest, at);
		reason = xasprintf("merged into the run for %s", at);
		batch_older(j, newest, "merged", reason);
		j->batch.trigger = trigger;
		j->batch.run_due_ms = newest;
	}
	free(reason);
}

/*
 * --- One step after the other.
 */
static void batch_step(struct sched_job *);

static void
batch_end(struct sched_job *j)
{
	sched_batch_done(&j->batch);
	j->is_busy = false;
	scheduler_arm(j->s);
}

/* What is not recorded is still due: the next look tries again. */
static void
batch_fail(struct sched_job *j, const struct err *e)
{
	log_error("job=%s schedule=failed error=\"%s\"", j->name, e->msg);
	j->has_failed = true;
	batch_end(j);
}

static void
job_advance(struct sched_job *j, int64_t due)
{
	if (due > j->last_due_ms)
		j->last_due_ms = due;
}

static void
on_row_recorded(void *arg, const struct err *e)
{
	struct sched_job *j = arg;
	struct sched_row *row;
	char due[STR_TIME_MAX];

	if (scheduler_answered(j->s))
		return;
	if (e != NULL) {
		batch_fail(j, e);
		return;
	}
	row = &j->batch.rows[j->batch.at++];
	job_advance(j, row->due_ms);
	str_format_time(row->due_ms, due);
	log_warn("job=%s due=%s firing=%s reason=\"%s\"", j->name, due,
	    row->verdict, row->reason);
	batch_step(j);
}

static void
on_triggered(void *arg, int64_t run, const struct err *e)
{
	struct sched_job *j = arg;
	struct scheduler *s = j->s;

	(void)run;
	if (scheduler_answered(s))
		return;
	if (e == NULL) {
		job_advance(j, j->batch.run_due_ms);
		batch_end(j);
	} else if (e->code == ERR_BUSY && s->is_running) {
		/* Somebody was quicker: that run stands for it. */
		j->batch.trigger = NULL;
		batch_add(&j->batch, j->batch.run_due_ms, "skipped",
		    "overlap: another run was started");
		batch_step(j);
	} else {
		batch_fail(j, e);
	}
}

static void
batch_step(struct sched_job *j)
{
	struct sched_batch *b = &j->batch;
	struct scheduler *s = j->s;

	if (!s->is_running) {
		batch_end(j);
	} else if (b->at < b->n) {
		struct sched_row *row = &b->rows[b->at];

		s->pending++;
		history_firing(s->d->history, j->name, row->due_ms,
		    row->verdict, row->reason, on_row_recorded, j);
	} else if (b->trigger != NULL) {
		s->pending++;
		s->runner->trigger(s->d->runner, j->name, b->trigger,
		    b->run_due_ms, on_triggered, j);
	} else {
		batch_end(j);
	}
}

/*
 * A clock that once was far ahead would keep the job from running until that
 * time comes; one set back by hours must not let a firing run twice.
 */
static void
job_check_ahead(struct sched_job *j, int64_t now)
{
	char due[STR_TIME_MAX];

	if (j->last_due_ms - now <= AHEAD_MAX_MS)
		return;
	str_format_time(j->last_due_ms, due);
	log_warn("job=%s schedule=reset reason=\"the clock had been at %s\"",
	    j->name, due);
	j->last_due_ms = now;
}

void
scheduler_account(struct sched_job *j, int64_t now_ms)
{
	j->has_failed = false;
	job_check_ahead(j, now_ms);
	if (job_next(j, j->last_due_ms) > now_ms)
		return;
	j->is_busy = true;
	batch_fill(j, last_due(j, j->last_due_ms, now_ms), now_ms);
	batch_step(j);
}
