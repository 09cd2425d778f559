/* tarscan_fuzz.c - one verdict and one list of members however it is cut. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "stream/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

struct seen {
	struct buf list;
	int64_t left;
	bool is_inside;
};

static void
on_begin(void *arg, const char *name, int64_t size)
{
	struct seen *s = arg;

	BUG_IF(s->is_inside || size < 0);
	s->is_inside = true;
	s->left = size;
	buf_addf(&s->list, "%s %lld\n", name, (long long)size);
}

static void
on_data(void *arg, const void *p, size_t n)
{
	struct seen *s = arg;

	BUG_IF(!s->is_inside || (int64_t)n > s->left);
	s->left -= (int64_t)n;
	buf_add(&s->list, p, n);
}

static void
on_end(void *arg)
{
	struct seen *s = arg;

	BUG_IF(!s->is_inside || s->left != 0);
	s->is_inside = false;
}

static int
scan(const uint8_t *p, size_t n, size_t piece_size, struct seen *s)
{
	struct tarscan_hooks hooks = { on_begin, on_data, on_end, s };
	struct tarscan *t = tarscan_new(&hooks);
	struct err e = ERR_INIT;
	size_t piece;
	int rc = 0;

	for (; rc == 0 && n > 0; p += piece, n -= piece) {
		piece = n < piece_size ? n : piece_size;
		rc = tarscan_write(t, p, piece, &e);
	}
	if (rc == 0)
		rc = tarscan_end(t, &e);
	tarscan_free(t);
	BUG_IF(rc == -1 && e.code != ERR_CORRUPT);
	return rc;
}

/* Checksums are put right, or nothing would ever get past the first header. */
static uint8_t *
with_sums(const uint8_t *p, size_t n)
{
	uint8_t *tar = xmalloc(n);
	unsigned sum;
	size_t at, i;

	memcpy(tar, p, n);
	for (at = 0; at + 512 <= n; at += 512) {
		if (memcmp(tar + at + 148, "sum", 3) != 0)
			continue;
		memset(tar + at + 148, ' ', 8);
		for (i = 0, sum = 0; i < 512; i++)
			sum += tar[at + i];
		for (i = 0; i < 6; i++)
			tar[at + 148 + i] = (uint8_t)('0' +
			    (sum >> (3 * (5 - i)) & 7));
	}
	return tar;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct seen a = { .left = 0 }, b = { .left = 0 };
	uint8_t *tar = with_sums(p, n);
	int rc = scan(tar, n, n == 0 ? 1 : n, &a);

	BUG_IF(rc != scan(tar, n, 7, &b));
	BUG_IF(a.list.len != b.list.len);
	BUG_IF(memcmp(buf_str(&a.list), buf_str(&b.list), a.list.len) != 0);
	buf_done(&a.list);
	buf_done(&b.list);
	free(tar);
	return 0;
}
