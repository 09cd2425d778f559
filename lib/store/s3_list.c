/* s3_list.c - what lies below a prefix, page by page. */
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/s3.h"
#include "store/xml.h"

#define PAGE_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct s3_list_op {
	struct cloud *cloud;
	struct cloud_list list;
	char *prefix; /* Of the whole bucket. */
	char *token;  /* Of the page that is asked for; NULL: the first. */
	bool is_flat;
	struct err err;
	store_list_fn *fn;
	void *arg;
};

static void list_page(struct s3_list_op *);

static void
list_answer(struct s3_list_op *op, const struct err *e)
{
	struct cloud *c = op->cloud;

	if (e == NULL) {
		cloud_list_sort(&op->list);
		op->fn(op->arg, op->list.list, op->list.n, NULL);
	} else {
		op->fn(op->arg, NULL, 0, e);
	}
	cloud_list_done(&op->list);
	free(op->prefix);
	free(op->token);
	free(op);
	cloud_release(c);
}

char *
s3_list_name(const struct xml *page, const struct xml *entry, const char *what)
{
	const char *text = xml_text(entry, what, NULL);
	char *name, *at;

	if (text == NULL)
		return NULL;
	name = xstrdup(text);
	if (strcmp(xml_text(page, "EncodingType", ""), "url") != 0)
		return name;
	/* As in forms: a blank is '+'. */
	for (at = name; *at != '\0'; at++)
		if (*at == '+')
			*at = ' ';
	if (cloud_decode(name) == 0)
		return name;
	free(name);
	return NULL;
}

static int
list_add(struct s3_list_op *op, const struct xml *page, const struct xml *x,
    bool is_folder, struct err *e)
{
	char *key = s3_list_name(page, x, is_folder ? "Prefix" : "Key");
	int64_t size = 0, mtime_ms = 0;

	if (key == NULL ||
	    (!is_folder &&
		(str_parse_i64(xml_text(x, "Size", ""), &size) == -1 ||
		    size < 0))) {
		free(key);
		return err_set(e, ERR_PROTOCOL, "a list has a bad entry");
	}
	(void)str_parse_time(xml_text(x, "LastModified", ""), &mtime_ms);
	cloud_list_add(&op->list, key, size, mtime_ms, is_folder);
	free(key);
	return 0;
}

/* 1: there is another page. */
static int
list_read(struct s3_list_op *op, const struct xml *page, struct err *e)
{
	const struct xml *x;
	const char *token;

	if (strcmp(page->name, "ListBucketResult") != 0)
		return err_set(e, ERR_PROTOCOL, "'%.40s' is no list",
		    page->name);
	for (x = xml_find(page, "Contents"); x != NULL; x = xml_next(x))
		if (list_add(op, page, x, false, e) == -1)
			return -1;
	for (x = xml_find(page, "CommonPrefixes"); x != NULL; x = xml_next(x))
		if (list_add(op, page, x, true, e) == -1)
			return -1;
	if (strcmp(xml_text(page, "IsTruncated", "false"), "true") != 0)
		return 0;
	token = xml_text(page, "NextContinuationToken", "");
	if (token[0] == '\0')
		return err_set(e, ERR_PROTOCOL,
		    "a list goes on, but does not tell from where");
	if (cloud_list_turn(&op->list, op->token, token, e) == -1)
		return -1;
	free(op->token);
	op->token = xstrdup(token);
	return 1;
}

static void
on_list_page(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_list_op *op = arg;
	struct err mine = ERR_INIT;
	struct xml *page;
	int more;

	(void)code;
	if (e != NULL) {
		list_answer(op, e);
		return;
	}
	more = -1;
	if ((page = xml_parse(a->body, a->body_len, &mine)) != NULL)
		more = list_read(op, page, &mine);
	xml_free(page);
	if (more == 1) {
		list_page(op);
		return;
	}
	if (more == -1)
		(void)err_context(&mine, "store '%s'", op->cloud->base.name);
	list_answer(op, more == 0 ? NULL : &mine);
}

static void
list_page(struct s3_list_op *op)
{
	char *path = s3_path(s3_of(op->cloud), NULL);
	struct cloud_pair query[6];
	struct cloud_req req = { .what = S3_LIST,
		.method = "GET",
		.path = path,
		.query = query,
		.answer_max = PAGE_BYTES_MAX };
	size_t n = 0;

	query[n++] = (struct cloud_pair){ "list-type", "2" };
	query[n++] = (struct cloud_pair){ "encoding-type", "url" };
	query[n++] = (struct cloud_pair){ "max-keys", "1000" };
	if (op->prefix[0] != '\0')
		query[n++] = (struct cloud_pair){ "prefix", op->prefix };
	if (!op->is_flat)
		query[n++] = (struct cloud_pair){ "delimiter", "/" };
	if (op->token != NULL)
		query[n++] = (struct cloud_pair){ "continuation-token",
			op->token };
	req.nquery = n;
	(void)cloud_start(op->cloud, &req, on_list_page, op);
	free(path);
}

static void
on_list_refused(void *arg)
{
	struct s3_list_op *op = arg;
	struct err e;

	err_copy(&e, &op->err);
	list_answer(op, &e);
}

void
s3_list(struct store *store, const char *prefix, bool is_flat,
    store_list_fn *fn, void *arg)
{
	struct s3_list_op *op = xcalloc(1, sizeof(*op));

	op->cloud = cloud_of(store);
	op->list.prefix = xstrdup(op->cloud->prefix);
	op->prefix = xasprintf("%s%s", op->cloud->prefix, prefix);
	op->is_flat = is_flat;
	op->fn = fn;
	op->arg = arg;
	cloud_hold(op->cloud);
	if (store_prefix_check(prefix, &op->err) == -1)
		(void)defer_call(store->env->loop, on_list_refused, op);
	else
		list_page(op);
}
