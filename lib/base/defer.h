/*
 * defer.h - call something from the loop, soon, but not from here.
 *
 * Operations promise that their callback never runs before start has returned;
 * one that is finished at once uses this.
 * Threads: loop thread only.
 */
#ifndef BASE_DEFER_H
#define BASE_DEFER_H

#include <uv.h>

struct defer;

/* Call ${fn}(${arg}) on the next turn of the loop.  Returns a handle that is
 * good until then, for defer_cancel(). */
struct defer *defer_call(uv_loop_t *, void (*)(void *), void *);
void defer_cancel(struct defer *); /* Accepts NULL. */

#endif
