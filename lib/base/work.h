/*
 * work.h - our own threads for what must not run on the loop: compression,
 * digests, checks of tar files, files and their fsync.
 *
 * libuv's small pool is left to look-ups.  Whoever can be held up by a device
 * of its own (a filesystem store) has its own pool, so that a dead disk holds
 * up nobody else.
 * Threads: work_* are for the loop thread; fn runs on a pool thread, done on
 * the loop thread.
 */
#ifndef BASE_WORK_H
#define BASE_WORK_H

#include <uv.h>

struct work_pool;

/* Embedded in the object that is worked on; zero-filled before first use. */
struct work {
	struct work *next;
	void (*fn)(void *);
	void (*done)(void *);
	void *arg;
};

struct work_pool *work_pool_new(uv_loop_t *, unsigned threads);

/**
 * work_submit(pool, w, fn, done, arg):
 * Run ${fn}(${arg}) on a thread of ${pool}, in the order of submission, and
 * after it ${done}(${arg}) on the loop.  ${w} must not be in use and must live
 * until ${done} is called; there is no cancel: an owner that is to be freed
 * waits for ${done}.
 */
void work_submit(struct work_pool *, struct work *, void (*)(void *),
    void (*)(void *), void *);

/* One more owner: work_pool_free() then only counts until the last one. */
struct work_pool *work_pool_ref(struct work_pool *);

/*
 * By the last owner, never from within a done callback: wait for what runs,
 * drop nothing: every submitted fn has run and the threads are joined on
 * return.  Done callbacks still pending are called from here.  The pool's
 * memory goes when libuv has closed its handle: run the loop once more.
 */
void work_pool_free(struct work_pool *);

#endif
