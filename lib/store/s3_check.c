/*
 * s3_check.c - reaching the bucket, and whether it can refuse to replace.
 *
 *	LIST -> FIRST -> SECOND -> REMOVE
 *	            \-> PLAIN --^
 *
 * A store that knows If-None-Match refuses the second put; one that ignores the
 * header takes it; one that does not know it refuses the first.  The name is
 * nobody else's, so that a first one that is refused tells of an answer that
 * was lost, and of the same.  The answer is kept: later checks just list.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/s3.h"

struct s3_check_op {
	struct s3 *s3;
	char *path; /* Of the probe. */
	bool has_if_absent;
	struct err err; /* Of the probe; reported when it is gone. */
	store_done_fn *fn;
	void *arg;
};

static void
check_answer(struct s3_check_op *op, const struct err *e)
{
	struct cloud *c = &op->s3->cloud;

	op->fn(op->arg, e);
	free(op->path);
	free(op);
	cloud_release(c);
}

/* Whoever may write but not delete keeps a small object; it is no fault. */
static void
on_probe_removed(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_check_op *op = arg;
	struct err err;

	(void)a;
	(void)code;
	if (e != NULL && op->err.code == ERR_NONE &&
	    e->code != ERR_PERMISSION && e->code != ERR_NOT_FOUND)
		err_copy(&op->err, e);
	if (op->err.code == ERR_NONE) {
		op->s3->is_probed = true;
		op->s3->has_if_absent = op->has_if_absent;
	}
	err_copy(&err, &op->err);
	check_answer(op, err.code == ERR_NONE ? NULL : &err);
}

/* ${e}: why it failed, NULL: it went well. */
static void
probe_remove(struct s3_check_op *op, const struct err *e)
{
	struct cloud_req req = { .what = S3_REMOVE,
		.method = "DELETE",
		.path = op->path };

	if (e != NULL) {
		err_copy(&op->err, e);
		(void)err_context(&op->err, "probe for conditional writes");
	}
	(void)cloud_start(&op->s3->cloud, &req, on_probe_removed, op);
}

static void
probe_put(struct s3_check_op *op, bool if_absent, cloud_fn *fn)
{
	static const char text[] = "ragbackup was here; this can go.\n";
	const struct cloud_pair header = { "If-None-Match", "*" };
	struct cloud_req req = { .what = if_absent ? S3_PUT_IF : S3_PUT,
		.method = "PUT",
		.path = op->path,
		.headers = &header,
		.nheaders = if_absent ? 1 : 0,
		.body = text,
		.body_len = sizeof(text) - 1 };

	(void)cloud_start(&op->s3->cloud, &req, fn, op);
}

static void
on_probe_plain(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	(void)a;
	(void)code;
	probe_remove(arg, e);
}

static void
on_probe_second(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_check_op *op = arg;

	(void)a;
	(void)code;
	op->has_if_absent = e != NULL && e->code == ERR_CONFLICT;
	probe_remove(op, op->has_if_absent ? NULL : e);
}

static void
on_probe_first(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_check_op *op = arg;

	if (e == NULL)
		probe_put(op, true, on_probe_second);
	else if (e->code == ERR_CONFLICT)
		on_probe_second(op, a, code, e);
	else if (a != NULL && (a->status == 501 || a->status == 400))
		probe_put(op, false, on_probe_plain);
	else
		probe_remove(op, e);
}

static void
on_check_listed(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_check_op *op = arg;
	char uuid[ENV_UUID_SIZE], name[64];
	struct err err = ERR_INIT;

	(void)a;
	(void)code;
	/* 404 without a word about what is missing. */
	if (e != NULL && e->code == ERR_NOT_FOUND) {
		(void)err_set(&err, ERR_CONFIG,
		    "store '%s': there is no bucket '%s'",
		    op->s3->cloud.base.name, op->s3->bucket);
		e = &err;
	}
	if (e != NULL || op->s3->is_probed) {
		check_answer(op, e);
		return;
	}
	env_uuid(op->s3->cloud.base.env, uuid);
	(void)snprintf(name, sizeof(name), ".ragbackup-probe-%s", uuid);
	op->path = s3_path(op->s3, name);
	probe_put(op, true, on_probe_first);
}

void
s3_check(struct store *store, store_done_fn *fn, void *arg)
{
	struct cloud *c = cloud_of(store);
	struct s3_check_op *op = xcalloc(1, sizeof(*op));
	char *path = s3_path(s3_of(c), NULL);
	struct cloud_pair query[] = { { "list-type", "2" }, { "max-keys", "1" },
		{ "prefix", c->prefix } };
	struct cloud_req req = { .what = S3_LIST,
		.method = "GET",
		.path = path,
		.query = query,
		.nquery = c->prefix[0] == '\0' ? 2 : 3 };

	cloud_hold(c);
	op->s3 = s3_of(c);
	op->fn = fn;
	op->arg = arg;
	(void)cloud_start(c, &req, on_check_listed, op);
	free(path);
}
