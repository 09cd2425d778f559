/*
 * ssh_serve.c - the channels of a connection, on its thread.
 *
 * A read on any channel takes what the socket has and queues it for all; so
 * every channel and stream is asked until all say "again" before the thread
 * waits for the socket.  When a packet is half sent, nothing else may send:
 * only the operation that sends it is repeated, with the same arguments.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/ssh_int.h"

enum op { OP_OPEN, OP_EXEC, OP_READ_OUT, OP_READ_ERR, OP_WRITE, OP_EOF,
	OP_FREE };

/* What an operation came to. */
enum did { DID_NOTHING, DID_SOME, DID_FAIL };

/* The connection is lost; its channels hear of it. */
static enum did
serve_lost(struct ssh *s, const char *doing)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, ERR_NETWORK, "connection lost: %s (%s)", ssh_why(s),
	    doing);
	ssh_fail(s, &e);
	return DID_FAIL;
}

/* "Again": note for what, and whether a packet is half sent. */
static enum did
serve_again(struct ssh *s, struct ssh_chan *c, enum op op)
{
	int dirs = libssh2_session_block_directions(s->session);

	if (dirs & LIBSSH2_SESSION_BLOCK_OUTBOUND) {
		s->stuck = c;
		s->stuck_op = (int)op;
		s->wants_out = true;
	}
	if ((dirs & LIBSSH2_SESSION_BLOCK_INBOUND) || dirs == 0)
		s->wants_in = true;
	return DID_NOTHING;
}

/* The channel fails, the connection lives on. */
static enum did
serve_chan_failed(struct ssh *s, struct ssh_chan *c, const char *what)
{
	uv_mutex_lock(&s->lock);
	if (c->err.code == ERR_NONE)
		(void)err_set(&c->err, ERR_NETWORK, "%s: %s", what,
		    ssh_why(s));
	uv_mutex_unlock(&s->lock);
	c->step = c->ch == NULL ? SSH_STEP_GONE : SSH_STEP_FREE;
	return DID_SOME;
}

static enum did
serve_open(struct ssh *s, struct ssh_chan *c)
{
	int rc;

	if (s->opening != NULL && s->opening != c)
		return DID_NOTHING;
	s->opening = c;
	c->ch = libssh2_channel_open_ex(s->session, "session", 7, SSH_WINDOW,
	    SSH_PACKET, NULL, 0);
	rc = c->ch != NULL ? 0 : libssh2_session_last_errno(s->session);
	if (rc == LIBSSH2_ERROR_EAGAIN)
		return serve_again(s, c, OP_OPEN);
	s->opening = NULL;
	if (rc == LIBSSH2_ERROR_CHANNEL_FAILURE)
		return serve_chan_failed(s, c, "the server opens no channel");
	if (rc != 0)
		return serve_lost(s, "open a channel");
	c->step = SSH_STEP_EXEC;
	return DID_SOME;
}

static enum did
serve_exec(struct ssh *s, struct ssh_chan *c)
{
	int rc = libssh2_channel_process_startup(c->ch, "exec", 4, c->command,
	    (unsigned)strlen(c->command));

	if (rc == LIBSSH2_ERROR_EAGAIN)
		return serve_again(s, c, OP_EXEC);
	if (rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED ||
	    rc == LIBSSH2_ERROR_CHANNEL_CLOSED)
		return serve_chan_failed(s, c, "the server runs no command");
	if (rc != 0)
		return serve_lost(s, "execute a command");
	(void)atomic_fetch_add(&c->moved, 1);
	c->step = SSH_STEP_SERVE;
	return DID_SOME;
}

