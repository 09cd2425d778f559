/* runner.c - see runner.h: the queue, the running, their end. */
#include "runner.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/backup.h"
#include "job/task.h"
#include "runner_int.h"

/*
 * --- Finding.
 */
struct run *
runner_find(const struct runner *r, int64_t id)
{
	struct run *run;

	for (run = r->running; run != NULL; run = run->next)
		if (run->id == id)
			return run;
	for (run = r->queue; run != NULL; run = run->next)
		if (run->id == id)
			return run;
	return NULL;
}

static struct run *
runner_find_job(const struct runner *r, const char *job)
{
	struct run *run;

	for (run = r->running; run != NULL; run = run->next)
		if (run_is_backup(run) && strcmp(run->job, job) == 0)
			return run;
	for (run = r->queue; run != NULL; run = run->next)
		if (run_is_backup(run) && strcmp(run->job, job) == 0)
			return run;
	return NULL;
}

int64_t
runner_current(const struct runner *r, const char *job)
{
	struct run *run = runner_find_job(r, job);

	return run == NULL ? 0 : run->id;
}

bool
runner_is_active(const struct runner *r, const char *uuid)
{
	const struct adding *a;
	const struct run *run;

	for (run = r->running; run != NULL; run = run->next)
		if (strcmp(run->uuid, uuid) == 0)
			return true;
	for (run = r->queue; run != NULL; run = run->next)
		if (strcmp(run->uuid, uuid) == 0)
			return true;
	for (a = r->adding; a != NULL; a = a->next)
		if (strcmp(a->uuid, uuid) == 0)
			return true;
	return false;
}

/*
 * --- Lists.
 */
static void
run_append(struct run **list, struct run *run)
{
	while (*list != NULL)
		list = &(*list)->next;
	run->next = NULL;
	*list = run;
}

static void
run_unlink(struct run **list, struct run *run)
{
	for (; *list != NULL; list = &(*list)->next)
		if (*list == run) {
			*list = run->next;
			return;
		}
}

/*
 * --- The end of a run.
 */
void
runner_check_stopped(struct runner *r)
{
	runner_done_fn *fn = r->stop_fn;

	if (!r->is_stopping || r->is_recovering || r->running != NULL ||
	    r->queue != NULL || r->adding != NULL || fn == NULL)
		return;
	r->stop_fn = NULL;
	r->is_stopped = true;
	fn(r->stop_arg, NULL);
}

static void
on_run_event(struct run *run, const json_t *event)
{
	runner_tell(run->d->runner, run, event);
}

static void
on_run_ended(struct run *run)
{
	struct runner *r = run->d->runner;
	int64_t id = run->id;

	run_unlink(&r->running, run);
	run_unlink(&r->queue, run);
	runner_tell_end(r, run);
	run->ops->free(run);
	runner_wake_waiters(r, id, NULL, NULL);
	/* It may have paid: what was known of it is read again. */
	runner_debts_forget(r, id);
	runner_debts_load(r);
	runner_start_next(r);
	runner_check_stopped(r);
}

void
runner_adopt(struct runner *r, struct run *run)
{
	run->on_event = on_run_event;
	run->on_ended = on_run_ended;
	run_append(&r->queue, run);
}

/*
 * --- The queue.
 */
static unsigned
runner_count(const struct runner *r, bool is_backup)
{
	const struct run *run;
	unsigned n = 0;

	for (run = r->running; run != NULL; run = run->next)
		n += run_is_backup(run) == is_backup;
	return n;
}

void
runner_start(struct runner *r, struct run *run)
{
	run_unlink(&r->queue, run);
	run_append(&r->running, run);
	run->is_started = true;
	run->ops->start(run);
}

/* A backup has its job for itself. */
static bool
runner_is_free(const struct runner *r, const struct run *run)
{
	const struct run *busy;

	if (!run_is_backup(run))
		return true;
	for (busy = r->running; busy != NULL; busy = busy->next)
		if (run_is_backup(busy) && strcmp(busy->job, run->job) == 0)
			return false;
	return true;
}

/* The oldest that may begin; before a dead daemon's runs are known none: what
 * they left looks like garbage until then. */
