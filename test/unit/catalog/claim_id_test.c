/* claim_id_test.c - one given id in one store: free, ours, or somebody's. */
#include "unit/catalog/snapshots.h"

#include "catalog/hold.h"

#define ID "20260101-000000"

static bool
is_final(void *arg, const char *run)
{
	(void)arg;
	return strncmp(run, "over", 4) == 0;
}

static enum err_code
claim(struct world *w, struct store *s, const char *run)
{
	struct waited a = { 0 };

	catalog_claim_id(w->env, s, ID, "inst", run, is_final, NULL, w_on_done,
	    &a);
	w_wait(w, &a);
	return a.err.code;
}

static void
forget(struct world *w)
{
	struct waited a = { 0 };

	catalog_remove(w->store, ID, w_on_done, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_NONE);
}

/* "held by RUN", and that nothing else is there. */
static void
check_held(struct world *w, const char *run)
{
	const char *text = w_list(w, w->store, ID "/", true);
	char key[128];

	assert_true(str_has_prefix(text, ID "/.claim"));
	assert_ptr_equal(strchr(text, '\n') + 1, text + strlen(text));
	(void)snprintf(key, sizeof(key), "%.*s", (int)strcspn(text, " "), text);
	assert_non_null(strstr(w_get(w, w->store, key), run));
}

static void
test_free_id(void **state)
{
	struct world *w = *state;
	struct scripted *s = sc_open(w, w->store);
	int without;

	for (without = 0; without < 2; without++) {
		s->has_no_if_absent = without == 1;
		assert_int_equal(claim(w, &s->base, "run-1"), ERR_NONE);
		check_held(w, "run-1");
		assert_int_equal(claim(w, &s->base, "run-2"), ERR_CONFLICT);
		check_held(w, "run-1");
		/* The same run again: it crashed before it knew. */
		assert_int_equal(claim(w, &s->base, "run-1"), ERR_NONE);
		check_held(w, "run-1");
		forget(w);
	}
	store_close(&s->base);
}

/* What dead runs of ours left goes; all else is another's. */
static void
test_leftovers(void **state)
{
	struct world *w = *state;

	plant_claim(w, ID, ".claim", "inst", "over-1");
	plant_claim(w, ID, ".claim-1", "inst", "over-2");
	plant_in(w, ID, "d.tar.gz", "half");
	plant_in(w, ID, "e.tar.gz.rbtmp-Ab12Cd", "half");
	assert_int_equal(claim(w, w->store, "run-1"), ERR_NONE);
	check_held(w, "run-1");
}

static void
test_refused(void **state)
{
	static const struct {
		const char *name, *instance, *run;
		enum err_code want;
	} cases[] = {
		{ ".claim", "another", "over-1", ERR_CONFLICT },
		{ ".claim-1", "another", "run-1", ERR_CONFLICT },
		{ ".claim", "inst", "living", ERR_CONFLICT },
		{ "d.tar.gz", "", "", ERR_CONFLICT },
		{ MANIFEST_NAME, "", "", ERR_EXISTS },
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < COUNT_OF(cases); i++) {
		char *path = xasprintf(ID "/%s", cases[i].name);

		/* Beside one of ours that is over. */
		if (i < 3)
			plant_claim(w, ID, ".claim-9", "inst", "over-9");
		plant_claim(w, ID, cases[i].name, cases[i].instance,
		    cases[i].run);
		assert_int_equal(claim(w, w->store, "run-1"), cases[i].want);
		assert_true(w_exists(w, path));
		assert_int_equal(w_exists(w, ID "/.claim-9"), i < 3);
		forget(w);
		free(path);
	}
	/* A claim that is no JSON; a pin alone is nobody's claim. */
	plant_in(w, ID, ".claim", "?");
	assert_int_equal(claim(w, w->store, "run-1"), ERR_CONFLICT);
	assert_int_equal(w_remove(w, w->store, ID "/.claim"), ERR_NONE);
	plant_in(w, ID, ".pin-1", "{\"by\":\"dead\"}");
	assert_int_equal(claim(w, w->store, "run-1"), ERR_NONE);
	assert_non_null(strstr(w_get(w, w->store, ID "/.claim"), "run-1"));
}

