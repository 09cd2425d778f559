/* sdnotify.c - see sdnotify.h; the protocol is sd_notify(3)'s one datagram. */
#include "sdnotify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct sockaddr_un addr;
static socklen_t addr_len;

void
sdnotify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n;

	if (path == NULL || (path[0] != '/' && path[0] != '@') ||
	    (n = strlen(path)) >= sizeof(addr.sun_path))
		return;
	addr.sun_family = AF_UNIX;
	memcpy(addr.sun_path, path, n);
	/* An abstract name begins with NUL and has none at its end. */
	if (path[0] == '@')
		addr.sun_path[0] = '\0';
	addr_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n +
	    (path[0] != '@'));
	(void)unsetenv("NOTIFY_SOCKET");
}

void
sdnotify(const char *state)
{
	int fd;

	if (addr_len == 0)
		return;
	if ((fd = socket(AF_UNIX, SOCK_DGRAM, 0)) == -1)
		return;
	/* A manager that does not listen is no reason to stop. */
	(void)sendto(fd, state, strlen(state), 0,
	    (const struct sockaddr *)&addr, addr_len);
	(void)close(fd);
}
