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

/* Everything that is in a store, but the second, which is in the first. */
UNUSED_OK static const char *
cp_files(struct copying *c, struct store *s)
{
	return w_list(c->w, s, ID "/", true);
}

/* No pin, and exactly the source's files: byte for byte. */
UNUSED_OK static void
cp_check_same(struct copying *c, struct store *from, struct store *to)
{
	struct waited a = { 0 };
	char line[1200], *text, *at, *next;

	store_list(from, ID "/", true, w_on_list, &a);
	w_wait(c->w, &a);
	text = xstrdup(buf_str(&a.text));
	buf_done(&a.text);
	for (at = text; *at != '\0'; at = next) {
		char *original;

		next = strchr(at, '\n') + 1;
		(void)snprintf(line, sizeof(line), "%.*s",
		    (int)(strchr(at, ' ') - at), at);
		assert_null(strstr(line, "/.pin-"));
		if (strstr(line, "/.") != NULL)
			continue;
		original = xstrdup(w_get(c->w, from, line));
		assert_string_equal(original, w_get(c->w, to, line));
		free(original);
	}
	free(text);
	assert_null(strstr(cp_files(c, to), "/.pin-"));
}

#endif
