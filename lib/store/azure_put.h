/*
 * azure_put.h - one object on its way up; between azure_put.c and
 * azure_commit.c.
 *
 * Threads: loop thread only.
 */
#ifndef STORE_AZURE_PUT_H
#define STORE_AZURE_PUT_H

#include "store/azure.h"
#include "store/upload.h"

struct azure_put {
	struct upload up; /* First. */
	char *path;
	char run[ENV_UUID_SIZE]; /* In the blob's metadata. */
	char salt[AZURE_BLOCK_SALT + 1];
	bool has_blocks, has_refused; /* What became of blocks so far. */
	struct defer *begun;
	struct azure_unstage *unstage;
	/* Of the commit: */
	const struct upload_part *parts; /* Borrowed of the upload. */
	size_t nparts;
	struct err err;   /* Of the last attempt. */
	int64_t since_ms; /* When the first one failed; 0: none has. */
	unsigned attempts;
	struct env_timer *timer;
	char etag[132];
};

struct azure_put *azure_put_of(struct upload *);
/* Tier, condition, metadata and MD5 of what becomes the blob. */
#define AZURE_PUT_HEADERS 5
size_t azure_put_headers(struct azure_put *, char md5[32],
    struct cloud_pair out[AZURE_PUT_HEADERS]);

/* For upload_ops. */
void azure_commit(struct upload *, const struct upload_part *, size_t);

/* Whether ${answer}, of Get Block List, tells of just these blocks. */
int azure_blocks_check(const char *answer, size_t len,
    const struct upload_part *, size_t n, struct err *);

#endif
