/*
 * s3_sweep.c - uploads in parts that nobody finished: listed, then aborted one
 * after the other.
 */
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "base/str.h"
#include "snapshot/id.h"
#include "store/s3.h"
#include "store/xml.h"

#define UPLOADS_MAX 100000
#define PAGES_MAX 1000
#define PAGE_BYTES_MAX ((size_t)16 * 1024 * 1024)

struct s3_left {
	char *key; /* Below the store's prefix. */
	char *id;
	int64_t since_ms;
};

struct s3_sweep_op {
	struct s3 *s3;
	char *prefix;     /* Below the store's own. */
	bool is_one;      /* Just the key ${prefix}. */
	bool is_careful;  /* Just folders in which no object is. */
	int64_t until_ms; /* Those begun later are somebody's. */
	struct s3_left *left;
	size_t n, at;
	char *key_marker, *id_marker; /* Of the page that is asked for. */
	unsigned pages;
	char *folder; /* The last that was looked into, with its '/'. */
	bool is_folder_empty;
	struct err err; /* The first that went wrong. */
	store_done_fn *fn;
	void *arg;
};

static void sweep_page(struct s3_sweep_op *);
static void sweep_next(struct s3_sweep_op *);

static void
sweep_answer(struct s3_sweep_op *op)
{
	struct cloud *c = &op->s3->cloud;
	size_t i;

	op->fn(op->arg, op->err.code == ERR_NONE ? NULL : &op->err);
	for (i = 0; i < op->n; i++) {
		free(op->left[i].key);
		free(op->left[i].id);
	}
	free(op->left);
	free(op->prefix);
	free(op->key_marker);
	free(op->id_marker);
	free(op->folder);
	free(op);
	cloud_release(c);
}

/* "20260329-010000/" of a key in such a folder, else NULL. */
static char *
folder_of(const char *key)
{
	const char *slash = strchr(key, '/');
	char *folder;

	if (slash == NULL)
		return NULL;
	folder = xstrndup(key, (size_t)(slash - key) + 1);
	folder[slash - key] = '\0';
	if (!snapshot_id_is_valid(folder)) {
		free(folder);
		return NULL;
	}
	folder[slash - key] = '/';
	return folder;
}

static bool
sweep_wants(const struct s3_sweep_op *op, const char *key, int64_t since_ms)
{
	char *folder;

	if (since_ms > op->until_ms)
		return false;
	if (op->is_one)
		return strcmp(key, op->prefix) == 0;
	if (!op->is_careful)
		return str_has_prefix(key, op->prefix);
	folder = folder_of(key);
	free(folder);
	return folder != NULL;
}

static int
sweep_add(struct s3_sweep_op *op, const struct xml *page, const struct xml *x,
    struct err *e)
{
	const char *own = op->s3->cloud.prefix;
	const char *id = xml_text(x, "UploadId", "");
	char *key = s3_list_name(page, x, "Key");
	int64_t since_ms = INT64_MAX;

	if (key == NULL || id[0] == '\0') {
		free(key);
		return err_set(e, ERR_PROTOCOL,
		    "a list of uploads has a bad entry");
	}
	/* One of unknown age is young. */
	if (str_parse_time(xml_text(x, "Initiated", ""), &since_ms) == -1)
		since_ms = INT64_MAX;
	if (str_has_prefix(key, own) &&
	    sweep_wants(op, key + strlen(own), since_ms)) {
		if ((op->n & (op->n - 1)) == 0)
			op->left = xrealloc(op->left,
			    (op->n == 0 ? 1 : 2 * op->n) * sizeof(*op->left));
		op->left[op->n].key = xstrdup(key + strlen(own));
		op->left[op->n].id = xstrdup(id);
		op->left[op->n++].since_ms = since_ms;
	}
	free(key);
	return op->n > UPLOADS_MAX
	    ? err_set(e, ERR_LIMIT, "more than %d uploads", UPLOADS_MAX)
	    : 0;
}

static bool
is_same(const char *a, const char *b)
{
	return a != NULL && b != NULL && strcmp(a, b) == 0;
}

/* 1: there is another page. */
static int
sweep_read(struct s3_sweep_op *op, const struct xml *page, struct err *e)
{
	const struct xml *x;
	const char *id = xml_text(page, "NextUploadIdMarker", "");
	char *key;

	if (strcmp(page->name, "ListMultipartUploadsResult") != 0)
		return err_set(e, ERR_PROTOCOL, "'%.40s' is no list of uploads",
		    page->name);
	for (x = xml_find(page, "Upload"); x != NULL; x = xml_next(x))
		if (sweep_add(op, page, x, e) == -1)
			return -1;
	if (strcmp(xml_text(page, "IsTruncated", "false"), "true") != 0)
		return 0;
	key = s3_list_name(page, page, "NextKeyMarker");
	if (key == NULL || ++op->pages == PAGES_MAX ||
	    (is_same(key, op->key_marker) && is_same(id, op->id_marker))) {
		free(key);
		return err_set(e, ERR_PROTOCOL,
		    "a list of uploads goes on, but does not tell from where");
	}
	free(op->key_marker);
	free(op->id_marker);
	op->key_marker = key;
	op->id_marker = xstrdup(id);
	return 1;
}

