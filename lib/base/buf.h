/*
 * buf.h - a growing byte buffer, always NUL-terminated behind its last byte.
 *
 * Threads: any; a buffer has one owner.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

struct buf {
	char *data; /* NULL while empty; else data[len] is NUL. */
	size_t len;
	size_t cap;
};

#define BUF_INIT                                                               \
	{                                                                      \
		NULL, 0, 0                                                     \
	}

void buf_add(struct buf *, const void *, size_t);
void buf_adds(struct buf *, const char *);
void buf_addc(struct buf *, char);
void buf_addf(struct buf *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
/* Drop ${n} bytes from the front. */
void buf_drop(struct buf *, size_t);
/* Keep the memory, forget the bytes. */
void buf_clear(struct buf *);
/* The text, never NULL; owned by the buffer. */
const char *buf_str(const struct buf *);
/* Hand the text over to the caller (free() it) and leave the buffer empty. */
char *buf_take(struct buf *);
void buf_done(struct buf *);

#endif
