/* control_tasks.c - verify, copy, retry, prune: requests that become tasks. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "catalog/catalog.h"
#include "control_cmds.h"
#include "daemon.h"
#include "locate.h"
#include "runner.h"

/*
 * --- From arguments to a task.
 */
static void
on_task_added(void *arg, int64_t run, const struct err *e)
{
	struct control_request *req = arg;
	json_t *v;

	if (e != NULL && e->code != ERR_NONE) {
		control_fail(req, e);
		return;
	}
	v = json_object();
	json_put_int(v, "run", run);
	if (control_arg_bool(req, "no_wait")) {
		control_answer(req, v);
		return;
	}
	json_put_str(v, "event", "started");
	control_progress(req, v, false);
	control_follow(req, run);
}

/* ${args} is taken over; ${stores}: [{"store"}] or names, borrowed. */
static void
tasks_add(struct control_request *req, const char *kind, const char *job,
    json_t *args, const json_t *stores)
{
	struct daemon *d = control_daemon(req);
	json_t *list, *frozen, *one, *v;
	struct err e = ERR_INIT;
	size_t i;

	/* A store took long to say what it has: the daemon has ended. */
	if (d->runner == NULL) {
		json_decref(args);
		(void)err_set(&e, ERR_BUSY, "the daemon is stopping");
		control_fail(req, &e);
		return;
	}
	list = json_array();
	json_array_foreach(stores, i, v) {
		one = json_object();
		json_put_str(one, "store",
		    json_is_string(v) ? json_string_value(v)
				      : json_get_str(v, "store", ""));
		BUG_IF(json_array_append_new(list, one) != 0);
	}
	frozen = conf_freeze_store_list(d->conf, list);
	json_decref(list);
	json_put_str(frozen, "name", job == NULL ? "-" : job);
	json_put(frozen, "task", args);
	runner_add_task(d->runner, kind, frozen, on_task_added, req);
}

static json_t *
tasks_one(const char *name)
{
	json_t *list = json_array();

	BUG_IF(json_array_append_new(list, json_string(name)) != 0);
	return list;
}

/*
 * --- A snapshot in the stores.
 */
static struct locate_opt
tasks_wanted(const struct control_request *req, const char *store)
{
	struct locate_opt o = { .root = control_daemon(req)->conf->root,
		.store = store,
		.job = control_arg(req, "job"),
		.id = control_arg(req, "snapshot") };

	return o;
}

/* The only one of that id; else ${e} says which there are. */
static const json_t *
tasks_only(const struct control_request *req, const json_t *found,
    const json_t *errors, struct err *e)
{
	const char *id = control_arg(req, "snapshot");
	const json_t *v, *first = json_array_get(found, 0);

	if (json_array_size(found) == 1)
		return first;
	if (first != NULL) {
		v = json_array_get(found, 1);
		(void)err_set(e, ERR_USAGE,
		    "snapshot %s is of job %s in store %s and of job %s in "
		    "store %s: say which by --store or --job",
		    id, json_get_str(first, "job", "-"),
		    json_get_str(json_array_get(json_get_array(first, "stores"),
				     0),
			"store", "?"),
		    json_get_str(v, "job", "-"),
		    json_get_str(json_array_get(json_get_array(v, "stores"), 0),
			"store", "?"));
		return NULL;
	}
	v = json_array_get(errors, 0);
	if (v != NULL)
		(void)err_set(e, err_from_name(json_get_str(v, "code", "io")),
		    "store %s: %s", json_get_str(v, "store", "?"),
		    json_get_str(v, "error", ""));
	else
		(void)err_set(e, ERR_NOT_FOUND, "there is no snapshot %s", id);
	return NULL;
}

static json_t *
tasks_store_names(const json_t *snapshot)
{
	json_t *names = json_array(), *v;
	size_t i;

	json_array_foreach(json_get_array(snapshot, "stores"), i, v)
		BUG_IF(json_array_append(names, json_object_get(v, "store")) !=
		    0);
	return names;
}

/* An id, or ERR_USAGE with what it would look like. */
static int
tasks_check_id(const struct control_request *req, struct err *e)
{
	const char *id = control_arg(req, "snapshot");

	if (snapshot_id_is_valid(id))
		return 0;
	return err_set(e, ERR_USAGE,
	    "'%.60s' is no snapshot; they look like 20261120-040000", id);
}

