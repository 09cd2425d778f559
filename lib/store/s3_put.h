/*
 * s3_put.h - what the files of one put share; nobody else includes it.
 *
 * s3_put.c       opening, one request, what goes wrong
 * s3_parts.c     beginning, parts, giving up
 * s3_complete.c  making one object of the parts
 * Threads: loop thread only.
 */
#ifndef STORE_S3_PUT_H
#define STORE_S3_PUT_H

#include "store/s3.h"

struct s3_put {
	struct upload up; /* First. */
	char *path;
	char *id; /* Of the upload in parts; NULL: not begun. */
	unsigned begins;
	int64_t begin_until_ms; /* Monotonic. */
	/* Every part's ETag was its MD5: so the whole's is one of these. */
	bool has_md5s;
	size_t nparts;
	char composite[S3_ETAG_MAX]; /* What the whole's ETag then is. */
	bool is_completing;
	struct store_proof proof; /* While the object is looked at. */
	struct err err;           /* Or taken away again. */
};

/* Headers of one request, their values too. */
struct s3_headers {
	struct cloud_pair pairs[8];
	size_t n;
	char checksum[64];
};

struct s3_put *s3_put_of(struct upload *);
struct s3 *s3_put_store(const struct s3_put *);
void s3_headers_add(struct s3_headers *, const char *name, const char *value);
/* How it is to be kept: storage class, encryption. */
void s3_headers_keep(struct s3_headers *, const struct s3_put *);
/* "x-amz-checksum-..." of ${part}, where it is asked for. */
void s3_headers_checksum(struct s3_headers *, const struct s3_put *,
    const struct upload_part *);
/* The checksum's value as in headers; false: none is asked for. */
bool s3_checksum(const struct s3 *, const struct upload_part *, char out[64]);
/* As in "x-amz-checksum-algorithm"; NULL: none. */
const char *s3_checksum_name(const struct s3 *);

/* The object is not what was sent: take it away, then answer ${e}. */
void s3_put_condemn(struct s3_put *, const struct err *e);

/* s3_parts.c, s3_complete.c: for upload_ops. */
void s3_put_begin(struct upload *);
void s3_put_part(struct upload *, struct upload_part *);
void s3_put_complete(struct upload *, const struct upload_part *, size_t n);
void s3_put_abort(struct upload *);

/*
 * Look whether the object that lies there is the one that these parts make;
 * ${fn} is called by HEAD's answer, and is to ask s3_put_is_ours() about it.
 */
struct cloud_call *s3_put_look(struct s3_put *, cloud_fn *fn);
bool s3_put_is_ours(const struct s3_put *, const struct http_answer *,
    char etag[S3_ETAG_MAX]);

#endif
