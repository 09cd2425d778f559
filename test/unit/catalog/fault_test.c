/*
 * fault_test.c - each call with its first operation failing, then its second,
 * and so on until it goes through: one answer each time, and whatever is left
 * behind is either a whole snapshot or none.
 */
#include <dirent.h>

#include "unit/catalog/snapshots.h"

#define LIMIT 200

static struct scripted *
failing(struct world *w, unsigned at)
{
	struct scripted *s = sc_open(w, w->store);

	s->fail_at = at;
	return s;
}

/* Sealed means whole: every file that a manifest names is there. */
static void
check_whole(struct world *w)
{
	struct listed l = { 0 };
	json_t *o;
	size_t i;

	catalog_list(w->store, NULL, on_listed, &l);
	(void)wait_list(w, &l);
	assert_int_equal(l.err.code, ERR_NONE);
	json_array_foreach(l.list, i, o)
		assert_null(json_get_str(o, "error", NULL));
	json_decref(l.list);
}

static void
on_claimed(void *arg, const char *id, const struct err *errs,
    const struct err *e)
{
	struct waited *a = arg;

	assert_true((id == NULL) == (e != NULL));
	assert_int_equal(errs[0].code, e == NULL ? ERR_NONE : e->code);
	w_on_done(a, e);
}

/* Claims of one second have only so many ids: each has the store for itself. */
static void
forget_claims(struct world *w)
{
	struct dirent *de;
	DIR *d = opendir(w->dir);
	char *path;

	assert_non_null(d);
	while ((de = readdir(d)) != NULL) {
		if (!snapshot_id_is_valid(de->d_name))
			continue;
		path = file_join(w->dir, de->d_name);
		assert_int_equal(file_remove_tree(path, NULL), 0);
		free(path);
	}
	(void)closedir(d);
}

static void
test_claim(void **state)
{
	struct world *w = *state;
	struct scripted *s;
	struct store *store;
	struct waited a;
	unsigned n;
	int without;

	for (without = 0; without < 2; without++) {
		for (n = 1; n < LIMIT; n++) {
			s = failing(w, n);
			s->has_no_if_absent = without == 1;
			store = &s->base;
			memset(&a, 0, sizeof(a));
			catalog_claim(w->env, &store, 1, "inst", "run",
			    on_claimed, &a);
			w_wait(w, &a);
			forget_claims(w);
			if (s->ops < n)
				break;
			store_close(&s->base);
		}
		/* Put, look: that is all it takes when the way is free. */
		assert_true(n > 2 && n < LIMIT);
		assert_int_equal(a.err.code, ERR_NONE);
		store_close(&s->base);
	}
}

static void
test_list(void **state)
{
	struct world *w = *state;
	unsigned n, faults = 0;

	plant_snapshot(w, "20260101-000000", "a", NULL);
	plant_in(w, "20260101-000000", ".pin-1", "{\"by\":\"r\"}");
	for (n = 1; n < LIMIT; n++) {
		struct scripted *s = failing(w, n);
		struct listed l = { 0 };
		bool is_over;

		catalog_list(&s->base, "a", on_listed, &l);
		(void)wait_list(w, &l);
		is_over = s->ops < n;
		store_close(&s->base);
		faults += l.list == NULL ||
		    json_get_str(json_array_get(l.list, 0), "error", NULL) !=
			NULL;
		/* What cannot be read is never just left out. */
		if (l.list != NULL)
			assert_int_equal(json_array_size(l.list), 1);
		json_decref(l.list);
		if (is_over)
			break;
	}
	/* Root, folder, manifest, description; a pin in doubt holds. */
	assert_int_equal(faults, 4);
	assert_int_equal(n, 6);
}

