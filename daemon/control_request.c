/* control_request.c - how handlers answer; see control_client.h. */
#include "control_request.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "daemon.h"

#define ITEMS_A_TURN 100

struct control_request *
control_request_new(struct control_client *client, struct control *ctl,
    const struct ctl_cmd *cmd, const struct wire_request *r)
{
	struct control_request *req = xcalloc(1, sizeof(*req));

	req->client = client;
	req->ctl = ctl;
	req->daemon = ctl->daemon;
	ctl->nrequests++;
	req->cmd = cmd;
	req->id = r->id;
	req->args = r->args == NULL ? json_object() : json_deep_copy(r->args);
	BUG_IF(req->args == NULL);
	return req;
}

static void
request_free(struct control_request *req)
{
	struct control *ctl = req->ctl;

	if (req->client != NULL)
		control_client_unlink(req->client, req);
	defer_cancel(req->more);
	json_decref(req->args);
	json_decref(req->list);
	json_decref(req->end);
	free(req);
	ctl->nrequests--;
	control_check_closed(ctl);
}

struct daemon *
control_daemon(const struct control_request *req)
{
	return req->daemon;
}

const struct ctl_cmd *
control_cmd(const struct control_request *req)
{
	return req->cmd;
}

const char *
control_arg(const struct control_request *req, const char *name)
{
	return json_get_str(req->args, name, NULL);
}

int64_t
control_arg_int(const struct control_request *req, const char *name)
{
	return json_get_int(req->args, name, 0);
}

bool
control_arg_bool(const struct control_request *req, const char *name)
{
	return json_get_bool(req->args, name, false);
}

static void
request_send(struct control_request *req, json_t *msg)
{
	struct wire_conn *conn;
	struct err e = ERR_INIT;

	if (req->client == NULL || req->has_failed) {
		json_decref(msg);
		return;
	}
	conn = control_client_conn(req->client);
	if (wire_conn_send(conn, msg, &e) == -1) {
		req->has_failed = true;
		(void)wire_conn_send(conn, wire_error_new(req->id, &e), NULL);
	}
}

void
control_data(struct control_request *req, json_t *value)
{
	request_send(req, wire_reply_new(req->id, WIRE_DATA, value));
}

void
control_progress(struct control_request *req, json_t *value, bool may_be_lost)
{
	json_t *msg = wire_reply_new(req->id, WIRE_PROGRESS, value);

	if (may_be_lost && req->client != NULL)
		(void)wire_conn_send_lossy(control_client_conn(req->client),
		    msg);
	else
		request_send(req, msg);
}

void
control_end(struct control_request *req, json_t *end)
{
	request_send(req, wire_reply_new(req->id, WIRE_END, end));
	request_free(req);
}

void
control_fail(struct control_request *req, const struct err *e)
{
	request_send(req, wire_error_new(req->id, e));
	request_free(req);
}

void
control_answer(struct control_request *req, json_t *value)
{
	control_data(req, value);
	control_end(req, NULL);
}

static void
on_more_due(void *arg)
{
	struct control_request *req = arg;

	req->more = NULL;
	control_request_feed(req);
}

/* Send an item and let go of it: lists can be long. */
static void
request_feed_one(struct control_request *req)
{
	json_t *item = json_array_get(req->list, req->at);

	control_data(req,
	    req->view == NULL ? json_incref(item) : req->view(item));
	(void)json_array_set_new(req->list, req->at++, json_null());
}

void
control_request_feed(struct control_request *req)
{
	size_t n = json_array_size(req->list), sent;
	json_t *end;

	if (req->list == NULL || req->client == NULL || req->more != NULL)
		return;
	for (sent = 0; req->at < n && sent < ITEMS_A_TURN; sent++) {
		if (wire_conn_queued(control_client_conn(req->client)) >=
		    WIRE_QUEUE_SOFT)
			return; /* Until it is drained. */
		request_feed_one(req);
	}
	if (req->at < n) {
		req->more = defer_call(req->daemon->loop, on_more_due, req);
		return;
	}
	end = req->end;
	req->end = NULL;
	control_end(req, end);
}

void
control_list(struct control_request *req, json_t *array, control_view_fn *view,
    json_t *end)
{
	req->list = array;
	req->view = view;
	req->end = end;
	if (req->client == NULL)
		request_free(req);
	else
		control_request_feed(req);
}

void
control_on_gone(struct control_request *req, void (*fn)(void *), void *arg)
{
	req->gone = fn;
	req->gone_arg = arg;
}

void
control_request_orphan(struct control_request *req)
{
	req->client = NULL;
	if (req->list != NULL)
		request_free(req);
	else if (req->gone != NULL)
		req->gone(req->gone_arg);
}
