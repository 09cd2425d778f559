/*
 * hostfs.h - the inner parts of the store that is a folder on a host.
 *
 * Knows: the scripts of host/, what they print, what they note.  Does not
 * know: SSH; the host's commands do everything (net/host.h).
 * Threads: loop thread; digests are computed on a pool.
 *
 * An operation is one command: settings as quoted variables, hostfs.sh, one
 * more script, "verb_NAME".  Notes tell what went wrong ("error CODE TEXT"),
 * what is going wrong ("fault TEXT"), and "links no", "size BYTES".
 */
#ifndef STORE_HOSTFS_H
#define STORE_HOSTFS_H

#include "base/buf.h"
#include "base/str.h"
#include "net/host.h"
#include "store/store.h"

struct hostfs_put;

/* Whether a plain put can refuse to replace: known from store_check() on. */
enum hostfs_links { HOSTFS_LINKS_UNKNOWN, HOSTFS_LINKS_YES, HOSTFS_LINKS_NO };

struct hostfs {
	struct store base;
	struct host *host;
	struct work_pool *pool;
	char *host_name;
	char *root; /* As the configuration writes it. */
	int64_t min_free;
	int64_t stall_ms;
	enum hostfs_links links;
	size_t nusers; /* Operations, puts, readers not yet freed. */
	bool is_closing;
	struct hostfs_put *puts; /* Under way. */
};

extern const struct store_ops hostfs_ops;

/* Count one more user of the store; hostfs_drop() may free it, later. */
void hostfs_hold(struct hostfs *);
void hostfs_drop(struct hostfs *);

/* ---- hostfs_op.c: one command, collected ---- */

struct hostfs_op;

/* ${out}, when ${e} is NULL, is what the script printed. */
typedef void hostfs_answer_fn(struct hostfs_op *, const char *out,
    const struct err *e);

/* Embedded; zero-filled before its first use, reusable after its answer. */
struct hostfs_op {
	struct hostfs *fs;
	struct host_run *run; /* NULL when none is under way. */
	struct defer *soon;
	struct err err;   /* The script's own error. */
	struct err fault; /* What went wrong while it still works. */
	hostfs_answer_fn *answer;
	/* May be NULL: a fault was noted. */
	void (*on_fault)(struct hostfs_op *);
	void (*stopped)(struct hostfs_op *); /* While it is stopped. */
};

/* What a command is made of; ${settings} may be NULL. */
struct hostfs_verb {
	const char *script; /* After hostfs.sh. */
	const char *name;
	const struct buf *settings;
	struct reader *input;
	int64_t deadline_ms; /* 0: that of a short operation. */
	int64_t stall_ms;    /* 0: none. */
	size_t out_max;
};

/* Append "NAME='value'" or "NAME=number". */
void hostfs_set(struct buf *, const char *name, const char *value);
void hostfs_set_int(struct buf *, const char *name, int64_t value);
/* The whole script; takes no part of ${v} over. */
void hostfs_script(const struct hostfs *, const struct hostfs_verb *,
    struct buf *);
/* One note; ${err} and ${fault} as in struct hostfs_op. */
void hostfs_note(struct hostfs *, const char *note, struct err *err,
    struct err *fault);

/* One answer, from the loop, never from within. */
void hostfs_op_start(struct hostfs *, struct hostfs_op *,
    const struct hostfs_verb *, hostfs_answer_fn *);
/* The same, but it is refused with ${e}. */
void hostfs_op_refuse(struct hostfs *, struct hostfs_op *, const struct err *,
    hostfs_answer_fn *);

/* Stop what is under way: ${stopped} instead of the answer, when it is gone,
 * or, with the reason in op->err, nobody can tell. */
void hostfs_op_stop(struct hostfs_op *, void (*)(struct hostfs_op *));
bool hostfs_op_is_busy(const struct hostfs_op *);

/* A temporary file's token. */
#define HOSTFS_TOKEN_SIZE 17
void hostfs_token(struct hostfs *, char out[HOSTFS_TOKEN_SIZE]);

/* "INODE-SIZE-MTIME": the name of a version of an object. */
void hostfs_etag(const char *inode, int64_t size, int64_t mtime, char *out,
    size_t);

/* ---- hostfs_feed.c: the blocks of a put on their way to a command ---- */

#define HOSTFS_WINDOW ((size_t)8)

/* Embedded; each block is hashed on the pool, then sent. */
struct hostfs_feed {
	struct reader input; /* For one command; closing frees nothing. */
	uv_loop_t *loop;
	struct work_pool *pool;
	void (*room)(void *arg); /* The window was full and is not. */
	void (*idle)(void *arg); /* The pool holds nothing any more. */
	void *arg;

	struct block *queue[HOSTFS_WINDOW];
	size_t nqueue;
	size_t nhashed; /* Of them, from the front. */
	bool is_full;   /* add() said so. */
	bool is_ended;
	int64_t size;
	void *md;
	struct work work;
	size_t nwork; /* Blocks that the pool looks at. */
	bool is_hashing;
	bool is_dropped;
	reader_fn *fn; /* The read outstanding. */
	void *fn_arg;
	struct defer *soon;
};

void hostfs_feed_init(struct hostfs_feed *, uv_loop_t *, struct work_pool *);
/* Only while the pool holds nothing. */
void hostfs_feed_done(struct hostfs_feed *);
/* Takes its own reference.  False: full, until room() is called. */
bool hostfs_feed_add(struct hostfs_feed *, struct block *);
/* That was the last one. */
void hostfs_feed_end(struct hostfs_feed *);
/* Hash all there is, before anything is sent; idle() tells when. */
void hostfs_feed_hash(struct hostfs_feed *);
/* Forget what was not sent. */
void hostfs_feed_drop(struct hostfs_feed *);
/* Once, when all is hashed. */
void hostfs_feed_sum(struct hostfs_feed *, char hex[STR_HEX_SHA256]);

/* ---- One row of store_ops each ---- */
void hostfs_check(struct store *, store_done_fn *, void *);
struct store_put *hostfs_put_open(struct store *, const char *,
    const struct store_put_opt *, store_ready_fn *, void *, struct err *);
bool hostfs_put_write(struct store_put *, struct block *);
bool hostfs_put_failed(struct store_put *);
void hostfs_put_finish(struct store_put *, store_put_fn *, void *);
void hostfs_put_abort(struct store_put *);
/* Tokens of the puts under way, parted by blanks. */
void hostfs_put_tokens(const struct hostfs *, struct buf *);
struct reader *hostfs_get(struct store *, const char *, int64_t, int64_t);
void hostfs_stat(struct store *, const char *, store_stat_fn *, void *);
void hostfs_list(struct store *, const char *, bool, store_list_fn *, void *);
void hostfs_remove(struct store *, const char *, store_done_fn *, void *);
void hostfs_sweep(struct store *, const char *, int64_t, store_done_fn *,
    void *);
char *hostfs_place(struct store *, const char *, struct err *);
void hostfs_adopt(struct store *, const char *key, const char *place,
    int64_t size, const char *sha256, store_put_fn *, void *);

/* hostfs_place.c: "published SIZE MTIME INODE" as the proof of what is
 * ${sha256}; -1 for another answer. */
int hostfs_proof(const char *out, int64_t size, const char *sha256,
    struct store_proof *, struct err *);

#endif
