/* list_test.c - what counts as a snapshot, and what is shown of it. */
#include "unit/catalog/scripted.h"
#include "unit/catalog/snapshots.h"

static json_t *
list(struct world *w, struct store *s, const char *job)
{
	struct listed l = { 0 };

	catalog_list(s, job, on_listed, &l);
	return wait_list(w, &l);
}

static const char *const keys[] = { "id", "job", "legacy", "suspect",
	"pinned_by" };

static void
test_kinds(void **state)
{
	struct world *w = *state;
	char pin[128], at[STR_TIME_MAX];
	json_t *l;

	plant_snapshot(w, "20260101-000000", "a", NULL);
	plant_snapshot(w, "20260101-000000-2", "b", NULL);
	plant_snapshot(w, "20260103-000000", "a", NULL);
	plant_in(w, "20260103-000000", ".suspect", "");
	/* Nobody's, unfinished, or not a snapshot at all. */
	plant_in(w, "20260104-000000", "d.tar.gz", "data");
	plant_claim(w, "20260105-000000", ".claim", "inst", "run");
	plant_in(w, "my-photos", MANIFEST_NAME, "x");
	plant_in(w, "20260106-000000.partial", MANIFEST_NAME, "x");
	w_plant(w, "20260107-000000", "a file");
	/* The runbook's own. */
	plant_in(w, "20250418-085317", "lightrag-kg.tar.gz", "123456789");
	plant_in(w, "20250418-085317", "README.md", "x");
	plant_in(w, "20250418-085317", MANIFEST_NAME,
	    "15e2b0d3c33891ebb0f1ef"
	    "609ec419420c20e320ce94c65fbc8c3312448eb225  "
	    "lightrag-kg.tar.gz\n");
	/* Read now; and by one that died two days ago. */
	str_format_time(env_wall_ms(w->env) - 1000, at);
	(void)snprintf(pin, sizeof(pin), "{\"by\":\"restore 7\",\"at\":\"%s\"}",
	    at);
	plant_in(w, "20260101-000000", ".pin-0a", pin);
	str_format_time(env_wall_ms(w->env) - INT64_C(172800000), at);
	(void)snprintf(pin, sizeof(pin), "{\"by\":\"dead\",\"at\":\"%s\"}", at);
	plant_in(w, "20260101-000000-2", ".pin-0b", pin);
	l = list(w, w->store, NULL);
	assert_string_equal(lines_of(l, keys, COUNT_OF(keys)),
	    "20260103-000000 a no yes -\n"
	    "20260101-000000-2 b no no -\n"
	    "20260101-000000 a no no restore 7\n"
	    "20250418-085317 - yes no -\n");
	assert_string_equal(json_get_str(json_array_get(l, 3), "as_of", ""),
	    "2025-04-18T08:53:17Z");
	assert_int_equal(json_get_int(json_array_get(l, 3), "size", 0), 9);
	assert_int_equal(json_array_size(json_get_array(json_array_get(l, 3),
			     "artifacts")),
	    1);
	json_decref(l);
	l = list(w, w->store, "b");
	assert_string_equal(lines_of(l, keys, 1),
	    "20260101-000000-2\n"
	    "20250418-085317\n");
	json_decref(l);
}

/* Each is there to be seen, none is taken for good. */
static void
test_damaged(void **state)
{
	static const char *const shown[] = { "id", "job", "error" };
	struct world *w = *state;
	char *path;
	json_t *l, *o;

	plant_snapshot(w, "20260101-000000", "a", NULL);
	plant_in(w, "20260101-000000", MANIFEST_NAME, "abc\n");
	plant_snapshot(w, "20260102-000000", "a", NULL);
	path = file_join(w->dir, "20260102-000000/d.tar.gz");
	assert_int_equal(unlink(path), 0);
	free(path);
	plant_snapshot(w, "20260103-000000", "a", NULL);
	plant_in(w, "20260103-000000", SNAPSHOT_JSON_NAME, "{}");
	plant_sealed(w, "20260104-000000", xstrdup("{\"format\": 1}"));
	plant_snapshot(w, "20260105-000000", "a", NULL);
	plant_in(w, "20260105-000000", "d.tar.gz", "longer data");
	/* Another's description, copied with a good manifest. */
	o = description("20260101-000000", "a", NULL);
	plant_sealed(w, "20260106-000000", json_print(o));
	json_decref(o);
	l = list(w, w->store, "a");
	assert_int_equal(json_array_size(l), 6);
	assert_string_equal(lines_of(l, shown, 3),
	    "20260106-000000 - snapshot.json is of snapshot 20260101-000000\n"
	    "20260105-000000 a artifact 'd.tar.gz' has 11 bytes, not 4\n"
	    "20260104-000000 - snapshot.json: 'id' is not a snapshot id\n"
	    "20260103-000000 - snapshot.json is not what the manifest says\n"
	    "20260102-000000 - 'd.tar.gz' is missing\n"
	    "20260101-000000 - MANIFEST.sha256: line 1: expected a SHA-256 "
	    "digest, two spaces and a name\n");
	json_decref(l);
}

