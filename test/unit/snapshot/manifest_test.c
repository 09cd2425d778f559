/* manifest_test.c - our manifests and those of sha256sum and shasum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "snapshot/manifest.h"

#define A "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define B "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"

static struct manifest *
parse(const char *text, struct err *e)
{
	err_clear(e);
	return manifest_parse(text, strlen(text), e);
}

static void
test_round_trip(void **state)
{
	struct manifest *m = manifest_new(), *back;
	struct err e = ERR_INIT;
	char *text;

	(void)state;
	assert_int_equal(manifest_add(m, "b.tar.gz", B, &e), 0);
	assert_int_equal(manifest_add(m, "README.md", A, &e), 0);
	assert_int_equal(manifest_add(m, "sub/x.json", A, &e), 0);
	assert_int_equal(manifest_add(m, "a.tar.gz", A, &e), 0);
	assert_int_equal(manifest_add(m, "a.tar.gz", B, &e), -1);
	assert_int_equal(manifest_add(m, ".claim", B, &e), -1);
	assert_int_equal(manifest_add(m, "../x", B, &e), -1);
	assert_int_equal(manifest_add(m, MANIFEST_NAME, B, &e), -1);
	assert_int_equal(manifest_add(m, "c", "12", &e), -1);
	text = manifest_format(m);
	assert_string_equal(text,
	    A "  README.md\n" A "  a.tar.gz\n" B "  b.tar.gz\n" A
	      "  sub/x.json\n");
	assert_non_null(back = parse(text, &e));
	assert_int_equal(back->n, 4);
	assert_string_equal(manifest_find(back, "b.tar.gz")->sha256, B);
	assert_null(manifest_find(back, "b.tar"));
	free(text);
	manifest_free(back);
	manifest_free(m);
}

static void
test_accepts(void **state)
{
	static const char *const good[] = {
		A "  a\n" B "  b\n",
		A " *a\n" B " *b\n",
		A "  a\r\n" B "  b",
		B "  b\n" A "  a\n",
		"E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852"
		"B855  a\n" B "  b\n",
	};
	struct err e = ERR_INIT;
	struct manifest *m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(good); i++) {
		assert_non_null(m = parse(good[i], &e));
		assert_int_equal(m->n, 2);
		assert_string_equal(m->entries[0].name, "a");
		assert_string_equal(m->entries[0].sha256, A);
		assert_string_equal(m->entries[1].sha256, B);
		manifest_free(m);
	}
}

static void
test_refuses(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "nothing" },
		{ A "  a\n" A "  a\n", "twice" },
		{ "\\" A "  a\\nb\n", "line 1: escaped" },
		{ A "  a\nabc  b\n", "line 2" },
		{ A "  ../a\n", "not safe" },
		{ A "  /a\n", "not safe" },
		{ A "  a b\n", "not safe" },
		{ A " a\n", "line 1" },
		{ A "  \n", "line 1" },
		{ A "  .claim\n", "not safe" },
		{ "\n" A "  a\n", "line 1" },
		{ A "  MANIFEST.sha256\n", "itself" },
		{ "g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b78"
		  "52b855  a\n",
		    "SHA-256" },
	};
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(bad); i++) {
		assert_null(parse(bad[i].text, &e));
		assert_int_equal(e.code, ERR_CORRUPT);
		assert_non_null(strstr(e.msg, bad[i].why));
	}
	err_clear(&e);
	assert_null(manifest_parse(A "  a\0b\n", 69, &e));
	assert_int_equal(e.code, ERR_CORRUPT);
}

static int
run(const char *dir, const char *command)
{
	char *line = xasprintf("cd %s && { %s; } >out 2>&1", dir, command);
	int rc = system(line);

	free(line);
	return rc;
}

/* The tools of a hand restore judge ours; ours reads theirs. */
static void
test_tools(void **state)
{
	static const char *const tools[] = { "sha256sum", "shasum -a 256" };
	char dir[] = "/tmp/rb-manifest-XXXXXX", *path, *text, *line;
	struct manifest *m = manifest_new();
	struct err e = ERR_INIT;
	size_t i, len;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(run(dir,
			     "printf 123456789 >b && : >a && mkdir s && "
			     ": >s/c"),
	    0);
	assert_int_equal(manifest_add(m, "s/c", A, &e), 0);
	assert_int_equal(manifest_add(m, "b", B, &e), 0);
	assert_int_equal(manifest_add(m, "a", A, &e), 0);
	text = manifest_format(m);
	path = file_join(dir, MANIFEST_NAME);
	assert_int_equal(file_publish(path, text, strlen(text), false, &e), 0);
	free(path);
	for (i = 0; i < COUNT_OF(tools); i++) {
		line = xasprintf("command -v %s", tools[i]);
		if (run(dir, line) != 0) {
			print_message("no %s here\n", tools[i]);
			free(line);
			continue;
		}
		free(line);
		line = xasprintf("%s -c MANIFEST.sha256", tools[i]);
		assert_int_equal(run(dir, line), 0);
		free(line);
		line = xasprintf("%s -b a b s/c >theirs", tools[i]);
		assert_int_equal(run(dir, line), 0);
		free(line);
		path = file_join(dir, "theirs");
		free(text);
		assert_non_null(text = file_slurp(path, 4096, &len, &e));
		free(path);
		manifest_free(m);
		assert_non_null(m = parse(text, &e));
		assert_int_equal(m->n, 3);
		assert_string_equal(manifest_find(m, "b")->sha256, B);
	}
	free(text);
	manifest_free(m);
	assert_int_equal(file_remove_tree(dir, NULL), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_accepts),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_tools),
	};

	return cmocka_run_group_tests_name("manifest", tests, NULL, NULL);
}
