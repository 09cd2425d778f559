/*
 * backup_describe.c - the run's files, snapshot.json and README.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "job/backup_int.h"
#include "snapshot/describe.h"

void
backup_add_file(struct backup *b, const char *name, int64_t size,
    const char *sha256)
{
	struct err e = ERR_INIT;
	size_t i = b->nfiles++;

	b->names = xrealloc(b->names, b->nfiles * sizeof(*b->names));
	b->sizes = xrealloc(b->sizes, b->nfiles * sizeof(*b->sizes));
	b->names[i] = xstrdup(name);
	b->sizes[i] = size;
	/* Names are the sources' own, made safe and unique by them. */
	BUG_IF(manifest_add(b->manifest, name, sha256, &e) == -1);
}

static json_t *
backup_describe_source(struct backup *b)
{
	static const char *const shown[] = { "type", "host", "compose",
		"project", "stop", "volumes", "paths" };
	const struct source_facts *f = source_facts(b->source);
	json_t *o = json_object(), *v;
	size_t i;

	for (i = 0; i < COUNT_OF(shown); i++)
		if ((v = json_object_get(b->senv.cfg, shown[i])) != NULL)
			json_put(o, shown[i], json_deep_copy(v));
	/* What the source found out is truer than what was asked for. */
	if (f->versions != NULL &&
	    (v = json_object_get(f->versions, "project")) != NULL)
		json_put(o, "project", json_deep_copy(v));
	return o;
}

static json_t *
backup_describe_json(struct backup *b)
{
	const struct source_facts *f = source_facts(b->source);
	json_t *o = json_object();

	json_put_int(o, "format", SNAPSHOT_FORMAT);
	json_put_str(o, "id", b->id);
	json_put_str(o, "job", b->run.job);
	json_put_str(o, "instance", history_instance(b->run.d->history));
	json_put_str(o, "run", b->run.uuid);
	/* The same in every store, also when a crash was in between. */
	json_put_time(o, "created", snapshot_id_time(b->id));
	json_put_time(o, "as_of", f->as_of_ms);
	if (f->has_services)
		json_put_int(o, "downtime_ms", b->downtime_ms);
	else
		json_put(o, "downtime_ms", json_null());
	json_put(o, "source", backup_describe_source(b));
	json_put(o, "versions",
	    f->versions == NULL ? json_object() : json_deep_copy(f->versions));
	json_put_str(o, "tools", "ragbackup " RAGBACKUP_VERSION);
	json_put(o, "artifacts", json_deep_copy(b->artifacts));
	json_put(o, "requires", json_array());
	json_put(o, "external", json_array());
	json_put(o, "warnings", json_deep_copy(b->warnings));
	return o;
}

static void
backup_add_text(struct backup *b, size_t i, const char *name, char *taken)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned n = 0;

	b->extra_text[i] = taken;
	b->extra_len[i] = strlen(taken);
	BUG_IF(EVP_Digest(taken, b->extra_len[i], digest, &n, EVP_sha256(),
		   NULL) != 1);
	str_hex(digest, n, hex);
	backup_add_file(b, name, (int64_t)b->extra_len[i], hex);
}

void
backup_describe(struct backup *b)
{
	json_t *o = backup_describe_json(b);

	backup_add_text(b, 0, SNAPSHOT_README_NAME, snapshot_readme(o));
	backup_add_text(b, 1, SNAPSHOT_JSON_NAME, json_print_pretty(o));
	json_decref(o);
}