/* Both streams have ended: what is known of how. */
static void
serve_ended(struct ssh *s, struct ssh_chan *c)
{
	struct chan_exit x;
	char *sig = NULL;

	memset(&x, 0, sizeof(x));
	(void)libssh2_channel_get_exit_signal(c->ch, &sig, NULL, NULL, NULL,
	    NULL, NULL);
	if (sig != NULL) {
		(void)snprintf(x.signal, sizeof(x.signal), "%s", sig);
		libssh2_free(s->session, sig);
	}
	x.status = libssh2_channel_get_exit_status(c->ch);
	/* Zero is also what stands there when none was sent. */
	x.is_known = x.status != 0 || x.signal[0] != '\0';
	uv_mutex_lock(&s->lock);
	c->exit = x;
	c->queue[0].is_over = c->queue[1].is_over = true;
	uv_mutex_unlock(&s->lock);
}

static enum did
serve_read(struct ssh *s, struct ssh_chan *c, unsigned i)
{
	enum op op = i == 0 ? OP_READ_OUT : OP_READ_ERR;
	struct ssh_queue *q = &c->queue[i];
	struct block *b;
	ssize_t n;
	bool has_room;

	uv_mutex_lock(&s->lock);
	has_room = q->n < SSH_QUEUE && !q->is_over;
	uv_mutex_unlock(&s->lock);
	if (!has_room)
		return DID_NOTHING;
	if (c->room[i] == NULL)
		c->room[i] = block_new(SSH_READ_SIZE);
	b = c->room[i];
	n = libssh2_channel_read_ex(c->ch, i == 0 ? 0 :
	    SSH_EXTENDED_DATA_STDERR, (char *)b->data, b->cap);
	if (n == LIBSSH2_ERROR_EAGAIN)
		return serve_again(s, c, op);
	if (n < 0)
		return serve_lost(s, "read");
	if (n == 0) {
		if (!libssh2_channel_eof(c->ch)) {
			s->wants_in = true;
			return DID_NOTHING;
		}
		serve_ended(s, c);
		return DID_SOME;
	}
	c->room[i] = NULL;
	b->len = (size_t)n;
	(void)atomic_fetch_add(&c->moved, (uint_fast64_t)n);
	uv_mutex_lock(&s->lock);
	q->blocks[(q->first + q->n++) % SSH_QUEUE] = b;
	uv_mutex_unlock(&s->lock);
	return DID_SOME;
}

/* The write may be answered. */
static enum did
serve_written(struct ssh *s, struct ssh_chan *c)
{
	struct block *b;

	c->write_at = 0;
	uv_mutex_lock(&s->lock);
	b = c->write;
	c->write = NULL;
	c->is_written = true;
	uv_mutex_unlock(&s->lock);
	block_unref(b);
	return DID_SOME;
}

static enum did
serve_write(struct ssh *s, struct ssh_chan *c)
{
	struct block *b;
	ssize_t n;

	uv_mutex_lock(&s->lock);
	b = c->write;
	uv_mutex_unlock(&s->lock);
	if (b == NULL)
		return DID_NOTHING;
	n = libssh2_channel_write_ex(c->ch, 0, (char *)b->data + c->write_at,
	    b->len - c->write_at);
	if (n == LIBSSH2_ERROR_EAGAIN)
		return serve_again(s, c, OP_WRITE);
	/* It reads no more; its output tells the rest. */
	if (n == LIBSSH2_ERROR_CHANNEL_CLOSED ||
	    n == LIBSSH2_ERROR_CHANNEL_EOF_SENT)
		return serve_written(s, c);
	if (n < 0)
		return serve_lost(s, "write");
	(void)atomic_fetch_add(&c->moved, (uint_fast64_t)n);
	c->write_at += (size_t)n;
	return c->write_at == b->len ? serve_written(s, c) :
	    n > 0 ? DID_SOME : DID_NOTHING;
}

static enum did
serve_eof(struct ssh *s, struct ssh_chan *c)
{
	bool wants;
	int rc;

	uv_mutex_lock(&s->lock);
	wants = c->wants_shut && c->write == NULL && !c->is_shut;
	uv_mutex_unlock(&s->lock);
	if (!wants)
		return DID_NOTHING;
	rc = libssh2_channel_send_eof(c->ch);
	if (rc == LIBSSH2_ERROR_EAGAIN)
		return serve_again(s, c, OP_EOF);
	if (rc != 0 && rc != LIBSSH2_ERROR_CHANNEL_CLOSED)
		return serve_lost(s, "end the input");
	uv_mutex_lock(&s->lock);
	c->is_shut = true;
	uv_mutex_unlock(&s->lock);
	return DID_SOME;
}

