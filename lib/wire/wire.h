/*
 * wire.h - the control protocol: JSON, one object per line, both ways, over a
 * Unix socket.
 *
 *	both     {"hello":{"protocol":1,"version":"0.1.0"}}
 *	client   {"id":1,"cmd":"history","args":{"limit":5}}
 *	daemon   {"id":1,"progress":{...}}	any number, may be dropped
 *	         {"id":1,"data":...}		none, one, or one per list item
 *	         {"id":1,"end":{...}}		exactly one of these two
 *	         {"id":1,"error":{"code":"not-found","message":"..."}}
 *
 * An error whose id is null is about the connection, which is then closed.
 * Knows: lines, their limits, messages, one connection at either end.  Does not
 * know: commands (ctl_cmds.h), who may use them (peer.h).
 * Threads: loop thread only; wire_lines_* and the message functions any.
 */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"

#define WIRE_PROTOCOL 1
/* Longest lines, with their newline. */
#define WIRE_REQUEST_MAX ((size_t)64 * 1024)
#define WIRE_REPLY_MAX ((size_t)1024 * 1024)
/* Unsent bytes from which progress is dropped, and with which it is over. */
#define WIRE_QUEUE_SOFT ((size_t)256 * 1024)
#define WIRE_QUEUE_HARD ((size_t)4 * 1024 * 1024)
/* A peer that takes nothing for so long while bytes wait is gone. */
#define WIRE_STALL_MS 30000

/*
 * --- Lines.  Bytes in, whole lines out.
 */
struct wire_lines {
	struct buf held; /* The line that has not ended yet. */
	size_t max;
};

/* A line without its newline; return false to stop (the rest is dropped). */
typedef bool wire_line_fn(void *arg, const char *, size_t);

void wire_lines_init(struct wire_lines *, size_t max);
void wire_lines_done(struct wire_lines *);
/*
 * Take ${n} bytes and call ${fn} for each line that ended.  Empty lines are
 * skipped.  ERR_LIMIT for a line of more than max bytes: feed nothing more.
 */
int wire_lines_feed(struct wire_lines *, const char *, size_t n, wire_line_fn *,
    void *, struct err *);

/*
 * --- Messages.
 */
struct wire_request {
	int64_t id;
	const char *cmd;    /* Borrowed from the message, as args is. */
	const json_t *args; /* An object; NULL when there are none. */
};

enum wire_kind { WIRE_HELLO, WIRE_DATA, WIRE_PROGRESS, WIRE_END, WIRE_ERROR };

struct wire_reply {
	enum wire_kind kind;
	int64_t id;          /* 0: about the connection. */
	const json_t *value; /* Borrowed: data, progress, end, hello. */
	struct err err;      /* For WIRE_ERROR. */
};

json_t *wire_hello_new(void);
/* Whether the peer's hello is one we can talk to. */
int wire_hello_check(const json_t *, struct err *);
/* ${args} is taken over; NULL for none. */
json_t *wire_request_new(int64_t id, const char *cmd, json_t *args);
int wire_request_parse(const json_t *, struct wire_request *, struct err *);
/* ${value} is taken over; ${id} 0 is null. */
json_t *wire_reply_new(int64_t id, enum wire_kind, json_t *value);
json_t *wire_error_new(int64_t id, const struct err *);
int wire_reply_parse(const json_t *, struct wire_reply *, struct err *);

/*
 * --- Connections.
 */
struct wire_conn;

struct wire_conn_ops {
	/* The connection stands (at once for the accepting end). */
	void (*up)(void *arg);
	/* One message, borrowed. */
	void (*message)(void *arg, const json_t *);
	/* What was queued is below WIRE_QUEUE_SOFT again. */
	void (*drained)(void *arg);
	/*
	 * It is over: the peer went (${e} NULL), sent what is no message
	 * (ERR_PROTOCOL, ERR_LIMIT), stopped reading (ERR_TIMEOUT), or it
	 * failed.  What a peer that went had said before comes first.  Nothing
	 * more is read; the owner may still send a last line, and calls
	 * wire_conn_close().
	 */
	void (*gone)(void *arg, const struct err *e);
};

/**
 * wire_conn_accept(env, server, max, ops, arg, e):
 * The next connection of listening pipe ${server}; lines of up to ${max} bytes
 * are read after wire_conn_start().  Return NULL with ${e} set on failure.
 */
struct wire_conn *wire_conn_accept(struct env *, uv_pipe_t *server, size_t max,
    const struct wire_conn_ops *, void *, struct err *);

/**
 * wire_conn_connect(env, path, max, ops, arg, e):
 * Connect to the socket at ${path}; up or gone tells how it went, reading
 * starts by itself.
 */
struct wire_conn *wire_conn_connect(struct env *, const char *path, size_t max,
    const struct wire_conn_ops *, void *, struct err *);

void wire_conn_start(struct wire_conn *);
/* The descriptor, for peer_get(). */
int wire_conn_fd(const struct wire_conn *);
/* Bytes queued and not yet taken by the system. */
size_t wire_conn_queued(const struct wire_conn *);

/**
 * wire_conn_send(c, msg):
 * Queue one line.  ${msg} is taken over.  Over WIRE_QUEUE_HARD the line is
 * dropped and gone comes (ERR_LIMIT).  ERR_LIMIT, and nothing is sent, for a
 * line over WIRE_REPLY_MAX.
 */
int wire_conn_send(struct wire_conn *, json_t *msg, struct err *);
/* For what may be lost: false, and nothing sent, over WIRE_QUEUE_SOFT. */
bool wire_conn_send_lossy(struct wire_conn *, json_t *msg);

/**
 * wire_conn_close(c, linger_ms, fn, arg):
 * End it: what is queued may still leave for ${linger_ms} (0: drop it).  No
 * callback of ops comes any more; ${fn}(${arg}), which may be NULL, when all is
 * closed, never from within.
 */
void wire_conn_close(struct wire_conn *, int64_t linger_ms, void (*fn)(void *),
    void *);

/* Whether ${path} fits into a socket address; ERR_CONFIG if not. */
int wire_path_check(const char *path, struct err *);

#endif
