/* verify_test.c - what is whole, what is damaged, and what cannot be told. */
#include "unit/catalog/copying.h"

#include "catalog/catalog_verify.h"

struct verifying {
	unsigned answers;
	json_t *answer;
	struct err err;
	int64_t bytes, total;
};

static void
on_progress(void *arg, int64_t bytes, int64_t total)
{
	struct verifying *v = arg;

	assert_true(bytes >= v->bytes && bytes <= total);
	v->bytes = bytes;
	v->total = total;
}

static void
on_verified(void *arg, json_t *answer, const struct err *e)
{
	struct verifying *v = arg;

	v->answers++;
	assert_true((answer == NULL) == (e != NULL));
	v->answer = answer;
	err_copy(&v->err, e);
}

/* "ok", "damaged file: fault; ..." or "!code". */
static const char *
verify(struct copying *c, struct store *s, bool is_deep)
{
	static char text[4096];
	struct verifying v = { 0 };
	struct catalog_verify_opt opt = { .store = s,
		.pool = c->pool,
		.id = ID,
		.by = "test",
		.is_deep = is_deep };
	const json_t *o;
	size_t i, at;

	(void)catalog_verify(c->w->env, &opt, on_progress, on_verified, &v);
	assert_int_equal(v.answers, 0);
	while (v.answers == 0)
		(void)uv_run(&c->w->loop, UV_RUN_ONCE);
	if (v.answer == NULL) {
		(void)snprintf(text, sizeof(text), "!%s", err_name(v.err.code));
		return text;
	}
	at = (size_t)snprintf(text, sizeof(text), "%s",
	    json_get_str(v.answer, "verdict", "?"));
	json_array_foreach(json_get_array(v.answer, "faults"), i, o)
		at += (size_t)snprintf(text + at, sizeof(text) - at, " %s: %s;",
		    json_get_str(o, "file", "?"),
		    json_get_str(o, "fault", "?"));
	json_decref(v.answer);
	return text;
}

static void
test_whole(void **state)
{
	struct copying *c = *state;

	assert_string_equal(verify(c, c->w->store, false), "!not-found");
	assert_string_equal(verify(c, c->w->store, true), "!not-found");
	assert_false(w_exists(c->w, ID));
	plant_snapshot(c->w, ID, "job", NULL);
	assert_string_equal(verify(c, c->w->store, false), "ok");
	assert_string_equal(verify(c, c->w->store, true), "ok");
}

#define SHA "its SHA-256 is not what the manifest says;"

static void
test_damaged(void **state)
{
	struct copying *c = *state;
	struct scripted *s = sc_open(c->w, c->w->store);

	cp_plant(c, false);
	plant_in(c->w, ID, "d.tar.gz", "DATA");
	plant_in(c->w, ID, "zz.rdb", "redis");
	/* Plain reads only what is small; deep notes all that is wrong. */
	assert_string_equal(verify(c, c->w->store, false), "ok");
	assert_false(w_exists(c->w, ID "/.suspect"));
	assert_string_equal(verify(c, c->w->store, true),
	    "damaged d.tar.gz: " SHA " zz.rdb: " SHA);
	assert_non_null(strstr(w_get(c->w, c->w->store, ID "/.suspect"),
	    "\"fault\":\"d.tar.gz: its SHA-256"));
	/* Whole again: the mark goes, but only by looking deep. */
	cp_plant(c, false);
	assert_string_equal(verify(c, c->w->store, false), "ok");
	assert_true(w_exists(c->w, ID "/.suspect"));
	assert_string_equal(verify(c, c->w->store, true), "ok");
	assert_false(w_exists(c->w, ID "/.suspect"));
	s->flip_key = "a.tar.gz";
	assert_string_equal(verify(c, &s->base, true),
	    "damaged a.tar.gz: " SHA);
	store_close(&s->base);
}

static void
test_plain_faults(void **state)
{
	struct copying *c = *state;
	struct store *s = c->w->store;

	cp_plant(c, false);
	assert_int_equal(w_remove(c->w, s, ID "/zz.rdb"), ERR_NONE);
	plant_in(c->w, ID, "d.tar.gz", "longer data");
	plant_in(c->w, ID, "README.md", "# restore\n");
	assert_string_equal(verify(c, s, false),
	    "damaged d.tar.gz: has 11 bytes, not 4; zz.rdb: is missing; "
	    "README.md: " SHA);
	assert_string_equal(verify(c, s, true),
	    "damaged d.tar.gz: has 11 bytes, not 4; zz.rdb: is missing; "
	    "README.md: " SHA);
	cp_plant(c, false);
	plant_in(c->w, ID, SNAPSHOT_JSON_NAME, "{}");
	assert_string_equal(verify(c, s, false),
	    "damaged snapshot.json: snapshot.json is not what the manifest "
	    "says;");
	assert_int_equal(w_remove(c->w, s, ID "/" SNAPSHOT_JSON_NAME),
	    ERR_NONE);
	assert_string_equal(verify(c, s, false),
	    "damaged snapshot.json: is missing;");
	plant_in(c->w, ID, MANIFEST_NAME, "?");
	assert_true(str_has_prefix(verify(c, s, false),
	    "damaged MANIFEST.sha256: line 1"));
	assert_true(str_has_prefix(verify(c, s, true),
	    "damaged MANIFEST.sha256: line 1"));
	assert_true(w_exists(c->w, ID "/.suspect"));
}

