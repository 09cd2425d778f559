/*
 * scheduler_plan.c - from the configuration to expressions and zones.
 *
 * Zone files are read on the pool; what comes back is merged into the jobs.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "scheduler_int.h"

struct plan_item {
	char *name;
	char *cron;
	char *timezone; /* NULL: the expression's or the machine's. */
	int64_t catch_up_ms;
	struct cron_expr *expr;
	struct cron_zone *zone;
	struct err err;
};

struct plan {
	struct scheduler *s;
	struct work work;
	size_t n;
	struct plan_item *items;
};

static void
plan_free(struct plan *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		free(p->items[i].name);
		free(p->items[i].cron);
		free(p->items[i].timezone);
		cron_expr_free(p->items[i].expr);
		cron_zone_free(p->items[i].zone);
	}
	free(p->items);
	free(p);
}

static struct plan *
plan_new(struct scheduler *s)
{
	json_t *jobs = (json_t *)conf_jobs(s->d->conf), *job;
	struct plan *p = xcalloc(1, sizeof(*p));
	const char *name, *zone;

	p->s = s;
	p->items = xcalloc(json_object_size(jobs) + 1, sizeof(*p->items));
	json_object_foreach(jobs, name, job) {
		const json_t *schedule = json_get_object(job, "schedule");
		struct plan_item *it = &p->items[p->n];

		if (schedule == NULL || !json_get_bool(job, "enabled", true))
			continue;
		zone = json_get_str(schedule, "timezone", NULL);
		it->name = xstrdup(name);
		it->cron = xstrdup(json_get_str(schedule, "cron", ""));
		it->timezone = zone == NULL ? NULL : xstrdup(zone);
		it->catch_up_ms = json_get_int(schedule, "catch_up", 0);
		p->n++;
	}
	return p;
}

/* On the pool: it reads files. */
static void
plan_work(void *arg)
{
	struct plan *p = arg;
	size_t i;

	for (i = 0; i < p->n; i++) {
		struct plan_item *it = &p->items[i];
		const char *zone = it->timezone;

		it->expr = cron_expr_parse(it->cron, &it->err);
		if (it->expr == NULL)
			continue;
		if (cron_expr_zone(it->expr) != NULL)
			zone = cron_expr_zone(it->expr);
		it->zone = cron_zone_load(zone, &it->err);
	}
}

static void
on_seen(void *arg, const struct err *e)
{
	struct scheduler *s = arg;

	if (scheduler_answered(s))
		return;
	if (e != NULL)
		log_warn("schedule=unrecorded error=\"%s\"", e->msg);
}

/* Count from now: what the new schedule would have meant before is nothing. */
static void
job_begin(struct sched_job *j)
{
	struct scheduler *s = j->s;
	int64_t now = env_wall_ms(s->d->env);

	if (now > j->last_due_ms)
		j->last_due_ms = now;
	s->pending++;
	history_job_seen(s->d->history, j->name, now, on_seen, s);
}

static void
job_unplan(struct sched_job *j)
{
	cron_expr_free(j->expr);
	cron_zone_free(j->zone);
	j->expr = NULL;
	j->zone = NULL;
}

static void
job_plan(struct sched_job *j, struct plan_item *it, bool is_first)
{
	char *key = xasprintf("%s|%s", it->timezone == NULL ? "" : it->timezone,
	    it->cron);
	bool is_new = j->key == NULL || strcmp(j->key, key) != 0;

	free(j->key);
	j->key = key;
	job_unplan(j);
	if (it->expr == NULL || it->zone == NULL) {
		log_error("job=%s schedule=refused error=\"%s\"", j->name,
		    it->err.msg);
		return;
	}
	j->expr = it->expr;
	j->zone = it->zone;
	it->expr = NULL;
	it->zone = NULL;
	j->catch_up_ms = it->catch_up_ms;
	/* After a start, what the history knows of the job is its past. */
	if (is_first ? j->last_due_ms == 0 : is_new)
		job_begin(j);
}

static void
plan_merge(struct plan *p, bool is_first)
{
	struct scheduler *s = p->s;
	struct sched_job *j;
	size_t i;

	for (j = s->jobs; j != NULL; j = j->next) {
		for (i = 0; i < p->n; i++)
			if (strcmp(p->items[i].name, j->name) == 0)
				break;
		if (i < p->n)
			continue;
		job_unplan(j);
		free(j->key);
		j->key = NULL;
	}
	for (i = 0; i < p->n; i++)
		job_plan(scheduler_job(s, p->items[i].name), &p->items[i],
		    is_first);
}

static void
on_planned(void *arg)
{
	struct plan *p = arg;
	struct scheduler *s = p->s;
	scheduler_done_fn *fn;
	bool is_first = !s->is_planned;

	if (scheduler_answered(s) || !s->is_running) {
		plan_free(p);
		return;
	}
	s->is_planning = false;
	s->is_planned = true;
	s->planned_ms = env_mono_ms(s->d->env);
	plan_merge(p, is_first);
	plan_free(p);
	if (s->plan_again)
		scheduler_plan(s);
	/* The first look comes from the loop, at once. */
	env_timer_start(s->timer, 0);
	fn = s->start_fn;
	s->start_fn = NULL;
	if (fn != NULL)
		fn(s->start_arg, NULL);
}

void
scheduler_plan(struct scheduler *s)
{
	struct plan *p;

	s->plan_again = s->is_planning;
	if (s->is_planning)
		return;
	s->is_planning = true;
	p = plan_new(s);
	s->pending++;
	work_submit(s->d->pool, &p->work, plan_work, on_planned, p);
}
