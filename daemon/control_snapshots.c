/* control_snapshots.c - what the stores hold, merged by snapshot. */
#include "control_cmds.h"

#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "catalog/catalog.h"
#include "conf/conf.h"
#include "daemon.h"
#include "store/store.h"

struct look {
	struct snaps *snaps;
	struct store *store;
	const char *name; /* Of the configuration that is held. */
};

struct snaps {
	struct control_request *req;
	struct conf *conf; /* The stores borrow from it. */
	char *job;
	json_t *found; /* "id job run" -> the merged snapshot. */
	json_t *errors;
	size_t left;
	size_t n;
	struct look looks[];
};

static void
snaps_error(struct snaps *s, const char *store, const struct err *e)
{
	json_t *v = json_object();

	json_put_str(v, "store", store);
	json_put_str(v, "code", err_name(e->code));
	json_put_str(v, "error", e->msg);
	BUG_IF(json_array_append_new(s->errors, v) != 0);
}

/* What is the same in every store, from the first that has it. */
static json_t *
snaps_merged(const json_t *one)
{
	static const char *const same[] = { "job", "as_of", "created", "size",
		"artifacts", "run", "instance", "legacy", "requires" };
	json_t *v = json_object(), *member;
	size_t i;

	json_put_str(v, "snapshot", json_get_str(one, "id", NULL));
	for (i = 0; i < COUNT_OF(same); i++) {
		member = json_object_get(one, same[i]);
		json_put(v, same[i],
		    member == NULL ? json_null() : json_incref(member));
	}
	json_put(v, "stores", json_array());
	return v;
}

static void
snaps_add(struct snaps *s, const char *store, const json_t *one)
{
	static const char *const each[] = { "suspect", "pinned_by", "error" };
	const char *id = json_get_str(one, "id", "");
	const char *job = json_get_str(one, "job", "");
	json_t *v, *at = json_object(), *member;
	char *key, *run;
	size_t i;

	member = json_object_get(one, "run");
	run = member == NULL ? xstrdup("")
			     : json_dumps(member, JSON_ENCODE_ANY);
	BUG_IF(run == NULL);
	key = xasprintf("%s %s %s", id, job, run);
	if ((v = json_object_get(s->found, key)) == NULL) {
		v = snaps_merged(one);
		json_put(s->found, key, v);
	}
	json_put_str(at, "store", store);
	for (i = 0; i < COUNT_OF(each); i++) {
		member = json_object_get(one, each[i]);
		json_put(at, each[i],
		    member == NULL ? json_null() : json_incref(member));
	}
	BUG_IF(json_array_append_new(json_get_array(v, "stores"), at) != 0);
	free(key);
	free(run);
}

static int
snaps_compare(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	int c = snapshot_id_compare(json_get_str(*y, "snapshot", ""),
	    json_get_str(*x, "snapshot", ""));

	return c != 0
	    ? c
	    : strcmp(json_get_str(*x, "job", ""), json_get_str(*y, "job", ""));
}

static json_t *
snaps_sorted(const json_t *found)
{
	size_t n = json_object_size(found), i = 0;
	json_t **all = xcalloc(n, sizeof(*all)), *out = json_array(), *v;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)found, key, v)
		all[i++] = v;
	if (n > 0)
		qsort(all, n, sizeof(*all), snaps_compare);
	for (i = 0; i < n; i++)
		BUG_IF(json_array_append(out, all[i]) != 0);
	free(all);
	return out;
}

static void
on_all_listed(void *arg)
{
	struct snaps *s = arg;
	json_t *end = json_object();
	size_t i;

	for (i = 0; i < s->n; i++)
		store_close(s->looks[i].store);
	json_put(end, "errors", s->errors);
	control_list(s->req, snaps_sorted(s->found), NULL, end);
	json_decref(s->found);
	conf_unref(s->conf);
	free(s->job);
	free(s);
}

/* The stores are closed from the loop, not from within their own answer. */
static void
snaps_check_done(struct snaps *s)
{
	if (s->left == 0)
		(void)defer_call(control_daemon(s->req)->loop, on_all_listed,
		    s);
}

static void
on_listed(void *arg, json_t *list, const struct err *e)
{
	struct look *look = arg;
	struct snaps *s = look->snaps;
	json_t *v;
	size_t i;

	if (list == NULL) {
		snaps_error(s, look->name, e);
	} else {
		json_array_foreach(list, i, v)
			snaps_add(s, look->name, v);
		json_decref(list);
	}
	s->left--;
	snaps_check_done(s);
}

static const json_t *
snaps_stores(const struct conf *conf)
{
	return json_get_object(conf->root, "stores");
}

static void
snaps_start(struct snaps *s, const char *only)
{
	struct daemon *d = control_daemon(s->req);
	struct err e = ERR_INIT;
	const char *name;
	json_t *cfg;
	size_t i;

	json_object_foreach((json_t *)(uintptr_t)snaps_stores(s->conf), name,
	    cfg) {
		struct look *look = &s->looks[s->n];

		if (only != NULL && strcmp(only, name) != 0)
			continue;
		look->snaps = s;
		look->name = name;
		err_clear(&e);
		look->store = daemon_store(d, s->conf->root, name, &e);
		if (look->store == NULL)
			snaps_error(s, name, &e);
		else
			s->n++;
	}
	s->left = s->n;
	for (i = 0; i < s->n; i++)
		catalog_list(s->looks[i].store, s->job, on_listed,
		    &s->looks[i]);
	snaps_check_done(s);
}

void
control_cmd_snapshots(struct control_request *req)
{
	struct daemon *d = control_daemon(req);
	const char *only = control_arg(req, "store");
	const char *job = control_arg(req, "job");
	struct err e = ERR_INIT;
	struct snaps *s;

	if ((only != NULL && conf_store(d->conf, only) == NULL &&
		err_set(&e, ERR_NOT_FOUND, "there is no store '%.100s'",
		    only)) ||
	    (job != NULL && control_check_job(d, job, &e) == -1)) {
		control_fail(req, &e);
		return;
	}
	s = xcalloc(1,
	    sizeof(*s) +
		json_object_size(snaps_stores(d->conf)) * sizeof(s->looks[0]));
	s->req = req;
	s->conf = conf_ref(d->conf);
	s->job = job == NULL ? NULL : xstrdup(job);
	s->found = json_object();
	s->errors = json_array();
	snaps_start(s, only);
}
