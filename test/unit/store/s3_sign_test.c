/*
 * s3_sign_test.c - the signature, against the examples that Amazon publishes
 * for S3 ("Authenticating Requests: Using the Authorization Header"), and names
 * that are hard to write.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/s3_sign.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
/* 20130524T000000Z */
#define THEN_MS INT64_C(1369353600000)

static const struct cloud_pair base_headers[] = {
	{ "Host", "examplebucket.s3.amazonaws.com" },
	{ "x-amz-date", "20130524T000000Z" },
};

/* The signature in hex, of what stands in ${s} with the examples' keys. */
static const char *
sign(struct s3_sign s, const char *names)
{
	static struct buf out = BUF_INIT;
	char want[400];
	const char *at;

	s.now_ms = THEN_MS;
	s.key_id = "AKIAIOSFODNN7EXAMPLE";
	s.secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
	s.region = "us-east-1";
	buf_clear(&out);
	s3_sign(&s, &out);
	(void)snprintf(want, sizeof(want),
	    "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/"
	    "us-east-1/s3/aws4_request, SignedHeaders=%s, Signature=",
	    names);
	assert_true(str_has_prefix(buf_str(&out), want));
	at = buf_str(&out) + strlen(want);
	assert_int_equal(strlen(at), 64);
	return at;
}

static void
test_date(void **state)
{
	char date[S3_SIGN_DATE_MAX];

	(void)state;
	s3_sign_date(THEN_MS, date);
	assert_string_equal(date, "20130524T000000Z");
	s3_sign_date(INT64_C(1774753205999), date);
	assert_string_equal(date, "20260329T030005Z");
}