/* libssh2 waits here for the other side's close; others are served meanwhile. */
static enum did
serve_free(struct ssh *s, struct ssh_chan *c)
{
	int rc = libssh2_channel_free(c->ch);

	if (rc == LIBSSH2_ERROR_EAGAIN)
		return serve_again(s, c, OP_FREE);
	c->ch = NULL;
	c->step = SSH_STEP_GONE;
	if (rc == LIBSSH2_ERROR_SOCKET_DISCONNECT ||
	    rc == LIBSSH2_ERROR_SOCKET_SEND || rc == LIBSSH2_ERROR_SOCKET_RECV)
		return serve_lost(s, "close a channel");
	return DID_SOME;
}

static enum did
serve_op(struct ssh *s, struct ssh_chan *c, enum op op)
{
	switch (op) {
	case OP_OPEN:
		return serve_open(s, c);
	case OP_EXEC:
		return serve_exec(s, c);
	case OP_READ_OUT:
		return serve_read(s, c, 0);
	case OP_READ_ERR:
		return serve_read(s, c, 1);
	case OP_WRITE:
		return serve_write(s, c);
	case OP_EOF:
		return serve_eof(s, c);
	case OP_FREE:
		return serve_free(s, c);
	}
	return DID_NOTHING;
}

/* The channel as it stands: whether its owner closed it changes its step. */
static enum ssh_step
serve_step(struct ssh *s, struct ssh_chan *c)
{
	bool is_closed;

	uv_mutex_lock(&s->lock);
	is_closed = c->is_closed;
	uv_mutex_unlock(&s->lock);
	/* An opening that has begun must be ended, it is the session's. */
	if (is_closed && c->step == SSH_STEP_OPEN && s->opening != c)
		c->step = SSH_STEP_GONE;
	else if (is_closed && c->step < SSH_STEP_FREE && c->ch != NULL)
		c->step = SSH_STEP_FREE;
	return c->step;
}

static enum did
serve_chan(struct ssh *s, struct ssh_chan *c)
{
	static const enum op ops[] = { OP_READ_ERR, OP_READ_OUT, OP_WRITE,
		OP_EOF };
	enum did did = DID_NOTHING, one;
	size_t i;

	switch (serve_step(s, c)) {
	case SSH_STEP_OPEN:
		return serve_open(s, c);
	case SSH_STEP_EXEC:
		return serve_exec(s, c);
	case SSH_STEP_SERVE:
		break;
	case SSH_STEP_FREE:
		return serve_free(s, c);
	case SSH_STEP_GONE:
		return DID_NOTHING;
	}
	for (i = 0; i < COUNT_OF(ops) && s->stuck == NULL; i++) {
		if ((one = serve_op(s, c, ops[i])) == DID_FAIL)
			return DID_FAIL;
		if (one == DID_SOME)
			did = DID_SOME;
	}
	return did;
}

/* Each channel once; ${n} becomes how many there are. */
static enum did
serve_all(struct ssh *s, unsigned *n)
{
	struct ssh_chan *c, *next;
	enum did did = DID_NOTHING, one;

	*n = 0;
	uv_mutex_lock(&s->lock);
	c = s->chans;
	uv_mutex_unlock(&s->lock);
	for (; c != NULL && s->stuck == NULL; c = next) {
		one = c->is_gone ? DID_NOTHING : serve_chan(s, c);
		if (one == DID_FAIL)
			return DID_FAIL;
		if (one == DID_SOME)
			did = DID_SOME;
		uv_mutex_lock(&s->lock);
		next = c->next;
		if (c->step != SSH_STEP_GONE)
			++*n;
		else if (!c->is_gone) {
			/* From here the loop may free it. */
			c->is_gone = true;
			did = DID_SOME;
		}
		uv_mutex_unlock(&s->lock);
	}
	return did;
}

