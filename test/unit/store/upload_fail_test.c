/* upload_fail_test.c - uploads that fail, are late, or are given up. */
#include "unit/store/upload_writer.h"

#define MIB ((int64_t)1 << 20)

/* As often as it was begun: what was begun never stays. */
static void
assert_undone(const struct world *w)
{
	assert_int_equal(w->n[OP_ABORT], w->n[OP_BEGIN]);
	assert_int_equal(w->freed, 1);
	assert_int_equal(w->cloud.users, 0);
}

static void
drain(struct world *w)
{
	while (w->freed == 0)
		w_turn(w);
}

/* Its n-th call of one kind fails. */
static void
run_failing(int op, unsigned n, bool is_uncancelable, int64_t size)
{
	void *state;
	struct world *w;

	assert_int_equal(w_setup(&state), 0);
	w = state;
	w->size = size;
	w->fail_op = op;
	w->fail_n = n;
	w->seed += (uint64_t)op * 1000 + n;
	w->is_uncancelable = is_uncancelable;
	w->delay_ms[OP_PART] = 6;
	w->delay_ms[OP_ABORT] = 4;
	w_run(w);
	assert_int_equal(w->err.code, ERR_NETWORK);
	assert_non_null(strstr(w->err.msg, "scripted"));
	drain(w);
	assert_undone(w);
	assert_true(op == OP_COMPLETE || w->n[OP_COMPLETE] == 0);
	assert_int_equal(w_teardown(&state), 0);
}

static void
test_fail(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 2; i++) {
		run_failing(OP_PUT, 1, i == 1, MIB / 2);
		run_failing(OP_BEGIN, 1, i == 1, 4 * MIB);
		run_failing(OP_COMPLETE, 1, i == 1, 4 * MIB);
	}
	for (i = 1; i <= 6; i++) {
		run_failing(OP_PART, i, false, 8 * MIB);
		run_failing(OP_PART, i, true, 8 * MIB);
	}
}

/* Writes after a failure are thrown away; finish tells why. */
static void
test_fail_then_write(void **state)
{
	struct world *w = *state;
	struct block *b;

	w->size = 8 * MIB;
	w->fail_op = OP_PART;
	w->fail_n = 2;
	w_open(w);
	while (!upload_failed(w->put)) {
		(void)w_write_some(w);
		w_turn(w);
	}
	/* Whoever waited was told. */
	assert_true(w->is_free_to_write);
	b = block_new(100);
	b->len = 100;
	assert_true(upload_write(w->put, b));
	assert_int_equal(atomic_load(&b->refs), 1);
	block_unref(b);
	/* The store is rid of it at once. */
	while (w->n[OP_ABORT] == 0)
		w_turn(w);
	w_pause(w, 5);
	w_finish(w);
	assert_int_equal(w->answers, 0);
	/* All is settled: finish waits for nothing more. */
	assert_int_equal(w->timer_ms, 0);
	w_wait(w);
	assert_int_equal(w->err.code, ERR_NETWORK);
	assert_undone(w);
}

/* The first error is the one that is told. */
static void
test_first_error(void **state)
{
	struct world *w = *state;

	w->size = 3 * MIB;
	w->fail_op = OP_PART;
	w->fail_n = 1;
	w->is_failing_on = true;
	w->is_uncancelable = true;
	w_run(w);
	assert_int_equal(w->err.code, ERR_NETWORK);
	assert_non_null(strstr(w->err.msg, "op 2, call 1"));
	assert_undone(w);
}

/* An abort that takes for ever holds up nobody, only the cloud. */
static void
run_slow_abort(struct world *w, int op)
{
	int64_t began = env_mono_ms(w->env);

	w->size = 4 * MIB;
	w->fail_op = op;
	w->fail_n = 1;
	w->never_op = OP_ABORT;
	w_run(w);
	assert_int_equal(w->err.code, ERR_NETWORK);
	assert_true(w->answered_ms - began >= 15000 / HURRY);
	assert_int_equal(w->freed, 0);
	assert_int_equal(w->cloud.users, 1);
	w_release(w);
	drain(w);
	assert_int_equal(w->answers, 1);
	assert_undone(w);
}

