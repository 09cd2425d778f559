/*
 * store.h - write, read, list and delete objects in one backup store.
 *
 * Knows: keys, bytes, one vtable per backend: fs (this machine), hostfs (a
 * folder on a machine reached by SSH), s3, azure, gcs.
 * Does not know: jobs, schedules, SQLite, the control socket, what an object
 * means.
 * Threads: loop thread only; a backend that blocks has threads of its own, so
 * that a dead disk holds up nobody else.
 *
 * Keys are str_is_safe_path() names below the store's prefix, or the marks
 * "{id}/.claim" and "{id}/.claim-<uuid>", "{id}/.pin-<uuid>", "{id}/.suspect".  Every operation
 * starts, is answered once from the loop, never from within the call, and has
 * a deadline.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/block.h"
#include "base/env.h"
#include "base/err.h"
#include "base/work.h"
#include "net/http.h"

struct pace;
struct pace_put;
struct store;
struct store_put;

/* What a store is lent; all borrowed for its life. */
struct store_env {
	struct env *env;
	struct http *http;      /* For s3, azure, gcs; else may be NULL. */
	struct work_pool *pool; /* Digests, small files; likewise. */
	const json_t *hosts;    /* {name: host} for "host"; likewise. */
};

/* Good from store_check() on; before that a cautious guess. */
struct store_caps {
	bool has_if_absent; /* A plain put can refuse to replace. */
	const char *digest; /* What a proof holds: "none", "md5", ... */
	int64_t max_parts;  /* 0: no limit. */
};

/*
 * What is known of an object that was put.  ${kind} is "none" or the digest
 * that this kind of store keeps of a whole object ("sha256", "md5", "etag",
 * "crc32c"), ${value} what it must be, computed here from the bytes that were
 * sent (hex; "etag": the store's own way of writing it).
 */
struct store_proof {
	int64_t size;
	char kind[16];
	char value[132];
	/* The store itself checked every byte against a digest of ours as it
	 * came in (each part of an upload), and names what it then held by
	 * ${etag}: as long as that stands, so do the bytes. */
	bool is_checked;
	char etag[132]; /* "": the store gives no version a name. */
};

struct store_stat {
	const char *key; /* Below the store's prefix. */
	int64_t size;
	int64_t mtime_ms;
	bool is_folder; /* Listing one level: a common prefix; the key then
			   ends with '/'. */
	/* From store_stat() only; NULL when the store does not tell. */
	const char *kind, *value; /* The store's own digest, see store_proof. */
	const char *etag;
};

struct store_put_opt {
	int64_t size_hint;   /* -1: unknown. */
	bool if_absent;      /* ERR_CONFLICT when the key exists. */
	const char *tier;    /* NULL: the store's own. */
	int64_t deadline_ms; /* For finish; 0: the store's own. */
};

typedef void store_ready_fn(void *arg);
typedef void store_put_fn(void *arg, const struct store_proof *,
    const struct err *);
typedef void store_done_fn(void *arg, const struct err *);
typedef void store_stat_fn(void *arg, const struct store_stat *,
    const struct err *);
/* All entries, sorted by key; owned by the caller of the callback. */
typedef void store_list_fn(void *arg, const struct store_stat *list, size_t n,
    const struct err *);

struct store_ops {
	const char *type;
	struct store *(*open)(const struct store_env *, const char *name,
	    const json_t *cfg, struct err *);
	void (*close)(struct store *);
	void (*caps)(struct store *, struct store_caps *);
	/* Reach it, with what is configured; before the first byte of a run. */
	void (*check)(struct store *, store_done_fn *, void *);
	struct store_put *(*put_open)(struct store *, const char *,
	    const struct store_put_opt *, store_ready_fn *, void *,
	    struct err *);
	bool (*put_write)(struct store_put *, struct block *);
	bool (*put_failed)(struct store_put *);
	void (*put_finish)(struct store_put *, store_put_fn *, void *);
	void (*put_abort)(struct store_put *);
	/* See store_put_moved(); NULL: it never knows. */
	int64_t (*put_moved)(struct store_put *);
	struct reader *(*get)(struct store *, const char *key, int64_t from,
	    int64_t len);
	void (*stat)(struct store *, const char *, store_stat_fn *, void *);
	void (*list)(struct store *, const char *prefix, bool is_flat,
	    store_list_fn *, void *);
	void (*remove)(struct store *, const char *, store_done_fn *, void *);
	/* See store_sweep(). */
	void (*sweep)(struct store *, const char *prefix, int64_t age_ms,
	    store_done_fn *, void *);
	/* See store_host(); all three NULL for a store that is on no host. */
	const char *(*host)(const struct store *);
	char *(*place)(struct store *, const char *key, struct err *);
	void (*adopt)(struct store *, const char *key, const char *place,
	    int64_t size, const char *sha256, store_put_fn *, void *);
};