static enum did
serve_round(struct ssh *s, unsigned *n)
{
	struct ssh_chan *c = s->stuck;
	enum did did;

	s->wants_in = s->wants_out = false;
	if (c != NULL) {
		*n = 1;
		s->stuck = NULL;
		did = serve_op(s, c, (enum op)s->stuck_op);
		/* Free of it, all others are to be asked. */
		return did == DID_FAIL || s->stuck != NULL ? did : DID_SOME;
	}
	return serve_all(s, n);
}

/*
 * A keepalive makes the far side answer, so that TCP notices its death.  Half
 * a one may stay in libssh2 unsaid; so only when the socket takes it.
 */
static int
serve_keepalive(struct ssh *s)
{
	struct pollfd p;
	int next = 0;

	if (s->stuck != NULL || ssh_now_ms() < s->keepalive_at_ms)
		return 0;
	memset(&p, 0, sizeof(p));
	p.fd = s->fd;
	p.events = POLLOUT;
	s->keepalive_at_ms = ssh_now_ms() + 1000;
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return 0;
	if (libssh2_keepalive_send(s->session, &next) != 0)
		return serve_lost(s, "keepalive") == DID_FAIL ? -1 : 0;
	s->keepalive_at_ms = ssh_now_ms() + (next < 1 ? 1 : next) * 1000;
	return 0;
}

static void
serve_wait(struct ssh *s, unsigned n)
{
	struct pollfd p[2];
	int64_t now = ssh_now_ms(), ms = 5000;
	char junk[256];

	memset(p, 0, sizeof(p));
	p[0].fd = s->wake[0];
	p[0].events = POLLIN;
	p[1].fd = s->wants_in || s->wants_out ? s->fd : -1;
	p[1].events = (short)((s->wants_in ? POLLIN : 0) |
	    (s->wants_out ? POLLOUT : 0));
	if (n > 0 && s->keepalive_at_ms - now < ms)
		ms = s->keepalive_at_ms - now;
	if (n == 0 && s->idle_since_ms + SSH_IDLE_MS - now < ms)
		ms = s->idle_since_ms + SSH_IDLE_MS - now;
	(void)poll(p, 2, ms < 1 ? 1 : (int)ms);
	while (read(s->wake[0], junk, sizeof(junk)) > 0)
		;
}

/* Whether the connection is to end, and why. */
static bool
serve_is_over(struct ssh *s, unsigned n)
{
	struct err e = ERR_INIT;
	struct ssh_chan *c;
	bool is_over;

	if (n > 0)
		s->idle_since_ms = ssh_now_ms();
	uv_mutex_lock(&s->lock);
	/* One may have come since they were counted. */
	for (c = s->chans, is_over = true; c != NULL; c = c->next)
		is_over = is_over && c->is_gone;
	is_over = s->is_stopping || (is_over &&
	    ssh_now_ms() - s->idle_since_ms >= SSH_IDLE_MS);
	if (is_over) {
		(void)err_set(&e, ERR_CANCELED, "the connection was closed");
		err_copy(&s->err, &e);
		s->has_failed = true;
	}
	uv_mutex_unlock(&s->lock);
	return is_over;
}

void
ssh_serve(struct ssh *s)
{
	int secs = (int)(s->conf->keepalive_ms / 1000);
	enum did did;
	unsigned n = 0;

	libssh2_keepalive_config(s->session, 1, (unsigned)(secs < 2 ? 2 :
	    secs));
	s->keepalive_at_ms = ssh_now_ms() + (secs < 2 ? 2 : secs) * 1000;
	s->idle_since_ms = ssh_now_ms();
	while (!serve_is_over(s, n)) {
		if ((did = serve_round(s, &n)) == DID_FAIL ||
		    (n > 0 && serve_keepalive(s) == -1))
			break;
		if (did == DID_SOME)
			(void)uv_async_send(&s->async);
		else
			serve_wait(s, n);
	}
}
