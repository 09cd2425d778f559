/*
 * fs.h - the filesystem store's inner parts.
 *
 * Every operation is an fs_op: it runs on the store's own two threads, is
 * answered on the loop when it is done or when its time is up, whichever comes
 * first, and is freed when the threads have let go of it.  One that was given
 * up sees so and has no effect that it has not begun.
 * Threads: fs_op.run and the path functions on the pool, the rest on the loop.
 */
#ifndef STORE_FS_H
#define STORE_FS_H

#include <stdatomic.h>

#include "base/work.h"
#include "store/store.h"

/* Whether a plain put can refuse to replace: known from the first try. */
enum fs_links { FS_LINKS_UNKNOWN, FS_LINKS_YES, FS_LINKS_NO };

struct fs_store {
	struct store base;
	struct work_pool *pool;
	char *root;
	int64_t min_free;
	int64_t wait_ms; /* How long one operation may take. */
	size_t nusers;   /* Operations, puts, readers not yet freed. */
	size_t nlate;    /* Of them: given up, still on a thread. */
	bool is_closing;
	atomic_int links;    /* FS_LINKS_*. */
	struct fs_put *puts; /* Under way. */
};

struct fs_op {
	struct work work;
	struct fs_store *fs;
	struct env_timer *timer;
	void (*run)(struct fs_op *);
	void (*answer)(struct fs_op *, const struct err *);
	void (*free)(struct fs_op *);
	atomic_bool is_given_up;
	bool is_answered;
	bool is_on_pool;
	struct err err; /* Set by run. */
};

extern const struct store_ops fs_ops;

/* Count one more user of the store; fs_drop() may free it. */
void fs_hold(struct fs_store *);
void fs_drop(struct fs_store *);

/* fs_op.c: ${op} is freed by its own free(), after its answer(). */
void fs_op_start(struct fs_store *, struct fs_op *);

/*
 * fs_path.c: the folder that ${key} is in, as a descriptor, no link below the
 * root followed; ${leaf} points into ${key}.  ERR_NOT_FOUND when a folder is
 * not there and not to be made; ERR_MISSING when the root itself is not there.
 */
int fs_dir_open(const struct fs_store *, const char *key, bool is_create,
    const char **leaf, struct err *);
/* The folder of a prefix. */
int fs_prefix_open(const struct fs_store *, const char *prefix, struct err *);
/* Remove the folders that ${key} was in as far as they are empty. */
void fs_dir_prune(const struct fs_store *, const char *key);
/* The path for people and for file.h; free() it. */
char *fs_path(const struct fs_store *, const char *key);

/* fs.c: try to write in the root, and whether links can be made there. */
int fs_probe(struct fs_store *, struct err *);

/* One row of store_ops each. */
void fs_check(struct store *, store_done_fn *, void *);
struct store_put *fs_put_open(struct store *, const char *,
    const struct store_put_opt *, store_ready_fn *, void *, struct err *);
bool fs_put_write(struct store_put *, struct block *);
bool fs_put_failed(struct store_put *);
void fs_put_finish(struct store_put *, store_put_fn *, void *);
void fs_put_abort(struct store_put *);
/* Keys of the puts under way, NULL-terminated; free() each and the array. */
char **fs_put_keys(const struct fs_store *);
struct reader *fs_get(struct store *, const char *, int64_t, int64_t);
void fs_stat(struct store *, const char *, store_stat_fn *, void *);
void fs_list(struct store *, const char *, bool, store_list_fn *, void *);
void fs_remove(struct store *, const char *, store_done_fn *, void *);
void fs_sweep(struct store *, const char *, int64_t, store_done_fn *, void *);

#endif