static void
test_get_object(void **state)
{
	const struct cloud_pair headers[] = { base_headers[0],
		{ "Range", "bytes=0-9" }, { "x-amz-content-sha256", EMPTY },
		base_headers[1] };

	(void)state;
	assert_string_equal(sign((struct s3_sign){ .method = "GET",
				     .path = "/test.txt",
				     .headers = headers,
				     .nheaders = COUNT_OF(headers),
				     .sha256 = EMPTY },
				"host;range;x-amz-content-sha256;x-amz-date"),
	    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

static void
test_put_object(void **state)
{
	static const char sum[] =
	    "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";
	const struct cloud_pair headers[] = { { "x-amz-storage-class",
						  "REDUCED_REDUNDANCY" },
		{ "x-amz-content-sha256", sum },
		{ "Date", "Fri, 24 May 2013 00:00:00 GMT" }, base_headers[1],
		base_headers[0] };
	struct buf path = BUF_INIT;

	(void)state;
	buf_addc(&path, '/');
	cloud_encode(&path, "test$file.text", "/");
	assert_string_equal(sign((struct s3_sign){ .method = "PUT",
				     .path = path.data,
				     .headers = headers,
				     .nheaders = COUNT_OF(headers),
				     .sha256 = sum },
				"date;host;x-amz-content-sha256;x-amz-date;"
				"x-amz-storage-class"),
	    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
	buf_done(&path);
}

static void
test_get_lifecycle(void **state)
{
	const struct cloud_pair headers[] = { base_headers[0],
		{ "x-amz-content-sha256", EMPTY }, base_headers[1] };
	const struct cloud_pair query = { "lifecycle", NULL };

	(void)state;
	assert_string_equal(sign((struct s3_sign){ .method = "GET",
				     .path = "/",
				     .query = &query,
				     .nquery = 1,
				     .headers = headers,
				     .nheaders = COUNT_OF(headers),
				     .sha256 = EMPTY },
				"host;x-amz-content-sha256;x-amz-date"),
	    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

/* Whatever the order in which they are given. */
static void
test_list_objects(void **state)
{
	const struct cloud_pair headers[] = { base_headers[1], base_headers[0],
		{ "x-amz-content-sha256", EMPTY } };
	const struct cloud_pair query[] = { { "prefix", "J" },
		{ "max-keys", "2" } };

	(void)state;
	assert_string_equal(sign((struct s3_sign){ .method = "GET",
				     .path = "/",
				     .query = query,
				     .nquery = 2,
				     .headers = headers,
				     .nheaders = COUNT_OF(headers),
				     .sha256 = EMPTY },
				"host;x-amz-content-sha256;x-amz-date"),
	    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

/*
 * Sorted by name ("prefix" is before "prefix-x", though "prefix-x=" is before
 * "prefix="), and blanks within a header's value are one.
 */
static void
test_canonical(void **state)
{
	const struct cloud_pair headers[] = { base_headers[0], base_headers[1],
		{ "x-amz-meta-note", "  a   b\t c " } };
	const struct cloud_pair same[] = { base_headers[1],
		{ "X-Amz-Meta-Note", "a b c" }, base_headers[0] };
	const struct cloud_pair query[] = { { "prefix", "a/b" },
		{ "prefix-x", "~" }, { "marker", "\xc3\xa9 +%" },
		{ "uploads", NULL } };
	const struct cloud_pair turned[] = { query[3], query[1], query[2],
		query[0] };
	char first[65];

	(void)state;
	(void)snprintf(first, sizeof(first), "%s",
	    sign((struct s3_sign){ .method = "GET",
		     .path = "/",
		     .query = query,
		     .nquery = 4,
		     .headers = headers,
		     .nheaders = COUNT_OF(headers),
		     .sha256 = EMPTY },
		"host;x-amz-date;x-amz-meta-note"));
	assert_string_equal(first,
	    sign((struct s3_sign){ .method = "GET",
		     .path = "/",
		     .query = turned,
		     .nquery = 4,
		     .headers = same,
		     .nheaders = COUNT_OF(same),
		     .sha256 = EMPTY },
		"host;x-amz-date;x-amz-meta-note"));
	assert_string_equal(first,
	    "bf699a5531923f6c1371af14dddcefd2c1774f2e3e370806d82fa62be45213f6");
}

/*
 * Paths are encoded once.  The signatures were computed by another program
 * (Python's hmac and urllib.parse.quote, as test/unit/store/s3_fake.py does).
 */
static void
test_odd_keys(void **state)
{
	char thousand[1001];
	const struct {
		const char *key;
		const char *signature;
	} rows[] = {
		{ "a b",
		    "50f6c6889fa4df3a8c46a9fa1583f0ebe53b99bb68f2720d8944499d0779ac72" },
		{ "a+b",
		    "7a0489feccf28bfb0ed5790e28bbab84f078d4264b607a41f668ac53fb4ede06" },
		{ "100%",
		    "8baca764944a7522dc7efa9bfa0b92c405f80ac49b3bedeeeef89b47b1a88c7b" },
		{ "a%20b",
		    "e8bb39063dc78287a1c9573b19e95f762f3bbcade4edf29f3916eb60d53eb317" },
		{ "\xc3\xbc"
		  "ber/\xe6\x97\xa5\xe6\x9c\xac",
		    "2f6101133cce8730369000c97bd0e1c6ccd159be306d2bc2855d321f28afb737" },
		{ "~a-b_c.d",
		    "f11661118f741c8c1e2332d47eea96f5aa56b6f670134606453d528838aa1d34" },
		{ "a//b/./c/../d",
		    "ea0a05345b64b884a2c9ba40b80e4f0b8078e27cc714f01f1b1b0c6031143091" },
		{ "key=1&x=2?y#z",
		    "d9aeaea8420b48417181c1a8f8d06ec7e27fb8b6650869d20626d598444d9f13" },
		{ NULL,
		    "b803fcba0ef158c81aba32755b2d5e6c4dd9bc0a48d930167549e07018b56ad6" },
	};
	const struct cloud_pair headers[] = { base_headers[0],
		{ "x-amz-content-sha256", EMPTY }, base_headers[1] };
	struct buf path = BUF_INIT;
	size_t i;

	(void)state;
	memset(thousand, 'k', 1000);
	thousand[1000] = '\0';
	thousand[500] = ' ';
	for (i = 0; i < COUNT_OF(rows); i++) {
		buf_clear(&path);
		buf_addc(&path, '/');
		cloud_encode(&path,
		    rows[i].key == NULL ? thousand : rows[i].key, "/");
		assert_string_equal(sign((struct s3_sign){ .method = "DELETE",
					     .path = path.data,
					     .headers = headers,
					     .nheaders = COUNT_OF(headers),
					     .sha256 = EMPTY },
					"host;x-amz-content-sha256;x-amz-date"),
		    rows[i].signature);
	}
	buf_done(&path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_date),
		cmocka_unit_test(test_get_object),
		cmocka_unit_test(test_put_object),
		cmocka_unit_test(test_get_lifecycle),
		cmocka_unit_test(test_list_objects),
		cmocka_unit_test(test_canonical),
		cmocka_unit_test(test_odd_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
