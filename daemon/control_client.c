/* control_client.c - one client of the control socket; see control_client.h. */
#include "control_client.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/work.h"
#include "control_cmds.h"
#include "control_request.h"
#include "daemon.h"
#include "wire/peer.h"

#define CLIENTS_MAX 40
/* So many of them are kept for the owner and root. */
#define CLIENTS_RESERVED 8
#define REQUESTS_MAX 8
#define HELLO_MS 10000
#define IDLE_MS 60000
#define LAST_LINE_MS 2000

enum access { ACCESS_NONE, ACCESS_READ, ACCESS_WRITE };

struct control_client {
	struct control_client *next, *prev;
	struct control *ctl;
	struct wire_conn *conn; /* NULL once closing. */
	struct env_timer *idle;
	struct control_request *requests;
	size_t nrequests;
	struct peer peer;
	enum access access;
	struct work work; /* Look-up of the group. */
	bool is_looking_up;
	bool is_in_group;
	bool has_said_hello;
	bool is_closed;
};

static control_handler *const handlers[CTL_CMD_COUNT] = {
#define CTL_CMD(name, syntax, access, streams, answer, help)                   \
	[CTL_CMD_##name] = control_cmd_##name,
#include "wire/ctl_cmds.def"
#undef CTL_CMD
};

struct control_client *
control_client_next(struct control_client *client)
{
	return client->next;
}

bool
control_client_is_busy(const struct control_client *client)
{
	return client->nrequests > 0;
}

struct wire_conn *
control_client_conn(struct control_client *client)
{
	return client->conn;
}

/* Waiting for an answer is no idling. */
static void
client_watch_idle(struct control_client *client)
{
	if (client->conn == NULL)
		return;
	if (client->nrequests > 0)
		env_timer_stop(client->idle);
	else
		env_timer_start(client->idle,
		    client->has_said_hello ? IDLE_MS : HELLO_MS);
}

void
control_client_unlink(struct control_client *client,
    struct control_request *req)
{
	struct control_request **at = &client->requests;

	while (*at != req)
		at = &(*at)->next;
	*at = req->next;
	client->nrequests--;
	if (client->ctl->is_closing && client->nrequests == 0)
		control_client_close(client, CONTROL_LINGER_MS);
	else
		client_watch_idle(client);
}

static void
client_free_if_done(struct control_client *client)
{
	struct control *ctl = client->ctl;

	if (!client->is_closed || client->is_looking_up)
		return;
	if (client->prev != NULL)
		client->prev->next = client->next;
	else
		ctl->clients = client->next;
	if (client->next != NULL)
		client->next->prev = client->prev;
	free(client);
	ctl->nclients--;
	control_check_closed(ctl);
}

static void
on_client_closed(void *arg)
{
	struct control_client *client = arg;

	client->is_closed = true;
	client_free_if_done(client);
}

void
control_client_close(struct control_client *client, int64_t linger_ms)
{
	struct control_request *req;
	struct wire_conn *conn = client->conn;

	if (conn == NULL)
		return;
	client->conn = NULL;
	env_timer_free(client->idle);
	client->idle = NULL;
	while ((req = client->requests) != NULL) {
		client->requests = req->next;
		control_request_orphan(req);
	}
	client->nrequests = 0;
	wire_conn_close(conn, linger_ms, on_client_closed, client);
}

static void
client_refuse(struct control_client *client, const struct err *e)
{
	(void)wire_conn_send(client->conn, wire_error_new(0, e), NULL);
	control_client_close(client, LAST_LINE_MS);
}

static void
on_idle(void *arg)
{
	struct control_client *client = arg;
	struct err e = ERR_INIT;

	(void)err_set(&e, ERR_TIMEOUT, "nothing was asked for too long");
	client_refuse(client, &e);
}

static void
on_gone(void *arg, const struct err *e)
{
	struct control_client *client = arg;

	if (e == NULL) {
		control_client_close(client, 0);
		return;
	}
	log_debug("control client uid=%u error=\"%s\"",
	    (unsigned)client->peer.uid, e->msg);
	if (e->code == ERR_PROTOCOL || e->code == ERR_LIMIT)
		client_refuse(client, e);
	else
		control_client_close(client, 0);
}

static void
on_drained(void *arg)
{
	struct control_client *client = arg;
	struct control_request *req, *next;

	for (req = client->requests; req != NULL; req = next) {
		next = req->next;
		control_request_feed(req);
	}
}

static int
client_check(struct control_client *client, const struct ctl_cmd *cmd,
    const struct wire_request *r, struct err *e)
{
	const char *near;

	if (cmd == NULL) {
		near = ctl_cmd_nearest(r->cmd);
		return err_set(e, ERR_USAGE,
		    "there is no command '%.64s'%s%s%s", r->cmd,
		    near == NULL ? "" : "; did you mean '",
		    near == NULL ? "" : near, near == NULL ? "" : "'?");
	}
	if (client->access == ACCESS_NONE ||
	    (cmd->access == CTL_WRITE && client->access != ACCESS_WRITE)) {
		log_warn("control refused=%s uid=%u", cmd->name,
		    (unsigned)client->peer.uid);
		return err_set(e, ERR_PERMISSION, "%s is not for user id %u",
		    cmd->name, (unsigned)client->peer.uid);
	}
	if (client->ctl->is_closing)
		return err_set(e, ERR_UNAVAILABLE, "the daemon is stopping");
	if (client->nrequests >= REQUESTS_MAX)
		return err_set(e, ERR_BUSY, "more than %d requests at once",
		    REQUESTS_MAX);
	return ctl_cmd_check_args(cmd, r->args, e);
}

static void
client_request(struct control_client *client, const json_t *msg)
{
	struct control_request *req;
	const struct ctl_cmd *cmd;
	struct wire_request r;
	struct err e = ERR_INIT;

	if (wire_request_parse(msg, &r, &e) == -1) {
		client_refuse(client, &e);
		return;
	}
	cmd = ctl_cmd_find(r.cmd);
	if (client_check(client, cmd, &r, &e) == -1) {
		(void)wire_conn_send(client->conn, wire_error_new(r.id, &e),
		    NULL);
		return;
	}
	if (cmd->access == CTL_WRITE)
		log_info("control cmd=%s uid=%u", cmd->name,
		    (unsigned)client->peer.uid);
	req = control_request_new(client, client->ctl, cmd, &r);
	req->next = client->requests;
	client->requests = req;
	client->nrequests++;
	client_watch_idle(client);
	handlers[cmd->id](req);
}

static void
on_message(void *arg, const json_t *msg)
{
	struct control_client *client = arg;
	struct err e = ERR_INIT;

	if (client->has_said_hello) {
		client_request(client, msg);
		return;
	}
	if (wire_hello_check(msg, &e) == -1) {
		client_refuse(client, &e);
		return;
	}
	client->has_said_hello = true;
	client_watch_idle(client);
}

static const struct wire_conn_ops client_ops = {
	NULL,
	on_message,
	on_drained,
	on_gone,
};

/* Pool thread. */
static void
client_look_up(void *arg)
{
	struct control_client *client = arg;

	client->is_in_group = peer_in_group(&client->peer, client->ctl->gid);
}

static void
on_looked_up(void *arg)
{
	struct control_client *client = arg;

	client->is_looking_up = false;
	if (client->is_in_group)
		client->access = ACCESS_READ;
	if (client->conn != NULL)
		wire_conn_start(client->conn);
	else
		client_free_if_done(client);
}

/* Find out what the client may do; only then it is listened to. */
static void
client_admit(struct control_client *client)
{
	struct control *ctl = client->ctl;
	struct err e = ERR_INIT;

	if (peer_get(wire_conn_fd(client->conn), &client->peer, &e) == -1) {
		client_refuse(client, &e);
		return;
	}
	if (client->peer.uid == geteuid() || client->peer.uid == 0)
		client->access = ACCESS_WRITE;
	if (ctl->nclients > CLIENTS_MAX ||
	    (client->access != ACCESS_WRITE &&
		ctl->nclients > CLIENTS_MAX - CLIENTS_RESERVED)) {
		(void)err_set(&e, ERR_BUSY, "too many clients");
		client_refuse(client, &e);
		return;
	}
	(void)wire_conn_send(client->conn, wire_hello_new(), NULL);
	client_watch_idle(client);
	if (client->access == ACCESS_WRITE || !ctl->has_group) {
		wire_conn_start(client->conn);
		return;
	}
	client->is_looking_up = true;
	work_submit(ctl->daemon->pool, &client->work, client_look_up,
	    on_looked_up, client);
}

void
control_client_accept(struct control *ctl)
{
	struct control_client *client = xcalloc(1, sizeof(*client));
	struct env *env = ctl->daemon->env;
	struct err e = ERR_INIT;

	client->ctl = ctl;
	client->conn = wire_conn_accept(env, &ctl->pipe, WIRE_REQUEST_MAX,
	    &client_ops, client, &e);
	if (client->conn == NULL) {
		log_warn("control error=\"%s\"", e.msg);
		free(client);
		return;
	}
	client->idle = env_timer_new(env, on_idle, client);
	client->next = ctl->clients;
	if (client->next != NULL)
		client->next->prev = client;
	ctl->clients = client;
	ctl->nclients++;
	client_admit(client);
}