static void
on_sweep_page(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_sweep_op *op = arg;
	struct xml *page = NULL;
	int more = -1;

	(void)code;
	if (e != NULL) {
		err_copy(&op->err, e);
		sweep_answer(op);
		return;
	}
	if ((page = xml_parse(a->body, a->body_len, &op->err)) != NULL)
		more = sweep_read(op, page, &op->err);
	xml_free(page);
	if (more == 1) {
		sweep_page(op);
	} else if (more == 0) {
		sweep_next(op);
	} else {
		(void)err_context(&op->err, "store '%s'",
		    op->s3->cloud.base.name);
		sweep_answer(op);
	}
}

static void
sweep_page(struct s3_sweep_op *op)
{
	struct s3 *s = op->s3;
	char *path = s3_path(s, NULL);
	char *prefix = xasprintf("%s%s", s->cloud.prefix, op->prefix);
	struct cloud_pair query[6];
	struct cloud_req req = { .what = S3_UPLOADS,
		.method = "GET",
		.path = path,
		.query = query,
		.answer_max = PAGE_BYTES_MAX };
	size_t n = 0;

	query[n++] = (struct cloud_pair){ "uploads", NULL };
	query[n++] = (struct cloud_pair){ "encoding-type", "url" };
	if (prefix[0] != '\0')
		query[n++] = (struct cloud_pair){ "prefix", prefix };
	if (op->key_marker != NULL)
		query[n++] = (struct cloud_pair){ "key-marker",
			op->key_marker };
	if (op->id_marker != NULL && op->id_marker[0] != '\0')
		query[n++] = (struct cloud_pair){ "upload-id-marker",
			op->id_marker };
	req.nquery = n;
	if (op->is_one)
		req.retry_for_ms = s3_abort_patience(s);
	(void)cloud_start(&s->cloud, &req, on_sweep_page, op);
	free(prefix);
	free(path);
}

static void
sweep_note(struct s3_sweep_op *op, const struct err *e)
{
	if (e != NULL && e->code != ERR_NOT_FOUND && op->err.code == ERR_NONE)
		err_copy(&op->err, e);
}

static void
on_left_aborted(void *arg, const struct err *e)
{
	struct s3_sweep_op *op = arg;

	sweep_note(op, e);
	op->at++;
	sweep_next(op);
}

static void
sweep_abort(struct s3_sweep_op *op)
{
	const struct s3_left *left = &op->left[op->at];

	s3_abort(op->s3, left->key, left->id, on_left_aborted, op);
}

static void
on_folder_listed(void *arg, const struct store_stat *list, size_t n,
    const struct err *e)
{
	struct s3_sweep_op *op = arg;

	(void)list;
	sweep_note(op, e);
	op->is_folder_empty = e == NULL && n == 0;
	sweep_next(op);
}

/* Whoever has an object in the folder may still be at work on the others. */
static void
sweep_next(struct s3_sweep_op *op)
{
	char *folder;

	if (!op->is_careful) {
		if (op->at == op->n)
			sweep_answer(op);
		else
			sweep_abort(op);
		return;
	}
	for (; op->at < op->n; op->at++) {
		folder = folder_of(op->left[op->at].key);
		if (!is_same(folder, op->folder)) {
			free(op->folder);
			op->folder = folder;
			s3_list(&op->s3->cloud.base, folder, true,
			    on_folder_listed, op);
			return;
		}
		free(folder);
		if (op->is_folder_empty) {
			sweep_abort(op);
			return;
		}
	}
	sweep_answer(op);
}

static void
on_sweep_refused(void *arg)
{
	sweep_answer(arg);
}

static void
sweep_start(struct s3_sweep_op *op, struct s3 *s, const char *prefix,
    store_done_fn *fn, void *arg)
{
	cloud_hold(&s->cloud);
	op->s3 = s;
	op->prefix = xstrdup(prefix);
	op->fn = fn;
	op->arg = arg;
	if (!op->is_one && store_prefix_check(prefix, &op->err) == -1)
		(void)defer_call(s->cloud.base.env->loop, on_sweep_refused, op);
	else
		sweep_page(op);
}

void
s3_sweep(struct store *store, const char *prefix, int64_t age_ms,
    store_done_fn *fn, void *arg)
{
	struct s3 *s = s3_of(cloud_of(store));
	struct s3_sweep_op *op = xcalloc(1, sizeof(*op));

	op->is_careful = prefix[0] == '\0';
	op->until_ms = INT64_MAX;
	if (age_ms > 0)
		op->until_ms = env_wall_ms(store->env) +
		    s->cloud.clock_ahead_ms - age_ms;
	sweep_start(op, s, prefix, fn, arg);
}

void
s3_sweep_key(struct s3 *s, const char *key, store_done_fn *fn, void *arg)
{
	struct s3_sweep_op *op = xcalloc(1, sizeof(*op));

	op->is_one = true;
	op->until_ms = INT64_MAX;
	sweep_start(op, s, key, fn, arg);
}
