/*
 * catalog_list.c - the snapshots of a store: every folder with a manifest, read
 * a few at a time, nothing of it trusted before it is checked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/catalog_read.h"
#include "snapshot/describe.h"

#define AT_ONCE 8

struct listing {
	struct store *store;
	char *job; /* NULL: all. */
	struct catalog_ids ids;
	json_t **entries; /* By place in ids; NULL: not a snapshot. */
	size_t next;
	size_t running;
	bool is_one;    /* Only it was asked for: */
	struct err err; /* that the store cannot tell is the answer. */
	catalog_list_fn *fn;
	void *arg;
};

struct item {
	struct listing *l;
	size_t at;
	struct catalog_snapshot *s;
	json_t *entry;
};

static void listing_pump(struct listing *);

static void
listing_answer(struct listing *l, const struct err *e)
{
	json_t *all = json_array();
	size_t i;

	for (i = 0; i < l->ids.n; i++) {
		const char *job = json_get_str(l->entries[i], "job", NULL);

		/* Whose job is not known may be anybody's. */
		if (l->entries[i] != NULL &&
		    (l->job == NULL || job == NULL || strcmp(job, l->job) == 0))
			(void)json_array_append(all, l->entries[i]);
		json_decref(l->entries[i]);
	}
	if (e != NULL) {
		json_decref(all);
		all = NULL;
	}
	catalog_ids_done(&l->ids);
	free(l->entries);
	free(l->job);
	l->fn(l->arg, all, e);
	free(l);
}

static json_t *
entry_new(const char *id)
{
	json_t *o = json_object();

	json_put_str(o, "id", id);
	json_put_str(o, "job", NULL);
	json_put_time(o, "as_of", snapshot_id_time(id));
	json_put_str(o, "created", NULL);
	json_put_int(o, "size", 0);
	json_put(o, "artifacts", json_array());
	json_put_str(o, "run", NULL);
	json_put_str(o, "instance", NULL);
	json_put_bool(o, "legacy", false);
	json_put_bool(o, "suspect", false);
	json_put_str(o, "pinned_by", NULL);
	json_put(o, "requires", json_array());
	json_put_str(o, "error", NULL);
	json_put_str(o, "error_code", NULL);
	return o;
}

/* ${it} ends; with ${e} the snapshot is shown as one that cannot be used. */
static void
item_end(struct item *it, const struct err *e)
{
	struct listing *l = it->l;

	if (e != NULL && e->code != ERR_NONE) {
		if (it->entry == NULL)
			it->entry = entry_new(l->ids.ids[it->at]);
		json_put_str(it->entry, "error", e->msg);
		json_put_str(it->entry, "error_code", err_name(e->code));
	}
	l->entries[it->at] = it->entry;
	catalog_snapshot_free(it->s);
	free(it);
	l->running--;
	listing_pump(l);
}

static void
item_copy(struct item *it, const json_t *from, const char *key)
{
	json_t *v = json_object_get(from, key);

	if (v != NULL)
		(void)json_object_set(it->entry, key, v);
}

static int
item_describe(struct item *it, const char *text, size_t n, struct err *e)
{
	static const char *const copied[] = { "job", "as_of", "created", "run",
		"instance", "artifacts", "requires" };
	json_t *o = NULL;
	size_t i;
	int rc = catalog_snapshot_describe(it->s, text, n, &o, e);

	/* What is wrong may be wrong with a known job's snapshot. */
	for (i = 0; i < COUNT_OF(copied); i++)
		item_copy(it, o, copied[i]);
	json_decref(o);
	return rc;
}

/* The runbook's own: nothing describes it but its manifest. */
static void
item_describe_legacy(struct item *it)
{
	json_t *list = json_get_array(it->entry, "artifacts"), *a;
	const struct manifest_entry *m;
	size_t i;

	json_put_bool(it->entry, "legacy", true);
	for (i = 0; i < it->s->manifest->n; i++) {
		m = &it->s->manifest->entries[i];
		if (strcmp(m->name, SNAPSHOT_README_NAME) == 0)
			continue;
		a = json_object();
		json_put_str(a, "name", m->name);
		json_put_int(a, "size", catalog_snapshot_file(it->s, i)->size);
		json_put_str(a, "sha256", m->sha256);
		(void)json_array_append_new(list, a);
	}
}

