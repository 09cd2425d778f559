/* reader_file.c - see readers.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "stream/readers.h"

struct reader_file {
	struct reader reader;
	struct work_pool *pool;
	struct work work;
	bool is_working, is_closed;
	char *path;
	int fd; /* The pool's while it works. */
	struct block *b;
	struct err err;
	reader_fn *fn;
	void *arg;
};

/* The flag keeps a FIFO from holding the thread; it is refused next. */
static int
file_open(struct reader_file *r)
{
	struct stat st;

	r->fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (r->fd == -1)
		return err_sys(&r->err, errno, "open '%s'", r->path);
	if (fstat(r->fd, &st) == -1)
		return err_sys(&r->err, errno, "stat '%s'", r->path);
	if (!S_ISREG(st.st_mode))
		return err_set(&r->err, ERR_IO, "'%s' is no regular file",
		    r->path);
	return 0;
}

static void
file_work(void *arg)
{
	struct reader_file *r = arg;
	ssize_t n;

	if (r->fd == -1 && file_open(r) == -1)
		return;
	r->b = block_new(BLOCK_SIZE);
	while (r->b->len < r->b->cap) {
		n = read(r->fd, r->b->data + r->b->len, r->b->cap - r->b->len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			(void)err_sys(&r->err, errno, "read '%s'", r->path);
		if (n <= 0)
			break;
		r->b->len += (size_t)n;
	}
}

/* Nothing was written: close(2) has nothing to wait for. */
static void
file_free(struct reader_file *r)
{
	if (r->fd != -1)
		(void)close(r->fd);
	block_unref(r->b);
	free(r->path);
	free(r);
}

static void
on_file_read(void *arg)
{
	struct reader_file *r = arg;
	struct block *b = r->b;

	r->is_working = false;
	if (r->is_closed) {
		file_free(r);
		return;
	}
	r->b = NULL;
	if (r->err.code != ERR_NONE || (b != NULL && b->len == 0)) {
		block_unref(b);
		b = NULL;
	}
	r->fn(r->arg, b, r->err.code != ERR_NONE ? &r->err : NULL);
}

static void
file_read(struct reader *reader, reader_fn *fn, void *arg)
{
	struct reader_file *r = CONTAINER_OF(reader, struct reader_file,
	    reader);

	BUG_IF(r->is_working || r->is_closed);
	r->fn = fn;
	r->arg = arg;
	r->is_working = true;
	work_submit(r->pool, &r->work, file_work, on_file_read, r);
}

static void
file_close(struct reader *reader)
{
	struct reader_file *r = CONTAINER_OF(reader, struct reader_file,
	    reader);

	r->is_closed = true;
	if (!r->is_working)
		file_free(r);
}

static const struct reader_ops file_ops = { file_read, file_close };

struct reader *
reader_file_new(struct work_pool *pool, const char *path)
{
	struct reader_file *r = xcalloc(1, sizeof(*r));

	r->reader.ops = &file_ops;
	r->pool = pool;
	r->path = xstrdup(path);
	r->fd = -1;
	return &r->reader;
}