static void
test_seal(void **state)
{
	struct world *w = *state;
	struct manifest *m = manifest_new();
	unsigned n;
	int without;

	assert_int_equal(manifest_add(m, "a",
			     "e3b0c44298fc1c149afbf4c8996fb9"
			     "2427ae41e4649b934ca495991b7852b855",
			     NULL),
	    0);
	for (without = 0; without < 2; without++)
		for (n = 1; n < LIMIT; n++) {
			struct scripted *s = failing(w, n);
			struct waited a = { 0 };
			bool is_over, is_there;

			s->has_no_if_absent = without == 1;
			catalog_seal(&s->base, "20260101-000000", m, w_on_done,
			    &a);
			w_wait(w, &a);
			is_over = s->ops < n;
			store_close(&s->base);
			is_there = w_exists(w,
			    "20260101-000000/" MANIFEST_NAME);
			assert_int_equal(is_there, a.err.code == ERR_NONE);
			assert_int_equal(w_remove(w, w->store,
					     "20260101-000000/" MANIFEST_NAME),
			    ERR_NONE);
			if (is_over)
				break;
		}
	manifest_free(m);
}

static void
test_prune(void **state)
{
	struct retention_policy one = { .last = 1 };
	struct world *w = *state;
	unsigned n;

	for (n = 1; n < LIMIT; n++) {
		struct scripted *s = failing(w, n);
		struct listed l = { 0 };
		bool is_over;

		plant_snapshot(w, "20260101-000000", "a", NULL);
		plant_snapshot(w, "20260102-000000", "a", "20260101-000000");
		plant_snapshot(w, "20260103-000000", "a", NULL);
		catalog_prune(w->env, &s->base, "a", &one, false, on_listed,
		    &l);
		(void)wait_list(w, &l);
		is_over = s->ops < n;
		store_close(&s->base);
		json_decref(l.list);
		check_whole(w);
		/* Never the last one, nor one that another there needs. */
		assert_true(w_exists(w, "20260103-000000/MANIFEST.sha256"));
		if (w_exists(w, "20260102-000000/MANIFEST.sha256"))
			assert_true(w_exists(w,
			    "20260101-000000/MANIFEST.sha256"));
		if (is_over)
			break;
	}
	assert_true(n > 15 && n < LIMIT);
	assert_string_equal(w_list(w, w->store, "", false),
	    "20260103-000000/ -\n");
}

static bool
is_final(void *arg, const char *run)
{
	(void)arg;
	(void)run;
	return true;
}

/* What a failed removal leaves is known as ours and goes the next time. */
static void
test_remove_collect(void **state)
{
	struct world *w = *state;
	unsigned n;

	for (n = 1; n < LIMIT; n++) {
		struct scripted *s = failing(w, n);
		struct waited a = { 0 };
		struct listed l = { 0 };
		bool is_over;

		plant_snapshot(w, "20260101-000000", "a", NULL);
		catalog_remove(&s->base, "20260101-000000", w_on_done, &a);
		w_wait(w, &a);
		is_over = s->ops < n;
		store_close(&s->base);
		assert_int_equal(a.err.code == ERR_NONE, is_over);
		check_whole(w);
		catalog_collect(w->env, w->store, "inst", is_final, 1000,
		    on_listed, &l);
		(void)wait_list(w, &l);
		json_decref(l.list);
		assert_int_equal(w_exists(w, "20260101-000000"), n == 1);
		if (is_over)
			break;
	}
	assert_true(n > 6 && n < LIMIT);
}

static void
test_collect(void **state)
{
	struct world *w = *state;
	unsigned n;

	for (n = 1; n < LIMIT; n++) {
		struct scripted *s = failing(w, n);
		struct listed l = { 0 };
		bool is_over;

		plant_claim(w, "20260101-000000", ".claim", "inst", "run");
		plant_in(w, "20260101-000000", "d.tar.gz", "half");
		plant_snapshot(w, "20260102-000000", "a", NULL);
		catalog_collect(w->env, &s->base, "inst", is_final, 1000,
		    on_listed, &l);
		(void)wait_list(w, &l);
		is_over = s->ops < n;
		store_close(&s->base);
		json_decref(l.list);
		check_whole(w);
		assert_true(w_exists(w, "20260102-000000/MANIFEST.sha256"));
		if (is_over)
			break;
	}
	assert_true(n > 6 && n < LIMIT);
	assert_false(w_exists(w, "20260101-000000"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_claim),
		T(test_list),
		T(test_seal),
		T(test_prune),
		T(test_remove_collect),
		T(test_collect),
	};

	return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
