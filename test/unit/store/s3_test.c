/* s3_test.c - objects in S3, and a store that goes wrong. */
#include "unit/store/s3_world.h"

#define BIG ((size_t)12 << 20)

static void
test_open_refuses(void **state)
{
	static const struct {
		const char *key, *value, *text;
	} rows[] = {
		{ "bucket", "", "no name of a bucket" },
		{ "bucket", "a/b", "no name of a bucket" },
		{ "region", "eu west", "no name of a region" },
		{ "endpoint", "ftp://x", "no http or https" },
		{ "endpoint", "https://x/path", "just scheme, host and port" },
		{ "endpoint", "https://u:p@x", "just scheme, host and port" },
		{ "checksum", "md4", "checksum 'md4'" },
	};
	struct world *w = *state;
	struct err e;
	size_t i;

	for (i = 0; i < COUNT_OF(rows); i++) {
		json_t *cfg = s3_config(w);

		json_put_str(cfg, rows[i].key, rows[i].value);
		err_clear(&e);
		json_incref(cfg);
		assert_null(s3_open_cfg(w, cfg, &e));
		assert_int_equal(e.code, ERR_CONFIG);
		assert_non_null(strstr(e.msg, rows[i].text));
		assert_non_null(strstr(e.msg, "store 's3'"));
		json_decref(cfg);
	}
}

/* --- What the store can. */

static bool
has_if_absent(struct world *w)
{
	struct store_caps caps;

	store_caps(w->store, &caps);
	assert_string_equal(caps.digest, "etag");
	assert_int_equal(caps.max_parts, 10000);
	return caps.has_if_absent;
}

static void
test_check_honours(void **state)
{
	struct world *w = *state;
	struct err e;
	const char *log;

	assert_false(has_if_absent(w));
	assert_int_equal(w_check(w, w->store, &e), ERR_NONE);
	assert_true(has_if_absent(w));
	log = s3_log(w);
	assert_int_equal(s3_count(log, "put-if"), 2);
	assert_int_equal(s3_count(log, "delete"), 1);
	assert_non_null(strstr(log, "put-if /rag/pre/.ragbackup-probe-"));
	assert_int_equal(w_check(w, w->store, &e), ERR_NONE);
	log = s3_log(w);
	assert_int_equal(s3_count(log, "list"), 1);
	assert_int_equal(s3_count(log, "put-if"), 0);
	assert_non_null(strstr(s3_state(w), "\"objects\": {}"));
}

/* An answer that was lost is no failure, and no foreign object. */
static void
test_check_lost(void **state)
{
	struct world *w = *state;
	unsigned skip;
	struct err e;

	for (skip = 0; skip < 2; skip++) {
		s3_reopen(w, json_object());
		s3_faults(w,
		    skip == 0
			? "[{\"op\":\"put-if\",\"do\":\"lose\"}]"
			: "[{\"op\":\"put-if\",\"do\":\"lose\",\"skip\":1}]");
		assert_int_equal(w_check(w, w->store, &e), ERR_NONE);
		assert_true(has_if_absent(w));
		assert_non_null(strstr(s3_state(w), "\"objects\": {}"));
	}
}

static void
test_check_lacks(void **state)
{
	struct world *w = *state;
	struct err e;

	s3_faults(w, "[{\"op\":\"put-if\",\"do\":\"ignore\",\"n\":9}]");
	assert_int_equal(w_check(w, w->store, &e), ERR_NONE);
	assert_false(has_if_absent(w));
	s3_reopen(w, json_object());
	s3_faults(w,
	    "[{\"op\":\"put-if\",\"do\":"
	    "\"error:NotImplemented:501\",\"n\":9}]");
	assert_int_equal(w_check(w, w->store, &e), ERR_NONE);
	assert_false(has_if_absent(w));
	assert_int_equal(w_put_if(w, w->store, "a/b", "x", true), ERR_PROTOCOL);
	assert_non_null(strstr(s3_state(w), "\"objects\": {}"));
}

