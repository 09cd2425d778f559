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
#include "runner_int.h"

static void runner_start_next(struct runner *);

/*
 * --- Waiting.
 */
void
runner_wait(struct runner *r, int64_t run, const char *host, runner_done_fn *fn,
    void *arg)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->run = run;
	w->host = host == NULL ? NULL : xstrdup(host);
	w->fn = fn;
	w->arg = arg;
	w->next = r->waiters;
	r->waiters = w;
}

static void
waiter_free(struct waiter *w)
{
	free(w->host);
	free(w);
}

void
runner_wake_waiters(struct runner *r, int64_t run, const char *host,
    const struct err *e)
{
	struct waiter **at = &r->waiters, *w, *woken = NULL;

	while ((w = *at) != NULL) {
		if (w->run != run ||
		    (host != NULL &&
			(w->host == NULL || strcmp(w->host, host) != 0))) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->next = woken;
		woken = w;
	}
	while ((w = woken) != NULL) {
		woken = w->next;
		w->fn(w->arg, e);
		waiter_free(w);
	}
}

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
		if (strcmp(run->job, job) == 0)
			return run;
	for (run = r->queue; run != NULL; run = run->next)
		if (strcmp(run->job, job) == 0)
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
static void
runner_check_stopped(struct runner *r)
{
	runner_done_fn *fn = r->stop_fn;

	if (!r->is_stopping || r->running != NULL || r->queue != NULL ||
	    r->adding != NULL || fn == NULL)
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
	runner_debts_load(r);
	runner_start_next(r);
	runner_check_stopped(r);
}

static void
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
runner_count(const struct runner *r)
{
	const struct run *run;
	unsigned n = 0;

	for (run = r->running; run != NULL; run = run->next)
		n++;
	return n;
}

static void
runner_start(struct runner *r, struct run *run)
{
	run_unlink(&r->queue, run);
	run_append(&r->running, run);
	run->is_started = true;
	run->ops->start(run);
}

static void
runner_start_next(struct runner *r)
{
	int64_t max = json_get_int(conf_daemon(r->d->conf), "max_runs", 2);

	while (!r->is_stopping && r->queue != NULL && runner_count(r) < max)
		runner_start(r, r->queue);
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
		run = backup_new(r->d, id, a->uuid, a->frozen);
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
	struct adding *a;
	struct run *run;

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
		if (strcmp(json_get_str(a->frozen, "name", ""), job) == 0)
			return err_set(e, ERR_BUSY,
			    "job '%s' is being started already", job);
	return 0;
}

void
runner_trigger(struct runner *r, const char *job, const char *trigger,
    int64_t scheduled_ms, runner_id_fn *fn, void *arg)
{
	struct history_new_run row;
	struct err e = ERR_INIT;
	struct refusal *f;
	struct adding *a;

	if (runner_may_add(r, job, &e) == -1) {
		f = xcalloc(1, sizeof(*f));
		f->fn = fn;
		f->arg = arg;
		f->err = e;
		(void)defer_call(r->d->loop, on_refused, f);
		return;
	}
	a = xcalloc(1, sizeof(*a));
	a->r = r;
	a->fn = fn;
	a->arg = arg;
	a->frozen = conf_freeze(r->d->conf, job);
	env_uuid(r->d->env, a->uuid);
	a->next = r->adding;
	r->adding = a;
	memset(&row, 0, sizeof(row));
	row.uuid = a->uuid;
	row.job = job;
	row.kind = "backup";
	row.trigger = trigger;
	row.scheduled_ms = scheduled_ms;
	row.queued_ms = env_wall_ms(r->d->env);
	row.attempt = 1;
	row.config = a->frozen;
	history_run_add(r->d->history, &row, on_run_added, a);
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
	runner_wait(r, run == NULL ? -1 : id, NULL, fn, arg);
	if (run == NULL || run->ops->cancel(run, &e, &why) == -1)
		runner_wake_waiters(r, run == NULL ? -1 : id, NULL, &why);
}

/*
 * --- Start-up.
 */
static void
runner_close_unfit(struct runner *r, const json_t *row, const struct err *e)
{
	json_t *set = json_object();

	log_error("run=%" PRId64 " error=\"cannot be recovered: %s\"",
	    json_get_int(row, "run", 0), e->msg);
	json_put_str(set, "state", "failed");
	json_put_str(set, "error", e->msg);
	json_put_str(set, "error_code", err_name(ERR_CRASHED));
	json_put_int(set, "finished", env_wall_ms(r->d->env));
	history_run_set(r->d->history, json_get_int(row, "run", 0), set,
	    run_on_history, NULL);
}

