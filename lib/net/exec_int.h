/*
 * exec_int.h - the inside of an exec: exec.c reads and decides, exec_feed.c
 * writes, exec_watch.c minds the time.
 */
#ifndef NET_EXEC_INT_H
#define NET_EXEC_INT_H

#include "base/buf.h"
#include "base/defer.h"
#include "net/chan.h"
#include "net/envelope.h"
#include "net/exec.h"
#include "net/host_int.h"

/* What is to be written next, in this order. */
enum exec_feed {
	EXEC_FEED_HEADER, /* The wrapped script. */
	EXEC_FEED_WAIT,   /* Nothing, until the begin marker came. */
	EXEC_FEED_GO,
	EXEC_FEED_INPUT,
	EXEC_FEED_SHUT,
	EXEC_FEED_OVER
};

struct exec {
	struct host_item item;
	struct host *host;
	struct host_cmd cmd;
	char *script;
	const struct exec_fns *fns;
	void *arg;
	struct envelope envelope;
	struct chan *chan;
	struct defer *soon;
	struct buf header;
	struct buf err_text;

	enum exec_feed feed;
	bool is_writing; /* A write or the shutdown is under way. */
	bool is_reading_input;

	bool has_read[2]; /* By enum chan_out: a read is under way. */
	bool is_over[2];  /* Its end was read. */
	bool is_paused;   /* Nobody takes payload now. */

	bool is_reused; /* See host_exec(). */
	unsigned retries;

	struct env_timer *deadline, *stall, *grace;
	int64_t quiet_since_ms;
	uint64_t moved;
	bool is_grace_on, is_grace_over;

	bool is_ending;      /* Failed or stopped; being killed. */
	bool is_unstoppable; /* It is itself what stops others. */
	struct host_kill *kill;
	struct err failure;
	bool is_stopped; /* The owner is gone. */
	exec_stop_fn *stop_fn;
	void *stop_arg;
};

/* Write what is next, if it may be written now. */
void exec_feed(struct exec *);
/* Read on where nothing holds it. */
void exec_want(struct exec *);
/* ${is_suspect}: do not trust the connection it runs on. */
void exec_fail_suspect(struct exec *, const struct err *, bool is_suspect);
void exec_watch_init(struct exec *);
void exec_watch_start(struct exec *);
/* Do not try to stop this one. */
void exec_set_unstoppable(struct exec *);
/* Kill a local script without ado. */
void host_kill_now(struct chan *);

#endif
