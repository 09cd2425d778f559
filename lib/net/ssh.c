/* ssh.c - a connection as the loop sees it; see ssh.h. */
#include "net/ssh.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/ssh_int.h"

/* Callbacks answered in one turn of the loop; others want their turn too. */
#define SSH_DELIVER_MAX 64

static uv_once_t ssh_once = UV_ONCE_INIT;

static void
ssh_library_init(void)
{
	BUG_IF(libssh2_init(0) != 0);
}

int
ssh_check_config(const json_t *cfg, struct err *e)
{
	struct ssh_conf *c = ssh_conf_new(cfg, e);

	if (c == NULL)
		return -1;
	ssh_conf_free(c);
	return 0;
}

void
ssh_wake(struct ssh *s)
{
	/* A full pipe wakes as well. */
	while (write(s->wake[1], "", 1) == -1 && errno == EINTR)
		;
}

static void
on_ssh_closed(uv_handle_t *h)
{
	struct ssh *s = h->data;
	struct ssh_chan *c;

	while ((c = s->chans) != NULL) {
		s->chans = c->next;
		ssh_chan_free(c);
	}
	(void)close(s->wake[0]);
	(void)close(s->wake[1]);
	uv_mutex_destroy(&s->lock);
	ssh_conf_free(s->conf);
	free(s);
}

static void
ssh_close_if_over(struct ssh *s)
{
	if (s->refs == 0 && s->is_joined && !s->is_delivering &&
	    !uv_is_closing((uv_handle_t *)&s->async))
		uv_close((uv_handle_t *)&s->async, on_ssh_closed);
}

/* Free what both sides have let go of. */
static void
ssh_reap(struct ssh *s)
{
	struct ssh_chan **at, *c;

	uv_mutex_lock(&s->lock);
	for (at = &s->chans; (c = *at) != NULL;) {
		if (c->is_gone && c->is_closed) {
			*at = c->next;
			ssh_chan_free(c);
		} else {
			at = &c->next;
		}
	}
	uv_mutex_unlock(&s->lock);
}

static void
on_ssh_async(uv_async_t *a)
{
	struct ssh *s = a->data;
	bool is_finished;
	unsigned n = 0;

	s->is_delivering = true;
	while (n < SSH_DELIVER_MAX && ssh_chan_deliver(s))
		n++;
	s->is_delivering = false;
	if (n == SSH_DELIVER_MAX)
		(void)uv_async_send(a);
	ssh_reap(s);
	uv_mutex_lock(&s->lock);
	is_finished = s->is_finished;
	uv_mutex_unlock(&s->lock);
	if (is_finished && !s->is_joined) {
		/* It has only to return; this does not wait. */
		(void)uv_thread_join(&s->thread);
		s->is_joined = true;
	}
	ssh_close_if_over(s);
}

static int
ssh_wake_pipe(struct ssh *s, struct err *e)
{
	int i, rc;

	rc = uv_pipe(s->wake, UV_NONBLOCK_PIPE, UV_NONBLOCK_PIPE);
	if (rc != 0)
		return err_uv(e, rc, "a pipe for the connection");
	for (i = 0; i < 2; i++)
		(void)fcntl(s->wake[i], F_SETFD, FD_CLOEXEC);
	return 0;
}

/* Its thread, or with none to be had the end of it. */
static int
ssh_begin(struct ssh *s, struct err *e)
{
	int rc = uv_thread_create(&s->thread, ssh_thread, s);

	if (rc == 0)
		return 0;
	s->is_joined = true;
	ssh_unref(s);
	return err_uv(e, rc, "a thread for the connection");
}

struct ssh *
ssh_open(uv_loop_t *loop, const json_t *cfg, struct err *e)
{
	struct ssh *s = xcalloc(1, sizeof(*s));

	uv_once(&ssh_once, ssh_library_init);
	s->loop = loop;
	s->refs = 1;
	s->fd = -1;
	s->conf = ssh_conf_new(cfg, e);
	BUG_IF(s->conf == NULL); /* ssh_check_config() said yes. */
	if (ssh_wake_pipe(s, e) == -1) {
		ssh_conf_free(s->conf);
		free(s);
		return NULL;
	}
	BUG_IF(uv_mutex_init(&s->lock) != 0);
	BUG_IF(uv_async_init(loop, &s->async, on_ssh_async) != 0);
	s->async.data = s;
	return ssh_begin(s, e) == 0 ? s : NULL;
}

void
ssh_unref(struct ssh *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	uv_mutex_lock(&s->lock);
	s->is_stopping = true;
	uv_mutex_unlock(&s->lock);
	ssh_wake(s);
	ssh_close_if_over(s);
}

bool
ssh_is_usable(struct ssh *s)
{
	bool is_usable;

	uv_mutex_lock(&s->lock);
	is_usable = !s->has_failed;
	uv_mutex_unlock(&s->lock);
	return is_usable;
}

struct chan *
ssh_exec(struct ssh *s, const char *command)
{
	struct ssh_chan *c = xcalloc(1, sizeof(*c)), **at;

	c->chan.ops = &ssh_chan_ops;
	c->ssh = s;
	c->command = xstrdup(command);
	s->refs++;
	uv_mutex_lock(&s->lock);
	/* One that nobody serves any more fails when it is read. */
	c->is_gone = s->is_finished;
	for (at = &s->chans; *at != NULL; at = &(*at)->next)
		;
	*at = c;
	uv_mutex_unlock(&s->lock);
	ssh_wake(s);
	return &c->chan;
}