static struct run *
runner_next(const struct runner *r, bool is_backup)
{
	struct run *run;

	if (r->is_stopping || r->is_recovering)
		return NULL;
	for (run = r->queue; run != NULL; run = run->next)
		/* One that was canceled only waits for its row. */
		if (!run->is_ending && run_is_backup(run) == is_backup &&
		    runner_is_free(r, run))
			return run;
	return NULL;
}

void
runner_start_next(struct runner *r)
{
	int64_t max = json_get_int(conf_daemon(r->d->conf), "max_runs", 2);
	struct run *run;

	while (runner_count(r, true) < max &&
	    (run = runner_next(r, true)) != NULL)
		runner_start(r, run);
	while (runner_count(r, false) < max &&
	    (run = runner_next(r, false)) != NULL)
		runner_start(r, run);
}

static void
on_start_due(void *arg)
{
	struct runner *r = arg;

	r->soon = NULL;
	runner_start_next(r);
}

static void
on_run_added(void *arg, int64_t id, const struct err *e)
{
	struct adding *a = arg, **at;
	struct runner *r = a->r;
	struct run *run;
	struct err stopped;

	for (at = &r->adding; *at != a; at = &(*at)->next)
		continue;
	*at = a->next;
	if (e != NULL) {
		json_decref(a->frozen);
		a->fn(a->arg, 0, e);
	} else {
		CRASH_POINT("run added");
		run = a->kind == NULL
		    ? backup_new(r->d, id, a->uuid, a->frozen)
		    : task_new(r->d, a->kind, id, a->uuid, a->frozen);
		runner_adopt(r, run);
		/* Who asked may watch it before it starts. */
		a->fn(a->arg, id, NULL);
		if (r->is_stopping) {
			(void)err_set(&stopped, ERR_CANCELED,
			    "the daemon was stopped");
			(void)run->ops->cancel(run, &stopped, NULL);
		} else if (r->soon == NULL) {
			r->soon = defer_call(r->d->loop, on_start_due, r);
		}
	}
	free(a);
	runner_check_stopped(r);
}

struct refusal {
	runner_id_fn *fn;
	void *arg;
	struct err err;
};

static void
on_refused(void *arg)
{
	struct refusal *f = arg;

	f->fn(f->arg, 0, &f->err);
	free(f);
}

static int
runner_may_add(struct runner *r, const char *job, struct err *e)
{
	const struct adding *a;
	const struct run *run;

	if (r->is_stopping)
		return err_set(e, ERR_BUSY, "the daemon is stopping");
	if (conf_job(r->d->conf, job) == NULL)
		return err_set(e, ERR_NOT_FOUND, "no job '%s' in '%s'", job,
		    r->d->conf_path);
	if ((run = runner_find_job(r, job)) != NULL)
		return err_set(e, ERR_BUSY,
		    "job '%s' is running already "
		    "(run %" PRId64 ")",
		    job, run->id);
	for (a = r->adding; a != NULL; a = a->next)
		if (a->kind == NULL &&
		    strcmp(json_get_str(a->frozen, "name", ""), job) == 0)
			return err_set(e, ERR_BUSY,
			    "job '%s' is being started already", job);
	return 0;
}

static void
runner_refuse(struct runner *r, const struct err *e, runner_id_fn *fn,
    void *arg)
{
	struct refusal *f = xcalloc(1, sizeof(*f));

	f->fn = fn;
	f->arg = arg;
	err_copy(&f->err, e);
	(void)defer_call(r->d->loop, on_refused, f);
}

/* ${kind} NULL: a backup. */
static void
runner_add(struct runner *r, const struct task_kind *kind, json_t *frozen,
    const char *trigger, int64_t scheduled_ms, runner_id_fn *fn, void *arg)
{
	struct history_new_run row;
	struct adding *a = xcalloc(1, sizeof(*a));

	a->r = r;
	a->fn = fn;
	a->arg = arg;
	a->kind = kind;
	a->frozen = frozen;
	env_uuid(r->d->env, a->uuid);
	a->next = r->adding;
	r->adding = a;
	memset(&row, 0, sizeof(row));
	row.uuid = a->uuid;
	row.job = json_get_str(frozen, "name", "-");
	row.kind = kind == NULL ? "backup" : kind->kind;
	row.trigger = trigger;
	row.scheduled_ms = scheduled_ms;
	row.queued_ms = env_wall_ms(r->d->env);
	row.attempt = 1;
	row.config = a->frozen;
	history_run_add(r->d->history, &row, on_run_added, a);
}

