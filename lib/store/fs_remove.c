/* fs_remove.c - taking away: objects, and temporary files left by a crash. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "snapshot/id.h"
#include "store/fs.h"

#define DEPTH_MAX 16
#define SWEEP_QUIET_MS (10 * 1000)

struct fs_remove_op {
	struct fs_op op;
	char *key; /* Or the prefix to sweep. */
	int64_t age_ms;
	int64_t now_ms;
	char **live; /* Keys whose temporary files are in use. */
	store_done_fn *fn;
	void *arg;
};

static void
remove_answer(struct fs_op *op, const struct err *e)
{
	struct fs_remove_op *r = (struct fs_remove_op *)op;

	r->fn(r->arg, e);
}

static void
remove_free(struct fs_op *op)
{
	struct fs_remove_op *r = (struct fs_remove_op *)op;
	size_t i;

	for (i = 0; r->live != NULL && r->live[i] != NULL; i++)
		free(r->live[i]);
	free(r->live);
	free(r->key);
	free(r);
}

static struct fs_remove_op *
remove_new(void (*run)(struct fs_op *), const char *key, store_done_fn *fn,
    void *arg)
{
	struct fs_remove_op *r = xcalloc(1, sizeof(*r));

	r->op.run = run;
	r->op.answer = remove_answer;
	r->op.free = remove_free;
	r->key = xstrdup(key);
	r->fn = fn;
	r->arg = arg;
	return r;
}

static void
remove_run(struct fs_op *op)
{
	struct fs_remove_op *r = (struct fs_remove_op *)op;
	const char *leaf;
	int fd;

	fd = fs_dir_open(op->fs, r->key, false, &leaf, &op->err);
	if (fd == -1) {
		if (op->err.code == ERR_NOT_FOUND)
			err_clear(&op->err);
		return;
	}
	/* A link goes itself, what it points to stays. */
	if (unlinkat(fd, leaf, 0) == -1 && errno != ENOENT)
		(void)err_sys(&op->err, errno, "remove '%s'", r->key);
	else if (file_sync(fd) == -1 && errno != EINVAL && errno != ENOTSUP)
		(void)err_sys(&op->err, errno, "remove '%s': fsync", r->key);
	(void)close(fd);
	CRASH_POINT("fs-removed");
	if (op->err.code == ERR_NONE)
		fs_dir_prune(op->fs, r->key);
}

void
fs_remove(struct store *s, const char *key, store_done_fn *fn, void *arg)
{
	struct fs_remove_op *r = remove_new(remove_run, key, fn, arg);

	fs_op_start((struct fs_store *)s, &r->op);
}

/* Whether ${prefix}${name} belongs to a put that is under way here. */
static bool
sweep_is_live(const struct fs_remove_op *r, const char *prefix,
    const char *name)
{
	char *path = xasprintf("%s%s", prefix, name);
	bool is_live = false;
	size_t i, n;

	for (i = 0; r->live[i] != NULL && !is_live; i++) {
		n = strlen(r->live[i]);
		is_live = strncmp(path, r->live[i], n) == 0 &&
		    str_has_prefix(path + n, FILE_TMP_MARK);
	}
	free(path);
	return is_live;
}

static bool
sweep_is_untouched(const struct fs_remove_op *r, const struct stat *st,
    int64_t ms)
{
	return r->now_ms - (int64_t)st->st_mtime * 1000 >= ms;
}

/*
 * Its writer holds a lock on it (base/file.h) that goes with the process.  The
 * moment between its creation and the lock is covered by the quiet time.
 */
static bool
sweep_is_orphan(const struct fs_remove_op *r, int dirfd, const char *name,
    const struct stat *st)
{
	bool is_orphan;
	int fd;

	if (!sweep_is_untouched(r, st, SWEEP_QUIET_MS))
		return false;
	fd = openat(dirfd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1)
		return false;
	is_orphan = flock(fd, LOCK_EX | LOCK_NB) == 0;
	(void)close(fd);
	return is_orphan;
}

