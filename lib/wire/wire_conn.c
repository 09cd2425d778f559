/* wire_conn.c - one connection, either end; see wire.h. */
#include "wire/wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/json.h"
#include "base/mem.h"

#define READ_BYTES ((size_t)16 * 1024)
/* For what the other side said before it went. */
#define LAST_WORDS_MS 2000

struct wire_conn {
	struct env *env;
	const struct wire_conn_ops *ops;
	void *arg;
	uv_pipe_t pipe;
	uv_connect_t connect;
	struct env_timer *stall; /* Also the linger at the end. */
	struct wire_lines lines;
	struct err why;
	size_t writes; /* Not yet called back. */
	bool was_full; /* Owe the owner a drained. */
	bool is_gone;  /* Told, or about to be told. */
	bool is_closing;
	bool is_pipe_closing;
	void (*closed)(void *);
	void *closed_arg;
	char in[READ_BYTES];
};

struct wire_write {
	uv_write_t req;
	struct wire_conn *conn;
	char *text;
};

int
wire_path_check(const char *path, struct err *e)
{
	size_t max = sizeof(((struct sockaddr_un *)NULL)->sun_path);

	if (strlen(path) >= max)
		return err_set(e, ERR_CONFIG,
		    "the socket path '%s' is longer "
		    "than the %zu bytes a socket address holds",
		    path, max - 1);
	return 0;
}

static void
on_pipe_closed(uv_handle_t *h)
{
	struct wire_conn *c = h->data;
	void (*fn)(void *) = c->closed;
	void *arg = c->closed_arg;

	BUG_IF(c->writes != 0);
	wire_lines_done(&c->lines);
	free(c);
	if (fn != NULL)
		fn(arg);
}

static void
conn_close_pipe(struct wire_conn *c)
{
	if (c->is_pipe_closing)
		return;
	c->is_pipe_closing = true;
	env_timer_free(c->stall);
	c->stall = NULL;
	uv_close((uv_handle_t *)&c->pipe, on_pipe_closed);
}

/* Tell the owner that it is over; it closes, now or later. */
static void
conn_gone(struct wire_conn *c, const struct err *e)
{
	if (c->is_gone || c->is_closing)
		return;
	c->is_gone = true;
	(void)uv_read_stop((uv_stream_t *)&c->pipe);
	env_timer_stop(c->stall);
	c->ops->gone(c->arg, e);
}

static void
on_stalled(void *arg)
{
	struct wire_conn *c = arg;
	struct err e = ERR_INIT;

	if (c->is_closing) {
		conn_close_pipe(c);
		return;
	}
	if (c->why.code == ERR_NONE)
		(void)err_set(&e, ERR_TIMEOUT, "the other side takes nothing");
	else
		e = c->why;
	conn_gone(c, &e);
}

static struct wire_conn *
conn_new(struct env *env, size_t max, const struct wire_conn_ops *ops,
    void *arg)
{
	struct wire_conn *c = xcalloc(1, sizeof(*c));

	c->env = env;
	c->ops = ops;
	c->arg = arg;
	wire_lines_init(&c->lines, max);
	BUG_IF(uv_pipe_init(env->loop, &c->pipe, 0) != 0);
	c->pipe.data = c;
	c->stall = env_timer_new(env, on_stalled, c);
	return c;
}

struct wire_conn *
wire_conn_accept(struct env *env, uv_pipe_t *server, size_t max,
    const struct wire_conn_ops *ops, void *arg, struct err *e)
{
	struct wire_conn *c = conn_new(env, max, ops, arg);
	int rc;

	rc = uv_accept((uv_stream_t *)server, (uv_stream_t *)&c->pipe);
	if (rc != 0) {
		(void)err_uv(e, rc, "accept a connection");
		wire_conn_close(c, 0, NULL, NULL);
		return NULL;
	}
	return c;
}

static bool
on_line(void *arg, const char *text, size_t n)
{
	struct wire_conn *c = arg;
	struct err e = ERR_INIT;
	json_t *msg;

	if ((msg = json_parse(text, n, &e)) != NULL && !json_is_object(msg)) {
		(void)err_set(&e, ERR_PROTOCOL, "a line is no JSON object");
		json_decref(msg);
		msg = NULL;
	}
	if (msg == NULL) {
		conn_gone(c, &e);
		return false;
	}
	c->ops->message(c->arg, msg);
	json_decref(msg);
	return !c->is_closing && !c->is_gone;
}

static void
on_alloc(uv_handle_t *h, size_t want, uv_buf_t *out)
{
	struct wire_conn *c = h->data;

	(void)want;
	*out = uv_buf_init(c->in, READ_BYTES);
}

static void
on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
	struct wire_conn *c = s->data;
	struct err e = ERR_INIT;

	/* Reset: it went without reading all that we sent. */
	if (n == UV_EOF || n == UV_ECONNRESET) {
		conn_gone(c, NULL);
	} else if (n < 0) {
		(void)err_uv(&e, (int)n, "read from the socket");
		conn_gone(c, &e);
	} else if (n > 0 &&
	    wire_lines_feed(&c->lines, b->base, (size_t)n, on_line, c, &e) ==
		-1) {
		conn_gone(c, &e);
	}
}

void
wire_conn_start(struct wire_conn *c)
{
	if (!c->is_closing && !c->is_gone)
		BUG_IF(uv_read_start((uv_stream_t *)&c->pipe, on_alloc,
			   on_read) != 0);
}

