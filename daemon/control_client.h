/*
 * control_client.h - one client, its requests, and how handlers answer them.
 *
 * Threads: loop thread only.
 *
 * A request lives until its handler calls control_end(), control_fail() or
 * control_list(), each exactly once and last; also when the client has gone
 * meanwhile: then answers go nowhere.
 */
#ifndef DAEMON_CONTROL_CLIENT_H
#define DAEMON_CONTROL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>
#include <uv.h>

#include "base/env.h"
#include "base/err.h"
#include "wire/ctl_cmds.h"

struct control_client;
struct control_request;
struct daemon;

/* Of the socket server. */
struct control {
	struct daemon *daemon;
	uv_pipe_t pipe;
	bool has_group;
	gid_t gid;
	struct control_client *clients;
	size_t nclients;
	size_t nrequests; /* That a handler has not ended yet. */
	struct env_timer *patience;
	bool is_closing;
	bool is_pipe_closed;
	bool is_reported;
	void (*closed)(void *);
	void *closed_arg;
};

/* Make the folder, remove a stale socket; see control_new(). */
int control_socket_prepare(const char *path, bool has_group, gid_t,
    struct err *);
/* Give the bound socket its mode and group. */
int control_socket_open_to(const char *path, bool has_group, gid_t,
    struct err *);

/* Take the connection that waits. */
void control_client_accept(struct control *);
/* Let it have what is queued, at most for ${linger_ms}, and end it. */
void control_client_close(struct control_client *, int64_t linger_ms);
struct control_client *control_client_next(struct control_client *);
/* Whether it waits for an answer. */
bool control_client_is_busy(const struct control_client *);
/* A client or a request is gone, look whether it was the last: of control.c. */
void control_check_closed(struct control *);
/* A control that is closing ends who has nothing left to be answered. */
#define CONTROL_LINGER_MS 1000

struct daemon *control_daemon(const struct control_request *);
const struct ctl_cmd *control_cmd(const struct control_request *);
/* An argument, checked against the table; NULL or 0 when not given. */
const char *control_arg(const struct control_request *, const char *);
int64_t control_arg_int(const struct control_request *, const char *);
bool control_arg_bool(const struct control_request *, const char *);

/* A "data" line; ${value} is taken over. */
void control_data(struct control_request *, json_t *);
/* A "progress" line; ${value} is taken over.  Bytes may be lost, states not. */
void control_progress(struct control_request *, json_t *, bool may_be_lost);
/*
 * A "data" line for each item as the client takes them, then the end, a turn of
 * the loop for some hundred of them; both are taken over; ${end} may be NULL.
 * What is sent is ${view}(item), the item itself when NULL.
 */
typedef json_t *control_view_fn(const json_t *item);
void control_list(struct control_request *, json_t *array, control_view_fn *,
    json_t *end);
void control_end(struct control_request *, json_t *);
void control_fail(struct control_request *, const struct err *);
/* data, then end. */
void control_answer(struct control_request *, json_t *);

/*
 * Call ${fn}(${arg}) when the client goes before the end, so that a handler
 * which waits for long lets go; NULL: do not.
 */
void control_on_gone(struct control_request *, void (*)(void *), void *);

#endif
