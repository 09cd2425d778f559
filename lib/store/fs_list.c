/* fs_list.c - what is in the store: stat and list. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/fs.h"

#define LIST_MAX 1000000
#define DEPTH_MAX 16

static int64_t
stat_mtime_ms(const struct stat *st)
{
#ifdef __APPLE__
	return (int64_t)st->st_mtimespec.tv_sec * 1000 +
	    st->st_mtimespec.tv_nsec / 1000000;
#else
	return (int64_t)st->st_mtim.tv_sec * 1000 +
	    st->st_mtim.tv_nsec / 1000000;
#endif
}

struct fs_stat_op {
	struct fs_op op;
	char *key;
	struct store_stat st;
	store_stat_fn *fn;
	void *arg;
};

static void
stat_run(struct fs_op *op)
{
	struct fs_stat_op *s = (struct fs_stat_op *)op;
	const char *leaf;
	struct stat st;
	int fd;

	if ((fd = fs_dir_open(op->fs, s->key, false, &leaf, &op->err)) == -1)
		return;
	if (fstatat(fd, leaf, &st, AT_SYMLINK_NOFOLLOW) == -1)
		(void)err_sys(&op->err, errno, "'%s'", s->key);
	else if (S_ISDIR(st.st_mode))
		(void)err_set(&op->err, ERR_NOT_FOUND, "'%s' is a folder",
		    s->key);
	else if (!S_ISREG(st.st_mode))
		(void)err_set(&op->err, ERR_CORRUPT, "'%s' is no file", s->key);
	(void)close(fd);
	s->st.key = s->key;
	s->st.size = st.st_size;
	s->st.mtime_ms = stat_mtime_ms(&st);
}

static void
stat_answer(struct fs_op *op, const struct err *e)
{
	struct fs_stat_op *s = (struct fs_stat_op *)op;

	s->fn(s->arg, e == NULL ? &s->st : NULL, e);
}

static void
stat_free(struct fs_op *op)
{
	free(((struct fs_stat_op *)op)->key);
	free(op);
}

void
fs_stat(struct store *s, const char *key, store_stat_fn *fn, void *arg)
{
	struct fs_stat_op *op = xcalloc(1, sizeof(*op));

	op->op.run = stat_run;
	op->op.answer = stat_answer;
	op->op.free = stat_free;
	op->key = xstrdup(key);
	op->fn = fn;
	op->arg = arg;
	fs_op_start((struct fs_store *)s, &op->op);
}

struct fs_list_op {
	struct fs_op op;
	char *prefix;
	bool is_flat;
	struct store_stat *list;
	size_t n;
	size_t cap;
	store_list_fn *fn;
	void *arg;
};

static bool
name_is_shown(const char *name)
{
	return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	    strstr(name, FILE_TMP_MARK) == NULL;
}

static int
list_add(struct fs_list_op *l, const char *prefix, const char *name,
    const struct stat *st)
{
	struct store_stat *s;
	bool is_folder = S_ISDIR(st->st_mode);

	if (l->n == LIST_MAX)
		return err_set(&l->op.err, ERR_LIMIT,
		    "more than %d entries in '%s'", LIST_MAX, l->op.fs->root);
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 32 : 2 * l->cap;
		l->list = xrealloc(l->list, l->cap * sizeof(*l->list));
	}
	s = &l->list[l->n++];
	s->key = xasprintf("%s%s%s", prefix, name, is_folder ? "/" : "");
	s->size = is_folder ? 0 : (int64_t)st->st_size;
	s->mtime_ms = stat_mtime_ms(st);
	s->is_folder = is_folder;
	return 0;
}

/* A folder of which nothing would be shown is a leftover; one that cannot be
 * looked into is there. */
