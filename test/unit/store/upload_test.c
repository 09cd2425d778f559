/* upload_test.c - uploads into a store that behaves in every way. */
#include "unit/store/upload_writer.h"

#define MIB ((int64_t)1 << 20)

static void
test_one_put(void **state)
{
	struct world *w = *state;

	w->size = MIB - 7;
	w_run(w);
	w_assert_good(w);
	assert_int_equal(w->n[OP_PUT], 1);
	assert_int_equal(w->n[OP_BEGIN] + w->n[OP_PART], 0);
	assert_string_equal(w->proof.value, "proof-1048569");
	assert_true(w->proof.is_checked);
}

/* A part that is full is the only one when nothing comes after it. */
static void
test_one_full(void **state)
{
	struct world *w = *state;

	w->size = MIB;
	w->ops.limits.granule = 256 * 1024;
	w_run(w);
	w_assert_good(w);
	assert_int_equal(w->n[OP_PUT], 1);
	assert_int_equal(w->n[OP_BEGIN], 0);
}

static void
test_empty(void **state)
{
	struct world *w = *state;

	w->size = 0;
	w_run(w);
	w_assert_good(w);
	assert_int_equal(w->n[OP_PUT], 1);
	assert_string_equal(w->proof.value, "proof-0");
}

static void
test_parts(void **state)
{
	struct world *w = *state;

	w->size = 12 * MIB + 12345;
	w->delay_ms[OP_PART] = 8;
	w->delay_ms[OP_BEGIN] = 5;
	w_run(w);
	w_assert_good(w);
	assert_int_equal(w->n[OP_PUT], 0);
	assert_int_equal(w->n[OP_BEGIN], 1);
	assert_int_equal(w->n[OP_COMPLETE], 1);
	assert_true(w->max_under_way <= 3);
}

static void
test_late_parts(void **state)
{
	struct world *w = *state;

	/* The first comes last; the window holds what is behind it. */
	w->size = 3 * MIB;
	w->late_op = OP_PART;
	w->late_n = 1;
	w->late_ms = 150;
	w_run(w);
	w_assert_good(w);
	assert_int_equal(w->n[OP_COMPLETE], 1);
}

/* Sizes are exact where they must be, and blocks are cut for it. */
static void
test_granule(void **state)
{
	struct world *w = *state;
	unsigned i;

	w->size = 9 * MIB + 4321;
	w->ops.limits.granule = 256 * 1024;
	w->ops.is_sequential = true;
	/* Longer than reading one takes: the next is there already. */
	w->delay_ms[OP_PART] = 60;
	w_run(w);
	w_assert_good(w);
	assert_int_equal(w->n[OP_PART], 10);
	assert_int_equal(w->max_under_way, 1);
	for (i = 0; i < 9; i++)
		assert_int_equal(w->sizes[i], MIB);
	assert_int_equal(w->sizes[9], 4321);
}

/* Else a part ends with a block. */
static void
test_no_granule(void **state)
{
	struct world *w = *state;
	unsigned i;

	w->size = 9 * MIB;
	w_run(w);
	w_assert_good(w);
	for (i = 0; i + 1 < w->n[OP_PART]; i++)
		assert_true(w->sizes[i] >= MIB &&
		    w->sizes[i] < MIB + (int64_t)BLOCK_SIZE);
	assert_int_equal(w->ops.limits.part_min, MIB);
}

static void
test_part_max(void **state)
{
	struct world *w = *state;
	unsigned i;

	w->size = 9 * MIB;
	w->ops.limits.part_max = MIB + 1000;
	w_run(w);
	w_assert_good(w);
	for (i = 0; i + 1 < w->n[OP_PART]; i++)
		assert_true(w->sizes[i] <= MIB + 1000);
}

/* Memory is a part more than are under way, however slow these are. */
static void
test_memory(void **state)
{
	struct world *w = *state;

	w->size = 16 * MIB;
	w->is_even = true;
	w->delay_ms[OP_PART] = 10;
	w->delay_ms[OP_BEGIN] = 50;
	w_run(w);
	w_assert_good(w);
	assert_true(w->max_alive_kib <= 4 * 1024);
}

