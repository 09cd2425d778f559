/*
 * catalog_verify.h - is a snapshot in a store still what was sealed?
 *
 * Threads: loop thread only; digests on ${pool}.
 *
 * Plain: the manifest can be read, README.md and snapshot.json have their
 * digests, every file of the manifest is there with the size that snapshot.json
 * says.  Deep: every file is read back and hashed too, pinned meanwhile; what
 * is damaged gets the mark "{id}/.suspect" ({"by", "at", "fault"}), and a whole
 * one loses such a mark.
 */
#ifndef CATALOG_CATALOG_VERIFY_H
#define CATALOG_CATALOG_VERIFY_H

#include "base/work.h"
#include "catalog/catalog.h"

struct catalog_verify;

struct catalog_verify_opt {
	struct store *store; /* Borrowed until the end. */
	struct work_pool *pool;
	const char *id;
	const char *by;  /* For pin and mark; copied. */
	const char *run; /* For the pin, see there; may be NULL. */
	bool is_deep;
};

/* ${bytes} of ${total} to be read; plain: of the small files. */
typedef void catalog_verify_progress_fn(void *arg, int64_t bytes,
    int64_t total);

/*
 * ${answer}, owned by the callee: {"id", "store", "verdict": "ok" | "damaged",
 * "deep", "job", "as_of", "files", "bytes" (size of all files), "read" (bytes
 * read), "faults": [{"file", "fault"}]}.  NULL with ${e}: it could not be told
 * (network, not there).  Damaged is an answer, not an error.
 */
typedef void catalog_verify_fn(void *arg, json_t *answer, const struct err *);

struct catalog_verify *catalog_verify(struct env *,
    const struct catalog_verify_opt *, catalog_verify_progress_fn *,
    catalog_verify_fn *, void *);
/* ${fn} of catalog_verify() does not come; ${done} when nothing of it is left
 * (the pin). */
void catalog_verify_cancel(struct catalog_verify *, void (*done)(void *),
    void *);

#endif