static bool
folder_has_any(int fd, const char *name, unsigned depth)
{
	const struct dirent *de;
	struct stat st;
	bool has_any = false;
	DIR *d;
	int sub;

	sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub == -1)
		return errno != ENOENT;
	if ((d = fdopendir(sub)) == NULL) {
		(void)close(sub);
		return true;
	}
	while (!has_any && (de = readdir(d)) != NULL) {
		if (!name_is_shown(de->d_name) ||
		    fstatat(sub, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1)
			continue;
		has_any = S_ISREG(st.st_mode) ||
		    (S_ISDIR(st.st_mode) &&
			(depth == DEPTH_MAX ||
			    folder_has_any(sub, de->d_name, depth + 1)));
	}
	(void)closedir(d);
	return has_any;
}

static int list_folder(struct fs_list_op *, int, const char *, unsigned);

static int
list_entry(struct fs_list_op *l, int fd, const char *prefix, const char *name,
    unsigned depth)
{
	struct stat st;
	char *deeper;
	int sub, rc;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT
		    ? 0
		    : err_sys(&l->op.err, errno, "'%s%s'", prefix, name);
	if (S_ISREG(st.st_mode))
		return list_add(l, prefix, name, &st);
	if (!S_ISDIR(st.st_mode))
		return 0;
	if (!l->is_flat)
		return folder_has_any(fd, name, 0)
		    ? list_add(l, prefix, name, &st)
		    : 0;
	if (depth == DEPTH_MAX)
		return err_set(&l->op.err, ERR_LIMIT, "'%s%s' is too deep",
		    prefix, name);
	sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub == -1)
		return errno == ENOENT
		    ? 0
		    : err_sys(&l->op.err, errno, "'%s%s'", prefix, name);
	deeper = xasprintf("%s%s/", prefix, name);
	rc = list_folder(l, sub, deeper, depth + 1);
	free(deeper);
	return rc;
}

/* Takes ${fd}. */
static int
list_folder(struct fs_list_op *l, int fd, const char *prefix, unsigned depth)
{
	const struct dirent *de;
	DIR *d;
	int rc = 0;

	if ((d = fdopendir(fd)) == NULL) {
		rc = err_sys(&l->op.err, errno, "list '%s'", prefix);
		(void)close(fd);
		return rc;
	}
	for (errno = 0; rc == 0 && (de = readdir(d)) != NULL; errno = 0)
		if (name_is_shown(de->d_name))
			rc = list_entry(l, fd, prefix, de->d_name, depth);
	if (rc == 0 && errno != 0)
		rc = err_sys(&l->op.err, errno, "list '%s'", prefix);
	(void)closedir(d);
	return rc;
}

static int
stat_compare(const void *a, const void *b)
{
	const struct store_stat *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static void
list_run(struct fs_op *op)
{
	struct fs_list_op *l = (struct fs_list_op *)op;
	int fd = fs_prefix_open(op->fs, l->prefix, &op->err);

	if (fd != -1 && list_folder(l, fd, l->prefix, 0) == 0 && l->n > 0)
		qsort(l->list, l->n, sizeof(*l->list), stat_compare);
	/* As in every object store: nothing below a prefix is no error. */
	if (fd == -1 && op->err.code == ERR_NOT_FOUND)
		err_clear(&op->err);
}

static void
list_answer(struct fs_op *op, const struct err *e)
{
	struct fs_list_op *l = (struct fs_list_op *)op;

	l->fn(l->arg, e == NULL ? l->list : NULL, e == NULL ? l->n : 0, e);
}

static void
list_free(struct fs_op *op)
{
	struct fs_list_op *l = (struct fs_list_op *)op;
	size_t i;

	for (i = 0; i < l->n; i++)
		free((char *)(uintptr_t)l->list[i].key);
	free(l->list);
	free(l->prefix);
	free(l);
}

void
fs_list(struct store *s, const char *prefix, bool is_flat, store_list_fn *fn,
    void *arg)
{
	struct fs_list_op *l = xcalloc(1, sizeof(*l));

	l->op.run = list_run;
	l->op.answer = list_answer;
	l->op.free = list_free;
	l->prefix = xstrdup(prefix);
	l->is_flat = is_flat;
	l->fn = fn;
	l->arg = arg;
	fs_op_start((struct fs_store *)s, &l->op);
}
