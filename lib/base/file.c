/* file.c - see file.h. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/mem.h"

char *
file_slurp(const char *path, size_t max, size_t *len, struct err *e)
{
	char *text = NULL;
	struct stat st;
	size_t n = 0;
	ssize_t got;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1) {
		(void)err_sys(e, errno, "'%s'", path);
		return NULL;
	}
	if (fstat(fd, &st) == -1) {
		(void)err_sys(e, errno, "'%s'", path);
		goto fail;
	}
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max) {
		(void)err_set(e, ERR_LIMIT, "'%s' is larger than %zu bytes",
		    path, max);
		goto fail;
	}
	text = xmalloc(max + 1);
	while ((got = read(fd, text + n, max + 1 - n)) != 0) {
		if (got == -1 && errno == EINTR)
			continue;
		if (got == -1) {
			(void)err_sys(e, errno, "read '%s'", path);
			goto fail;
		}
		n += (size_t)got;
		if (n > max) {
			(void)err_set(e, ERR_LIMIT,
			    "'%s' is larger than %zu bytes", path, max);
			goto fail;
		}
	}
	(void)close(fd);
	text[n] = '\0';
	if (len != NULL)
		*len = n;
	return xrealloc(text, n + 1);
fail:
	free(text);
	(void)close(fd);
	return NULL;
}

struct file_pub {
	char *path;
	char *tmp;
	int fd;      /* -1 once flushed. */
	int lock_fd; /* The same file, to hold its lock until it is placed. */
};

struct file_pub *
file_pub_open(const char *path, struct err *e)
{
	struct file_pub *p = xcalloc(1, sizeof(*p));

	p->lock_fd = -1;
	p->path = xstrdup(path);
	p->tmp = xasprintf("%s%sXXXXXX", path, FILE_TMP_MARK);
	if ((p->fd = mkstemp(p->tmp)) == -1) {
		(void)err_sys(e, errno, "create '%s'", p->tmp);
		p->tmp[0] = '\0';
		file_pub_abort(p);
		return NULL;
	}
	(void)fcntl(p->fd, F_SETFD, FD_CLOEXEC);
	/* Shows that somebody still writes it; gone with the process. */
	(void)flock(p->fd, LOCK_EX | LOCK_NB);
	p->lock_fd = fcntl(p->fd, F_DUPFD_CLOEXEC, 0);
	return p;
}

int
file_pub_write(struct file_pub *p, const void *data, size_t n, struct err *e)
{
	const char *at = data;
	ssize_t put;

	while (n > 0) {
		put = write(p->fd, at, n);
		if (put == -1 && errno == EINTR)
			continue;
		if (put == -1)
			return err_sys(e, errno, "write '%s'", p->path);
		at += put;
		n -= (size_t)put;
	}
	return 0;
}

static void
file_pub_free(struct file_pub *p)
{
	if (p->fd != -1)
		(void)close(p->fd);
	if (p->lock_fd != -1)
		(void)close(p->lock_fd);
	free(p->path);
	free(p->tmp);
	free(p);
}

void
file_pub_abort(struct file_pub *p)
{
	if (p == NULL)
		return;
	if (p->tmp[0] != '\0')
		(void)unlink(p->tmp);
	file_pub_free(p);
}

static int
file_pub_place(struct file_pub *p, bool if_absent, struct err *e)
{
	if (!if_absent) {
		if (rename(p->tmp, p->path) == -1)
			return err_sys(e, errno, "rename to '%s'", p->path);
		return 0;
	}
	if (link(p->tmp, p->path) == -1) {
		if (errno == EEXIST)
			return err_set(e, ERR_CONFLICT, "'%s' exists already",
			    p->path);
		return err_sys(e, errno, "link to '%s'", p->path);
	}
	(void)unlink(p->tmp);
	return 0;
}

int
file_pub_sync(struct file_pub *p, struct err *e)
{
	int fd = p->fd;

	if (fd == -1)
		return 0;
	if (file_sync(fd) == -1)
		return err_sys(e, errno, "fsync '%s'", p->path);
	p->fd = -1;
	if (close(fd) == -1)
		return err_sys(e, errno, "close '%s'", p->path);
	return 0;
}

