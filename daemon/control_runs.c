/* control_runs.c - trigger, cancel, watch, history, show. */
#include "control_cmds.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon.h"
#include "runner.h"

#define HISTORY_MAX 10000

/* A request that follows a run until its end. */
struct follow {
	struct control_request *req;
	struct daemon *daemon;
	int64_t run;
	struct runner_watch *watch;
	struct defer *ended;
	struct err err; /* Of the cancel. */
	bool is_cancel; /* The end is told by runner_cancel(). */
};

static void
follow_free(struct follow *f)
{
	if (f->watch != NULL)
		runner_unwatch(f->watch);
	defer_cancel(f->ended);
	free(f);
}

static void
on_final_run(void *arg, json_t *run, const struct err *e)
{
	struct follow *f = arg;
	struct control_request *req = f->req;

	follow_free(f);
	if (run == NULL) {
		control_fail(req, e);
		return;
	}
	control_answer(req, control_run_view(run));
	json_decref(run);
}

/* The run is over: its row is the answer. */
static void
follow_answer(struct follow *f)
{
	control_on_gone(f->req, NULL, NULL);
	/* The history may answer later than the runner lives. */
	if (f->watch != NULL)
		runner_unwatch(f->watch);
	f->watch = NULL;
	history_run_get(f->daemon->history, f->run, on_final_run, f);
}

static void
on_end_seen(void *arg)
{
	struct follow *f = arg;
	struct control_request *req = f->req;

	f->ended = NULL;
	if (f->err.code == ERR_NONE) {
		follow_answer(f);
		return;
	}
	control_fail(req, &f->err);
	follow_free(f);
}

static void
on_event(void *arg, const json_t *event)
{
	struct follow *f = arg;
	const char *what = json_get_str(event, "event", "");

	control_progress(f->req, json_deep_copy(event),
	    strcmp(what, "progress") == 0);
	/* Not from within the runner's own call. */
	if (strcmp(what, "end") == 0 && !f->is_cancel && f->ended == NULL)
		f->ended = defer_call(f->daemon->loop, on_end_seen, f);
}

static void
on_follower_gone(void *arg)
{
	struct follow *f = arg;
	struct control_request *req = f->req;

	follow_free(f);
	control_end(req, NULL);
}

static struct follow *
follow_new(struct control_request *req, int64_t run)
{
	struct follow *f = xcalloc(1, sizeof(*f));

	f->req = req;
	f->daemon = control_daemon(req);
	f->run = run;
	return f;
}

void
control_follow(struct control_request *req, int64_t run)
{
	struct follow *f = follow_new(req, run);

	f->watch = runner_watch(f->daemon->runner, run, on_event, f);
	if (f->watch == NULL)
		follow_answer(f);
	else
		control_on_gone(req, on_follower_gone, f);
}

void
control_cmd_watch(struct control_request *req)
{
	control_follow(req, control_arg_int(req, "run"));
}

static json_t *
runs_started(const struct control_request *req, int64_t run)
{
	json_t *v = json_object();

	json_put_int(v, "run", run);
	json_put_str(v, "job", control_arg(req, "job"));
	return v;
}

static void
on_triggered(void *arg, int64_t run, const struct err *e)
{
	struct control_request *req = arg;
	json_t *v;

	if (e != NULL && e->code != ERR_NONE) {
		control_fail(req, e);
		return;
	}
	v = runs_started(req, run);
	if (!control_arg_bool(req, "wait")) {
		control_answer(req, v);
		return;
	}
	/* Tell the number at once: who stops watching needs it. */
	json_put_str(v, "event", "started");
	control_progress(req, v, false);
	control_follow(req, run);
}

void
control_cmd_trigger(struct control_request *req)
{
	struct daemon *d = control_daemon(req);
	const char *job = control_arg(req, "job");
	struct err e = ERR_INIT;

	if (control_check_job(d, job, &e) == -1) {
		control_fail(req, &e);
		return;
	}
	runner_trigger(d->runner, job, "manual", 0, on_triggered, req);
}

static void
on_canceled(void *arg, const struct err *e)
{
	struct follow *f = arg;

	err_copy(&f->err, e);
	f->ended = defer_call(f->daemon->loop, on_end_seen, f);
}

void
control_cmd_cancel(struct control_request *req)
{
	struct follow *f = follow_new(req, control_arg_int(req, "run"));

	/* The cancel goes on to its end even when the client goes. */
	f->is_cancel = true;
	f->watch = runner_watch(f->daemon->runner, f->run, on_event, f);
	runner_cancel(f->daemon->runner, f->run, on_canceled, f);
}

static int
history_filter_of(const struct control_request *req,
    struct history_filter *filter, struct err *e)
{
	static const char *const states[] = { "running", "done", "partial",
		"failed", "canceled" };
	const char *since = control_arg(req, "since");
	const char *until = control_arg(req, "until");
	int64_t limit = control_arg_int(req, "limit");
	size_t i;

	memset(filter, 0, sizeof(*filter));
	filter->job = control_arg(req, "job");
	filter->state = control_arg(req, "state");
	/* The table has checked that they are times. */
	if (since != NULL)
		(void)str_parse_time(since, &filter->since_ms);
	if (until != NULL)
		(void)str_parse_time(until, &filter->until_ms);
	if (limit > HISTORY_MAX)
		return err_set(e, ERR_USAGE, "limit is at most %d",
		    HISTORY_MAX);
	filter->limit = (unsigned)limit;
	for (i = 0; filter->state != NULL && i < COUNT_OF(states); i++)
		if (strcmp(states[i], filter->state) == 0)
			return 0;
	return filter->state == NULL
	    ? 0
	    : err_set(e, ERR_USAGE,
		  "'%.40s' is "
		  "no state: running, done, partial, failed, canceled",
		  filter->state);
}

static void
on_history(void *arg, json_t *runs, const struct err *e)
{
	struct control_request *req = arg;
	const char *job = control_arg(req, "job");
	struct err unknown = ERR_INIT;

	if (runs == NULL) {
		control_fail(req, e);
		return;
	}
	/* A job that was renamed still has its history. */
	if (job != NULL && json_array_size(runs) == 0 &&
	    control_check_job(control_daemon(req), job, &unknown) == -1) {
		json_decref(runs);
		control_fail(req, &unknown);
		return;
	}
	control_list(req, runs, control_run_view, NULL);
}

void
control_cmd_history(struct control_request *req)
{
	struct history_filter filter;
	struct err e = ERR_INIT;

	if (history_filter_of(req, &filter, &e) == -1)
		control_fail(req, &e);
	else
		history_runs(control_daemon(req)->history, &filter, on_history,
		    req);
}

static void
on_run(void *arg, json_t *run, const struct err *e)
{
	struct control_request *req = arg;

	if (run == NULL)
		control_fail(req, e);
	else
		control_answer(req, run);
}

void
control_cmd_show(struct control_request *req)
{
	history_run_get(control_daemon(req)->history,
	    control_arg_int(req, "run"), on_run, req);
}
