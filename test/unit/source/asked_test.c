/*
 * asked_test.c - what services answer over HTTP: is indexing idle, are they
 * healthy again.  A small server here says what it is told to.
 */
#include "unit/source/fixture.h"

#include "source/idle.h"

struct server {
	uv_tcp_t tcp;
	int port;
	int status;
	const char *body[8]; /* One after another; the last one stays. */
	int asked;
	char seen[4096]; /* The last request. */
	unsigned open;
};

static struct server server;

static void
on_server_closed(uv_handle_t *h)
{
	server.open--;
	free(h);
}

static void
on_server_written(uv_write_t *w, int status)
{
	(void)status;
	uv_close((uv_handle_t *)w->handle, on_server_closed);
	free(w->data);
	free(w);
}

static void
server_answer(uv_stream_t *s)
{
	int i = server.asked++;
	const char *body;
	uv_write_t *w = xcalloc(1, sizeof(*w));
	uv_buf_t b;

	if (i >= (int)COUNT_OF(server.body))
		i = (int)COUNT_OF(server.body) - 1;
	while (i > 0 && server.body[i] == NULL)
		i--;
	body = server.body[i];
	b.base = xasprintf("HTTP/1.1 %d X\r\nContent-Length: %zu\r\n"
			   "Connection: close\r\n\r\n%s",
	    server.status, strlen(body), body);
	b.len = strlen(b.base);
	w->data = b.base;
	(void)uv_read_stop(s);
	assert_int_equal(uv_write(w, s, &b, 1, on_server_written), 0);
}

static void
on_server_alloc(uv_handle_t *h, size_t n, uv_buf_t *b)
{
	(void)h;
	(void)n;
	b->base = xmalloc(4096);
	b->len = 4095;
}

static void
on_server_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	if (n > 0) {
		b->base[n] = '\0';
		(void)snprintf(server.seen, sizeof(server.seen), "%s", b->base);
	}
	free(b->base);
	if (n > 0)
		server_answer(s);
	else if (n < 0)
		uv_close((uv_handle_t *)s, on_server_closed);
}

static void
on_server_connection(uv_stream_t *s, int status)
{
	uv_tcp_t *c = xcalloc(1, sizeof(*c));

	assert_int_equal(status, 0);
	assert_int_equal(uv_tcp_init(s->loop, c), 0);
	server.open++;
	assert_int_equal(uv_accept(s, (uv_stream_t *)c), 0);
	assert_int_equal(uv_read_start((uv_stream_t *)c, on_server_alloc,
			     on_server_read),
	    0);
}

static void
server_start(struct fixture *f)
{
	struct sockaddr_in at;
	int len = sizeof(at);

	memset(&server, 0, sizeof(server));
	server.status = 200;
	assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &at), 0);
	assert_int_equal(uv_tcp_init(&f->loop, &server.tcp), 0);
	assert_int_equal(uv_tcp_bind(&server.tcp, (struct sockaddr *)&at, 0),
	    0);
	assert_int_equal(uv_listen((uv_stream_t *)&server.tcp, 8,
			     on_server_connection),
	    0);
	assert_int_equal(uv_tcp_getsockname(&server.tcp, (struct sockaddr *)&at,
			     &len),
	    0);
	server.port = ntohs(at.sin_port);
}

static void
server_stop(void)
{
	uv_close((uv_handle_t *)&server.tcp, NULL);
}

/* ---- idle ---- */

#define BUSY "{\"busy\": true, \"job_name\": \"indexing\"}"
#define IDLE "{\"busy\": false, \"request_pending\": false}"
#define WAITS "{\"busy\": false, \"request_pending\": true}"

static enum err_code
ask_idle(struct fixture *f, const char *more, bool is_again)
{
	struct subject t;
	struct host *host;
	json_t *cfg;
	char *text;
	struct err e = ERR_INIT;
	enum err_code code;

	text = xasprintf("{\"url\": \"http://127.0.0.1:%d/\", \"wait\": 1500, "
			 "\"interval\": 100, \"workspaces\": []%s}",
	    server.port, more);
	cfg = json_parse(text, strlen(text), &e);
	assert_non_null(cfg);
	subject_init(&t, f, "{\"type\": \"directory\", \"paths\": []}", NULL,
	    NULL);
	host = host_new(f->env, "here", NULL, &e);
	assert_non_null(host);
	server.asked = 0;
	(void)idle_start(&t.senv, host, cfg, is_again, on_subject_done, &t);
	subject_wait(&t);
	code = t.err.code;
	host_free(host);
	subject_done(&t);
	json_decref(cfg);
	free(text);
	return code;
}

