/* fs_test.c - the filesystem store on a real folder. */
#include "unit/store/world.h"

#include <utime.h>

static void
test_put_get(void **state)
{
	struct world *w = *state;
	struct stat st;
	char *path;

	assert_int_equal(w_put(w, w->store, "20260101-000000/a.txt", "one"),
	    ERR_NONE);
	assert_string_equal(w_get(w, w->store, "20260101-000000/a.txt"), "one");
	/* Replaced as a whole. */
	assert_int_equal(w_put(w, w->store, "20260101-000000/a.txt", "22"),
	    ERR_NONE);
	assert_string_equal(w_get(w, w->store, "20260101-000000/a.txt"), "22");
	assert_int_equal(w_put_if(w, w->store, "20260101-000000/a.txt", "x",
			     true),
	    ERR_CONFLICT);
	assert_string_equal(w_get(w, w->store, "20260101-000000/a.txt"), "22");
	assert_int_equal(w_put_if(w, w->store, "20260101-000000/.claim", "me",
			     true),
	    ERR_NONE);
	assert_string_equal(w_get(w, w->store, "nothing"), "!not-found");
	assert_int_equal(w_stat(w, w->store, "20260101-000000"), ERR_NOT_FOUND);
	assert_int_equal(w_stat(w, w->store, "20260101-000000/a.txt"),
	    ERR_NONE);
	assert_string_equal(w_list(w, w->store, "20260101-000000/", true),
	    "20260101-000000/.claim 2\n20260101-000000/a.txt 2\n");
	/* Nobody else reads what is saved. */
	path = file_join(w->dir, "20260101-000000");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	free(path);
	path = file_join(w->dir, "20260101-000000/a.txt");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	free(path);
}

static void
test_names(void **state)
{
	static const char *const bad[] = { "../x", "/etc/passwd", "a//b", "",
		".claim", "a/.hidden", "a/.claim/b", "a/x.rbtmp-abcdef",
		"a/.pin-", "a/b/../../../c", "a/ b" };
	static const char *const good[] = { "a/.claim", "a/.claim-01-ab",
		"a/.pin-0-1", "a/.suspect", "a/b/c", "README.md" };
	struct world *w = *state;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(w_put(w, w->store, bad[i], "x"), ERR_USAGE);
		assert_string_equal(w_get(w, w->store, bad[i]), "!usage");
		assert_int_equal(w_stat(w, w->store, bad[i]), ERR_USAGE);
		assert_int_equal(w_remove(w, w->store, bad[i]), ERR_USAGE);
	}
	for (i = 0; i < COUNT_OF(good); i++)
		assert_int_equal(store_key_check(good[i], &e), 0);
	assert_string_equal(w_list(w, w->store, "a", true), "!usage");
	assert_string_equal(w_list(w, w->store, "../", true), "!usage");
	assert_string_equal(w_list(w, w->store, "", true), "");
}

static void
test_list(void **state)
{
	struct world *w = *state;
	char *path;

	assert_int_equal(w_put(w, w->store, "b/x/deep", "1"), ERR_NONE);
	assert_int_equal(w_put(w, w->store, "a/2", "22"), ERR_NONE);
	assert_int_equal(w_put(w, w->store, "a/1", "1"), ERR_NONE);
	assert_int_equal(w_put(w, w->store, "top", "333"), ERR_NONE);
	w_plant(w, "a/3.rbtmp-Ab12Cd", "half");
	w_plant(w, "c/only.rbtmp-Ab12Cd", "half");
	path = file_join(w->dir, "empty");
	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
	assert_string_equal(w_list(w, w->store, "", false),
	    "a/ -\nb/ -\ntop 3\n");
	assert_string_equal(w_list(w, w->store, "", true),
	    "a/1 1\na/2 2\nb/x/deep 1\ntop 3\n");
	assert_string_equal(w_list(w, w->store, "a/", false), "a/1 1\na/2 2\n");
	assert_string_equal(w_list(w, w->store, "none/", false), "");
	/* The last file takes its folders along, the root stays. */
	assert_int_equal(w_remove(w, w->store, "b/x/deep"), ERR_NONE);
	assert_false(w_exists(w, "b"));
	assert_int_equal(w_remove(w, w->store, "b/x/deep"), ERR_NONE);
	assert_int_equal(w_remove(w, w->store, "top"), ERR_NONE);
	assert_int_equal(w_remove(w, w->store, "a/1"), ERR_NONE);
	assert_true(w_exists(w, "a/2"));
}

