/* s3_parts_test.c - uploads in parts: how they end, and how they do not. */
#include "unit/store/s3_world.h"

#define BIG ((size_t)12 << 20) /* Three parts. */

/* Written, and nothing else is left of it. */
static void
assert_arrived(struct world *w, const char *key)
{
	char want[160];

	(void)snprintf(want, sizeof(want),
	    "{\"objects\": {\"pre/%s\": %zu}, \"uploads\": []}", key, BIG);
	assert_string_equal(s3_state(w), want);
}

static void
assert_nothing(struct world *w)
{
	assert_string_equal(s3_state(w), "{\"objects\": {}, \"uploads\": []}");
}

static void
assert_proof(const struct waited *a)
{
	assert_int_equal(a->err.code, ERR_NONE);
	assert_int_equal(a->proof.size, BIG);
	assert_true(a->proof.is_checked);
	assert_string_equal(a->proof.kind, "etag");
	assert_string_equal(a->proof.value, a->proof.etag);
	assert_non_null(strstr(a->proof.etag, "-3"));
}

static void
test_parts(void **state)
{
	struct world *w = *state;
	struct waited a;
	const char *log;

	s3_reopen(w,
	    json_pack("{s:s,s:s}", "checksum", "crc32c", "storage_class",
		"GLACIER_IR"));
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_proof(&a);
	log = s3_log(w);
	assert_int_equal(s3_count(log, "begin"), 1);
	assert_int_equal(s3_count(log, "part"), 3);
	assert_int_equal(s3_count(log, "complete"), 1);
	assert_int_equal(s3_count(log, "put"), 0);
	assert_arrived(w, "id/big");
}

