/* control_cmds.c - the short handlers; see control_cmds.h. */
#include "control_cmds.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon.h"
#include "scheduler.h"
#include "wire/wire.h"

#define JOBS_MAX 256

int
control_check_job(struct daemon *d, const char *job, struct err *e)
{
	const char *names[JOBS_MAX], *near, *name;
	size_t n = 0;
	json_t *v;

	if (conf_job(d->conf, job) != NULL)
		return 0;
	/* The tree is constant; jansson only lacks the word for it. */
	json_object_foreach((json_t *)(uintptr_t)conf_jobs(d->conf), name, v)
		if (n < JOBS_MAX)
			names[n++] = name;
	near = str_nearest(job, names, n);
	return err_set(e, ERR_NOT_FOUND, "there is no job '%.100s'%s%s%s", job,
	    near == NULL ? "" : "; did you mean '", near == NULL ? "" : near,
	    near == NULL ? "" : "'?");
}

/* What the history shows of a run, and of a store in it. */
static const char *const run_members[] = {
	"run",
	"job",
	"kind",
	"state",
	"trigger",
	"scheduled_for",
	"started",
	"finished",
	"as_of",
	"downtime_ms",
	"healthy_ms",
	"bytes_read",
	"bytes_stored",
	"snapshot",
	"step",
	"attempt",
	"warnings",
	"error",
};
static const char *const store_members[] = { "store", "verdict", "bytes",
	"error" };

static json_t *
view_pick(const json_t *from, const char *const *names, size_t n)
{
	json_t *to = json_object(), *v;
	size_t i;

	for (i = 0; i < n; i++) {
		v = json_object_get(from, names[i]);
		json_put(to, names[i],
		    v == NULL ? json_null() : json_incref(v));
	}
	return to;
}

json_t *
control_run_view(const json_t *run)
{
	json_t *view = view_pick(run, run_members, COUNT_OF(run_members));
	json_t *stores = json_array(), *v;
	size_t i;

	json_array_foreach(json_get_array(run, "stores"), i, v)
		BUG_IF(json_array_append_new(stores,
			   view_pick(v, store_members,
			       COUNT_OF(store_members))) != 0);
	json_put(view, "stores", stores);
	/* What a task found. */
	v = json_get_array(json_get_object(run, "details"), "results");
	if (v != NULL)
		json_put(view, "results", json_incref(v));
	return view;
}

static json_t *
cmds_daemon(struct daemon *d)
{
	json_t *v = json_object();

	json_put_str(v, "version", RAGBACKUP_VERSION);
	json_put_int(v, "protocol", WIRE_PROTOCOL);
	json_put_int(v, "pid", getpid());
	json_put_time(v, "started", d->started_ms);
	json_put_int(v, "uptime_ms", env_wall_ms(d->env) - d->started_ms);
	json_put_str(v, "config", d->conf_path);
	json_put_str(v, "instance", history_instance(d->history));
	json_put_bool(v, "stopping", d->is_stopping);
	return v;
}

void
control_cmd_ping(struct control_request *req)
{
	control_answer(req, cmds_daemon(control_daemon(req)));
}

void
control_cmd_version(struct control_request *req)
{
	control_answer(req, cmds_daemon(control_daemon(req)));
}

static void
on_reloaded(void *arg, const struct err *e)
{
	struct control_request *req = arg;
	json_t *v;

	if (e != NULL && e->code != ERR_NONE) {
		control_fail(req, e);
		return;
	}
	v = json_object();
	json_put_str(v, "config", control_daemon(req)->conf_path);
	json_put_bool(v, "reloaded", true);
	control_answer(req, v);
}

void
control_cmd_reload(struct control_request *req)
{
	daemon_reload(control_daemon(req), on_reloaded, req);
}

static void
on_paused(void *arg, const struct err *e)
{
	struct control_request *req = arg;
	json_t *v;

	if (e != NULL && e->code != ERR_NONE) {
		control_fail(req, e);
		return;
	}
	v = json_object();
	json_put_str(v, "job", control_arg(req, "job"));
	json_put_bool(v, "paused", control_cmd(req)->id == CTL_CMD_pause);
	control_answer(req, v);
}

static void
cmds_pause(struct control_request *req, bool is_paused)
{
	struct daemon *d = control_daemon(req);
	const char *job = control_arg(req, "job");
	struct err e = ERR_INIT;

	if (control_check_job(d, job, &e) == -1) {
		control_fail(req, &e);
		return;
	}
	scheduler_pause(d->scheduler, job, is_paused, on_paused, req);
}

void
control_cmd_pause(struct control_request *req)
{
	cmds_pause(req, true);
}

void
control_cmd_resume(struct control_request *req)
{
	cmds_pause(req, false);
}
