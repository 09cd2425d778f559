/*
 * gcs.h - the store for Google Cloud Storage, by its JSON API.
 *
 * gcs.c        opening, URLs, signing
 * gcs_cred.c   credentials: who is asked for a token; gcs_grant.c signs
 *              the question of a service account
 * gcs_fault.c  what an answer means
 * gcs_object.c one object: what is told of it, stat, remove
 * gcs_put.c    an object in one request, or as a session; gcs_piece.c sends
 *              the session's parts, gcs_session.c has its URI
 * gcs_get.c    ranges; gcs_list.c lists; gcs_check.c whether it can be used;
 *              gcs_sweep.c what is left of uploads
 *
 * Internal to the room.  Threads: loop thread only; keys are read, and signed
 * with, on lent.pool.
 *
 * The version of an object is its generation.  Proofs are "crc32c", the store's
 * own checksum, in hex.
 */
#ifndef STORE_GCS_H
#define STORE_GCS_H

#include "store/cloud.h"
#include "store/download.h"
#include "store/upload.h"

extern const struct store_ops gcs_ops;

#define GCS_ENDPOINT "https://storage.googleapis.com"

/* Kinds of calls, see struct cloud_req. */
enum gcs_what {
	GCS_LIST,
	GCS_STAT,
	GCS_GET,
	GCS_REMOVE,
	GCS_PUT,
	GCS_BEGIN,  /* A session. */
	GCS_PIECE,  /* Of a session's bytes. */
	GCS_STATUS, /* How many of them are there. */
	GCS_CANCEL
};

struct gcs {
	struct cloud cloud;  /* First. */
	char *bucket;        /* Encoded. */
	char *storage_class; /* NULL: the bucket's own. */
	bool is_custom;      /* Not Google's own endpoint. */
	bool lacks_if_absent;
	char *account;  /* Path of a key file; NULL: the metadata server. */
	char *metadata; /* Its "host:port". */
	bool has_metadata;
	char *token; /* NULL: none yet, or nobody wants one. */
};

struct gcs *gcs_of(struct cloud *);
/* "/storage/v1/b/BUCKET/o/KEY" for ${key} below the prefix; free() it. */
char *gcs_path(struct gcs *, const char *key);
/* Where objects are sent to; free() it. */
char *gcs_upload_path(struct gcs *);
/* The name in the bucket, not encoded; free() it. */
char *gcs_name(struct gcs *, const char *key);

/* What the store tells of an object. */
struct gcs_object {
	int64_t size;
	int64_t mtime_ms;    /* 0: not told. */
	char crc32c[9];      /* Hex; "": not told. */
	char md5[33];        /* Hex; "": not told. */
	char generation[24]; /* "": not told. */
};
#define GCS_FIELDS "size,generation,crc32c,md5Hash,timeCreated"
int gcs_object_read(const struct http_answer *, struct gcs_object *,
    struct err *);
/*
 * Whether it is what ${u} has sent, as far as ${crc32c} and ${md5} (NULL: not
 * known) tell: -1 and ERR_CORRUPT.
 */
int gcs_object_check(const struct gcs_object *, int64_t size, uint32_t crc32c,
    const uint8_t *md5, struct err *);
/* Remove just that generation; always starts, ${fn} comes once. */
struct cloud_call *gcs_remove_generation(struct gcs *, const char *key,
    const char *generation, cloud_fn *, void *);

/* One name of the bucket at most: whether it can be reached. */
struct cloud_call *gcs_reach(struct gcs *, cloud_fn *, void *);

/*
 * A body of multipart/related: what is said of the object, then its bytes.
 * ${type} is the content type of the whole, ${blocks} nblocks + 2 references.
 */
struct gcs_body {
	char type[96];
	struct block **blocks;
	size_t nblocks;
};
void gcs_body_init(struct gcs_body *, struct env *, const json_t *meta,
    struct block *const *, size_t);
void gcs_body_done(struct gcs_body *);
/* What is said of ${key}: its name, its class.  ${tier} may be NULL. */
json_t *gcs_meta(struct gcs *, const char *key, const char *tier);
/* In base64, as the store writes it: CRC-32C big-endian. */
void gcs_crc32c_text(uint32_t, char out[12]);

/* --- A put, as gcs_put.c, gcs_piece.c and gcs_session.c share it. */
struct gcs_put {
	struct upload up; /* First. */
	/* A credential by itself: never in a log or an error. */
	char *session;
	struct gcs_object made;  /* The answer to its end. */
	bool is_made, was_ended; /* By the answer; the last piece was sent. */

	/* The part under way. */
	struct upload_part *part;
	int64_t at; /* Up to where the store has it. */
	unsigned tries;
	int64_t since_ms; /* Of the last progress, monotonic. */
	struct err err;   /* Why it is tried again, or failed. */
	bool must_ask;    /* It is not known how much the store has. */
	struct env_timer *timer;
};

/* upload_ops.part */
void gcs_piece(struct upload *, struct upload_part *);
/*
 * The URI in an answer; with an endpoint that is not Google's own, at that
 * endpoint: emulators and proxies name one that is theirs.  free() it.
 */
char *gcs_session_uri(struct gcs *, const struct http_answer *, struct err *);
/* How many bytes an answer 308 says are there; -1: it makes no sense. */
int64_t gcs_session_stored(const struct http_answer *);
/* upload_ops.abort */
void gcs_session_abort(struct upload *);

/* For cloud_ops. */
void gcs_authorize(struct cloud *, cloud_auth_fn *, void *);
enum cloud_verdict gcs_judge(struct cloud *, const struct cloud_req *,
    const struct http_answer *, struct cloud_fault *);
/* What gcs_judge() calls a session that is no more. */
#define GCS_LOST "sessionLost"

/* For store_ops. */
void gcs_check(struct store *, store_done_fn *, void *);
struct store_put *gcs_put_open(struct store *, const char *,
    const struct store_put_opt *, store_ready_fn *, void *, struct err *);
struct reader *gcs_get(struct store *, const char *, int64_t, int64_t);
void gcs_stat(struct store *, const char *, store_stat_fn *, void *);
void gcs_list(struct store *, const char *, bool, store_list_fn *, void *);
void gcs_remove(struct store *, const char *, store_done_fn *, void *);
void gcs_sweep(struct store *, const char *, int64_t, store_done_fn *, void *);

#endif
