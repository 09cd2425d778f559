/*
 * manifest.h - MANIFEST.sha256: "<64 hex>  <name>\n", sorted by name, every file
 * of the snapshot but itself and dot files.  Read and written as sha256sum and
 * shasum do.  Pure.
 */
#ifndef SNAPSHOT_MANIFEST_H
#define SNAPSHOT_MANIFEST_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

#define MANIFEST_NAME "MANIFEST.sha256"
#define MANIFEST_MAX ((size_t)8 << 20) /* Some 90,000 files. */

struct manifest_entry {
	char sha256[STR_HEX_SHA256]; /* Lower-case hex. */
	char *name;                  /* str_is_safe_path(). */
};

struct manifest {
	struct manifest_entry *entries; /* Sorted by name, no doubles. */
	size_t n;
};

struct manifest *manifest_new(void);
void manifest_free(struct manifest *);
/* Add a file; a name twice or not safe is an error. */
int manifest_add(struct manifest *, const char *name, const char *sha256,
    struct err *);
const struct manifest_entry *manifest_find(const struct manifest *,
    const char *name);
/* The text; free() it. */
char *manifest_format(const struct manifest *);
/*
 * Accepts text and binary marks, CRLF, any order; refuses escaped names, unsafe
 * names, doubles, short digests, an empty list (ERR_CORRUPT with the line).
 */
struct manifest *manifest_parse(const char *, size_t, struct err *);

#endif
