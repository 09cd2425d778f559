/* control_status.c - status and next: what is, and what comes. */
#include "control_cmds.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon.h"
#include "runner.h"
#include "scheduler.h"

#define NEXT_MAX 100
#define NEXT_ALL 1 /* Firings of each job, when all jobs are asked for, */
#define NEXT_ONE 5 /* and of the one that is. */

/* The configured jobs, or the one that was asked for. */
static json_t *
status_jobs(const struct control_request *req, struct err *e)
{
	struct daemon *d = control_daemon(req);
	const char *only = control_arg(req, "job"), *name;
	json_t *names = json_array(), *v;

	if (only != NULL && control_check_job(d, only, e) == -1) {
		json_decref(names);
		return NULL;
	}
	json_object_foreach((json_t *)(uintptr_t)conf_jobs(d->conf), name, v)
		if (only == NULL || strcmp(only, name) == 0)
			BUG_IF(json_array_append_new(names,
				   json_string(name)) != 0);
	return names;
}

static bool
status_is_listed(const json_t *list, int64_t run)
{
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (json_get_int(v, "run", 0) == run)
			return true;
	return false;
}

static const char *
status_state(struct daemon *d, const char *job, const json_t *status,
    int64_t run)
{
	if (run != 0)
		return status_is_listed(json_get_array(status, "queued"), run)
		    ? "queued"
		    : "running";
	if (!json_get_bool(conf_job(d->conf, job), "enabled", true))
		return "disabled";
	return scheduler_is_paused(d->scheduler, job) ? "paused" : "idle";
}

static json_t *
status_run(const json_t *known, const char *which)
{
	const json_t *run = json_get_object(known, which);

	return run == NULL ? json_null() : control_run_view(run);
}

static json_t *
status_job(struct daemon *d, const char *job, const json_t *status,
    const json_t *known)
{
	int64_t run = runner_current(d->runner, job), at = 0;
	json_t *v = json_object();

	json_put_str(v, "job", job);
	json_put_str(v, "state", status_state(d, job, status, run));
	json_put(v, "run", run == 0 ? json_null() : json_integer(run));
	json_put_bool(v, "paused", scheduler_is_paused(d->scheduler, job));
	json_put(v, "last", status_run(known, "last"));
	json_put(v, "last_ok", status_run(known, "last_ok"));
	if (scheduler_next(d->scheduler, job, 1, &at) == 0)
		at = 0;
	json_put_time(v, "next", at);
	return v;
}

/* Only what is of ${job}; all when NULL. */
static json_t *
status_of_job(const json_t *list, const char *job)
{
	json_t *out = json_array(), *v;
	size_t i;

	json_array_foreach(list, i, v)
		if (job == NULL ||
		    strcmp(json_get_str(v, "job", job), job) == 0)
			BUG_IF(json_array_append(out, v) != 0);
	return out;
}

static json_t *
status_daemon(struct daemon *d)
{
	json_t *v = json_object();

	json_put_str(v, "version", RAGBACKUP_VERSION);
	json_put_time(v, "started", d->started_ms);
	json_put_int(v, "uptime_ms", env_wall_ms(d->env) - d->started_ms);
	json_put_str(v, "config", d->conf_path);
	json_put_bool(v, "stopping", d->is_stopping);
	return v;
}

/* In the clear, and not within this machine. */
static bool
status_is_plain(const char *endpoint)
{
	static const char *const own[] = { "127.", "localhost", "[::1]" };
	size_t i;

	if (strncasecmp(endpoint, "http://", 7) != 0)
		return false;
	for (i = 0; i < COUNT_OF(own); i++)
		if (str_has_prefix(endpoint + 7, own[i]))
			return false;
	return true;
}

static void
status_warn(json_t *warnings, const char *store, const char *what)
{
	char *text = xasprintf("store %s: %s", store, what);

	BUG_IF(json_array_append_new(warnings, json_string(text)) != 0);
	free(text);
}

/* What the configuration allows and nobody should forget. */
static void
status_warn_stores(const struct daemon *d, json_t *warnings)
{
	const char *name;
	json_t *v;

	json_object_foreach(json_object_get(d->conf->root, "stores"), name, v) {
		if (!json_get_bool(v, "tls_verify", true))
			status_warn(warnings, name,
			    "the server's certificate is not verified "
			    "(tls_verify: false)");
		if (status_is_plain(json_get_str(v, "endpoint", "")))
			status_warn(warnings, name,
			    "it is reached without TLS: data and credentials "
			    "can be read on the way");
	}
}

