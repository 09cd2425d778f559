/* azure_get.c - see azure.h: ranges of a blob, what is known of it, its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/azure.h"
#include "store/download.h"

static struct cloud_call *
get_range(struct cloud *c, const struct download_range *r, cloud_fn *fn)
{
	char range[64];
	struct cloud_pair headers[2] = { { "x-ms-range", range },
		{ "If-Match", r->version } };
	struct cloud_req req = { .what = AZURE_GET,
		.method = "GET",
		.headers = headers,
		.nheaders = r->version == NULL ? 1 : 2,
		.on_block = r->on_block,
		.block_arg = r->arg };
	struct cloud_call *call;
	char *path = azure_path(c, r->key);

	(void)snprintf(range, sizeof(range), "bytes=%lld-%lld",
	    (long long)r->from, (long long)r->to);
	req.path = path;
	call = cloud_start(c, &req, fn, r->arg);
	free(path);
	return call;
}

static void
get_version(struct cloud *c, const struct http_answer *a, char *out,
    size_t size)
{
	(void)c;
	azure_etag(a, out, size);
}

static const struct download_ops get_ops = {
	.range = get_range,
	.version = get_version,
};

struct reader *
azure_get(struct store *s, const char *key, int64_t from, int64_t len)
{
	return download_new(cloud_of(s), &get_ops, key, from, len);
}

/* Of stat and remove; the one or the other function is set. */
struct azure_op {
	struct cloud *cloud;
	char *key;
	store_stat_fn *on_stat;
	store_done_fn *on_done;
	void *arg;
	struct err err;
};

static struct azure_op *
op_new(struct store *s, const char *key, void *arg)
{
	struct azure_op *op = xcalloc(1, sizeof(*op));

	op->cloud = cloud_of(s);
	op->key = xstrdup(key);
	op->arg = arg;
	cloud_hold(op->cloud);
	return op;
}

static void
op_free(struct azure_op *op)
{
	cloud_release(op->cloud);
	free(op->key);
	free(op);
}

static void
op_fail(struct azure_op *op, const struct err *e)
{
	struct err copy = ERR_INIT;

	err_copy(&copy, e);
	if (op->on_stat != NULL)
		op->on_stat(op->arg, NULL, &copy);
	else
		op->on_done(op->arg, &copy);
	op_free(op);
}

static void
on_op_refused(void *arg)
{
	struct azure_op *op = arg;

	op_fail(op, &op->err);
}

/* Start it, or answer soon that there can be no such key. */
static void
op_start(struct azure_op *op, struct cloud_req *req, cloud_fn *fn)
{
	char *path;

	if (store_key_check(op->key, &op->err) == -1) {
		(void)defer_call(op->cloud->base.env->loop, on_op_refused, op);
		return;
	}
	path = azure_path(op->cloud, op->key);
	req->path = path;
	(void)cloud_start(op->cloud, req, fn, op);
	free(path);
}

static int
stat_take(const struct http_answer *a, struct store_stat *st, struct err *e)
{
	char text[64];

	if (!http_header(a, "Content-Length", text, sizeof(text)) ||
	    str_parse_i64(text, &st->size) == -1 || st->size < 0)
		return err_set(e, ERR_PROTOCOL,
		    "the answer does not tell the size");
	if (http_header(a, "Last-Modified", text, sizeof(text)))
		(void)cloud_date_parse(text, &st->mtime_ms);
	return 0;
}

static void
on_stat_answer(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct azure_op *op = arg;
	struct store_stat st = { .key = op->key };
	struct err fault = ERR_INIT;
	char etag[132], md5[33];

	(void)code;
	if (e != NULL) {
		op_fail(op, e);
		return;
	}
	if (stat_take(a, &st, &fault) == -1) {
		op_fail(op, &fault);
		return;
	}
	azure_etag(a, etag, sizeof(etag));
	st.etag = etag[0] == '\0' ? NULL : etag;
	if (azure_md5(a, md5)) {
		st.kind = "md5";
		st.value = md5;
	}
	op->on_stat(op->arg, &st, NULL);
	op_free(op);
}

void
azure_stat(struct store *s, const char *key, store_stat_fn *fn, void *arg)
{
	struct azure_op *op = op_new(s, key, arg);
	struct cloud_req req = { .what = AZURE_HEAD, .method = "HEAD" };

	op->on_stat = fn;
	op_start(op, &req, on_stat_answer);
}

static void
on_remove_answer(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct azure_op *op = arg;

	(void)a;
	(void)code;
	if (e != NULL && e->code != ERR_NOT_FOUND) {
		op_fail(op, e);
		return;
	}
	op->on_done(op->arg, NULL);
	op_free(op);
}

void
azure_remove(struct store *s, const char *key, store_done_fn *fn, void *arg)
{
	static const struct cloud_pair headers[] = { { "x-ms-delete-snapshots",
	    "include" } };
	struct azure_op *op = op_new(s, key, arg);
	struct cloud_req req = { .what = AZURE_DELETE,
		.method = "DELETE",
		.headers = headers,
		.nheaders = 1 };

	op->on_done = fn;
	op_start(op, &req, on_remove_answer);
}
