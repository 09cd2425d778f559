/*
 * control_request.h - a request as its client sees it; handlers see
 * control_client.h.
 *
 * Threads: loop thread only.
 */
#ifndef DAEMON_CONTROL_REQUEST_H
#define DAEMON_CONTROL_REQUEST_H

#include "base/defer.h"
#include "control_client.h"
#include "wire/wire.h"

typedef void control_handler(struct control_request *);

struct control_request {
	struct control_request *next;
	struct control_client *client; /* NULL once it has gone. */
	struct control *ctl;
	struct daemon *daemon;
	const struct ctl_cmd *cmd;
	int64_t id;
	json_t *args;
	json_t *list; /* Of control_list(), being fed. */
	size_t at;
	control_view_fn *view;
	struct defer *more; /* The next turn of feeding. */
	json_t *end;
	bool has_failed; /* The client has its error already. */
	void (*gone)(void *);
	void *gone_arg;
};

struct control_request *control_request_new(struct control_client *,
    struct control *, const struct ctl_cmd *, const struct wire_request *);
/* Go on with a list; may free the request. */
void control_request_feed(struct control_request *);
/* The client has gone, and the request is in none of its lists any more. */
void control_request_orphan(struct control_request *);

/* Of control_client.c. */
struct wire_conn *control_client_conn(struct control_client *);
void control_client_unlink(struct control_client *, struct control_request *);

#endif
