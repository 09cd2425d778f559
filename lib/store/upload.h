/*
 * upload.h - one object on its way into a store behind HTTP: in one request,
 * or in parts of which several are in flight.
 *
 * Knows: cutting blocks into parts, digests on the pool, the window, what the
 * sizes of parts must be.  Does not know: a provider's requests (struct
 * upload_ops does).
 * Threads: loop thread only; digests are computed on lent.pool.
 *
 * An object that ends within its first part is one plain put, which is the only
 * kind that can be conditional.  Memory: at most concurrency + 1 parts; when
 * they had to grow, what 256 MiB hold and one more, or three.  Parts have equal
 * size until a twentieth of the store's limit of parts is used up; then the
 * size doubles, and again each further twentieth, so that an object of unknown
 * size never meets that limit.  With a size hint the first size stays for 1.25
 * times the hint, and is such that these take three fifths of the limit at
 * most.  Where no granule is asked for, a part ends with the block that fills
 * it.
 */
#ifndef STORE_UPLOAD_H
#define STORE_UPLOAD_H

#include "store/cloud.h"

struct upload;

enum { UPLOAD_MD5 = 1 << 0, UPLOAD_SHA256 = 1 << 1, UPLOAD_CRC32C = 1 << 2 };

struct upload_part {
	struct upload *upload;
	unsigned number; /* From 1. */
	int64_t offset, size;
	struct block **blocks; /* NULL: empty, or in the store by now. */
	size_t nblocks;
	uint8_t md5[16], sha256[32]; /* Those that ops->digests asks for. */
	uint32_t crc32c;
	bool is_last;
	char etag[132]; /* Set by the backend before it answers. */
	/* Set by the backend while one is under way; the upload cancels it.  A
	 * part under way without a call is waited for, whatever happens. */
	struct cloud_call *call;
};

struct upload_limits {
	int64_t part_min, part_max; /* The last one may be smaller. */
	/* Above 1: sizes are multiples of it, and exactly as planned. */
	int64_t granule;
	unsigned parts_max; /* 0: no limit. */
};

struct upload_ops {
	unsigned digests;                    /* Of parts and of the whole, */
	unsigned not_of_parts, not_of_whole; /* but for these. */
	bool is_sequential;                  /* One part after the other. */
	struct upload_limits limits;
	/* Each starts a request and answers once, never from within, by the
	 * function behind it, which may free the upload. */
	/* The whole object; upload_put_done(). */
	void (*put)(struct upload *, struct upload_part *);
	/* Before the first part; upload_begun(). */
	void (*begin)(struct upload *);
	/* upload_part_done(); other parts may be under way. */
	void (*part)(struct upload *, struct upload_part *);
	/* All parts are in, by number; upload_put_done(). */
	void (*complete)(struct upload *, const struct upload_part *, size_t n);
	/* Nothing of it may stay, after begin was asked for and answered, if
	 * only by an error; the upload's other calls are canceled already;
	 * upload_aborted(), also when that failed. */
	void (*abort)(struct upload *);
	/* Free the backend's struct, in which the upload is embedded. */
	void (*free)(struct upload *);
};

/* Embedded at the start of each backend's put; zero-filled. */
struct upload {
	struct store_put_base base; /* First. */
	struct cloud *cloud;
	const struct upload_ops *ops;
	char *key;
	char *tier; /* NULL: the store's own. */
	bool if_absent;
	int64_t size_hint;
	int64_t size;            /* So far; when complete: all. */
	struct cloud_call *call; /* Of put, begin, complete, as in a part. */
	/* Of the whole, from put, complete, and the last part's part on. */
	uint8_t md5[16], sha256[32];
	uint32_t crc32c;
	struct upload_work *work; /* The rest is upload.c's own. */
};

/* ${u} holds the cloud from here until ops->free. */
void upload_init(struct upload *, struct cloud *, const struct upload_ops *,
    const char *key, const struct store_put_opt *, store_ready_fn *, void *);

void upload_put_done(struct upload *, const struct store_proof *,
    const struct err *);
void upload_begun(struct upload *, const struct err *);
void upload_part_done(struct upload *, struct upload_part *,
    const struct err *);
void upload_aborted(struct upload *);
/* It failed or was aborted: a part that waits without a call gives up. */
bool upload_is_stopped(const struct upload *);

/* For store_ops.  What is to be conditional is one put of 64 MiB at most. */
bool upload_write(struct store_put *, struct block *);
bool upload_failed(struct store_put *);
void upload_finish(struct store_put *, store_put_fn *, void *);
void upload_abort(struct store_put *);
int64_t upload_moved(struct store_put *);

/* The size of part ${number} (from 1), see above; pure. */
int64_t upload_part_size(const struct upload_limits *, int64_t configured,
    int64_t size_hint, unsigned number);
/* How many parts of ${size} are under way together, see above; pure. */
size_t upload_part_window(unsigned concurrency, int64_t configured,
    int64_t size);
/* CRC-32C (Castagnoli) of more bytes; starts with 0. */
uint32_t upload_crc32c(uint32_t crc, const void *, size_t);

#endif
