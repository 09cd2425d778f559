/* cloud_text_test.c - encodings, dates and lists of stores behind HTTP. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/cloud.h"

static void
check_encode(const char *text, const char *keep, const char *want)
{
	struct buf b = BUF_INIT;

	cloud_encode(&b, text, keep);
	assert_string_equal(buf_str(&b), want);
	buf_done(&b);
}

static void
test_encode(void **state)
{
	(void)state;
	check_encode("", "/", "");
	check_encode("AZaz09-._~", "", "AZaz09-._~");
	check_encode("a b+c%d/e", "", "a%20b%2Bc%25d%2Fe");
	check_encode("a b+c%d/e", "/", "a%20b%2Bc%25d/e");
	check_encode("\xc3\xa6\xe2\x82\xac\xf0\x9f\x98\x80", "/",
	    "%C3%A6%E2%82%AC%F0%9F%98%80");
	check_encode("?&=#;:@!$'()*,\x7f\x01", "",
	    "%3F%26%3D%23%3B%3A%40%21%24%27%28%29%2A%2C%7F%01");
}

static void
test_decode(void **state)
{
	static const char *const bad[] = { "%", "%4", "a%zz", "%4g", "a%00b",
		"%-1", "% 1" };
	char s[64];
	size_t i;

	(void)state;
	strcpy(s, "a%20b+c%2Bd%2f%C3%A6");
	assert_int_equal(cloud_decode(s), 0);
	assert_string_equal(s, "a b+c+d/\xc3\xa6");
	strcpy(s, "");
	assert_int_equal(cloud_decode(s), 0);
	assert_string_equal(s, "");
	for (i = 0; i < COUNT_OF(bad); i++) {
		strcpy(s, bad[i]);
		assert_int_equal(cloud_decode(s), -1);
	}
}

/* Every byte that a key can hold, there and back. */
static void
test_round_trip(void **state)
{
	struct buf b = BUF_INIT;
	char all[256], *back;
	int i;

	(void)state;
	for (i = 0; i < 255; i++)
		all[i] = (char)(i + 1);
	all[255] = '\0';
	cloud_encode(&b, all, "/");
	back = buf_take(&b);
	assert_int_equal(cloud_decode(back), 0);
	assert_string_equal(back, all);
	free(back);
}

static void
test_dates(void **state)
{
	static const char *const bad[] = { "", "now",
		"Fri, 27 Mar 2026 19:36:42", "Fri, 27 Mar 2026 19:36:42 CET",
		"Fri, 27 Mrz 2026 19:36:42 GMT",
		"Fri, 99 Mar 2026 19:36:42 GMT",
		"Fri, 27 Mar 2026 29:36:42 GMT",
		"Fri, 27 Mar 2026 19:36:42 GMT+1",
		"Fri, 27 Mar -026 19:36:42 GMT", "2026-03-27T19:36:42Z" };
	char text[CLOUD_DATE_MAX];
	int64_t ms = 0;
	size_t i;

	(void)state;
	cloud_date(INT64_C(1774640202000), text);
	assert_string_equal(text, "Fri, 27 Mar 2026 19:36:42 GMT");
	assert_int_equal(cloud_date_parse(text, &ms), 0);
	assert_true(ms == INT64_C(1774640202000));
	cloud_date(INT64_C(1774640202999), text);
	assert_string_equal(text, "Fri, 27 Mar 2026 19:36:42 GMT");
	cloud_date(0, text);
	assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
	cloud_date(INT64_C(951782400000), text);
	assert_string_equal(text, "Tue, 29 Feb 2000 00:00:00 GMT");
	assert_int_equal(cloud_date_parse("Tue, 9 Jul 2024 00:00:01 GMT", &ms),
	    0);
	assert_true(ms == INT64_C(1720483201000));
	for (i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(cloud_date_parse(bad[i], &ms), -1);
}

static void
test_base64(void **state)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" },
		{ "fo", "Zm8=" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
		{ "\xff\xfe\xfb", "//77" } };
	static const char *const bad[] = { "Z", "Zg",
		"Zg=", "Z===", "====", "Zg==Zg==", "Z=9v", "Zm9v\n", " Zm9v",
		"Zm-v", "Zm9v=" };
	char text[32];
	uint8_t back[32];
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT_OF(pairs); i++) {
		n = strlen(pairs[i][0]);
		cloud_base64(pairs[i][0], n, text);
		assert_string_equal(text, pairs[i][1]);
		/* Into just so much room, and refused in less. */
		memset(back, 0xaa, sizeof(back));
		assert_int_equal(cloud_base64_decode(text, back, n), n);
		assert_memory_equal(back, pairs[i][0], n);
		assert_int_equal(back[n], 0xaa);
		if (n > 0)
			assert_int_equal(cloud_base64_decode(text, back, n - 1),
			    -1);
	}
	for (i = 0; i < COUNT_OF(bad); i++)
		assert_int_equal(cloud_base64_decode(bad[i], back,
				     sizeof(back)),
		    -1);
}

