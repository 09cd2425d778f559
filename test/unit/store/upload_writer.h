/*
 * upload_writer.h - who writes into an upload: blocks of any size, as fast as
 * it may, with a count of what is kept of them.
 */
#ifndef TEST_STORE_UPLOAD_WRITER_H
#define TEST_STORE_UPLOAD_WRITER_H

#include "unit/store/upload_world.h"

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
