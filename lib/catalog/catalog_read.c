/* catalog_read.c - see catalog_read.h. */
#include "catalog/catalog_read.h"

#include <openssl/evp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "snapshot/describe.h"

struct reading {
	struct store *store;
	struct catalog_snapshot *s;
	catalog_read_fn *fn;
	void *arg;
};

void
catalog_snapshot_free(struct catalog_snapshot *s)
{
	if (s == NULL)
		return;
	catalog_folder_free(s->folder);
	manifest_free(s->manifest);
	free(s->text);
	free(s);
}

static void
reading_answer(struct reading *r, const struct err *e)
{
	r->fn(r->arg, r->s, e);
	free(r);
}

static void
on_read_manifest(void *arg, const char *text, size_t n, const struct err *e)
{
	struct reading *r = arg;
	struct err why = ERR_INIT;

	if (e != NULL) {
		reading_answer(r, e);
		return;
	}
	r->s->text = xmalloc(n + 1);
	memcpy(r->s->text, text, n);
	r->s->text[n] = '\0';
	r->s->text_len = n;
	r->s->manifest = manifest_parse(text, n, &why);
	reading_answer(r, r->s->manifest == NULL ? &why : NULL);
}

static void
on_read_looked(void *arg, struct catalog_folder *f, const struct err *e)
{
	struct reading *r = arg;
	struct err none = ERR_INIT;
	char key[SNAPSHOT_ID_MAX + sizeof(MANIFEST_NAME) + 1];

	r->s->folder = f;
	if (e != NULL) {
		reading_answer(r, e);
	} else if (!f->has_manifest) {
		(void)err_set(&none, ERR_NOT_FOUND,
		    "store '%s' has no snapshot %s", store_name(r->store),
		    f->id);
		reading_answer(r, &none);
	} else {
		(void)snprintf(key, sizeof(key), "%s/%s", f->id, MANIFEST_NAME);
		store_get_bytes(r->store, key, MANIFEST_MAX, on_read_manifest,
		    r);
	}
}

void
catalog_read(struct store *store, const char *id, catalog_read_fn *fn,
    void *arg)
{
	struct reading *r = xcalloc(1, sizeof(*r));

	r->store = store;
	r->s = xcalloc(1, sizeof(*r->s));
	r->fn = fn;
	r->arg = arg;
	catalog_look(store, id, on_read_looked, r);
}

const struct catalog_file_seen *
catalog_snapshot_file(const struct catalog_snapshot *s, size_t i)
{
	return catalog_folder_find(s->folder, s->manifest->entries[i].name);
}

int
catalog_snapshot_size(const struct catalog_snapshot *s, int64_t *size,
    struct err *e)
{
	const struct catalog_file_seen *f;
	size_t i;

	*size = 0;
	for (i = 0; i < s->manifest->n; i++) {
		if ((f = catalog_snapshot_file(s, i)) == NULL)
			return err_set(e, ERR_CORRUPT, "'%s' is missing",
			    s->manifest->entries[i].name);
		if (f->size < 0 || f->size > INT64_MAX - *size)
			return err_set(e, ERR_CORRUPT,
			    "'%s' has an impossible size", f->name);
		*size += f->size;
	}
	return 0;
}

void
catalog_sha256(const char *text, size_t n, char hex[STR_HEX_SHA256])
{
	uint8_t raw[32];

	BUG_IF(EVP_Digest(text, n, raw, NULL, EVP_sha256(), NULL) != 1);
	str_hex(raw, sizeof(raw), hex);
}

static int
describe_check_digest(const struct catalog_snapshot *s, const char *text,
    size_t n, struct err *e)
{
	const struct manifest_entry *m = manifest_find(s->manifest,
	    SNAPSHOT_JSON_NAME);
	char hex[STR_HEX_SHA256];

	if (m == NULL)
		return err_set(e, ERR_CORRUPT, "%s is not in the manifest",
		    SNAPSHOT_JSON_NAME);
	catalog_sha256(text, n, hex);
	if (strcmp(hex, m->sha256) != 0)
		return err_set(e, ERR_CORRUPT,
		    "%s is not what the manifest says", SNAPSHOT_JSON_NAME);
	return 0;
}

static int
describe_check_artifacts(const struct catalog_snapshot *s,
    const json_t *description, struct err *e)
{
	const struct catalog_file_seen *f;
	const struct manifest_entry *m;
	const char *name;
	const json_t *a;
	size_t i;

	json_array_foreach(json_get_array(description, "artifacts"), i, a) {
		name = json_get_str(a, "name", "");
		m = manifest_find(s->manifest, name);
		f = catalog_folder_find(s->folder, name);
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

int
catalog_snapshot_describe(const struct catalog_snapshot *s, const char *text,
    size_t n, json_t **description, struct err *e)
{
	json_t *o = NULL;
	int rc = -1;

	if (describe_check_digest(s, text, n, e) == -1 ||
	    (o = json_parse(text, n, e)) == NULL ||
	    snapshot_json_check(o, e) == -1)
		goto out;
	if (strcmp(json_get_str(o, "id", ""), s->folder->id) != 0) {
		(void)err_set(e, ERR_CORRUPT, "%s is of snapshot %s",
		    SNAPSHOT_JSON_NAME, json_get_str(o, "id", ""));
		goto out;
	}
	*description = json_incref(o);
	rc = describe_check_artifacts(s, o, e);
out:
	json_decref(o);
	return rc;
}
