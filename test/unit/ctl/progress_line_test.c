/* progress_line_test.c - the line fits, whatever the width and the figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../../ctl/progress.h"
#include "base/mem.h"

#define MIB ((int64_t)1 << 20)

static void
test_parts(void **state)
{
	static const struct {
		struct progress_view view;
		size_t columns;
		const char *want;
	} rows[] = {
		{ { 7, "docs", "TRANSFER", 50 * MIB, 200 * MIB,
		      (double)MIB * 10, 5000 },
		    100,
		    "run 7 docs TRANSFER  [######----------"
		    "----------]  25%  50.0 MiB of 200.0 MiB  10.0 MiB/s"
		    "  0:15 left" },
		/* No total: no bar, and the time that has passed. */
		{ { 7, "docs", "CAPTURE", 50 * MIB, -1, 0, 65000 }, 80,
		    "run 7 docs CAPTURE  50.0 MiB  1:05" },
		{ { 7, "docs", "PREPARE", -1, -1, 0, 3725000 }, 80,
		    "run 7 docs PREPARE  1:02:05" },
		/* More than was expected is 100 %, with nothing left. */
		{ { 7, "docs", "TRANSFER", 300, 200, 10, 5000 }, 68,
		    "run 7 docs TRANSFER  [##########] 100%  300 B of 200 B"
		    "  10 B/s  0:05" },
		/* Narrow: the bar goes first, then rate, then time. */
		{ { 7, "docs", "TRANSFER", 50 * MIB, 200 * MIB,
		      (double)MIB * 10, 5000 },
		    60,
		    "run 7 docs TRANSFER  50.0 MiB of 200.0 MiB  0:15 left" },
		{ { 7, "docs", "TRANSFER", 50 * MIB, 200 * MIB,
		      (double)MIB * 10, 5000 },
		    12, "run 7 docs T" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(rows); i++) {
		struct buf b = BUF_INIT;

		progress_format(&rows[i].view, rows[i].columns, &b);
		assert_string_equal(buf_str(&b), rows[i].want);
		buf_done(&b);
	}
}

static void
test_every_width(void **state)
{
	static const int64_t sizes[] = { -1, 0, 1, 1023, 50 * MIB,
		INT64_MAX / 2, INT64_MAX };
	static const double rates[] = { 0, 1, 1e9, 1e18 };
	size_t columns, i, j, k;

	(void)state;
	for (columns = 0; columns < 220; columns++)
		for (i = 0; i < COUNT_OF(sizes); i++)
			for (j = 0; j < COUNT_OF(sizes); j++)
				for (k = 0; k < COUNT_OF(rates); k++) {
					struct progress_view v = { 1234567,
						"lightrag", "TRANSFER",
						sizes[i], sizes[j], rates[k],
						86400000 };
					struct buf b = BUF_INIT;

					progress_format(&v, columns, &b);
					assert_true(b.len <= columns);
					buf_done(&b);
				}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_every_width),
	};

	return cmocka_run_group_tests_name("progress_line", tests, NULL, NULL);
}