static void
on_verify_located(void *arg, json_t *found, json_t *errors)
{
	struct control_request *req = arg;
	struct err e = ERR_INIT;
	const json_t *one = tasks_only(req, found, errors, &e);
	json_t *args, *names;

	if (one == NULL) {
		control_fail(req, &e);
	} else {
		args = json_object();
		names = tasks_store_names(one);
		json_put_str(args, "snapshot", control_arg(req, "snapshot"));
		json_put(args, "stores", names);
		json_put_bool(args, "deep", control_arg_bool(req, "deep"));
		/* Whether they have it is not known: that is said, too. */
		json_put(args, "silent", json_incref(errors));
		tasks_add(req, "verify", json_get_str(one, "job", NULL), args,
		    names);
	}
	json_decref(found);
	json_decref(errors);
}

void
control_cmd_verify(struct control_request *req)
{
	struct daemon *d = control_daemon(req);
	struct locate_opt o = tasks_wanted(req, control_arg(req, "store"));
	struct err e = ERR_INIT;

	if (tasks_check_id(req, &e) == -1 ||
	    control_check_store(d, o.store, &e) == -1 ||
	    (o.job != NULL && control_check_job(d, o.job, &e) == -1))
		control_fail(req, &e);
	else
		locate_snapshots(d, &o, on_verify_located, req);
}

static void
on_copy_located(void *arg, json_t *found, json_t *errors)
{
	struct control_request *req = arg;
	const char *from = control_arg(req, "from");
	const char *to = control_arg(req, "to");
	struct err e = ERR_INIT;
	const json_t *one = tasks_only(req, found, errors, &e);
	json_t *args, *both, *target;

	if (one == NULL) {
		control_fail(req, &e);
	} else {
		args = json_object();
		both = tasks_one(from);
		target = json_object();
		json_put_str(target, "store", to);
		json_put_str(args, "snapshot", control_arg(req, "snapshot"));
		json_put(args, "from", json_deep_copy(both));
		json_put(args, "to", json_pack("[o]", target));
		BUG_IF(json_array_append_new(both, json_string(to)) != 0);
		tasks_add(req, "copy", json_get_str(one, "job", NULL), args,
		    both);
		json_decref(both);
	}
	json_decref(found);
	json_decref(errors);
}

void
control_cmd_copy(struct control_request *req)
{
	struct daemon *d = control_daemon(req);
	const char *from = control_arg(req, "from");
	const char *to = control_arg(req, "to");
	struct locate_opt o = tasks_wanted(req, from);
	struct err e = ERR_INIT;

	if (tasks_check_id(req, &e) == -1 ||
	    control_check_store(d, from, &e) == -1 ||
	    control_check_store(d, to, &e) == -1) {
		control_fail(req, &e);
	} else if (strcmp(from, to) == 0) {
		(void)err_set(&e, ERR_USAGE, "--from and --to are one store");
		control_fail(req, &e);
	} else {
		locate_snapshots(d, &o, on_copy_located, req);
	}
}

/*
 * --- retry: from what the run's row says.
 */
static const json_t *
retry_keep(const struct daemon *d, const char *job, const char *store)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_get_array(conf_job(d->conf, job), "stores"), i,
	    v)
		if (strcmp(json_get_str(v, "store", ""), store) == 0)
			return json_get_object(v, "keep");
	return NULL;
}

static json_t *
retry_target(const struct daemon *d, const char *job, const char *store)
{
	const json_t *keep = retry_keep(d, job, store);
	json_t *o = json_object();

	json_put_str(o, "store", store);
	json_put(o, "keep", keep == NULL ? json_null() : json_deep_copy(keep));
	return o;
}

/* Sort the run's stores into those that have it and those that missed it. */
static int
retry_split(const struct daemon *d, const json_t *run, json_t *from, json_t *to,
    json_t *all, struct err *e)
{
	const char *job = json_get_str(run, "job", ""), *name, *verdict;
	const json_t *v;
	bool has_it;
	size_t i;

	json_array_foreach(json_get_array(run, "stores"), i, v) {
		name = json_get_str(v, "store", "");
		verdict = json_get_str(v, "verdict", "");
		has_it = strcmp(verdict, "sealed") == 0 ||
		    strcmp(verdict, "pruned") == 0;
		if (conf_store(d->conf, name) == NULL) {
			/* Another may have it. */
			if (has_it)
				continue;
			return err_set(e, ERR_CONFIG,
			    "store '%s' of run %" PRId64
			    " is not in the configuration any more",
			    name, json_get_int(run, "run", 0));
		}
		BUG_IF(json_array_append_new(all, json_string(name)) != 0);
		if (has_it)
			BUG_IF(json_array_append_new(from, json_string(name)) !=
			    0);
		else
			BUG_IF(json_array_append_new(to,
				   retry_target(d, job, name)) != 0);
	}
	return 0;
}

