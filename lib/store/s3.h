/*
 * s3.h - the store for Amazon S3 and what speaks like it.
 *
 * s3.c        opening, addressing, signing
 * s3_check.c  reaching the bucket, finding out what it can
 * s3_cred*.c  credentials: given ones, Amazon's files, token services
 * s3_put.c    objects in one request; s3_parts.c in parts, s3_complete.c
 *             how those end
 * s3_abort.c  and how they do not
 * s3_get.c    ranges of objects
 * s3_list.c   lists
 * s3_object.c one object: stat, remove
 * s3_sweep.c  uploads that nobody finished
 * s3_fault.c  what an answer means
 *
 * Internal to the room.  Threads: loop thread only.
 */
#ifndef STORE_S3_H
#define STORE_S3_H

#include "store/cloud.h"
#include "store/download.h"
#include "store/s3_cred.h"
#include "store/upload.h"

extern const struct store_ops s3_ops;

/* Kinds of calls, see struct cloud_req. */
enum s3_what {
	S3_GET,
	S3_HEAD,
	S3_PUT,
	S3_PUT_IF, /* If absent. */
	S3_REMOVE,
	S3_LIST,
	S3_BEGIN, /* Of an upload in parts. */
	S3_PART,
	S3_COMPLETE,
	S3_ABORT,
	S3_UPLOADS, /* Those that are unfinished. */
	S3_PARTS
};

enum s3_checksum { S3_CHECKSUM_NONE, S3_CHECKSUM_CRC32C, S3_CHECKSUM_SHA256 };

struct s3 {
	struct cloud cloud; /* First. */
	char *bucket;
	char *region;
	char *host; /* As it stands in the header. */
	bool is_virtual;
	const char *storage_class, *sse, *sse_kms_key_id; /* Of cfg, or NULL. */
	enum s3_checksum checksum;
	bool is_probed;
	bool has_if_absent;
	struct s3_keys keys;
	enum s3_cred_from keys_from;
};

struct s3 *s3_of(struct cloud *);

#define S3_ETAG_MAX 132

/* The path on the wire of ${key} below the prefix, of the bucket when NULL. */
char *s3_path(const struct s3 *, const char *key);
/* The answer's ETag as it stands; false: it has none. */
bool s3_etag(const struct http_answer *, char out[S3_ETAG_MAX]);
/* Without quotes, in place. */
void s3_etag_bare(char *);
/* 32 hex digits; those with "-N" behind them. */
bool s3_etag_is_md5(const char *bare);
bool s3_etag_is_composite(const char *bare);
/* Whether the answer's ETag cannot be an MD5: it was encrypted with a key that
 * the provider does not tell. */
bool s3_is_sealed(const struct http_answer *);

/* --- s3_fault.c */
enum cloud_verdict s3_judge(struct cloud *, const struct cloud_req *,
    const struct http_answer *, struct cloud_fault *);

/* --- s3_check.c */
void s3_check(struct store *, store_done_fn *, void *);

/* --- s3_put.c */
struct store_put *s3_put_open(struct store *, const char *,
    const struct store_put_opt *, store_ready_fn *, void *, struct err *);

/* --- s3_get.c, s3_object.c, s3_list.c */
struct reader *s3_get(struct store *, const char *, int64_t, int64_t);
void s3_stat(struct store *, const char *, store_stat_fn *, void *);
void s3_remove(struct store *, const char *, store_done_fn *, void *);
void s3_list(struct store *, const char *, bool, store_list_fn *, void *);

/* The text of ${what} in ${entry}, written as ${page} says that it writes
 * names; free() it.  NULL: absent or malformed. */
struct xml;
char *s3_list_name(const struct xml *page, const struct xml *entry,
    const char *what);

/* --- s3_sweep.c */
void s3_sweep(struct store *, const char *, int64_t, store_done_fn *, void *);
/* Abort all unfinished uploads of just this ${key}. */
void s3_sweep_key(struct s3 *, const char *key, store_done_fn *, void *);

/* --- s3_abort.c */
/*
 * Abort upload ${id} of ${key} until the store no longer knows it, as parts
 * that were on their way may come in after the first time.  ERR_NOT_FOUND when
 * it never did: it was completed, or has gone already.
 */
void s3_abort(struct s3 *, const char *key, const char *id, store_done_fn *,
    void *);
/* How long each step of it is tried again: whoever gives up wants an end of
 * it, and the next sweep comes. */
int64_t s3_abort_patience(const struct s3 *);

#endif
