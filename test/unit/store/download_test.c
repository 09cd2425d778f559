/* download_test.c - ranges of an object from a store that misbehaves. */
#include "unit/store/download_world.h"

static void
test_whole(void **state)
{
	struct world *w = *state;

	w->size = 33 * MIB + 777;
	w->delay_ms = 1;
	assert_int_equal(w_get(w, 0, -1), ERR_NONE);
	assert_int_equal(w->got, w->size);
	assert_int_equal(w->max_under_way, 3);
	assert_int_equal(w->calls, 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_whole),
	};

	return cmocka_run_group_tests_name("download", tests, NULL, NULL);
}
