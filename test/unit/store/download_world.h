/*
 * download_world.h - a store that sends ranges as a test tells it to.
 *
 * Its calls send a block a tick and then answer; a test's script changes what
 * each call does: break off, lie about the range, send all, change the object.
 */
#ifndef TEST_STORE_DOWNLOAD_WORLD_H
#define TEST_STORE_DOWNLOAD_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/mem.h"
#include "store/download.h"

#define UNUSED_OK __attribute__((unused))
#define MIB ((int64_t)1 << 20)
#define BLOCKS_MAX 4096

struct cloud_call;

struct world {
	uv_loop_t loop;
	struct env *env; /* The real one. */
	struct env fast; /* The same, but pauses are short. */
	struct cloud cloud;
	/* The object, and the script: called when a call is made. */
	int64_t size;
	const char *version;
	void (*script)(struct world *, struct cloud_call *);
	int64_t delay_ms; /* At random up to this, before each block. */
	size_t block_max; /* Sizes at random up to this. */
	bool is_block_even;
	int64_t read_ms; /* The user's pause between two reads. */
	bool is_lazy;    /* It reads when nothing more comes by itself. */
	/* What came. */
	unsigned waits; /* Back-offs. */
	unsigned calls, under_way, max_under_way, canceled;
	unsigned paused, unpaused;
	int64_t max_alive;  /* Bytes of blocks that are not the test's. */
	int64_t asked[512]; /* Starts of ranges. */
	struct block *blocks[BLOCKS_MAX];
	size_t nblocks;
	uint64_t seed;
	/* The reader. */
	struct reader *reader;
	struct env_timer *timer;
	int64_t from, got;
	unsigned answers; /* Ends. */
	struct err err;
	bool is_within, is_reading;
};

struct cloud_call {
	struct world *w;
	struct env_timer *timer;
	struct download_range r;
	cloud_fn *fn;
	unsigned number; /* From 1. */
	int64_t at, to;  /* What it sends. */
	/* What it says and does. */
	long status;
	int64_t say_from, say_to, say_total;
	const char *say; /* A whole header value instead. */
	const char *version;
	int64_t break_at; /* After so many bytes: */
	enum err_code code;
	int64_t hang_at; /* Says nothing from here on; 0: it does. */
	bool is_paused, is_spoiled;
};

UNUSED_OK static uint64_t
w_random(struct world *w, uint64_t below)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return w->seed % below;
}

UNUSED_OK static uint8_t
w_byte(int64_t at)
{
	return (uint8_t)((uint64_t)(at + 1) * 0x9e3779b97f4a7c15u >> 56);
}

/* Its timers go off HURRY times as early. */
#define HURRY 50

static struct env_timer *
fast_timer_new(struct env *env, env_timer_fn *fn, void *arg)
{
	struct world *w = CONTAINER_OF(env, struct world, fast);
	struct env_timer *t = w->env->ops->timer_new(w->env, fn, arg);

	((struct env_timer_base *)(void *)t)->env = env;
	return t;
}

static void
fast_timer_start(struct env_timer *t, int64_t ms)
{
	struct env *env = ((struct env_timer_base *)(void *)t)->env;
	struct world *w = CONTAINER_OF(env, struct world, fast);

	w->waits++;
	w->env->ops->timer_start(t, ms / HURRY);
}

/* In place of cloud.c. */

void
cloud_hold(struct cloud *c)
{
	c->users++;
}

void
cloud_release(struct cloud *c)
{
	assert_true(c->users > 0);
	c->users--;
}

static void
call_end(struct cloud_call *c)
{
	c->w->under_way--;
	c->w->paused -= c->is_paused;
	env_timer_free(c->timer);
	free(c);
}

void
cloud_cancel(struct cloud_call *c)
{
	assert_false(c->w->is_within); /* Not from its own callbacks. */
	c->w->canceled++;
	call_end(c);
}

void
cloud_unpause(struct cloud_call *c)
{
	assert_true(c->is_paused);
	c->w->paused--;
	c->w->unpaused++;
	c->is_paused = false;
	env_timer_start(c->timer, 0);
}

