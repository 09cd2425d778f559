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

static void
test_damaged(void **state)
{
	struct copying *c = *state;

	plant_snapshot(c->w, ID, "job", NULL);
	plant_in(c->w, ID, "d.tar.gz", "DATA");
	assert_string_equal(verify(c, c->w->store, false), "ok");
	assert_string_equal(verify(c, c->w->store, true),
	    "damaged d.tar.gz: its SHA-256 is not what the manifest says;");
	assert_true(w_exists(c->w, ID "/.suspect"));
	plant_in(c->w, ID, "d.tar.gz", "data");
	assert_string_equal(verify(c, c->w->store, true), "ok");
	assert_false(w_exists(c->w, ID "/.suspect"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, cp_setup, cp_teardown)
		T(test_whole),
		T(test_damaged),
	};

	return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