static void
test_check_fails(void **state)
{
	struct world *w = *state;
	struct err e;

	s3_reopen(w, json_pack("{s:s}", "region", "eu-west-1"));
	assert_int_equal(w_check(w, w->store, &e), ERR_CONFIG);
	assert_non_null(strstr(e.msg, "'us-east-1', not 'eu-west-1'"));
	s3_reopen(w, json_pack("{s:s}", "bucket", "nix"));
	assert_int_equal(w_check(w, w->store, &e), ERR_CONFIG);
	assert_non_null(strstr(e.msg, "no bucket 'nix'"));
	s3_reopen(w, json_object());
	s3_faults(w,
	    "[{\"op\":\"list\",\"do\":\"header:"
	    "x-amz-bucket-region=eu-north-1\"}]");
	assert_int_equal(w_check(w, w->store, &e), ERR_NONE);
	s3_faults(w, "[{\"op\":\"list\",\"do\":\"mute:301\"}]");
	assert_int_equal(w_check(w, w->store, &e), ERR_CONFIG);
	s3_reopen(w, json_object());
	s3_faults(w,
	    "[{\"op\":\"put-if\",\"do\":\"error:AccessDenied:403:-\"}]");
	assert_int_equal(w_check(w, w->store, &e), ERR_PERMISSION);
	assert_non_null(strstr(e.msg, "probe"));
	assert_non_null(strstr(e.msg, "AccessDenied (403)"));
	assert_false(has_if_absent(w));
	/* Who may not delete still may write. */
	s3_faults(w, "[{\"op\":\"delete\",\"do\":\"error:AccessDenied:403\"}]");
	assert_int_equal(w_check(w, w->store, &e), ERR_NONE);
	assert_true(has_if_absent(w));
}

/* --- One request. */

static void
on_stat_text(void *arg, const struct store_stat *st, const struct err *e)
{
	struct waited *a = arg;

	if (st != NULL)
		buf_addf(&a->text, "%s %lld %s %s %s", st->key,
		    (long long)st->size, st->kind == NULL ? "-" : st->kind,
		    st->value == NULL ? "-" : st->value,
		    st->etag == NULL ? "-" : st->etag);
	if (st != NULL &&
	    llabs((long long)(st->mtime_ms / 1000 - time(NULL))) > 100)
		buf_adds(&a->text, " at another time");
	w_on_done(arg, e);
}

