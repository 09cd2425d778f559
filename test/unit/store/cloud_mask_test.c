#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/cloud_int.h"

#define SIGNATURE "0123456789abcdef0123456789abcdef"

static void
mask(struct cloud_mask *m, const char *url, const char *header,
    const char *form)
{
	const char *const headers[] = { "Content-MD5: rL0Y20zC+Fzt72VPzMSk2A==",
		header, NULL };
	struct http_opt o = { .url = url, .headers = headers };

	cloud_mask_set(m, &o);
	if (form != NULL)
		cloud_mask_form(m, form, strlen(form));
}

static void
check(const struct cloud_mask *m, const char *text, const char *want)
{
	char line[400];

	(void)snprintf(line, sizeof(line), "%s", text);
	cloud_mask_line(m, line);
	assert_string_equal(line, want);
}

static void
test_authorization(void **state)
{
	struct cloud_mask m = { NULL, 0 };

	(void)state;
	mask(&m, "http://h/",
	    "Authorization: AWS4-HMAC-SHA256 Credential=AKID/x, "
	    "SignedHeaders=host;x-amz-content-sha256, Signature=" SIGNATURE,
	    NULL);
	check(&m, "for AKID by AWS4-HMAC-SHA256: <" SIGNATURE "> is wrong",
	    "for AKID by AWS4-HMAC-SHA256: <********************************> "
	    "is wrong");
	mask(&m, "http://h/",
	    "authorization: SharedKey acct:c2lnbmF0dXJlIQ==", NULL);
	check(&m, "acct:c2lnbmF0dXJlIQ==.", "acct:****************.");
	check(&m, SIGNATURE, SIGNATURE); /* Of the one before. */
	mask(&m, "http://h/", "Authorization: Bearer ya29.some-token-of-theirs",
	    NULL);
	check(&m, "Bearer ya29.some-token-of-theirs?",
	    "Bearer *************************?");
	mask(&m, "http://h/", "Authorization: short-one", NULL);
	check(&m, "not short-one but short", "not ********* but short");
	cloud_mask_done(&m);
	check(&m, "not short-one", "not short-one");
}

static void
test_pieces(void **state)
{
	struct cloud_mask m = { NULL, 0 };

	(void)state;
	mask(&m, "http://h/",
	    "X-Amz-Security-Token: ABCDEFGHIJKLMNOPQRSTUVWXYZ", NULL);
	/* Cut off at either end; less than a run of it says nothing. */
	check(&m, "'ABCDEFGHIJKLMNOPQ", "'*****************");
	check(&m, "HIJKLMNOPQRSTUVWXYZ'", "*******************'");
	check(&m, "ABCDEFGHIJKLMNO PQRSTUVWXYZ", "ABCDEFGHIJKLMNO PQRSTUVWXYZ");
	check(&m, "", "");
	cloud_mask_done(&m);
}

static void
test_params(void **state)
{
	struct cloud_mask m = { NULL, 0 };

	(void)state;
	mask(&m, "http://h/c?sv=2018-11-09&sig=abcdefgh%2Bijklmnop%3D&se=2030",
	    "x-other: y",
	    "grant_type=client_credentials&assertion=eyJh.eyJp.c2ln");
	check(&m, "sig=abcdefgh%2Bijklmnop%3D and abcdefgh+ijklmnop=",
	    "sig=********************** and ******************");
	check(&m, "sv=2018-11-09 client_credentials",
	    "sv=2018-11-09 client_credentials");
	check(&m, "JWT eyJh.eyJp.c2ln", "JWT **************");
	cloud_mask_done(&m);
	mask(&m, "http://h/o?upload_id=AAAA-BBBB&x", "z: y", "a&b=&assertion=");
	check(&m, "No session AAAA-BBBB", "No session *********");
	cloud_mask_done(&m);
}

static void
test_answer(void **state)
{
	struct cloud_mask m = { NULL, 0 };
	struct http_answer a = { .status = 403,
		.body = "<Error>" SIGNATURE "</Error>",
		.body_len = 47,
		.headers = "x-ms-request-id: " SIGNATURE "\r\n" };
	struct http_answer out;
	char id[64];

	(void)state;
	mask(&m, "http://h/?sig=" SIGNATURE, "x: y", NULL);
	cloud_mask_answer(&m, &a, &out);
	assert_int_equal(out.status, 403);
	assert_int_equal(out.body_len, 47);
	assert_string_equal(out.body,
	    "<Error>********************************</Error>");
	assert_true(http_header(&out, "x-ms-request-id", id, sizeof(id)));
	assert_string_equal(id, "********************************");
	cloud_mask_answer_done(&out);
	cloud_mask_done(&m);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_authorization),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_answer),
	};

	return cmocka_run_group_tests_name("cloud_mask", tests, NULL, NULL);
}
