/*
 * world.h - for tests of stores: a loop, a folder, and calls that wait.
 *
 * Each w_* call runs the loop until its one answer has come; a test that hangs
 * is ended by an alarm.
 */
#ifndef TEST_STORE_WORLD_H
#define TEST_STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/defer.h"
#include "base/env.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/store.h"

#define UNUSED_OK __attribute__((unused))

struct world {
	uv_loop_t loop;
	struct env *env;
	char dir[64];
	json_t *cfg;
	struct store *store;
};

struct waited {
	unsigned answers;
	struct err err;
	struct store_proof proof;
	struct store_stat st;
	struct buf text;
	size_t n;
};

UNUSED_OK static struct store *
w_fs_open(struct world *w, const char *name, const char *path)
{
	struct err e = ERR_INIT;
	struct store *s;

	json_object_set_new(w->cfg, name,
	    json_pack("{s:s,s:s}", "type", "filesystem", "path", path));
	s = store_open(&(struct store_env){ .env = w->env }, name,
	    json_object_get(w->cfg, name), &e);
	assert_non_null(s);
	return s;
}

UNUSED_OK static int
w_setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	(void)alarm(60);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->env = env_new(&w->loop);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/rb-store-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->cfg = json_object();
	w->store = w_fs_open(w, "local", w->dir);
	*state = w;
	return 0;
}

UNUSED_OK static int
w_teardown(void **state)
{
	struct world *w = *state;

	store_close(w->store);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	/* Nothing is left open: every handle was closed. */
	assert_int_equal(uv_loop_close(&w->loop), 0);
	env_free(w->env);
	json_decref(w->cfg);
	assert_int_equal(file_remove_tree(w->dir, NULL), 0);
	free(w);
	return 0;
}

UNUSED_OK static void
w_wait(struct world *w, struct waited *a)
{
	assert_int_equal(a->answers, 0); /* Never from within. */
	while (a->answers == 0)
		assert_true(uv_run(&w->loop, UV_RUN_ONCE) != 0 ||
		    a->answers != 0);
	assert_int_equal(a->answers, 1);
}

UNUSED_OK static void
w_on_done(void *arg, const struct err *e)
{
	struct waited *a = arg;

	a->answers++;
	err_copy(&a->err, e);
}

UNUSED_OK static void
w_on_put(void *arg, const struct store_proof *p, const struct err *e)
{
	struct waited *a = arg;

	assert_true((p == NULL) == (e != NULL));
	if (p != NULL)
		a->proof = *p;
	w_on_done(arg, e);
}

UNUSED_OK static void
w_on_stat(void *arg, const struct store_stat *st, const struct err *e)
{
	struct waited *a = arg;

	assert_true((st == NULL) == (e != NULL));
	if (st != NULL)
		a->st = *st;
	w_on_done(arg, e);
}

UNUSED_OK static void
w_on_bytes(void *arg, const char *text, size_t n, const struct err *e)
{
	struct waited *a = arg;

	if (e == NULL)
		buf_add(&a->text, text, n);
	w_on_done(arg, e);
}

/* One line an entry: "key size" or "key/ -". */
UNUSED_OK static void
w_on_list(void *arg, const struct store_stat *list, size_t n,
    const struct err *e)
{
	struct waited *a = arg;
	size_t i;

	a->n = n;
	for (i = 0; i < n; i++) {
		if (i > 0)
			assert_true(strcmp(list[i - 1].key, list[i].key) < 0);
		if (list[i].is_folder)
			buf_addf(&a->text, "%s -\n", list[i].key);
		else
			buf_addf(&a->text, "%s %lld\n", list[i].key,
			    (long long)list[i].size);
	}
	w_on_done(arg, e);
}

UNUSED_OK static enum err_code
w_put_if(struct world *w, struct store *s, const char *key, const char *text,
    bool if_absent)
{
	struct waited a = { 0 };

	store_put_bytes(s, key, text, strlen(text), if_absent, w_on_put, &a);
	w_wait(w, &a);
	if (a.err.code == ERR_NONE)
		assert_int_equal(a.proof.size, strlen(text));
	return a.err.code;
}

UNUSED_OK static enum err_code
w_put(struct world *w, struct store *s, const char *key, const char *text)
{
	return w_put_if(w, s, key, text, false);
}

/* The object's text, "!code" when it cannot be read; good until the next. */
UNUSED_OK static const char *
w_get(struct world *w, struct store *s, const char *key)
{
	static char text[8192];
	struct waited a = { 0 };

	store_get_bytes(s, key, sizeof(text) - 1, w_on_bytes, &a);
	w_wait(w, &a);
	if (a.err.code != ERR_NONE)
		(void)snprintf(text, sizeof(text), "!%s", err_name(a.err.code));
	else
		(void)snprintf(text, sizeof(text), "%s", buf_str(&a.text));
	buf_done(&a.text);
	return text;
}

UNUSED_OK static const char *
w_list(struct world *w, struct store *s, const char *prefix, bool is_flat)
{
	static char text[16384];
	struct waited a = { 0 };

	store_list(s, prefix, is_flat, w_on_list, &a);
	w_wait(w, &a);
	if (a.err.code != ERR_NONE)
		(void)snprintf(text, sizeof(text), "!%s", err_name(a.err.code));
	else
		(void)snprintf(text, sizeof(text), "%s", buf_str(&a.text));
	buf_done(&a.text);
	return text;
}

UNUSED_OK static enum err_code
w_remove(struct world *w, struct store *s, const char *key)
{
	struct waited a = { 0 };

	store_remove(s, key, w_on_done, &a);
	w_wait(w, &a);
	return a.err.code;
}

UNUSED_OK static enum err_code
w_stat(struct world *w, struct store *s, const char *key)
{
	struct waited a = { 0 };

	store_stat(s, key, w_on_stat, &a);
	w_wait(w, &a);
	return a.err.code;
}

UNUSED_OK static enum err_code
w_sweep(struct world *w, struct store *s, const char *prefix, int64_t age)
{
	struct waited a = { 0 };

	store_sweep(s, prefix, age, w_on_done, &a);
	w_wait(w, &a);
	return a.err.code;
}

UNUSED_OK static enum err_code
w_check(struct world *w, struct store *s, struct err *e)
{
	struct waited a = { 0 };

	store_check(s, w_on_done, &a);
	w_wait(w, &a);
	err_copy(e, &a.err);
	return a.err.code;
}

/* Straight into the folder, past the store. */
UNUSED_OK static void
w_plant(struct world *w, const char *name, const char *text)
{
	char *path = file_join(w->dir, name), *slash = strrchr(path, '/');
	FILE *f;

	*slash = '\0';
	assert_int_equal(file_mkdir_p(path, NULL), 0);
	*slash = '/';
	assert_non_null(f = fopen(path, "w"));
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	free(path);
}

UNUSED_OK static bool
w_exists(struct world *w, const char *name)
{
	char *path = file_join(w->dir, name);
	struct stat st;
	bool is_there = lstat(path, &st) == 0;

	free(path);
	return is_there;
}

#endif
