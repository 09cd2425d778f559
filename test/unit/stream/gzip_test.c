/* gzip_test.c - what we compress, other programs unpack. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/filter.h"
#include "unit/stream/tools.h"

static const enum stream_level levels[] = {
	STREAM_FAST,
	STREAM_DEFAULT,
	STREAM_BEST,
};

static void
on_block(void *arg, struct block *b)
{
	assert_in_range(b->len, 1, b->cap);
	buf_add(arg, b->data, b->len);
	block_unref(b);
}

/* Text of repeated words with noise in between. */
static void
make_text(uint8_t *p, size_t n)
{
	size_t i;

	srand(7);
	for (i = 0; i < n; i++)
		p[i] = i % 1000 < 600 ? (uint8_t) "entity <SEP> "[i % 13]
				      : (uint8_t)rand();
}

static void
compress(enum stream_level level, const uint8_t *p, size_t n, size_t piece_max,
    struct buf *out)
{
	struct gzip *g = gzip_new(level, on_block, out);
	struct err e = ERR_INIT;
	size_t piece;

	for (; n > 0; p += piece, n -= piece) {
		piece = 1 + (size_t)rand() % piece_max;
		piece = piece > n ? n : piece;
		assert_int_equal(gzip_write(g, p, piece, &e), 0);
	}
	assert_int_equal(gzip_end(g, &e), 0);
	gzip_free(g);
}

static int
collect(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_add(arg, p, n);
	return 0;
}

static void
assert_unpacks(const struct buf *gz, const uint8_t *want, size_t n)
{
	struct buf plain = BUF_INIT;
	struct gunzip *g = gunzip_new(collect, &plain);
	struct err e = ERR_INIT;

	assert_int_equal(gunzip_write(g, gz->data, gz->len, &e), 0);
	assert_int_equal(gunzip_end(g, &e), 0);
	gunzip_free(g);
	assert_int_equal(plain.len, n);
	assert_memory_equal(buf_str(&plain), want, n);
	buf_done(&plain);
}

static void
test_other_programs_unpack(void **state)
{
	static const size_t sizes[] = { 0, 1, 2, 4095, 262144, 3000001 };
	uint8_t *text = xmalloc(3000001);
	struct buf gz = BUF_INIT;
	size_t i, j;

	(void)state;
	make_text(text, 3000001);
	for (i = 0; i < COUNT_OF(levels); i++) {
		for (j = 0; j < COUNT_OF(sizes); j++) {
			buf_clear(&gz);
			compress(levels[i], text, sizes[j], 400000, &gz);
			assert_unpacks(&gz, text, sizes[j]);
			tools_write("want", text, sizes[j]);
			tools_write("x.gz", gz.data, gz.len);
			assert_int_equal(tools_run("gzip -t x.gz"), 0);
			assert_int_equal(tools_run("gzip -dc x.gz | "
						   "cmp - want"),
			    0);
			assert_int_equal(
			    tools_run("python3 -c 'import gzip; "
				      "assert gzip.open(\"x.gz\").read() == "
				      "open(\"want\", \"rb\").read()'"),
			    0);
			if (tools_has("busybox"))
				assert_int_equal(tools_run("busybox gunzip -c "
							   "x.gz | cmp - want"),
				    0);
		}
	}
	buf_done(&gz);
	free(text);
}

static void
test_tar_programs_unpack(void **state)
{
	static const char *const tars[] = { "tar", "bsdtar", "busybox tar" };
	struct buf gz = BUF_INIT;
	size_t n, i, j;
	char *tar, *line;

	(void)state;
	assert_int_equal(tools_run("mkdir -p d && seq 1 30000 >d/numbers && "
				   "ln d/numbers d/link && tar cf d.tar d"),
	    0);
	tar = tools_read("d.tar", &n);
	assert_non_null(tar);
	for (i = 0; i < COUNT_OF(levels); i++) {
		buf_clear(&gz);
		compress(levels[i], (uint8_t *)tar, n, 100000, &gz);
		assert_true(gz.len < n);
		tools_write("d.tar.gz", gz.data, gz.len);
		for (j = 0; j < COUNT_OF(tars); j++) {
			if (j > 0 && !tools_has(j == 1 ? "bsdtar" : "busybox"))
				continue;
			line = xasprintf("rm -rf o && mkdir o && %s -xzf "
					 "d.tar.gz -C o && diff -r d o/d",
			    tars[j]);
			assert_int_equal(tools_run(line), 0);
			free(line);
		}
	}
	free(tar);
	buf_done(&gz);
}

/* One byte at a time, and the same bytes for the same input. */
static void
test_pieces(void **state)
{
	uint8_t text[5000];
	struct buf one = BUF_INIT, two = BUF_INIT;
	size_t i;

	(void)state;
	make_text(text, sizeof(text));
	for (i = 0; i < COUNT_OF(levels); i++) {
		buf_clear(&one);
		buf_clear(&two);
		compress(levels[i], text, sizeof(text), 1, &one);
		assert_unpacks(&one, text, sizeof(text));
		compress(levels[i], text, sizeof(text), 1, &two);
		assert_int_equal(one.len, two.len);
		assert_memory_equal(one.data, two.data, one.len);
	}
	buf_done(&one);
	buf_done(&two);
}

static void
test_freed_in_the_middle(void **state)
{
	uint8_t text[5000];
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	struct gzip *g;
	size_t i;

	(void)state;
	make_text(text, sizeof(text));
	for (i = 0; i < COUNT_OF(levels); i++) {
		g = gzip_new(levels[i], on_block, &out);
		assert_int_equal(gzip_write(g, text, sizeof(text), &e), 0);
		gzip_free(g);
	}
	gzip_free(NULL);
	buf_done(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_programs_unpack),
		cmocka_unit_test(test_tar_programs_unpack),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_freed_in_the_middle),
	};
	int rc;

	tools_init();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	tools_done();
	return rc;
}
