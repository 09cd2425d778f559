/* gzip.c - see filter.h. */
#include <stdlib.h>
#include <zlib.h>

#ifdef HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include "base/mem.h"
#include "stream/filter.h"

/* A window of 32 KiB, and a gzip header and trailer instead of zlib's. */
#define GZIP_WINDOW_BITS (15 + 16)

struct gzip {
	gzip_out_fn *out;
	void *arg;
	struct block *b; /* Being filled; NULL: none begun. */
	z_stream z;      /* In use when not ${is_isal}. */
	bool is_isal;
#ifdef HAVE_ISAL
	struct isal_zstream isal;
	uint8_t *level_buf;
#endif
};

#ifdef HAVE_ISAL
static bool
gzip_init_isal(struct gzip *g, enum stream_level level)
{
	bool is_fast = level == STREAM_FAST;
	uint32_t size = is_fast ? ISAL_DEF_LVL1_DEFAULT : ISAL_DEF_LVL3_DEFAULT;

	if (level == STREAM_BEST)
		return false;
	isal_deflate_init(&g->isal);
	g->level_buf = xmalloc(size);
	g->isal.level = is_fast ? 1 : 3;
	g->isal.level_buf = g->level_buf;
	g->isal.level_buf_size = size;
	g->isal.gzip_flag = IGZIP_GZIP;
	g->isal.flush = NO_FLUSH;
	return true;
}

/* One step into the block's free room; whether more output is waiting. */
static int
gzip_step_isal(struct gzip *g, const uint8_t **p, uint32_t *n, bool is_end,
    bool *is_more, struct err *e)
{
	struct block *b = g->b;
	int rc;

	g->isal.next_in = (uint8_t *)(uintptr_t)*p;
	g->isal.avail_in = *n;
	g->isal.end_of_stream = is_end ? 1 : 0;
	g->isal.next_out = b->data + b->len;
	g->isal.avail_out = (uint32_t)(b->cap - b->len);
	if ((rc = isal_deflate(&g->isal)) != COMP_OK)
		return err_set(e, ERR_INTERNAL, "igzip: error %d", rc);
	*p = g->isal.next_in;
	*n = g->isal.avail_in;
	b->len = b->cap - g->isal.avail_out;
	*is_more = *n > 0 || g->isal.avail_out == 0 ||
	    (is_end && g->isal.internal_state.state != ZSTATE_END);
	return 0;
}
#endif

static void
gzip_init_zlib(struct gzip *g, enum stream_level level)
{
	int n = level == STREAM_FAST ? 1 : level == STREAM_BEST ? 9 : 6;

	BUG_IF(deflateInit2(&g->z, n, Z_DEFLATED, GZIP_WINDOW_BITS, 9,
		   Z_DEFAULT_STRATEGY) != Z_OK);
}

static int
gzip_step_zlib(struct gzip *g, const uint8_t **p, uint32_t *n, bool is_end,
    bool *is_more, struct err *e)
{
	struct block *b = g->b;
	int rc;

	g->z.next_in = (Bytef *)(uintptr_t)*p;
	g->z.avail_in = *n;
	g->z.next_out = b->data + b->len;
	g->z.avail_out = (uInt)(b->cap - b->len);
	rc = deflate(&g->z, is_end ? Z_FINISH : Z_NO_FLUSH);
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return err_set(e, ERR_INTERNAL, "deflate: error %d", rc);
	*p = g->z.next_in;
	*n = g->z.avail_in;
	b->len = b->cap - g->z.avail_out;
	*is_more = is_end ? rc != Z_STREAM_END : *n > 0 || g->z.avail_out == 0;
	return 0;
}

struct gzip *
gzip_new(enum stream_level level, gzip_out_fn *out, void *arg)
{
	struct gzip *g = xcalloc(1, sizeof(*g));

	g->out = out;
	g->arg = arg;
#ifdef HAVE_ISAL
	g->is_isal = gzip_init_isal(g, level);
#endif
	if (!g->is_isal)
		gzip_init_zlib(g, level);
	return g;
}

static void
gzip_emit(struct gzip *g)
{
	struct block *b = g->b;

	g->b = NULL;
	g->out(g->arg, b);
}

static int
gzip_run(struct gzip *g, const uint8_t *p, uint32_t n, bool is_end,
    struct err *e)
{
	bool is_more = true;
	int rc;

	while (is_more) {
		if (g->b == NULL)
			g->b = block_new(BLOCK_SIZE);
#ifdef HAVE_ISAL
		if (g->is_isal)
			rc = gzip_step_isal(g, &p, &n, is_end, &is_more, e);
		else
#endif
			rc = gzip_step_zlib(g, &p, &n, is_end, &is_more, e);
		if (rc == -1)
			return -1;
		if (g->b->len == g->b->cap)
			gzip_emit(g);
	}
	return 0;
}

int
gzip_write(struct gzip *g, const void *data, size_t n, struct err *e)
{
	const uint8_t *p = data;
	uint32_t piece;

	for (; n > 0; p += piece, n -= piece) {
		piece = n > UINT32_MAX / 2 ? UINT32_MAX / 2 : (uint32_t)n;
		if (gzip_run(g, p, piece, false, e) == -1)
			return -1;
	}
	return 0;
}

int
gzip_end(struct gzip *g, struct err *e)
{
	if (gzip_run(g, (const uint8_t *)"", 0, true, e) == -1)
		return -1;
	if (g->b != NULL && g->b->len > 0)
		gzip_emit(g);
	return 0;
}

void
gzip_free(struct gzip *g)
{
	if (g == NULL)
		return;
	block_unref(g->b);
	if (!g->is_isal)
		(void)deflateEnd(&g->z);
#ifdef HAVE_ISAL
	free(g->level_buf);
#endif
	free(g);
}
