/*
 * blockq.h - a queue of blocks, which it owns.
 *
 * Threads: any; a queue has one owner.
 */
#ifndef STREAM_BLOCKQ_H
#define STREAM_BLOCKQ_H

#include <stddef.h>
#include <stdint.h>

#include "base/block.h"

struct blockq {
	struct block **ring;
	size_t cap;
	size_t head;
	size_t n;
	int64_t bytes; /* Of all blocks in it. */
};

void blockq_add(struct blockq *, struct block *);
/* The oldest, now the caller's; NULL when empty. */
struct block *blockq_take(struct blockq *);
/* The ${i}-th oldest, still the queue's. */
struct block *blockq_at(const struct blockq *, size_t i);
/* Move all of ${from} behind what ${to} has. */
void blockq_move(struct blockq *to, struct blockq *from);
void blockq_done(struct blockq *);

#endif