static void
runner_revive(struct runner *r, const json_t *row)
{
	struct err e = ERR_INIT;
	struct run *run = backup_revive(r->d, row, &e);

	if (run == NULL) {
		runner_close_unfit(r, row, &e);
		return;
	}
	log_warn("run=%" PRId64 " job=%s step=%s recovery=started", run->id,
	    run->job, json_get_str(row, "step", "?"));
	runner_debts_attach(r, run);
	runner_adopt(r, run);
	/* Giving back does not wait for a place in the queue. */
	if (strcmp(json_get_str(row, "step", "QUEUED"), "QUEUED") != 0)
		runner_start(r, run);
}

static void
on_unfinished_read(void *arg, json_t *rows, const struct err *e)
{
	struct runner *r = arg;
	size_t i;

	for (i = 0; i < json_array_size(rows); i++)
		runner_revive(r, json_array_get(rows, i));
	json_decref(rows);
	runner_debts_load(r);
	runner_start_next(r);
	r->recover_fn(r->recover_arg, e);
}

static void
on_first_debts_read(void *arg, json_t *rows, const struct err *e)
{
	struct runner *r = arg;

	if (e != NULL)
		log_error("debts error=\"%s\"", e->msg);
	runner_debts_take(r, rows);
	history_unfinished(r->d->history, on_unfinished_read, r);
}

void
runner_recover(struct runner *r, runner_done_fn *fn, void *arg)
{
	r->recover_fn = fn;
	r->recover_arg = arg;
	history_debts(r->d->history, on_first_debts_read, r);
}

/*
 * --- Stop, life, status.
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
	defer_cancel(r->soon);
	r->soon = defer_call(r->d->loop, on_stop_due, r);
}

struct runner *
runner_new(struct daemon *d)
{
	struct runner *r = xcalloc(1, sizeof(*r));

	r->d = d;
	r->unsafe_hosts = json_object();
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
	while ((w = r->waiters) != NULL) {
		r->waiters = w->next;
		waiter_free(w);
	}
	while ((v = r->watches) != NULL) {
		r->watches = v->next;
		defer_cancel(v->soon);
		free(v);
	}
	defer_cancel(r->soon);
	json_decref(r->unsafe_hosts);
	free(r);
}

void
runner_note_host(struct runner *r, const char *host, bool is_reboot_safe)
{
	if (is_reboot_safe)
		(void)json_object_del(r->unsafe_hosts, host);
	else
		json_put_bool(r->unsafe_hosts, host, true);
}

static json_t *
runner_status_warnings(const struct runner *r)
{
	json_t *list = json_array(), *o = json_object(), *v;
	const char *host;
	char *text;

	json_object_foreach(r->unsafe_hosts, host, v) {
		text = xasprintf("a reboot of host %s while services are "
				 "stopped is not covered there (no atd); the "
				 "daemon repairs it at its next contact",
		    host);
		json_put_str(o, "text", text);
		(void)json_array_append(list, json_object_get(o, "text"));
		free(text);
	}
	json_decref(o);
	return list;
}

static json_t *
runner_status_run(const struct run *run)
{
	json_t *o = json_object();

	json_put_int(o, "run", run->id);
	json_put_str(o, "job", run->job);
	json_put_str(o, "kind", run->ops->kind);
	json_put_str(o, "host", run->host);
	json_put_str(o, "step",
	    json_get_str(run->last_event, "step", "QUEUED"));
	json_put(o, "bytes",
	    json_integer(json_get_int(run->last_event, "bytes", 0)));
	if (json_is_integer(json_object_get(run->last_event, "total")))
		json_put_int(o, "total",
		    json_get_int(run->last_event, "total", 0));
	else
		json_put(o, "total", json_null());
	return o;
}

json_t *
runner_status(const struct runner *r)
{
	json_t *o = json_object(), *running = json_array(),
	       *queued = json_array(), *debts = json_array();
	const struct run *run;

	for (run = r->running; run != NULL; run = run->next)
		(void)json_array_append_new(running, runner_status_run(run));
	for (run = r->queue; run != NULL; run = run->next)
		(void)json_array_append_new(queued, runner_status_run(run));
	runner_debts_status(r, debts);
	json_put(o, "running", running);
	json_put(o, "queued", queued);
	json_put(o, "debts", debts);
	json_put(o, "warnings", runner_status_warnings(r));
	return o;
}
