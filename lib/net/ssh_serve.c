/*
 * ssh_serve.c - the channels of a connection, on its thread.
 *
 * A read on any channel takes what the socket has and queues it for all; so
 * every channel and stream is asked until all say "again" before the thread
 * waits for the socket.  When a packet is half sent, nothing else may send:
 * only the operation that sends it is repeated, with the same arguments.
 */
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/ssh_int.h"

#define SERVE_SPINS_MAX 1000
#define SERVE_UNANSWERED_MAX 3

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

static enum ssh_did
serve_chan(struct ssh *s, struct ssh_chan *c)
{
	static const enum ssh_op ops[] = { SSH_OP_READ_ERR, SSH_OP_READ_OUT,
		SSH_OP_WRITE, SSH_OP_EOF };
	enum ssh_did did = SSH_DID_NOTHING, one;
	size_t i;

	switch (serve_step(s, c)) {
	case SSH_STEP_OPEN:
		return ssh_op(s, c, SSH_OP_OPEN);
	case SSH_STEP_EXEC:
		return ssh_op(s, c, SSH_OP_EXEC);
	case SSH_STEP_SERVE:
		break;
	case SSH_STEP_FREE:
		return ssh_op(s, c, SSH_OP_FREE);
	case SSH_STEP_GONE:
		return SSH_DID_NOTHING;
	}
	for (i = 0; i < COUNT_OF(ops) && s->stuck == NULL; i++) {
		if ((one = ssh_op(s, c, ops[i])) == SSH_DID_FAIL)
			return SSH_DID_FAIL;
		if (one == SSH_DID_SOME)
			did = SSH_DID_SOME;
	}
	return did;
}

/* From ${c} on the first that is served; under the lock, as the loop may free
 * any other one as soon as it is let go. */
static struct ssh_chan *
chan_served(struct ssh_chan *c)
{
	while (c != NULL && c->is_gone)
		c = c->next;
	return c;
}

/* Each channel once; ${n} becomes how many there are. */
static enum ssh_did
serve_all(struct ssh *s, unsigned *n)
{
	struct ssh_chan *c, *next;
	enum ssh_did did = SSH_DID_NOTHING, one;

	*n = 0;
	uv_mutex_lock(&s->lock);
	c = chan_served(s->chans);
	uv_mutex_unlock(&s->lock);
	for (; c != NULL && s->stuck == NULL; c = next) {
		one = serve_chan(s, c);
		if (one == SSH_DID_FAIL)
			return SSH_DID_FAIL;
		if (one == SSH_DID_SOME)
			did = SSH_DID_SOME;
		uv_mutex_lock(&s->lock);
		next = chan_served(c->next);
		if (c->step != SSH_STEP_GONE) {
			++*n;
		} else {
			/* From here the loop may free it. */
			c->is_gone = true;
			did = SSH_DID_SOME;
		}
		uv_mutex_unlock(&s->lock);
	}
	return did;
}

static enum ssh_did
serve_round(struct ssh *s, unsigned *n)
{
	struct ssh_chan *c = s->stuck;
	enum ssh_did did;

	s->wants_in = s->wants_out = false;
	if (c != NULL) {
		*n = 1;
		s->stuck = NULL;
		did = ssh_op(s, c, (enum ssh_op)s->stuck_op);
		/* Free of it, all others are to be asked. */
		return did == SSH_DID_FAIL || s->stuck != NULL ? did
							       : SSH_DID_SOME;
	}
	return serve_all(s, n);
}

static int
serve_unanswered(struct ssh *s)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, ERR_NETWORK,
	    "connection lost: the server does not answer %u keepalives",
	    s->unanswered);
	ssh_fail(s, &e);
	return -1;
}

/*
 * A keepalive makes the far side answer: TCP notices a dead machine by it, and
 * we a server that sleeps.  Half a one may stay in libssh2 unsaid; so only
 * when the socket takes it.
 */
static int
serve_keepalive(struct ssh *s)
{
	struct pollfd p;
	int next = 0;

	if (s->stuck != NULL || ssh_now_ms() < s->keepalive_at_ms)
		return 0;
	/* Who does not listen cannot complain. */
	if (!s->wants_in)
		s->unanswered = 0;
	if (s->unanswered >= SERVE_UNANSWERED_MAX)
		return serve_unanswered(s);
	memset(&p, 0, sizeof(p));
	p.fd = s->fd;
	p.events = POLLOUT;
	s->keepalive_at_ms = ssh_now_ms() + 1000;
	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLOUT))
		return 0;
	if (libssh2_keepalive_send(s->session, &next) != 0)
		return ssh_lost(s, "keepalive") == SSH_DID_FAIL ? -1 : 0;
	s->unanswered++;
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
	if (p[1].revents & POLLIN)
		s->unanswered = 0;
	/*
	 * libssh2 can want to send for ever and yet not do it, when the far
	 * side changes keys amid a packet (its issue 2110).  The watchdog of
	 * the script ends that; until then it must not cost a processor.
	 */
	if (ssh_now_ms() > now)
		s->spins = 0;
	else if (++s->spins > SERVE_SPINS_MAX)
		uv_sleep(10);
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
	is_over = s->is_stopping ||
	    (is_over && ssh_now_ms() - s->idle_since_ms >= SSH_IDLE_MS);
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
	enum ssh_did did;
	unsigned n = 0;

	libssh2_keepalive_config(s->session, 1,
	    (unsigned)(secs < 2 ? 2 : secs));
	s->keepalive_at_ms = ssh_now_ms() + (secs < 2 ? 2 : secs) * 1000;
	s->idle_since_ms = ssh_now_ms();
	while (!serve_is_over(s, n)) {
		if ((did = serve_round(s, &n)) == SSH_DID_FAIL ||
		    (n > 0 && serve_keepalive(s) == -1))
			break;
		if (did == SSH_DID_SOME) {
			s->spins = 0;
			(void)uv_async_send(&s->async);
		} else
			serve_wait(s, n);
	}
}
