/*
 * cloud_world.h - for tests of cloud.h: a server that does what the URL says, a
 * backend that knows little, and a clock that runs fifty times as fast.  Upper
 * limits of times are wide: the machine may be busy.
 *
 * Included by one file of each test program, behind cmocka.h.
 */
#ifndef TEST_STORE_CLOUD_WORLD_H
#define TEST_STORE_CLOUD_WORLD_H

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/defer.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/cloud.h"

#define UNUSED_OK __attribute__((unused))
#define HURRY 50

static char dir[] = "/tmp/cloud_test.XXXXXX";
static pid_t server_pid = -1;
static int server_in = -1;
static int port, tls_port;

UNUSED_OK static int
server_setup(void **state)
{
	int in[2], out[2];
	char line[64] = "";
	FILE *f;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	if (mkdtemp(dir) == NULL || pipe(in) == -1 || pipe(out) == -1)
		return -1;
	if ((server_pid = fork()) == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)close(in[1]);
		(void)close(out[0]);
		(void)execlp("python3", "python3",
		    "test/unit/store/cloud_server.py", dir, (char *)NULL);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	server_in = in[1];
	(void)fcntl(server_in, F_SETFD, FD_CLOEXEC);
	if ((f = fdopen(out[0], "r")) == NULL)
		return -1;
	if (fgets(line, sizeof(line), f) == NULL ||
	    sscanf(line, "%d %d", &port, &tls_port) != 2)
		return -1;
	(void)fclose(f);
	return 0;
}

UNUSED_OK static int
server_teardown(void **state)
{
	int status;

	(void)state;
	(void)close(server_in);
	(void)waitpid(server_pid, &status, 0);
	return file_remove_tree(dir, NULL);
}

/* --- The clock: the real one's timers, only sooner. */
struct hurry {
	struct env env;
	struct env *real;
	int64_t began_ms;
	int64_t wall_ahead_ms; /* What tests add. */
};

static struct hurry *
hurry_of(struct env *env)
{
	return (struct hurry *)(void *)env;
}

static int64_t
hurry_mono(struct env *env)
{
	struct hurry *h = hurry_of(env);

	return (env_mono_ms(h->real) - h->began_ms) * HURRY + 1;
}

/* Starts now, and then runs ahead. */
static int64_t
hurry_wall(struct env *env)
{
	static int64_t base;

	if (base == 0)
		base = env_wall_ms(hurry_of(env)->real);
	return base + hurry_mono(env) + hurry_of(env)->wall_ahead_ms;
}

static void
hurry_random(struct env *env, void *out, size_t n)
{
	env_random(hurry_of(env)->real, out, n);
}

struct hurry_timer {
	struct env_timer_base base;
	struct env_timer *real;
};

static struct hurry_timer *
hurry_timer_of(struct env_timer *t)
{
	return (struct hurry_timer *)(void *)t;
}

static struct env_timer *
hurry_timer_new(struct env *env, env_timer_fn *fn, void *arg)
{
	struct hurry_timer *t = xcalloc(1, sizeof(*t));

	t->base.env = env;
	t->real = env_timer_new(hurry_of(env)->real, fn, arg);
	return (struct env_timer *)(void *)t;
}

static void
hurry_timer_start(struct env_timer *t, int64_t ms)
{
	env_timer_start(hurry_timer_of(t)->real, (ms + HURRY - 1) / HURRY);
}

static void
hurry_timer_stop(struct env_timer *t)
{
	env_timer_stop(hurry_timer_of(t)->real);
}

static void
hurry_timer_free(struct env_timer *t)
{
	env_timer_free(hurry_timer_of(t)->real);
	free(t);
}

static const struct env_ops hurry_ops = { hurry_wall, hurry_mono, hurry_random,
	hurry_timer_new, hurry_timer_start, hurry_timer_stop,
	hurry_timer_free };

/* --- The world and its store. */
struct world;
struct fake {
	struct cloud cloud; /* First. */
	struct world *world;
};

struct world {
	uv_loop_t loop;
	struct hurry hurry;
	struct http *http;
	struct work_pool *pool;
	json_t *cfg;
	struct cloud *c;
	bool is_freed; /* ops->free was called. */

