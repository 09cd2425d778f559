/* gunzip_fuzz.c - damage is an error, never a crash; cuts change nothing. */
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "stream/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
collect(void *arg, const void *p, size_t n, struct err *e)
{
	struct buf *out = arg;

	if (out->len > 1024 * 1024)
		return err_set(e, ERR_LIMIT, "enough");
	buf_add(out, p, n);
	return 0;
}

static int
unpack(const uint8_t *p, size_t n, size_t piece_size, struct buf *out)
{
	struct gunzip *g = gunzip_new(collect, out);
	struct err e = ERR_INIT;
	size_t piece;
	int rc = 0;

	for (; rc == 0 && n > 0; p += piece, n -= piece) {
		piece = n < piece_size ? n : piece_size;
		rc = gunzip_write(g, p, piece, &e);
	}
	if (rc == 0)
		rc = gunzip_end(g, &e);
	gunzip_free(g);
	BUG_IF(rc == -1 && e.code != ERR_CORRUPT && e.code != ERR_LIMIT);
	return rc;
}

static void
on_block(void *arg, struct block *b)
{
	buf_add(arg, b->data, b->len);
	block_unref(b);
}

/* What we make of the input comes back as it was, at every level. */
static void
round_trip(const uint8_t *p, size_t n)
{
	enum stream_level level = (enum stream_level)(n % 3);
	struct buf gz = BUF_INIT, plain = BUF_INIT;
	struct gzip *g = gzip_new(level, on_block, &gz);
	struct err e = ERR_INIT;

	BUG_IF(gzip_write(g, p, n / 2, &e) == -1);
	BUG_IF(gzip_write(g, p + n / 2, n - n / 2, &e) == -1);
	BUG_IF(gzip_end(g, &e) == -1);
	gzip_free(g);
	BUG_IF(unpack((const uint8_t *)gz.data, gz.len, 100, &plain) == -1);
	BUG_IF(plain.len != n || memcmp(buf_str(&plain), p, n) != 0);
	buf_done(&gz);
	buf_done(&plain);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	int rc = unpack(p, n, n == 0 ? 1 : n, &a);

	BUG_IF(rc != unpack(p, n, 1, &b));
	BUG_IF(rc == 0 && a.len != b.len);
	buf_done(&a);
	buf_done(&b);
	round_trip(p, n);
	return 0;
}
