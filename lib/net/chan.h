/*
 * chan.h - one kind of byte channel: a local child, an SSH exec, a direct-tcpip
 * or a forwarded connection.
 *
 * Knows: two directions, back-pressure, ends.  Does not know: what flows.
 * Threads: loop thread only; an SSH channel hides its session's thread.
 *
 * Reading pulls: one chan_read() outstanding, answered by one block, the end,
 * or an error.  Writing pushes: one chan_write() outstanding.  Everything is
 * answered from the loop, never from within the call.
 */
#ifndef NET_CHAN_H
#define NET_CHAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/block.h"
#include "base/err.h"

struct chan;

typedef void chan_done_fn(void *arg, const struct err *e);

/* How the far side ended; valid after the end of the output was read. */
struct chan_exit {
	bool is_known;   /* False: cut off, or no status was sent. */
	int status;      /* Exit status when is_known and not signaled. */
	char signal[16]; /* "KILL", "" if none. */
};

enum chan_out { CHAN_STDOUT, CHAN_STDERR };

struct chan_ops {
	void (*read)(struct chan *, enum chan_out, reader_fn *, void *);
	void (*write)(struct chan *, struct block *, chan_done_fn *, void *);
	void (*shutdown)(struct chan *, chan_done_fn *, void *);
	void (*exit_status)(struct chan *, struct chan_exit *);
	uint64_t (*moved)(struct chan *);
	void (*close)(struct chan *);
};

/* Embedded at the start of every implementation. */
struct chan {
	const struct chan_ops *ops;
};

/* Both outputs must be read, else the far side may stall: one window. */
void chan_read(struct chan *, enum chan_out, reader_fn *, void *);
/* Takes over ${b}; ${fn} when the next write may come. */
void chan_write(struct chan *, struct block *, chan_done_fn *, void *);
/* No more input for the far side. */
void chan_shutdown(struct chan *, chan_done_fn *, void *);
void chan_exit_status(struct chan *, struct chan_exit *);
/*
 * A number that changes whenever a byte moves either way, also inside a write
 * that is still under way: for watchdogs.
 */
uint64_t chan_moved(struct chan *);
/*
 * End it at any time; no callback comes after; frees itself.  Closing does not
 * stop a remote program: host_run_cancel() does.
 */
void chan_close(struct chan *);

#endif
