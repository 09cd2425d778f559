/*
 * catalog_verify.c - see catalog_verify.h.
 *
 *	pin (deep) -> read -> snapshot.json -> file after file -> mark (deep)
 *	-> unpin -> answer
 *
 * What cannot be told ends it with an error; what is wrong is noted, and it
 * goes on.  Canceled: the step under way ends it.
 */
#include "catalog/catalog_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/catalog_pin.h"
#include "catalog/catalog_read.h"
#include "catalog/catalog_suspect.h"
#include "snapshot/describe.h"
#include "stream/stream.h"

#define PROGRESS_MS 500

struct catalog_verify {
	struct env *env;
	struct store *store;
	struct work_pool *pool;
	char id[SNAPSHOT_ID_MAX];
	char *by;
	bool is_deep;
	struct catalog_pin *pin;
	struct catalog_snapshot *s;
	json_t *answer;
	json_t *faults; /* Of the answer. */
	json_t *description;
	size_t at; /* The file of the manifest that is looked at. */
	int64_t read, total;
	struct stream *stream;
	struct env_timer *timer;
	struct err err; /* Why it cannot be told. */
	bool is_canceled;
	void (*canceled)(void *);
	void *canceled_arg;
	catalog_verify_progress_fn *progress;
	catalog_verify_fn *fn;
	void *arg;
};

static void
verify_add(int64_t *sum, int64_t size)
{
	*sum = size > INT64_MAX - *sum ? INT64_MAX : *sum + size;
}

static void
verify_fault(struct catalog_verify *v, const char *file, const char *fault)
{
	json_t *o = json_object();
	size_t n = strlen(file);

	/* An error's text may begin with the file's name. */
	if (str_has_prefix(fault, file) && str_has_prefix(fault + n, ": "))
		fault += n + 2;
	json_put_str(o, "file", file);
	json_put_str(o, "fault", fault);
	(void)json_array_append_new(v->faults, o);
}

/* --- The end. */

static void
on_verify_released(void *arg)
{
	struct catalog_verify *v = arg;

	json_put_int(v->answer, "read", v->read);
	json_put_str(v->answer, "verdict",
	    json_array_size(v->faults) == 0 ? "ok" : "damaged");
	env_timer_free(v->timer);
	if (v->is_canceled && v->canceled != NULL)
		v->canceled(v->canceled_arg);
	else if (!v->is_canceled && v->err.code != ERR_NONE)
		v->fn(v->arg, NULL, &v->err);
	else if (!v->is_canceled)
		v->fn(v->arg, json_incref(v->answer), NULL);
	catalog_snapshot_free(v->s);
	json_decref(v->answer);
	json_decref(v->description);
	free(v->by);
	free(v);
}

static void
verify_release(struct catalog_verify *v)
{
	struct catalog_pin *pin = v->pin;

	v->pin = NULL;
	env_timer_stop(v->timer);
	if (pin != NULL)
		catalog_unpin(pin, on_verify_released, v);
	else
		(void)defer_call(v->env->loop, on_verify_released, v);
}

static void
verify_fail(struct catalog_verify *v, const struct err *e)
{
	err_copy(&v->err, e);
	(void)err_context(&v->err, "verify snapshot %s in store '%s'", v->id,
	    store_name(v->store));
	verify_release(v);
}

static void
on_verify_marked(void *arg, const struct err *e)
{
	struct catalog_verify *v = arg;

	CRASH_POINT("verify marked");
	/* Damage is the answer all the same; a mark that stays on what is
	 * whole again is an error. */
	if (e != NULL && json_array_size(v->faults) == 0)
		verify_fail(v, e);
	else
		verify_release(v);
}

static void
verify_mark(struct catalog_verify *v)
{
	const json_t *first = json_array_get(v->faults, 0);
	char *fault;

	if (!v->is_deep || v->is_canceled) {
		verify_release(v);
	} else if (first != NULL) {
		fault = xasprintf("%s: %s", json_get_str(first, "file", "?"),
		    json_get_str(first, "fault", "?"));
		catalog_suspect_mark(v->store, v->id, v->by, fault,
		    on_verify_marked, v);
		free(fault);
	} else if (v->s->folder->is_suspect) {
		catalog_suspect_clear(v->store, v->id, on_verify_marked, v);
	} else {
		verify_release(v);
	}
}

/* --- File after file. */

static void verify_next(struct catalog_verify *);

static void
verify_tell(struct catalog_verify *v)
{
	struct stream_progress p = { 0, 0 };

	if (v->stream != NULL)
		stream_progress(v->stream, &p);
	if (v->progress != NULL && !v->is_canceled)
		v->progress(v->arg, v->read + p.bytes_read, v->total);
}

