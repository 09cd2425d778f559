/* control_socket.c - the socket's place in the file system. */
#include "control_client.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "wire/wire.h"

/*
 * How often nobody must answer until it is believed.  A refusal is also what
 * comes between another's bind and listen; BSD kernels give it for a queue
 * that is full, too, and a daemon that just hangs for a moment keeps its place.
 */
#ifdef __linux__
#define TRIES 2
#else
#define TRIES 6
#endif
#define PAUSE_NS 200000000L

/* A private folder of ours is opened for the group to pass, no more. */
static int
socket_open_folder(const char *dir, const struct stat *st, gid_t gid,
    struct err *e)
{
	if (st->st_uid != geteuid() || (st->st_mode & 077) != 0)
		return 0;
	if (chown(dir, (uid_t)-1, gid) == -1 || chmod(dir, 0710) == -1)
		return err_sys(e, errno, "let the group into '%s'", dir);
	return 0;
}

static int
socket_prepare_folder(const char *dir, bool has_group, gid_t gid, struct err *e)
{
	struct stat st;

	if (file_mkdir_p(dir, e) == -1)
		return -1;
	if (stat(dir, &st) == -1)
		return err_sys(e, errno, "'%s'", dir);
	/* Whoever can write there can put another socket in our place. */
	if ((st.st_mode & 022) != 0)
		return err_set(e, ERR_PERMISSION,
		    "the folder '%s' (mode %04o) "
		    "can be written by others: give the socket one of its own",
		    dir, (unsigned)st.st_mode & 07777);
	return has_group ? socket_open_folder(dir, &st, gid, e) : 0;
}

/* 0 when nobody answers, else the errno that says what is there. */
static int
socket_try(const char *path)
{
	struct sockaddr_un sun;
	int fd, num = 0;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	memcpy(sun.sun_path, path, strlen(path));
	if ((fd = socket(AF_UNIX, SOCK_STREAM, 0)) == -1)
		return errno;
	/* One whose queue is full must not hold us. */
	(void)fcntl(fd, F_SETFL, O_NONBLOCK);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0)
		num = EISCONN;
	else
		num = errno;
	(void)close(fd);
	return num == ECONNREFUSED || num == ENOENT ? 0 : num;
}

/* Blocks for up to a second where nobody answers. */
static int
socket_ask(const char *path)
{
	const struct timespec pause = { 0, PAUSE_NS };
	int i, num;

	for (i = 1; (num = socket_try(path)) == 0 && i < TRIES; i++)
		(void)nanosleep(&pause, NULL);
	return num;
}

static int
socket_remove_stale(const char *path, struct err *e)
{
	struct stat st;
	int num;

	if (lstat(path, &st) == -1) {
		if (errno == ENOENT)
			return 0;
		return err_sys(e, errno, "'%s'", path);
	}
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_EXISTS,
		    "'%s' is no socket; it is left "
		    "alone",
		    path);
	num = socket_ask(path);
	if (num == EISCONN || num == EAGAIN || num == EINPROGRESS)
		return err_set(e, ERR_BUSY, "a daemon answers at '%s' already",
		    path);
	if (num != 0)
		return err_sys(e, num, "try '%s'", path);
	if (unlink(path) == -1 && errno != ENOENT)
		return err_sys(e, errno, "remove the stale '%s'", path);
	return 0;
}

int
control_socket_prepare(const char *path, bool has_group, gid_t gid,
    struct err *e)
{
	char *copy;
	int rc;

	if (wire_path_check(path, e) == -1)
		return -1;
	copy = xstrdup(path);
	rc = socket_prepare_folder(dirname(copy), has_group, gid, e);
	free(copy);
	return rc == 0 ? socket_remove_stale(path, e) : -1;
}

int
control_socket_open_to(const char *path, bool has_group, gid_t gid,
    struct err *e)
{
	if (has_group && chown(path, (uid_t)-1, gid) == -1)
		return err_sys(e, errno, "give '%s' to the group", path);
	if (chmod(path, has_group ? 0660 : 0600) == -1)
		return err_sys(e, errno, "chmod '%s'", path);
	return 0;
}