static void
status_answer(struct control_request *req, const json_t *names,
    const json_t *known)
{
	struct daemon *d = control_daemon(req);
	json_t *status = runner_status(d->runner), *jobs = json_array();
	json_t *v = json_object(), *warnings;
	const char *job = control_arg(req, "job"), *name;
	size_t i;

	for (i = 0; i < json_array_size(names); i++) {
		name = json_string_value(json_array_get(names, i));
		BUG_IF(json_array_append_new(jobs,
			   status_job(d, name, status,
			       json_get_object(known, name))) != 0);
	}
	json_put(v, "daemon", status_daemon(d));
	json_put(v, "running",
	    status_of_job(json_get_array(status, "running"), job));
	json_put(v, "queued",
	    status_of_job(json_get_array(status, "queued"), job));
	json_put(v, "debts",
	    status_of_job(json_get_array(status, "debts"), job));
	warnings = json_get_array(status, "warnings");
	status_warn_stores(d, warnings);
	json_put(v, "warnings", json_incref(warnings));
	json_put(v, "jobs", jobs);
	json_decref(status);
	control_answer(req, v);
}

static void
on_jobs(void *arg, json_t *known, const struct err *e)
{
	struct control_request *req = arg;
	struct err unknown = ERR_INIT;
	json_t *names;

	if (known == NULL) {
		control_fail(req, e);
		return;
	}
	/* The configuration may have changed since it was asked. */
	if ((names = status_jobs(req, &unknown)) == NULL)
		control_fail(req, &unknown);
	else
		status_answer(req, names, known);
	json_decref(names);
	json_decref(known);
}

void
control_cmd_status(struct control_request *req)
{
	history_jobs(control_daemon(req)->history, on_jobs, req);
}

static int
next_compare(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	int64_t ax = json_get_int(*x, "ms", 0), by = json_get_int(*y, "ms", 0);

	if (ax != by)
		return ax < by ? -1 : 1;
	return strcmp(json_get_str(*x, "job", ""), json_get_str(*y, "job", ""));
}

/* Sorted by time; "ms" is only for the sorting. */
static json_t *
next_sorted(json_t *list)
{
	size_t n = json_array_size(list), i;
	json_t **all = xcalloc(n, sizeof(*all)), *out = json_array();

	for (i = 0; i < n; i++)
		all[i] = json_incref(json_array_get(list, i));
	if (n > 0)
		qsort(all, n, sizeof(*all), next_compare);
	for (i = 0; i < n; i++) {
		(void)json_object_del(all[i], "ms");
		BUG_IF(json_array_append_new(out, all[i]) != 0);
	}
	free(all);
	json_decref(list);
	return out;
}

static void
next_add(struct daemon *d, const char *job, size_t count, json_t *list)
{
	int64_t at[NEXT_MAX];
	size_t n, i;

	n = scheduler_next(d->scheduler, job, count, at);
	for (i = 0; i < n; i++) {
		json_t *v = json_object();

		json_put_str(v, "job", job);
		json_put_time(v, "at", at[i]);
		json_put_int(v, "ms", at[i]);
		json_put_bool(v, "paused",
		    scheduler_is_paused(d->scheduler, job));
		BUG_IF(json_array_append_new(list, v) != 0);
	}
}

void
control_cmd_next(struct control_request *req)
{
	int64_t count = control_arg_int(req, "count");
	json_t *names, *list;
	struct err e = ERR_INIT;
	size_t i;

	if (count == 0)
		count = control_arg(req, "job") == NULL ? NEXT_ALL : NEXT_ONE;
	if (count > NEXT_MAX) {
		(void)err_set(&e, ERR_USAGE, "count is at most %d", NEXT_MAX);
		control_fail(req, &e);
		return;
	}
	if ((names = status_jobs(req, &e)) == NULL) {
		control_fail(req, &e);
		return;
	}
	list = json_array();
	for (i = 0; i < json_array_size(names); i++)
		next_add(control_daemon(req),
		    json_string_value(json_array_get(names, i)), (size_t)count,
		    list);
	json_decref(names);
	control_list(req, next_sorted(list), NULL, NULL);
}
