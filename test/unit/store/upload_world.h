/*
 * upload_world.h - a store that takes parts as a test tells it to.
 *
 * Its calls are timers: they answer in any order, late, with an error, never;
 * each can be one that the upload may cancel, or one it must wait for.  What
 * was sent is kept by offset and compared, digests are computed again.
 */
#ifndef TEST_STORE_UPLOAD_WORLD_H
#define TEST_STORE_UPLOAD_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/mem.h"
#include "base/work.h"
#include "store/upload.h"

#define UNUSED_OK __attribute__((unused))
#define BLOCKS_MAX 8192

enum { OP_PUT, OP_BEGIN, OP_PART, OP_COMPLETE, OP_ABORT, OPS };

struct world {
	uv_loop_t loop;
	struct env *env; /* The real one. */
	struct env fast; /* The same, but its seconds are short. */
	struct work_pool *pool;
	struct cloud cloud;
	struct upload_ops ops;
	/* The script. */
	int64_t delay_ms[OPS]; /* At random up to this. */
	int64_t late_ms;       /* Of the n-th call of this kind: */
	int late_op, fail_op, never_op;
	unsigned late_n, fail_n, never_n; /* never_n 0: all. */
	bool is_uncancelable, is_put_by_part, is_failing_on;
	struct cloud_call *held; /* One that never answers; w_release(). */
	int64_t part_size, size_hint;
	bool if_absent;
	int64_t deadline_ms;
	size_t block_max; /* Sizes at random up to this, */
	bool is_even;     /* or all of this. */
	int64_t pace;     /* Blocks between two turns of the loop; 0: all. */
	/* What came. */
	unsigned n[OPS];
	unsigned under_way, max_under_way, canceled, users, freed;
	unsigned max_alive_kib;
	uint8_t *bytes;
	int64_t size, got;
	int64_t sizes[4096];
	unsigned ready, answers;
	struct err err;
	struct store_proof proof;
	int64_t answered_ms;
	int64_t timer_ms; /* Of the upload's timer, when it was last set. */
	/* The writer. */
	struct store_put *put;
	uint64_t seed;
	int64_t written;
	struct block *blocks[BLOCKS_MAX];
	size_t nblocks;
	bool is_free_to_write, is_within;
};

struct fake_upload {
	struct upload up;
	struct world *w;
};

struct cloud_call {
	struct world *w;
	struct env_timer *timer;
	struct fake_upload *f;
	struct upload_part *part;
	struct cloud_call **at; /* Where the upload finds it. */
	int op;
	unsigned number;
	bool is_failing;
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

/* Its timers go off HURRY times as early, if they are long. */
#define HURRY 100

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

	w->timer_ms = ms;
	w->env->ops->timer_start(t, ms < 1000 ? ms : ms / HURRY);
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
	if (c->at != NULL)
		*c->at = NULL;
	if (c->w->held == c)
		c->w->held = NULL;
	c->w->under_way -= c->op == OP_PART;
	env_timer_free(c->timer);
	free(c);
}

/* What is asked of a call: half of it has left. */
int64_t
cloud_sent(const struct cloud_call *c)
{
	return c->part == NULL ? 0 : c->part->size / 2;
}

void
cloud_cancel(struct cloud_call *c)
{
	assert_false(c->w->is_uncancelable);
	/* What may have begun must be known; what takes away is let be. */
	assert_true(c->op != OP_BEGIN && c->op != OP_ABORT);
	c->w->canceled++;
	call_end(c);
}

static void
md_check(const char *name, const struct world *w, int64_t at, int64_t n,
    const uint8_t *is)
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned len;
	EVP_MD *type = EVP_MD_fetch(NULL, name, NULL);

	assert_int_equal(EVP_Digest(w->bytes + at, (size_t)n, md, &len, type,
			     NULL),
	    1);
	assert_memory_equal(md, is, len);
	EVP_MD_free(type);
}

static void
check_digests(const struct world *w, unsigned which, int64_t at, int64_t n,
    const uint8_t *md5, const uint8_t *sha256, uint32_t crc)
{
	if ((which & UPLOAD_MD5) != 0)
		md_check("MD5", w, at, n, md5);
	if ((which & UPLOAD_SHA256) != 0)
		md_check("SHA256", w, at, n, sha256);
	if ((which & UPLOAD_CRC32C) != 0)
		assert_int_equal(upload_crc32c(0, w->bytes + at, (size_t)n),
		    crc);
}

static void
check_whole(const struct world *w, const struct upload *u)
{
	assert_int_equal(u->size, w->written);
	check_digests(w, w->ops.digests & ~w->ops.not_of_whole, 0, u->size,
	    u->md5, u->sha256, u->crc32c);
}

/* Keep a part's bytes, as they are when it is answered. */
static void
take_part(struct world *w, const struct upload_part *p)
{
	int64_t at = p->offset;
	size_t i;

	for (i = 0; i < p->nblocks; i++) {
		assert_true(at + (int64_t)p->blocks[i]->len <= w->written);
		memcpy(w->bytes + at, p->blocks[i]->data, p->blocks[i]->len);
		at += (int64_t)p->blocks[i]->len;
	}
	assert_int_equal(at - p->offset, p->size);
	w->got += p->size;
	assert_true(p->number <= COUNT_OF(w->sizes));
	w->sizes[p->number - 1] = p->size;
	check_digests(w, w->ops.digests & ~w->ops.not_of_parts, p->offset,
	    p->size, p->md5, p->sha256, p->crc32c);
}