static void
on_verify_tick(void *arg)
{
	struct catalog_verify *v = arg;

	env_timer_start(v->timer, PROGRESS_MS);
	verify_tell(v);
}

static void
on_verify_still_sealed(void *arg, const struct err *e)
{
	struct catalog_verify *v = arg;

	if (v->is_canceled) {
		verify_release(v);
	} else if (e != NULL) {
		verify_fail(v, e);
	} else {
		verify_fault(v, v->s->manifest->entries[v->at++].name,
		    "is missing");
		verify_next(v);
	}
}

static void
on_verify_hashed(void *arg, const struct stream_result *r, const struct err *e)
{
	struct catalog_verify *v = arg;
	const struct manifest_entry *m = &v->s->manifest->entries[v->at];

	v->stream = NULL;
	if (e != NULL && e->code == ERR_NOT_FOUND) {
		/* It went, or the whole snapshot did. */
		catalog_is_sealed(v->store, v->id, on_verify_still_sealed, v);
		return;
	}
	if (e != NULL && e->code != ERR_CORRUPT) {
		verify_fail(v, e);
		return;
	}
	if (e != NULL) {
		verify_fault(v, m->name, e->msg);
	} else {
		verify_add(&v->read, r->size);
		if (strcmp(r->sha256, m->sha256) != 0)
			verify_fault(v, m->name,
			    "its SHA-256 is not what the manifest says");
	}
	verify_tell(v);
	v->at++;
	verify_next(v);
}

/* Not snapshot.json, which was read first, nor what has another size than it
 * says: that was noted, whatever its digest is. */
static bool
verify_is_read(const struct catalog_verify *v, size_t i)
{
	const char *name = v->s->manifest->entries[i].name;
	const struct catalog_file_seen *f = catalog_snapshot_file(v->s, i);
	const json_t *a;
	size_t j;

	if (f == NULL || strcmp(name, SNAPSHOT_JSON_NAME) == 0)
		return false;
	json_array_foreach(json_get_array(v->description, "artifacts"), j, a)
		if (strcmp(json_get_str(a, "name", ""), name) == 0 &&
		    json_get_int(a, "size", -1) != f->size)
			return false;
	return v->is_deep || strcmp(name, SNAPSHOT_README_NAME) == 0;
}

static void
verify_next(struct catalog_verify *v)
{
	struct stream_opt opt = { .size_hint = -1 };
	char *key;

	if (v->is_canceled) { /* By who was told of progress. */
		verify_release(v);
		return;
	}
	while (v->at < v->s->manifest->n && !verify_is_read(v, v->at))
		v->at++;
	if (v->at == v->s->manifest->n) {
		verify_mark(v);
		return;
	}
	key = xasprintf("%s/%s", v->id, v->s->manifest->entries[v->at].name);
	opt.reader = store_get(v->store, key, 0, -1);
	v->stream = stream_start(v->env, v->pool, &opt, on_verify_hashed, v);
	free(key);
}

/* --- What the folder, the manifest and snapshot.json say. */

static void
verify_check_folder(struct catalog_verify *v)
{
	const struct manifest *m = v->s->manifest;
	const struct catalog_file_seen *f;
	int64_t bytes = 0;
	size_t i;

	for (i = 0; i < m->n; i++) {
		f = catalog_snapshot_file(v->s, i);
		if (f == NULL)
			verify_fault(v, m->entries[i].name, "is missing");
		else
			verify_add(&bytes, f->size);
		if (f != NULL && verify_is_read(v, i))
			verify_add(&v->total, f->size);
	}
	json_put_str(v->answer, "job",
	    json_get_str(v->description, "job", NULL));
	if (v->description != NULL)
		json_put_str(v->answer, "as_of",
		    json_get_str(v->description, "as_of", NULL));
	json_put_int(v->answer, "files", (int64_t)m->n);
	json_put_int(v->answer, "bytes", bytes);
	env_timer_start(v->timer, PROGRESS_MS);
	verify_next(v);
}

