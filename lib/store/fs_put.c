/*
 * fs_put.c - writing one object: the loop's half hands windows of blocks to
 * the pool's half, which owns the file; one batch is on the pool at a time.
 *
 *	OPEN --finish--> FINISHING --committed--> answered, freed
 *	  |                 +--time is up--> answered, freed when the pool ends
 *	  +--abort--> ABORTED, freed when the pool ends
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crash.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/fs.h"

#define WINDOW ((size_t)8)
#define FINISH_WAIT_MS (15 * 60 * 1000)
#define SPACE_EVERY ((int64_t)16 << 20)

enum put_state { PUT_OPEN, PUT_FINISHING, PUT_ABORTED };

/* What to do on the pool after the batch. */
enum put_end { END_NONE, END_COMMIT, END_ABORT };

struct fs_put {
	struct store_put_base base;
	struct fs_store *fs;
	struct fs_put *next; /* In fs->puts. */
	char *key;
	bool if_absent;
	int64_t size_hint;
	int64_t deadline_ms;
	store_ready_fn *ready;
	void *ready_arg;
	store_put_fn *fn;
	void *arg;
	struct env_timer *timer;

	/* Loop thread. */
	enum put_state state;
	struct block **queue;
	size_t nqueue;
	bool is_waiting; /* write() said false. */
	bool is_working;
	bool is_answered;
	bool has_failed;
	struct work work;

	/* Whoever works: the pool while is_working, else the loop. */
	struct block **batch;
	size_t nbatch;
	enum put_end end;
	bool is_ended;
	struct file_pub *pub;
	int64_t size;
	int64_t space_at; /* Look at the free space from this size on. */
	struct err err;
	atomic_bool is_given_up;
};

/* The pool's half. */

static int
put_check_space(struct fs_put *p, int64_t needed)
{
	int64_t bytes;

	if (p->fs->min_free <= 0 && needed <= 0)
		return 0;
	if (file_free_space(p->fs->root, &bytes, &p->err) == -1)
		return -1;
	if (bytes - needed >= p->fs->min_free)
		return 0;
	return err_set(&p->err, ERR_NO_SPACE,
	    "'%s' has %" PRId64 " bytes free, '%s' needs %" PRId64
	    " and %" PRId64 " are to stay free",
	    p->fs->root, bytes, p->key, needed, p->fs->min_free);
}

