/*
 * ssh_ops.c - one thing at a time for one channel: open it, execute, read,
 * write, end its input, free it.  On the connection's thread.
 */
#include <stdio.h>
#include <string.h>

#include "net/ssh_int.h"

/* The connection is lost; its channels hear of it. */
enum ssh_did
ssh_lost(struct ssh *s, const char *doing)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, ERR_NETWORK, "connection lost: %s (%s)", ssh_why(s),
	    doing);
	ssh_fail(s, &e);
	return SSH_DID_FAIL;
}

/* "Again": note for what, and whether a packet is half sent. */
static enum ssh_did
op_again(struct ssh *s, struct ssh_chan *c, enum ssh_op op)
{
	int dirs = libssh2_session_block_directions(s->session);

	if (dirs & LIBSSH2_SESSION_BLOCK_OUTBOUND) {
		s->stuck = c;
		s->stuck_op = (int)op;
		s->wants_out = true;
	}
	if ((dirs & LIBSSH2_SESSION_BLOCK_INBOUND) || dirs == 0)
		s->wants_in = true;
	return SSH_DID_NOTHING;
}

/* Bytes that move are as good as an answer: the window bounds those unheard. */
static void
op_moved(struct ssh *s, struct ssh_chan *c, ssize_t n)
{
	s->unanswered = 0;
	(void)atomic_fetch_add(&c->moved, (uint_fast64_t)n);
}

/* The channel fails, the connection lives on. */
static enum ssh_did
op_chan_failed(struct ssh *s, struct ssh_chan *c, const char *what)
{
	uv_mutex_lock(&s->lock);
	if (c->err.code == ERR_NONE)
		(void)err_set(&c->err, ERR_NETWORK, "%s: %s", what, ssh_why(s));
	uv_mutex_unlock(&s->lock);
	c->step = c->ch == NULL ? SSH_STEP_GONE : SSH_STEP_FREE;
	return SSH_DID_SOME;
}

static enum ssh_did
op_open(struct ssh *s, struct ssh_chan *c)
{
	int rc;

	if (s->opening != NULL && s->opening != c)
		return SSH_DID_NOTHING;
	s->opening = c;
	c->ch = libssh2_channel_open_ex(s->session, "session", 7, SSH_WINDOW,
	    SSH_PACKET, NULL, 0);
	rc = c->ch != NULL ? 0 : libssh2_session_last_errno(s->session);
	if (rc == LIBSSH2_ERROR_EAGAIN)
		return op_again(s, c, SSH_OP_OPEN);
	s->opening = NULL;
	if (rc == LIBSSH2_ERROR_CHANNEL_FAILURE)
		return op_chan_failed(s, c, "the server opens no channel");
	if (rc != 0)
		return ssh_lost(s, "open a channel");
	c->step = SSH_STEP_EXEC;
	return SSH_DID_SOME;
}

static enum ssh_did
op_exec(struct ssh *s, struct ssh_chan *c)
{
	int rc = libssh2_channel_process_startup(c->ch, "exec", 4, c->command,
	    (unsigned)strlen(c->command));

	if (rc == LIBSSH2_ERROR_EAGAIN)
		return op_again(s, c, SSH_OP_EXEC);
	if (rc == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED ||
	    rc == LIBSSH2_ERROR_CHANNEL_CLOSED)
		return op_chan_failed(s, c, "the server runs no command");
	if (rc != 0)
		return ssh_lost(s, "execute a command");
	(void)atomic_fetch_add(&c->moved, 1);
	c->step = SSH_STEP_SERVE;
	return SSH_DID_SOME;
}

/* Both streams have ended: what is known of how. */
static void
op_ended(struct ssh *s, struct ssh_chan *c)
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

