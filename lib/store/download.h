/*
 * download.h - a reader of an object in a store behind HTTP, in ranges of which
 * several are under way, each taken up again where it broke off.
 *
 * Knows: ranges, their order, resuming, that all are of one version of the
 * object.  Does not know: a provider's requests (struct download_ops does).
 * Threads: loop thread only.  Memory: concurrency times 4 MiB at most; of an
 * object of 64 MiB or more 8 MiB for each of up to three ranges.
 *
 * The first range tells the object's size and version; the others ask for that
 * version.  A range that breaks off is asked for again from its next byte, as
 * long as bytes come at all within cfg "retry_for".  An object that changed
 * meanwhile is ERR_CORRUPT; one that is not there ERR_NOT_FOUND.
 */
#ifndef STORE_DOWNLOAD_H
#define STORE_DOWNLOAD_H

#include "store/cloud.h"

/* Bytes ${from} to ${to} inclusive of ${key}. */
struct download_range {
	const char *key;
	int64_t from, to;
	const char *version; /* NULL: any; else only that one. */
	bool (*on_block)(void *arg, struct block *);
	void *arg; /* Of on_block and the callback. */
};

struct download_ops {
	/* As cloud_start().  416 is judged to be ERR_LIMIT, a version that has
	 * gone ERR_CONFLICT. */
	struct cloud_call *(*range)(struct cloud *,
	    const struct download_range *, cloud_fn *);
	/* Version (ETag, generation) of what an answer is about; "" if it does
	 * not tell. */
	void (*version)(struct cloud *, const struct http_answer *, char *out,
	    size_t size);
};

/* For store_ops.get: from ${from} on ${len} bytes, -1: to the end.  Asking for
 * more than there is yields what there is. */
struct reader *download_new(struct cloud *, const struct download_ops *,
    const char *key, int64_t from, int64_t len);

#endif
