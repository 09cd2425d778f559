/* ssh_thread.c - the life of a connection, on its own thread. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/ssh_int.h"

int64_t
ssh_now_ms(void)
{
	return (int64_t)(uv_hrtime() / 1000000);
}

const char *
ssh_why(struct ssh *s)
{
	char *text = NULL;

	if (s->session == NULL)
		return "no session";
	(void)libssh2_session_last_error(s->session, &text, NULL, 0);
	return text == NULL || text[0] == '\0' ? "no reason given" : text;
}

bool
ssh_is_unwanted(struct ssh *s)
{
	bool is_unwanted;

	uv_mutex_lock(&s->lock);
	is_unwanted = s->is_stopping;
	uv_mutex_unlock(&s->lock);
	return is_unwanted;
}

int
ssh_again(struct ssh *s, struct err *e)
{
	int dirs = s->session == NULL
	    ? LIBSSH2_SESSION_BLOCK_OUTBOUND
	    : libssh2_session_block_directions(s->session);
	struct pollfd p[2];
	int64_t left = s->until_ms - ssh_now_ms();

	memset(p, 0, sizeof(p));
	p[0].fd = s->fd;
	if (dirs & LIBSSH2_SESSION_BLOCK_OUTBOUND)
		p[0].events |= POLLOUT;
	if ((dirs & LIBSSH2_SESSION_BLOCK_INBOUND) || p[0].events == 0)
		p[0].events |= POLLIN;
	p[1].fd = s->wake[0];
	p[1].events = POLLIN;
	while (p[0].revents == 0) {
		left = s->until_ms - ssh_now_ms();
		if (left <= 0)
			return err_set(e, ERR_TIMEOUT,
			    "no connection within "
			    "%lld ms",
			    (long long)s->conf->connect_ms);
		if (poll(p, 2, (int)(left < 1000 ? left : 1000)) == -1 &&
		    errno != EINTR)
			return err_sys(e, errno, "poll");
		if (ssh_is_unwanted(s))
			return err_set(e, ERR_CANCELED, "not wanted any more");
		/* Channels announce themselves; that is for later. */
		if (p[1].revents != 0)
			p[1].fd = -1;
	}
	return 0;
}

void
ssh_disconnect(struct ssh *s, bool is_alive)
{
	if (s->session != NULL) {
		/* A few seconds for good manners, at most. */
		libssh2_session_set_blocking(s->session, 1);
		libssh2_session_set_timeout(s->session, 1000);
		if (is_alive)
			(void)libssh2_session_disconnect(s->session, "bye");
		if (s->fd != -1)
			(void)shutdown(s->fd, SHUT_RDWR);
		(void)libssh2_session_free(s->session);
		s->session = NULL;
	}
	if (s->fd != -1)
		(void)close(s->fd);
	s->fd = -1;
}

void
ssh_fail(struct ssh *s, const struct err *e)
{
	uv_mutex_lock(&s->lock);
	if (!s->has_failed)
		err_copy(&s->err, e);
	s->has_failed = true;
	uv_mutex_unlock(&s->lock);
	(void)uv_async_send(&s->async);
}

static void
ssh_finish(struct ssh *s)
{
	struct ssh_chan *c;

	uv_mutex_lock(&s->lock);
	for (c = s->chans; c != NULL; c = c->next)
		c->is_gone = true;
	s->is_finished = true;
	/* Under the lock: the loop must not free it before it was sent. */
	(void)uv_async_send(&s->async);
	uv_mutex_unlock(&s->lock);
}

/* Looking it up can block, so not on the loop. */
static char *
ssh_own_name(void)
{
	uv_passwd_t pw;
	char *name;

	if (uv_os_get_passwd(&pw) != 0)
		return xstrdup("root");
	name = xstrdup(pw.username);
	uv_os_free_passwd(&pw);
	return name;
}

void
ssh_thread(void *arg)
{
	struct ssh *s = arg;
	struct err e = ERR_INIT;
	bool is_alive = false;

	if (s->conf->user == NULL)
		s->conf->user = ssh_own_name();
	s->until_ms = ssh_now_ms() + s->conf->connect_ms;
	if (ssh_connect(s, &e) == -1 || ssh_auth(s, &e) == -1) {
		(void)err_context(&e, "%s@%s:%d", s->conf->user, s->conf->host,
		    s->conf->port);
		ssh_fail(s, &e);
	} else {
		uv_mutex_lock(&s->lock);
		s->is_connected = true;
		uv_mutex_unlock(&s->lock);
		ssh_serve(s);
		is_alive = s->err.code == ERR_CANCELED;
	}
	ssh_disconnect(s, is_alive);
	known_done(&s->known);
	ssh_finish(s);
}