/* Pages that changed between two calls, what is others', what is no key. */
static void
test_list(void **state)
{
	struct cloud_list l = { .prefix = xstrdup("pre fix/") };
	static const char *const foreign[] = { "pre fix", "pre fix/", "other/a",
		"pre fixx/a", "pre fix//a", "pre fix/../a", "pre fix/.hidden",
		"pre fix/a/", "pre fix/a b", "pre fix/a\\b",
		"pre fix/20260101-000000/.claim-", "" };
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(foreign); i++)
		cloud_list_add(&l, foreign[i], 1, 1, false);
	assert_int_equal(l.n, 0);
	cloud_list_add(&l, "pre fix/b", 1, 10, false);
	cloud_list_add(&l, "pre fix/a/2", 2, 20, false);
	cloud_list_add(&l, "pre fix/b", 3, 30, false);
	cloud_list_add(&l, "pre fix/a/1", 4, 40, false);
	cloud_list_add(&l, "pre fix/20260101-000000/.claim", 5, 50, false);
	cloud_list_add(&l, "pre fix/b", 6, 20, false);
	cloud_list_add(&l, "pre fix/f", 7, 99, false);
	cloud_list_add(&l, "pre fix/f/", 7, 0, true);
	cloud_list_sort(&l);
	assert_int_equal(l.n, 6);
	assert_string_equal(l.list[0].key, "20260101-000000/.claim");
	assert_string_equal(l.list[1].key, "a/1");
	assert_string_equal(l.list[2].key, "a/2");
	assert_string_equal(l.list[3].key, "b");
	assert_int_equal(l.list[3].size, 3);
	assert_int_equal(l.list[3].mtime_ms, 30);
	assert_string_equal(l.list[4].key, "f");
	assert_false(l.list[4].is_folder);
	assert_string_equal(l.list[5].key, "f/");
	assert_true(l.list[5].is_folder);
	cloud_list_done(&l);
	assert_int_equal(l.n, 0);
	cloud_list_sort(&l);
	cloud_list_done(&l);
}

/* Without a prefix, and enough of them to grow more than once. */
/* No store leads a list on for ever. */
static void
test_list_turn(void **state)
{
	struct cloud_list l = { .prefix = xstrdup("") };
	struct err e = ERR_INIT;
	unsigned i;

	(void)state;
	assert_int_equal(cloud_list_turn(&l, NULL, "a", &e), 0);
	assert_int_equal(cloud_list_turn(&l, "a", "b", &e), 0);
	assert_int_equal(cloud_list_turn(&l, "b", "b", &e), -1);
	assert_int_equal(e.code, ERR_PROTOCOL);
	err_clear(&e);
	for (i = 0; e.code == ERR_NONE && i < 1000000; i++)
		(void)cloud_list_turn(&l, i % 2 == 0 ? "a" : "b",
		    i % 2 == 0 ? "b" : "a", &e);
	assert_int_equal(e.code, ERR_PROTOCOL);
	assert_true(i < 100000);
	cloud_list_done(&l);
}

static void
test_list_many(void **state)
{
	struct cloud_list l = { 0 };
	char key[16];
	int i;

	(void)state;
	for (i = 0; i < 2000; i++) {
		(void)snprintf(key, sizeof(key), "k%04d", (i * 7) % 1000);
		cloud_list_add(&l, key, i, i, false);
	}
	cloud_list_sort(&l);
	assert_int_equal(l.n, 1000);
	for (i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "k%04d", i);
		assert_string_equal(l.list[i].key, key);
		assert_true(l.list[i].size >= 1000);
	}
	cloud_list_done(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_list_turn),
		cmocka_unit_test(test_list_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
