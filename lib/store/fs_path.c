/* fs_path.c - see fs.h: from keys to folders, no link followed on the way. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/fs.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

char *
fs_path(const struct fs_store *fs, const char *key)
{
	return file_join(fs->root, key);
}

static int
root_open(const struct fs_store *fs, struct err *e)
{
	int fd = open(fs->root, DIR_FLAGS);

	if (fd == -1 && errno == ENOENT)
		(void)err_set(e, ERR_MISSING, "'%s' is not there", fs->root);
	else if (fd == -1)
		(void)err_sys(e, errno, "'%s'", fs->root);
	return fd;
}

/* ${name} in ${fd}, which is closed; -1 with ${e} set. */
static int
step_into(const struct fs_store *fs, int fd, const char *name, bool is_create,
    struct err *e)
{
	struct stat st;
	int next;

	next = openat(fd, name, DIR_FLAGS | O_NOFOLLOW);
	if (next == -1 && errno == ENOENT && is_create) {
		if (mkdirat(fd, name, 0700) == -1 && errno != EEXIST)
			(void)err_sys(e, errno, "create '%s/.../%s'", fs->root,
			    name);
		else if (file_sync(fd) == -1 && errno != EINVAL &&
		    errno != ENOTSUP)
			(void)err_sys(e, errno, "fsync '%s'", fs->root);
		else
			next = openat(fd, name, DIR_FLAGS | O_NOFOLLOW);
	}
	if (next == -1 && (e == NULL || e->code == ERR_NONE)) {
		int num = errno;

		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISLNK(st.st_mode))
			(void)err_set(e, ERR_CORRUPT,
			    "'%s' in '%s' is a symbolic link", name, fs->root);
		else
			(void)err_sys(e, num, "'%s' in '%s'", name, fs->root);
	}
	(void)close(fd);
	return next;
}

/* Into each folder of ${path} whose name ends with '/'. */
static int
walk(const struct fs_store *fs, const char *path, bool is_create,
    const char **leaf, struct err *e)
{
	char name[256];
	size_t n;
	int fd = root_open(fs, e);

	for (; fd != -1 && path[n = strcspn(path, "/")] == '/'; path += n + 1) {
		BUG_IF(n >= sizeof(name));
		memcpy(name, path, n);
		name[n] = '\0';
		fd = step_into(fs, fd, name, is_create, e);
	}
	*leaf = path;
	return fd;
}

int
fs_dir_open(const struct fs_store *fs, const char *key, bool is_create,
    const char **leaf, struct err *e)
{
	if (store_key_check(key, e) == -1)
		return -1;
	return walk(fs, key, is_create, leaf, e);
}

int
fs_prefix_open(const struct fs_store *fs, const char *prefix, struct err *e)
{
	const char *leaf;

	if (store_prefix_check(prefix, e) == -1)
		return -1;
	return walk(fs, prefix, false, &leaf, e);
}

void
fs_dir_prune(const struct fs_store *fs, const char *key)
{
	char *path = xstrdup(key), *slash;
	const char *leaf;
	int fd;

	while ((slash = strrchr(path, '/')) != NULL) {
		*slash = '\0';
		if ((fd = walk(fs, path, false, &leaf, NULL)) == -1)
			break;
		if (unlinkat(fd, leaf, AT_REMOVEDIR) == -1) {
			(void)close(fd);
			break;
		}
		(void)file_sync(fd);
		(void)close(fd);
	}
	free(path);
}