static void
test_idle(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	server_start(&f);
	/* Two polls must agree; a look again needs one. */
	server.body[0] = IDLE;
	assert_int_equal(ask_idle(&f, "", false), ERR_NONE);
	assert_int_equal(server.asked, 2);
	assert_non_null(strstr(server.seen, "GET /documents/pipeline_status"));
	assert_int_equal(ask_idle(&f, "", true), ERR_NONE);
	assert_int_equal(server.asked, 1);
	/* One that is busy in between counts from the start. */
	server.body[1] = BUSY;
	server.body[2] = WAITS;
	server.body[3] = IDLE;
	assert_int_equal(ask_idle(&f, "", false), ERR_NONE);
	assert_int_equal(server.asked, 5);
	/* For ever busy. */
	server.body[0] = BUSY;
	server.body[1] = server.body[2] = server.body[3] = NULL;
	assert_int_equal(ask_idle(&f, "", true), ERR_BUSY);
	/* It does not say. */
	server.body[0] = "{\"status\": \"healthy\"}";
	buf_clear(&f.warnings);
	assert_int_equal(ask_idle(&f, "", false), ERR_NONE);
	assert_non_null(strstr(buf_str(&f.warnings), "not known"));
	assert_int_equal(ask_idle(&f, ", \"when_unknown\": \"fail\"", false),
	    ERR_MISSING);
	server.status = 404;
	assert_int_equal(ask_idle(&f, ", \"when_unknown\": \"fail\"", false),
	    ERR_MISSING);
	server.status = 403;
	assert_int_equal(ask_idle(&f, "", false), ERR_AUTH);
	server_stop();
	fixture_done(&f);
}

static void
test_idle_workspaces(void **state)
{
	struct fixture f;
	struct subject t;
	struct host *host;
	struct err e = ERR_INIT;
	json_t *cfg;
	char *text;

	(void)state;
	fixture_init(&f);
	server_start(&f);
	server.body[0] = IDLE;
	shell("printf 's3cret\\n' >%s/key && chmod 600 %s/key", f.dir, f.dir);
	text =
	    xasprintf("{\"url\": \"http://127.0.0.1:%d\", \"wait\": 1500, "
		      "\"interval\": 100, \"workspaces\": [\"one\", \"two\"], "
		      "\"api_key\": {\"file\": \"%s/key\"}}",
		server.port, f.dir);
	cfg = json_parse(text, strlen(text), &e);
	assert_non_null(cfg);
	subject_init(&t, &f, "{\"type\": \"directory\", \"paths\": []}", NULL,
	    NULL);
	host = host_new(f.env, "here", NULL, &e);
	(void)idle_start(&t.senv, host, cfg, false, on_subject_done, &t);
	subject_wait(&t);
	assert_int_equal(t.err.code, ERR_NONE);
	assert_int_equal(server.asked, 4);
	assert_non_null(strstr(server.seen, "LIGHTRAG-WORKSPACE: two"));
	assert_non_null(strstr(server.seen, "X-API-Key: s3cret"));
	/* Freed while it reads the key, and while it asks: no callback. */
	idle_free(idle_start(&t.senv, host, cfg, false, on_subject_done, &t));
	/* More than one line: nothing of it goes to anybody. */
	server.asked = 0;
	shell("printf 'PORT=1\nDB_URL=http://u:pw@h/\n' >%s/key", f.dir);
	(void)idle_start(&t.senv, host, cfg, false, on_subject_done, &t);
	subject_wait(&t);
	assert_int_equal(t.err.code, ERR_CONFIG);
	assert_non_null(strstr(t.err.msg, "more than one line"));
	assert_null(strstr(t.err.msg, "PORT"));
	assert_int_equal(server.asked, 0);
	shell("chmod 644 %s/key", f.dir);
	(void)idle_start(&t.senv, host, cfg, false, on_subject_done, &t);
	subject_wait(&t);
	assert_int_not_equal(t.err.code, ERR_NONE);
	host_free(host);
	subject_done(&t);
	json_decref(cfg);
	free(text);
	server_stop();
	fixture_done(&f);
}

