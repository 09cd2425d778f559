/* gunzip_test.c - members, damage, garbage, bombs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/filter.h"
#include "unit/stream/tools.h"

static int
collect(void *arg, const void *p, size_t n, struct err *e)
{
	(void)e;
	buf_add(arg, p, n);
	return 0;
}

/* Unpack in pieces; 0 or -1. */
static int
unpack(const void *data, size_t n, size_t piece_size, struct buf *out,
    struct err *e)
{
	struct gunzip *g = gunzip_new(collect, out);
	const uint8_t *p = data;
	size_t piece;
	int rc = 0;

	for (; rc == 0 && n > 0; p += piece, n -= piece) {
		piece = n < piece_size ? n : piece_size;
		rc = gunzip_write(g, p, piece, e);
	}
	if (rc == 0)
		rc = gunzip_end(g, e);
	gunzip_free(g);
	return rc;
}

static void
test_host_gzip(void **state)
{
	static const char *const made[] = {
		"gzip -1 <t >x.gz",
		"gzip -6 <t >x.gz",
		"gzip -9 t -c >x.gz",
		"busybox gzip -c t >x.gz",
		"(head -c 9 t | gzip; : | gzip; tail -c +10 t | gzip) >x.gz",
	};
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	char *want, *gz;
	size_t i, n, nwant, piece;

	(void)state;
	assert_int_equal(tools_run("seq 1 20000 >t"), 0);
	want = tools_read("t", &nwant);
	for (i = 0; i < COUNT_OF(made); i++) {
		if (i == 3 && !tools_has("busybox"))
			continue;
		assert_int_equal(tools_run(made[i]), 0);
		gz = tools_read("x.gz", &n);
		for (piece = 1; piece <= n; piece = piece * 3 + 1) {
			buf_clear(&out);
			assert_int_equal(unpack(gz, n, piece, &out, &e), 0);
			assert_int_equal(out.len, nwant);
			assert_memory_equal(out.data, want, nwant);
		}
		free(gz);
	}
	free(want);
	buf_done(&out);
}

/* Cut anywhere, or with any one bit of it turned, it is refused, but for the
 * bytes of the header that mean nothing to us. */
static void
test_damage(void **state)
{
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i, n;
	char *gz;

	(void)state;
	assert_int_equal(tools_run("seq 1 300 | gzip -n >x.gz"), 0);
	gz = tools_read("x.gz", &n);
	assert_non_null(gz);
	for (i = 0; i < n; i++) {
		err_clear(&e);
		assert_int_equal(unpack(gz, i, n, &out, &e), -1);
		assert_int_equal(e.code, ERR_CORRUPT);
	}
	for (i = 0; i < n; i++) {
		if (i >= 3 && i < 10) /* Flags, time, level, system. */
			continue;
		gz[i] ^= 4;
		err_clear(&e);
		assert_int_equal(unpack(gz, n, 7, &out, &e), -1);
		assert_int_equal(e.code, ERR_CORRUPT);
		gz[i] ^= 4;
	}
	assert_int_equal(unpack(gz, n, 7, &out, &e), 0);
	free(gz);
	buf_done(&out);
}

static void
test_garbage(void **state)
{
	static const char *const tails[] = {
		"printf x",
		"printf '\\0'",
		"printf '\\037'",
		"printf '\\037\\213'",
		"head -c 100 /dev/zero",
		"seq 1 100",
	};
	struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	char *gz, *line;
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT_OF(tails); i++) {
		line = xasprintf("{ echo hello | gzip; %s; } >x.gz", tails[i]);
		assert_int_equal(tools_run(line), 0);
		free(line);
		gz = tools_read("x.gz", &n);
		err_clear(&e);
		assert_int_equal(unpack(gz, n, 5, &out, &e), -1);
		assert_int_equal(e.code, ERR_CORRUPT);
		free(gz);
	}
	err_clear(&e);
	assert_int_equal(unpack("", 0, 1, &out, &e), -1);
	assert_string_equal(e.msg, "gzip is empty");
	err_clear(&e);
	assert_int_equal(unpack("plain", 5, 5, &out, &e), -1);
	assert_string_equal(e.msg, "not gzip, at byte 0");
	gunzip_free(NULL);
	buf_done(&out);
}

static int
count(void *arg, const void *p, size_t n, struct err *e)
{
	int64_t *sum = arg;

	(void)p;
	assert_in_range(n, 1, 1024 * 1024);
	*sum += (int64_t)n;
	return *sum < 300000000 ? 0 : err_set(e, ERR_LIMIT, "enough");
}

/* A bomb comes out in pieces, and who takes them can end it. */
static void
test_bomb(void **state)
{
	struct err e = ERR_INIT;
	int64_t sum = 0;
	struct gunzip *g;
	char *gz;
	size_t n;

	(void)state;
	assert_int_equal(tools_run("head -c 400000000 /dev/zero | gzip -1 "
				   ">x.gz"),
	    0);
	gz = tools_read("x.gz", &n);
	g = gunzip_new(count, &sum);
	assert_int_equal(gunzip_write(g, gz, n, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_in_range(sum, 300000000, 301000000);
	gunzip_free(g);
	free(gz);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_host_gzip),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_bomb),
	};
	int rc;

	tools_init();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	tools_done();
	return rc;
}
