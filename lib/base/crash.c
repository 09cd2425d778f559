/* crash.c - see crash.h. */
#include "base/crash.h"

#ifdef RAGBACKUP_TEST_HOOKS
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static atomic_ulong passed;

static void
crash_log(const char *name)
{
	const char *path = getenv("RAGBACKUP_CRASH_LOG");
	int fd;

	if (path == NULL)
		return;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd == -1)
		return;
	if (write(fd, name, strlen(name)) == -1 || write(fd, "\n", 1) == -1)
		abort();
	(void)close(fd);
}

void
crash_point(const char *name)
{
	const char *at = getenv("RAGBACKUP_CRASH_AT");
	unsigned long n = atomic_fetch_add(&passed, 1) + 1;

	crash_log(name);
	if (at != NULL && strtoul(at, NULL, 10) == n)
		(void)kill(getpid(), SIGKILL);
}
#else
/* An empty file is not C. */
typedef int crash_unused;
#endif