static void
on_connected(uv_connect_t *req, int status)
{
	struct wire_conn *c = req->data;
	struct err e = ERR_INIT;

	if (c->is_closing)
		return;
	if (status != 0) {
		(void)err_uv(&e, status, "connect");
		e.code = status == UV_EACCES || status == UV_EPERM
		    ? ERR_PERMISSION
		    : ERR_UNAVAILABLE;
		conn_gone(c, &e);
		return;
	}
	c->ops->up(c->arg);
	if (!c->is_closing)
		wire_conn_start(c);
}

struct wire_conn *
wire_conn_connect(struct env *env, const char *path, size_t max,
    const struct wire_conn_ops *ops, void *arg, struct err *e)
{
	struct wire_conn *c;

	/* Older libuv cuts a long path short without a word. */
	if (wire_path_check(path, e) == -1)
		return NULL;
	c = conn_new(env, max, ops, arg);
	c->connect.data = c;
	uv_pipe_connect(&c->connect, &c->pipe, path, on_connected);
	return c;
}

int
wire_conn_fd(const struct wire_conn *c)
{
	uv_os_fd_t fd = -1;

	if (uv_fileno((const uv_handle_t *)&c->pipe, &fd) != 0)
		return -1;
	return fd;
}

size_t
wire_conn_queued(const struct wire_conn *c)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&c->pipe);
}

/* Whoever takes nothing more may have said why: that is read first. */
static void
conn_write_failed(struct wire_conn *c, int status)
{
	if (c->is_gone || c->why.code != ERR_NONE)
		return;
	(void)err_uv(&c->why, status, "write to the socket");
	env_timer_start(c->stall,
	    status == UV_EPIPE || status == UV_ECONNRESET ? LAST_WORDS_MS : 0);
}

static void
on_written(uv_write_t *req, int status)
{
	struct wire_write *w = CONTAINER_OF(req, struct wire_write, req);
	struct wire_conn *c = w->conn;

	free(w->text);
	free(w);
	c->writes--;
	if (c->is_closing) {
		if (c->writes == 0)
			conn_close_pipe(c);
		return;
	}
	if (status != 0) {
		conn_write_failed(c, status);
		return;
	}
	if (c->is_gone)
		return;
	if (c->writes == 0)
		env_timer_stop(c->stall);
	else if (c->why.code == ERR_NONE)
		env_timer_start(c->stall, WIRE_STALL_MS);
	if (c->was_full && wire_conn_queued(c) < WIRE_QUEUE_SOFT) {
		c->was_full = false;
		if (c->ops->drained != NULL)
			c->ops->drained(c->arg);
	}
}

/* Over the hard limit: gone comes from the loop, not from within send. */
static void
conn_overflow(struct wire_conn *c)
{
	if (c->why.code != ERR_NONE)
		return;
	(void)err_set(&c->why, ERR_LIMIT, "the other side reads too slowly");
	env_timer_start(c->stall, 0);
}

static void
conn_write(struct wire_conn *c, char *text, size_t n)
{
	struct wire_write *w = xcalloc(1, sizeof(*w));
	uv_buf_t b = uv_buf_init(text, (unsigned)n);
	int rc;

	w->conn = c;
	w->text = text;
	rc = uv_write(&w->req, (uv_stream_t *)&c->pipe, &b, 1, on_written);
	if (rc != 0) {
		free(text);
		free(w);
		conn_write_failed(c, rc);
		return;
	}
	if (c->writes++ == 0 && c->why.code == ERR_NONE && !c->is_gone)
		env_timer_start(c->stall, WIRE_STALL_MS);
	if (wire_conn_queued(c) >= WIRE_QUEUE_SOFT)
		c->was_full = true;
}

int
wire_conn_send(struct wire_conn *c, json_t *msg, struct err *e)
{
	char *text = json_print(msg);
	size_t n = strlen(text);

	json_decref(msg);
	if (n + 1 > WIRE_REPLY_MAX) {
		free(text);
		return err_set(e, ERR_LIMIT,
		    "an answer is longer than %zu bytes", WIRE_REPLY_MAX);
	}
	if (c->is_closing || c->why.code != ERR_NONE) {
		free(text);
		return 0;
	}
	if (wire_conn_queued(c) + n > WIRE_QUEUE_HARD) {
		free(text);
		conn_overflow(c);
		return 0;
	}
	text[n] = '\n'; /* In place of the NUL. */
	conn_write(c, text, n + 1);
	return 0;
}

bool
wire_conn_send_lossy(struct wire_conn *c, json_t *msg)
{
	if (wire_conn_queued(c) >= WIRE_QUEUE_SOFT) {
		json_decref(msg);
		return false;
	}
	return wire_conn_send(c, msg, NULL) == 0;
}

void
wire_conn_close(struct wire_conn *c, int64_t linger_ms, void (*fn)(void *),
    void *arg)
{
	BUG_IF(c->is_closing);
	c->is_closing = true;
	c->closed = fn;
	c->closed_arg = arg;
	(void)uv_read_stop((uv_stream_t *)&c->pipe);
	if (linger_ms <= 0 || c->writes == 0)
		conn_close_pipe(c);
	else
		env_timer_start(c->stall, linger_ms);
}