/* Each operation fails in turn; whatever that leaves, the next run gets it. */
static void
test_faults(void **state)
{
	struct world *w = *state;
	bool is_over;
	int without;
	unsigned n;

	for (without = 0; without < 2; without++)
		for (n = 1, is_over = false; !is_over; n++) {
			struct scripted *s = sc_open(w, w->store);
			enum err_code code;

			plant_claim(w, ID, ".claim", "inst", "over-1");
			plant_in(w, ID, "d.tar.gz", "half");
			s->has_no_if_absent = without == 1;
			s->fail_at = n;
			code = claim(w, &s->base, "over-2");
			is_over = s->ops < n;
			assert_int_equal(code == ERR_NONE, is_over);
			s->fail_at = 0;
			assert_int_equal(claim(w, &s->base, "over-3"),
			    ERR_NONE);
			check_held(w, "over-3");
			store_close(&s->base);
			assert_true(n < 50);
		}
	assert_true(n > 9);
}

/* Two runs at once: one has it, whether or not a put can be conditional, and
 * whether or not they know of each other. */
static void
test_race(void **state)
{
	struct world *w = *state;
	unsigned i;

	for (i = 0; i < 8; i++) {
		struct store *other = w_fs_open(w, "other", w->dir);
		struct scripted *s = sc_open(w, w->store),
				*t = sc_open(w,
				    (i & 2) != 0 ? other : w->store);
		struct waited a = { 0 }, b = { 0 };

		s->has_no_if_absent = t->has_no_if_absent = (i & 1) != 0;
		if ((i & 4) != 0 && (i & 2) == 0) {
			plant_claim(w, ID, ".claim", "inst", "over-1");
			plant_in(w, ID, "d.tar.gz", "half");
		}
		catalog_claim_id(w->env, &s->base, ID, "inst", "run-1",
		    is_final, NULL, w_on_done, &a);
		catalog_claim_id(w->env, &t->base, ID,
		    (i & 2) != 0 ? "inst-2" : "inst", "run-2", is_final, NULL,
		    w_on_done, &b);
		while (a.answers == 0 || b.answers == 0)
			(void)uv_run(&w->loop, UV_RUN_ONCE);
		/* Never both; where they meet on equal terms maybe neither. */
		assert_false(a.err.code == ERR_NONE && b.err.code == ERR_NONE);
		if ((i & 1) == 0)
			assert_true(a.err.code == ERR_NONE ||
			    b.err.code == ERR_NONE);
		forget(w);
		store_close(&s->base);
		store_close(&t->base);
		store_close(other);
	}
}

static void
on_held(void *arg, struct hold *h, const struct err *e)
{
	(void)e;
	*(struct hold **)arg = h;
}

/* What is held by another is neither removed nor collected nor claimed. */
static void
test_hold(void **state)
{
	struct world *w = *state;
	struct hold *h = hold_take(w->store, ID, "run-1"), *same, *other;
	struct waited a = { 0 };
	struct listed l = { 0 };

	assert_non_null(h);
	assert_null(hold_take(w->store, ID, "run-2"));
	assert_null(hold_take(w->store, ID, NULL));
	assert_non_null(same = hold_take(w->store, ID, "run-1"));
	assert_non_null(other = hold_take(w->store, ID "-2", "run-2"));
	hold_free(same);
	hold_free(other);
	plant_claim(w, ID, ".claim", "inst", "over-1");
	catalog_remove(w->store, ID, w_on_done, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_BUSY);
	catalog_collect(w->env, w->store, "inst", is_final, 1000, on_listed,
	    &l);
	json_decref(wait_list(w, &l));
	assert_true(w_exists(w, ID "/.claim"));
	/* Who waits for it gets it when it is let go. */
	other = NULL;
	hold_wait(w->env, w->store, ID, "run-2", on_held, &other);
	(void)uv_run(&w->loop, UV_RUN_ONCE);
	(void)uv_run(&w->loop, UV_RUN_ONCE);
	assert_null(other);
	hold_free(h);
	while (other == NULL)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	hold_free(other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_free_id),
		T(test_leftovers),
		T(test_refused),
		T(test_faults),
		T(test_race),
		T(test_hold),
	};

	return cmocka_run_group_tests_name("claim_id", tests, NULL, NULL);
}
