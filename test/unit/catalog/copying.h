/*
 * copying.h - for tests of copies: a second store, copies that wait or are held
 * at a phase, and the state of both stores.
 */
#ifndef TEST_CATALOG_COPYING_H
#define TEST_CATALOG_COPYING_H

#include "unit/catalog/snapshots.h"

#include "catalog/catalog_copy.h"

#define ID "20260101-000000"

struct copying {
	struct world *w;
	struct work_pool *pool;
	struct store *to;
	struct catalog_copy *copy; /* Under way. */
	unsigned answers;
	unsigned phases; /* One bit each. */
	int64_t bytes, seen, total;
	bool was_there;
	struct err err;
	/* Called when a phase is entered, before it goes on. */
	void (*at_phase)(struct copying *, enum catalog_copy_phase);
	bool is_held; /* It does not go on by itself. */
	void *more;
};

static bool
cp_is_final(void *arg, const char *run)
{
	(void)arg;
	return strncmp(run, "dead", 4) == 0;
}

static void
cp_on_phase(void *arg, enum catalog_copy_phase phase, struct catalog_copy *copy)
{
	struct copying *c = arg;

	assert_ptr_equal(copy, c->copy);
	assert_int_equal(c->phases >> phase, 0); /* In order, once each. */
	c->phases |= 1u << phase;
	if (c->at_phase != NULL)
		c->at_phase(c, phase);
	if (!c->is_held)
		catalog_copy_go(copy);
}

static void
cp_on_progress(void *arg, int64_t bytes, int64_t total)
{
	struct copying *c = arg;

	c->seen = bytes;
	c->total = total;
}

static void
cp_on_done(void *arg, int64_t bytes, bool was_there, const struct err *e)
{
	struct copying *c = arg;

	c->answers++;
	c->copy = NULL;
	c->bytes = bytes;
	c->was_there = was_there;
	err_copy(&c->err, e);
}

UNUSED_OK static void
cp_start(struct copying *c, struct store *from, struct store *to,
    const char *run, bool is_claimed)
{
	static const struct catalog_copy_events ev = { cp_on_phase,
		cp_on_progress, cp_on_done };
	struct catalog_copy_opt opt = { .from = from,
		.to = to,
		.pool = c->pool,
		.id = ID,
		.instance = "inst",
		.run = run,
		.is_claimed = is_claimed,
		.is_final = cp_is_final };

	c->answers = c->phases = 0;
	c->copy = catalog_copy(c->w->env, &opt, &ev, c);
	assert_int_equal(c->answers, 0);
}

UNUSED_OK static enum err_code
cp_wait(struct copying *c)
{
	while (c->answers == 0)
		assert_true(uv_run(&c->w->loop, UV_RUN_ONCE) != 0 ||
		    c->answers != 0);
	assert_int_equal(c->answers, 1);
	return c->err.code;
}

UNUSED_OK static enum err_code
cp_copy(struct copying *c, struct store *from, struct store *to)
{
	cp_start(c, from, to, "run-copy", false);
	return cp_wait(c);
}

UNUSED_OK static int
cp_setup(void **state)
{
	struct copying *c = xcalloc(1, sizeof(*c));
	struct err e;
	char *path;

	assert_int_equal(w_setup((void **)&c->w), 0);
	path = file_join(c->w->dir, "second");
	c->to = w_fs_open(c->w, "second", path);
	assert_int_equal(w_check(c->w, c->to, &e), ERR_NONE);
	free(path);
	c->pool = work_pool_new(&c->w->loop, 1);
	*state = c;
	return 0;
}

UNUSED_OK static int
cp_teardown(void **state)
{
	struct copying *c = *state;
	void *w = c->w;

	store_close(c->to);
	work_pool_free(c->pool);
	free(c);
	return w_teardown(&w);
}

/* What a store holds of the snapshot: "key size" a line. */
UNUSED_OK static const char *
cp_files(struct copying *c, struct store *s)
{
	return w_list(c->w, s, ID "/", true);
}

#define CP_BIG ((size_t)700000)