	/* What the backend does. */
	const char *tokens[8];       /* One a fetch; NULL: the last again. */
	int64_t life_ms;             /* Of each; 0: for ever. */
	enum err_code auth_fails[8]; /* One a fetch. */
	unsigned fetches;            /* That came to an end. */
	unsigned authorizes;         /* That were begun. */
	bool is_fetch_held;          /* Until world_fetch(). */
	cloud_auth_fn *auth_fn;
	void *auth_arg;
	const char *token; /* In use. */
	bool does_sign_fail;
	bool is_2xx_bad; /* An error in the body of a good answer. */
	enum cloud_verdict verdict_403;
	int64_t skew_ms;             /* What 403 reveals. */
	uint8_t md5[16], sha256[32]; /* Of the last request. */
	bool has_digests;
};

static struct world *
world_of(struct cloud *c)
{
	return ((struct fake *)(void *)c)->world;
}

static void
on_fetched(void *arg)
{
	struct world *w = arg;
	unsigned at = w->fetches++ % COUNT_OF(w->tokens);
	struct err e = ERR_INIT;
	int64_t expires = 0;

	if (w->auth_fails[at] != ERR_NONE) {
		(void)err_set(&e, w->auth_fails[at], "no token today");
		w->auth_fn(w->auth_arg, 0, &e);
		return;
	}
	if (w->tokens[at] != NULL)
		w->token = w->tokens[at];
	if (w->life_ms != 0)
		expires = env_wall_ms(&w->hurry.env) + w->life_ms;
	w->auth_fn(w->auth_arg, expires, NULL);
}

static void
fake_authorize(struct cloud *c, cloud_auth_fn *fn, void *arg)
{
	struct world *w = world_of(c);

	w->authorizes++;
	w->auth_fn = fn;
	w->auth_arg = arg;
	if (!w->is_fetch_held)
		(void)defer_call(&w->loop, on_fetched, w);
}

static int
fake_sign(struct cloud *c, const struct cloud_req *req, struct cloud_wire *wire,
    struct err *e)
{
	struct world *w = world_of(c);
	char date[CLOUD_DATE_MAX];

	w->has_digests = req->md5 != NULL && req->sha256 != NULL;
	if (w->has_digests) {
		memcpy(w->md5, req->md5, sizeof(w->md5));
		memcpy(w->sha256, req->sha256, sizeof(w->sha256));
	}
	if (w->does_sign_fail)
		return err_set(e, ERR_CONFIG, "no key to sign with");
	cloud_date(wire->now_ms, date);
	cloud_header(wire, "X-Date", "%s", date);
	if (w->token != NULL)
		cloud_header(wire, "Authorization", "%s", w->token);
	return 0;
}

static enum cloud_verdict
fake_judge(struct cloud *c, const struct cloud_req *req,
    const struct http_answer *a, struct cloud_fault *f)
{
	struct world *w = world_of(c);

	(void)req;
	if (a->status < 300 && !w->is_2xx_bad)
		return CLOUD_OK;
	(void)http_header(a, "X-Code", f->code, sizeof(f->code));
	if (a->status == 403) {
		(void)err_set(&f->err, ERR_AUTH, "it does not know us");
		if (w->skew_ms != 0)
			c->clock_ahead_ms = w->skew_ms;
		return w->verdict_403;
	}
	if (a->status == 404) {
		(void)err_set(&f->err, ERR_NOT_FOUND, "no such thing");
		return CLOUD_FAIL;
	}
	(void)err_set(&f->err, ERR_BUSY, "it is busy");
	return CLOUD_AGAIN;
}

static void
fake_free(struct cloud *c)
{
	struct fake *f = (struct fake *)(void *)c;

	f->world->is_freed = true;
	cloud_done(c);
	free(f);
}

static const struct cloud_ops fake_cloud_ops = { fake_authorize, fake_sign,
	fake_judge, fake_free };
static const struct store_ops fake_store_ops = { .type = "fake",
	.close = cloud_close };

UNUSED_OK static void
world_init(struct world *w)
{
	struct store_env lent;
	struct fake *f = xcalloc(1, sizeof(*f));

	memset(w, 0, sizeof(*w));
	(void)alarm(60);
	w->token = "T0";
	w->verdict_403 = CLOUD_RENEW;
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->hurry.env.ops = &hurry_ops;
	w->hurry.env.loop = &w->loop;
	w->hurry.real = env_new(&w->loop);
	w->hurry.began_ms = env_mono_ms(w->hurry.real);
	w->http = http_new(&w->hurry.env);
	w->pool = work_pool_new(&w->loop, 1);
	w->cfg = json_pack("{s:s, s:i, s:i}", "path", "pre", "request_timeout",
	    40000, "retry_for", 60000);
	lent = (struct store_env){ .env = &w->hurry.env,
		.http = w->http,
		.pool = w->pool };
	f->world = w;
	cloud_init(&f->cloud, &fake_store_ops, &fake_cloud_ops, &lent,
	    "offsite", w->cfg);
	w->c = &f->cloud;
	w->c->url = xasprintf("http://127.0.0.1:%d", port);
}

