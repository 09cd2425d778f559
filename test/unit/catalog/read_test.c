/* read_test.c - what a snapshot consists of, when its store lies. */
#include "unit/catalog/snapshots.h"

#include "catalog/catalog_read.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Sizes of any store and any description: never a sum that wraps around. */
static void
test_sizes(void **state)
{
	static const struct {
		int64_t a, b;
		int64_t want; /* -1: impossible. */
	} cases[] = {
		{ 0, 0, 0 },
		{ 1, 2, 3 },
		{ INT64_MAX, 0, INT64_MAX },
		{ INT64_MAX - 1, 1, INT64_MAX },
		{ INT64_MAX, 1, -1 },
		{ INT64_MAX, INT64_MAX, -1 },
		{ 1, -1, -1 },
		{ INT64_MIN, INT64_MIN, -1 },
	};
	struct catalog_file_seen files[2] = { { (char *)(uintptr_t) "a", 0, 0 },
		{ (char *)(uintptr_t) "b", 0, 0 } };
	struct catalog_folder folder = { .files = files, .n = 2 };
	struct catalog_snapshot s = { .folder = &folder };
	struct err e;
	int64_t size;
	size_t i;

	(void)state;
	s.manifest = manifest_new();
	assert_int_equal(manifest_add(s.manifest, "a", EMPTY, NULL), 0);
	assert_int_equal(manifest_add(s.manifest, "b", EMPTY, NULL), 0);
	for (i = 0; i < COUNT_OF(cases); i++) {
		files[0].size = cases[i].a;
		files[1].size = cases[i].b;
		err_clear(&e);
		if (catalog_snapshot_size(&s, &size, &e) == -1)
			size = -1;
		assert_int_equal(size, cases[i].want);
		assert_int_equal(e.code,
		    cases[i].want == -1 ? ERR_CORRUPT : ERR_NONE);
	}
	folder.n = 1;
	files[0].size = 1;
	assert_int_equal(catalog_snapshot_size(&s, &size, &e), -1);
	assert_non_null(strstr(e.msg, "'b' is missing"));
	manifest_free(s.manifest);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests_name("read", tests, NULL, NULL);
}