int
file_pub_commit(struct file_pub *p, bool if_absent, struct err *e)
{
	char *dir = NULL;
	int rc = -1;

	if (file_pub_sync(p, e) == -1 || file_pub_place(p, if_absent, e) == -1)
		goto out;
	p->tmp[0] = '\0';
	dir = xstrdup(p->path);
	rc = file_sync_dir(dirname(dir), e);
out:
	free(dir);
	file_pub_abort(p);
	return rc;
}

int
file_publish(const char *path, const void *data, size_t n, bool if_absent,
    struct err *e)
{
	struct file_pub *p;

	if ((p = file_pub_open(path, e)) == NULL)
		return -1;
	if (file_pub_write(p, data, n, e) == -1) {
		file_pub_abort(p);
		return -1;
	}
	return file_pub_commit(p, if_absent, e);
}

int
file_sync(int fd)
{
#ifdef F_FULLFSYNC
	if (fcntl(fd, F_FULLFSYNC) == 0)
		return 0;
	/* What network file systems say; these two are not one on macOS. */
	if (errno != ENOTSUP && errno != EOPNOTSUPP && errno != EINVAL &&
	    errno != ENOTTY)
		return -1;
#endif
	return fsync(fd);
}

int
file_sync_dir(const char *path, struct err *e)
{
	int fd, rc = 0;

	if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return err_sys(e, errno, "open directory '%s'", path);
	/* Some file systems cannot sync a directory and need not to. */
	if (file_sync(fd) == -1 && errno != EINVAL && errno != ENOTSUP)
		rc = err_sys(e, errno, "fsync directory '%s'", path);
	(void)close(fd);
	return rc;
}

static int
file_mkdir_one(const char *path, struct err *e)
{
	struct stat st;
	char *parent;
	int rc;

	if (mkdir(path, 0700) == 0) {
		parent = xstrdup(path);
		rc = file_sync_dir(dirname(parent), e);
		free(parent);
		return rc;
	}
	if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return err_sys(e, errno, "create directory '%s'", path);
}

int
file_mkdir_p(const char *path, struct err *e)
{
	char *copy = xstrdup(path), *at;
	struct stat st;
	int rc = 0;

	for (at = copy + 1; rc == 0 && (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		if (stat(copy, &st) == -1)
			rc = file_mkdir_one(copy, e);
		*at = '/';
	}
	free(copy);
	return rc == 0 ? file_mkdir_one(path, e) : -1;
}

static int
on_tree_entry(const char *path, const struct stat *st, int flag,
    struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path) == -1 && errno != ENOENT ? -1 : 0;
}

int
file_remove_tree(const char *path, struct err *e)
{
	if (nftw(path, on_tree_entry, 16, FTW_DEPTH | FTW_PHYS) == -1 &&
	    errno != ENOENT)
		return err_sys(e, errno, "remove '%s'", path);
	return 0;
}

int
file_free_space(const char *path, int64_t *bytes, struct err *e)
{
	struct statvfs v;

	if (statvfs(path, &v) == -1)
		return err_sys(e, errno, "free space of '%s'", path);
	*bytes = (int64_t)((uint64_t)v.f_bavail * v.f_frsize);
	return 0;
}

char *
file_join(const char *dir, const char *name)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	return xasprintf("%.*s%s%s", (int)n, dir,
	    n == 1 && dir[0] == '/' ? "" : "/", name);
}

char *
file_expand(const char *path, const char *base)
{
	const char *home = getenv("HOME");

	if (path[0] == '~' && (path[1] == '/' || path[1] == '\0') &&
	    home != NULL)
		return xasprintf("%s%s", home, path + 1);
	if (path[0] == '/' || base == NULL)
		return xstrdup(path);
	return file_join(base, path);
}

int
file_check_private(const char *path, struct err *e)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return err_sys(e, errno, "'%s'", path);
	if ((st.st_mode & 077) != 0)
		return err_set(e, ERR_PERMISSION,
		    "'%s' has mode %04o; others must not read it: chmod 600",
		    path, (unsigned)st.st_mode & 07777);
	if (st.st_uid != geteuid() && st.st_uid != 0)
		return err_set(e, ERR_PERMISSION,
		    "'%s' belongs to another user (uid %u)", path,
		    (unsigned)st.st_uid);
	return 0;
}
