/* gunzip.c - see filter.h. */
#include <stdlib.h>
#include <zlib.h>

#include "base/mem.h"
#include "stream/filter.h"

#define GUNZIP_WINDOW_BITS (15 + 16)
#define GUNZIP_OUT ((size_t)128 * 1024)
#define GZIP_MAGIC 0x1f

struct gunzip {
	filter_out_fn *out;
	void *arg;
	z_stream z;
	bool is_inside;  /* A member has begun and not ended. */
	int64_t members; /* Whole ones. */
	int64_t offset;  /* Of the next byte to read. */
	uint8_t buf[GUNZIP_OUT];
};

struct gunzip *
gunzip_new(filter_out_fn *out, void *arg)
{
	struct gunzip *g = xcalloc(1, sizeof(*g));

	g->out = out;
	g->arg = arg;
	BUG_IF(inflateInit2(&g->z, GUNZIP_WINDOW_BITS) != Z_OK);
	return g;
}

static int
gunzip_begin(struct gunzip *g, uint8_t first, struct err *e)
{
	if (first != GZIP_MAGIC)
		return err_set(e, ERR_CORRUPT,
		    g->members == 0
			? "not gzip, at byte %lld"
			: "gzip: garbage behind the last member, at byte %lld",
		    (long long)g->offset);
	BUG_IF(inflateReset(&g->z) != Z_OK);
	g->is_inside = true;
	return 0;
}

/* Inflate some of ${n} bytes; the count of bytes used up, -1 on an error. */
static int64_t
gunzip_step(struct gunzip *g, const uint8_t *p, size_t n, struct err *e)
{
	uInt piece = n > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uInt)n;
	size_t got;
	int rc;

	g->z.next_in = (Bytef *)(uintptr_t)p;
	g->z.avail_in = piece;
	do {
		g->z.next_out = g->buf;
		g->z.avail_out = GUNZIP_OUT;
		rc = inflate(&g->z, Z_NO_FLUSH);
		got = GUNZIP_OUT - g->z.avail_out;
		if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
			return err_set(e, ERR_CORRUPT,
			    "gzip damaged near byte %lld: %s",
			    (long long)(g->offset + piece - g->z.avail_in),
			    g->z.msg != NULL ? g->z.msg : "no reason given");
		if (got > 0 && g->out(g->arg, g->buf, got, e) == -1)
			return -1;
	} while (rc == Z_OK && (g->z.avail_in > 0 || g->z.avail_out == 0));
	BUG_IF(rc != Z_STREAM_END && g->z.avail_in > 0);
	if (rc == Z_STREAM_END) {
		g->is_inside = false;
		g->members++;
	}
	return (int64_t)(piece - g->z.avail_in);
}

int
gunzip_write(struct gunzip *g, const void *data, size_t n, struct err *e)
{
	const uint8_t *p = data;
	int64_t used;

	while (n > 0) {
		if (!g->is_inside && gunzip_begin(g, *p, e) == -1)
			return -1;
		if ((used = gunzip_step(g, p, n, e)) == -1)
			return -1;
		p += used;
		n -= (size_t)used;
		g->offset += used;
	}
	return 0;
}

int
gunzip_end(struct gunzip *g, struct err *e)
{
	if (g->is_inside)
		return err_set(e, ERR_CORRUPT,
		    "gzip truncated after %lld "
		    "bytes",
		    (long long)g->offset);
	if (g->members == 0)
		return err_set(e, ERR_CORRUPT, "gzip is empty");
	return 0;
}

void
gunzip_free(struct gunzip *g)
{
	if (g == NULL)
		return;
	(void)inflateEnd(&g->z);
	free(g);
}
