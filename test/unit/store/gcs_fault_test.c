/*
 * gcs_fault_test.c - the store for Google Cloud Storage when things go wrong:
 * refusals, spoilt bytes, sessions that are gone, puts that are given up.
 */
#include "unit/store/gcs_world.h"

/* Run for so long; what was started goes on. */
static void
gw_rest(struct gw *g, int64_t ms)
{
	int64_t end = env_mono_ms(g->w.env) + ms;

	while (env_mono_ms(g->w.env) < end) {
		(void)uv_run(&g->w.loop, UV_RUN_NOWAIT);
		(void)usleep(1000);
	}
}

/* --- Sessions. */

static void
test_session_lost(void **state)
{
	struct gw *g = *state;
	struct gw_put p;

	gw_faults(g, "[{\"what\": \"part\", \"skip\": 1, \"lose\": true}]");
	assert_int_equal(gw_put(g, &p, g->w.store, "a", 16 * MIB), ERR_NETWORK);
	assert_non_null(strstr(p.a.err.msg, "session is gone"));
	assert_null(strstr(p.a.err.msg, "upload_id"));
	assert_int_equal(w_stat(&g->w, g->w.store, "a"), ERR_NOT_FOUND);
	/* Sent again it is there: what failed leaves nothing in the way. */
	assert_int_equal(gw_put(g, &p, g->w.store, "a", 16 * MIB), ERR_NONE);
}

static void
test_session_stuck(void **state)
{
	struct gw *g = *state;
	struct store *s = gw_open(g,
	    json_pack("{s:I}", "retry_for", (json_int_t)1000));
	struct gw_put p;

	gw_faults(g, "[{\"what\": \"part\", \"times\": 1000000, \"keep\": 0}]");
	assert_int_equal(gw_put(g, &p, s, "a", 12 * MIB), ERR_BUSY);
	assert_non_null(strstr(p.a.err.msg, "takes no more"));
	assert_int_equal(gw_sessions(g), 0);
	gw_faults(g,
	    "[{\"what\": \"part\", \"times\": 1000000, \"reset_at\": 1}]");
	assert_true(err_is_transient(gw_put(g, &p, s, "a", 12 * MIB)));
	assert_int_equal(gw_sessions(g), 0);
	gw_faults(g, "[]");
	assert_int_equal(w_stat(&g->w, s, "a"), ERR_NOT_FOUND);
	store_close(s);
}

/* What a session's id is in is not told further. */
static void
test_session_secret(void **state)
{
	struct gw *g = *state;
	struct gw_put p;
	const char *id;

	gw_faults(g,
	    "[{\"what\": \"part\", \"status\": 400, \"reason\": \"bad\","
	    " \"message\": \"wrong is <%ID> here\"}]");
	assert_int_equal(gw_put(g, &p, g->w.store, "a", 12 * MIB),
	    ERR_PROTOCOL);
	id = strstr(p.a.err.msg, "wrong is <");
	assert_non_null(id);
	id += strlen("wrong is <");
	assert_true(strspn(id, "*") > 16);
	assert_int_equal(id[strspn(id, "*")], '>');
	assert_non_null(strstr(p.a.err.msg, "bad"));
	gw_faults(g,
	    "[{\"what\": \"part\", \"status\": 400, \"reason\": \"bad\","
	    " \"message\": \"wrong is something else\"}]");
	assert_int_equal(gw_put(g, &p, g->w.store, "a", 12 * MIB),
	    ERR_PROTOCOL);
	assert_non_null(strstr(p.a.err.msg, "wrong is something else"));
}

static char *
uri_of(const char *url, const char *location, struct err *e)
{
	struct gcs g = { .cloud.url = (char *)url,
		.cloud.base.name = (char *)"gcs",
		.is_custom = strcmp(url, GCS_ENDPOINT) != 0 };
	char *headers = xasprintf("HTTP/1.1 200 OK\r\n%s%s\r\n\r\n",
	    location[0] == '\0' ? "X: y" : "Location: ", location);
	struct http_answer a = { 200, "", 0, headers };
	char *uri;

	err_clear(e);
	uri = gcs_session_uri(&g, &a, e);
	free(headers);
	return uri;
}

