/*
 * pace.h - a limit to the bytes a second that go into or come out of a store.
 *
 * Knows: a token bucket of half a second, one for each direction of a store.
 * Does not know: backends.
 * Threads: loop thread only.
 *
 * store.c puts it between a store with cfg "bandwidth" and its users: a put's
 * write answers false and its ready comes later; a reader's block comes later.
 * Puts and readers own it too, so that they may outlive store_close().
 */
#ifndef STORE_PACE_H
#define STORE_PACE_H

#include "store/store.h"

struct pace;
struct pace_put;

/* ${rate} bytes a second. */
struct pace *pace_new(struct env *, int64_t rate);
/* One more owner: pace_free() then only counts until the last one. */
struct pace *pace_ref(struct pace *);
void pace_free(struct pace *); /* Accepts NULL. */
/* ${n} bytes have passed; how many ms the next ones must wait, 0: none. */
int64_t pace_take(struct pace *, size_t n);
/* A reader that waits; takes ${inner} over. */
struct reader *pace_reader(struct pace *, struct env *, struct reader *inner);

/*
 * What stands between a put and its user, who gets ${ready}.  The backend is
 * given pace_put_ready() with the pace_put; both ends of a wait must have come.
 */
struct pace_put *pace_put_new(struct pace *, struct env *, store_ready_fn *,
    void *);
void pace_put_free(struct pace_put *); /* Accepts NULL. */
void pace_put_ready(void *pace_put);
/* ${n} bytes were written, to which the backend answered ${may_go_on}: what the
 * user is to be answered. */
bool pace_put_wrote(struct pace_put *, size_t n, bool may_go_on);
/* Finish ${p}: the pace_put is freed before ${fn} is called. */
void pace_put_finish(struct pace_put *, struct store_put *p, store_put_fn *,
    void *);

#endif
