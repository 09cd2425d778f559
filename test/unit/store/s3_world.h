/*
 * s3_world.h - for tests of the S3 store: a small S3 that goes wrong on demand
 * (s3_fake.py), and a store on it.
 *
 * Included by one file of each test program.
 */
#ifndef TEST_STORE_S3_WORLD_H
#define TEST_STORE_S3_WORLD_H

#include "unit/store/world.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include "base/str.h"

static pid_t s3_pid = -1;
static int s3_in = -1;
static int s3_port;
static struct http *s3_http;
static struct work_pool *s3_pool;

/* --- The server: one for the program. */

UNUSED_OK static int
s3_server_start(void **state)
{
	int in[2], out[2];
	char line[64] = "";
	FILE *f;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	if (pipe(in) == -1 || pipe(out) == -1)
		return -1;
	if ((s3_pid = fork()) == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)close(in[1]);
		(void)close(out[0]);
		(void)execlp("python3", "python3", "test/unit/store/s3_fake.py",
		    (char *)NULL);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	s3_in = in[1];
	(void)fcntl(s3_in, F_SETFD, FD_CLOEXEC);
	if ((f = fdopen(out[0], "r")) == NULL)
		return -1;
	if (fgets(line, sizeof(line), f) == NULL ||
	    sscanf(line, "%d", &s3_port) != 1)
		return -1;
	return fclose(f);
}

UNUSED_OK static int
s3_server_stop(void **state)
{
	int status;

	(void)state;
	(void)close(s3_in);
	(void)waitpid(s3_pid, &status, 0);
	return 0;
}

/* --- Word with it. */

static char s3_said[65536];

static void
s3_on_said(void *arg, const struct http_answer *a, const struct err *e)
{
	struct waited *w = arg;

	w->answers++;
	err_copy(&w->err, e);
	if (a != NULL)
		(void)snprintf(s3_said, sizeof(s3_said), "%s", a->body);
}

/* What it says to that; good until the next. */
UNUSED_OK static const char *
s3_tell(struct world *w, const char *method, const char *what, const char *body)
{
	struct waited a = { 0 };
	char url[512];
	struct http_opt o = { .method = method,
		.url = url,
		.body = body,
		.body_len = body == NULL ? 0 : strlen(body) };

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/!%s", s3_port,
	    what);
	(void)http_start(s3_http, &o, s3_on_said, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	return s3_said;
}

UNUSED_OK static void
s3_faults(struct world *w, const char *json)
{
	(void)s3_tell(w, "PUT", "faults", json);
}

/* How often ${op} came since the log was last read. */
UNUSED_OK static unsigned
s3_count(const char *log, const char *op)
{
	char begin[32];
	unsigned n = 0;
	const char *at;

	(void)snprintf(begin, sizeof(begin), "%s ", op);
	for (at = log; at != NULL && *at != '\0';
	     at = (at = strchr(at, '\n')) == NULL ? NULL : at + 1)
		n += str_has_prefix(at, begin);
	return n;
}

UNUSED_OK static const char *
s3_log(struct world *w)
{
	return s3_tell(w, "GET", "log", NULL);
}

UNUSED_OK static const char *
s3_state(struct world *w)
{
	return s3_tell(w, "GET", "state", NULL);
}

/* --- The store. */

/* As the configuration's would be after it was checked. */
UNUSED_OK static json_t *
s3_config(struct world *w)
{
	char *url = xasprintf("http://127.0.0.1:%d", s3_port);
	char *path = file_join(w->dir, "secret");
	json_t *cfg;

	cfg = json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:s},s:i,s:i,s:i,s:i}", "type",
	    "s3", "bucket", "rag", "endpoint", url, "path", "pre",
	    "access_key_id", "AKIDGIVEN", "secret_access_key", "file", path,
	    "request_timeout", 5000, "retry_for", 4000, "concurrency", 4,
	    "part_size", 5 << 20);
	free(url);
	free(path);
	return cfg;
}

UNUSED_OK static struct store *
s3_open_cfg(struct world *w, json_t *cfg, struct err *e)
{
	struct store_env lent = { .env = w->env,
		.http = s3_http,
		.pool = s3_pool };

	json_object_set_new(w->cfg, "s3", cfg);
	return store_open(&lent, "s3", cfg, e);
}

/* With other keys on top (taken). */
UNUSED_OK static void
s3_reopen(struct world *w, json_t *more)
{
	json_t *cfg = s3_config(w);
	struct err e = ERR_INIT;

	json_object_update(cfg, more);
	json_decref(more);
	store_close(w->store);
	(void)uv_run(&w->loop, UV_RUN_NOWAIT);
	w->store = s3_open_cfg(w, cfg, &e);
	if (w->store == NULL)
		fail_msg("%s", e.msg);
}

static void
s3_write(struct world *w, const char *name, const char *text, unsigned mode)
{
	char *path = file_join(w->dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, (mode_t)mode), 0);
	free(path);
}

UNUSED_OK static int
s3_setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct err e = ERR_INIT;

	(void)alarm(100);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->env = env_new(&w->loop);
	s3_http = http_new(w->env);
	s3_pool = work_pool_new(&w->loop, 2);
	(void)snprintf(w->dir, sizeof(w->dir), "/tmp/rb-store-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	s3_write(w, "secret", "given-secret\n", 0600);
	w->cfg = json_object();
	w->store = s3_open_cfg(w, s3_config(w), &e);
	assert_non_null(w->store);
	(void)s3_tell(w, "PUT", "clear", NULL);
	*state = w;
	return 0;
}

/* Also proves that nothing is left open. */
UNUSED_OK static int
s3_teardown(void **state)
{
	struct world *w = *state;

	store_close(w->store);
	http_free(s3_http);
	work_pool_free(s3_pool);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	env_free(w->env);
	json_decref(w->cfg);
	assert_int_equal(file_remove_tree(w->dir, NULL), 0);
	free(w);
	return 0;
}

/* ${n} bytes that depend on where they are. */
UNUSED_OK static char *
s3_bytes(size_t n)
{
	char *bytes = xmalloc(n + 1);
	size_t i;

	for (i = 0; i < n; i++)
		bytes[i] = (char)('a' + (i * 7 + i / 997) % 26);
	bytes[n] = '\0';
	return bytes;
}

UNUSED_OK static void
s3_put_n(struct world *w, const char *key, size_t n, bool if_absent,
    struct waited *a)
{
	char *bytes = s3_bytes(n);

	memset(a, 0, sizeof(*a));
	store_put_bytes(w->store, key, bytes, n, if_absent, w_on_put, a);
	w_wait(w, a);
	free(bytes);
}

#endif
