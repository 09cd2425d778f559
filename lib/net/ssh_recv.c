/*
 * ssh_recv.c - how libssh2 reads; on the connection's thread.
 *
 * By itself it waits for an agent's answer without end, and an agent may ask
 * its owner first, or hang.  That would hold the thread, and with it the loop
 * that is to end.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "net/ssh_int.h"

/* How often to look whether anybody still wants the connection. */
#define AGENT_LOOK_MS 200

static int
recv_wait_agent(struct ssh *s, int fd)
{
	struct pollfd p;

	/* libssh2 opened it without. */
	(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
	memset(&p, 0, sizeof(p));
	p.fd = fd;
	p.events = POLLIN;
	while (ssh_now_ms() < s->until_ms && !ssh_is_unwanted(s))
		if (poll(&p, 1, AGENT_LOOK_MS) == 1)
			return 0;
	return -1;
}

static ssize_t
on_recv(libssh2_socket_t fd, void *to, size_t n, int flags, void **arg)
{
	struct ssh *s = *arg;
	ssize_t got;

	if (fd != s->fd && recv_wait_agent(s, fd) == -1)
		return -ETIMEDOUT;
	got = recv(fd, to, n, flags);
	if (got >= 0)
		return got;
	return errno == EWOULDBLOCK || errno == EINTR ? -EAGAIN : -errno;
}

LIBSSH2_SESSION *
ssh_session_new(struct ssh *s)
{
	LIBSSH2_SESSION *session = libssh2_session_init_ex(NULL, NULL, NULL, s);

	if (session == NULL)
		return NULL;
#if LIBSSH2_VERSION_NUM >= 0x010b01
	(void)libssh2_session_callback_set2(session, LIBSSH2_CALLBACK_RECV,
	    (libssh2_cb_generic *)on_recv);
#else
	(void)libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV,
	    (void *)on_recv);
#endif
	libssh2_session_set_blocking(session, 0);
	return session;
}