/* Parts that fail on their way are sent again, in any order. */
static void
test_parts_again(void **state)
{
	struct world *w = *state;
	struct waited a;

	s3_faults(w,
	    "[{\"op\":\"part\",\"do\":\"error:SlowDown:503\"},"
	    "{\"op\":\"part\",\"do\":\"reset\",\"skip\":1},"
	    "{\"op\":\"part\",\"do\":\"lose\",\"skip\":2},"
	    "{\"op\":\"part\",\"do\":\"error:ExpiredToken:400\","
	    "\"skip\":1},"
	    "{\"op\":\"complete\",\"do\":\"html:502\"}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_proof(&a);
	assert_arrived(w, "id/big");
}

static void
test_part_refused(void **state)
{
	struct world *w = *state;
	struct waited a;

	s3_faults(w,
	    "[{\"op\":\"part\",\"do\":\"error:AccessDenied:403\","
	    "\"skip\":1}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_int_equal(a.err.code, ERR_PERMISSION);
	assert_nothing(w);
	s3_faults(w,
	    "[{\"op\":\"part\",\"do\":\"etag:"
	    "00000000000000000000000000000000\",\"skip\":1}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_int_equal(a.err.code, ERR_CORRUPT);
	assert_nothing(w);
	/* The store says no more than that it took it. */
	s3_faults(w, "[{\"op\":\"part\",\"do\":\"mute:200\"}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_int_equal(a.err.code, ERR_PROTOCOL);
	assert_nothing(w);
}

/* 200, and then that it did not work. */
static void
test_complete_late_error(void **state)
{
	struct world *w = *state;
	struct waited a;

	s3_faults(w,
	    "[{\"op\":\"complete\",\"do\":\"late:InternalError\"},"
	    "{\"op\":\"complete\",\"do\":\"mute:200\"}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_proof(&a);
	assert_int_equal(s3_count(s3_log(w), "complete"), 3);
	assert_arrived(w, "id/big");
	assert_int_equal(w_remove(w, w->store, "id/big"), ERR_NONE);
	s3_faults(w, "[{\"op\":\"complete\",\"do\":\"late:AccessDenied\"}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_int_equal(a.err.code, ERR_PERMISSION);
	assert_nothing(w);
	s3_faults(w,
	    "[{\"op\":\"complete\",\"do\":"
	    "\"error:InvalidPart:400\"}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_int_equal(a.err.code, ERR_CORRUPT);
	assert_nothing(w);
}

/* It was done; asked again the store knows no such upload. */
static void
test_complete_lost(void **state)
{
	struct world *w = *state;
	struct waited a;
	const char *log;

	s3_faults(w, "[{\"op\":\"complete\",\"do\":\"lose\"}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_proof(&a);
	log = s3_log(w);
	assert_int_equal(s3_count(log, "complete"), 2);
	assert_int_equal(s3_count(log, "head"), 1);
	assert_arrived(w, "id/big");
	assert_int_equal(w_remove(w, w->store, "id/big"), ERR_NONE);
	/* Done, and never again a word about it. */
	s3_faults(w,
	    "[{\"op\":\"complete\",\"do\":\"lose\"},"
	    "{\"op\":\"complete\",\"do\":\"reset\",\"n\":99}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_proof(&a);
	assert_arrived(w, "id/big");
}

/* What lies there is of the same size, and another's. */
static void
test_complete_another(void **state)
{
	struct world *w = *state;
	struct waited a = { 0 };
	char *bytes = s3_bytes(BIG);

	bytes[BIG - 1] ^= 1;
	store_put_bytes(w->store, "id/big", bytes, BIG, false, w_on_put, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	s3_faults(w,
	    "[{\"op\":\"complete\",\"do\":"
	    "\"error:NoSuchUpload:404\"}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_int_equal(a.err.code, ERR_NOT_FOUND);
	/* And it is left alone. */
	assert_arrived(w, "id/big");
	free(bytes);
}

static void
test_complete_etag(void **state)
{
	struct world *w = *state;
	struct waited a;

	s3_faults(w,
	    "[{\"op\":\"complete\",\"do\":\"etag:"
	    "00000000000000000000000000000000-3\"}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_int_equal(a.err.code, ERR_CORRUPT);
	assert_nothing(w);
	/* None in the answer: the object has one. */
	s3_faults(w, "[{\"op\":\"complete\",\"do\":\"etag:\"}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_proof(&a);
	/* Of a form of its own: no digest, but a name. */
	s3_faults(w, "[{\"op\":\"complete\",\"do\":\"etag:abc-3\"}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_string_equal(a.proof.kind, "none");
	assert_string_equal(a.proof.etag, "abc-3");
	assert_true(a.proof.is_checked);
}

/* Nobody would finish what a lost answer has begun. */
static void
test_begin_lost(void **state)
{
	struct world *w = *state;
	struct waited a;
	const char *log;

	s3_faults(w,
	    "[{\"op\":\"begin\",\"do\":\"lose\"},"
	    "{\"op\":\"begin\",\"do\":\"error:InternalError:500\"}]");
	s3_put_n(w, "id/big", BIG, false, &a);
	assert_proof(&a);
	log = s3_log(w);
	assert_int_equal(s3_count(log, "begin"), 3);
	assert_int_equal(s3_count(log, "abort"), 1);
	assert_arrived(w, "id/big");
	s3_faults(w, "[{\"op\":\"begin\",\"do\":\"error:AccessDenied:403\"}]");
	s3_put_n(w, "id/bad", BIG, false, &a);
	assert_int_equal(a.err.code, ERR_PERMISSION);
	s3_faults(w, "[{\"op\":\"begin\",\"do\":\"mute:200\"}]");
	s3_put_n(w, "id/bad", BIG, false, &a);
	assert_int_equal(a.err.code, ERR_PROTOCOL);
	assert_arrived(w, "id/big");
}

/* --- Given up. */

static void
on_ready(void *arg)
{
	*(bool *)arg = true;
}

/* Write ${n} bytes, wait for what was told, give up. */
static void
give_up(struct world *w, size_t n, const char *op)
{
	struct store_put_opt opt = { .size_hint = -1 };
	bool is_ready = true;
	struct store_put *p;
	struct block *b;
	struct err e;
	unsigned tries;
	size_t at;

	p = store_put_open(w->store, "id/big", &opt, on_ready, &is_ready, &e);
	assert_non_null(p);
	for (at = 0; at < n; at += BLOCK_SIZE) {
		while (!is_ready)
			(void)uv_run(&w->loop, UV_RUN_ONCE);
		b = block_new(BLOCK_SIZE);
		b->len = BLOCK_SIZE;
		memset(b->data, 'x', b->len);
		is_ready = store_put_write(p, b);
		block_unref(b);
	}
	for (tries = 0; tries < 200 && s3_count(s3_log(w), op) == 0; tries++)
		(void)usleep(10000);
	assert_true(tries < 200);
	store_put_abort(p);
}

static bool
is_nothing(struct world *w)
{
	return strcmp(s3_state(w), "{\"objects\": {}, \"uploads\": []}") == 0;
}

static void
test_abort(void **state)
{
	struct world *w = *state;
	unsigned i;

	/* It says yes twice before it does it. */
	s3_faults(w, "[{\"op\":\"abort\",\"do\":\"keep\",\"n\":2}]");
	give_up(w, BIG, "part");
	for (i = 0; i < 400 && !is_nothing(w); i++)
		(void)usleep(10000);
	assert_nothing(w);
	assert_int_equal(s3_count(s3_log(w), "abort"), 3);
}

/* Left by others, or by a run that was killed. */
static void
plant(struct world *w, const char *key, const char *id, int age_s)
{
	char what[200];

	(void)snprintf(what, sizeof(what), "plant?key=%s&id=%s&age=%d", key, id,
	    age_s);
	(void)s3_tell(w, "PUT", what, NULL);
}

#define ID_A "20260101-040000"
#define ID_B "20260102-040000"
#define HOUR_MS (3600 * 1000)

static const char *
uploads(struct world *w)
{
	return strstr(s3_state(w), "\"uploads\"");
}

static void
test_sweep(void **state)
{
	struct world *w = *state;

	(void)s3_tell(w, "PUT", "config", "{\"page\": 1}");
	plant(w, "pre/" ID_A "/a", "u1", 7200);
	plant(w, "pre/" ID_A "/a", "u2", 60);
	plant(w, "pre/" ID_A "/b%2Bc", "u3", 7200);
	plant(w, "pre/" ID_B "/a", "u4", 7200);
	plant(w, "other/" ID_A "/a", "u5", 7200);
	assert_int_equal(w_sweep(w, w->store, ID_A "/", HOUR_MS), ERR_NONE);
	assert_string_equal(uploads(w),
	    "\"uploads\": [\"other/" ID_A "/a\", \"pre/" ID_A
	    "/a\", \"pre/" ID_B "/a\"]}");
	assert_int_equal(w_sweep(w, w->store, ID_A "/", 0), ERR_NONE);
	assert_string_equal(uploads(w),
	    "\"uploads\": [\"other/" ID_A "/a\", \"pre/" ID_B "/a\"]}");
	assert_int_equal(w_sweep(w, w->store, "bad", 0), ERR_USAGE);
}

/* Without a prefix only where nothing ever became an object. */
static void
test_sweep_all(void **state)
{
	struct world *w = *state;

	plant(w, "pre/" ID_A "/a", "u1", 7200);
	plant(w, "pre/" ID_A "/b", "u2", 7200);
	plant(w, "pre/" ID_B "/a", "u3", 7200);
	plant(w, "pre/photos/a", "u4", 7200);
	plant(w, "pre/loose", "u5", 7200);
	plant(w, "pre/20260103-040000/a", "u6", 60);
	assert_int_equal(w_put(w, w->store, ID_B "/.claim", "x"), ERR_NONE);
	(void)s3_log(w);
	assert_int_equal(w_sweep(w, w->store, "", HOUR_MS), ERR_NONE);
	assert_int_equal(s3_count(s3_log(w), "list"), 2);
	assert_string_equal(uploads(w),
	    "\"uploads\": [\"pre/" ID_B "/a\", "
	    "\"pre/20260103-040000/a\", "
	    "\"pre/loose\", \"pre/photos/a\"]}");
}

static void
test_sweep_fails(void **state)
{
	struct world *w = *state;

	plant(w, "pre/" ID_A "/a", "u1", 7200);
	plant(w, "pre/" ID_A "/b", "u2", 7200);
	s3_faults(w,
	    "[{\"op\":\"uploads\",\"do\":"
	    "\"error:AccessDenied:403\"}]");
	assert_int_equal(w_sweep(w, w->store, ID_A "/", 0), ERR_PERMISSION);
	s3_faults(w, "[{\"op\":\"uploads\",\"do\":\"html:200\"}]");
	assert_int_equal(w_sweep(w, w->store, ID_A "/", 0), ERR_PROTOCOL);
	/* One that cannot be aborted keeps no other. */
	s3_faults(w, "[{\"op\":\"abort\",\"do\":\"error:AccessDenied:403\"}]");
	assert_int_equal(w_sweep(w, w->store, ID_A "/", 0), ERR_PERMISSION);
	assert_string_equal(uploads(w), "\"uploads\": [\"pre/" ID_A "/a\"]}");
}

/* --- Lists. */

static void
test_list(void **state)
{
	struct world *w = *state;

	s3_reopen(w, json_pack("{s:s}", "path", "/a b+c%20/\xc3\xa9"));
	(void)s3_tell(w, "PUT", "config", "{\"page\": 2}");
	assert_int_equal(w_put(w, w->store, "x/1", "1"), ERR_NONE);
	assert_int_equal(w_put(w, w->store, "x/2", "22"), ERR_NONE);
	assert_int_equal(w_put(w, w->store, "x/y/3", "333"), ERR_NONE);
	assert_int_equal(w_put(w, w->store, "z", ""), ERR_NONE);
	assert_int_equal(w_put(w, w->store, "x/.claim", "1"), ERR_NONE);
	assert_string_equal(w_list(w, w->store, "", true),
	    "x/.claim 1\nx/1 1\nx/2 2\nx/y/3 3\nz 0\n");
	assert_string_equal(w_list(w, w->store, "", false), "x/ -\nz 0\n");
	assert_string_equal(w_list(w, w->store, "x/", false),
	    "x/.claim 1\nx/1 1\nx/2 2\nx/y/ -\n");
	assert_string_equal(w_list(w, w->store, "nix/", true), "");
	assert_non_null(strstr(s3_state(w), "a b+c%20/"));
}

static void
test_list_fails(void **state)
{
	static const struct {
		const char *fault, *said;
	} rows[] = {
		{ "again", "!protocol" },
		{ "html:200", "!protocol" },
		{ "mute:200", "!protocol" },
		{ "error:AccessDenied:403:-", "!not-permitted" },
		{ "error:NoSuchBucket:404", "!config" },
		{ "cut", "a/b 1\n" },
		{ "error:SlowDown:503", "a/b 1\n" },
	};
	struct world *w = *state;
	char json[128];
	size_t i;

	assert_int_equal(w_put(w, w->store, "a/b", "x"), ERR_NONE);
	for (i = 0; i < COUNT_OF(rows); i++) {
		(void)snprintf(json, sizeof(json),
		    "[{\"op\":\"list\",\"do\":\"%s\",\"n\":%d}]", rows[i].fault,
		    strcmp(rows[i].fault, "again") == 0 ? 9 : 1);
		s3_faults(w, json);
		assert_string_equal(w_list(w, w->store, "", true),
		    rows[i].said);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, s3_setup, s3_teardown)
		T(test_parts),
		T(test_parts_again),
		T(test_part_refused),
		T(test_complete_late_error),
		T(test_complete_lost),
		T(test_complete_another),
		T(test_complete_etag),
		T(test_begin_lost),
		T(test_abort),
		T(test_sweep),
		T(test_sweep_all),
		T(test_sweep_fails),
		T(test_list),
		T(test_list_fails),
#undef T
	};

	return cmocka_run_group_tests(tests, s3_server_start, s3_server_stop);
}
