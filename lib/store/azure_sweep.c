/*
 * azure_sweep.c - see azure.h: blocks that never became an object.
 *
 * The service keeps them for a week and tells neither whose they are nor how
 * old; our ids of blocks do.  Those of other clients are left to the service,
 * but below a folder that is ours alone (age 0).
 */
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/azure.h"
#include "store/xml.h"

/* For what is only tidiness. */
#define RETRY_FOR_MS 10000
#define BLOCKS_MAX ((size_t)16 * 1024 * 1024)

/* --- One name. */

struct azure_unstage {
	struct azure *az;
	char *path;
	char *run;
	char mark[ENV_UUID_SIZE]; /* Of the empty blob. */
	struct cloud_call *call;
	struct defer *skipped;
	store_done_fn *fn;
	void *arg;
};

static void
unstage_free(struct azure_unstage *u)
{
	cloud_release(&u->az->cloud);
	free(u->path);
	free(u->run);
	free(u);
}

void
azure_unstage_cancel(struct azure_unstage *u)
{
	if (u->call != NULL)
		cloud_cancel(u->call);
	defer_cancel(u->skipped);
	unstage_free(u);
}

static void
unstage_done(struct azure_unstage *u, const struct err *e)
{
	store_done_fn *fn = u->fn;
	void *arg = u->arg;
	struct err copy;

	err_copy(&copy, e);
	unstage_free(u);
	fn(arg, e == NULL ? NULL : &copy);
}

static void
on_unstage_removed(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct azure_unstage *u = arg;

	(void)a;
	(void)code;
	u->call = NULL;
	/* Replaced or removed by somebody else meanwhile: theirs. */
	if (e != NULL && (e->code == ERR_NOT_FOUND || e->code == ERR_CONFLICT))
		e = NULL;
	unstage_done(u, e);
}

/* Just the version that was seen to be ours. */
static void
unstage_remove(struct azure_unstage *u, const struct http_answer *a)
{
	char etag[132];
	struct cloud_pair headers[] = { { "If-Match", etag } };
	struct cloud_req req = { .what = AZURE_DELETE,
		.method = "DELETE",
		.path = u->path,
		.headers = headers,
		.nheaders = 1,
		.retry_for_ms = RETRY_FOR_MS };

	azure_etag(a, etag, sizeof(etag));
	u->call = cloud_start(&u->az->cloud, &req, on_unstage_removed, u);
}

static void
on_unstage_seen(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct azure_unstage *u = arg;
	char run[64] = "";

	(void)code;
	u->call = NULL;
	if (e != NULL) {
		unstage_done(u, e->code == ERR_NOT_FOUND ? NULL : e);
		return;
	}
	(void)http_header(a, AZURE_META, run, sizeof(run));
	if (strcmp(run, u->mark) == 0 ||
	    (u->run != NULL && strcmp(run, u->run) == 0))
		unstage_remove(u, a);
	else
		unstage_done(u, NULL);
}

static void
on_unstage_put(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct azure_unstage *u = arg;
	struct cloud_req req = { .what = AZURE_HEAD,
		.method = "HEAD",
		.path = u->path,
		.retry_for_ms = RETRY_FOR_MS };

	(void)code;
	u->call = NULL;
	if (e == NULL)
		unstage_remove(u, a);
	else if (e->code == ERR_CONFLICT)
		u->call = cloud_start(&u->az->cloud, &req, on_unstage_seen, u);
	else
		unstage_done(u, e);
}

static void
on_unstage_skipped(void *arg)
{
	struct azure_unstage *u = arg;

	u->skipped = NULL;
	unstage_done(u, NULL);
}

/* An empty list, not an empty Put Blob: Azurite takes blocks alone for a blob
 * that exists, but in a list. */
static void
unstage_put(struct azure_unstage *u)
{
	static const struct cloud_pair query[] = { { "comp", "blocklist" } };
	static const char body[] =
	    "<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList></BlockList>";
	struct cloud_pair headers[] = { { AZURE_META, u->mark },
		{ "If-None-Match", "*" } };
	struct cloud_req req = { .what = AZURE_COMMIT,
		.method = "PUT",
		.path = u->path,
		.query = query,
		.nquery = COUNT_OF(query),
		.headers = headers,
		.nheaders = COUNT_OF(headers),
		.body = body,
		.body_len = sizeof(body) - 1,
		.retry_for_ms = RETRY_FOR_MS };

	u->call = cloud_start(&u->az->cloud, &req, on_unstage_put, u);
}

struct azure_unstage *
azure_unstage(struct azure *az, const char *path, const char *run,
    bool is_needless, store_done_fn *fn, void *arg)
{
	struct azure_unstage *u = xcalloc(1, sizeof(*u));

	u->az = az;
	u->path = xstrdup(path);
	u->run = run == NULL ? NULL : xstrdup(run);
	u->fn = fn;
	u->arg = arg;
	env_uuid(az->cloud.base.env, u->mark);
	cloud_hold(&az->cloud);
	/* Where nothing can be removed the empty blob would stay. */
	if (is_needless || az->is_immutable)
		u->skipped = defer_call(az->cloud.base.env->loop,
		    on_unstage_skipped, u);
	else
		unstage_put(u);
	return u;
}

/* --- All below a prefix. */

struct azure_swept {
	struct azure *az;
	char *prefix;
	int64_t age_ms;
	struct cloud_list blobs; /* That are objects. */
	char **keys;             /* That are none. */
	size_t n, at;
	store_done_fn *fn;
	void *arg;
	struct err err; /* The first one; the others are tried all the same. */
};

