/* upload_plan_test.c - sizes of parts, for whatever comes; and a checksum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/upload.h"

#define KIB ((int64_t)1 << 10)
#define MIB ((int64_t)1 << 20)
#define GIB ((int64_t)1 << 30)
#define TIB ((int64_t)1 << 40)

static const struct upload_limits s3 = { 5 * MIB, 5 * GIB, 0, 10000 };
static const struct upload_limits azure = { 1, 4000 * MIB, 0, 50000 };
static const struct upload_limits gcs = { 256 * KIB, 5 * TIB, 256 * KIB, 0 };

static uint64_t seed = 88172645463325252u;

static int64_t
any(int64_t below)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (int64_t)(seed % (uint64_t)below);
}

/* Of any order of magnitude. */
static int64_t
any_size(int64_t max)
{
	int64_t n = any(max) >> any(40);

	return n > 0 ? n : 1;
}

/* What fits into all parts together; checks each. */
static int64_t
room(const struct upload_limits *l, int64_t part_size, int64_t hint)
{
	int64_t n, before = 0, sum = 0, g = l->granule > 1 ? l->granule : 1;
	unsigned i;

	for (i = 1; i <= l->parts_max; i++) {
		n = upload_part_size(l, part_size, hint, i);
		assert_true(n >= before); /* Never less than before. */
		assert_true(n >= l->part_min && n <= l->part_max);
		assert_int_equal(n % g, 0);
		sum += n;
		before = n;
	}
	return sum;
}

static void
test_default(void **state)
{
	(void)state;
	assert_int_equal(upload_part_size(&s3, 0, -1, 1), 8 * MIB);
	assert_int_equal(upload_part_size(&azure, 0, -1, 1), 8 * MIB);
	assert_int_equal(upload_part_size(&gcs, 0, -1, 1), 8 * MIB);
	/* A small hint is no reason for another size. */
	assert_int_equal(upload_part_size(&s3, 0, 100, 1), 8 * MIB);
	assert_int_equal(upload_part_size(&s3, 0, 30 * GIB, 1), 8 * MIB);
	assert_int_equal(upload_part_size(&s3, 0, 30 * GIB, 4800), 8 * MIB);
	/* As asked for, where the store takes that. */
	assert_int_equal(upload_part_size(&s3, 16 * MIB, -1, 1), 16 * MIB);
	assert_int_equal(upload_part_size(&s3, MIB, -1, 1), 5 * MIB);
	assert_int_equal(upload_part_size(&s3, 6 * GIB, -1, 1), 5 * GIB);
	assert_int_equal(upload_part_size(&gcs, MIB + 1, -1, 1),
	    MIB + 256 * KIB);
	assert_int_equal(upload_part_size(&gcs, MIB, 100 * TIB, 1000000), MIB);
}

static void
test_growth(void **state)
{
	(void)state;
	assert_int_equal(upload_part_size(&s3, 0, -1, 500), 8 * MIB);
	assert_int_equal(upload_part_size(&s3, 0, -1, 501), 16 * MIB);
	assert_int_equal(upload_part_size(&s3, 0, -1, 1000), 16 * MIB);
	assert_int_equal(upload_part_size(&s3, 0, -1, 1001), 32 * MIB);
	assert_int_equal(upload_part_size(&s3, 0, -1, 10000), 5 * GIB);
	/* What S3 and Azure take at all fits in, though nothing was known. */
	assert_true(room(&s3, 0, -1) >= 5 * TIB);
	assert_true(room(&s3, 0, 1) >= 5 * TIB);
	assert_true(room(&azure, 0, -1) >= 100 * TIB);
	/* A terabyte that was foretold does not need huge parts. */
	assert_true(upload_part_size(&s3, 0, TIB, 1) <= 256 * MIB);
	assert_int_equal(upload_part_size(&s3, 0, TIB, 6000),
	    upload_part_size(&s3, 0, TIB, 1));
	/* One four times as large as foretold still fits. */
	assert_true(room(&s3, 0, TIB) >= 4 * TIB);
}

