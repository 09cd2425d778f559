/* gcs_object.c - see gcs.h: one object: what is told of it, stat, remove. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/gcs.h"

/* Base64 of just ${n} bytes into hex; else "". */
static void
digest_read(const json_t *root, const char *key, size_t n, char *hex)
{
	const char *text = json_get_str(root, key, "");
	uint8_t raw[64];

	hex[0] = '\0';
	if (strlen(text) < 40 &&
	    cloud_base64_decode(text, raw, sizeof(raw)) == (long)n)
		str_hex(raw, n, hex);
}

int
gcs_object_read(const struct http_answer *a, struct gcs_object *o,
    struct err *e)
{
	json_t *root = json_parse(a->body, a->body_len, NULL);
	const char *generation;
	int rc = -1;

	memset(o, 0, sizeof(*o));
	/* Numbers of 64 bits are strings there. */
	if (str_parse_i64(json_get_str(root, "size", ""), &o->size) == -1 ||
	    o->size < 0) {
		(void)err_set(e, ERR_PROTOCOL,
		    "the store's answer does not describe an object");
		goto out;
	}
	generation = json_get_str(root, "generation", "");
	if (strlen(generation) < sizeof(o->generation))
		(void)strcpy(o->generation, generation);
	digest_read(root, "crc32c", 4, o->crc32c);
	digest_read(root, "md5Hash", 16, o->md5);
	if (str_parse_time(json_get_str(root, "timeCreated", ""),
		&o->mtime_ms) == -1)
		o->mtime_ms = 0;
	rc = 0;
out:
	json_decref(root);
	return rc;
}

int
gcs_object_check(const struct gcs_object *o, int64_t size, uint32_t crc32c,
    const uint8_t *md5, struct err *e)
{
	char crc_hex[9], md5_hex[33] = "";

	(void)snprintf(crc_hex, sizeof(crc_hex), "%08x", (unsigned)crc32c);
	if (md5 != NULL)
		str_hex(md5, 16, md5_hex);
	if (o->size != size)
		return err_set(e, ERR_CORRUPT,
		    "the store has %lld bytes of it, sent were %lld",
		    (long long)o->size, (long long)size);
	if (strcmp(o->crc32c, crc_hex) != 0)
		return err_set(e, ERR_CORRUPT,
		    "the store's checksum of it (crc32c %s) is not that of "
		    "what was sent (%s)",
		    o->crc32c[0] == '\0' ? "not told" : o->crc32c, crc_hex);
	if (md5 != NULL && o->md5[0] != '\0' && strcmp(o->md5, md5_hex) != 0)
		return err_set(e, ERR_CORRUPT,
		    "the store's MD5 of it is not that of what was sent");
	return 0;
}

void
gcs_crc32c_text(uint32_t crc, char out[12])
{
	uint8_t raw[4] = { (uint8_t)(crc >> 24), (uint8_t)(crc >> 16),
		(uint8_t)(crc >> 8), (uint8_t)crc };

	cloud_base64(raw, sizeof(raw), out);
}

json_t *
gcs_meta(struct gcs *g, const char *key, const char *tier)
{
	const char *class = tier != NULL ? tier : g->storage_class;
	char *name = gcs_name(g, key);
	json_t *meta = json_pack("{s:s,s:s}", "name", name, "contentType",
	    "application/octet-stream");

	if (class != NULL)
		json_put_str(meta, "storageClass", class);
	free(name);
	return meta;
}

/* --- Stat. */

struct stat_op {
	struct gcs *gcs;
	char *key;
	store_stat_fn *fn;
	void *arg;
	struct err err;
};

static void
stat_answer(struct stat_op *op, const struct store_stat *st,
    const struct err *e)
{
	struct cloud *c = &op->gcs->cloud;

	op->fn(op->arg, st, e);
	free(op->key);
	free(op);
	cloud_release(c);
}

static void
on_stat(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct stat_op *op = arg;
	struct store_stat st = { .key = op->key };
	struct gcs_object o;
	struct err why = ERR_INIT;

	(void)code;
	if (e != NULL) {
		stat_answer(op, NULL, e);
		return;
	}
	if (gcs_object_read(a, &o, &why) == -1) {
		(void)err_context(&why, "store '%s': '%s'",
		    op->gcs->cloud.base.name, op->key);
		stat_answer(op, NULL, &why);
		return;
	}
	st.size = o.size;
	st.mtime_ms = o.mtime_ms;
	if (o.crc32c[0] != '\0') {
		st.kind = "crc32c";
		st.value = o.crc32c;
	}
	if (o.generation[0] != '\0')
		st.etag = o.generation;
	stat_answer(op, &st, NULL);
}

static void
on_stat_refused(void *arg)
{
	struct stat_op *op = arg;

	stat_answer(op, NULL, &op->err);
}

void
gcs_stat(struct store *s, const char *key, store_stat_fn *fn, void *arg)
{
	static const struct cloud_pair query[] = { { "fields", GCS_FIELDS } };
	struct stat_op *op = xcalloc(1, sizeof(*op));
	struct cloud_req req = { .what = GCS_STAT,
		.method = "GET",
		.query = query,
		.nquery = COUNT_OF(query) };
	char *path;

	op->gcs = gcs_of(cloud_of(s));
	op->key = xstrdup(key);
	op->fn = fn;
	op->arg = arg;
	cloud_hold(&op->gcs->cloud);
	if (store_key_check(key, &op->err) == -1) {
		(void)defer_call(s->env->loop, on_stat_refused, op);
		return;
	}
	req.path = path = gcs_path(op->gcs, key);
	(void)cloud_start(&op->gcs->cloud, &req, on_stat, op);
	free(path);
}

/* --- Remove. */

struct remove_op {
	struct cloud *cloud;
	store_done_fn *fn;
	void *arg;
	struct err err;
};

static void
remove_answer(struct remove_op *op, const struct err *e)
{
	struct cloud *c = op->cloud;

	op->fn(op->arg, e);
	free(op);
	cloud_release(c);
}

static void
on_removed(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	(void)a;
	(void)code;
	remove_answer(arg, e != NULL && e->code == ERR_NOT_FOUND ? NULL : e);
}

static void
on_remove_refused(void *arg)
{
	struct remove_op *op = arg;

	remove_answer(op, &op->err);
}

void
gcs_remove(struct store *s, const char *key, store_done_fn *fn, void *arg)
{
	struct remove_op *op = xcalloc(1, sizeof(*op));

	op->cloud = cloud_of(s);
	op->fn = fn;
	op->arg = arg;
	cloud_hold(op->cloud);
	if (store_key_check(key, &op->err) == -1)
		(void)defer_call(s->env->loop, on_remove_refused, op);
	else
		(void)gcs_remove_generation(gcs_of(op->cloud), key, NULL,
		    on_removed, op);
}

struct cloud_call *
gcs_remove_generation(struct gcs *g, const char *key, const char *generation,
    cloud_fn *fn, void *arg)
{
	struct cloud_pair query[] = { { "generation", generation } };
	char *path = gcs_path(g, key);
	struct cloud_req req = { .what = GCS_REMOVE,
		.method = "DELETE",
		.path = path,
		.query = query,
		.nquery = generation == NULL ? 0 : 1 };
	struct cloud_call *call;

	call = cloud_start(&g->cloud, &req, fn, arg);
	free(path);
	return call;
}
