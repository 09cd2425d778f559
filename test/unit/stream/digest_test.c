/* digest_test.c - SHA-256 of known texts, however they are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "stream/filter.h"

static const struct {
	const char *text;
	const char *hex;
} known[] = {
	{ "",
	    "e3b0c44298fc1c149afbf4c8996fb924"
	    "27ae41e4649b934ca495991b7852b855" },
	{ "abc",
	    "ba7816bf8f01cfea414140de5dae2223"
	    "b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void
test_known(void **state)
{
	char hex[STR_HEX_SHA256];
	struct digest *d;
	size_t i, cut, n;

	(void)state;
	for (i = 0; i < COUNT_OF(known); i++) {
		n = strlen(known[i].text);
		for (cut = 0; cut <= n; cut++) {
			d = digest_new();
			digest_add(d, known[i].text, cut);
			digest_add(d, known[i].text + cut, n - cut);
			digest_end(d, hex);
			assert_string_equal(hex, known[i].hex);
			assert_int_equal(digest_size(d), n);
			digest_free(d);
		}
	}
	digest_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