static void
test_session_uri(void **state)
{
	static const char *const wrong[] = { "", "/upload?upload_id=secret",
		"http://storage.googleapis.com/u",
		"https://storage.googleapis.com.example.org/u",
		"https://storage.googleapis.com:1@example.org/u",
		"https://example.org/storage.googleapis.com",
		"https://evilgoogleapis.com/u" };
	static const char *const right[] = {
		"https://storage.googleapis.com/u?upload_id=x",
		"https://www.googleapis.com/u?upload_id=x",
		"https://storage.us-east1.rep.googleapis.com/u"
	};
	struct err e = ERR_INIT;
	size_t i;
	char *uri;

	(void)state;
	for (i = 0; i < COUNT_OF(wrong); i++) {
		assert_null(uri_of(GCS_ENDPOINT, wrong[i], &e));
		assert_int_equal(e.code, ERR_PROTOCOL);
		assert_null(strstr(e.msg, "secret"));
	}
	for (i = 0; i < COUNT_OF(right); i++) {
		uri = uri_of(GCS_ENDPOINT, right[i], &e);
		assert_non_null(uri);
		assert_string_equal(uri, right[i]);
		free(uri);
	}
	uri = uri_of("http://127.0.0.1:99", "https://0.0.0.0:1/u/v?upload_id=x",
	    &e);
	assert_string_equal(uri, "http://127.0.0.1:99/u/v?upload_id=x");
	free(uri);
}

/* --- Bytes that are not what was sent. */

static void
test_refused_digest(void **state)
{
	struct gw *g = *state;
	struct gw_put p;

	gw_faults(g, "[{\"what\": \"put\", \"flip\": true}]");
	assert_int_equal(w_put(&g->w, g->w.store, "a", "text"), ERR_CORRUPT);
	gw_faults(g, "[{\"what\": \"part\", \"flip\": true}]");
	assert_int_equal(gw_put(g, &p, g->w.store, "a", 12 * MIB), ERR_CORRUPT);
	/* The store refused it: it was never there. */
	gw_asked(g, "part 400 bytes 10485760-12582911/12582912\n");
	assert_int_equal(gw_sessions(g), 0);
	assert_string_equal(w_list(&g->w, g->w.store, "", true), "");
}

/* A store that does not look: then we do, and it does not stay. */
static void
test_spoilt_in_store(void **state)
{
	struct gw *g = *state;
	struct waited a = { 0 };
	struct gw_put p;

	gw_faults(g, "[{\"what\": \"put\", \"flip\": true, \"blind\": true}]");
	assert_int_equal(w_put(&g->w, g->w.store, "a", "text"), ERR_CORRUPT);
	gw_asked(g, "put 200\ndelete 204\n");
	gw_faults(g,
	    "[{\"what\": \"part\", \"flip\": true},"
	    " {\"what\": \"part\", \"skip\": 1, \"blind\": true}]");
	assert_int_equal(gw_put(g, &p, g->w.store, "a", 12 * MIB), ERR_CORRUPT);
	gw_asked(g, "delete 204\n");
	assert_string_equal(w_list(&g->w, g->w.store, "", true), "");
	gw_faults(g,
	    "[{\"what\": \"put\", \"flip\": true, \"blind\": true},"
	    " {\"what\": \"delete\", \"status\": 403}]");
	store_put_bytes(g->w.store, "a", "text", 4, false, w_on_put, &a);
	w_wait(&g->w, &a);
	assert_int_equal(a.err.code, ERR_CORRUPT);
	assert_non_null(strstr(a.err.msg, "could not be removed"));
}

static void
test_cut_download(void **state)
{
	struct gw *g = *state;
	struct gw_put p;
	struct gw_get r;

	assert_int_equal(gw_put(g, &p, g->w.store, "a", 12 * MIB), ERR_NONE);
	gw_faults(g,
	    "[{\"what\": \"get\", \"cut\": 1000000},"
	    " {\"what\": \"get\", \"status\": 503},"
	    " {\"what\": \"get\", \"reset\": true},"
	    " {\"what\": \"get\", \"cut\": 1}]");
	assert_int_equal(gw_get(g, &r, g->w.store, "a"), ERR_NONE);
	assert_int_equal(r.size, 12 * MIB);
	assert_int_equal(r.crc, p.crc);
	(void)gw_log(g);
}

/* --- Answers that are no, not now, or none. */

static void
test_refusals(void **state)
{
	static const struct {
		const char *fault;
		enum err_code code;
		const char *log;
	} rows[] = {
		{ "\"status\": 403, \"reason\": \"forbidden\"", ERR_PERMISSION,
		    "put 403\n" },
		{ "\"status\": 403, \"reason\": \"rateLimitExceeded\"",
		    ERR_NONE, "put 403\nput 200\n" },
		{ "\"status\": 429, \"headers\": {\"Retry-After\": \"1\"}",
		    ERR_NONE, "put 429\nput 200\n" },
		{ "\"status\": 503", ERR_NONE, "put 503\nput 200\n" },
		{ "\"status\": 500, \"times\": 2", ERR_NONE,
		    "put 500\nput 500\nput 200\n" },
		{ "\"status\": 408", ERR_NONE, "put 408\nput 200\n" },
		{ "\"status\": 401, \"times\": 2", ERR_AUTH,
		    "put 401\nput 401\n" },
		{ "\"status\": 413", ERR_LIMIT, "put 413\n" },
		{ "\"status\": 418", ERR_PROTOCOL, "put 418\n" },
		{ "\"status\": 308", ERR_PROTOCOL, "put 308\n" },
		{ "\"status\": 200", ERR_PROTOCOL, "put 200\n" },
		{ "\"no_answer\": true", ERR_NONE, "put 200\nput 200\n" },
		{ "\"reset\": true", ERR_NONE, "put 0\nput 200\n" },
	};
	struct gw *g = *state;
	char text[200];
	size_t i;

	for (i = 0; i < COUNT_OF(rows); i++) {
		(void)snprintf(text, sizeof(text), "[{\"what\": \"put\", %s}]",
		    rows[i].fault);
		gw_faults(g, text);
		assert_int_equal(w_put(&g->w, g->w.store, "a", "text"),
		    rows[i].code);
		assert_string_equal(gw_log(g), rows[i].log);
	}
}

