/*
 * tarhead.h - one header block of a tar, and the records of a pax header.
 *
 * Knows: fields, numbers, checksums.  Does not know: the order of blocks.
 * Threads: any; pure.
 */
#ifndef STREAM_TARHEAD_H
#define STREAM_TARHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define TAR_BLOCK ((size_t)512)
#define TAR_NAME_MAX (256 + 1) /* prefix, '/', name, NUL. */

struct tarhead {
	char type;
	int64_t size;
	bool is_extended; /* Old GNU sparse: more blocks follow. */
	char name[TAR_NAME_MAX];
};

bool tarhead_is_zero(const uint8_t block[TAR_BLOCK]);
/* ERR_CORRUPT without the place, which the caller knows. */
int tarhead_parse(const uint8_t block[TAR_BLOCK], struct tarhead *,
    struct err *);

/* What a pax header says of the next member; other keys are not for us. */
struct tarpax {
	bool has_path, has_size, is_sparse;
	struct buf path;
	int64_t size;
};

int tarpax_parse(const char *, size_t, struct tarpax *, struct err *);
void tarpax_clear(struct tarpax *); /* Keeps memory. */
void tarpax_done(struct tarpax *);

#endif
