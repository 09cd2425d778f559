/* blockq.c - see blockq.h. */
#include "stream/blockq.h"

#include <stdlib.h>

#include "base/mem.h"

static void
blockq_grow(struct blockq *q)
{
	size_t cap = q->cap == 0 ? 16 : q->cap * 2, i;
	struct block **ring = xcalloc(cap, sizeof(struct block *));

	for (i = 0; i < q->n; i++)
		ring[i] = blockq_at(q, i);
	free(q->ring);
	q->ring = ring;
	q->cap = cap;
	q->head = 0;
}

void
blockq_add(struct blockq *q, struct block *b)
{
	if (q->n == q->cap)
		blockq_grow(q);
	q->ring[(q->head + q->n++) % q->cap] = b;
	q->bytes += (int64_t)b->len;
}

struct block *
blockq_take(struct blockq *q)
{
	struct block *b;

	if (q->n == 0)
		return NULL;
	b = q->ring[q->head];
	q->head = (q->head + 1) % q->cap;
	q->n--;
	q->bytes -= (int64_t)b->len;
	return b;
}

struct block *
blockq_at(const struct blockq *q, size_t i)
{
	BUG_IF(i >= q->n);
	return q->ring[(q->head + i) % q->cap];
}

void
blockq_move(struct blockq *to, struct blockq *from)
{
	struct block *b;

	while ((b = blockq_take(from)) != NULL)
		blockq_add(to, b);
}

void
blockq_done(struct blockq *q)
{
	struct block *b;

	while ((b = blockq_take(q)) != NULL)
		block_unref(b);
	free(q->ring);
	q->ring = NULL;
	q->cap = 0;
}
