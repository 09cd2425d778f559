/* azure_list.c - see azure.h: pages of names. */
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/azure.h"
#include "store/xml.h"

#define PAGE_NAMES "1000"
#define PAGE_MAX ((size_t)16 * 1024 * 1024)

struct azure_listing {
	struct azure *az;
	char *prefix; /* With the store's. */
	char *delimiter;
	bool has_uncommitted;
	char *marker; /* NULL: the first page. */
	struct cloud_list list;
	azure_names_fn *fn;
	void *arg;
};

static void on_page(void *, const struct http_answer *, const char *,
    const struct err *);

static void
listing_ask(struct azure_listing *l)
{
	struct cloud_pair query[7] = { { "restype", "container" },
		{ "comp", "list" }, { "maxresults", PAGE_NAMES } };
	struct cloud_req req = { .what = AZURE_LIST,
		.method = "GET",
		.path = "",
		.query = query,
		.nquery = 3,
		.answer_max = PAGE_MAX };

	if (l->prefix[0] != '\0')
		query[req.nquery++] = (struct cloud_pair){ "prefix",
			l->prefix };
	if (l->delimiter != NULL)
		query[req.nquery++] = (struct cloud_pair){ "delimiter",
			l->delimiter };
	if (l->has_uncommitted)
		query[req.nquery++] = (struct cloud_pair){ "include",
			"uncommittedblobs" };
	if (l->marker != NULL)
		query[req.nquery++] = (struct cloud_pair){ "marker",
			l->marker };
	(void)cloud_start(&l->az->cloud, &req, on_page, l);
}

static void
listing_answer(struct azure_listing *l, const struct err *e)
{
	struct err copy = ERR_INIT;

	err_copy(&copy, e);
	if (e == NULL)
		cloud_list_sort(&l->list);
	l->fn(l->arg, e == NULL ? &l->list : NULL, e == NULL ? NULL : &copy);
	cloud_list_done(&l->list);
	cloud_release(&l->az->cloud);
	free(l->prefix);
	free(l->delimiter);
	free(l->marker);
	free(l);
}

/* The name as it is: characters that XML has not are percent-encoded. */
static int
entry_name(const struct xml *entry, char **out, struct err *e)
{
	const struct xml *name = xml_find(entry, "Name");
	char *copy;

	if (name == NULL)
		return err_set(e, ERR_PROTOCOL, "list: an entry has no name");
	copy = xstrdup(name->text);
	if (strcmp(xml_text(name, "@Encoded", "false"), "true") == 0 &&
	    cloud_decode(copy) == -1) {
		free(copy);
		return err_set(e, ERR_PROTOCOL, "list: a name is malformed");
	}
	*out = copy;
	return 0;
}

static int
page_take_blob(struct azure_listing *l, const struct xml *blob, struct err *e)
{
	const struct xml *p = xml_find(blob, "Properties");
	const char *size = xml_text(p, "Content-Length", "0");
	int64_t bytes, mtime_ms = 0;
	char *name;

	/* Not asked for: what a key was once. */
	if (xml_find(blob, "Snapshot") != NULL ||
	    strcmp(xml_text(blob, "Deleted", "false"), "true") == 0)
		return 0;
	if (entry_name(blob, &name, e) == -1)
		return -1;
	if (str_parse_i64(size, &bytes) == -1 || bytes < 0) {
		free(name);
		return err_set(e, ERR_PROTOCOL, "list: a size is malformed");
	}
	(void)cloud_date_parse(xml_text(p, "Last-Modified", ""), &mtime_ms);
	cloud_list_add(&l->list, name, bytes, mtime_ms, false);
	free(name);
	return 0;
}

static int
page_take_folder(struct azure_listing *l, const struct xml *folder,
    struct err *e)
{
	char *name;

	if (entry_name(folder, &name, e) == -1)
		return -1;
	cloud_list_add(&l->list, name, 0, 0, true);
	free(name);
	return 0;
}

static int
page_take(struct azure_listing *l, const struct xml *x, struct err *e)
{
	const struct xml *blobs = xml_find(x, "Blobs"), *at;
	const char *marker = xml_text(x, "NextMarker", "");

	if (strcmp(x->name, "EnumerationResults") != 0)
		return err_set(e, ERR_PROTOCOL, "list: not a list of blobs");
	for (at = xml_find(blobs, "Blob"); at != NULL; at = xml_next(at))
		if (page_take_blob(l, at, e) == -1)
			return -1;
	for (at = xml_find(blobs, "BlobPrefix"); at != NULL; at = xml_next(at))
		if (page_take_folder(l, at, e) == -1)
			return -1;
	/* An empty page may have a marker: only no marker is the end. */
	if (marker[0] != '\0' &&
	    cloud_list_turn(&l->list, l->marker, marker, e) == -1)
		return -1;
	free(l->marker);
	l->marker = marker[0] == '\0' ? NULL : xstrdup(marker);
	return 0;
}

static void
on_page(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct azure_listing *l = arg;
	struct err fault = ERR_INIT;
	struct xml *x;
	int rc = -1;

	(void)code;
	if (e != NULL) {
		listing_answer(l, e);
		return;
	}
	if ((x = xml_parse(a->body, a->body_len, &fault)) != NULL)
		rc = page_take(l, x, &fault);
	xml_free(x);
	if (rc == 0 && l->marker != NULL)
		listing_ask(l);
	else
		listing_answer(l, rc == -1 ? &fault : NULL);
}

void
azure_names(struct azure *az, const char *prefix, const char *delimiter,
    bool has_uncommitted, azure_names_fn *fn, void *arg)
{
	struct azure_listing *l = xcalloc(1, sizeof(*l));

	l->az = az;
	l->prefix = xasprintf("%s%s", az->cloud.prefix, prefix);
	l->delimiter = delimiter == NULL ? NULL : xstrdup(delimiter);
	l->has_uncommitted = has_uncommitted;
	l->list.prefix = xstrdup(az->cloud.prefix);
	l->fn = fn;
	l->arg = arg;
	cloud_hold(&az->cloud);
	listing_ask(l);
}

struct list_op {
	struct store *store;
	store_list_fn *fn;
	void *arg;
	struct err err;
};

static void
on_list_names(void *arg, struct cloud_list *l, const struct err *e)
{
	struct list_op *op = arg;
	store_list_fn *fn = op->fn;
	void *fn_arg = op->arg;

	free(op);
	fn(fn_arg, l == NULL ? NULL : l->list, l == NULL ? 0 : l->n, e);
}

static void
on_list_refused(void *arg)
{
	struct list_op *op = arg;
	struct err e;

	err_copy(&e, &op->err);
	cloud_release(cloud_of(op->store));
	on_list_names(op, NULL, &e);
}

void
azure_list(struct store *s, const char *prefix, bool is_flat, store_list_fn *fn,
    void *arg)
{
	struct list_op *op = xcalloc(1, sizeof(*op));

	op->store = s;
	op->fn = fn;
	op->arg = arg;
	if (store_prefix_check(prefix, &op->err) == -1) {
		cloud_hold(cloud_of(s));
		(void)defer_call(s->env->loop, on_list_refused, op);
		return;
	}
	azure_names(azure_of(cloud_of(s)), prefix, is_flat ? NULL : "/", false,
	    on_list_names, op);
}