static void
on_description_read(void *arg, const char *text, size_t n, const struct err *e)
{
	struct item *it = arg;
	struct err why = ERR_INIT;

	if (e != NULL)
		err_copy(&why, e);
	else
		(void)item_describe(it, text, n, &why);
	item_end(it, &why);
}

static void
item_read_description(struct item *it)
{
	char key[SNAPSHOT_ID_MAX + sizeof(SNAPSHOT_JSON_NAME) + 1];

	if (catalog_folder_find(it->s->folder, SNAPSHOT_JSON_NAME) == NULL) {
		item_describe_legacy(it);
		item_end(it, NULL);
		return;
	}
	(void)snprintf(key, sizeof(key), "%s/%s", it->s->folder->id,
	    SNAPSHOT_JSON_NAME);
	store_get_bytes(it->l->store, key, CATALOG_DESCRIPTION_MAX,
	    on_description_read, it);
}

static void
on_item_read(void *arg, struct catalog_snapshot *s, const struct err *e)
{
	struct item *it = arg;
	struct err why = ERR_INIT;
	int64_t size;

	it->s = s;
	/* Without a manifest, or removed in between: it does not exist. */
	if (e != NULL && e->code == ERR_NOT_FOUND) {
		item_end(it, NULL);
		return;
	}
	if (it->l->is_one && s->folder == NULL) {
		err_copy(&it->l->err, e);
		item_end(it, NULL);
		return;
	}
	it->entry = entry_new(it->l->ids.ids[it->at]);
	if (s->folder != NULL) {
		json_put_bool(it->entry, "suspect", s->folder->is_suspect);
		json_put_str(it->entry, "pinned_by", s->folder->pinned_by);
	}
	if (e != NULL) {
		item_end(it, e);
	} else if (catalog_snapshot_size(s, &size, &why) == -1) {
		item_end(it, &why);
	} else {
		json_put_int(it->entry, "size", size);
		item_read_description(it);
	}
}

static void
listing_pump(struct listing *l)
{
	struct item *it;

	while (l->running < AT_ONCE && l->next < l->ids.n) {
		it = xcalloc(1, sizeof(*it));
		it->l = l;
		it->at = l->next++;
		l->running++;
		catalog_read(l->store, l->ids.ids[it->at], on_item_read, it);
	}
	if (l->running == 0)
		listing_answer(l, l->err.code == ERR_NONE ? NULL : &l->err);
}

static void
on_list_ids(void *arg, struct catalog_ids *ids, const struct err *e)
{
	struct listing *l = arg;

	if (e != NULL) {
		listing_answer(l, e);
		return;
	}
	l->ids = *ids;
	*ids = (struct catalog_ids){ NULL, 0 };
	l->entries = xcalloc(l->ids.n + 1, sizeof(json_t *));
	listing_pump(l);
}

static struct listing *
listing_new(struct store *store, const char *job, catalog_list_fn *fn,
    void *arg)
{
	struct listing *l = xcalloc(1, sizeof(*l));

	l->store = store;
	l->job = job == NULL ? NULL : xstrdup(job);
	l->fn = fn;
	l->arg = arg;
	return l;
}

void
catalog_list(struct store *store, const char *job, catalog_list_fn *fn,
    void *arg)
{
	catalog_ids(store, on_list_ids, listing_new(store, job, fn, arg));
}

void
catalog_find(struct store *store, const char *id, const char *job,
    catalog_list_fn *fn, void *arg)
{
	struct listing *l = listing_new(store, job, fn, arg);

	BUG_IF(!snapshot_id_is_valid(id));
	l->is_one = true;
	l->ids.n = 1;
	l->ids.ids = xcalloc(1, sizeof(*l->ids.ids));
	l->ids.ids[0] = xstrdup(id);
	l->entries = xcalloc(1, sizeof(*l->entries));
	listing_pump(l);
}
