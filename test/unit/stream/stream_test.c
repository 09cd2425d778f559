/* stream_test.c - the pump: windows, failing, slow and stuck sinks, cancel. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/resource.h>

#include "base/work.h"
#include "stream/filter.h"
#include "stream/readers.h"
#include "stream/stream.h"
#include "unit/stream/fakes.h"

#define WINDOW ((int64_t)(8 * BLOCK_SIZE))
#define NSINKS 3

struct world {
	uv_loop_t loop;
	struct env *env;
	struct work_pool *pool;
	struct fake_store stores[NSINKS];
	struct fake_reader reader;
	struct stream_sink sinks[NSINKS];
	struct stream_opt opt;
	struct stream *stream;
	/* The answer. */
	unsigned answers, cancels;
	struct stream_progress progress;	/* When the answer came. */
	struct stream_result result;
	struct stream_sink_result sink_results[NSINKS];
	struct err err;
	int64_t size;		/* Of what the reader yields. */
};

/* Compressible, but not trivially; the same for the same place. */
static size_t
make_bytes(void *arg, int64_t at, uint8_t *out, size_t n)
{
	struct world *w = arg;
	size_t i;
	uint64_t x;

	if ((int64_t)n > w->size - at)
		n = (size_t)(w->size - at);
	for (i = 0; i < n; i++) {
		x = (uint64_t)(at + (int64_t)i + 1) * 0x9e3779b97f4a7c15u;
		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
		out[i] = (uint8_t)((x >> 60) + 'a');
	}
	return n;
}

static void
setup(struct world *w, size_t nsinks, int64_t size)
{
	static const char *const names[NSINKS] = { "one", "two", "three" };
	size_t i;

	memset(w, 0, sizeof(*w));
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->env = env_new(&w->loop);
	w->pool = work_pool_new(&w->loop, 2);
	w->size = size;
	fake_reader_init(&w->reader, w->env, make_bytes, w);
	for (i = 0; i < NSINKS; i++) {
		fake_store_init(&w->stores[i], w->env, names[i]);
		w->sinks[i].store = &w->stores[i].store;
		w->sinks[i].key = "k";
	}
	w->opt.reader = &w->reader.reader;
	w->opt.size_hint = size;
	w->opt.sinks = w->sinks;
	w->opt.nsinks = nsinks;
}

static void
teardown(struct world *w)
{
	size_t i;

	work_pool_free(w->pool);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	env_free(w->env);
	for (i = 0; i < NSINKS; i++)
		fake_store_done(&w->stores[i]);
	if (w->opt.reader == &w->reader.reader)
		assert_true(w->reader.is_closed);
}

static void
on_answer(void *arg, const struct stream_result *r, const struct err *e)
{
	struct world *w = arg;

	w->answers++;
	stream_progress(w->stream, &w->progress);
	w->stream = NULL;
	if (e != NULL) {
		err_copy(&w->err, e);
		return;
	}
	w->result = *r;
	memcpy(w->sink_results, r->sinks, w->opt.nsinks *
	    sizeof(w->sink_results[0]));
}

static void
on_canceled(void *arg)
{
	struct world *w = arg;

	w->cancels++;
	w->stream = NULL;
}

static void
start(struct world *w)
{
	w->stream = stream_start(w->env, w->pool, &w->opt, on_answer, w);
	assert_int_equal(w->answers, 0);
}

static void
run(struct world *w)
{
	start(w);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(w->answers, 1);
}

/* Every put that was opened has ended, one way. */
static void
assert_settled(const struct world *w)
{
	size_t i;

	for (i = 0; i < NSINKS; i++)
		assert_int_equal(w->stores[i].opened,
		    w->stores[i].finished + w->stores[i].aborted);
}

static void
assert_digest(const void *p, size_t n, const char *hex)
{
	struct digest *d = digest_new();
	char got[STR_HEX_SHA256];

	digest_add(d, p, n);
	digest_end(d, got);
	digest_free(d);
	assert_string_equal(got, hex);
}

static int
collect(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_add(arg, p, n);
	return 0;
}

/* What the first store holds is, unpacked, what the reader yielded. */
static void
assert_round_trip(struct world *w)
{
	struct fake_store *f = &w->stores[0];
	struct err e = ERR_INIT;
	struct buf plain = BUF_INIT;
	struct gunzip *g = gunzip_new(collect, &plain);
	uint8_t *want = xmalloc((size_t)w->size + 1);

	assert_int_equal(gunzip_write(g, f->bytes.data, f->bytes.len, &e), 0);
	assert_int_equal(gunzip_end(g, &e), 0);
	gunzip_free(g);
	assert_int_equal(plain.len, w->size);
	(void)make_bytes(w, 0, want, (size_t)w->size);
	assert_memory_equal(buf_str(&plain), want, plain.len);
	assert_digest(plain.data, plain.len, w->result.plain_sha256);
	assert_digest(f->bytes.data, f->bytes.len, w->result.sha256);
	free(want);
	buf_done(&plain);
}