static int
put_check_absent(struct fs_put *p, int dirfd, const char *leaf)
{
	struct stat st;

	if (fstatat(dirfd, leaf, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(&p->err, ERR_CONFLICT, "'%s' exists already",
		    p->key);
	return errno == ENOENT ? 0 : err_sys(&p->err, errno, "'%s'", p->key);
}

static int
put_begin_once(struct fs_put *p)
{
	const char *leaf;
	char *path;
	int fd, rc = 0;

	if ((fd = fs_dir_open(p->fs, p->key, true, &leaf, &p->err)) == -1)
		return -1;
	if (p->if_absent)
		rc = put_check_absent(p, fd, leaf);
	(void)close(fd);
	if (rc == -1 || put_check_space(p, p->size_hint) == -1)
		return -1;
	if (p->if_absent && atomic_load(&p->fs->links) == FS_LINKS_UNKNOWN &&
	    fs_probe(p->fs, &p->err) == -1)
		return -1;
	path = fs_path(p->fs, p->key);
	p->pub = file_pub_open(path, &p->err);
	free(path);
	return p->pub == NULL ? -1 : 0;
}

static int
put_begin(struct fs_put *p)
{
	if (put_begin_once(p) == 0)
		return 0;
	if (p->err.code != ERR_NOT_FOUND)
		return -1;
	/* A removal took the empty folder away in between. */
	err_clear(&p->err);
	return put_begin_once(p);
}

static int
put_write_batch(struct fs_put *p)
{
	size_t i;

	for (i = 0; i < p->nbatch; i++) {
		if (p->size >= p->space_at) {
			p->space_at = p->size + SPACE_EVERY;
			if (p->fs->min_free > 0 && put_check_space(p, 0) == -1)
				return -1;
		}
		if (file_pub_write(p->pub, p->batch[i]->data, p->batch[i]->len,
			&p->err) == -1)
			return -1;
		p->size += (int64_t)p->batch[i]->len;
	}
	return 0;
}

/* Flush first; then, if nobody gave it up while that took its time, publish. */
static int
put_commit(struct fs_put *p)
{
	struct file_pub *pub = p->pub;
	const char *leaf;
	int fd, rc = 0;
	bool may_link = atomic_load(&p->fs->links) != FS_LINKS_NO;

	if (file_pub_sync(pub, &p->err) == -1)
		return -1;
	if (atomic_load(&p->is_given_up))
		return err_set(&p->err, ERR_TIMEOUT, "given up");
	if (p->if_absent && !may_link) {
		if ((fd = fs_dir_open(p->fs, p->key, false, &leaf, &p->err)) ==
		    -1)
			return -1;
		rc = put_check_absent(p, fd, leaf);
		(void)close(fd);
	}
	if (rc == -1)
		return -1;
	CRASH_POINT("fs-put-flushed");
	p->pub = NULL;
	rc = file_pub_commit(pub, p->if_absent && may_link, &p->err);
	CRASH_POINT("fs-put-published");
	return rc;
}

static void
on_put_run(void *arg)
{
	struct fs_put *p = arg;

	if (p->end != END_ABORT && p->err.code == ERR_NONE) {
		if ((p->pub != NULL || put_begin(p) == 0) &&
		    put_write_batch(p) == 0 && p->end == END_COMMIT)
			(void)put_commit(p);
	}
	if (p->end == END_NONE && p->err.code == ERR_NONE)
		return;
	/* The room of a failed write is given back at once. */
	file_pub_abort(p->pub);
	p->pub = NULL;
	if (p->end == END_ABORT || p->err.code != ERR_NONE)
		fs_dir_prune(p->fs, p->key);
}

/* The loop's half. */

static void
put_unlink(struct fs_put *p)
{
	struct fs_put **at;

	for (at = &p->fs->puts; *at != p; at = &(*at)->next)
		BUG_IF(*at == NULL);
	*at = p->next;
}

static void
put_drop_blocks(struct block **list, size_t *n)
{
	while (*n > 0)
		block_unref(list[--*n]);
}

static void
put_free(struct fs_put *p)
{
	struct fs_store *fs = p->fs;

	if (p->is_answered)
		fs->nlate--;
	put_unlink(p);
	put_drop_blocks(p->queue, &p->nqueue);
	put_drop_blocks(p->batch, &p->nbatch);
	env_timer_free(p->timer);
	free(p->queue);
	free(p->batch);
	free(p->key);
	free(p);
	fs_drop(fs);
}

static void on_put_worked(void *);

static void
put_pump(struct fs_put *p)
{
	struct block **swap = p->batch;

	if (p->is_working || p->is_ended)
		return;
	if (p->nqueue == 0 && p->state == PUT_OPEN)
		return;
	p->batch = p->queue;
	p->nbatch = p->nqueue;
	p->queue = swap;
	p->nqueue = 0;
	p->end = p->state == PUT_OPEN ? END_NONE
	    : p->state == PUT_ABORTED ? END_ABORT
				      : END_COMMIT;
	p->is_working = true;
	work_submit(p->fs->pool, &p->work, on_put_run, on_put_worked, p);
}

static void
put_answer(struct fs_put *p)
{
	struct store_proof proof = { .size = p->size, .kind = "none" };
	struct err e;
	store_put_fn *fn = p->fn;
	void *arg = p->arg;

	err_copy(&e, &p->err);
	put_free(p);
	fn(arg, e.code == ERR_NONE ? &proof : NULL,
	    e.code == ERR_NONE ? NULL : &e);
}

static void
on_put_worked(void *arg)
{
	struct fs_put *p = arg;

	p->is_working = false;
	put_drop_blocks(p->batch, &p->nbatch);
	if (p->err.code != ERR_NONE) {
		p->has_failed = true;
		put_drop_blocks(p->queue, &p->nqueue);
	}
	if (p->end != END_NONE) {
		p->is_ended = true;
		if (p->state == PUT_ABORTED || p->is_answered)
			put_free(p);
		else
			put_answer(p);
		return;
	}
	put_pump(p);
	if (p->is_waiting && p->state == PUT_OPEN) {
		p->is_waiting = false;
		p->ready(p->ready_arg);
	}
}

struct store_put *
fs_put_open(struct store *s, const char *key, const struct store_put_opt *opt,
    store_ready_fn *ready, void *arg, struct err *e)
{
	struct fs_store *fs = (struct fs_store *)s;
	struct fs_put *p = xcalloc(1, sizeof(*p));

	(void)e;
	p->base.store = s;
	p->fs = fs;
	p->key = xstrdup(key);
	p->if_absent = opt->if_absent;
	p->size_hint = opt->size_hint > 0 ? opt->size_hint : 0;
	p->deadline_ms = opt->deadline_ms > 0 ? opt->deadline_ms
					      : FINISH_WAIT_MS;
	p->ready = ready;
	p->ready_arg = arg;
	p->queue = xcalloc(WINDOW, sizeof(struct block *));
	p->batch = xcalloc(WINDOW, sizeof(struct block *));
	p->next = fs->puts;
	fs->puts = p;
	fs_hold(fs);
	return (struct store_put *)p;
}

bool
fs_put_write(struct store_put *put, struct block *b)
{
	struct fs_put *p = (struct fs_put *)put;

	BUG_IF(p->state != PUT_OPEN || p->is_waiting);
	if (p->has_failed)
		return true;
	p->queue[p->nqueue++] = block_ref(b);
	put_pump(p);
	p->is_waiting = p->nqueue == WINDOW;
	return !p->is_waiting;
}

bool
fs_put_failed(struct store_put *put)
{
	return ((struct fs_put *)put)->has_failed;
}

/* Time is up: the caller learns it now, the pool when it looks again. */
static void
on_put_late(void *arg)
{
	struct fs_put *p = arg;
	struct err e = ERR_INIT;

	atomic_store(&p->is_given_up, true);
	(void)err_set(&e, ERR_TIMEOUT,
	    "'%s' in '%s': the disk does not "
	    "answer",
	    p->key, p->fs->root);
	env_timer_free(p->timer);
	p->timer = NULL;
	p->is_answered = true;
	p->fs->nlate++;
	p->fn(p->arg, NULL, &e);
}

void
fs_put_finish(struct store_put *put, store_put_fn *fn, void *arg)
{
	struct fs_put *p = (struct fs_put *)put;

	BUG_IF(p->state != PUT_OPEN);
	p->state = PUT_FINISHING;
	p->fn = fn;
	p->arg = arg;
	p->timer = env_timer_new(p->fs->base.env, on_put_late, p);
	env_timer_start(p->timer, p->deadline_ms);
	put_pump(p);
}

void
fs_put_abort(struct store_put *put)
{
	struct fs_put *p = (struct fs_put *)put;

	BUG_IF(p->state != PUT_OPEN);
	p->state = PUT_ABORTED;
	atomic_store(&p->is_given_up, true);
	put_drop_blocks(p->queue, &p->nqueue);
	put_pump(p);
}

char **
fs_put_keys(const struct fs_store *fs)
{
	const struct fs_put *p;
	char **keys;
	size_t n = 0;

	for (p = fs->puts; p != NULL; p = p->next)
		n++;
	keys = xcalloc(n + 1, sizeof(*keys));
	for (n = 0, p = fs->puts; p != NULL; p = p->next)
		keys[n++] = xstrdup(p->key);
	return keys;
}