static void
call_answer(struct cloud_call *c)
{
	struct world *w = c->w;
	struct http_answer a = { .status = c->status };
	struct err e = ERR_INIT;
	char headers[512];
	cloud_fn *fn = c->fn;
	void *arg = c->r.arg;
	bool has_answer = true;

	if (c->say != NULL)
		(void)snprintf(headers, sizeof(headers),
		    "HTTP/1.1 %ld X\r\nContent-Range: %s\r\nETag: %s\r\n",
		    c->status, c->say, c->version);
	else
		(void)snprintf(headers, sizeof(headers),
		    "HTTP/1.1 %ld X\r\nContent-Range: bytes %lld-%lld/%lld\r\n"
		    "ETag: %s\r\n",
		    c->status, (long long)c->say_from, (long long)c->say_to,
		    (long long)c->say_total, c->version);
	a.headers = headers;
	if (c->code != ERR_NONE) {
		(void)err_set(&e, c->code, "scripted: call %u", c->number);
		has_answer = c->status >= 400;
	}
	call_end(c);
	w->is_within = true;
	fn(arg, has_answer ? &a : NULL, "",
	    c == NULL || e.code == ERR_NONE ? NULL : &e);
	w->is_within = false;
}

static struct block *
call_block(struct cloud_call *c)
{
	struct world *w = c->w;
	size_t i, n = w->block_max;
	struct block *b;

	if (!w->is_block_even)
		n = 1 + (size_t)w_random(w, n);
	if ((int64_t)n > c->to - c->at + 1)
		n = (size_t)(c->to - c->at + 1);
	if (c->code != ERR_NONE && (int64_t)n > c->break_at)
		n = (size_t)c->break_at;
	b = block_new(w->block_max);
	b->len = n;
	for (i = 0; i < n; i++)
		b->data[i] = (uint8_t)(w_byte(c->at + (int64_t)i) +
		    (c->is_spoiled ? 1 : 0));
	return b;
}

static void
note_alive(struct world *w, int64_t more)
{
	int64_t alive = more;
	size_t i, n = 0;

	for (i = 0; i < w->nblocks; i++)
		if (atomic_load(&w->blocks[i]->refs) > 1) {
			alive += (int64_t)w->blocks[i]->cap;
			w->blocks[n++] = w->blocks[i];
		} else
			block_unref(w->blocks[i]);
	w->nblocks = n;
	if (alive > w->max_alive)
		w->max_alive = alive;
}

static int64_t
call_delay(struct world *w)
{
	return w->delay_ms == 0
	    ? 0
	    : (int64_t)w_random(w, (uint64_t)w->delay_ms + 1);
}

static void
on_call(void *arg)
{
	struct cloud_call *c = arg;
	struct world *w = c->w;
	struct block *b;
	bool may_go_on;

	if (c->at > c->to || (c->code != ERR_NONE && c->break_at <= 0)) {
		call_answer(c);
		return;
	}
	b = call_block(c);
	c->at += (int64_t)b->len;
	c->break_at -= (int64_t)b->len;
	/* A reference of ours tells who else holds it. */
	assert_true(w->nblocks < BLOCKS_MAX);
	w->blocks[w->nblocks++] = block_ref(b);
	w->is_within = true;
	may_go_on = c->r.on_block(c->r.arg, b);
	w->is_within = false;
	note_alive(w, 0);
	if (c->hang_at > 0 && c->at >= c->hang_at)
		return;
	if (may_go_on)
		env_timer_start(c->timer, call_delay(w));
	else {
		c->is_paused = true;
		w->paused++;
	}
}

static struct cloud_call *
fake_range(struct cloud *cloud, const struct download_range *r, cloud_fn *fn)
{
	struct world *w = CONTAINER_OF(cloud, struct world, cloud);
	struct cloud_call *c = xcalloc(1, sizeof(*c));

	assert_string_equal(r->key, "20260101-000000/x");
	assert_true(r->from >= 0 && r->to >= r->from);
	assert_true(r->to - r->from < 4 * MIB);
	c->w = w;
	c->r = *r;
	c->fn = fn;
	c->number = ++w->calls;
	if (c->number <= COUNT_OF(w->asked))
		w->asked[c->number - 1] = r->from;
	c->at = r->from;
	c->to = r->to < w->size ? r->to : w->size - 1;
	c->status = 206;
	c->say_from = c->at;
	c->say_to = c->to;
	c->say_total = w->size;
	c->version = w->version;
	if (r->from >= w->size) {
		c->status = 416;
		c->code = ERR_LIMIT;
		c->say = "bytes */0";
	}
	if (r->version != NULL && strcmp(r->version, w->version) != 0) {
		c->status = 412;
		c->code = ERR_CONFLICT;
		c->break_at = 0;
	}
	c->timer = env_timer_new(w->env, on_call, c);
	if (w->script != NULL)
		w->script(w, c);
	env_timer_start(c->timer, call_delay(w));
	w->under_way++;
	if (w->under_way > w->max_under_way)
		w->max_under_way = w->under_way;
	return c;
}

