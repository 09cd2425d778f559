/*
 * catalog_remove.c - a snapshot goes: first what makes it one, and only when
 * that is surely gone the rest; its claim last, so that whatever a crash leaves
 * is known as ours.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/catalog_look.h"
#include "catalog/catalog_remove.h"
#include "catalog/hold.h"

struct removal {
	struct store *store;
	char id[SNAPSHOT_ID_MAX];
	struct catalog_folder *folder;
	struct hold *hold; /* NULL: not granted. */
	enum catalog_remove_what what;
	size_t at;
	bool is_last_round; /* Only claims are left. */
	catalog_done_fn *fn;
	void *arg;
};

static void
removal_answer(struct removal *r, const struct err *e)
{
	struct err copy;

	if (e != NULL) {
		err_copy(&copy, e);
		(void)err_context(&copy, "remove snapshot %s", r->id);
		e = &copy;
	}
	hold_free(r->hold);
	r->fn(r->arg, e);
	catalog_folder_free(r->folder);
	free(r);
}

static void removal_next(struct removal *);

static void
on_file_removed(void *arg, const struct err *e)
{
	struct removal *r = arg;

	if (e != NULL)
		removal_answer(r, e);
	else
		removal_next(r);
}

static void
on_leftovers_swept(void *arg, const struct err *e)
{
	struct removal *r = arg;

	r->is_last_round = true;
	r->at = r->what == CATALOG_REMOVE_ALL ? 0 : r->folder->n;
	on_file_removed(r, e);
}

static void
removal_next(struct removal *r)
{
	const char *name;
	char *key;

	while (r->at < r->folder->n &&
	    catalog_is_claim(r->folder->files[r->at].name) != r->is_last_round)
		r->at++;
	if (r->at < r->folder->n) {
		name = r->folder->files[r->at++].name;
		key = xasprintf("%s/%s", r->id, name);
		store_remove(r->store, key, on_file_removed, r);
		free(key);
	} else if (!r->is_last_round) {
		key = xasprintf("%s/", r->id);
		store_sweep(r->store, key, 0, on_leftovers_swept, r);
		free(key);
	} else {
		removal_answer(r, NULL);
	}
}

static void
on_rest_looked(void *arg, struct catalog_folder *f, const struct err *e)
{
	struct removal *r = arg;
	struct err again = ERR_INIT;

	r->folder = f;
	if (e == NULL && f->has_manifest) {
		(void)err_set(&again, ERR_CONFLICT, "its manifest is back");
		e = &again;
	}
	on_file_removed(r, e);
}

static void
on_manifest_gone(void *arg, const struct store_stat *st, const struct err *e)
{
	struct removal *r = arg;
	struct err still = ERR_INIT;

	(void)st;
	if (e == NULL)
		(void)err_set(&still, ERR_IO,
		    "its manifest is still there after it was removed");
	else if (e->code != ERR_NOT_FOUND)
		err_copy(&still, e);
	if (still.code != ERR_NONE)
		removal_answer(r, &still);
	else
		catalog_look(r->store, r->id, on_rest_looked, r);
}

static void
on_manifest_removed(void *arg, const struct err *e)
{
	struct removal *r = arg;
	char *key;

	if (e != NULL) {
		removal_answer(r, e);
		return;
	}
	key = xasprintf("%s/%s", r->id, MANIFEST_NAME);
	store_stat(r->store, key, on_manifest_gone, r);
	free(key);
}

static void
on_removal_refused(void *arg)
{
	struct removal *r = arg;
	struct err e = ERR_INIT;

	(void)err_set(&e, ERR_BUSY, "it is being written or removed");
	removal_answer(r, &e);
}

void
catalog_remove_as(struct store *store, const char *id, const char *owner,
    enum catalog_remove_what what, catalog_done_fn *fn, void *arg)
{
	struct removal *r = xcalloc(1, sizeof(*r));
	char *key = xasprintf("%s/%s", id, MANIFEST_NAME);

	BUG_IF(!snapshot_id_is_valid(id));
	r->store = store;
	(void)snprintf(r->id, sizeof(r->id), "%s", id);
	r->what = what;
	r->fn = fn;
	r->arg = arg;
	r->hold = hold_take(store, id, owner);
	if (r->hold != NULL)
		store_remove(store, key, on_manifest_removed, r);
	else
		(void)defer_call(store->env->loop, on_removal_refused, r);
	free(key);
}

void
catalog_remove(struct store *store, const char *id, catalog_done_fn *fn,
    void *arg)
{
	catalog_remove_as(store, id, NULL, CATALOG_REMOVE_ALL, fn, arg);
}
