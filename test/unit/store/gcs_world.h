/*
 * gcs_world.h - for tests of the store for Google Cloud Storage: the fake of
 * test/services, told what to do wrong, and a store on it.
 *
 * Included by one file of each test program.
 */
#ifndef TEST_STORE_GCS_WORLD_H
#define TEST_STORE_GCS_WORLD_H

#include "unit/store/world.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/str.h"
#include "store/gcs.h"

#define BUCKET "rag-backups"
#define MIB ((size_t)1 << 20)

struct gw {
	struct world w; /* First; its store is on the fake. */
	struct http *http;
	struct work_pool *pool;
	int port, in;
	pid_t server;
	unsigned nstores;
	struct waited asked; /* Of a request past the store. */
	json_t *answer;
};

static const char *gw_words[8]; /* More options of the fake. */

UNUSED_OK static void
gw_serve(struct gw *g)
{
	const char *argv[20] = { "python3", "test/services/gcs", "serve",
		g->w.dir, "--with-stdin", "--bucket", BUCKET };
	int in[2], out[2];
	char line[64] = "";
	size_t i, n = 7;
	FILE *f;

	for (i = 0; i < COUNT_OF(gw_words) && gw_words[i] != NULL; i++)
		argv[n++] = gw_words[i];
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(out), 0);
	if ((g->server = fork()) == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)close(in[1]);
		(void)close(out[0]);
		(void)execvp("python3", (char *const *)argv);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	g->in = in[1];
	(void)fcntl(g->in, F_SETFD, FD_CLOEXEC);
	assert_non_null(f = fdopen(out[0], "r"));
	assert_non_null(fgets(line, sizeof(line), f));
	assert_int_equal(sscanf(line, "%d", &g->port), 1);
	(void)fclose(f);
}

/* Another store on the same fake; ${more} (taken, may be NULL) counts. */
UNUSED_OK static struct store *
gw_open(struct gw *g, json_t *more)
{
	struct store_env lent = { .env = g->w.env,
		.http = g->http,
		.pool = g->pool };
	char name[32], *url = xasprintf("http://127.0.0.1:%d", g->port);
	struct err e = ERR_INIT;
	struct store *s;
	json_t *cfg = json_pack("{s:s,s:s,s:s,s:b,s:I,s:I,s:I}", "type", "gcs",
	    "bucket", BUCKET, "endpoint", url, "anonymous", 1, "part_size",
	    (json_int_t)(5 * MIB), "retry_for", (json_int_t)10000,
	    "request_timeout", (json_int_t)5000);

	if (more != NULL)
		assert_int_equal(json_object_update(cfg, more), 0);
	json_decref(more);
	(void)snprintf(name, sizeof(name), "gcs%u", g->nstores++);
	json_object_set_new(g->w.cfg, name, cfg);
	s = store_open(&lent, name, cfg, &e);
	assert_non_null(s);
	free(url);
	return s;
}

UNUSED_OK static int
gw_setup(void **state)
{
	struct gw *g = xcalloc(1, sizeof(*g));

	(void)alarm(120);
	(void)signal(SIGPIPE, SIG_IGN);
	assert_int_equal(uv_loop_init(&g->w.loop), 0);
	g->w.env = env_new(&g->w.loop);
	(void)snprintf(g->w.dir, sizeof(g->w.dir), "/tmp/rb-gcs-XXXXXX");
	assert_non_null(mkdtemp(g->w.dir));
	g->w.cfg = json_object();
	g->http = http_new(g->w.env);
	g->pool = work_pool_new(&g->w.loop, 2);
	gw_serve(g);
	g->w.store = gw_open(g, NULL);
	*state = g;
	return 0;
}

UNUSED_OK static int
gw_teardown(void **state)
{
	struct gw *g = *state;
	int status;

	store_close(g->w.store);
	work_pool_free(g->pool);
	http_free(g->http);
	assert_int_equal(uv_run(&g->w.loop, UV_RUN_DEFAULT), 0);
	/* Nothing is left open: every handle was closed. */
	assert_int_equal(uv_loop_close(&g->w.loop), 0);
	env_free(g->w.env);
	json_decref(g->w.cfg);
	(void)close(g->in);
	assert_int_equal(waitpid(g->server, &status, 0), g->server);
	assert_int_equal(file_remove_tree(g->w.dir, NULL), 0);
	free(g);
	return 0;
}

static void
gw_on_answer(void *arg, const struct http_answer *a, const struct err *e)
{
	struct gw *g = arg;

	g->asked.answers++;
	assert_null(e);
	g->answer = json_parse(a->body, a->body_len, NULL);
}

/* Tell the fake ${text} (JSON; "{}" asks only); its answer, json_decref() it. */
UNUSED_OK static json_t *
gw_control(struct gw *g, const char *text)
{
	char *url = xasprintf("http://127.0.0.1:%d/_control", g->port);
	struct http_opt o = { .method = "POST",
		.url = url,
		.body = text,
		.body_len = strlen(text) };

	memset(&g->asked, 0, sizeof(g->asked));
	(void)http_start(g->http, &o, gw_on_answer, g);
	w_wait(&g->w, &g->asked);
	free(url);
	assert_non_null(g->answer);
	return g->answer;
}