/* It may have taken effect: who asked for it settles that, nobody else. */
static void
test_conditional_once(void **state)
{
	struct gw *g = *state;

	gw_faults(g, "[{\"what\": \"put\", \"no_answer\": true}]");
	assert_int_equal(w_put_if(&g->w, g->w.store, "a", "one", true),
	    ERR_NETWORK);
	assert_string_equal(gw_log(g), "put 200\n");
	assert_string_equal(w_get(&g->w, g->w.store, "a"), "one");
	gw_faults(g, "[{\"what\": \"put\", \"status\": 500}]");
	assert_int_equal(w_put_if(&g->w, g->w.store, "b", "one", true),
	    ERR_NETWORK);
	assert_string_equal(gw_log(g), "put 500\n");
	gw_faults(g, "[{\"what\": \"put\", \"status\": 503}]");
	assert_int_equal(w_put_if(&g->w, g->w.store, "b", "one", true),
	    ERR_NONE);
	assert_string_equal(gw_log(g), "put 503\nput 200\n");
}

/* --- Given up. */

static void
test_abort(void **state)
{
	static const size_t sizes[] = { 0, 1000, 5 * MIB, 5 * MIB + 1,
		9 * MIB };
	struct gw *g = *state;
	struct gw_put p;
	size_t i, ms;

	for (i = 0; i < COUNT_OF(sizes); i++)
		for (ms = 0; ms < 30; ms += 10) {
			gw_put_open(g, &p, g->w.store, "a");
			assert_true(gw_write(g, &p, sizes[i]));
			gw_rest(g, (int64_t)ms);
			store_put_abort(p.put);
		}
	gw_rest(g, 300);
	assert_int_equal(gw_sessions(g), 0);
	assert_string_equal(w_list(&g->w, g->w.store, "", true), "");
}

/* While a piece that failed waits for its next try. */
static void
test_abort_waiting(void **state)
{
	struct gw *g = *state;
	struct gw_put p;
	int i;

	gw_faults(g, "[{\"what\": \"part\", \"times\": 1000000, \"keep\": 0}]");
	gw_put_open(g, &p, g->w.store, "a");
	assert_true(gw_write(g, &p, 6 * MIB));
	gw_rest(g, 1500);
	store_put_abort(p.put);
	/* Its pause may have to end first. */
	for (i = 0; i < 90 && gw_sessions(g) > 0; i++)
		gw_rest(g, 100);
	assert_int_equal(gw_sessions(g), 0);
	gw_faults(g, "[]");
	assert_string_equal(w_list(&g->w, g->w.store, "", true), "");
}

/* The object was made, but nobody heard of it: it does not stay. */
static void
test_late_end(void **state)
{
	struct store_put_opt opt = { -1, false, NULL, 1000 };
	struct gw *g = *state;
	struct gw_put p = { 0 };
	struct err e = ERR_INIT;

	gw_faults(g, "[{\"what\": \"part\", \"skip\": 1, \"late\": 3}]");
	p.put = store_put_open(g->w.store, "a", &opt, gw_on_ready, &p, &e);
	assert_non_null(p.put);
	assert_true(gw_write(g, &p, 10 * MIB));
	store_put_finish(p.put, w_on_put, &p.a);
	w_wait(&g->w, &p.a);
	assert_int_equal(p.a.err.code, ERR_TIMEOUT);
	gw_asked(g, "status 200 bytes */*\ndelete 204\n");
	assert_string_equal(w_list(&g->w, g->w.store, "", true), "");
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, gw_setup, gw_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_session_lost),
		TEST(test_session_stuck),
		TEST(test_session_secret),
		cmocka_unit_test(test_session_uri),
		TEST(test_refused_digest),
		TEST(test_spoilt_in_store),
		TEST(test_cut_download),
		TEST(test_refusals),
		TEST(test_conditional_once),
		TEST(test_abort),
		TEST(test_abort_waiting),
		TEST(test_late_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