void
runner_trigger(struct runner *r, const char *job, const char *trigger,
    int64_t scheduled_ms, runner_id_fn *fn, void *arg)
{
	struct err e = ERR_INIT;

	if (runner_may_add(r, job, &e) == -1)
		runner_refuse(r, &e, fn, arg);
	else
		runner_add(r, NULL, conf_freeze(r->d->conf, job), trigger,
		    scheduled_ms, fn, arg);
}

void
runner_add_task(struct runner *r, const char *kind, json_t *frozen,
    runner_id_fn *fn, void *arg)
{
	struct err e = ERR_INIT;

	if (r->is_stopping) {
		json_decref(frozen);
		(void)err_set(&e, ERR_BUSY, "the daemon is stopping");
		runner_refuse(r, &e, fn, arg);
		return;
	}
	runner_add(r, task_find_kind(kind), frozen, "manual", 0, fn, arg);
}

struct no_cancel {
	runner_done_fn *fn;
	void *arg;
	struct err err;
};

static void
on_not_canceled(void *arg)
{
	struct no_cancel *n = arg;

	n->fn(n->arg, &n->err);
	free(n);
}

/* Others that wait for the same run go on waiting. */
static void
runner_refuse_cancel(struct runner *r, const struct err *why,
    runner_done_fn *fn, void *arg)
{
	struct no_cancel *n = xcalloc(1, sizeof(*n));

	n->fn = fn;
	n->arg = arg;
	err_copy(&n->err, why);
	(void)defer_call(r->d->loop, on_not_canceled, n);
}

void
runner_cancel(struct runner *r, int64_t id, runner_done_fn *fn, void *arg)
{
	struct run *run = runner_find(r, id);
	struct err e, why = ERR_INIT;

	(void)err_set(&e, ERR_CANCELED, "canceled on request");
	if (run == NULL)
		(void)err_set(&why, ERR_NOT_FOUND,
		    "run %" PRId64 " is not running", id);
	if (run == NULL || run->ops->cancel(run, &e, &why) == -1)
		runner_refuse_cancel(r, &why, fn, arg);
	else
		runner_wait(r, id, NULL, fn, arg);
}

/*
 * --- Stop, life.
 */
static void
on_stop_due(void *arg)
{
	struct runner *r = arg;

	r->soon = NULL;
	runner_check_stopped(r);
}

void
runner_stop(struct runner *r, runner_done_fn *fn, void *arg)
{
	struct run *run, *next;
	struct err e, why;

	(void)err_set(&e, ERR_CANCELED, "the daemon was stopped");
	r->is_stopping = true;
	r->stop_fn = fn;
	r->stop_arg = arg;
	for (run = r->queue; run != NULL; run = next) {
		next = run->next;
		(void)run->ops->cancel(run, &e, &why);
	}
	for (run = r->running; run != NULL; run = next) {
		next = run->next;
		if (run->ops->cancel(run, &e, &why) == -1)
			log_info("stop=waiting reason=\"%s\"", why.msg);
	}
	/* What is owed on a host is tried again at the next start. */
	runner_wake_hosts(r, &e);
	defer_cancel(r->soon);
	r->soon = defer_call(r->d->loop, on_stop_due, r);
}

struct runner *
runner_new(struct daemon *d)
{
	struct runner *r = xcalloc(1, sizeof(*r));

	r->d = d;
	r->unsafe_hosts = json_object();
	r->paid = json_object();
	r->waits = json_object();
	return r;
}

void
runner_free(struct runner *r)
{
	struct waiter *w;
	struct runner_watch *v;

	if (r == NULL)
		return;
	BUG_IF(r->running != NULL || r->queue != NULL || r->adding != NULL);
	runner_debts_free(r);
	runner_close_free(r);
	while ((w = r->waiters) != NULL) {
		r->waiters = w->next;
		runner_waiter_free(w);
	}
	while ((v = r->watches) != NULL) {
		r->watches = v->next;
		defer_cancel(v->soon);
		free(v);
	}
	defer_cancel(r->soon);
	json_decref(r->unsafe_hosts);
	json_decref(r->paid);
	json_decref(r->waits);
	free(r);
}
