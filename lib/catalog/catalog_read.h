/*
 * catalog_read.h - what a snapshot consists of, for the rest of the room.
 *
 * Threads: loop thread only.  Nothing of it is trusted before it is checked.
 */
#ifndef CATALOG_CATALOG_READ_H
#define CATALOG_CATALOG_READ_H

#include "catalog/catalog_look.h"

#define CATALOG_DESCRIPTION_MAX ((size_t)4 << 20)

struct catalog_snapshot {
	struct catalog_folder *folder; /* NULL: it could not be read. */
	char *text;                    /* The manifest's, as it is there. */
	size_t text_len;
	struct manifest *manifest; /* NULL: it could not be read. */
};

/*
 * Look into "{id}/" and read the manifest.  ${s} is always there and owned by
 * the callee.  ERR_NOT_FOUND: no snapshot; ERR_CORRUPT: a malformed manifest.
 */
typedef void catalog_read_fn(void *arg, struct catalog_snapshot *s,
    const struct err *);
void catalog_read(struct store *, const char *id, catalog_read_fn *, void *);
void catalog_snapshot_free(struct catalog_snapshot *); /* Accepts NULL. */

/* The manifest's file number ${i} in the folder; NULL: missing. */
const struct catalog_file_seen *
catalog_snapshot_file(const struct catalog_snapshot *, size_t i);
/* What all files of the manifest weigh, at most INT64_MAX.  ERR_CORRUPT: one is
 * missing, or more than that. */
int catalog_snapshot_size(const struct catalog_snapshot *, int64_t *,
    struct err *);

/*
 * A snapshot.json that was read for it: its digest, its form, and whether it
 * says what the manifest and the folder say.  ERR_CORRUPT names what differs.
 * ${description} is set (owned by the caller) as soon as it is known to be
 * this snapshot's, also when -1 is returned then.
 */
int catalog_snapshot_describe(const struct catalog_snapshot *, const char *,
    size_t, json_t **description, struct err *);

/* SHA-256 of a small text, in hex. */
void catalog_sha256(const char *, size_t, char hex[STR_HEX_SHA256]);

#endif
