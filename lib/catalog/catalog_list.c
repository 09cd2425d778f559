/*
 * catalog_list.c - the snapshots of a store: every folder with a manifest, read
 * a few at a time, nothing of it trusted before it is checked.
 */
#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/catalog_look.h"
#include "snapshot/describe.h"

#define AT_ONCE 8
#define DESCRIPTION_MAX ((size_t)4 << 20)

struct listing {
	struct store *store;
	char *job; /* NULL: all. */
	struct catalog_ids ids;
	json_t **entries; /* By place in ids; NULL: not a snapshot. */
	size_t next;
	size_t running;
	catalog_list_fn *fn;
	void *arg;
};

struct item {
	struct listing *l;
	size_t at;
	struct catalog_folder *folder;
	struct manifest *manifest;
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
	catalog_folder_free(it->folder);
	manifest_free(it->manifest);
	free(it);
	l->running--;
	listing_pump(l);
}

/* Every file of the manifest is there; their sizes add up. */
static int
item_check_files(struct item *it, struct err *e)
{
	const struct catalog_file_seen *f;
	int64_t size = 0;
	size_t i;

	for (i = 0; i < it->manifest->n; i++) {
		f = catalog_folder_find(it->folder,
		    it->manifest->entries[i].name);
		if (f == NULL)
			return err_set(e, ERR_CORRUPT, "'%s' is missing",
			    it->manifest->entries[i].name);
		size += f->size;
	}
	json_put_int(it->entry, "size", size);
	return 0;
}

/* The description says what the manifest and the store say. */
static int
item_check_artifacts(struct item *it, const json_t *description, struct err *e)
{
	const struct catalog_file_seen *f;
	const struct manifest_entry *m;
	const char *name;
	const json_t *a;
	size_t i;

	json_array_foreach(json_get_array(description, "artifacts"), i, a) {
		name = json_get_str(a, "name", "");
		m = manifest_find(it->manifest, name);
		f = catalog_folder_find(it->folder, name);
		if (m == NULL || f == NULL)
			return err_set(e, ERR_CORRUPT,
			    "artifact '%s' is not in the manifest", name);
		if (strcmp(m->sha256, json_get_str(a, "sha256", "")) != 0)
			return err_set(e, ERR_CORRUPT,
			    "artifact '%s': "
			    "snapshot.json and manifest differ",
			    name);
		if (f->size != json_get_int(a, "size", -1))
			return err_set(e, ERR_CORRUPT,
			    "artifact '%s' has %lld bytes, not %lld", name,
			    (long long)f->size,
			    (long long)json_get_int(a, "size", -1));
	}
	return 0;
}

static int
item_check_digest(const struct item *it, const char *text, size_t n,
    struct err *e)
{
	const struct manifest_entry *m = manifest_find(it->manifest,
	    SNAPSHOT_JSON_NAME);
	char hex[STR_HEX_SHA256];
	uint8_t raw[32];

	if (m == NULL)
		return err_set(e, ERR_CORRUPT, "%s is not in the manifest",
		    SNAPSHOT_JSON_NAME);
	BUG_IF(EVP_Digest(text, n, raw, NULL, EVP_sha256(), NULL) != 1);
	str_hex(raw, sizeof(raw), hex);
	if (strcmp(hex, m->sha256) != 0)
		return err_set(e, ERR_CORRUPT,
		    "%s is not what the manifest says", SNAPSHOT_JSON_NAME);
	return 0;
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
	const char *id = it->l->ids.ids[it->at];
	json_t *o = NULL;
	size_t i;
	int rc = -1;

	if (item_check_digest(it, text, n, e) == -1 ||
	    (o = json_parse(text, n, e)) == NULL ||
	    snapshot_json_check(o, e) == -1)
		goto out;
	if (strcmp(json_get_str(o, "id", ""), id) != 0) {
		(void)err_set(e, ERR_CORRUPT, "%s is of snapshot %s",
		    SNAPSHOT_JSON_NAME, json_get_str(o, "id", ""));
		goto out;
	}
	/* What is wrong from here on is wrong with a known job's snapshot. */
	for (i = 0; i < COUNT_OF(copied); i++)
		item_copy(it, o, copied[i]);
	rc = item_check_artifacts(it, o, e);
out:
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
	for (i = 0; i < it->manifest->n; i++) {
		m = &it->manifest->entries[i];
		if (strcmp(m->name, SNAPSHOT_README_NAME) == 0)
			continue;
		a = json_object();
		json_put_str(a, "name", m->name);
		json_put_int(a, "size",
		    catalog_folder_find(it->folder, m->name)->size);
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

	if (catalog_folder_find(it->folder, SNAPSHOT_JSON_NAME) == NULL) {
		item_describe_legacy(it);
		item_end(it, NULL);
		return;
	}
	(void)snprintf(key, sizeof(key), "%s/%s", it->folder->id,
	    SNAPSHOT_JSON_NAME);
	store_get_bytes(it->l->store, key, DESCRIPTION_MAX, on_description_read,
	    it);
}

static void
on_manifest_read(void *arg, const char *text, size_t n, const struct err *e)
{
	struct item *it = arg;
	struct err why = ERR_INIT;

	/* Removed in between: it does not exist. */
	if (e != NULL && e->code == ERR_NOT_FOUND) {
		item_end(it, NULL);
		return;
	}
	it->entry = entry_new(it->folder->id);
	json_put_bool(it->entry, "suspect", it->folder->is_suspect);
	json_put_str(it->entry, "pinned_by", it->folder->pinned_by);
	if (e != NULL)
		err_copy(&why, e);
	else if ((it->manifest = manifest_parse(text, n, &why)) != NULL &&
	    item_check_files(it, &why) == 0) {
		item_read_description(it);
		return;
	}
	item_end(it, &why);
}

static void
on_item_looked(void *arg, struct catalog_folder *f, const struct err *e)
{
	struct item *it = arg;
	char key[SNAPSHOT_ID_MAX + sizeof(MANIFEST_NAME) + 1];

	it->folder = f;
	if (e != NULL || !f->has_manifest) {
		item_end(it, e);
		return;
	}
	(void)snprintf(key, sizeof(key), "%s/%s", f->id, MANIFEST_NAME);
	store_get_bytes(it->l->store, key, MANIFEST_MAX, on_manifest_read, it);
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
		catalog_look(l->store, l->ids.ids[it->at], on_item_looked, it);
	}
	if (l->running == 0)
		listing_answer(l, NULL);
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

void
catalog_list(struct store *store, const char *job, catalog_list_fn *fn,
    void *arg)
{
	struct listing *l = xcalloc(1, sizeof(*l));

	l->store = store;
	l->job = job == NULL ? NULL : xstrdup(job);
	l->fn = fn;
	l->arg = arg;
	catalog_ids(store, on_list_ids, l);
}