static enum ssh_did
op_read(struct ssh *s, struct ssh_chan *c, unsigned i)
{
	enum ssh_op op = i == 0 ? SSH_OP_READ_OUT : SSH_OP_READ_ERR;
	struct ssh_queue *q = &c->queue[i];
	struct block *b;
	ssize_t n;
	bool has_room;

	uv_mutex_lock(&s->lock);
	has_room = q->n < SSH_QUEUE && !q->is_over;
	uv_mutex_unlock(&s->lock);
	if (!has_room)
		return SSH_DID_NOTHING;
	if (c->room[i] == NULL)
		c->room[i] = block_new(SSH_READ_SIZE);
	b = c->room[i];
	n = libssh2_channel_read_ex(c->ch,
	    i == 0 ? 0 : SSH_EXTENDED_DATA_STDERR, (char *)b->data, b->cap);
	if (n == LIBSSH2_ERROR_EAGAIN)
		return op_again(s, c, op);
	if (n < 0)
		return ssh_lost(s, "read");
	if (n == 0) {
		if (!libssh2_channel_eof(c->ch)) {
			s->wants_in = true;
			return SSH_DID_NOTHING;
		}
		op_ended(s, c);
		return SSH_DID_SOME;
	}
	c->room[i] = NULL;
	b->len = (size_t)n;
	op_moved(s, c, n);
	uv_mutex_lock(&s->lock);
	q->blocks[(q->first + q->n++) % SSH_QUEUE] = b;
	uv_mutex_unlock(&s->lock);
	return SSH_DID_SOME;
}

/* The write may be answered. */
static enum ssh_did
op_written(struct ssh *s, struct ssh_chan *c)
{
	struct block *b;

	c->write_at = 0;
	uv_mutex_lock(&s->lock);
	b = c->write;
	c->write = NULL;
	c->is_written = true;
	uv_mutex_unlock(&s->lock);
	block_unref(b);
	return SSH_DID_SOME;
}

static enum ssh_did
op_write(struct ssh *s, struct ssh_chan *c)
{
	struct block *b;
	ssize_t n;

	uv_mutex_lock(&s->lock);
	b = c->write;
	uv_mutex_unlock(&s->lock);
	if (b == NULL)
		return SSH_DID_NOTHING;
	n = libssh2_channel_write_ex(c->ch, 0, (char *)b->data + c->write_at,
	    b->len - c->write_at);
	if (n == LIBSSH2_ERROR_EAGAIN)
		return op_again(s, c, SSH_OP_WRITE);
	/* It reads no more; its output tells the rest. */
	if (n == LIBSSH2_ERROR_CHANNEL_CLOSED ||
	    n == LIBSSH2_ERROR_CHANNEL_EOF_SENT)
		return op_written(s, c);
	if (n < 0)
		return ssh_lost(s, "write");
	op_moved(s, c, n);
	c->write_at += (size_t)n;
	return c->write_at == b->len ? op_written(s, c)
	    : n > 0                  ? SSH_DID_SOME
				     : SSH_DID_NOTHING;
}

static enum ssh_did
op_eof(struct ssh *s, struct ssh_chan *c)
{
	bool wants;
	int rc;

	uv_mutex_lock(&s->lock);
	wants = c->wants_shut && c->write == NULL && !c->is_shut;
	uv_mutex_unlock(&s->lock);
	if (!wants)
		return SSH_DID_NOTHING;
	rc = libssh2_channel_send_eof(c->ch);
	if (rc == LIBSSH2_ERROR_EAGAIN)
		return op_again(s, c, SSH_OP_EOF);
	if (rc != 0 && rc != LIBSSH2_ERROR_CHANNEL_CLOSED)
		return ssh_lost(s, "end the input");
	uv_mutex_lock(&s->lock);
	c->is_shut = true;
	uv_mutex_unlock(&s->lock);
	return SSH_DID_SOME;
}

/* libssh2 waits here for the other side's close; others are served. */
static enum ssh_did
op_free(struct ssh *s, struct ssh_chan *c)
{
	int rc = libssh2_channel_free(c->ch);

	if (rc == LIBSSH2_ERROR_EAGAIN)
		return op_again(s, c, SSH_OP_FREE);
	c->ch = NULL;
	c->step = SSH_STEP_GONE;
	if (rc == LIBSSH2_ERROR_SOCKET_DISCONNECT ||
	    rc == LIBSSH2_ERROR_SOCKET_SEND || rc == LIBSSH2_ERROR_SOCKET_RECV)
		return ssh_lost(s, "close a channel");
	return SSH_DID_SOME;
}

enum ssh_did
ssh_op(struct ssh *s, struct ssh_chan *c, enum ssh_op op)
{
	switch (op) {
	case SSH_OP_OPEN:
		return op_open(s, c);
	case SSH_OP_EXEC:
		return op_exec(s, c);
	case SSH_OP_READ_OUT:
		return op_read(s, c, 0);
	case SSH_OP_READ_ERR:
		return op_read(s, c, 1);
	case SSH_OP_WRITE:
		return op_write(s, c);
	case SSH_OP_EOF:
		return op_eof(s, c);
	case SSH_OP_FREE:
		return op_free(s, c);
	}
	return SSH_DID_NOTHING;
}
