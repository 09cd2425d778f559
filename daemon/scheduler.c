/* scheduler.c - see scheduler.h: the clock, pauses, and who is asked. */
#include "scheduler.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "scheduler_int.h"

#define LOOK_MS 30000 /* A sleep or clock step shows then. */
#define REPLAN_MS (INT64_C(24) * 3600000) /* Zone files change, too. */

static void scheduler_read(struct scheduler *);

/*
 * --- Lifetime.
 */
static void
job_free(struct sched_job *j)
{
	sched_batch_done(&j->batch);
	cron_expr_free(j->expr);
	cron_zone_free(j->zone);
	free(j->key);
	free(j->name);
	free(j);
}

static void
scheduler_destroy(struct scheduler *s)
{
	struct sched_job *j;

	while ((j = s->jobs) != NULL) {
		s->jobs = j->next;
		job_free(j);
	}
	free(s);
}

bool
scheduler_answered(struct scheduler *s)
{
	s->pending--;
	if (!s->is_dead)
		return false;
	if (s->pending == 0)
		scheduler_destroy(s);
	return true;
}

void
scheduler_free(struct scheduler *s)
{
	if (s == NULL)
		return;
	scheduler_stop(s);
	env_timer_free(s->timer);
	s->timer = NULL;
	s->is_dead = true;
	if (s->pending == 0)
		scheduler_destroy(s);
}

/*
 * --- Jobs.
 */
static struct sched_job *
find_job(const struct scheduler *s, const char *name)
{
	struct sched_job *j;

	for (j = s->jobs; j != NULL; j = j->next)
		if (strcmp(j->name, name) == 0)
			return j;
	return NULL;
}

struct sched_job *
scheduler_job(struct scheduler *s, const char *name)
{
	struct sched_job *j = find_job(s, name);

	if (j != NULL)
		return j;
	j = xcalloc(1, sizeof(*j));
	j->s = s;
	j->name = xstrdup(name);
	j->next = s->jobs;
	s->jobs = j;
	return j;
}

/*
 * --- The clock.
 */
static void
on_look(void *arg)
{
	struct scheduler *s = arg;
	int64_t now = env_wall_ms(s->d->env);
	struct sched_job *j;

	if (!s->is_known) {
		scheduler_read(s);
		return;
	}
	if (s->first_look_ms == 0 || now < s->first_look_ms)
		s->first_look_ms = now;
	if (env_mono_ms(s->d->env) - s->planned_ms >= REPLAN_MS)
		scheduler_plan(s);
	for (j = s->jobs; j != NULL; j = j->next)
		if (j->expr != NULL && !j->is_busy)
			scheduler_account(j, now);
	scheduler_arm(s);
}

/*
 * Wake for the next firing, or after 30 s to see how late it is.  One that
 * failed just now has until then; one that became due since the last look,
 * while the timer was being set for another job, has no time at all.
 */
void
scheduler_arm(struct scheduler *s)
{
	int64_t now = env_wall_ms(s->d->env), wait = -1, next;
	struct sched_job *j;

	if (!s->is_running)
		return;
	for (j = s->jobs; j != NULL; j = j->next) {
		if (j->expr == NULL)
			continue;
		if (wait == -1)
			wait = LOOK_MS;
		if (j->is_busy)
			continue; /* Its end comes here again. */
		next = cron_next(j->expr, j->zone, j->last_due_ms);
		if (next > now && next - now < wait)
			wait = next - now;
		else if (next <= now && !j->has_failed)
			wait = 0;
	}
	if (!s->is_known)
		wait = LOOK_MS;
	if (wait == -1)
		env_timer_stop(s->timer);
	else
		env_timer_start(s->timer, wait);
}

/*
 * --- Start and stop.
 */
static void
scheduler_take_known(struct scheduler *s, json_t *known)
{
	const char *name;
	json_t *v;

	json_object_foreach(known, name, v) {
		struct sched_job *j = scheduler_job(s, name);
		int64_t due = json_get_int(v, "last_due", 0);

		if (due > j->last_due_ms)
			j->last_due_ms = due;
		j->is_paused = json_get_bool(v, "paused", false);
	}
	s->is_known = true;
}

static void
on_jobs_read(void *arg, json_t *known, const struct err *e)
{
	struct scheduler *s = arg;
	scheduler_done_fn *fn;

	if (scheduler_answered(s) || !s->is_running) {
		json_decref(known);
		return;
	}
	if (e == NULL) {
		scheduler_take_known(s, known);
		json_decref(known);
		scheduler_plan(s);
		return; /* The first plan answers. */
	}
	log_error("schedule=unknown error=\"%s\"", e->msg);
	scheduler_arm(s);
	fn = s->start_fn;
	s->start_fn = NULL;
	if (fn != NULL)
		fn(s->start_arg, e);
}

static void
scheduler_read(struct scheduler *s)
{
	s->pending++;
	history_jobs(s->d->history, on_jobs_read, s);
}

struct scheduler *
scheduler_new_with(struct daemon *d, const struct scheduler_runner *runner)
{
	struct scheduler *s = xcalloc(1, sizeof(*s));

	s->d = d;
	s->runner = runner;
	s->timer = env_timer_new(d->env, on_look, s);
	return s;
}

void
scheduler_start(struct scheduler *s, scheduler_done_fn *fn, void *arg)
{
	BUG_IF(s->is_running);
	s->is_running = true;
	s->start_fn = fn;
	s->start_arg = arg;
	scheduler_read(s);
}

void
scheduler_stop(struct scheduler *s)
{
	s->is_running = false;
	env_timer_stop(s->timer);
}

void
scheduler_replan(struct scheduler *s)
{
	/* Before the history has been read, the first plan is still to come. */
	if (s->is_running && s->is_known)
		scheduler_plan(s);
}

size_t
scheduler_next(const struct scheduler *s, const char *job, size_t count,
    int64_t *out)
{
	const struct sched_job *j = find_job(s, job);
	int64_t at;
	size_t i;

	if (j == NULL || j->expr == NULL)
		return 0;
	at = env_wall_ms(s->d->env);
	if (j->last_due_ms > at)
		at = j->last_due_ms;
	for (i = 0; i < count; i++) {
		at = cron_next(j->expr, j->zone, at);
		if (at == CRON_NEVER)
			break;
		out[i] = at;
	}
	return i;
}

/*
 * --- Pauses.
 */
struct pausing {
	struct scheduler *s;
	char *job;
	bool is_paused;
	scheduler_done_fn *fn;
	void *arg;
};

static void
on_pause_recorded(void *arg, const struct err *e)
{
	struct pausing *p = arg;

	if (!scheduler_answered(p->s)) {
		if (e == NULL) {
			scheduler_job(p->s, p->job)->is_paused = p->is_paused;
			log_info("job=%s paused=%s", p->job,
			    p->is_paused ? "true" : "false");
		}
		p->fn(p->arg, e);
	}
	free(p->job);
	free(p);
}

void
scheduler_pause(struct scheduler *s, const char *job, bool is_paused,
    scheduler_done_fn *fn, void *arg)
{
	struct pausing *p = xcalloc(1, sizeof(*p));

	p->s = s;
	p->job = xstrdup(job);
	p->is_paused = is_paused;
	p->fn = fn;
	p->arg = arg;
	s->pending++;
	history_pause(s->d->history, job, is_paused, on_pause_recorded, p);
}

bool
scheduler_is_paused(const struct scheduler *s, const char *job)
{
	const struct sched_job *j = find_job(s, job);

	return j != NULL && j->is_paused;
}
