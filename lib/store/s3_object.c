/* s3_object.c - one object as it lies there: stat, remove. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/s3.h"

struct s3_stat_op {
	struct cloud *cloud;
	char *key;
	struct err err;
	store_stat_fn *fn;
	void *arg;
};

/* -1: an answer that tells no size is no answer. */
static int
stat_read(const struct http_answer *a, struct store_stat *st,
    char etag[S3_ETAG_MAX])
{
	char text[64];

	if (!http_header(a, "Content-Length", text, sizeof(text)) ||
	    str_parse_i64(text, &st->size) == -1 || st->size < 0)
		return -1;
	if (http_header(a, "Last-Modified", text, sizeof(text)))
		(void)cloud_date_parse(text, &st->mtime_ms);
	if (!s3_etag(a, etag))
		return 0;
	s3_etag_bare(etag);
	st->etag = etag;
	if (!s3_is_sealed(a) &&
	    (s3_etag_is_md5(etag) || s3_etag_is_composite(etag))) {
		st->kind = "etag";
		st->value = etag;
	}
	return 0;
}

static void
stat_answer(struct s3_stat_op *op, const struct store_stat *st,
    const struct err *e)
{
	struct cloud *c = op->cloud;

	op->fn(op->arg, st, e);
	free(op->key);
	free(op);
	cloud_release(c);
}

/* What GET says is wrong, where HEAD had no body to say it in. */
static void
on_stat_asked(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_stat_op *op = arg;

	(void)a;
	stat_answer(op, NULL, e != NULL && code[0] != '\0' ? e : &op->err);
}

static void
stat_ask(struct s3_stat_op *op, const struct err *e)
{
	const struct cloud_pair range = { "Range", "bytes=0-0" };
	char *path = s3_path(s3_of(op->cloud), op->key);
	struct cloud_req req = { .what = S3_GET,
		.method = "GET",
		.path = path,
		.headers = &range,
		.nheaders = 1 };

	err_copy(&op->err, e);
	(void)cloud_start(op->cloud, &req, on_stat_asked, op);
	free(path);
}

static void
on_stat(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_stat_op *op = arg;
	struct store_stat st = { .key = op->key };
	char etag[S3_ETAG_MAX];
	struct err mine = ERR_INIT;

	(void)code;
	if (e != NULL && a != NULL && (a->status == 403 || a->status == 400)) {
		stat_ask(op, e);
		return;
	}
	if (e == NULL && stat_read(a, &st, etag) == -1) {
		(void)err_set(&mine, ERR_PROTOCOL,
		    "store '%s': HEAD: the answer tells no size",
		    op->cloud->base.name);
		e = &mine;
	}
	stat_answer(op, e == NULL ? &st : NULL, e);
}

static void
on_stat_refused(void *arg)
{
	struct s3_stat_op *op = arg;

	stat_answer(op, NULL, &op->err);
}

void
s3_stat(struct store *store, const char *key, store_stat_fn *fn, void *arg)
{
	struct cloud *c = cloud_of(store);
	struct s3_stat_op *op = xcalloc(1, sizeof(*op));
	char *path = s3_path(s3_of(c), key);
	struct cloud_req req = { .what = S3_HEAD,
		.method = "HEAD",
		.path = path };

	cloud_hold(c);
	op->cloud = c;
	op->key = xstrdup(key);
	op->fn = fn;
	op->arg = arg;
	if (store_key_check(key, &op->err) == -1)
		(void)defer_call(store->env->loop, on_stat_refused, op);
	else
		(void)cloud_start(c, &req, on_stat, op);
	free(path);
}

struct s3_remove_op {
	struct cloud *cloud;
	struct err err;
	store_done_fn *fn;
	void *arg;
};

static void
remove_answer(struct s3_remove_op *op, const struct err *e)
{
	struct cloud *c = op->cloud;

	op->fn(op->arg, e);
	free(op);
	cloud_release(c);
}

/* What is not there is removed. */
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
	struct s3_remove_op *op = arg;

	remove_answer(op, &op->err);
}

void
s3_remove(struct store *store, const char *key, store_done_fn *fn, void *arg)
{
	struct cloud *c = cloud_of(store);
	struct s3_remove_op *op = xcalloc(1, sizeof(*op));
	char *path = s3_path(s3_of(c), key);
	struct cloud_req req = { .what = S3_REMOVE,
		.method = "DELETE",
		.path = path };

	cloud_hold(c);
	op->cloud = c;
	op->fn = fn;
	op->arg = arg;
	if (store_key_check(key, &op->err) == -1)
		(void)defer_call(store->env->loop, on_remove_refused, op);
	else
		(void)cloud_start(c, &req, on_removed, op);
	free(path);
}