/* All that differ, where catalog_snapshot_describe() names the first. */
static void
verify_check_artifacts(struct catalog_verify *v)
{
	const struct catalog_file_seen *f;
	const struct manifest_entry *m;
	const char *name;
	const json_t *a;
	char fault[96];
	size_t i;

	json_array_foreach(json_get_array(v->description, "artifacts"), i, a) {
		name = json_get_str(a, "name", "");
		m = manifest_find(v->s->manifest, name);
		f = catalog_folder_find(v->s->folder, name);
		if (m == NULL)
			verify_fault(v, name, "is not in the manifest");
		else if (strcmp(m->sha256, json_get_str(a, "sha256", "")) != 0)
			verify_fault(v, name,
			    "snapshot.json and the manifest differ");
		if (m == NULL || f == NULL ||
		    f->size == json_get_int(a, "size", -1))
			continue;
		(void)snprintf(fault, sizeof(fault), "has %lld bytes, not %lld",
		    (long long)f->size, (long long)json_get_int(a, "size", -1));
		verify_fault(v, name, fault);
	}
}

static void
on_verify_described(void *arg, const char *text, size_t n, const struct err *e)
{
	struct catalog_verify *v = arg;
	struct err why = ERR_INIT;

	if (v->is_canceled) {
		verify_release(v);
		return;
	}
	if (e != NULL && e->code != ERR_LIMIT && e->code != ERR_CORRUPT) {
		verify_fail(v, e);
		return;
	}
	if (e != NULL)
		verify_fault(v, SNAPSHOT_JSON_NAME, e->msg);
	else if (catalog_snapshot_describe(v->s, text, n, &v->description,
		     &why) == -1 &&
	    v->description == NULL)
		verify_fault(v, SNAPSHOT_JSON_NAME, why.msg);
	v->read = v->total = (int64_t)n;
	verify_check_artifacts(v);
	verify_check_folder(v);
}

static void
on_verify_read(void *arg, struct catalog_snapshot *s, const struct err *e)
{
	struct catalog_verify *v = arg;
	char *key;

	v->s = s;
	if (v->is_canceled) {
		verify_release(v);
	} else if (e != NULL && e->code != ERR_CORRUPT &&
	    (e->code != ERR_LIMIT || s->folder == NULL)) {
		verify_fail(v, e);
	} else if (e != NULL) {
		verify_fault(v, MANIFEST_NAME, e->msg);
		verify_mark(v);
	} else if (catalog_folder_find(s->folder, SNAPSHOT_JSON_NAME) == NULL) {
		verify_check_folder(v);
	} else {
		key = xasprintf("%s/%s", v->id, SNAPSHOT_JSON_NAME);
		store_get_bytes(v->store, key, CATALOG_DESCRIPTION_MAX,
		    on_verify_described, v);
		free(key);
	}
}

static void
on_verify_pinned(void *arg, const struct err *e)
{
	struct catalog_verify *v = arg;

	if (v->is_canceled)
		verify_release(v);
	else if (e != NULL)
		verify_fail(v, e);
	else
		catalog_read(v->store, v->id, on_verify_read, v);
}

struct catalog_verify *
catalog_verify(struct env *env, const struct catalog_verify_opt *opt,
    catalog_verify_progress_fn *progress, catalog_verify_fn *fn, void *arg)
{
	struct catalog_verify *v = xcalloc(1, sizeof(*v));

	BUG_IF(!snapshot_id_is_valid(opt->id));
	v->env = env;
	v->store = opt->store;
	v->pool = opt->pool;
	(void)snprintf(v->id, sizeof(v->id), "%s", opt->id);
	v->by = xstrdup(opt->by);
	v->is_deep = opt->is_deep;
	v->faults = json_array();
	v->answer = json_object();
	json_put_str(v->answer, "id", v->id);
	json_put_str(v->answer, "store", store_name(v->store));
	json_put_bool(v->answer, "deep", v->is_deep);
	json_put_str(v->answer, "job", NULL);
	json_put_time(v->answer, "as_of", snapshot_id_time(v->id));
	json_put_int(v->answer, "files", 0);
	json_put_int(v->answer, "bytes", 0);
	json_put(v->answer, "faults", v->faults);
	v->timer = env_timer_new(env, on_verify_tick, v);
	v->progress = progress;
	v->fn = fn;
	v->arg = arg;
	if (v->is_deep)
		v->pin = catalog_pin(v->store, v->id, v->by, opt->run,
		    on_verify_pinned, v);
	else
		catalog_read(v->store, v->id, on_verify_read, v);
	return v;
}

static void
on_verify_stopped(void *arg)
{
	verify_release(arg);
}

void
catalog_verify_cancel(struct catalog_verify *v, void (*done)(void *), void *arg)
{
	struct stream *stream = v->stream;

	BUG_IF(v->is_canceled);
	v->is_canceled = true;
	v->canceled = done;
	v->canceled_arg = arg;
	v->stream = NULL;
	if (stream != NULL)
		stream_cancel(stream, on_verify_stopped, v);
}
