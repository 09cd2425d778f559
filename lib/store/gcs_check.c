/*
 * gcs_check.c - see gcs.h: whether the bucket can be used, and what it can.
 *
 *	LIST -> WRITE a probe, if absent -> WRITE it again -> REMOVE it
 *
 * What says that a bucket is there (storage.buckets.get) is more than a backup
 * needs to be permitted: listing does.  The second write must be refused; an
 * emulator that takes it knows no preconditions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "store/gcs.h"

#define PROBE ".ragbackup-probe-"

struct check_op {
	struct gcs *gcs;
	char key[sizeof(PROBE) + ENV_UUID_SIZE];
	bool is_second;
	store_done_fn *fn;
	void *arg;
	struct err err;
};

static void
check_answer(struct check_op *op, const struct err *e)
{
	struct cloud *c = &op->gcs->cloud;

	op->fn(op->arg, e);
	free(op);
	cloud_release(c);
}

static void
on_probe_removed(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct check_op *op = arg;

	(void)a;
	(void)code;
	if (op->err.code == ERR_NONE && e != NULL && e->code != ERR_NOT_FOUND) {
		err_copy(&op->err, e);
		(void)err_context(&op->err, "remove a probe");
	}
	check_answer(op, op->err.code == ERR_NONE ? NULL : &op->err);
}

static void
check_remove(struct check_op *op)
{
	(void)gcs_remove_generation(op->gcs, op->key, NULL, on_probe_removed,
	    op);
}

static void check_write(struct check_op *);

static void
on_probe_written(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct check_op *op = arg;
	struct gcs_object o;

	(void)code;
	if (!op->is_second && e == NULL &&
	    gcs_object_read(a, &o, &op->err) == 0 &&
	    gcs_object_check(&o, 0, 0, NULL, &op->err) == 0) {
		op->is_second = true;
		check_write(op);
		return;
	}
	/* Of the first one it says that the answer of an attempt was lost. */
	if (e != NULL && e->code == ERR_CONFLICT) {
		op->gcs->lacks_if_absent = false;
	} else if (e != NULL) {
		err_copy(&op->err, e);
		(void)err_context(&op->err, "write a probe");
	} else if (op->is_second) {
		op->gcs->lacks_if_absent = true;
	}
	check_remove(op);
}

static void
check_write(struct check_op *op)
{
	static const struct cloud_pair query[] = { { "uploadType",
						       "multipart" },
		{ "fields", GCS_FIELDS }, { "ifGenerationMatch", "0" } };
	struct gcs *g = op->gcs;
	char *path = gcs_upload_path(g);
	json_t *meta = gcs_meta(g, op->key, "STANDARD");
	struct cloud_pair header = { "Content-Type", NULL };
	struct gcs_body body;
	struct cloud_req req = { .what = GCS_PUT,
		.method = "POST",
		.path = path,
		.query = query,
		.nquery = COUNT_OF(query),
		.headers = &header,
		.nheaders = 1 };

	gcs_body_init(&body, g->cloud.base.env, meta, NULL, 0);
	header.value = body.type;
	req.blocks = body.blocks;
	req.nblocks = body.nblocks;
	(void)cloud_start(&g->cloud, &req, on_probe_written, op);
	gcs_body_done(&body);
	json_decref(meta);
	free(path);
}

static void
on_check_listed(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct check_op *op = arg;
	json_t *page;

	(void)code;
	if (e != NULL) {
		check_answer(op, e);
		return;
	}
	page = json_parse(a->body, a->body_len, NULL);
	if (!json_is_object(page)) {
		(void)err_set(&op->err, ERR_PROTOCOL,
		    "store '%s': what came instead of a list is none: is this "
		    "Google Cloud Storage?",
		    op->gcs->cloud.base.name);
		json_decref(page);
		check_answer(op, &op->err);
		return;
	}
	json_decref(page);
	check_write(op);
}

struct cloud_call *
gcs_reach(struct gcs *g, cloud_fn *fn, void *arg)
{
	struct cloud_pair query[] = { { "maxResults", "1" },
		{ "fields", "nextPageToken" }, { "prefix", g->cloud.prefix } };
	char *path = xasprintf("/storage/v1/b/%s/o", g->bucket);
	struct cloud_req req = { .what = GCS_LIST,
		.method = "GET",
		.path = path,
		.query = query,
		.nquery = COUNT_OF(query) };
	struct cloud_call *call;

	call = cloud_start(&g->cloud, &req, fn, arg);
	free(path);
	return call;
}

void
gcs_check(struct store *s, store_done_fn *fn, void *arg)
{
	struct check_op *op = xcalloc(1, sizeof(*op));

	op->gcs = gcs_of(cloud_of(s));
	op->fn = fn;
	op->arg = arg;
	(void)strcpy(op->key, PROBE);
	env_uuid(s->env, op->key + strlen(PROBE));
	cloud_hold(&op->gcs->cloud);
	(void)gcs_reach(op->gcs, on_check_listed, op);
}