static int
retry_check(const json_t *run, struct err *e)
{
	int64_t number = json_get_int(run, "run", 0);

	if (strcmp(json_get_str(run, "kind", ""), "backup") != 0)
		return err_set(e, ERR_USAGE, "run %" PRId64 " is no backup",
		    number);
	if (strcmp(json_get_str(run, "state", ""), "running") == 0)
		return err_set(e, ERR_BUSY, "run %" PRId64 " still goes on",
		    number);
	if (json_get_str(run, "snapshot", NULL) == NULL)
		return err_set(e, ERR_NOT_FOUND,
		    "run %" PRId64 " made no snapshot; trigger job %s anew",
		    number, json_get_str(run, "job", "?"));
	return 0;
}

static void
retry_start(struct control_request *req, const json_t *run)
{
	struct daemon *d = control_daemon(req);
	json_t *from = json_array(), *to = json_array(), *all = json_array();
	json_t *args = json_object();
	struct err e = ERR_INIT;

	if (retry_check(run, &e) == 0 &&
	    retry_split(d, run, from, to, all, &e) == 0) {
		if (json_array_size(to) == 0)
			(void)err_set(&e, ERR_EXISTS,
			    "no store missed the snapshot of run %" PRId64,
			    json_get_int(run, "run", 0));
		else if (json_array_size(from) == 0)
			(void)err_set(&e, ERR_NOT_FOUND,
			    "no store has the snapshot of run %" PRId64,
			    json_get_int(run, "run", 0));
	}
	json_put(args, "from", from);
	json_put(args, "to", to);
	if (e.code != ERR_NONE) {
		control_fail(req, &e);
		json_decref(args);
	} else {
		json_put_int(args, "run", json_get_int(run, "run", 0));
		json_put_str(args, "snapshot",
		    json_get_str(run, "snapshot", ""));
		tasks_add(req, "retry", json_get_str(run, "job", NULL), args,
		    all);
	}
	json_decref(all);
}

static void
on_retry_read(void *arg, json_t *run, const struct err *e)
{
	struct control_request *req = arg;

	if (run == NULL)
		control_fail(req, e);
	else
		retry_start(req, run);
	json_decref(run);
}

void
control_cmd_retry(struct control_request *req)
{
	history_run_get(control_daemon(req)->history,
	    control_arg_int(req, "run"), on_retry_read, req);
}

/*
 * --- prune
 */
static json_t *
prune_stores(const struct daemon *d, const char *job, const char *only)
{
	json_t *list = json_array(), *v;
	const char *name;
	size_t i;

	json_array_foreach(json_get_array(conf_job(d->conf, job), "stores"), i,
	    v) {
		name = json_get_str(v, "store", "");
		if (only == NULL || strcmp(only, name) == 0)
			BUG_IF(json_array_append_new(list,
				   retry_target(d, job, name)) != 0);
	}
	return list;
}

void
control_cmd_prune(struct control_request *req)
{
	struct daemon *d = control_daemon(req);
	const char *job = control_arg(req, "job");
	const char *only = control_arg(req, "store");
	struct err e = ERR_INIT;
	json_t *args, *stores;

	if (control_check_job(d, job, &e) == -1 ||
	    control_check_store(d, only, &e) == -1) {
		control_fail(req, &e);
		return;
	}
	stores = prune_stores(d, job, only);
	if (json_array_size(stores) == 0) {
		(void)err_set(&e, ERR_USAGE, "job %s has no store '%.100s'",
		    job, only);
		control_fail(req, &e);
		json_decref(stores);
		return;
	}
	args = json_object();
	json_put(args, "stores", stores);
	json_put_bool(args, "dry_run", control_arg_bool(req, "dry_run"));
	tasks_add(req, "prune", job, args, stores);
}
