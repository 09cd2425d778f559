/* hostfs_feed.c - see hostfs.h: the blocks of a put on their way. */
#include <openssl/evp.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "store/hostfs.h"

static void feed_pump(struct hostfs_feed *);

static void
on_feed_hash(void *arg)
{
	struct hostfs_feed *f = arg;
	const struct block *b;
	size_t i;

	for (i = 0; i < f->nwork; i++) {
		b = f->queue[i];
		BUG_IF(EVP_DigestUpdate(f->md, b->data, b->len) != 1);
	}
}

static void
on_feed_hashed(void *arg)
{
	struct hostfs_feed *f = arg;

	f->is_hashing = false;
	f->nhashed = f->nwork;
	f->nwork = 0;
	if (f->is_dropped)
		hostfs_feed_drop(f);
	else
		feed_pump(f);
	f->idle(f->arg);
}

/* The queue's front is not touched while the pool looks at it. */
static void
feed_hash(struct hostfs_feed *f, size_t n)
{
	f->nwork = n;
	f->is_hashing = true;
	work_submit(f->pool, &f->work, on_feed_hash, on_feed_hashed, f);
}

static void
on_feed_soon(void *arg)
{
	struct hostfs_feed *f = arg;
	reader_fn *fn = f->fn;
	struct block *b = NULL;

	f->soon = NULL;
	f->fn = NULL;
	if (f->nhashed > 0) {
		b = f->queue[0];
		f->nhashed--;
		f->nqueue--;
		memmove(f->queue, f->queue + 1, f->nqueue * sizeof(b));
	}
	fn(f->fn_arg, b, NULL);
	if (b == NULL || !f->is_full)
		return;
	f->is_full = false;
	f->room(f->arg);
}

static void
feed_pump(struct hostfs_feed *f)
{
	if (f->fn == NULL || f->is_hashing || f->soon != NULL || f->is_dropped)
		return;
	if (f->nhashed > 0 || (f->nqueue == 0 && f->is_ended))
		f->soon = defer_call(f->loop, on_feed_soon, f);
	else if (f->nqueue > 0)
		feed_hash(f, f->nqueue);
}

static void
feed_read(struct reader *r, reader_fn *fn, void *arg)
{
	struct hostfs_feed *f = CONTAINER_OF(r, struct hostfs_feed, input);

	BUG_IF(f->fn != NULL);
	f->fn = fn;
	f->fn_arg = arg;
	feed_pump(f);
}

static void
feed_close(struct reader *r)
{
	struct hostfs_feed *f = CONTAINER_OF(r, struct hostfs_feed, input);

	f->fn = NULL;
	defer_cancel(f->soon);
	f->soon = NULL;
}

static const struct reader_ops feed_ops = { feed_read, feed_close };

void
hostfs_feed_init(struct hostfs_feed *f, uv_loop_t *loop, struct work_pool *pool)
{
	f->input.ops = &feed_ops;
	f->loop = loop;
	f->pool = pool;
	f->md = EVP_MD_CTX_new();
	BUG_IF(f->md == NULL);
	BUG_IF(EVP_DigestInit_ex(f->md, EVP_sha256(), NULL) != 1);
}

void
hostfs_feed_done(struct hostfs_feed *f)
{
	hostfs_feed_drop(f);
	BUG_IF(f->is_hashing);
	EVP_MD_CTX_free(f->md);
}

bool
hostfs_feed_add(struct hostfs_feed *f, struct block *b)
{
	BUG_IF(f->is_full || f->is_ended);
	if (f->is_dropped)
		return true;
	f->queue[f->nqueue++] = block_ref(b);
	f->size += (int64_t)b->len;
	f->is_full = f->nqueue == HOSTFS_WINDOW;
	feed_pump(f);
	return !f->is_full;
}

void
hostfs_feed_end(struct hostfs_feed *f)
{
	f->is_ended = true;
	feed_pump(f);
}

void
hostfs_feed_hash(struct hostfs_feed *f)
{
	BUG_IF(f->is_hashing);
	feed_hash(f, f->nqueue);
}

void
hostfs_feed_drop(struct hostfs_feed *f)
{
	f->is_dropped = true;
	f->is_full = false;
	if (f->is_hashing)
		return;
	defer_cancel(f->soon);
	f->soon = NULL;
	while (f->nqueue > 0)
		block_unref(f->queue[--f->nqueue]);
	f->nhashed = 0;
}

void
hostfs_feed_sum(struct hostfs_feed *f, char hex[STR_HEX_SHA256])
{
	uint8_t md[EVP_MAX_MD_SIZE];
	unsigned n;

	BUG_IF(f->is_hashing);
	BUG_IF(EVP_DigestFinal_ex(f->md, md, &n) != 1);
	str_hex(md, n, hex);
}