/* Embedded at the start of every backend's own struct. */
struct store {
	const struct store_ops *ops;
	struct env *env;
	struct store_env lent;
	char *name;        /* As in the configuration. */
	const json_t *cfg; /* Borrowed. */
	/* store.c's own, of cfg "bandwidth"; NULL: no limit. */
	struct pace *pace_in, *pace_out;
};

struct store_put_base {
	struct store *store;
	struct pace_put *pace; /* store.c's own. */
};

/**
 * store_open(lent, name, cfg, e):
 * The store that section "stores" describes by the validated object ${cfg}
 * (borrowed).  ${lent} is copied.  Nothing is connected, no secret is read.
 * Free it with store_close() when no operation is under way.
 */
struct store *store_open(const struct store_env *, const char *, const json_t *,
    struct err *);
void store_close(struct store *); /* Accepts NULL. */
const char *store_name(const struct store *);
void store_caps(struct store *, struct store_caps *);
/*
 * Reach it with what is configured, and find out what it can; before the first
 * write through this store.  May write and remove one object named
 * ".ragbackup-probe-<uuid>" below the prefix.
 */
void store_check(struct store *, store_done_fn *, void *);

/**
 * store_put_open(s, key, opt, ready, arg, e):
 * Begin object ${key} in ${s} (borrowed; must outlive the put).  Return a put
 * owned by the caller, or NULL with ${e} set.  ${ready}(${arg}) is called,
 * never before this function has returned, each time store_put_write() may be
 * called again after it answered false; the put ends by store_put_finish(),
 * which yields the store's own proof (size and digest), or by
 * store_put_abort().  Readers see the whole object or none.  A write that
 * failed is reported by finish; until then writes are taken and thrown away,
 * and store_put_failed() says so.
 */
struct store_put *store_put_open(struct store *, const char *,
    const struct store_put_opt *, store_ready_fn *, void *, struct err *);
/* Takes its own reference to ${b}.  False: taken too, but wait for ready. */
bool store_put_write(struct store_put *, struct block *);
/* True: a write failed; only finish (which tells why) or abort are left. */
bool store_put_failed(struct store_put *);
/* Exactly one ${fn}; the put is gone when it is called. */
void store_put_finish(struct store_put *, store_put_fn *, void *);
/* Nothing of it stays; no callback; frees itself when the backend lets go. */
void store_put_abort(struct store_put *);
/*
 * Bytes that have left for the store, of those that were written; fewer when
 * some are sent again; -1 where that is not known.  Where it is, a put may be
 * aborted after finish, too, until it is answered; then it is not answered.
 */
int64_t store_put_moved(struct store_put *);

/* Whole object (${from} 0, ${len} -1) or a range; errors by the reader. */
struct reader *store_get(struct store *, const char *key, int64_t from,
    int64_t len);
void store_stat(struct store *, const char *, store_stat_fn *, void *);
/*
 * ${prefix} is "" or ends with '/'.  Flat: every object below it.  Else one
 * level: objects and folders.
 */
void store_list(struct store *, const char *prefix, bool is_flat,
    store_list_fn *, void *);
/* Removing what is not there is success. */
void store_remove(struct store *, const char *, store_done_fn *, void *);
/*
 * Remove what never became an object (temporary files, unfinished uploads)
 * below ${prefix} and was left by a writer that is known to be gone, or
 * untouched for ${age_ms}.  With "" only in folders in which nothing ever became
 * an object, which are nobody's; they go too.
 */
void store_sweep(struct store *, const char *prefix, int64_t age_ms,
    store_done_fn *, void *);

/*
 * --- A store on a host: a script there can write an object's bytes itself, so
 * that they do not travel here and back.
 *
 * store_host() is that host's name in "hosts", NULL for all other stores.
 * store_place() is the path of a new temporary file on the host for ${key}
 * (free() it; as the host writes it, "~/" at its start stands for the home
 * there), which the script writes.  store_adopt() then checks size and SHA-256
 * on the host and publishes it as ${key}, as store_put_finish() does, or
 * removes the file.  One that is not adopted is left to store_sweep().
 */
const char *store_host(const struct store *);
char *store_place(struct store *, const char *key, struct err *);
void store_adopt(struct store *, const char *key, const char *place,
    int64_t size, const char *sha256, store_put_fn *, void *);

/* Small objects in one call. */
void store_put_bytes(struct store *, const char *key, const void *, size_t,
    bool if_absent, store_put_fn *, void *);
typedef void store_bytes_fn(void *arg, const char *text, size_t n,
    const struct err *);
void store_get_bytes(struct store *, const char *key, size_t max,
    store_bytes_fn *, void *);

/*
 * Whether ${key} or ${prefix} may name anything in a store; for backends, which
 * answer -1 as the operation's error.  Names with FILE_TMP_MARK are taken.
 */
int store_key_check(const char *key, struct err *);
int store_prefix_check(const char *prefix, struct err *);

#endif
