/*
 * gcs_list.c - see gcs.h: lists, page by page.
 *
 * A page may hold nothing and still be followed by another.
 */
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/gcs.h"

#define FIELDS "items(name,size,timeCreated),prefixes,nextPageToken"
/* A thousand names of a kilobyte each, and what stands around them. */
#define PAGE_MAX ((size_t)8 * 1024 * 1024)

struct list_op {
	struct gcs *gcs;
	struct cloud_list list;
	char *prefix; /* In the bucket. */
	bool is_flat;
	char *token; /* Of the next page. */
	store_list_fn *fn;
	void *arg;
	struct err err;
};

static void list_next(struct list_op *);

static void
list_answer(struct list_op *op, const struct err *e)
{
	struct cloud *c = &op->gcs->cloud;

	if (e == NULL)
		cloud_list_sort(&op->list);
	op->fn(op->arg, e == NULL ? op->list.list : NULL,
	    e == NULL ? op->list.n : 0, e);
	cloud_list_done(&op->list);
	free(op->prefix);
	free(op->token);
	free(op);
	cloud_release(c);
}

static int
list_add_item(struct list_op *op, const json_t *item, struct err *e)
{
	const char *name = json_get_str(item, "name", NULL);
	int64_t size, mtime_ms;

	if (name == NULL ||
	    str_parse_i64(json_get_str(item, "size", ""), &size) == -1)
		return err_set(e, ERR_PROTOCOL,
		    "store '%s': a list has an entry without name or size",
		    op->gcs->cloud.base.name);
	if (str_parse_time(json_get_str(item, "timeCreated", ""), &mtime_ms) ==
	    -1)
		mtime_ms = 0;
	cloud_list_add(&op->list, name, size, mtime_ms, false);
	return 0;
}

/* 0: the last one, 1: there are more. */
static int
list_take(struct list_op *op, const json_t *page, struct err *e)
{
	const char *token = json_get_str(page, "nextPageToken", NULL);
	json_t *item;
	size_t i;

	json_array_foreach(json_get_array(page, "items"), i, item)
		if (list_add_item(op, item, e) == -1)
			return -1;
	json_array_foreach(json_get_array(page, "prefixes"), i, item)
		if (json_is_string(item))
			cloud_list_add(&op->list, json_string_value(item), 0, 0,
			    true);
	if (token == NULL || token[0] == '\0')
		return 0;
	if (cloud_list_turn(&op->list, op->token, token, e) == -1)
		return err_context(e, "store '%s'", op->gcs->cloud.base.name);
	free(op->token);
	op->token = xstrdup(token);
	return 1;
}

static void
on_page(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct list_op *op = arg;
	struct err why = ERR_INIT;
	json_t *page;
	int more = -1;

	(void)code;
	if (e != NULL) {
		list_answer(op, e);
		return;
	}
	page = json_parse(a->body, a->body_len, NULL);
	if (!json_is_object(page))
		(void)err_set(&why, ERR_PROTOCOL,
		    "store '%s': what came instead of a list is none",
		    op->gcs->cloud.base.name);
	else
		more = list_take(op, page, &why);
	json_decref(page);
	if (more == 1)
		list_next(op);
	else
		list_answer(op, more == 0 ? NULL : &why);
}

static void
list_next(struct list_op *op)
{
	struct gcs *g = op->gcs;
	char *path = xasprintf("/storage/v1/b/%s/o", g->bucket);
	struct cloud_pair query[4] = { { "fields", FIELDS },
		{ "prefix", op->prefix } };
	struct cloud_req req = { .what = GCS_LIST,
		.method = "GET",
		.path = path,
		.query = query,
		.nquery = 2,
		.answer_max = PAGE_MAX };

	if (!op->is_flat)
		query[req.nquery++] = (struct cloud_pair){ "delimiter", "/" };
	if (op->token != NULL)
		query[req.nquery++] = (struct cloud_pair){ "pageToken",
			op->token };
	(void)cloud_start(&g->cloud, &req, on_page, op);
	free(path);
}

static void
on_list_refused(void *arg)
{
	struct list_op *op = arg;

	list_answer(op, &op->err);
}

void
gcs_list(struct store *s, const char *prefix, bool is_flat, store_list_fn *fn,
    void *arg)
{
	struct list_op *op = xcalloc(1, sizeof(*op));

	op->gcs = gcs_of(cloud_of(s));
	op->fn = fn;
	op->arg = arg;
	op->is_flat = is_flat;
	op->prefix = gcs_name(op->gcs, prefix);
	op->list.prefix = xstrdup(op->gcs->cloud.prefix);
	cloud_hold(&op->gcs->cloud);
	if (store_prefix_check(prefix, &op->err) == -1)
		(void)defer_call(s->env->loop, on_list_refused, op);
	else
		list_next(op);
}
