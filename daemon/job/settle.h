/*
 * settle.h - pay what an ended run still owes on a host.
 *
 * Knows: a debt's data ({"uuid", "config", "saved"}), source_undo().  Does not
 * know: when to try, the history.
 * Threads: loop thread only.
 */
#ifndef DAEMON_JOB_SETTLE_H
#define DAEMON_JOB_SETTLE_H

#include <jansson.h>

#include "base/err.h"

struct daemon;
struct settle;

typedef void settle_done_fn(void *arg, const struct err *);

/* Services back, copies away, locks free; ${data} is borrowed for the call.
 * Always starts; one ${fn}, never from within; the object is gone then. */
struct settle *settle_start(struct daemon *, const json_t *data,
    settle_done_fn *, void *);
/* No callback any more. */
void settle_cancel(struct settle *);

#endif
