/* locate.c - see locate.h. */
#include "locate.h"

#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "catalog/catalog.h"
#include "daemon.h"
#include "store/store.h"

struct look {
	struct locate *locate;
	struct store *store;
	const char *name; /* Of ${root}. */
	json_t *list;     /* What it has; NULL: ${err}. */
	struct err err;
};

struct locate {
	struct daemon *d;
	json_t *root; /* The stores borrow from it. */
	char *job;
	char *id;
	locate_fn *fn;
	void *arg;
	json_t *found; /* "id job run" -> the merged snapshot. */
	json_t *errors;
	size_t left;
	size_t n;
	struct look looks[];
};

static void
locate_error(struct locate *s, const char *store, const struct err *e)
{
	json_t *v = json_object();

	json_put_str(v, "store", store);
	json_put_str(v, "code", err_name(e->code));
	json_put_str(v, "error", e->msg);
	BUG_IF(json_array_append_new(s->errors, v) != 0);
}

/* What is the same in every store, from the first that has it. */
static json_t *
locate_merged(const json_t *one)
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
locate_add(struct locate *s, const char *store, const json_t *one)
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
		v = locate_merged(one);
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
locate_compare(const void *a, const void *b)
{
	const json_t *const *x = a, *const *y = b;
	int c = snapshot_id_compare(json_get_str(*y, "snapshot", ""),
	    json_get_str(*x, "snapshot", ""));

	return c != 0
	    ? c
	    : strcmp(json_get_str(*x, "job", ""), json_get_str(*y, "job", ""));
}

static json_t *
locate_sorted(const json_t *found)
{
	size_t n = json_object_size(found), i = 0;
	json_t **all = xcalloc(n, sizeof(*all)), *out = json_array(), *v;
	const char *key;

	json_object_foreach((json_t *)(uintptr_t)found, key, v)
		all[i++] = v;
	if (n > 0)
		qsort(all, n, sizeof(*all), locate_compare);
	for (i = 0; i < n; i++)
		BUG_IF(json_array_append(out, all[i]) != 0);
	free(all);
	return out;
}

static void
locate_take(struct locate *s, const struct look *look)
{
	json_t *v;
	size_t i;

	if (look->list == NULL)
		locate_error(s, look->name, &look->err);
	json_array_foreach(look->list, i, v)
		locate_add(s, look->name, v);
}

/* In the configuration's order, whoever answered first. */
static void
on_all_listed(void *arg)
{
	struct locate *s = arg;
	size_t i;

	for (i = 0; i < s->n; i++) {
		locate_take(s, &s->looks[i]);
		json_decref(s->looks[i].list);
		store_close(s->looks[i].store);
	}
	s->fn(s->arg, locate_sorted(s->found), s->errors);
	json_decref(s->found);
	json_decref(s->root);
	free(s->job);
	free(s->id);
	free(s);
}

/* The stores are closed from the loop, not from within their own answer. */
static void
locate_check_done(struct locate *s)
{
	if (s->left == 0)
		(void)defer_call(s->d->loop, on_all_listed, s);
}

static void
on_listed(void *arg, json_t *list, const struct err *e)
{
	struct look *look = arg;

	look->list = list;
	err_copy(&look->err, e);
	look->locate->left--;
	locate_check_done(look->locate);
}

static void
locate_start(struct locate *s, const char *only)
{
	struct err e = ERR_INIT;
	const char *name;
	json_t *cfg;
	size_t i;

	json_object_foreach(json_object_get(s->root, "stores"), name, cfg) {
		struct look *look = &s->looks[s->n];

		if (only != NULL && strcmp(only, name) != 0)
			continue;
		look->locate = s;
		look->name = name;
		err_clear(&e);
		look->store = daemon_store(s->d, s->root, name, &e);
		if (look->store == NULL)
			locate_error(s, name, &e);
		else
			s->n++;
	}
	s->left = s->n;
	for (i = 0; i < s->n; i++) {
		struct look *look = &s->looks[i];

		if (s->id != NULL)
			catalog_find(look->store, s->id, s->job, on_listed,
			    look);
		else
			catalog_list(look->store, s->job, on_listed, look);
	}
	locate_check_done(s);
}

void
locate_snapshots(struct daemon *d, const struct locate_opt *o, locate_fn *fn,
    void *arg)
{
	const json_t *stores = json_get_object(o->root, "stores");
	struct locate *s = xcalloc(1,
	    sizeof(*s) + json_object_size(stores) * sizeof(s->looks[0]));

	s->d = d;
	/* Held, not changed. */
	s->root = json_incref((json_t *)(uintptr_t)o->root);
	s->job = o->job == NULL ? NULL : xstrdup(o->job);
	s->id = o->id == NULL ? NULL : xstrdup(o->id);
	s->fn = fn;
	s->arg = arg;
	s->found = json_object();
	s->errors = json_array();
	locate_start(s, o->store);
}