static void
test_any_limits(void **state)
{
	struct upload_limits l;
	int64_t hint, part_size, all;
	unsigned i;

	(void)state;
	for (i = 0; i < 4000; i++) {
		l.granule = any(3) == 0 ? any_size(MIB) : any(2);
		l.part_min = any_size(16 * MIB);
		if (l.granule > 1)
			l.part_min = (l.part_min / l.granule + 1) * l.granule;
		l.part_max = l.part_min + any_size(5 * GIB);
		if (l.granule > 1)
			l.part_max -= l.part_max % l.granule;
		l.parts_max = 1 + (unsigned)any(300);
		part_size = any(2) == 0 ? 0 : any_size(8 * GIB);
		hint = any_size(2 * TIB);
		all = room(&l, part_size, hint);
		if (hint + hint / 4 <= l.part_max * (int64_t)l.parts_max)
			assert_true(all >= hint + hint / 4);
		else
			assert_int_equal(all,
			    l.part_max * (int64_t)l.parts_max);
	}
}

static void
test_hints(void **state)
{
	static const struct upload_limits *const all[] = { &s3, &azure };
	const struct upload_limits *l;
	int64_t hint, left;
	unsigned i, n;

	(void)state;
	for (i = 0; i < 40; i++) {
		l = all[i % 2];
		hint = any_size(4 * TIB);
		left = hint + hint / 4;
		for (n = 0; left > 0; n++)
			left -= upload_part_size(l, 0, hint, n + 1);
		assert_true(n <= l->parts_max * 3 / 5);
	}
}

/* Bit by bit, as the definition has it. */
static uint32_t
slow_crc32c(const uint8_t *p, size_t n)
{
	uint32_t crc = 0xffffffff;
	unsigned k;

	for (; n > 0; n--, p++)
		for (crc ^= *p, k = 0; k < 8; k++)
			crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78u : 0);
	return ~crc;
}

/* Memory does not grow with parts, but for what was asked for. */
static void
test_window(void **state)
{
	(void)state;
	assert_int_equal(upload_part_window(0, 0, 8 * MIB), 1);
	assert_int_equal(upload_part_window(1, 0, 5 * GIB), 1);
	assert_int_equal(upload_part_window(4, 0, 8 * MIB), 4);
	assert_int_equal(upload_part_window(16, 0, 16 * MIB), 16);
	assert_int_equal(upload_part_window(4, 0, 64 * MIB), 4);
	assert_int_equal(upload_part_window(4, 0, 65 * MIB), 3);
	assert_int_equal(upload_part_window(16, 0, 128 * MIB), 2);
	assert_int_equal(upload_part_window(16, 8 * MIB, 5 * GIB), 2);
	assert_int_equal(upload_part_window(6, 512 * MIB, 512 * MIB), 6);
	assert_int_equal(upload_part_window(6, 512 * MIB, GIB), 2);
}

static void
test_crc32c(void **state)
{
	static const uint8_t zeros[32];
	uint8_t bytes[1000];
	size_t i, n, cut;

	(void)state;
	assert_int_equal(upload_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(upload_crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa);
	assert_int_equal(upload_crc32c(0, "", 0), 0);
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)any(256);
	for (i = 0; i < 300; i++) {
		n = (size_t)any((int64_t)sizeof(bytes));
		cut = (size_t)any((int64_t)n + 1);
		assert_int_equal(upload_crc32c(upload_crc32c(0, bytes, cut),
				     bytes + cut, n - cut),
		    slow_crc32c(bytes, n));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_default),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_any_limits),
		cmocka_unit_test(test_hints),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_crc32c),
	};

	(void)alarm(60);
	return cmocka_run_group_tests_name("upload_plan", tests, NULL, NULL);
}