static void
test_slow_abort(void **state)
{
	run_slow_abort(*state, OP_COMPLETE);
}

/* Likewise when it failed before finish was called. */
static void
test_slow_abort_before(void **state)
{
	run_slow_abort(*state, OP_BEGIN);
}

static void
run_deadline(int never_op, int64_t size, bool is_uncancelable)
{
	void *state;
	struct world *w;

	assert_int_equal(w_setup(&state), 0);
	w = state;
	w->size = size;
	w->deadline_ms = 40;
	w->is_uncancelable = is_uncancelable;
	w->never_op = never_op;
	w->never_n = 1;
	w_run(w);
	assert_int_equal(w->err.code, ERR_TIMEOUT);
	w_release(w);
	if (!is_uncancelable && never_op != OP_BEGIN)
		assert_undone(w);
	drain(w);
	assert_int_equal(w->answers, 1);
	assert_undone(w);
	assert_int_equal(w_teardown(&state), 0);
}

/* A put has two places in which its call may stand. */
static void
test_put_by_part(void **state)
{
	struct world *w = *state;

	w->size = 1000;
	w->deadline_ms = 20;
	w->is_put_by_part = true;
	w->ops.digests = 0;
	w->never_op = OP_PUT;
	w_run(w);
	assert_int_equal(w->err.code, ERR_TIMEOUT);
	assert_int_equal(w->canceled, 1);
	assert_undone(w);
}

static void
test_deadline(void **state)
{
	(void)state;
	run_deadline(OP_PUT, 1000, false);
	run_deadline(OP_PUT, 1000, true);
	run_deadline(OP_BEGIN, 3 * MIB, false);
	run_deadline(OP_PART, 3 * MIB, false);
	run_deadline(OP_PART, 3 * MIB, true);
	run_deadline(OP_COMPLETE, 3 * MIB, false);
	run_deadline(OP_COMPLETE, 3 * MIB, true);
}

/* Given up after so many turns of the loop. */
static bool
run_aborted(unsigned turns, bool is_uncancelable, unsigned digests)
{
	void *state;
	struct world *w;
	bool has_more = true;
	unsigned i;

	assert_int_equal(w_setup(&state), 0);
	w = state;
	w->size = 6 * MIB;
	w->pace = 3;
	w->is_uncancelable = is_uncancelable;
	w->ops.digests = digests;
	w->seed += turns;
	w->delay_ms[OP_BEGIN] = 4;
	w->delay_ms[OP_PART] = 4;
	w_open(w);
	for (i = 0; i < turns && has_more; i++) {
		has_more = w_write_some(w);
		(void)uv_run(&w->loop,
		    w->is_free_to_write ? UV_RUN_NOWAIT : UV_RUN_ONCE);
	}
	upload_abort(w->put);
	w->put = NULL;
	drain(w);
	assert_int_equal(w->answers, 0);
	assert_int_equal(w->n[OP_COMPLETE] + w->n[OP_PUT], 0);
	assert_undone(w);
	assert_int_equal(w_teardown(&state), 0);
	return has_more;
}

static void
test_abort(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; run_aborted(i, i % 2 == 1, i % 4); i++)
		continue;
	assert_true(i > 8);
}

