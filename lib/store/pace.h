/*
 * pace.h - a limit to the bytes a second that go into or come out of a store.
 *
 * Knows: a token bucket of half a second, one for each direction of a store.
 * Does not know: backends.
 * Threads: loop thread only.
 *
 * store.c puts it between a store with cfg "bandwidth" and its users: a put's
 * write answers false and its ready comes later; a reader's block comes later.
 */
#ifndef STORE_PACE_H
#define STORE_PACE_H

#include "store/store.h"

struct pace;

/* ${rate} bytes a second.  Free it with pace_free() when nothing uses it. */
struct pace *pace_new(struct env *, int64_t rate);
void pace_free(struct pace *); /* Accepts NULL. */
/* ${n} bytes have passed; how many ms the next ones must wait, 0: none. */
int64_t pace_take(struct pace *, size_t n);
/* A reader that waits; takes ${inner} over. */
struct reader *pace_reader(struct pace *, struct env *, struct reader *inner);

#endif