/* A key is not put where the host's other users see it, and that is said. */
static void
test_only_wget(void **state)
{
	struct fixture f;

	(void)state;
	fixture_init(&f);
	shell("mkdir %s/bin && printf '#!/bin/sh\necho \"$@\" >>%s/ran\n' "
	      ">%s/bin/wget && chmod +x %s/bin/wget",
	    f.dir, f.dir, f.dir, f.dir);
	shell(
	    "{ echo URL=http://127.0.0.1:1/; echo HEADERS='\"X-API-Key: k\"'; "
	    "echo WAIT=1; cat lib/source/host/ask.sh; } >%s/ask",
	    f.dir);
	shell("! PATH=%s/bin /bin/sh %s/ask 2>%s/said", f.dir, f.dir, f.dir);
	shell("grep -q 'install curl' %s/said && [ ! -e %s/ran ]", f.dir,
	    f.dir);
	shell(
	    "printf '#!/bin/sh\necho \"$@\" >%s/shown; /usr/bin/env >>%s/shown; "
	    "/bin/cat >%s/told\n' >%s/bin/python3 && chmod +x %s/bin/python3",
	    f.dir, f.dir, f.dir, f.dir, f.dir);
	shell("PATH=%s/bin /bin/sh %s/ask", f.dir, f.dir);
	shell("grep -q 'X-API-Key: k' %s/told && ! grep -q 'X-API-Key: k' "
	      "%s/shown && grep -q ^URL= %s/shown",
	    f.dir, f.dir, f.dir);
	fixture_done(&f);
}

/* ---- health ---- */

static enum err_code
probe(struct fixture *f, const char *more)
{
	struct subject t;
	char *text =
	    xasprintf("{\"type\": \"docker\", \"health\": {\"url\": "
		      "\"http://127.0.0.1:%d/health\", \"status\": 200, "
		      "\"timeout\": 600, \"interval\": 100%s}}",
		server.port, more);
	enum err_code code;

	server.asked = 0;
	subject_init(&t, f, text, NULL, NULL);
	source_probe(t.s, on_subject_probe, &t);
	subject_wait(&t);
	code = t.err.code;
	if (code == ERR_NONE) {
		assert_string_equal(t.answer,
		    server.body[0] == NULL ? ""
			: server.asked > 1 ? server.body[1]
					   : server.body[0]);
		assert_true(t.healthy_ms < 3000);
	} else {
		assert_non_null(strstr(t.err.msg, "/health"));
	}
	subject_done(&t);
	free(text);
	return code;
}

static void
test_health(void **state)
{
	struct fixture f;
	struct subject t, c;

	(void)state;
	fixture_init(&f);
	server_start(&f);
	server.body[0] = "{\"status\": \"healthy\", \"n\": 3, \"ok\": true}";
	assert_int_equal(probe(&f, ""), ERR_NONE);
	assert_int_equal(server.asked, 1);
	assert_int_equal(probe(&f,
			     ", \"json\": {\"status\": \"healthy\", "
			     "\"n\": 3, \"ok\": true}"),
	    ERR_NONE);
	assert_int_equal(probe(&f, ", \"json\": {\"status\": \"well\"}"),
	    ERR_UNHEALTHY);
	assert_true(server.asked > 2);
	assert_int_equal(probe(&f, ", \"json\": {\"absent\": \"x\"}"),
	    ERR_UNHEALTHY);
	/* From the host, by whatever asks there. */
	assert_int_equal(probe(&f, ", \"via\": \"host\""), ERR_NONE);
	server.body[1] = server.body[0];
	server.body[0] = "starting";
	assert_int_equal(probe(&f, ", \"json\": {\"n\": 3}"), ERR_NONE);
	assert_int_equal(server.asked, 2);
	server.status = 503;
	assert_int_equal(probe(&f, ""), ERR_UNHEALTHY);
	server_stop();
	/* Nothing to ask: at once; canceled: its answer, then the other's. */
	subject_init(&t, &f, "{\"type\": \"docker\"}", NULL, NULL);
	source_probe(t.s, on_subject_probe, &t);
	subject_wait(&t);
	assert_int_equal(t.err.code, ERR_NONE);
	assert_null(t.answer);
	subject_done(&t);
	subject_init(&t, &f,
	    "{\"type\": \"docker\", \"health\": {\"url\": "
	    "\"http://127.0.0.1:1/\", \"timeout\": 60000}}",
	    NULL, NULL);
	subject_init(&c, &f, "{\"type\": \"docker\"}", NULL, NULL);
	source_probe(t.s, on_subject_probe, &t);
	source_cancel(t.s, on_subject_done, &c);
	subject_wait(&t);
	assert_int_equal(t.err.code, ERR_CANCELED);
	if (!c.is_answered)
		subject_wait(&c);
	subject_done(&t);
	subject_done(&c);
	fixture_done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_idle_workspaces),
		cmocka_unit_test(test_only_wget),
		cmocka_unit_test(test_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
