/*
 * upload_writer.h - who writes into an upload: blocks of any size, as fast as
 * it may, with a count of what is kept of them.
 */
#ifndef TEST_STORE_UPLOAD_WRITER_H
#define TEST_STORE_UPLOAD_WRITER_H

#include "unit/store/upload_world.h"

struct store_put *put;
uint64_t seed;
int64_t written;
struct block *blocks[BLOCKS_MAX];
size_t nblocks;
bool is_free_to_write, is_within;
}
;

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

/* The writer. */

static void
note_alive(struct world *w)
{
	unsigned kib = 0;
	size_t i;

	for (i = 0; i < w->nblocks; i++)
		if (atomic_load(&w->blocks[i]->refs) > 1)
			kib += (unsigned)(w->blocks[i]->len / 1024);
	if (kib > w->max_alive_kib)
		w->max_alive_kib = kib;
}

static struct block *
make_block(struct world *w)
{
	int64_t left = w->size - w->written;
	size_t i, n = w->block_max;
	struct block *b;

	if (!w->is_even)
		n = 1 + (size_t)w_random(w, n);
	if ((int64_t)n > left)
		n = (size_t)left;
	b = block_new(n);
	b->len = n;
	for (i = 0; i < n; i++)
		b->data[i] = w_byte(w->written + (int64_t)i);
	assert_true(w->nblocks < BLOCKS_MAX);
	return w->blocks[w->nblocks++] = b;
}

static void
on_ready(void *arg)
{
	struct world *w = arg;

	assert_false(w->is_within);
	assert_false(w->is_free_to_write);
	assert_non_null(w->put);
	w->ready++;
	w->is_free_to_write = true;
}

static void
on_put(void *arg, const struct store_proof *p, const struct err *e)
{
	struct world *w = arg;

	assert_false(w->is_within);
	assert_true((p == NULL) == (e != NULL));
	w->answers++;
	w->answered_ms = env_mono_ms(w->env);
	err_copy(&w->err, e);
	if (p != NULL)
		w->proof = *p;
}

UNUSED_OK static void
w_open(struct world *w)
{
	struct store_put_opt opt = { w->size_hint, w->if_absent, "Cool",
		w->deadline_ms };
	struct fake_upload *f = xcalloc(1, sizeof(*f));

	f->w = w;
	w->cloud.part_size = w->part_size;
	w->bytes = xcalloc(1, (size_t)w->size + 1);
	upload_init(&f->up, &w->cloud, &w->ops, "20260101-000000/x", &opt,
	    on_ready, w);
	assert_string_equal(f->up.tier, "Cool");
	w->put = (struct store_put *)(void *)f;
	w->is_free_to_write = true;
}

/* All that may be written now; false when there is no more. */
UNUSED_OK static bool
w_write_some(struct world *w)
{
	int64_t n = 0;
	bool may_go_on;

	while (w->is_free_to_write && w->written < w->size &&
	    !upload_failed(w->put)) {
		struct block *b = make_block(w);

		/* In the upload's eyes it is there before it returns. */
		w->written += (int64_t)b->len;
		w->is_within = true;
		may_go_on = upload_write(w->put, b);
		w->is_within = false;
		w->is_free_to_write = may_go_on;
		note_alive(w);
		if (++n == w->pace)
			break;
	}
	return w->written < w->size && !upload_failed(w->put);
}

UNUSED_OK static void
w_finish(struct world *w)
{
	struct store_put *put = w->put;

	w->is_within = true;
	w->put = NULL;
	upload_finish(put, on_put, w);
	w->is_within = false;
}

UNUSED_OK static void
w_release(struct world *w)
{
	if (w->held != NULL)
		env_timer_start(w->held->timer, 0);
}

UNUSED_OK static void
w_turn(struct world *w)
{
	(void)uv_run(&w->loop, UV_RUN_ONCE);
}

/* What is due, and what becomes due within ${ms}. */
UNUSED_OK static void
w_pause(struct world *w, int64_t ms)
{
	int64_t until = env_mono_ms(w->env) + ms;

	do {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		(void)usleep(200);
	} while (env_mono_ms(w->env) < until);
}

UNUSED_OK static void
w_wait(struct world *w)
{
	while (w->answers == 0)
		w_turn(w);
	assert_int_equal(w->answers, 1);
}

UNUSED_OK static void
w_run(struct world *w)
{
	w_open(w);
	while (w_write_some(w))
		(void)uv_run(&w->loop,
		    w->is_free_to_write ? UV_RUN_NOWAIT : UV_RUN_ONCE);
	w_finish(w);
	w_wait(w);
}

UNUSED_OK static void
w_assert_good(const struct world *w)
{
	int64_t i;

	assert_string_equal(w->err.msg, "");
	assert_int_equal(w->err.code, ERR_NONE);
	assert_int_equal(w->proof.size, w->size);
	assert_int_equal(w->got, w->size);
	assert_int_equal(w->n[OP_ABORT], 0);
	for (i = 0; i < w->size; i++)
		if (w->bytes[i] != w_byte(i))
			fail_msg("byte %lld differs", (long long)i);
}

UNUSED_OK static int
w_setup(void **state)
{
	static const struct upload_ops ops = {
		.digests = UPLOAD_MD5 | UPLOAD_SHA256 | UPLOAD_CRC32C,
		.limits = { 1 << 20, (int64_t)64 << 20, 0, 1000 },
		.put = fake_put,
		.begin = fake_begin,
		.part = fake_part,
		.complete = fake_complete,
		.abort = fake_abort,
		.free = fake_free,
	};
	static struct env_ops fast_ops;
	struct world *w = xcalloc(1, sizeof(*w));

	(void)alarm(60);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->env = env_new(&w->loop);
	w->pool = work_pool_new(&w->loop, 2);
	w->ops = ops;
	fast_ops = *w->env->ops;
	fast_ops.timer_new = fast_timer_new;
	fast_ops.timer_start = fast_timer_start;
	w->fast.ops = &fast_ops;
	w->fast.loop = &w->loop;
	w->cloud.base.env = &w->fast;
	w->cloud.base.lent.env = &w->fast;
	w->cloud.base.lent.pool = w->pool;
	w->cloud.concurrency = 3;
	w->late_op = w->fail_op = w->never_op = -1;
	w->part_size = 1 << 20;
	w->size_hint = -1;
	w->block_max = BLOCK_SIZE;
	w->seed = 88172645463325252u;
	*state = w;
	return 0;
}

UNUSED_OK static int
w_teardown(void **state)
{
	struct world *w = *state;
	size_t i;

	work_pool_free(w->pool);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	env_free(w->env);
	assert_int_equal(w->cloud.users, 0);
	assert_int_equal(w->freed, 1);
	assert_int_equal(w->under_way, 0);
	for (i = 0; i < w->nblocks; i++) {
		assert_int_equal(atomic_load(&w->blocks[i]->refs), 1);
		block_unref(w->blocks[i]);
	}
	free(w->bytes);
	free(w);
	return 0;
}

#endif
