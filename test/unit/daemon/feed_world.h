/*
 * feed_world.h - a world of backup_world.h whose stores misbehave as a script
 * says, by the first letter of their name.  Included by one test program at a
 * time.
 */
#ifndef TEST_FEED_WORLD_H
#define TEST_FEED_WORLD_H
#include "job/backup_int.h"
#include "unit/daemon/backup_trouble.h"

/* What the stores do, by the first letter of their name; reset for each. */
static struct {
	char slow;            /* Its first artifact is never finished. */
	const char *unread;   /* These cannot be read after they are sealed, */
	const char *hung;     /* reading these never ends, */
	const char *stuck;    /* reading these does not once they are sealed, */
	const char *wordless; /* these keep no digests, */
	const char *broken;   /* writing an artifact to these fails, */
	const char *unsealed; /* and the manifest to these, */
	const char *on_host;  /* these are on the source's host, */
	const char *refusing; /* and do not take what was written there. */
	char sealed[8];
	struct store_put *stalled;
	bool has_detached;
	bool is_reading; /* One that hangs. */
	unsigned adopted;
	struct world *w;
} script;

static struct store_ops hooked;
static const struct store_ops *real;

static bool
is_one_of(const struct store *s, const char *names)
{
	return names != NULL && strchr(names, store_name(s)[0]) != NULL;
}

static bool
is_artifact(const char *key)
{
	return strlen(key) > 3 && strcmp(key + strlen(key) - 3, ".gz") == 0;
}

static struct store *
put_store(struct store_put *p)
{
	return ((struct store_put_base *)p)->store;
}

static struct store_put *
hook_put_open(struct store *s, const char *key, const struct store_put_opt *opt,
    store_ready_fn *ready, void *arg, struct err *e)
{
	struct store_put *p;
	size_t n = strlen(script.sealed);

	if (is_artifact(key) && is_one_of(s, script.broken)) {
		(void)err_set(e, ERR_NO_SPACE, "no space left");
		return NULL;
	}
	if (strstr(key, MANIFEST_NAME) != NULL &&
	    is_one_of(s, script.unsealed)) {
		(void)err_set(e, ERR_NO_SPACE, "no space left");
		return NULL;
	}
	p = real->put_open(s, key, opt, ready, arg, e);
	if (strstr(key, MANIFEST_NAME) != NULL && n < sizeof(script.sealed) - 1)
		script.sealed[n] = store_name(s)[0];
	if (is_artifact(key) && store_name(s)[0] == script.slow) {
		script.slow = '\0';
		script.stalled = p;
	}
	return p;
}

static void
hook_put_finish(struct store_put *p, store_put_fn *fn, void *arg)
{
	if (p != script.stalled)
		real->put_finish(p, fn, arg);
}

static void
hook_put_abort(struct store_put *p)
{
	if (p == script.stalled) {
		script.stalled = NULL;
		script.has_detached = true;
	}
	real->put_abort(p);
}

static int64_t
hook_put_moved(struct store_put *p)
{
	(void)put_store(p);
	return p == script.stalled ? 0 : -1;
}

static void
hung_read(struct reader *r, reader_fn *fn, void *arg)
{
	(void)r;
	(void)fn;
	(void)arg;
	script.is_reading = true;
}

static void
hung_close(struct reader *r)
{
	free(r);
}

static struct reader *
hook_get(struct store *s, const char *key, int64_t from, int64_t len)
{
	static const struct reader_ops ops = { hung_read, hung_close };
	struct reader *r;

	if (is_artifact(key) &&
	    (is_one_of(s, script.hung) ||
		(is_one_of(s, script.stuck) && is_one_of(s, script.sealed)))) {
		r = xcalloc(1, sizeof(*r));
		r->ops = &ops;
		return r;
	}
	if (is_artifact(key) && is_one_of(s, script.unread) &&
	    is_one_of(s, script.sealed))
		key = "20000101-000000/none";
	return real->get(s, key, from, len);
}

struct told {
	store_stat_fn *fn;
	void *arg;
};

static void
on_told(void *arg, const struct store_stat *st, const struct err *e)
{
	struct told t = *(struct told *)arg;
	struct store_stat less;

	free(arg);
	if (st != NULL) {
		less = *st;
		less.kind = less.value = less.etag = NULL;
		st = &less;
	}
	t.fn(t.arg, st, e);
}

static void
hook_stat(struct store *s, const char *key, store_stat_fn *fn, void *arg)
{
	struct told *t;

	if (!is_one_of(s, script.wordless)) {
		real->stat(s, key, fn, arg);
		return;
	}
	t = xcalloc(1, sizeof(*t));
	*t = (struct told){ fn, arg };
	real->stat(s, key, on_told, t);
}