static void sweep_next(struct azure_swept *);

static void
sweep_answer(void *arg)
{
	struct azure_swept *s = arg;
	store_done_fn *fn = s->fn;
	void *fn_arg = s->arg;
	struct err e = s->err;
	size_t i;

	cloud_list_done(&s->blobs);
	for (i = 0; i < s->n; i++)
		free(s->keys[i]);
	free(s->keys);
	free(s->prefix);
	cloud_release(&s->az->cloud);
	free(s);
	fn(fn_arg, e.code == ERR_NONE ? NULL : &e);
}

static void
sweep_note(struct azure_swept *s, const struct err *e)
{
	if (e != NULL && s->err.code == ERR_NONE)
		err_copy(&s->err, e);
	sweep_next(s);
}

static void
on_sweep_unstaged(void *arg, const struct err *e)
{
	sweep_note(arg, e);
}

static void
sweep_drop(struct azure_swept *s)
{
	char *path = azure_path(&s->az->cloud, s->keys[s->at++]);

	(void)azure_unstage(s->az, path, NULL, false, on_sweep_unstaged, s);
	free(path);
}

/* Whether all blocks are of our making and the newest is old enough. */
static bool
blocks_are_old(const char *answer, size_t len, int64_t before_ms)
{
	struct xml *x = xml_parse(answer, len, NULL);
	const struct xml *b = xml_find(xml_find(x, "UncommittedBlocks"),
	    "Block");
	bool is_old = b != NULL &&
	    xml_find(xml_find(x, "CommittedBlocks"), "Block") == NULL;
	int64_t ms;

	for (; b != NULL && is_old; b = xml_next(b))
		is_old = azure_block_time(xml_text(b, "Name", ""), &ms) == 0 &&
		    ms <= before_ms;
	xml_free(x);
	return is_old;
}

static void
on_sweep_blocks(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct azure_swept *s = arg;
	const struct cloud *c = &s->az->cloud;
	int64_t now = env_wall_ms(c->base.env) + c->clock_ahead_ms;

	(void)code;
	if (e == NULL &&
	    blocks_are_old(a->body, a->body_len, now - s->age_ms)) {
		sweep_drop(s);
		return;
	}
	s->at++;
	sweep_note(s, e != NULL && e->code == ERR_NOT_FOUND ? NULL : e);
}

static void
sweep_next(struct azure_swept *s)
{
	static const struct cloud_pair query[] = { { "comp", "blocklist" },
		{ "blocklisttype", "all" } };
	struct cloud_req req = { .what = AZURE_BLOCKS,
		.method = "GET",
		.query = query,
		.nquery = COUNT_OF(query),
		.answer_max = BLOCKS_MAX };
	char *path;

	if (s->at == s->n) {
		sweep_answer(s);
		return;
	}
	if (s->age_ms == 0) {
		sweep_drop(s);
		return;
	}
	path = azure_path(&s->az->cloud, s->keys[s->at]);
	req.path = path;
	(void)cloud_start(&s->az->cloud, &req, on_sweep_blocks, s);
	free(path);
}

static int
compare_keys(const void *a, const void *b)
{
	const struct store_stat *x = a, *y = b;

	return strcmp(x->key, y->key);
}

/* Lists are sorted by key. */
static bool
list_has_key(const struct cloud_list *l, const char *key)
{
	struct store_stat wanted = { .key = key };

	return l->n > 0 &&
	    bsearch(&wanted, l->list, l->n, sizeof(wanted), compare_keys) !=
	    NULL;
}

/* Whether anything in the folder that ${key} is in became an object. */
static bool
list_has_folder(const struct cloud_list *l, const char *key)
{
	const char *slash = strchr(key, '/');
	size_t i, n = slash == NULL ? 0 : (size_t)(slash - key) + 1;

	for (i = 0; i < l->n; i++)
		if (strncmp(l->list[i].key, key, n) == 0)
			return true;
	return n == 0;
}

static void
on_sweep_all(void *arg, struct cloud_list *l, const struct err *e)
{
	struct azure_swept *s = arg;
	const char *key;
	size_t i;

	err_copy(&s->err, e);
	for (i = 0; l != NULL && i < l->n; i++) {
		key = l->list[i].key;
		if (list_has_key(&s->blobs, key) ||
		    (s->prefix[0] == '\0' && list_has_folder(&s->blobs, key)))
			continue;
		s->keys = xrealloc(s->keys, (s->n + 1) * sizeof(char *));
		s->keys[s->n++] = xstrdup(key);
	}
	sweep_next(s);
}

static void
on_sweep_blobs(void *arg, struct cloud_list *l, const struct err *e)
{
	struct azure_swept *s = arg;

	if (e != NULL) {
		err_copy(&s->err, e);
		sweep_answer(s);
		return;
	}
	s->blobs = *l; /* Ours from here. */
	memset(l, 0, sizeof(*l));
	azure_names(s->az, s->prefix, NULL, true, on_sweep_all, s);
}

void
azure_sweep(struct store *st, const char *prefix, int64_t age_ms,
    store_done_fn *fn, void *arg)
{
	struct azure_swept *s = xcalloc(1, sizeof(*s));

	s->az = azure_of(cloud_of(st));
	s->prefix = xstrdup(prefix);
	s->age_ms = age_ms;
	s->fn = fn;
	s->arg = arg;
	cloud_hold(&s->az->cloud);
	if (store_prefix_check(prefix, &s->err) == -1)
		(void)defer_call(st->env->loop, sweep_answer, s);
	else
		azure_names(s->az, prefix, NULL, false, on_sweep_blobs, s);
}
