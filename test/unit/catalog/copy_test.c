/* copy_test.c - a snapshot sent to another store: whole, or nothing of it. */
#include "unit/catalog/copying.h"

static void
test_copy(void **state)
{
	struct copying *c = *state;

	plant_snapshot(c->w, ID, "job", NULL);
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_NONE);
	assert_int_equal(c->phases, 31);
	assert_false(c->was_there);
	assert_true(c->bytes > 4);
	cp_check_same(c, c->w->store, c->to);
	assert_non_null(strstr(w_get(c->w, c->to, ID "/.claim"), "run-copy"));
	/* Again: it is there. */
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_NONE);
	assert_true(c->was_there);
	assert_int_equal(c->bytes, 0);
	cp_check_same(c, c->w->store, c->to);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, cp_setup, cp_teardown)
		T(test_copy),
	};

	return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