static void
test_legacy(void **state)
{
	struct copying *c = *state;

	cp_plant(c, true);
	assert_string_equal(verify(c, c->w->store, false), "ok");
	assert_string_equal(verify(c, c->w->store, true), "ok");
	plant_in(c->w, ID, "zz.rdb", "");
	assert_string_equal(verify(c, c->w->store, true),
	    "damaged zz.rdb: " SHA);
}

static void
test_answer(void **state)
{
	struct copying *c = *state;
	struct verifying v = { 0 };
	struct catalog_verify_opt opt = { .store = c->w->store,
		.pool = c->pool,
		.id = ID,
		.by = "test",
		.is_deep = true };

	cp_plant(c, false);
	(void)catalog_verify(c->w->env, &opt, on_progress, on_verified, &v);
	while (v.answers == 0)
		(void)uv_run(&c->w->loop, UV_RUN_ONCE);
	assert_string_equal(json_get_str(v.answer, "id", ""), ID);
	assert_string_equal(json_get_str(v.answer, "store", ""), "local");
	assert_string_equal(json_get_str(v.answer, "job", ""), "job");
	assert_string_equal(json_get_str(v.answer, "as_of", ""),
	    "2026-01-01T00:00:00Z");
	assert_int_equal(json_get_int(v.answer, "files", 0), 6);
	assert_true(json_get_int(v.answer, "bytes", 0) > (int64_t)CP_BIG);
	assert_int_equal(json_get_int(v.answer, "read", 0),
	    json_get_int(v.answer, "bytes", -1));
	assert_int_equal(v.bytes, json_get_int(v.answer, "read", 0));
	assert_int_equal(v.total, v.bytes);
	json_decref(v.answer);
}

/* What cannot be told is an error, and marks nothing. */
static void
test_faults(void **state)
{
	struct copying *c = *state;
	unsigned n, damaged = 0;
	const char *text = "";
	int deep;

	cp_plant(c, false);
	for (deep = 0; deep < 2; deep++) {
		for (n = 1; n < 100; n++) {
			struct scripted *s = sc_open(c->w, c->w->store);
			bool is_over;

			s->fail_at = n;
			text = verify(c, &s->base, deep == 1);
			is_over = s->ops < n;
			store_close(&s->base);
			damaged += w_exists(c->w, ID "/.suspect");
			if (strcmp(text, "ok") != 0)
				assert_string_equal(text, "!network");
			if (is_over)
				break;
		}
		assert_string_equal(text, "ok");
		assert_true(n > (deep == 1 ? 10 : 4) && n < 100);
	}
	assert_int_equal(damaged, 0);
}

/* Removed while it is read: not there, which is no damage. */
static void
remove_it(void *arg, const char *what, const char *key)
{
	struct copying *c = arg;
	char *path;

	if (strcmp(what, "get") != 0 || strstr(key, "zz.rdb") == NULL)
		return;
	assert_non_null(strstr(cp_files(c, c->w->store), "/.pin-"));
	path = file_join(c->w->dir, ID);
	assert_int_equal(file_remove_tree(path, NULL), 0);
	free(path);
}

static void
test_gone(void **state)
{
	struct copying *c = *state;
	struct scripted *s = sc_open(c->w, c->w->store);

	cp_plant(c, false);
	s->before = remove_it;
	s->before_arg = c;
	assert_string_equal(verify(c, &s->base, true), "!not-found");
	assert_false(w_exists(c->w, ID));
	s->before = NULL;
	/* One file only is damage. */
	cp_plant(c, false);
	s->get_key = "zz.rdb";
	s->get_code = ERR_NOT_FOUND;
	s->get_faults = 1;
	assert_string_equal(verify(c, &s->base, true),
	    "damaged zz.rdb: is missing;");
	store_close(&s->base);
}

static void
on_canceled(void *arg)
{
	*(unsigned *)arg += 1;
}

static void
test_cancel(void **state)
{
	struct copying *c = *state;
	struct catalog_verify_opt opt = { .store = c->w->store,
		.pool = c->pool,
		.id = ID,
		.by = "test" };
	struct catalog_verify *op;
	unsigned turns, i, canceled;
	struct verifying v;
	int deep;

	cp_plant(c, false);
	for (deep = 0; deep < 2; deep++) {
		opt.is_deep = deep == 1;
		for (turns = 0;; turns++) {
			memset(&v, 0, sizeof(v));
			canceled = 0;
			op = catalog_verify(c->w->env, &opt, on_progress,
			    on_verified, &v);
			for (i = 0; i < turns && v.answers == 0; i++)
				(void)uv_run(&c->w->loop, UV_RUN_ONCE);
			if (v.answers > 0)
				break;
			catalog_verify_cancel(op, on_canceled, &canceled);
			assert_int_equal(canceled, 0);
			while (canceled == 0)
				(void)uv_run(&c->w->loop, UV_RUN_ONCE);
			assert_int_equal(v.answers, 0);
			assert_null(strstr(cp_files(c, c->w->store), "/.pin-"));
			assert_true(turns < 400);
		}
		assert_string_equal(json_get_str(v.answer, "verdict", ""),
		    "ok");
		json_decref(v.answer);
		assert_true(turns > (deep == 1 ? 15 : 5));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, cp_setup, cp_teardown)
		T(test_whole),
		T(test_damaged),
		T(test_plain_faults),
		T(test_legacy),
		T(test_answer),
		T(test_faults),
		T(test_gone),
		T(test_cancel),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