static void
assert_stat(struct world *w, const char *key, const char *want)
{
	struct waited a = { 0 };

	store_stat(w->store, key, on_stat_text, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_string_equal(buf_str(&a.text), want);
	buf_done(&a.text);
}

#define MD5_X "9dd4e461268c8034f5c8564e155c67a6"

static void
test_put(void **state)
{
	struct world *w = *state;
	struct waited a = { 0 };

	store_put_bytes(w->store, "id/x", "x", 1, false, w_on_put, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_int_equal(a.proof.size, 1);
	assert_string_equal(a.proof.kind, "etag");
	assert_string_equal(a.proof.value, MD5_X);
	assert_string_equal(a.proof.etag, MD5_X);
	assert_true(a.proof.is_checked);
	assert_stat(w, "id/x", "id/x 1 etag " MD5_X " " MD5_X);
	assert_int_equal(w_put(w, w->store, "id/empty", ""), ERR_NONE);
	assert_string_equal(w_get(w, w->store, "id/empty"), "");
	assert_string_equal(w_get(w, w->store, "id/x"), "x");
	assert_string_equal(w_get(w, w->store, "id/y"), "!not-found");
	assert_int_equal(w_stat(w, w->store, "id/y"), ERR_NOT_FOUND);
	assert_int_equal(w_remove(w, w->store, "id/x"), ERR_NONE);
	assert_int_equal(w_remove(w, w->store, "id/x"), ERR_NONE);
	assert_int_equal(w_remove(w, w->store, "../x"), ERR_USAGE);
	assert_int_equal(w_stat(w, w->store, ""), ERR_USAGE);
	assert_string_equal(w_list(w, w->store, "id", true), "!usage");
}

static void
test_put_if_absent(void **state)
{
	static const char *const refusals[] = { "mute:304", "mute:409",
		"error:Whatever:409", "mute:412" };
	struct world *w = *state;
	char json[128];
	size_t i;

	assert_int_equal(w_put_if(w, w->store, "a/b", "1", true), ERR_NONE);
	assert_int_equal(w_put_if(w, w->store, "a/b", "2", true), ERR_CONFLICT);
	assert_string_equal(w_get(w, w->store, "a/b"), "1");
	for (i = 0; i < COUNT_OF(refusals); i++) {
		(void)snprintf(json, sizeof(json),
		    "[{\"op\":\"put-if\",\"do\":\"%s\"}]", refusals[i]);
		s3_faults(w, json);
		assert_int_equal(w_put_if(w, w->store, "a/c", "2", true),
		    ERR_CONFLICT);
	}
	/* Two at once, and nobody has won yet: again. */
	s3_faults(w,
	    "[{\"op\":\"put-if\",\"n\":2,\"do\":"
	    "\"error:ConditionalRequestConflict:409\"}]");
	assert_int_equal(w_put_if(w, w->store, "a/c", "3", true), ERR_NONE);
	/* Whether it was written is not known: no second try. */
	(void)s3_log(w);
	s3_faults(w, "[{\"op\":\"put-if\",\"do\":\"lose\"}]");
	assert_int_equal(w_put_if(w, w->store, "a/d", "4", true), ERR_NETWORK);
	assert_int_equal(s3_count(s3_log(w), "put-if"), 1);
}

static void
test_wrong_etag(void **state)
{
	static const char other[] = "00000000000000000000000000000000";
	struct world *w = *state;
	struct waited a;

	s3_faults(w,
	    "[{\"op\":\"put\",\"do\":"
	    "\"etag:\\\"00000000000000000000000000000000\\\"\"}]");
	s3_put_n(w, "a/b", 1000, false, &a);
	assert_int_equal(a.err.code, ERR_CORRUPT);
	assert_int_equal(w_stat(w, w->store, "a/b"), ERR_NOT_FOUND);
	/* No MD5 at all, or not of what was sent. */
	s3_faults(w, "[{\"op\":\"put\",\"do\":\"etag:\\\"v1/abc\\\"\"}]");
	s3_put_n(w, "a/b", 1000, false, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_string_equal(a.proof.kind, "none");
	assert_string_equal(a.proof.etag, "v1/abc");
	assert_true(a.proof.is_checked);
	s3_faults(w,
	    "[{\"op\":\"put\",\"do\":\"header:"
	    "x-amz-server-side-encryption=aws#kms:"
	    "ETag=00000000000000000000000000000000\"}]");
	s3_put_n(w, "a/b", 1000, false, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_string_equal(a.proof.kind, "none");
	assert_string_equal(a.proof.etag, other);
}

static void
test_kept_how(void **state)
{
	struct world *w = *state;
	struct waited a;

	s3_reopen(w,
	    json_pack("{s:s,s:s,s:s,s:s}", "storage_class", "STANDARD_IA",
		"sse", "aws:kms", "sse_kms_key_id", "alias/k", "checksum",
		"crc32c"));
	s3_put_n(w, "a/b", 9, false, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_non_null(strstr(s3_tell(w, "GET", "sent?key=pre/a/b", NULL),
	    "x-amz-storage-class: STANDARD_IA\n"));
	assert_non_null(strstr(s3_said,
	    "x-amz-server-side-encryption: aws:kms\n"));
	assert_non_null(strstr(s3_said,
	    "x-amz-server-side-encryption-aws-kms-key-id: alias/k\n"));
	assert_non_null(strstr(s3_said, "x-amz-checksum-crc32c: "));
	s3_reopen(w, json_pack("{s:s}", "checksum", "sha256"));
	assert_int_equal(w_put(w, w->store, "a/c", "x"), ERR_NONE);
	assert_non_null(strstr(s3_tell(w, "GET", "sent?key=pre/a/c", NULL),
	    "x-amz-checksum-sha256: "
	    "LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=\n"));
}

/* --- What can be tried again is, and what cannot is not. */

static void
test_tries_again(void **state)
{
	static const char *const faults[] = { "error:SlowDown:503",
		"error:InternalError:500:-", "html:502", "mute:429", "reset",
		"lose", "error:RequestTimeout:400", "error:BadDigest:400",
		"error:OperationAborted:409", "error:ExpiredToken:400",
		"error:InvalidAccessKeyId:403", "mute:403",
		"error:SignatureDoesNotMatch:403" };
	struct world *w = *state;
	char json[128], key[32];
	size_t i;

	for (i = 0; i < COUNT_OF(faults); i++) {
		(void)snprintf(json, sizeof(json),
		    "[{\"op\":\"put\",\"do\":\"%s\"}]", faults[i]);
		s3_faults(w, json);
		(void)snprintf(key, sizeof(key), "again/%zu", i);
		assert_int_equal(w_put(w, w->store, key, faults[i]), ERR_NONE);
		assert_int_equal(s3_count(s3_log(w), "put"), 2);
		assert_string_equal(w_get(w, w->store, key), faults[i]);
		(void)s3_log(w);
	}
}

static void
test_gives_up(void **state)
{
	static const struct {
		const char *fault, *text;
		enum err_code code;
		unsigned tries;
	} rows[] = {
		{ "error:AccessDenied:403:-", "AccessDenied (403)",
		    ERR_PERMISSION, 1 },
		{ "error:SignatureDoesNotMatch:403", "SignatureDoesNotMatch",
		    ERR_AUTH, 2 },
		{ "mute:403", "answered 403", ERR_PERMISSION, 2 },
		{ "error:QuotaExceeded:403", "QuotaExceeded", ERR_NO_SPACE, 1 },
		{ "error:EntityTooLarge:400", "EntityTooLarge", ERR_LIMIT, 1 },
		{ "error:Odd:400", "Odd (400): what it says", ERR_PROTOCOL, 1 },
		{ "html:405", "answered 405", ERR_PROTOCOL, 1 },
		{ "mute:307", "elsewhere", ERR_CONFIG, 1 },
		{ "error:InvalidStorageClass:400", "InvalidStorageClass",
		    ERR_CONFIG, 1 },
	};
	struct world *w = *state;
	struct waited a;
	char json[160];
	size_t i;

	for (i = 0; i < COUNT_OF(rows); i++) {
		(void)snprintf(json, sizeof(json),
		    "[{\"op\":\"put\",\"do\":\"%s\",\"n\":99}]", rows[i].fault);
		s3_faults(w, json);
		s3_put_n(w, "a/b", 10, false, &a);
		if (a.err.code != rows[i].code ||
		    strstr(a.err.msg, rows[i].text) == NULL)
			fail_msg("%s: %s: %s", rows[i].fault,
			    err_name(a.err.code), a.err.msg);
		assert_non_null(strstr(a.err.msg, "store 's3'"));
		assert_null(strstr(a.err.msg, "given-secret"));
		assert_int_equal(s3_count(s3_log(w), "put"), rows[i].tries);
	}
	s3_faults(w, "[]");
	assert_int_equal(w_stat(w, w->store, "a/b"), ERR_NOT_FOUND);
}

/* A clock an hour off: the store's is taken from then on. */
static void
test_skew(void **state)
{
	struct world *w = *state;

	s3_faults(w, "[{\"op\":\"put\",\"do\":\"date:3600\"}]");
	assert_int_equal(w_put(w, w->store, "a/b", "x"), ERR_NONE);
	assert_int_equal(s3_count(s3_log(w), "put"), 2);
	/* It agrees with ours now, and still complains: no way. */
	s3_faults(w, "[{\"op\":\"put\",\"do\":\"date:3600\",\"n\":99}]");
	assert_int_equal(w_put(w, w->store, "a/b", "x"), ERR_AUTH);
}

/* HEAD has no body to say why. */
static void
test_head_refused(void **state)
{
	struct world *w = *state;

	s3_faults(w,
	    "[{\"op\":\"head\",\"do\":\"mute:403\",\"n\":9},"
	    "{\"op\":\"get\",\"do\":\"error:InvalidAccessKeyId:403\","
	    "\"n\":9}]");
	assert_int_equal(w_stat(w, w->store, "a/b"), ERR_AUTH);
	s3_faults(w,
	    "[{\"op\":\"head\",\"do\":\"mute:403\",\"n\":9},"
	    "{\"op\":\"get\",\"do\":\"error:AccessDenied:403\"}]");
	assert_int_equal(w_stat(w, w->store, "a/b"), ERR_PERMISSION);
	/* A token that expired is 400 there. */
	assert_int_equal(w_put(w, w->store, "a/b", "x"), ERR_NONE);
	s3_faults(w, "[{\"op\":\"head\",\"do\":\"mute:400\"}]");
	assert_int_equal(w_stat(w, w->store, "a/b"), ERR_NONE);
}

static void
on_got(void *arg, struct block *b, const struct err *e)
{
	struct waited *a = arg;

	a->n = b == NULL ? 0 : b->len;
	if (b != NULL)
		buf_add(&a->text, b->data, b->len);
	block_unref(b);
	w_on_done(arg, e);
}

static void
test_get_resumes(void **state)
{
	struct world *w = *state;
	char *bytes = s3_bytes(BIG);
	struct reader *r;
	struct waited a;
	struct buf all = BUF_INIT;

	s3_put_n(w, "a/big", BIG, false, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	s3_faults(w,
	    "[{\"op\":\"get\",\"do\":\"cut\"},"
	    "{\"op\":\"get\",\"do\":\"reset\",\"skip\":2}]");
	r = store_get(w->store, "a/big", 1, -1);
	do {
		memset(&a, 0, sizeof(a));
		reader_read(r, on_got, &a);
		w_wait(w, &a);
		assert_int_equal(a.err.code, ERR_NONE);
		if (a.n > 0)
			buf_add(&all, a.text.data, a.text.len);
		buf_done(&a.text);
	} while (a.n > 0);
	reader_close(r);
	assert_int_equal(all.len, BIG - 1);
	assert_memory_equal(all.data, bytes + 1, BIG - 1);
	buf_done(&all);
	free(bytes);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, s3_setup, s3_teardown)
		T(test_open_refuses),
		T(test_check_honours),
		T(test_check_lost),
		T(test_check_lacks),
		T(test_check_fails),
		T(test_put),
		T(test_put_if_absent),
		T(test_wrong_etag),
		T(test_kept_how),
		T(test_tries_again),
		T(test_gives_up),
		T(test_skew),
		T(test_head_refused),
		T(test_get_resumes),
#undef T
	};

	return cmocka_run_group_tests(tests, s3_server_start, s3_server_stop);
}