static void
test_links(void **state)
{
	struct world *w = *state;
	char outside[] = "/tmp/rb-outside-XXXXXX", *path, *file;

	assert_non_null(mkdtemp(outside));
	file = file_join(outside, "secret");
	assert_int_equal(file_publish(file, "s", 1, false, NULL), 0);
	path = file_join(w->dir, "20260101-000000");
	assert_int_equal(symlink(outside, path), 0);
	free(path);
	path = file_join(w->dir, "link");
	assert_int_equal(symlink(file, path), 0);
	free(path);
	assert_int_equal(w_put(w, w->store, "20260101-000000/x", "1"),
	    ERR_CORRUPT);
	assert_string_equal(w_get(w, w->store, "20260101-000000/secret"),
	    "!corrupt");
	assert_string_equal(w_get(w, w->store, "link"), "!corrupt");
	assert_int_equal(w_stat(w, w->store, "link"), ERR_CORRUPT);
	assert_int_equal(w_remove(w, w->store, "20260101-000000/secret"),
	    ERR_CORRUPT);
	assert_string_equal(w_list(w, w->store, "20260101-000000/", true),
	    "!corrupt");
	assert_string_equal(w_list(w, w->store, "", true), "");
	/* A link itself may go; what it points to stays. */
	assert_int_equal(w_remove(w, w->store, "link"), ERR_NONE);
	assert_int_equal(access(file, F_OK), 0);
	free(file);
	assert_int_equal(file_remove_tree(outside, NULL), 0);
}

static void
test_sweep(void **state)
{
	struct world *w = *state;
	struct utimbuf old = { 1000, 1000 };
	char *path;

	w_plant(w, "a/x.rbtmp-Ab12Cd", "old");
	w_plant(w, "a/y.rbtmp-Ab12Cd", "new");
	w_plant(w, "b/z.rbtmp-Ab12Cd", "old");
	w_plant(w, "a/keep", "k");
	path = file_join(w->dir, "a/x.rbtmp-Ab12Cd");
	assert_int_equal(utime(path, &old), 0);
	free(path);
	path = file_join(w->dir, "b/z.rbtmp-Ab12Cd");
	assert_int_equal(utime(path, &old), 0);
	free(path);
	assert_int_equal(w_sweep(w, w->store, "a/", 3600000), ERR_NONE);
	assert_false(w_exists(w, "a/x.rbtmp-Ab12Cd"));
	assert_true(w_exists(w, "a/y.rbtmp-Ab12Cd"));
	assert_true(w_exists(w, "a/keep"));
	assert_true(w_exists(w, "b/z.rbtmp-Ab12Cd"));
	assert_int_equal(w_sweep(w, w->store, "b/", 3600000), ERR_NONE);
	assert_false(w_exists(w, "b"));
	assert_int_equal(w_sweep(w, w->store, "none/", 0), ERR_NONE);
}

static void
test_check(void **state)
{
	struct world *w = *state;
	struct err e;
	struct store *s;
	char *path;

	assert_int_equal(w_check(w, w->store, &e), ERR_NONE);
	assert_string_equal(w_list(w, w->store, "", true), "");
	path = file_join(w->dir, "new");
	s = w_fs_open(w, "new", path);
	assert_int_equal(w_put(w, s, "a", "1"), ERR_MISSING);
	assert_int_equal(w_stat(w, s, "a"), ERR_MISSING);
	assert_int_equal(w_check(w, s, &e), ERR_NONE);
	assert_int_equal(w_put(w, s, "a", "1"), ERR_NONE);
	store_close(s);
	free(path);
	path = file_join(w->dir, "not/there");
	s = w_fs_open(w, "far", path);
	assert_int_equal(w_check(w, s, &e), ERR_MISSING);
	assert_non_null(strstr(e.msg, path));
	assert_false(w_exists(w, "not"));
	store_close(s);
	free(path);
	path = file_join(w->dir, "new/a");
	s = w_fs_open(w, "file", path);
	assert_int_equal(w_check(w, s, &e), ERR_CONFIG);
	store_close(s);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_put_get),
		T(test_names),
		T(test_list),
		T(test_links),
		T(test_sweep),
		T(test_check),
	};

	return cmocka_run_group_tests_name("fs", tests, NULL, NULL);
}
