/* id_test.c - ids there and back, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "snapshot/id.h"

static void
test_there_and_back(void **state)
{
	char id[SNAPSHOT_ID_MAX];
	int64_t t;

	(void)state;
	snapshot_id_format(INT64_C(1776502397999), 1, id);
	assert_string_equal(id, "20260418-085317");
	assert_int_equal(snapshot_id_time(id), INT64_C(1776502397000));
	snapshot_id_format(INT64_C(1776502397000), 12, id);
	assert_string_equal(id, "20260418-085317-12");
	assert_int_equal(snapshot_id_time(id), INT64_C(1776502397000));
	for (t = 0; t < INT64_C(4102444800000); t += INT64_C(86399999999)) {
		snapshot_id_format(t, 1, id);
		assert_true(snapshot_id_is_valid(id));
		assert_int_equal(snapshot_id_time(id), t / 1000 * 1000);
	}
}

static void
test_none(void **state)
{
	static const char *const bad[] = { "", "2026", "20260418-08531",
		"20260418_085317", "20260230-000000", "20260418-246060",
		"20260418-085317-", "20260418-085317-1", "20260418-085317-0",
		"20260418-085317-02", "20260418-085317-x",
		"20260418-085317.partial", "20260418-085317-12345678901",
		"00000000-000000", "20260418-085360", "19600101-000000",
		" 20260418-085317" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(bad); i++) {
		assert_false(snapshot_id_is_valid(bad[i]));
		assert_int_equal(snapshot_id_time(bad[i]), -1);
	}
}

static void
test_order(void **state)
{
	static const char *const up[] = { "20260418-085317",
		"20260418-085317-2", "20260418-085317-9", "20260418-085317-10",
		"20260418-085318" };
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT_OF(up); i++)
		for (j = 0; j < COUNT_OF(up); j++) {
			int c = snapshot_id_compare(up[i], up[j]);

			assert_true(i < j ? c < 0 : i > j ? c > 0 : c == 0);
		}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
