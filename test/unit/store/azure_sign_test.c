/*
 * azure_sign_test.c - SharedKey: strings to sign as Microsoft's page "Authorize
 * with Shared Key" prints them, and what that page only tells in words.
 *
 * The page prints no key.  The signatures here are of the emulator's published
 * key and were computed by another implementation (Python's hmac) from those
 * strings.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "store/azure_sign.h"

#define DATE "x-ms-date: Fri, 26 Jun 2015 23:39:12 GMT"
#define VERSION "x-ms-version: 2015-02-21"

static const char emulator_key[] =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/"
    "K1SZFPTOtr/KBHBeksoGMGw==";

struct vector {
	struct azure_message m;
	const char *path;
	const char *text;
	const char *signature;
};

static void
check_vector(struct vector *v)
{
	struct buf text = BUF_INIT;
	char key[64], out[AZURE_SIGNATURE_MAX];

	v->m.path = v->path;
	v->m.path_len = strlen(v->path);
	azure_string_to_sign(&v->m, &text);
	assert_string_equal(buf_str(&text), v->text);
	assert_int_equal(cloud_base64_decode(emulator_key, key, sizeof(key)),
	    sizeof(key));
	azure_signature(key, sizeof(key), buf_str(&text), text.len, out);
	assert_string_equal(out, v->signature);
	buf_done(&text);
}

/* "Get Container Metadata": the query comes sorted. */
static void
test_published_get(void **state)
{
	static const char *const headers[] = { VERSION, DATE, NULL };
	static const struct cloud_pair query[] = { { "restype", "container" },
		{ "timeout", "20" }, { "comp", "metadata" } };
	struct vector v = { .m = { .method = "GET",
				.account = "myaccount",
				.query = query,
				.nquery = 3,
				.headers = headers },
		.path = "/mycontainer",
		.text = "GET\n\n\n\n\n\n\n\n\n\n\n\n"
			"x-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n"
			"x-ms-version:2015-02-21\n"
			"/myaccount/mycontainer\ncomp:metadata\n"
			"restype:container\ntimeout:20",
		.signature = "1u9lui2jDxj0+fpbHjQ5m5NnastJRSYM+PSmfi8TXx4=" };

	(void)state;
	check_vector(&v);
}

/* "Create Container": a length of zero is an empty line. */
static void
test_published_put(void **state)
{
	static const char *const headers[] = { DATE, VERSION, NULL };
	static const struct cloud_pair query[] = { { "timeout", "30" },
		{ "restype", "container" } };
	struct vector v = { .m = { .method = "PUT",
				.account = "myaccount",
				.query = query,
				.nquery = 2,
				.headers = headers },
		.path = "/mycontainer",
		.text = "PUT\n\n\n\n\n\n\n\n\n\n\n\n"
			"x-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n"
			"x-ms-version:2015-02-21\n"
			"/myaccount/mycontainer\nrestype:container\n"
			"timeout:30",
		.signature = "xGXG0xDZ4LffNUrgvdRqISw8BZe4MJz8EbGZmcCE038=" };

	(void)state;
	check_vector(&v);
}

/*
 * What is only told: places are filled whatever the case and order of headers,
 * values are trimmed, an empty one stands, an account in the path comes twice,
 * the path stays encoded, query values are not and join by commas.
 */
static void
test_all_rules(void **state)
{
	static const char *const headers[] = { "X-MS-Version:  2021-12-02 ",
		"if-none-match: *", "x-ms-meta-a;",
		"Content-MD5:"
		" s5h2fVNXk7OmXfAcQUpdwg==",
		DATE, "If-Match: \"0x1\"", "x-ms-blob-type: BlockBlob",
		"User-Agent: x", NULL };
	static const struct cloud_pair query[] = { { "include", "snapshots" },
		{ "comp", "block" }, { "BlockId", "QQ+/==" },
		{ "Include", "metadata" } };
	struct vector v = { .m = { .method = "PUT",
				.account = "devstoreaccount1",
				.query = query,
				.nquery = 4,
				.headers = headers,
				.content_length = 11 },
		.path = "/devstoreaccount1/box/a%20b/%2B%25",
		.text = "PUT\n\n\n11\ns5h2fVNXk7OmXfAcQUpdwg==\n\n\n\n"
			"\"0x1\"\n*\n\n\n"
			"x-ms-blob-type:BlockBlob\n"
			"x-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\n"
			"x-ms-meta-a:\nx-ms-version:2021-12-02\n"
			"/devstoreaccount1/devstoreaccount1/box/a%20b/%2B%25\n"
			"blockid:QQ+/==\ncomp:block\n"
			"include:metadata,snapshots",
		.signature = "qeN63B8N0sRqgyUk6qcpkt/mhwmLEg9/Hu5zr8q+RJM=" };

	(void)state;
	check_vector(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_published_get),
		cmocka_unit_test(test_published_put),
		cmocka_unit_test(test_all_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