static void
test_many(void **state)
{
	struct world *w = *state;
	char id[SNAPSHOT_ID_MAX], last[SNAPSHOT_ID_MAX] = "";
	json_t *l, *o;
	size_t i;

	for (i = 0; i < 60; i++) {
		snapshot_id_format(INT64_C(1776502397000) +
			(int64_t)(i * 37 % 60) * 1000,
		    1, id);
		plant_snapshot(w, id, "a", NULL);
	}
	l = list(w, w->store, "a");
	assert_int_equal(json_array_size(l), 60);
	json_array_foreach(l, i, o) {
		if (i > 0)
			assert_true(strcmp(json_get_str(o, "id", ""), last) <
			    0);
		(void)snprintf(last, sizeof(last), "%s",
		    json_get_str(o, "id", ""));
	}
	json_decref(l);
}

static void
test_unreachable(void **state)
{
	struct world *w = *state;
	struct store *s = w_fs_open(w, "gone", "/nonexistent/store");
	struct listed l = { 0 };

	catalog_list(s, NULL, on_listed, &l);
	assert_null(wait_list(w, &l));
	assert_int_equal(l.err.code, ERR_MISSING);
	store_close(s);
}

static json_t *
find(struct world *w, struct store *s, const char *id, const char *job)
{
	struct listed l = { 0 };

	catalog_find(s, id, job, on_listed, &l);
	return wait_list(w, &l);
}

/* One id: no other folder is looked at; a store that cannot tell says so. */
static void
test_find(void **state)
{
	struct world *w = *state;
	struct scripted *s = sc_open(w, w->store);
	struct store *gone = w_fs_open(w, "gone", "/nonexistent/store");
	struct listed l = { 0 };
	json_t *found;

	plant_snapshot(w, "20260101-000000", "a", NULL);
	plant_snapshot(w, "20260102-000000", "a", NULL);
	plant_in(w, "20260103-000000", "d.tar.gz", "no manifest");
	found = find(w, &s->base, "20260101-000000", "a");
	assert_string_equal(lines_of(found, keys, COUNT_OF(keys)),
	    "20260101-000000 a no no -\n");
	/* The folder, the manifest, the description. */
	assert_int_equal(s->ops, 3);
	json_decref(found);
	found = find(w, w->store, "20260101-000000", "b");
	assert_int_equal(json_array_size(found), 0);
	json_decref(found);
	found = find(w, w->store, "20260103-000000", NULL);
	assert_int_equal(json_array_size(found), 0);
	json_decref(found);
	found = find(w, w->store, "20260109-000000", NULL);
	assert_int_equal(json_array_size(found), 0);
	json_decref(found);
	s->ops = 0;
	s->fail_at = 1;
	catalog_find(&s->base, "20260101-000000", NULL, on_listed, &l);
	assert_null(wait_list(w, &l));
	assert_int_equal(l.err.code, ERR_NETWORK);
	memset(&l, 0, sizeof(l));
	catalog_find(gone, "20260101-000000", NULL, on_listed, &l);
	assert_null(wait_list(w, &l));
	assert_int_equal(l.err.code, ERR_MISSING);
	store_close(gone);
	store_close(&s->base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_kinds),
		T(test_damaged),
		T(test_find),
		T(test_many),
		T(test_unreachable),
	};

	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
