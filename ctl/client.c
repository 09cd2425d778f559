/* client.c - see client.h. */
#include "client.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/json.h"
#include "base/mem.h"
#include "progress.h"
#include "wire/wire.h"

#define HELLO_MS 10000
#define ANSWER_MS 120000
#define REQUEST_ID 1

struct client {
	const struct client_opt *opt;
	struct client_answer *answer;
	uv_loop_t loop;
	struct env *env;
	struct wire_conn *conn;
	struct env_timer *limit;
	struct progress *progress;
	uv_signal_t interrupt, resize;
	bool has_signals;
	bool has_hello;
	bool is_over;
	struct err err;
};

/* Let everything go; the loop ends when the handles have closed. */
static void
client_over(struct client *c)
{
	if (c->is_over)
		return;
	c->is_over = true;
	if (c->progress != NULL)
		c->answer->run = progress_run(c->progress);
	progress_free(c->progress);
	c->progress = NULL;
	env_timer_free(c->limit);
	if (c->conn != NULL)
		wire_conn_close(c->conn, 0, NULL, NULL);
	c->conn = NULL;
	if (c->has_signals) {
		uv_close((uv_handle_t *)&c->interrupt, NULL);
		uv_close((uv_handle_t *)&c->resize, NULL);
	}
}

static void
client_fail(struct client *c, const struct err *e)
{
	if (c->is_over)
		return;
	err_copy(&c->err, e);
	client_over(c);
}

static void
on_limit(void *arg)
{
	struct client *c = arg;
	struct err e = ERR_INIT;

	(void)err_set(&e, ERR_UNAVAILABLE, "the daemon at '%s' does not %s",
	    c->opt->socket, c->has_hello ? "answer in time" : "say hello");
	client_fail(c, &e);
}

static void
on_interrupt(uv_signal_t *s, int signum)
{
	struct client *c = s->data;

	(void)signum;
	c->answer->is_interrupted = true;
	client_over(c);
}

static void
on_resize(uv_signal_t *s, int signum)
{
	struct client *c = s->data;

	(void)signum;
	if (c->progress != NULL)
		progress_resized(c->progress);
}

static void
on_up(void *arg)
{
	struct client *c = arg;
	json_t *args = c->opt->args == NULL ? NULL
					    : json_deep_copy(c->opt->args);

	(void)wire_conn_send(c->conn, wire_hello_new(), NULL);
	(void)wire_conn_send(c->conn,
	    wire_request_new(REQUEST_ID, c->opt->cmd, args), NULL);
}

static void
client_take_data(struct client *c, const json_t *value)
{
	json_t *copy = json_deep_copy(value);

	if (c->opt->is_many) {
		BUG_IF(json_array_append_new(c->answer->value, copy) != 0);
		return;
	}
	json_decref(c->answer->value);
	c->answer->value = copy;
}

static void
client_take_hello(struct client *c, const json_t *msg)
{
	struct err e = ERR_INIT;

	if (wire_hello_check(msg, &e) == -1) {
		client_fail(c, &e);
		return;
	}
	c->has_hello = true;
	if (c->opt->streams)
		env_timer_stop(c->limit);
	else
		env_timer_start(c->limit, ANSWER_MS);
}

static void
client_take_reply(struct client *c, const struct wire_reply *r)
{
	if (!c->opt->streams)
		env_timer_start(c->limit, ANSWER_MS);
	switch (r->kind) {
	case WIRE_DATA:
		client_take_data(c, r->value);
		break;
	case WIRE_PROGRESS:
		if (c->progress != NULL)
			progress_event(c->progress, r->value);
		break;
	case WIRE_END:
		c->answer->end = json_deep_copy(r->value);
		client_over(c);
		break;
	case WIRE_ERROR:
	case WIRE_HELLO:
		client_fail(c, &r->err);
		break;
	}
}

static void
on_message(void *arg, const json_t *msg)
{
	struct client *c = arg;
	struct wire_reply r;
	struct err e = ERR_INIT;

	if (wire_reply_parse(msg, &r, &e) == -1) {
		client_fail(c, &e);
		return;
	}
	if (r.kind == WIRE_ERROR && (r.id == 0 || r.id == REQUEST_ID))
		client_fail(c, &r.err);
	else if (!c->has_hello)
		client_take_hello(c, msg);
	else if (r.kind != WIRE_HELLO && r.id == REQUEST_ID)
		client_take_reply(c, &r);
}

static void
on_gone(void *arg, const struct err *why)
{
	struct client *c = arg;
	struct err e = ERR_INIT;

	if (why == NULL) {
		(void)err_set(&e, ERR_UNAVAILABLE, "the daemon went away");
	} else {
		err_copy(&e, why);
		if (e.code != ERR_PERMISSION && e.code != ERR_PROTOCOL &&
		    e.code != ERR_LIMIT)
			e.code = ERR_UNAVAILABLE;
		(void)err_context(&e, "the daemon at '%s'", c->opt->socket);
	}
	client_fail(c, &e);
}

static const struct wire_conn_ops client_ops = {
	on_up,
	on_message,
	NULL,
	on_gone,
};

static void
client_start(struct client *c)
{
	const struct client_opt *opt = c->opt;

	c->limit = env_timer_new(c->env, on_limit, c);
	env_timer_start(c->limit, HELLO_MS);
	if (opt->streams) {
		c->progress = progress_new(c->env, opt->progress_fd,
		    opt->progress_fd != -1 && opt->is_terminal);
		c->has_signals = true;
		BUG_IF(uv_signal_init(&c->loop, &c->interrupt) != 0 ||
		    uv_signal_init(&c->loop, &c->resize) != 0);
		c->interrupt.data = c->resize.data = c;
		BUG_IF(uv_signal_start(&c->interrupt, on_interrupt, SIGINT) !=
		    0);
		BUG_IF(uv_signal_start(&c->resize, on_resize, SIGWINCH) != 0);
	}
	c->conn = wire_conn_connect(c->env, opt->socket, WIRE_REPLY_MAX,
	    &client_ops, c, &c->err);
	if (c->conn == NULL)
		client_over(c);
}

int
client_ask(const struct client_opt *opt, struct client_answer *a, struct err *e)
{
	struct client c;

	memset(&c, 0, sizeof(c));
	memset(a, 0, sizeof(*a));
	c.opt = opt;
	c.answer = a;
	if (opt->is_many)
		a->value = json_array();
	BUG_IF(uv_loop_init(&c.loop) != 0);
	c.env = env_new(&c.loop);
	client_start(&c);
	/* A daemon that goes is an answer; "history | head" that goes is not. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)uv_run(&c.loop, UV_RUN_DEFAULT);
	(void)signal(SIGPIPE, SIG_DFL);
	BUG_IF(uv_loop_close(&c.loop) != 0);
	env_free(c.env);
	err_copy(e, &c.err);
	return c.err.code == ERR_NONE ? 0 : -1;
}

void
client_answer_done(struct client_answer *a)
{
	json_decref(a->value);
	json_decref(a->end);
	a->value = a->end = NULL;
}
