/*
 * http_socket.c - curl multi on uv_poll and one timer; see http_int.h.
 *
 * Curl may close a descriptor right after CURL_POLL_REMOVE and the number may
 * be used again in the same turn: the poll handle is stopped and closed at
 * once, its memory goes in the close callback.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "net/http_int.h"

struct http_sock {
	uv_poll_t poll;
	struct http *http;
	curl_socket_t fd;
	int events; /* That curl waits for. */
	struct http_sock *next, **prev;
};

/* Messages are void once their handle is removed: copied first. */
static void
socket_drain(struct http *h)
{
	struct http_req *r;
	CURLMsg *m;
	CURLcode code;
	int left;

	while ((m = curl_multi_info_read(h->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		code = m->data.result;
		r = NULL;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &r);
		http_over(r, code);
	}
}

static void
socket_act(struct http *h, curl_socket_t fd, int mask)
{
	int running;

	(void)curl_multi_socket_action(h->multi, fd, mask, &running);
	socket_drain(h);
}

void
http_socket_kick(struct http *h)
{
	socket_act(h, CURL_SOCKET_TIMEOUT, 0);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct http_sock *s = poll->data;
	int mask = 0;

	/* An answer may lie there that came before the far side cut the
	 * connection: curl is to read until it meets the error itself. */
	if (status < 0)
		mask = CURL_CSELECT_IN;
	if ((events & UV_READABLE) != 0)
		mask |= CURL_CSELECT_IN;
	if ((events & UV_WRITABLE) != 0)
		mask |= CURL_CSELECT_OUT;
	socket_act(s->http, s->fd, mask);
	/* The loop has stopped watching; curl may not be through with it. */
	if (status < 0 && !uv_is_closing((uv_handle_t *)poll) &&
	    s->events != 0 && uv_poll_start(poll, s->events, on_poll) != 0)
		socket_act(s->http, s->fd, CURL_CSELECT_ERR);
}

static void
on_sock_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void
sock_close(struct http_sock *s)
{
	*s->prev = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	(void)uv_poll_stop(&s->poll);
	uv_close((uv_handle_t *)&s->poll, on_sock_closed);
}

static struct http_sock *
sock_new(struct http *h, curl_socket_t fd)
{
	struct http_sock *s = xcalloc(1, sizeof(*s));

	if (uv_poll_init_socket(h->env->loop, &s->poll, fd) != 0) {
		free(s);
		return NULL;
	}
	s->poll.data = s;
	s->http = h;
	s->fd = fd;
	s->next = h->socks;
	s->prev = &h->socks;
	if (s->next != NULL)
		s->next->prev = &s->next;
	h->socks = s;
	(void)curl_multi_assign(h->multi, fd, s);
	return s;
}

/* An error returned from here would end the multi for all: the one fails. */
static void
sock_fail(CURL *easy)
{
	struct http_req *r = NULL;

	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &r);
	if (r != NULL)
		http_fail(r, ERR_INTERNAL, "the loop cannot watch a socket");
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *sockp)
{
	struct http_sock *s = sockp;
	struct http *h = arg;
	int events = 0;

	if (what == CURL_POLL_REMOVE) {
		(void)curl_multi_assign(h->multi, fd, NULL);
		if (s != NULL)
			sock_close(s);
		return 0;
	}
	if ((what & CURL_POLL_IN) != 0)
		events |= UV_READABLE;
	if ((what & CURL_POLL_OUT) != 0)
		events |= UV_WRITABLE;
	if (s == NULL && (s = sock_new(h, fd)) == NULL) {
		sock_fail(easy);
		return 0;
	}
	s->events = events;
	if (uv_poll_start(&s->poll, events, on_poll) != 0)
		sock_fail(easy);
	return 0;
}

static void
on_timer(void *arg)
{
	http_socket_kick(arg);
}

/* One shot; 0 is "soon", never "now": curl refuses to be called from here. */
static int
on_curl_timer(CURLM *multi, long ms, void *arg)
{
	struct http *h = arg;

	(void)multi;
	if (ms < 0)
		env_timer_stop(h->timer);
	else
		env_timer_start(h->timer, ms);
	return 0;
}

int
http_socket_init(struct http *h)
{
	if ((h->multi = curl_multi_init()) == NULL)
		return -1;
	h->timer = env_timer_new(h->env, on_timer, h);
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
	(void)curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION,
	    on_curl_timer);
	(void)curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
	(void)curl_multi_setopt(h->multi, CURLMOPT_PIPELINING,
	    (long)CURLPIPE_NOTHING);
	return 0;
}

void
http_socket_done(struct http *h)
{
	(void)curl_multi_cleanup(h->multi);
	while (h->socks != NULL)
		sock_close(h->socks);
	env_timer_free(h->timer);
}
