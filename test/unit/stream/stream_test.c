/* stream_test.c - copies, figures, back-pressure, cancel, memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/resource.h>

#include "stream/filter.h"
#include "unit/stream/world.h"

/* A sanitizer keeps freed memory back. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define GROWTH_KIB (400 * 1024)
#else
#define GROWTH_KIB (16 * 1024)
#endif

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
			    buf_str(&w.stores[0].bytes), (size_t)w.result.size);
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
		w.reader.delay_ms = 1; /* A turn of the loop each. */
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
	assert_in_range(peak_kib() - before, 0, GROWTH_KIB);
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
		cmocka_unit_test(test_cancel_at_every_turn),
		cmocka_unit_test(test_cancel_a_hanging_reader),
		cmocka_unit_test(test_progress_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
