/* upload_test.c - uploads into a store that behaves in every way. */
#include "unit/store/upload_world.h"

static void
test_one_put(void **state)
{
	struct world *w = *state;

	w->size = (1 << 20) - 7;
	w_run(w);
	w_assert_good(w);
	assert_int_equal(w->n[OP_PUT], 1);
	assert_int_equal(w->n[OP_BEGIN] + w->n[OP_PART], 0);
	assert_string_equal(w->proof.value, "proof-1048569");
	assert_true(w->proof.is_checked);
}

static void
test_parts(void **state)
{
	struct world *w = *state;

	w->size = (12 << 20) + 12345;
	w->delay_ms[OP_PART] = 8;
	w->delay_ms[OP_BEGIN] = 5;
	w_run(w);
	w_assert_good(w);
	assert_int_equal(w->n[OP_PUT], 0);
	assert_int_equal(w->n[OP_BEGIN], 1);
	assert_int_equal(w->n[OP_COMPLETE], 1);
	assert_true(w->max_under_way > 1 && w->max_under_way <= 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_one_put),
		T(test_parts),
	};

	return cmocka_run_group_tests_name("upload", tests, NULL, NULL);
}
