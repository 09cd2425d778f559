/* fs_get.c - reading one object, a block at a time on the store's threads. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/defer.h"
#include "base/mem.h"
#include "store/fs.h"

struct fs_reader {
	struct reader base;
	struct fs_store *fs;
	char *key;
	struct env_timer *timer;
	reader_fn *fn; /* Of the read under way. */
	void *arg;
	bool is_working;
	bool is_closed;
	bool is_late;
	struct work work;

	/* Whoever works: the pool while is_working, else the loop. */
	int fd; /* -1: not opened yet. */
	int64_t at;
	int64_t left; /* -1: to the end. */
	int64_t size; /* When it was opened. */
	struct block *block;
	struct err err;
};

/*
 * Read from the disk what was just written to it, not from memory, and leave no
 * gigabytes in the cache of a machine that has better use for it.
 */
static void
reader_uncache(int fd)
{
#if defined(F_NOCACHE)
	(void)fcntl(fd, F_NOCACHE, 1);
#elif defined(POSIX_FADV_DONTNEED)
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
#else
	(void)fd;
#endif
}

static int
reader_begin(struct fs_reader *r)
{
	const char *leaf;
	struct stat st;
	int dirfd;

	if ((dirfd = fs_dir_open(r->fs, r->key, false, &leaf, &r->err)) == -1)
		return -1;
	/* Not to wait for the other end of a planted fifo. */
	r->fd = openat(dirfd, leaf,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (r->fd == -1) {
		if (errno == ELOOP)
			(void)err_set(&r->err, ERR_CORRUPT,
			    "'%s' is a symbolic link", r->key);
		else
			(void)err_sys(&r->err, errno, "'%s'", r->key);
		(void)close(dirfd);
		return -1;
	}
	(void)close(dirfd);
	if (fstat(r->fd, &st) == -1)
		return err_sys(&r->err, errno, "'%s'", r->key);
	if (!S_ISREG(st.st_mode))
		return err_set(&r->err, ERR_CORRUPT, "'%s' is no file", r->key);
	r->size = st.st_size;
	reader_uncache(r->fd);
	return 0;
}

static void
on_reader_run(void *arg)
{
	struct fs_reader *r = arg;
	size_t want = BLOCK_SIZE;
	ssize_t got;

	if (r->fd == -1 && reader_begin(r) == -1)
		return;
	if (r->left >= 0 && (uint64_t)r->left < want)
		want = (size_t)r->left;
	if (want == 0)
		return;
	r->block = block_new(want);
	while ((got = pread(r->fd, r->block->data, want, (off_t)r->at)) == -1 &&
	    errno == EINTR)
		continue;
	if (got == -1)
		(void)err_sys(&r->err, errno, "read '%s'", r->key);
	else if (got == 0 && r->at < r->size)
		(void)err_set(&r->err, ERR_CORRUPT,
		    "'%s' became shorter while it was read", r->key);
	if (got <= 0) {
		block_unref(r->block);
		r->block = NULL;
		return;
	}
	r->block->len = (size_t)got;
	r->at += got;
	if (r->left >= 0)
		r->left -= got;
}

/* Closing can block as well. */
static void
on_reader_close(void *arg)
{
	struct fs_reader *r = arg;

	if (r->fd != -1)
		(void)close(r->fd);
}

static void
on_reader_gone(void *arg)
{
	struct fs_reader *r = arg;
	struct fs_store *fs = r->fs;

	block_unref(r->block);
	free(r->key);
	free(r);
	fs_drop(fs);
}

static void
reader_end(struct fs_reader *r)
{
	env_timer_free(r->timer);
	r->timer = NULL;
	work_submit(r->fs->pool, &r->work, on_reader_close, on_reader_gone, r);
}

static void
on_reader_done(void *arg)
{
	struct fs_reader *r = arg;
	reader_fn *fn = r->fn;
	struct block *b = r->block;

	r->is_working = false;
	if (r->is_late)
		r->fs->nlate--;
	if (r->is_closed) {
		reader_end(r);
		return;
	}
	if (r->is_late)
		return;
	env_timer_stop(r->timer);
	r->fn = NULL;
	r->block = NULL;
	fn(r->arg, b, r->err.code != ERR_NONE ? &r->err : NULL);
}

static void
on_reader_late(void *arg)
{
	struct fs_reader *r = arg;
	reader_fn *fn = r->fn;
	struct err e = ERR_INIT;

	r->fn = NULL;
	r->is_late = true;
	r->fs->nlate++;
	(void)err_set(&e, ERR_TIMEOUT,
	    "'%s' in '%s': the disk does not "
	    "answer",
	    r->key, r->fs->root);
	fn(r->arg, NULL, &e);
}

static void
fs_reader_read(struct reader *reader, reader_fn *fn, void *arg)
{
	struct fs_reader *r = (struct fs_reader *)reader;

	BUG_IF(r->is_working || r->is_closed);
	r->fn = fn;
	r->arg = arg;
	r->is_working = true;
	env_timer_start(r->timer, r->fs->wait_ms);
	work_submit(r->fs->pool, &r->work, on_reader_run, on_reader_done, r);
}

static void
fs_reader_close(struct reader *reader)
{
	struct fs_reader *r = (struct fs_reader *)reader;

	r->is_closed = true;
	env_timer_stop(r->timer);
	if (!r->is_working)
		reader_end(r);
}

static const struct reader_ops fs_reader_ops = {
	fs_reader_read,
	fs_reader_close,
};

struct reader *
fs_get(struct store *s, const char *key, int64_t from, int64_t len)
{
	struct fs_store *fs = (struct fs_store *)s;
	struct fs_reader *r = xcalloc(1, sizeof(*r));

	r->base.ops = &fs_reader_ops;
	r->fs = fs;
	r->key = xstrdup(key);
	r->fd = -1;
	r->at = from;
	r->left = len < 0 ? -1 : len;
	r->timer = env_timer_new(fs->base.env, on_reader_late, r);
	fs_hold(fs);
	return &r->base;
}