/* Nothing became whole in it: no claim, no object, no folder. */
static bool
sweep_is_stillborn(int dirfd, const char *name)
{
	int fd = openat(dirfd, name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *d = fd == -1 ? NULL : fdopendir(fd);
	const struct dirent *de;
	bool is_so = d != NULL;

	while (is_so && (de = readdir(d)) != NULL)
		is_so = strcmp(de->d_name, ".") == 0 ||
		    strcmp(de->d_name, "..") == 0 ||
		    strstr(de->d_name, FILE_TMP_MARK) != NULL;
	if (d != NULL)
		(void)closedir(d);
	else if (fd != -1)
		(void)close(fd);
	return is_so;
}

static int sweep_folder(struct fs_remove_op *, int, const char *, unsigned,
    bool *);

static int
sweep_entry(struct fs_remove_op *r, int fd, const char *prefix,
    const char *name, unsigned depth, bool *has_swept)
{
	bool has_swept_deeper = false;
	struct stat st;
	char *deeper;
	int sub, rc;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return 0;
	if (S_ISREG(st.st_mode) && strstr(name, FILE_TMP_MARK) != NULL) {
		if (sweep_is_live(r, prefix, name) ||
		    (!sweep_is_untouched(r, &st, r->age_ms) &&
			!sweep_is_orphan(r, fd, name, &st)))
			return 0;
		if (unlinkat(fd, name, 0) == -1 && errno != ENOENT)
			return err_sys(&r->op.err, errno, "remove '%s%s'",
			    prefix, name);
		*has_swept = true;
		return 0;
	}
	if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
		return 0;
	/* From the root only folders that are nobody's. */
	if (r->key[0] == '\0' &&
	    (!snapshot_id_is_valid(name) || !sweep_is_stillborn(fd, name)))
		return 0;
	sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub == -1)
		return 0;
	deeper = xasprintf("%s%s/", prefix, name);
	rc = sweep_folder(r, sub, deeper, depth + 1, &has_swept_deeper);
	free(deeper);
	/* Only one goes that held nothing but what was swept, or nothing for
	 * a while: a removal that died before its last step. */
	if ((has_swept_deeper ||
		(r->key[0] == '\0' &&
		    sweep_is_untouched(r, &st, SWEEP_QUIET_MS))) &&
	    unlinkat(fd, name, AT_REMOVEDIR) == 0)
		*has_swept = true;
	return rc;
}

/* Takes ${fd}. */
static int
sweep_folder(struct fs_remove_op *r, int fd, const char *prefix, unsigned depth,
    bool *has_swept)
{
	const struct dirent *de;
	DIR *d;
	int rc = 0;

	if ((d = fdopendir(fd)) == NULL) {
		rc = err_sys(&r->op.err, errno, "list '%s'", prefix);
		(void)close(fd);
		return rc;
	}
	while (rc == 0 && (de = readdir(d)) != NULL)
		if (strcmp(de->d_name, ".") != 0 &&
		    strcmp(de->d_name, "..") != 0)
			rc = sweep_entry(r, fd, prefix, de->d_name, depth,
			    has_swept);
	if (*has_swept)
		(void)file_sync(fd);
	(void)closedir(d);
	return rc;
}

static void
sweep_run(struct fs_op *op)
{
	struct fs_remove_op *r = (struct fs_remove_op *)op;
	int fd = fs_prefix_open(op->fs, r->key, &op->err);
	bool has_swept = false;

	if (fd == -1) {
		if (op->err.code == ERR_NOT_FOUND)
			err_clear(&op->err);
		return;
	}
	if (sweep_folder(r, fd, r->key, 0, &has_swept) == 0 && has_swept)
		fs_dir_prune(op->fs, r->key);
}

void
fs_sweep(struct store *s, const char *prefix, int64_t age_ms, store_done_fn *fn,
    void *arg)
{
	struct fs_store *fs = (struct fs_store *)s;
	struct fs_remove_op *r = remove_new(sweep_run, prefix, fn, arg);

	r->age_ms = age_ms;
	r->now_ms = env_wall_ms(s->env);
	r->live = fs_put_keys(fs);
	fs_op_start(fs, &r->op);
}