/* Faults, and what was asked so far is forgotten. */
UNUSED_OK static void
gw_faults(struct gw *g, const char *faults)
{
	char *text = xasprintf("{\"faults\": %s, \"forget\": true}", faults);

	json_decref(gw_control(g, text));
	free(text);
}

/* "what status range" lines of what was asked since, but for control. */
UNUSED_OK static const char *
gw_log(struct gw *g)
{
	static char text[16384];
	json_t *answer = gw_control(g, "{}"), *line;
	size_t i, n = 0;

	text[0] = '\0';
	json_array_foreach(json_get_array(answer, "log"), i, line) {
		if (strcmp(json_get_str(line, "what", ""), "control") == 0)
			continue;
		n += (size_t)snprintf(text + n, sizeof(text) - n,
		    "%s %lld%s%s\n", json_get_str(line, "what", ""),
		    (long long)json_get_int(line, "status", -1),
		    json_get_str(line, "range", "")[0] == '\0' ? "" : " ",
		    json_get_str(line, "range", ""));
		assert_true(n < sizeof(text));
	}
	/* All faults happened. */
	assert_int_equal(json_array_size(json_get_array(answer, "faults")), 0);
	json_decref(answer);
	return text;
}

UNUSED_OK static void
gw_asked(struct gw *g, const char *lines)
{
	const char *log = gw_log(g);

	if (strstr(log, lines) == NULL)
		fail_msg("not among what was asked:\n%swhich is:\n%s", lines,
		    log);
}

UNUSED_OK static size_t
gw_sessions(struct gw *g)
{
	json_t *answer = gw_control(g, "{}");
	size_t n = json_array_size(json_get_array(answer, "sessions"));

	json_decref(answer);
	return n;
}

/* --- Large objects: a pattern that tells its place. */

struct gw_put {
	struct store_put *put;
	size_t size, at;
	uint32_t crc;
	bool is_ready;
	struct waited a;
};

UNUSED_OK static struct block *
gw_block(size_t at, size_t n)
{
	struct block *b = block_new(n);
	uint64_t x = at * UINT64_C(0x9e3779b97f4a7c15) + 1;
	size_t i;

	for (i = 0; i < n; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
		b->data[i] = (uint8_t)(x >> 56);
	}
	b->len = n;
	return b;
}

UNUSED_OK static void
gw_on_ready(void *arg)
{
	struct gw_put *p = arg;

	p->is_ready = true;
}

/* Write ${size} bytes in all; false: it failed meanwhile. */
UNUSED_OK static bool
gw_write(struct gw *g, struct gw_put *p, size_t size)
{
	struct block *b;
	size_t n;

	for (; p->at < size; p->at += n) {
		n = size - p->at < 200000 ? size - p->at : 200000;
		b = gw_block(p->at, n);
		p->crc = upload_crc32c(p->crc, b->data, n);
		p->is_ready = store_put_write(p->put, b);
		block_unref(b);
		while (!p->is_ready)
			(void)uv_run(&g->w.loop, UV_RUN_ONCE);
		if (store_put_failed(p->put))
			return false;
	}
	return true;
}

UNUSED_OK static void
gw_put_open(struct gw *g, struct gw_put *p, struct store *s, const char *key)
{
	struct store_put_opt opt = { -1, false, NULL, 0 };
	struct err e = ERR_INIT;

	(void)g;
	memset(p, 0, sizeof(*p));
	p->put = store_put_open(s, key, &opt, gw_on_ready, p, &e);
	assert_non_null(p->put);
}

UNUSED_OK static enum err_code
gw_put(struct gw *g, struct gw_put *p, struct store *s, const char *key,
    size_t size)
{
	gw_put_open(g, p, s, key);
	(void)gw_write(g, p, size);
	store_put_finish(p->put, w_on_put, &p->a);
	w_wait(&g->w, &p->a);
	return p->a.err.code;
}

struct gw_get {
	size_t size;
	uint32_t crc;
	bool is_over;
	struct err err;
};

static void
gw_on_read(void *arg, struct block *b, const struct err *e)
{
	struct gw_get *r = arg;

	r->is_over = b == NULL;
	err_copy(&r->err, e);
	if (b != NULL) {
		r->crc = upload_crc32c(r->crc, b->data, b->len);
		r->size += b->len;
	}
	block_unref(b);
}

/* Read all of it: size and checksum. */
UNUSED_OK static enum err_code
gw_get(struct gw *g, struct gw_get *r, struct store *s, const char *key)
{
	struct reader *reader = store_get(s, key, 0, -1);
	size_t was;

	memset(r, 0, sizeof(*r));
	while (!r->is_over) {
		was = r->size;
		reader_read(reader, gw_on_read, r);
		while (r->size == was && !r->is_over)
			(void)uv_run(&g->w.loop, UV_RUN_ONCE);
	}
	reader_close(reader);
	return r->err.code;
}

#endif