static void
fake_version(struct cloud *cloud, const struct http_answer *a, char *out,
    size_t size)
{
	(void)cloud;
	if (!http_header(a, "ETag", out, size))
		out[0] = '\0';
}

static const struct download_ops fake_ops = { fake_range, fake_version };

/* The reader's user. */

static void
on_read(void *arg, struct block *b, const struct err *e)
{
	struct world *w = arg;
	size_t i;

	assert_false(w->is_within);
	assert_true(w->is_reading);
	w->is_reading = false;
	if (b == NULL) {
		w->answers++;
		err_copy(&w->err, e);
		return;
	}
	assert_null(e);
	assert_true(b->len > 0);
	for (i = 0; i < b->len; i++)
		if (b->data[i] != w_byte(w->from + w->got + (int64_t)i))
			fail_msg("byte %lld differs",
			    (long long)(w->from + w->got + (int64_t)i));
	w->got += (int64_t)b->len;
	block_unref(b);
	if (w->timer != NULL)
		env_timer_start(w->timer, w->read_ms);
}

UNUSED_OK static void
w_read(void *arg)
{
	struct world *w = arg;

	if (w->is_lazy && w->under_way > w->paused) {
		env_timer_start(w->timer, 1);
		return;
	}
	w->is_within = w->is_reading = true;
	reader_read(w->reader, on_read, w);
	w->is_within = false;
}

UNUSED_OK static void
w_open(struct world *w, int64_t from, int64_t len)
{
	w->from = from;
	w->reader = download_new(&w->cloud, &fake_ops, "20260101-000000/x",
	    from, len);
	w->timer = env_timer_new(w->env, w_read, w);
	env_timer_start(w->timer, 0);
}

UNUSED_OK static void
w_close(struct world *w)
{
	env_timer_free(w->timer);
	w->timer = NULL;
	reader_close(w->reader);
	w->reader = NULL;
	assert_int_equal(w->under_way, 0);
}

/* Until the end; returns the error's code. */
UNUSED_OK static enum err_code
w_get(struct world *w, int64_t from, int64_t len)
{
	w_open(w, from, len);
	while (w->answers == 0)
		assert_true(uv_run(&w->loop, UV_RUN_ONCE) != 0 ||
		    w->answers != 0);
	w_close(w);
	assert_int_equal(w->answers, 1);
	return w->err.code;
}

UNUSED_OK static int
w_setup(void **state)
{
	static struct env_ops fast_ops;
	struct world *w = xcalloc(1, sizeof(*w));

	(void)alarm(60);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->env = env_new(&w->loop);
	fast_ops = *w->env->ops;
	fast_ops.timer_new = fast_timer_new;
	fast_ops.timer_start = fast_timer_start;
	w->fast.ops = &fast_ops;
	w->fast.loop = &w->loop;
	w->cloud.base.env = &w->fast;
	w->cloud.base.lent.env = &w->fast;
	w->cloud.concurrency = 3;
	w->cloud.retry_for_ms = 1000;
	w->version = "\"v1\"";
	w->block_max = BLOCK_SIZE;
	w->seed = 88172645463325252u;
	*state = w;
	return 0;
}

UNUSED_OK static int
w_teardown(void **state)
{
	struct world *w = *state;

	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	env_free(w->env);
	assert_int_equal(w->cloud.users, 0);
	assert_int_equal(w->under_way, 0);
	note_alive(w, 0);
	assert_int_equal(w->nblocks, 0);
	free(w);
	return 0;
}

#endif