UNUSED_OK static void
cp_plant_file(struct world *w, struct manifest *m, const char *name,
    const char *text)
{
	char hex[STR_HEX_SHA256];

	plant_in(w, ID, name, text);
	sha256_of(text, hex);
	assert_int_equal(manifest_add(m, name, hex, NULL), 0);
}

/* A snapshot of several blocks and folders; without its description it is one
 * of the runbook's, with a manifest in another's layout. */
UNUSED_OK static void
cp_plant(struct copying *c, bool is_legacy)
{
	struct manifest *m = manifest_new();
	json_t *o = description(ID, "job", NULL);
	char *big = xmalloc(CP_BIG + 1), *text = json_print_pretty(o), *legacy;
	size_t i;

	for (i = 0; i < CP_BIG; i++)
		big[i] = (char)('a' + i / 7 % 26);
	big[CP_BIG] = '\0';
	cp_plant_file(c->w, m, "a.tar.gz", big);
	cp_plant_file(c->w, m, "d.tar.gz", "data");
	cp_plant_file(c->w, m, "dump/nodes/0.json", "");
	cp_plant_file(c->w, m, "zz.rdb", "REDIS");
	cp_plant_file(c->w, m, SNAPSHOT_README_NAME, "# Restore\n");
	if (!is_legacy) {
		cp_plant_file(c->w, m, SNAPSHOT_JSON_NAME, text);
		plant_claim(c->w, ID, ".claim", "inst", "run-1");
	}
	free(text);
	text = manifest_format(m);
	legacy = xasprintf("%s", text);
	if (is_legacy) /* Not sorted, and for binary files. */
		(void)snprintf(legacy, strlen(text) + 1, "%s%.*s",
		    strchr(text, '\n') + 1,
		    (int)(strchr(text, '\n') + 1 - text), text);
	for (i = 0; is_legacy && legacy[i] != '\0'; i++)
		if (legacy[i] == ' ' && legacy[i + 1] == ' ')
			legacy[i + 1] = '*';
	plant_in(c->w, ID, MANIFEST_NAME, legacy);
	free(legacy);
	free(text);
	free(big);
	json_decref(o);
	manifest_free(m);
}

static char *
cp_read(struct copying *c, const char *folder, const char *name, size_t *n)
{
	char *path = xasprintf("%s/%s%s/%s", c->w->dir, folder, ID, name);
	char *text = file_slurp(path, (size_t)16 << 20, n, NULL);

	free(path);
	return text;
}

/* Every file of the source's manifest, and that one, byte for byte; no pin. */
UNUSED_OK static void
cp_check_same(struct copying *c)
{
	size_t n, m, i;
	char *text = cp_read(c, "", MANIFEST_NAME, &n), *a, *b;
	struct manifest *list = manifest_parse(text, n, NULL);

	assert_non_null(list);
	for (i = 0; i <= list->n; i++) {
		const char *name = i == list->n ? MANIFEST_NAME
						: list->entries[i].name;

		a = cp_read(c, "", name, &n);
		b = cp_read(c, "second/", name, &m);
		assert_non_null(a);
		assert_non_null(b);
		assert_int_equal(n, m);
		assert_memory_equal(a, b, n);
		free(a);
		free(b);
	}
	manifest_free(list);
	free(text);
	assert_null(strstr(cp_files(c, c->w->store), "/.pin-"));
	assert_null(strstr(cp_files(c, c->to), "/.pin-"));
}

UNUSED_OK static bool
cp_is_sealed(struct copying *c)
{
	return w_exists(c->w, "second/" ID "/" MANIFEST_NAME);
}

/* Nothing of it in the target, the source as it was and not pinned. */
UNUSED_OK static void
cp_check_nothing(struct copying *c)
{
	assert_string_equal(cp_files(c, c->to), "");
	assert_false(w_exists(c->w, "second/" ID));
	assert_null(strstr(cp_files(c, c->w->store), "/.pin-"));
}

UNUSED_OK static void
cp_forget(struct copying *c)
{
	struct waited a = { 0 };

	catalog_remove(c->to, ID, w_on_done, &a);
	w_wait(c->w, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_false(w_exists(c->w, "second/" ID));
}

#endif