static void
test_three_equal_copies(void **state)
{
	static const int64_t sizes[] = { 0, 1, 511, 262144, 262145, 5000000 };
	struct world w;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT_OF(sizes); i++) {
		setup(&w, 3, sizes[i]);
		w.opt.is_compressed_here = true;
		w.stores[1].block_ms = 1;
		w.reader.block_min = 1;
		run(&w);
		assert_int_equal(w.err.code, ERR_NONE);
		assert_int_equal(w.result.plain_size, sizes[i]);
		for (j = 0; j < 3; j++) {
			assert_int_equal(w.sink_results[j].err.code, ERR_NONE);
			assert_int_equal(w.sink_results[j].proof.size,
			    w.result.size);
			assert_int_equal(w.stores[j].bytes.len, w.result.size);
			assert_memory_equal(buf_str(&w.stores[j].bytes),
			    buf_str(&w.stores[0].bytes),
			    (size_t)w.result.size);
			assert_int_equal(w.stores[j].size_hint, -1);
		}
		assert_round_trip(&w);
		assert_settled(&w);
		teardown(&w);
	}
}

static void
test_stored_as_it_is(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 1, 300000);
	run(&w);
	assert_int_equal(w.result.size, 300000);
	assert_int_equal(w.result.plain_size, 300000);
	assert_string_equal(w.result.sha256, w.result.plain_sha256);
	assert_int_equal(w.stores[0].size_hint, 300000);
	assert_digest(w.stores[0].bytes.data, 300000, w.result.sha256);
	teardown(&w);
}

static void
test_figures_alone(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 0, 12345678);
	run(&w);
	assert_int_equal(w.result.plain_size, 12345678);
	assert_int_equal(strlen(w.result.sha256), 64);
	teardown(&w);
}

/* Nobody runs ahead of a slow sink by more than the windows. */
static void
test_back_pressure(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 2, 40 * 1000 * 1000);
	w.stores[1].block_ms = 1;
	w.stores[1].is_discarding = true;
	w.reader.behind = &w.stores[1].taken;
	run(&w);
	assert_int_equal(w.sink_results[1].err.code, ERR_NONE);
	assert_int_equal(w.sink_results[1].proof.size, w.size);
	/* In, out with one job's output on top, the put's own window. */
	assert_in_range(w.reader.max_ahead, WINDOW,
	    3 * WINDOW + 5 * (int64_t)BLOCK_SIZE);
	assert_settled(&w);
	teardown(&w);
}

static void
test_tiny_blocks_are_bounded_by_count(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 1, 20000);
	w.reader.block_min = w.reader.block_max = 1;
	w.stores[0].block_ms = 1;
	w.stores[0].stick_at = 10;
	w.sinks[0].min_rate = 1;
	w.sinks[0].stall_ms = 1500;
	run(&w);
	assert_int_equal(w.sink_results[0].err.code, ERR_TIMEOUT);
	assert_in_range(w.reader.given, 1000, 3200);
	teardown(&w);
}

static void
test_reader_fails(void **state)
{
	static const int64_t at[] = { 0, 1, 262144, 3000000, 9999999 };
	struct world w;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(at); i++) {
		setup(&w, 3, 10000000);
		w.opt.is_compressed_here = true;
		w.reader.fail_at = at[i];
		w.stores[2].fail_at = 1;
		w.stores[2].finish_ms = 20;
		run(&w);
		assert_int_equal(w.err.code, ERR_NETWORK);
		assert_int_equal(w.stores[0].aborted, 1);
		assert_int_equal(w.stores[1].aborted, 1);
		assert_settled(&w);
		teardown(&w);
	}
}

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

/* Cancel after n turns of the loop, for every n until it is over. */
static void
test_cancel_at_every_turn(void **state)
{
	struct world w;
	unsigned n, i;
	bool is_over = false;

	(void)state;
	for (n = 0; !is_over; n++) {
		setup(&w, 3, 6 * (int64_t)BLOCK_SIZE);
		w.opt.is_compressed_here = true;
		w.stores[1].block_ms = 1;
		w.stores[1].window = 1;
		w.stores[2].fail_at = 2;
		w.stores[2].finish_ms = 2;
		w.reader.delay_ms = 1;	/* A turn of the loop each. */
		start(&w);
		for (i = 0; i < n; i++)
			(void)uv_run(&w.loop, UV_RUN_ONCE);
		is_over = w.stream == NULL;
		if (!is_over) {
			stream_cancel(w.stream, on_canceled, &w);
			assert_int_equal(w.cancels, 0);
		}
		assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0);
		assert_int_equal(w.answers, is_over ? 1 : 0);
		assert_int_equal(w.cancels, is_over ? 0 : 1);
		assert_settled(&w);
		teardown(&w);
		assert_true(n < 10000);
	}
	assert_true(n > 10);
}