static void
answer_put(struct fake_upload *f, const struct err *e)
{
	struct store_proof proof = { .size = f->up.size, .kind = "etag" };

	(void)snprintf(proof.value, sizeof(proof.value), "proof-%lld",
	    (long long)f->up.size);
	proof.is_checked = true;
	upload_put_done(&f->up, e == NULL ? &proof : NULL, e);
}

static void
on_call(void *arg)
{
	struct cloud_call *c = arg;
	struct fake_upload *f = c->f;
	struct upload_part *p = c->part;
	struct err e = ERR_INIT;
	int op = c->op;

	if (c->is_failing)
		(void)err_set(&e, ERR_NETWORK, "scripted: op %d, call %u", op,
		    c->number);
	else if (op == OP_PUT || op == OP_PART)
		take_part(f->w, p);
	call_end(c);
	if (op == OP_BEGIN)
		upload_begun(&f->up, e.code != ERR_NONE ? &e : NULL);
	else if (op == OP_ABORT)
		upload_aborted(&f->up);
	else if (op == OP_PART) {
		(void)snprintf(p->etag, sizeof(p->etag), "etag-%u", p->number);
		upload_part_done(&f->up, p, e.code != ERR_NONE ? &e : NULL);
	} else
		answer_put(f, e.code != ERR_NONE ? &e : NULL);
}

static struct cloud_call *
call_new(struct upload *u, int op, struct upload_part *p,
    struct cloud_call **at)
{
	struct fake_upload *f = (struct fake_upload *)(void *)u;
	struct world *w = f->w;
	struct cloud_call *c = xcalloc(1, sizeof(*c));
	int64_t ms = w->delay_ms[op];

	w->n[op]++;
	c->w = w;
	c->f = f;
	c->op = op;
	c->part = p;
	c->is_failing = op == w->fail_op &&
	    (w->n[op] == w->fail_n ||
		(w->is_failing_on && w->n[op] > w->fail_n));
	c->number = w->n[op];
	c->timer = env_timer_new(w->env, on_call, c);
	if (op == w->late_op && w->n[op] == w->late_n)
		ms = w->late_ms;
	else if (ms > 0)
		ms = (int64_t)w_random(w, (uint64_t)ms);
	if (op == w->never_op && (w->never_n == 0 || w->n[op] == w->never_n))
		w->held = c;
	else
		env_timer_start(c->timer, ms);
	if (at != NULL && !w->is_uncancelable) {
		c->at = at;
		*at = c;
	}
	w->under_way += op == OP_PART;
	if (w->under_way > w->max_under_way)
		w->max_under_way = w->under_way;
	return c;
}

/* The only part is the whole, in digests too; "bytes" is not filled yet. */
static void
check_put(const struct upload *u, const struct upload_part *p)
{
	unsigned of_both = u->ops->digests & ~u->ops->not_of_parts &
	    ~u->ops->not_of_whole;

	assert_int_equal(u->size, p->size);
	if ((of_both & UPLOAD_MD5) != 0)
		assert_memory_equal(u->md5, p->md5, sizeof(u->md5));
	if ((of_both & UPLOAD_SHA256) != 0)
		assert_memory_equal(u->sha256, p->sha256, sizeof(u->sha256));
	if ((of_both & UPLOAD_CRC32C) != 0)
		assert_int_equal(u->crc32c, p->crc32c);
}

static void
fake_put(struct upload *u, struct upload_part *p)
{
	assert_int_equal(p->number, 1);
	assert_true(p->is_last);
	assert_int_equal(p->offset, 0);
	check_put(u, p);
	(void)call_new(u, OP_PUT, p,
	    ((struct fake_upload *)(void *)u)->w->is_put_by_part ? &p->call
								 : &u->call);
}

static void
fake_begin(struct upload *u)
{
	(void)call_new(u, OP_BEGIN, NULL, &u->call);
}

static void
fake_part(struct upload *u, struct upload_part *p)
{
	struct world *w = ((struct fake_upload *)(void *)u)->w;

	assert_ptr_equal(p->upload, u);
	assert_int_equal(w->n[OP_BEGIN], 1);
	assert_true(u->call == NULL); /* Begin has answered. */
	if (p->is_last)
		assert_int_equal(p->offset + p->size, w->written);
	if (w->ops.is_sequential)
		assert_int_equal(p->number, w->n[OP_PART] + 1);
	(void)call_new(u, OP_PART, p, &p->call);
}

static void
fake_complete(struct upload *u, const struct upload_part *parts, size_t n)
{
	struct world *w = ((struct fake_upload *)(void *)u)->w;
	char etag[32];
	int64_t at = 0;
	size_t i;

	assert_int_equal(n, w->n[OP_PART]);
	for (i = 0; i < n; i++) {
		assert_int_equal(parts[i].number, i + 1);
		assert_int_equal(parts[i].offset, at);
		assert_true(parts[i].is_last == (i + 1 == n));
		assert_null(parts[i].blocks);
		(void)snprintf(etag, sizeof(etag), "etag-%zu", i + 1);
		assert_string_equal(parts[i].etag, etag);
		at += parts[i].size;
	}
	assert_int_equal(at, w->written);
	check_whole(w, u);
	(void)call_new(u, OP_COMPLETE, NULL, &u->call);
}

static void
fake_abort(struct upload *u)
{
	struct world *w = ((struct fake_upload *)(void *)u)->w;

	assert_int_equal(w->under_way, 0);
	(void)call_new(u, OP_ABORT, NULL, NULL);
}

static void
fake_free(struct upload *u)
{
	struct fake_upload *f = (struct fake_upload *)(void *)u;

	f->w->freed++;
	free(f);
}

#endif