/* The owner's part of the end; what is under way goes on. */
UNUSED_OK static void
world_leave(struct world *w)
{
	store_close(&w->c->base);
	json_decref(w->cfg);
	http_free(w->http);
	work_pool_free(w->pool);
}

/* Also proves that no handle is left open and all was freed. */
UNUSED_OK static void
world_end(struct world *w)
{
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_true(w->is_freed);
	env_free(w->hurry.real);
	assert_int_equal(uv_loop_close(&w->loop), 0);
}

UNUSED_OK static void
world_done(struct world *w)
{
	world_leave(w);
	world_end(w);
}

static void
on_guard(uv_timer_t *t)
{
	*(bool *)t->data = true;
}

/* Run until ${calls} reaches ${want}, or ${ms} real ones have passed. */
UNUSED_OK static bool
world_run(struct world *w, const unsigned *calls, unsigned want, unsigned ms)
{
	bool is_late = false;
	uv_timer_t guard;

	(void)uv_timer_init(&w->loop, &guard);
	guard.data = &is_late;
	(void)uv_timer_start(&guard, on_guard, ms, 0);
	while (*calls < want && !is_late)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&guard, NULL);
	(void)uv_run(&w->loop, UV_RUN_NOWAIT);
	return *calls >= want;
}

UNUSED_OK static void
world_pass(struct world *w, unsigned ms)
{
	static const unsigned never;

	(void)world_run(w, &never, 1, ms);
}

UNUSED_OK static int64_t
world_now(struct world *w)
{
	return env_mono_ms(&w->hurry.env);
}

struct result {
	unsigned calls;
	bool has_answer;
	long status;
	char code[64];
	struct err err;
	char *body;
	struct cloud_call *call;
	/* Streamed: */
	size_t streamed;
	unsigned blocks;
	bool does_hold, does_cancel;
};

UNUSED_OK static void
on_result(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct result *r = arg;

	r->calls++;
	r->call = NULL;
	r->has_answer = a != NULL;
	r->status = a == NULL ? 0 : a->status;
	free(r->body);
	r->body = a == NULL ? NULL : xstrdup(a->body);
	(void)snprintf(r->code, sizeof(r->code), "%s", code);
	err_copy(&r->err, e);
	assert_true(a != NULL || e != NULL);
}

UNUSED_OK static bool
on_result_block(void *arg, struct block *b)
{
	struct result *r = arg;

	r->streamed += b->len;
	r->blocks++;
	block_unref(b);
	if (r->does_cancel) {
		cloud_cancel(r->call);
		r->call = NULL;
	}
	return !r->does_hold;
}

/* A path on the server; the last four are good. */
UNUSED_OK static const char *
path_of(const char *name, const char *steps)
{
	static char paths[4][256];
	static unsigned at;
	char *path = paths[at++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "/%s/%s", name, steps);
	return path;
}

UNUSED_OK static void
call_start(struct world *w, const struct cloud_req *req, struct result *r)
{
	memset(r, 0, sizeof(*r));
	r->call = cloud_start(w->c, req, on_result, r);
	assert_int_equal(r->calls, 0);
}

/* From start to its callback, which must come within 8 real seconds. */
UNUSED_OK static void
call_in(struct world *w, const struct cloud_req *req, struct result *r)
{
	call_start(w, req, r);
	assert_true(world_run(w, &r->calls, 1, 8000));
	assert_int_equal(r->calls, 1);
}

UNUSED_OK static void
get_in(struct world *w, const char *name, const char *steps, struct result *r)
{
	struct cloud_req req = { .method = "GET",
		.path = path_of(name, steps) };

	call_in(w, &req, r);
}

UNUSED_OK static void
result_done(struct result *r)
{
	free(r->body);
	r->body = NULL;
}

/* How many requests of that name the server has seen; ${log} may be NULL. */
UNUSED_OK static unsigned
requests_of(struct world *w, const char *name, char **log)
{
	struct result r;
	unsigned n;
	const char *s;

	get_in(w, "log", name, &r);
	assert_int_equal(r.status, 200);
	n = r.body[0] != '\0';
	for (s = r.body; (s = strchr(s, '\n')) != NULL; s++)
		n++;
	if (log != NULL)
		*log = xstrdup(r.body);
	result_done(&r);
	return n;
}

#endif
