/*
 * snapshots.h - for tests of the catalog: whole snapshots, made straight in a
 * store's folder, and catalog calls that wait.
 */
#ifndef TEST_CATALOG_SNAPSHOTS_H
#define TEST_CATALOG_SNAPSHOTS_H

#include "unit/catalog/scripted.h"

#include <openssl/evp.h>
#include <utime.h>

#include "base/str.h"
#include "catalog/catalog.h"
#include "snapshot/describe.h"

struct listed {
	unsigned answers;
	json_t *list;
	struct err err;
};

UNUSED_OK static void
on_listed(void *arg, json_t *list, const struct err *e)
{
	struct listed *l = arg;

	l->answers++;
	assert_true((list == NULL) == (e != NULL));
	l->list = list;
	err_copy(&l->err, e);
}

UNUSED_OK static json_t *
wait_list(struct world *w, struct listed *l)
{
	assert_int_equal(l->answers, 0);
	while (l->answers == 0)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(l->answers, 1);
	return l->list;
}

UNUSED_OK static void
sha256_of(const char *text, char hex[STR_HEX_SHA256])
{
	uint8_t raw[32];

	assert_int_equal(EVP_Digest(text, strlen(text), raw, NULL, EVP_sha256(),
			     NULL),
	    1);
	str_hex(raw, sizeof(raw), hex);
}

UNUSED_OK static json_t *
description(const char *id, const char *job, const char *requires)
{
	char hex[STR_HEX_SHA256], as_of[STR_TIME_MAX];
	json_t *o;

	sha256_of("data", hex);
	str_format_time(snapshot_id_time(id), as_of);
	o = json_pack("{s:i,s:s,s:s,s:s,s:s,s:s,s:{s:s},s:[{s:s,s:s,s:s,s:i,"
		      "s:s,s:s}],s:[]}",
	    "format", 1, "id", id, "job", job, "instance", "inst", "run",
	    "run-1", "as_of", as_of, "source", "type", "directory", "artifacts",
	    "name", "d.tar.gz", "kind", "path", "of", "/srv/d", "size", 4,
	    "sha256", hex, "compression", "gzip", "requires");
	assert_non_null(o);
	if (requires != NULL)
		(void)json_array_append_new(json_object_get(o, "requires"),
		    json_string(requires));
	return o;
}

UNUSED_OK static void
plant_in(struct world *w, const char *id, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", id, name);

	w_plant(w, path, text);
	free(path);
}

UNUSED_OK static void
plant_claim(struct world *w, const char *id, const char *name,
    const char *instance, const char *run)
{
	char *text = xasprintf("{\"instance\":\"%s\",\"run\":\"%s\"}", instance,
	    run);

	plant_in(w, id, name, text);
	free(text);
}

/* Everything but the manifest; ${text} of snapshot.json is free()d. */
UNUSED_OK static void
plant_sealed(struct world *w, const char *id, char *json)
{
	struct manifest *m = manifest_new();
	char hex[STR_HEX_SHA256], *text;

	plant_claim(w, id, ".claim", "inst", "run-1");
	plant_in(w, id, "d.tar.gz", "data");
	plant_in(w, id, SNAPSHOT_JSON_NAME, json);
	sha256_of("data", hex);
	assert_int_equal(manifest_add(m, "d.tar.gz", hex, NULL), 0);
	sha256_of(json, hex);
	assert_int_equal(manifest_add(m, SNAPSHOT_JSON_NAME, hex, NULL), 0);
	text = manifest_format(m);
	plant_in(w, id, MANIFEST_NAME, text);
	free(text);
	free(json);
	manifest_free(m);
}

UNUSED_OK static void
plant_snapshot(struct world *w, const char *id, const char *job,
    const char *requires)
{
	json_t *o = description(id, job, requires);

	plant_sealed(w, id, json_print_pretty(o));
	json_decref(o);
}

UNUSED_OK static void
make_old(struct world *w, const char *name, int64_t seconds)
{
	char *path = file_join(w->dir, name);
	time_t then = (time_t)(env_wall_ms(w->env) / 1000 - seconds);
	struct utimbuf t = { then, then };

	assert_int_equal(utime(path, &t), 0);
	free(path);
}

/* "id verdict deleted reason" a line, or the like for a list. */
UNUSED_OK static const char *
lines_of(json_t *list, const char *const *keys, size_t n)
{
	static char text[8192];
	size_t at = 0, i, j;
	json_t *o, *v;

	text[0] = '\0';
	json_array_foreach(list, i, o)
		for (j = 0; j < n; j++) {
			v = json_object_get(o, keys[j]);
			at += (size_t)snprintf(text + at, sizeof(text) - at,
			    "%s%s",
			    json_is_string(v)      ? json_string_value(v)
				: json_is_true(v)  ? "yes"
				: json_is_false(v) ? "no"
						   : "-",
			    j + 1 == n ? "\n" : " ");
		}
	return text;
}

#endif
