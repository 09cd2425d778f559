/* block.c - see block.h. */
#include "base/block.h"

#include <stdlib.h>

#include "base/mem.h"

struct block *
block_new(size_t cap)
{
	struct block *b = xmalloc(sizeof(*b) + cap);

	atomic_init(&b->refs, 1);
	b->len = 0;
	b->cap = cap;
	return b;
}

struct block *
block_ref(struct block *b)
{
	(void)atomic_fetch_add(&b->refs, 1);
	return b;
}

void
block_unref(struct block *b)
{
	if (b != NULL && atomic_fetch_sub(&b->refs, 1) == 1)
		free(b);
}

void
reader_read(struct reader *r, reader_fn *fn, void *arg)
{
	r->ops->read(r, fn, arg);
}

void
reader_close(struct reader *r)
{
	if (r != NULL)
		r->ops->close(r);
}
