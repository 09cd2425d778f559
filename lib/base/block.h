/*
 * block.h - a counted block of bytes, and the reader that yields blocks.
 *
 * Bytes flow source -> stream -> stores in blocks that are never copied on the
 * way; several stores may hold the same block.  Memory is bounded because
 * every hand-over is bounded: a reader has one read outstanding.
 * Threads: the count is atomic; the bytes are constant once shared.
 */
#ifndef BASE_BLOCK_H
#define BASE_BLOCK_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define BLOCK_SIZE ((size_t)256 * 1024)

struct block {
	atomic_uint refs;
	size_t len; /* Bytes in use, 1..cap once handed over. */
	size_t cap;
	uint8_t data[];
};

struct block *block_new(size_t cap);
struct block *block_ref(struct block *);
void block_unref(struct block *); /* Accepts NULL. */

struct reader;

/**
 * reader_fn(arg, b, e):
 * The answer to one reader_read().  ${b}, now owned by the callee: bytes.
 * Both NULL: the end, and the origin's own verdict is good (its exit status,
 * its end marker, its checksum).  ${e}: it failed; nothing more comes.
 */
typedef void reader_fn(void *arg, struct block *b, const struct err *e);

struct reader_ops {
	/* Start one read; reader_fn is never called from within. */
	void (*read)(struct reader *, reader_fn *, void *);
	/* End it, at any time; no callback comes after; frees the reader. */
	void (*close)(struct reader *);
};

/* Embedded at the start of every reader. */
struct reader {
	const struct reader_ops *ops;
};

void reader_read(struct reader *, reader_fn *, void *);
void reader_close(struct reader *); /* Accepts NULL. */

#endif