static const char *
hook_host(const struct store *s)
{
	return is_one_of(s, script.on_host) ? "vm" : NULL;
}

static char *
hook_place(struct store *s, const char *key, struct err *e)
{
	(void)key;
	(void)e;
	return xasprintf("%s/placed-%s", script.w->dir, store_name(s));
}

struct adoption {
	store_put_fn *fn;
	void *arg;
};

static void
on_adoption_refused(void *arg)
{
	struct adoption a = *(struct adoption *)arg;
	struct err e;

	free(arg);
	(void)err_set(&e, ERR_CORRUPT, "what was written is another file");
	a.fn(a.arg, NULL, &e);
}

static void
hook_adopt(struct store *s, const char *key, const char *place, int64_t size,
    const char *sha256, store_put_fn *fn, void *arg)
{
	struct adoption *a;
	struct err e = ERR_INIT;
	char *text;
	size_t n;

	(void)sha256;
	script.adopted++;
	if (is_one_of(s, script.refusing)) {
		a = xcalloc(1, sizeof(*a));
		*a = (struct adoption){ fn, arg };
		(void)defer_call(s->env->loop, on_adoption_refused, a);
		return;
	}
	text = file_slurp(place, 1 << 20, &n, &e);
	assert_non_null(text);
	assert_int_equal(n, size);
	store_put_bytes(s, key, text, n, false, fn, arg);
	free(text);
}

static void
store_hook(struct store *s)
{
	real = s->ops;
	hooked = *real;
	hooked.put_open = hook_put_open;
	hooked.put_finish = hook_put_finish;
	hooked.put_abort = hook_put_abort;
	hooked.put_moved = hook_put_moved;
	hooked.get = hook_get;
	hooked.stat = hook_stat;
	hooked.host = hook_host;
	hooked.place = hook_place;
	hooked.adopt = hook_adopt;
}

/*
 * --- Worlds.
 */
static json_t *
world_store(struct world *w, const char *name)
{
	return json_object_get(json_object_get(w->d.conf->root, "stores"),
	    name);
}

static json_t *
world_job(struct world *w)
{
	return json_object_get(json_object_get(w->d.conf->root, "jobs"),
	    "fake");
}

static struct world *
slow_world(char slow)
{
	struct world *w = world_new("");

	fake_source_reset();
	memset(&script, 0, sizeof(script));
	script.slow = slow;
	script.w = w;
	json_put_int(world_store(w, "b"), "min_rate", 1 << 20);
	json_put_int(world_store(w, "b"), "stall", 40);
	return w;
}

/* A third store beside a and b. */
static void
world_add_c(struct world *w)
{
	json_t *c = json_deep_copy(world_store(w, "a"));
	char *path = xasprintf("%s/c", w->dir);

	json_put_str(c, "path", path);
	free(path);
	json_put(json_object_get(w->d.conf->root, "stores"), "c", c);
	BUG_IF(json_array_append_new(json_object_get(world_job(w), "stores"),
		   json_pack("{s:s}", "store", "c")) != 0);
}

/* A run whose stores do what the script says, from before their first byte. */
static void
world_begin(struct world *w)
{
	struct backup *b;
	size_t i;

	world_trigger(w);
	b = (struct backup *)runner_find(w->d.runner, w->run);
	assert_non_null(b);
	while (b->nlegs == 0)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	assert_null(b->stream);
	store_hook(b->legs[0].store);
	for (i = 0; i < b->nlegs; i++)
		b->legs[i].store->ops = &hooked;
}

/* One such run, to its end. */
static void
feed_run(struct world *w)
{
	world_begin(w);
	world_wait(w, &w->is_ended);
	world_read(w);
}

/* What the row says of store ${name}. */
static const char *
leg_says(struct world *w, const char *name, const char *key)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_get_array(w->row, "stores"), i, v)
		if (strcmp(json_get_str(v, "store", ""), name) == 0)
			return json_get_str(v, key, NULL);
	return NULL;
}

/* ${a} and ${b} hold the same manifest. */
static void
assert_same(struct world *w, const char *a, const char *b)
{
	const char *id = json_get_str(w->row, "snapshot", "?");
	char *x = xasprintf("%s/%s/%s/MANIFEST.sha256", w->dir, a, id);
	char *y = xasprintf("%s/%s/%s/MANIFEST.sha256", w->dir, b, id);
	struct err e = ERR_INIT;
	size_t n, m;
	char *t = file_slurp(x, 1 << 20, &n, &e);
	char *u = file_slurp(y, 1 << 20, &m, &e);

	assert_non_null(t);
	assert_non_null(u);
	assert_int_equal(n, m);
	assert_memory_equal(t, u, n);
	free(t);
	free(u);
	free(x);
	free(y);
}

#endif
