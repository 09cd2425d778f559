/* catalog_look.c - see catalog_look.h. */
#include "catalog/catalog_look.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

struct look {
	struct store *store;
	struct catalog_folder *folder;
	size_t at; /* The pin that is read. */
	catalog_look_fn *fn;
	void *arg;
};

void
catalog_folder_free(struct catalog_folder *f)
{
	size_t i;

	if (f == NULL)
		return;
	for (i = 0; i < f->n; i++)
		free(f->files[i].name);
	free(f->files);
	free(f->pinned_by);
	free(f);
}

static int
seen_compare(const void *name, const void *file)
{
	const struct catalog_file_seen *f = file;

	return strcmp(name, f->name);
}

const struct catalog_file_seen *
catalog_folder_find(const struct catalog_folder *f, const char *name)
{
	if (f->n == 0)
		return NULL;
	return bsearch(name, f->files, f->n, sizeof(f->files[0]), seen_compare);
}

bool
catalog_is_claim(const char *name)
{
	return strcmp(name, CATALOG_CLAIM_NAME) == 0 ||
	    str_has_prefix(name, CATALOG_CLAIM_NAME "-");
}

static void
look_answer(struct look *l, const struct err *e)
{
	catalog_look_fn *fn = l->fn;
	void *arg = l->arg;
	struct catalog_folder *f = l->folder;

	free(l);
	if (e != NULL) {
		catalog_folder_free(f);
		f = NULL;
	}
	fn(arg, f, e);
}

static void look_next_pin(struct look *);

/*
 * A pin holds for a day from the instant it names; where it names none, or one
 * that is still to come, from its own time in the store.  One that cannot be
 * read holds as well: the doubt is the reader's.
 */
static void
on_pin_read(void *arg, const char *text, size_t n, const struct err *e)
{
	struct look *l = arg;
	const struct catalog_file_seen *f = &l->folder->files[l->at++];
	int64_t now = env_wall_ms(l->store->env), at;
	const char *s;
	json_t *o;

	if (e != NULL && e->code == ERR_NOT_FOUND) {
		look_next_pin(l);
		return;
	}
	o = e == NULL ? json_parse(text, n, NULL) : NULL;
	s = json_get_str(o, "at", NULL);
	if (s == NULL || str_parse_time(s, &at) == -1 || at > now)
		at = f->mtime_ms;
	if (now - at < CATALOG_PIN_MS && l->folder->pinned_by == NULL)
		l->folder->pinned_by = xstrdup(json_get_str(o, "by",
		    "somebody"));
	json_decref(o);
	look_next_pin(l);
}

static void
look_next_pin(struct look *l)
{
	struct catalog_folder *f = l->folder;
	char *key;

	while (l->at < f->n &&
	    !str_has_prefix(f->files[l->at].name, CATALOG_PIN_PREFIX))
		l->at++;
	if (l->at == f->n || f->pinned_by != NULL) {
		look_answer(l, NULL);
		return;
	}
	key = xasprintf("%s/%s", f->id, f->files[l->at].name);
	store_get_bytes(l->store, key, CATALOG_MARK_MAX, on_pin_read, l);
	free(key);
}

static void
look_add(struct catalog_folder *f, const struct store_stat *st)
{
	struct catalog_file_seen *seen = &f->files[f->n++];

	seen->name = xstrdup(st->key + strlen(f->id) + 1);
	seen->size = st->size;
	seen->mtime_ms = st->mtime_ms;
	if (st->mtime_ms > f->newest_ms)
		f->newest_ms = st->mtime_ms;
	if (strcmp(seen->name, MANIFEST_NAME) == 0)
		f->has_manifest = true;
	if (strcmp(seen->name, CATALOG_SUSPECT_NAME) == 0)
		f->is_suspect = true;
}

static void
on_folder_listed(void *arg, const struct store_stat *list, size_t n,
    const struct err *e)
{
	struct look *l = arg;
	struct catalog_folder *f = l->folder;
	size_t i;

	if (e != NULL) {
		look_answer(l, e);
		return;
	}
	f->files = xcalloc(n + 1, sizeof(f->files[0]));
	for (i = 0; i < n; i++)
		if (str_has_prefix(list[i].key, f->id) &&
		    list[i].key[strlen(f->id)] == '/' &&
		    store_key_check(list[i].key, NULL) == 0)
			look_add(f, &list[i]);
	look_next_pin(l);
}

void
catalog_look(struct store *store, const char *id, catalog_look_fn *fn,
    void *arg)
{
	struct look *l = xcalloc(1, sizeof(*l));
	char prefix[SNAPSHOT_ID_MAX + 1];

	BUG_IF(!snapshot_id_is_valid(id));
	l->store = store;
	l->folder = xcalloc(1, sizeof(*l->folder));
	(void)snprintf(l->folder->id, sizeof(l->folder->id), "%s", id);
	l->fn = fn;
	l->arg = arg;
	(void)snprintf(prefix, sizeof(prefix), "%s/", id);
	store_list(store, prefix, true, on_folder_listed, l);
}

struct ids_op {
	catalog_ids_fn *fn;
	void *arg;
};

static int
ids_compare(const void *a, const void *b)
{
	return snapshot_id_compare(*(char *const *)b, *(char *const *)a);
}

static void
on_root_listed(void *arg, const struct store_stat *list, size_t n,
    const struct err *e)
{
	struct ids_op *op = arg;
	struct catalog_ids ids = { NULL, 0 };
	char id[SNAPSHOT_ID_MAX];
	size_t i, len;

	ids.ids = xcalloc(n + 1, sizeof(char *));
	for (i = 0; e == NULL && i < n; i++) {
		len = strlen(list[i].key);
		if (!list[i].is_folder || len < 2 || len > sizeof(id))
			continue;
		/* Without the '/' at its end. */
		(void)snprintf(id, sizeof(id), "%.*s", (int)len - 1,
		    list[i].key);
		if (snapshot_id_is_valid(id))
			ids.ids[ids.n++] = xstrdup(id);
	}
	if (ids.n > 0)
		qsort(ids.ids, ids.n, sizeof(char *), ids_compare);
	op->fn(op->arg, &ids, e);
	catalog_ids_done(&ids);
	free(op);
}

void
catalog_ids(struct store *store, catalog_ids_fn *fn, void *arg)
{
	struct ids_op *op = xcalloc(1, sizeof(*op));

	op->fn = fn;
	op->arg = arg;
	store_list(store, "", false, on_root_listed, op);
}

void
catalog_ids_done(struct catalog_ids *ids)
{
	size_t i;

	for (i = 0; i < ids->n; i++)
		free(ids->ids[i]);
	free(ids->ids);
	ids->ids = NULL;
	ids->n = 0;
}
