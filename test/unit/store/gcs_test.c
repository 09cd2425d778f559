/*
 * gcs_test.c - the store for Google Cloud Storage on a fake that is as strict
 * as the documents: whole objects, sessions, lists, odd names.
 *
 * The fake names another host in its sessions, as emulators do.
 */
#include "unit/store/gcs_world.h"

#include <zlib.h>

static void
test_round(void **state)
{
	struct gw *g = *state;
	struct store *s = g->w.store;
	struct store_caps caps;
	struct waited a = { 0 }, st = { 0 };

	store_put_bytes(s, "id/a", "123456789", 9, false, w_on_put, &a);
	w_wait(&g->w, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_int_equal(a.proof.size, 9);
	assert_string_equal(a.proof.kind, "crc32c");
	assert_string_equal(a.proof.value, "e3069283");
	assert_true(a.proof.is_checked);
	store_stat(s, "id/a", w_on_stat, &st);
	w_wait(&g->w, &st);
	assert_int_equal(st.err.code, ERR_NONE);
	assert_int_equal(st.st.size, 9);
	assert_string_equal(w_get(&g->w, s, "id/a"), "123456789");
	assert_string_equal(w_list(&g->w, s, "", true), "id/a 9\n");
	assert_int_equal(w_remove(&g->w, s, "id/a"), ERR_NONE);
	assert_int_equal(w_remove(&g->w, s, "id/a"), ERR_NONE);
	assert_int_equal(w_stat(&g->w, s, "id/a"), ERR_NOT_FOUND);
	assert_string_equal(w_get(&g->w, s, "id/a"), "!not-found");
	store_caps(s, &caps);
	assert_true(caps.has_if_absent);
	assert_string_equal(caps.digest, "crc32c");
}

struct told {
	unsigned answers;
	char kind[16], value[32], etag[32];
	int64_t mtime_ms;
};

static void
on_told(void *arg, const struct store_stat *st, const struct err *e)
{
	struct told *t = arg;

	assert_null(e);
	t->answers++;
	(void)snprintf(t->kind, sizeof(t->kind), "%s", st->kind);
	(void)snprintf(t->value, sizeof(t->value), "%s", st->value);
	(void)snprintf(t->etag, sizeof(t->etag), "%s", st->etag);
	t->mtime_ms = st->mtime_ms;
}

/* What a stat tells later is what the proof said. */
static void
test_proof_stands(void **state)
{
	struct gw *g = *state;
	struct told t = { 0 }, u = { 0 };
	struct gw_put p;

	assert_int_equal(gw_put(g, &p, g->w.store, "a", 100000), ERR_NONE);
	store_stat(g->w.store, "a", on_told, &t);
	while (t.answers == 0)
		(void)uv_run(&g->w.loop, UV_RUN_ONCE);
	assert_string_equal(t.kind, p.a.proof.kind);
	assert_string_equal(t.value, p.a.proof.value);
	assert_string_equal(t.etag, p.a.proof.etag);
	assert_true(env_wall_ms(g->w.env) - t.mtime_ms < 60000);
	assert_true(env_wall_ms(g->w.env) - t.mtime_ms > -60000);
	assert_int_equal(gw_put(g, &p, g->w.store, "a", 100000), ERR_NONE);
	store_stat(g->w.store, "a", on_told, &u);
	while (u.answers == 0)
		(void)uv_run(&g->w.loop, UV_RUN_ONCE);
	assert_string_equal(t.value, u.value);
	assert_string_not_equal(t.etag, u.etag);
}

static void
test_conditional(void **state)
{
	struct gw *g = *state;
	struct store *s = g->w.store;

	assert_int_equal(w_put_if(&g->w, s, "id/.claim", "one", true),
	    ERR_NONE);
	assert_int_equal(w_put_if(&g->w, s, "id/.claim", "two", true),
	    ERR_CONFLICT);
	assert_string_equal(w_get(&g->w, s, "id/.claim"), "one");
	assert_int_equal(w_put(&g->w, s, "id/.claim", "three"), ERR_NONE);
	assert_string_equal(w_get(&g->w, s, "id/.claim"), "three");
	assert_int_equal(w_put_if(&g->w, s, "empty", "", true), ERR_NONE);
	assert_string_equal(w_get(&g->w, s, "empty"), "");
}

/* Put, get, and compare by size and checksum. */
static void
try_large(struct gw *g, size_t size)
{
	struct gw_put p;
	struct gw_get r;
	char hex[9];

	assert_int_equal(gw_put(g, &p, g->w.store, "large", size), ERR_NONE);
	assert_int_equal(p.a.proof.size, size);
	(void)snprintf(hex, sizeof(hex), "%08x", (unsigned)p.crc);
	assert_string_equal(p.a.proof.value, hex);
	assert_true(p.a.proof.is_checked);
	assert_int_equal(gw_get(g, &r, g->w.store, "large"), ERR_NONE);
	assert_int_equal(r.size, size);
	assert_int_equal(r.crc, p.crc);
	assert_int_equal(gw_sessions(g), 0);
}

static void
test_session(void **state)
{
	struct gw *g = *state;

	try_large(g, 5 * MIB - 1);
	assert_string_equal(gw_log(g),
	    "put 200\n"
	    "get 206 bytes=0-4194303\nget 206 bytes=4194304-5242878\n");
	gw_faults(g, "[]");
	try_large(g, 10 * MIB + 1);
	gw_asked(g,
	    "start 200\n"
	    "part 308 bytes 0-5242879/*\n"
	    "part 308 bytes 5242880-10485759/*\n"
	    "part 200 bytes 10485760-10485760/10485761\n");
	gw_faults(g, "[]");
	/* A whole number of pieces: the last one is known to be that. */
	try_large(g, 10 * MIB);
	gw_asked(g,
	    "start 200\n"
	    "part 308 bytes 0-5242879/*\n"
	    "part 200 bytes 5242880-10485759/10485760\n");
}

/* A server that never keeps all of a piece. */
static void
test_kept_less(void **state)
{
	struct gw *g = *state;

	gw_faults(g,
	    "[{\"what\": \"part\", \"keep\": 300000},"
	    " {\"what\": \"part\", \"keep\": 5000000},"
	    " {\"what\": \"part\", \"keep\": 100},"
	    " {\"what\": \"part\", \"skip\": 2, \"keep\": 262144},"
	    " {\"what\": \"part\", \"keep\": 0}]");
	try_large(g, 10 * MIB + 600000);
	gw_asked(g,
	    "start 200\n"
	    "part 308 bytes 0-5242879/*\n"
	    "part 308 bytes 262144-5242879/*\n"
	    "part 308 bytes 5242880-10485759/*\n"
	    "part 308 bytes 5242880-10485759/*\n"
	    "part 308 bytes 5242880-10485759/*\n"
	    "part 308 bytes 10485760-11085759/11085760\n"
	    "part 200 bytes 10747904-11085759/11085760\n");
}

/* All is there, but the object was not made of it: a status query does that. */
static void
test_kept_all_but_not_ended(void **state)
{
	struct gw *g = *state;

	gw_faults(g, "[{\"what\": \"part\", \"skip\": 1, \"keep\": 99999999}]");
	try_large(g, 5 * MIB + 262144);
	gw_asked(g,
	    "part 308 bytes 5242880-5505023/5505024\n"
	    "status 200 bytes */5505024\n");
}

/* Answers that are lost, connections that are cut: what is there counts. */
static void
test_lost_answers(void **state)
{
	struct gw *g = *state;

	gw_faults(g,
	    "[{\"what\": \"part\", \"no_answer\": true},"
	    " {\"what\": \"part\", \"reset_at\": 3000000},"
	    " {\"what\": \"part\", \"status\": 500},"
	    " {\"what\": \"status\", \"skip\": 1, \"times\": 2,"
	    "  \"status\": 503, \"headers\": {\"Retry-After\": \"1\"}},"
	    " {\"what\": \"part\", \"status\": 503}]");
	try_large(g, 15 * MIB);
	gw_asked(g,
	    "part 308 bytes 0-5242879/*\n"
	    "status 308 bytes */*\n"
	    "part 0 bytes 5242880-10485759/*\n"
	    "status 503 bytes */*\n"
	    "status 503 bytes */*\n"
	    "status 308 bytes */*\n"
	    "part 500 bytes 7340032-10485759/*\n"
	    "status 308 bytes */*\n"
	    "part 503 bytes 7340032-10485759/*\n"
	    "part 308 bytes 7340032-10485759/*\n"
	    "part 200 bytes 10485760-15728639/15728640\n");
}

/* The answer to the last piece: the object is there, once. */
static void
test_lost_end(void **state)
{
	struct gw *g = *state;

	gw_faults(g,
	    "[{\"what\": \"part\", \"skip\": 1, \"no_answer\": true}]");
	try_large(g, 10 * MIB);
	gw_asked(g,
	    "part 200 bytes 5242880-10485759/10485760\n"
	    "status 200 bytes */10485760\n");
}

/* --- Lists. */

static void
test_pages(void **state)
{
	struct gw *g = *state;
	struct store *s = g->w.store;
	struct buf want = BUF_INIT, folders = BUF_INIT;
	char key[32];
	int i;

	for (i = 0; i < 20; i++) {
		(void)snprintf(key, sizeof(key), "d%02d/file", i);
		assert_int_equal(w_put(&g->w, s, key, "x"), ERR_NONE);
		buf_addf(&want, "%s 1\n", key);
		buf_addf(&folders, "d%02d/ -\n", i);
	}
	buf_adds(&folders, "top 2\n");
	buf_adds(&want, "top 2\n");
	assert_int_equal(w_put(&g->w, s, "top", "xx"), ERR_NONE);
	json_decref(gw_control(g, "{\"page\": 3}"));
	assert_string_equal(w_list(&g->w, s, "", true), buf_str(&want));
	gw_faults(g,
	    "[{\"what\": \"list\", \"empty_page\": true},"
	    " {\"what\": \"list\", \"skip\": 2, \"empty_page\": true}]");
	assert_string_equal(w_list(&g->w, s, "", false), buf_str(&folders));
	assert_string_equal(w_list(&g->w, s, "d07/", false), "d07/file 1\n");
	assert_string_equal(w_list(&g->w, s, "no/", true), "");
	/* A token that leads back to itself is an error, not for ever. */
	gw_faults(g, "[{\"what\": \"list\", \"times\": 2, \"circle\": true}]");
	assert_string_equal(w_list(&g->w, s, "", true), "!protocol");
	buf_done(&want);
	buf_done(&folders);
}

/* --- Odd names, with all that could be mistaken for something else. */

static void
try_prefix(struct gw *g, const char *prefix)
{
	struct store *s = gw_open(g, json_pack("{s:s}", "path", prefix));
	struct err e = ERR_INIT;
	struct gw_put p;
	struct gw_get r;

	assert_int_equal(w_check(&g->w, s, &e), ERR_NONE);
	assert_string_equal(w_list(&g->w, s, "", true), "");
	assert_int_equal(w_put_if(&g->w, s, "id/a", "1", true), ERR_NONE);
	assert_int_equal(w_put_if(&g->w, s, "id/a", "2", true), ERR_CONFLICT);
	assert_string_equal(w_get(&g->w, s, "id/a"), "1");
	assert_int_equal(gw_put(g, &p, s, "id/b", 6 * MIB), ERR_NONE);
	assert_int_equal(gw_get(g, &r, s, "id/b"), ERR_NONE);
	assert_int_equal(r.crc, p.crc);
	assert_string_equal(w_list(&g->w, s, "", false), "id/ -\n");
	assert_string_equal(w_list(&g->w, s, "id/", true),
	    "id/a 1\nid/b 6291456\n");
	assert_int_equal(w_stat(&g->w, s, "id/a"), ERR_NONE);
	assert_int_equal(w_remove(&g->w, s, "id/a"), ERR_NONE);
	assert_int_equal(w_remove(&g->w, s, "id/b"), ERR_NONE);
	assert_string_equal(w_list(&g->w, s, "", true), "");
	store_close(s);
}

static void
test_odd_names(void **state)
{
	struct gw *g = *state;
	char longest[968]; /* With the probe's name: 1,021. */
	size_t i;

	assert_int_equal(w_put(&g->w, g->w.store, "foreign", "x"), ERR_NONE);
	try_prefix(g, "with space");
	try_prefix(g, "a+b%20c%2Fd?x=1&y#z");
	try_prefix(g, "'quote\"(*)!~@,;:=$[]\\|^`{}<>");
	try_prefix(g, "\xc3\xa6\xe6\x97\xa5\xf0\x9f\x98\x80/deep/er");
	try_prefix(g, "../up/./dot//twice");
	for (i = 0; i + 1 < sizeof(longest); i++)
		longest[i] = "abc/ +%xyz"[i % 10];
	longest[i] = '\0';
	try_prefix(g, longest);
	assert_string_equal(w_list(&g->w, g->w.store, "", true), "foreign 1\n");
}

/* --- What others put there. */

static void
on_planted(void *arg, const struct http_answer *a, const struct err *e)
{
	struct waited *w = arg;

	assert_null(e);
	assert_int_equal(a->status, 200);
	w->answers++;
}

static void
plant(struct gw *g, const char *query, const void *body, size_t n)
{
	char *url = xasprintf("http://127.0.0.1:%d/upload/storage/v1/b/" BUCKET
			      "/o?uploadType=media&%s",
	    g->port, query);
	struct http_opt o = { .method = "POST",
		.url = url,
		.body = body,
		.body_len = n };
	struct waited a = { 0 };

	(void)http_start(g->http, &o, on_planted, &a);
	w_wait(&g->w, &a);
	free(url);
}

/* It is what lies there that is read, not what a browser would see. */
static void
test_gzipped(void **state)
{
	struct gw *g = *state;
	uint8_t packed[4096];
	char text[] = "text text text text text text text text text";
	z_stream z = { .next_in = (uint8_t *)text,
		.avail_in = sizeof(text),
		.next_out = packed,
		.avail_out = sizeof(packed) };
	struct waited a = { 0 };

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8,
			     Z_DEFAULT_STRATEGY),
	    Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	assert_int_equal(deflateEnd(&z), Z_OK);
	plant(g, "name=id/packed&contentEncoding=gzip", packed, z.total_out);
	store_get_bytes(g->w.store, "id/packed", sizeof(packed), w_on_bytes,
	    &a);
	w_wait(&g->w, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_int_equal(a.text.len, z.total_out);
	assert_memory_equal(a.text.data, packed, z.total_out);
	buf_done(&a.text);
}

/* Folders that consoles make, names that are none of ours. */
static void
test_foreign(void **state)
{
	struct gw *g = *state;

	plant(g, "name=id/", "", 0);
	plant(g, "name=id/%20odd%0B", "1", 1);
	plant(g, "name=%2Froot", "1", 1);
	plant(g, "name=..%2Fup", "1", 1);
	plant(g, "name=id/good", "1", 1);
	assert_string_equal(w_list(&g->w, g->w.store, "", true), "id/good 1\n");
	assert_string_equal(w_list(&g->w, g->w.store, "", false), "id/ -\n");
	assert_string_equal(w_list(&g->w, g->w.store, "id/", false),
	    "id/good 1\n");
}

/* --- Check, sweep, the class, an emulator by its variable. */

static void
test_check(void **state)
{
	struct gw *g = *state;
	struct store_caps caps;
	struct err e = ERR_INIT;

	gw_faults(g, "[]");
	assert_int_equal(w_check(&g->w, g->w.store, &e), ERR_NONE);
	assert_string_equal(gw_log(g),
	    "list 200\nput 200\nput 412\ndelete 204\n");
	/* An answer that was lost is no failure, and no foreign object. */
	gw_faults(g, "[{\"what\": \"put\", \"no_answer\": true}]");
	assert_int_equal(w_check(&g->w, g->w.store, &e), ERR_NONE);
	assert_string_equal(gw_log(g),
	    "list 200\nput 200\nput 412\ndelete 204\n");
	/* A server that knows no preconditions is found out. */
	gw_faults(g,
	    "[{\"what\": \"put\", \"times\": 2, \"unconditional\": true}]");
	assert_int_equal(w_check(&g->w, g->w.store, &e), ERR_NONE);
	store_caps(g->w.store, &caps);
	assert_false(caps.has_if_absent);
	assert_int_equal(w_check(&g->w, g->w.store, &e), ERR_NONE);
	store_caps(g->w.store, &caps);
	assert_true(caps.has_if_absent);
	assert_string_equal(w_list(&g->w, g->w.store, "", true), "");
	assert_int_equal(w_sweep(&g->w, g->w.store, "", 0), ERR_NONE);
}

static void
test_check_refused(void **state)
{
	struct gw *g = *state;
	struct err e = ERR_INIT;
	struct store *s;

	gw_faults(g,
	    "[{\"what\": \"put\", \"status\": 403,"
	    " \"reason\": \"forbidden\"}]");
	assert_int_equal(w_check(&g->w, g->w.store, &e), ERR_PERMISSION);
	gw_faults(g,
	    "[{\"what\": \"delete\", \"status\": 403,"
	    " \"reason\": \"retentionPolicyNotMet\"}]");
	assert_int_equal(w_check(&g->w, g->w.store, &e), ERR_PERMISSION);
	assert_non_null(strstr(e.msg, "retentionPolicyNotMet"));
	s = gw_open(g, json_pack("{s:s}", "bucket", "no-such-bucket"));
	assert_int_equal(w_check(&g->w, s, &e), ERR_CONFIG);
	assert_int_equal(w_put(&g->w, s, "a", "1"), ERR_CONFIG);
	assert_string_equal(w_get(&g->w, s, "a"), "!config");
	assert_int_equal(w_stat(&g->w, s, "a"), ERR_CONFIG);
	assert_int_equal(w_remove(&g->w, s, "a"), ERR_CONFIG);
	assert_string_equal(w_list(&g->w, s, "", true), "!config");
	assert_int_equal(w_sweep(&g->w, s, "", 0), ERR_CONFIG);
	store_close(s);
}

static void
test_class(void **state)
{
	struct gw *g = *state;
	struct store *s = gw_open(g,
	    json_pack("{s:s}", "storage_class", "NEARLINE"));
	struct gw_put p;

	assert_int_equal(w_put(&g->w, s, "a", "1"), ERR_NONE);
	assert_int_equal(gw_put(g, &p, s, "b", 6 * MIB), ERR_NONE);
	store_close(s);
	s = gw_open(g, json_pack("{s:s}", "storage_class", "NOT_A_CLASS"));
	assert_int_equal(w_put(&g->w, s, "a", "1"), ERR_PROTOCOL);
	assert_int_equal(gw_put(g, &p, s, "b", 6 * MIB), ERR_PROTOCOL);
	assert_non_null(strstr(p.a.err.msg, "NOT_A_CLASS"));
	store_close(s);
}

static void
test_emulator(void **state)
{
	struct gw *g = *state;
	char *host = xasprintf("127.0.0.1:%d", g->port);
	json_t *cfg = json_pack("{s:s,s:s}", "type", "gcs", "bucket", BUCKET);
	struct store_env lent = { .env = g->w.env,
		.http = g->http,
		.pool = g->pool };
	struct err e = ERR_INIT;
	struct store *s;

	assert_int_equal(setenv("STORAGE_EMULATOR_HOST", host, 1), 0);
	s = store_open(&lent, "emulator", cfg, &e);
	assert_int_equal(unsetenv("STORAGE_EMULATOR_HOST"), 0);
	assert_non_null(s);
	assert_int_equal(w_put(&g->w, s, "a", "1"), ERR_NONE);
	assert_string_equal(w_get(&g->w, s, "a"), "1");
	store_close(s);
	json_decref(cfg);
	free(host);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, gw_setup, gw_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_round),
		TEST(test_proof_stands),
		TEST(test_conditional),
		TEST(test_session),
		TEST(test_kept_less),
		TEST(test_kept_all_but_not_ended),
		TEST(test_lost_answers),
		TEST(test_lost_end),
		TEST(test_pages),
		TEST(test_odd_names),
		TEST(test_gzipped),
		TEST(test_foreign),
		TEST(test_check),
		TEST(test_check_refused),
		TEST(test_class),
		TEST(test_emulator),
	};

	gw_words[0] = "--public-host";
	gw_words[1] = "storage.emulator.invalid:1";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