static void
test_cancel_a_hanging_reader(void **state)
{
	struct world w;

	(void)state;
	setup(&w, 2, 10000000);
	w.reader.hang_at = 3000000;
	start(&w);
	assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(w.answers, 0);
	stream_cancel(w.stream, NULL, NULL);
	assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(w.answers, 0);
	assert_int_equal(w.stores[0].aborted + w.stores[1].aborted, 2);
	teardown(&w);
}

static void
test_progress_moves(void **state)
{
	struct stream_progress p, last = { 0, 0 };
	struct world w;
	unsigned steps = 0;

	(void)state;
	setup(&w, 1, 30000000);
	w.opt.is_compressed_here = true;
	w.reader.delay_ms = 1;
	start(&w);
	while (w.stream != NULL) {
		stream_progress(w.stream, &p);
		assert_true(p.bytes_read >= last.bytes_read);
		assert_true(p.bytes_stored >= last.bytes_stored);
		steps += p.bytes_read > last.bytes_read;
		last = p;
		(void)uv_run(&w.loop, UV_RUN_ONCE);
	}
	assert_true(steps >= 3);
	assert_int_equal(w.progress.bytes_read, w.size);
	assert_int_equal(w.progress.bytes_stored, w.result.size);
	teardown(&w);
}

/* Zeros and noise by turns, cheap to make. */
static size_t
make_much(void *arg, int64_t at, uint8_t *out, size_t n)
{
	static uint64_t seed = 1;
	struct world *w = arg;
	uint64_t x;
	size_t i;

	if ((int64_t)n > w->size - at)
		n = (size_t)(w->size - at);
	memset(out, 0, n);
	if (at / (int64_t)BLOCK_SIZE % 2 == 0)
		return n;
	for (i = 0; i + 8 <= n; i += 8) {
		x = fake_random(&seed);
		memcpy(out + i, &x, 8);
	}
	return n;
}

/* The most this process ever had, in KiB. */
static long
peak_kib(void)
{
	struct rusage u;

	assert_int_equal(getrusage(RUSAGE_SELF, &u), 0);
#ifdef __APPLE__
	return u.ru_maxrss / 1024;
#else
	return u.ru_maxrss;
#endif
}

static void
run_much(int64_t size)
{
	struct world w;
	int i;

	setup(&w, 3, size);
	w.reader.bytes = make_much;
	w.opt.is_compressed_here = true;
	w.opt.level = STREAM_FAST;
	for (i = 0; i < 3; i++)
		w.stores[i].is_discarding = true;
	run(&w);
	assert_int_equal(w.err.code, ERR_NONE);
	assert_int_equal(w.result.plain_size, size);
	teardown(&w);
}

static void
test_memory_is_flat(void **state)
{
	long before;

	(void)state;
	run_much(20 * 1024 * 1024);
	before = peak_kib();
	run_much((int64_t)500 * 1024 * 1024);
#if !defined(__SANITIZE_ADDRESS__)
	/* A sanitizer keeps freed memory back. */
	assert_in_range(peak_kib() - before, 0, 16 * 1024);
#else
	assert_in_range(peak_kib() - before, 0, 400 * 1024);
#endif
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_is_flat),
		cmocka_unit_test(test_three_equal_copies),
		cmocka_unit_test(test_stored_as_it_is),
		cmocka_unit_test(test_figures_alone),
		cmocka_unit_test(test_back_pressure),
		cmocka_unit_test(test_tiny_blocks_are_bounded_by_count),
		cmocka_unit_test(test_reader_fails),
		cmocka_unit_test(test_a_sink_fails),
		cmocka_unit_test(test_finish_fails),
		cmocka_unit_test(test_all_sinks_fail),
		cmocka_unit_test(test_stuck_sink_is_detached),
		cmocka_unit_test(test_slow_sink),
		cmocka_unit_test(test_fast_enough_is_kept),
		cmocka_unit_test(test_last_sink_stuck_ends_the_stream),
		cmocka_unit_test(test_cancel_at_every_turn),
		cmocka_unit_test(test_cancel_a_hanging_reader),
		cmocka_unit_test(test_progress_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