/* Given up so many turns of the loop after finish; true if in time. */
static bool
run_aborted_late(unsigned turns, bool is_uncancelable, bool is_single)
{
	struct store_put *put;
	void *state;
	struct world *w;
	bool was_in_time;
	unsigned i;

	assert_int_equal(w_setup(&state), 0);
	w = state;
	w->size = is_single ? MIB / 2 : 6 * MIB;
	w->is_uncancelable = is_uncancelable;
	w->seed += turns;
	for (i = 0; i < OPS; i++)
		w->delay_ms[i] = 4;
	w_open(w);
	while (w_write_some(w))
		w_turn(w);
	put = w->put;
	w_finish(w);
	for (i = 0; i < turns && w->answers == 0; i++) {
		assert_in_range(upload_moved(put), 0, w->size);
		w_turn(w);
	}
	was_in_time = w->answers == 0;
	if (was_in_time)
		upload_abort(put);
	drain(w);
	assert_int_equal(w->answers, !was_in_time);
	if (was_in_time && w->n[OP_COMPLETE] + w->n[OP_PUT] == 0)
		assert_undone(w);
	assert_int_equal(w->freed, 1);
	assert_int_equal(w_teardown(&state), 0);
	return was_in_time;
}

static void
test_abort_after_finish(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; run_aborted_late(i, i % 2 == 1, false); i++)
		continue;
	assert_true(i > 4);
	for (i = 0; run_aborted_late(i, i % 2 == 1, true); i++)
		continue;
	assert_true(i > 0);
}

/* Begin has been asked for: its answer names what is to be taken away. */
static void
test_abort_in_begin(void **state)
{
	struct world *w = *state;

	w->size = 2 * MIB;
	w->never_op = OP_BEGIN;
	w_open(w);
	(void)w_write_some(w);
	w_pause(w, 5);
	assert_int_equal(w->n[OP_BEGIN], 1);
	upload_abort(w->put);
	w->put = NULL;
	assert_int_equal(w->n[OP_ABORT], 0);
	w_pause(w, 5);
	assert_int_equal(w->n[OP_ABORT], 0);
	w_release(w);
	drain(w);
	assert_int_equal(w->n[OP_PART], 0);
	assert_undone(w);
}

/* Whatever happens, in whatever order: right, or undone. */
static void
run_random(unsigned seed)
{
	static const int ops[] = { OP_PUT, OP_BEGIN, OP_PART, OP_COMPLETE };
	void *state;
	struct world *w;
	unsigned i;

	assert_int_equal(w_setup(&state), 0);
	w = state;
	w->seed += seed * 7919u;
	for (i = 0; i < 10; i++)
		(void)w_random(w, 2);
	w->size = (int64_t)w_random(w, (uint64_t)(6 * MIB));
	w->block_max = 1 + (size_t)w_random(w, BLOCK_SIZE);
	if (w->block_max < 4096)
		w->block_max += 4096;
	w->cloud.concurrency = 1 + (unsigned)w_random(w, 5);
	w->ops.is_sequential = w_random(w, 3) == 0;
	if (w_random(w, 2) == 0)
		w->ops.limits.granule = 1 + (int64_t)w_random(w, 300000);
	w->ops.digests = (unsigned)w_random(w, 8);
	w->is_uncancelable = w_random(w, 2) == 0;
	w->pace = (int64_t)w_random(w, 8);
	for (i = 0; i < OPS; i++)
		w->delay_ms[i] = (int64_t)w_random(w, 6);
	if (w_random(w, 2) == 0) {
		w->fail_op = ops[w_random(w, 4)];
		w->fail_n = 1 + (unsigned)w_random(w, 4);
	}
	w_run(w);
	if (w->err.code == ERR_NONE) {
		w_assert_good(w);
	} else {
		assert_int_equal(w->err.code, ERR_NETWORK);
		assert_int_equal(w->n[w->fail_op] >= w->fail_n, 1);
		drain(w);
		assert_undone(w);
	}
	assert_int_equal(w_teardown(&state), 0);
}

static void
test_random(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 80; i++)
		run_random(i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		cmocka_unit_test_setup_teardown(test_abort_after_finish, NULL,
		    NULL),
		cmocka_unit_test(test_fail),
		T(test_fail_then_write),
		T(test_first_error),
		T(test_slow_abort),
		T(test_slow_abort_before),
		cmocka_unit_test(test_deadline),
		T(test_put_by_part),
		cmocka_unit_test(test_abort),
		T(test_abort_in_begin),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("upload_fail", tests, NULL, NULL);
}
