/* fs.c - the filesystem store: opening, checking, closing. */
#include "store/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/defer.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define FS_THREADS 2
#define FS_WAIT_MS 60000

static struct store *
fs_open(const struct store_env *lent, const char *name, const json_t *cfg,
    struct err *e)
{
	const char *path = json_get_str(cfg, "path", NULL);
	int64_t stall_ms = json_get_int(cfg, "stall", FS_WAIT_MS);
	struct fs_store *fs;

	if (path == NULL || path[0] == '\0') {
		(void)err_set(e, ERR_CONFIG, "store '%s' has no path", name);
		return NULL;
	}
	fs = xcalloc(1, sizeof(*fs));
	fs->base.ops = &fs_ops;
	fs->base.env = lent->env;
	fs->base.lent = *lent;
	fs->base.name = xstrdup(name);
	fs->base.cfg = cfg;
	fs->root = file_expand(path, NULL);
	fs->min_free = json_get_int(cfg, "min_free", 0);
	fs->wait_ms = stall_ms > 0 ? stall_ms : FS_WAIT_MS;
	fs->pool = work_pool_new(lent->env->loop, FS_THREADS);
	return &fs->base;
}

static void
fs_free(void *arg)
{
	struct fs_store *fs = arg;

	work_pool_free(fs->pool);
	free(fs->root);
	free(fs->base.name);
	free(fs);
}

void
fs_hold(struct fs_store *fs)
{
	fs->nusers++;
}

void
fs_drop(struct fs_store *fs)
{
	BUG_IF(fs->nusers == 0);
	/* Not from here: the pool is delivering the work that ended. */
	if (--fs->nusers == 0 && fs->is_closing)
		(void)defer_call(fs->base.env->loop, fs_free, fs);
}

/* Never waits for a disk: what is late on the pool frees the store later. */
static void
fs_close(struct store *s)
{
	struct fs_store *fs = (struct fs_store *)s;

	fs->is_closing = true;
	if (fs->nusers == 0)
		fs_free(fs);
}

static void
fs_caps(struct store *s, struct store_caps *caps)
{
	struct fs_store *fs = (struct fs_store *)s;

	caps->has_if_absent = atomic_load(&fs->links) != FS_LINKS_NO;
	caps->digest = "none";
	caps->max_parts = 0;
}

struct fs_check_op {
	struct fs_op op;
	store_done_fn *fn;
	void *arg;
};

/* The root, made if just its last part is missing: a whole path that is not
 * there is a disk that is not mounted. */
static int
check_folder(const struct fs_store *fs, struct err *e)
{
	struct stat st;
	char *copy;
	int rc;

	if (stat(fs->root, &st) == 0) {
		if (!S_ISDIR(st.st_mode))
			return err_set(e, ERR_CONFIG, "'%s' is no folder",
			    fs->root);
		return 0;
	}
	if (errno != ENOENT)
		return err_sys(e, errno, "'%s'", fs->root);
	if (mkdir(fs->root, 0700) == -1) {
		if (errno == ENOENT)
			return err_set(e, ERR_MISSING,
			    "neither '%s' nor the folder it is in exists",
			    fs->root);
		return err_sys(e, errno, "create '%s'", fs->root);
	}
	copy = xstrdup(fs->root);
	rc = file_sync_dir(dirname(copy), e);
	free(copy);
	return rc;
}

/* Whether this file system can refuse to replace: exFAT and some shares know no
 * second name for a file. */
static void
probe_links(struct fs_store *fs, const char *path)
{
	char *second = xasprintf("%s2", path);
	int links = FS_LINKS_UNKNOWN;

	if (link(path, second) == 0)
		links = FS_LINKS_YES;
	else if (errno == EPERM || errno == ENOTSUP || errno == EOPNOTSUPP ||
	    errno == ENOSYS)
		links = FS_LINKS_NO;
	(void)unlink(second);
	atomic_store(&fs->links, links);
	free(second);
}

/* Permission bits say little (root, read-only mounts): try it. */
int
fs_probe(struct fs_store *fs, struct err *e)
{
	char *path = xasprintf("%s/check%sXXXXXX", fs->root, FILE_TMP_MARK);
	int fd, rc = 0;

	if ((fd = mkstemp(path)) == -1) {
		rc = err_sys(e, errno, "cannot write in '%s'", fs->root);
	} else {
		(void)close(fd);
		probe_links(fs, path);
		(void)unlink(path);
	}
	free(path);
	return rc;
}

static void
check_run(struct fs_op *op)
{
	struct fs_store *fs = op->fs;
	int64_t free_bytes;

	if (check_folder(fs, &op->err) == -1 || fs_probe(fs, &op->err) == -1 ||
	    file_free_space(fs->root, &free_bytes, &op->err) == -1)
		return;
	if (fs->min_free > 0 && free_bytes < fs->min_free)
		(void)err_set(&op->err, ERR_NO_SPACE,
		    "'%s' has %lld bytes free, less than min_free", fs->root,
		    (long long)free_bytes);
}

static void
check_answer(struct fs_op *op, const struct err *e)
{
	struct fs_check_op *c = (struct fs_check_op *)op;

	c->fn(c->arg, e);
}

static void
check_free(struct fs_op *op)
{
	free(op);
}

void
fs_check(struct store *s, store_done_fn *fn, void *arg)
{
	struct fs_check_op *c = xcalloc(1, sizeof(*c));

	c->op.run = check_run;
	c->op.answer = check_answer;
	c->op.free = check_free;
	c->fn = fn;
	c->arg = arg;
	fs_op_start((struct fs_store *)s, &c->op);
}

const struct store_ops fs_ops = {
	.type = "filesystem",
	.open = fs_open,
	.close = fs_close,
	.caps = fs_caps,
	.check = fs_check,
	.put_open = fs_put_open,
	.put_write = fs_put_write,
	.put_failed = fs_put_failed,
	.put_finish = fs_put_finish,
	.put_abort = fs_put_abort,
	.get = fs_get,
	.stat = fs_stat,
	.list = fs_list,
	.remove = fs_remove,
	.sweep = fs_sweep,
};