static void
test_memory_uneven(void **state)
{
	struct world *w = *state;

	w->size = 16 * MIB;
	w->ops.limits.granule = 64 * 1024;
	w->delay_ms[OP_PART] = 10;
	w->ops.is_sequential = true;
	w_run(w);
	w_assert_good(w);
	/* Two are enough where one is sent after the other. */
	assert_true(w->max_alive_kib <= 3 * 1024 + 2 * 256);
}

/* Nothing is taken without bound when nothing gets through. */
static void
test_stuck(void **state)
{
	struct world *w = *state;
	unsigned i;

	w->size = 16 * MIB;
	w->is_even = true;
	w->never_op = OP_PART;
	w_open(w);
	while (w->under_way < 3 || w->is_free_to_write) {
		(void)w_write_some(w);
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	for (i = 0; i < 20; i++)
		w_pause(w, 1);
	assert_int_equal(w->written, 4 * MIB);
	assert_int_equal(w->max_alive_kib, 4 * 1024);
	assert_int_equal(w->ready, 0);
	assert_int_equal(w->under_way, 3);
	upload_abort(w->put);
	assert_int_equal(w->canceled, 3);
}

/* Whoever was told to wait is told to go on. */
static void
test_ready(void **state)
{
	struct world *w = *state;

	w->size = 5 * MIB;
	w->is_even = true;
	w->cloud.concurrency = 1;
	w->never_op = OP_PART;
	w->never_n = 1;
	w_open(w);
	while (w->held == NULL || w->is_free_to_write) {
		(void)w_write_some(w);
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	assert_int_equal(w->written, 2 * MIB);
	w_release(w);
	while (!w->is_free_to_write)
		w_turn(w);
	assert_int_equal(w->ready, 1);
	while (w_write_some(w))
		w_turn(w);
	w_finish(w);
	w_wait(w);
	w_assert_good(w);
}

static void
test_digests(void **state)
{
	struct world *w = *state;

	w->size = 5 * MIB;
	w->ops.not_of_whole = UPLOAD_MD5 | UPLOAD_SHA256;
	w->ops.not_of_parts = UPLOAD_SHA256 | UPLOAD_CRC32C;
	w_run(w);
	w_assert_good(w);
}

/* Without digests nothing goes by the pool. */
static void
test_no_digests(void **state)
{
	struct world *w = *state;

	w->size = 5 * MIB;
	w->ops.digests = 0;
	w->cloud.base.lent.pool = NULL;
	w->delay_ms[OP_PART] = 5;
	w_run(w);
	w_assert_good(w);
}

static void
test_conditional(void **state)
{
	struct world *w = *state;

	w->size = 20 * MIB;
	w->if_absent = true;
	w_run(w);
	w_assert_good(w);
	assert_int_equal(w->n[OP_PUT], 1);
	assert_int_equal(w->n[OP_BEGIN], 0);
}

static void
test_conditional_too_large(void **state)
{
	struct world *w = *state;

	w->size = 65 * MIB;
	w->is_even = true;
	w->if_absent = true;
	w_run(w);
	assert_int_equal(w->err.code, ERR_INTERNAL);
	assert_true(w->written <= 64 * MIB + (int64_t)BLOCK_SIZE);
	assert_int_equal(w->n[OP_PUT] + w->n[OP_BEGIN] + w->n[OP_ABORT], 0);
}

static void
test_too_many_parts(void **state)
{
	struct world *w = *state;

	w->size = 6 * MIB;
	w->ops.limits.parts_max = 4;
	w->ops.limits.part_max = MIB;
	w->delay_ms[OP_PART] = 5;
	w_run(w);
	assert_int_equal(w->err.code, ERR_LIMIT);
	assert_int_equal(w->n[OP_COMPLETE], 0);
	assert_int_equal(w->n[OP_ABORT], w->n[OP_BEGIN]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_one_put),
		T(test_one_full),
		T(test_empty),
		T(test_parts),
		T(test_late_parts),
		T(test_granule),
		T(test_no_granule),
		T(test_part_max),
		T(test_memory),
		T(test_memory_uneven),
		T(test_stuck),
		T(test_ready),
		T(test_digests),
		T(test_no_digests),
		T(test_conditional),
		T(test_conditional_too_large),
		T(test_too_many_parts),
	};

	return cmocka_run_group_tests_name("upload", tests, NULL, NULL);
}
