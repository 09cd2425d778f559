/* sink_test.c - sinks that fail, are slow, stand still: the others go on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/stream/world.h"

static void
test_a_sink_fails(void **state)
{
	struct world w;
	unsigned at;

	(void)state;
	for (at = 1; at <= 21; at++) {
		setup(&w, 3, 20 * (int64_t)BLOCK_SIZE);
		w.stores[1].fail_at = at;
		w.stores[1].is_failing_silently = at % 2 == 0;
		run(&w);
		assert_int_equal(w.err.code, ERR_NONE);
		assert_int_equal(w.sink_results[0].err.code, ERR_NONE);
		assert_int_equal(w.sink_results[2].err.code, ERR_NONE);
		assert_int_equal(w.sink_results[1].err.code,
		    at <= 20 ? ERR_NO_SPACE : ERR_NONE);
		/* It was noticed early, not fed to the end. */
		assert_int_equal(w.stores[1].writes, at <= 20 ? at : 20);
		assert_int_equal(w.stores[0].taken, w.size);
		assert_settled(&w);
		teardown(&w);
	}
}

static void
test_finish_fails(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 2, 1000000);
	w.stores[0].is_finish_failing = true;
	w.stores[0].finish_ms = 10;
	run(&w);
	assert_int_equal(w.sink_results[0].err.code, ERR_IO);
	assert_int_equal(w.sink_results[1].err.code, ERR_NONE);
	assert_settled(&w);
	teardown(&w);
}

static void
test_all_sinks_fail(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 3, (int64_t)1 << 40);
	w.stores[0].fail_at = 3;
	w.stores[1].is_open_refused = true;
	w.stores[2].fail_at = 5;
	w.opt.is_compressed_here = true;
	run(&w);
	assert_int_equal(w.err.code, ERR_NONE);
	assert_int_equal(w.sink_results[0].err.code, ERR_NO_SPACE);
	assert_int_equal(w.sink_results[1].err.code, ERR_PERMISSION);
	assert_int_equal(w.sink_results[2].err.code, ERR_NO_SPACE);
	assert_true(w.reader.given < 100 * WINDOW);
	assert_string_equal(w.result.sha256, "");
	assert_settled(&w);
	teardown(&w);

	setup(&w, 1, 1000);
	w.stores[0].is_open_refused = true;
	run(&w);
	assert_int_equal(w.sink_results[0].err.code, ERR_PERMISSION);
	assert_int_equal(w.reader.reads, 0);
	teardown(&w);
}

/* A sink that stands still is detached; the others get everything. */
static void
test_stuck_sink_is_detached(void **state)
{
	struct world w;
	unsigned at;
	int64_t began;

	(void)state;
	for (at = 1; at <= 40; at += 13) {
		setup(&w, 3, 40 * (int64_t)BLOCK_SIZE);
		w.stores[1].stick_at = at;
		w.sinks[1].min_rate = 1000;
		w.sinks[1].stall_ms = 100;
		began = env_mono_ms(w.env);
		run(&w);
		assert_int_equal(w.sink_results[0].err.code, ERR_NONE);
		assert_int_equal(w.sink_results[2].err.code, ERR_NONE);
		if (at < 40) {
			assert_int_equal(w.sink_results[1].err.code,
			    ERR_TIMEOUT);
			assert_true(w.sink_results[1].is_detached);
			assert_int_equal(w.stores[1].aborted, 1);
			assert_in_range(env_mono_ms(w.env) - began, 100, 1500);
		}
		assert_int_equal(w.stores[0].taken, w.size);
		assert_settled(&w);
		teardown(&w);
	}
}

/* Moving, but below min_rate: detached while others live, kept when last. */
static void
test_slow_sink(void **state)
{
	struct world w;
	size_t n;

	(void)state;
	for (n = 1; n <= 2; n++) {
		setup(&w, n, 40 * (int64_t)BLOCK_SIZE);
		w.stores[0].block_ms = 10;
		w.sinks[0].min_rate = 1000 * 1000 * 1000;
		w.sinks[0].stall_ms = 100;
		run(&w);
		assert_int_equal(w.sink_results[0].err.code,
		    n == 1 ? ERR_NONE : ERR_TIMEOUT);
		assert_int_equal(w.sink_results[0].is_detached, n == 2);
		assert_int_equal(w.sink_results[n - 1].err.code, ERR_NONE);
		assert_settled(&w);
		teardown(&w);
	}
}

/* A slow source is nobody's fault; a sink at min_rate is kept. */
static void
test_fast_enough_is_kept(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 2, 10 * (int64_t)BLOCK_SIZE);
	w.reader.delay_ms = 50;
	w.sinks[0].min_rate = 1000 * 1000 * 1000;
	w.sinks[0].stall_ms = 50;
	w.stores[0].block_ms = 5;
	w.stores[0].window = 1;
	run(&w);
	assert_int_equal(w.sink_results[0].err.code, ERR_NONE);
	teardown(&w);

	setup(&w, 2, 60 * (int64_t)BLOCK_SIZE);
	w.stores[0].block_ms = 5;
	w.sinks[0].min_rate = 1000 * 1000;
	w.sinks[0].stall_ms = 50;
	run(&w);
	assert_int_equal(w.sink_results[0].err.code, ERR_NONE);
	teardown(&w);
}

static void
test_last_sink_stuck_ends_the_stream(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 1, (int64_t)1 << 40);
	w.stores[0].stick_at = 5;
	w.sinks[0].min_rate = 1;
	w.sinks[0].stall_ms = 80;
	run(&w);
	assert_int_equal(w.err.code, ERR_NONE);
	assert_int_equal(w.sink_results[0].err.code, ERR_TIMEOUT);
	assert_settled(&w);
	teardown(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_sink_fails),
		cmocka_unit_test(test_finish_fails),
		cmocka_unit_test(test_all_sinks_fail),
		cmocka_unit_test(test_stuck_sink_is_detached),
		cmocka_unit_test(test_slow_sink),
		cmocka_unit_test(test_fast_enough_is_kept),
		cmocka_unit_test(test_last_sink_stuck_ends_the_stream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
