/*
 * catalog.h - which proven snapshots a store holds, and how one comes to be.
 *
 * Knows: the layout "{id}/...", claims, manifests as the only commit, garbage,
 * retention applied to a store.  Does not know: runs' states, schedules,
 * sources.
 * Threads: loop thread only.  Every call starts and is answered once, never
 * from within; ${store} is borrowed until the answer.
 *
 * A snapshot without its manifest does not exist: not listed, not counted.
 * Removing one removes the manifest first and confirms that it is gone.
 */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "snapshot/id.h"
#include "snapshot/manifest.h"
#include "snapshot/retention.h"
#include "store/store.h"

/*
 * Marks beside a snapshot's files: "{id}/.claim" ({"instance", "run", "at"}),
 * "{id}/.suspect" (failed a later verify), and one "{id}/.pin-<reader>" ({"by",
 * "at"}) for each reader, good for a day.
 */
#define CATALOG_CLAIM_NAME ".claim"

typedef void catalog_done_fn(void *arg, const struct err *);

/**
 * catalog_claim(env, stores, n, instance, run, fn, arg):
 * Claim one id for the present instant in all ${n} stores by a put, if absent,
 * of "{id}/.claim" ({"instance", "run", "at"}).  One that is taken anywhere
 * ("-2" ... in that case) is given back everywhere.  A store that fails
 * otherwise is left out and named in ${errs}[i] (code ERR_NONE for one that
 * took part); ${e} is set when none took part.
 */
typedef void catalog_claim_fn(void *arg, const char *id, const struct err *errs,
    const struct err *e);
void catalog_claim(struct env *, struct store *const *, size_t n,
    const char *instance, const char *run, catalog_claim_fn *, void *);

/**
 * catalog_list(store, job, fn, arg):
 * All snapshots with a manifest, newest first, of ${job} (and those of which it
 * cannot be told, "job": null: legacy, unreadable) or of all jobs when NULL: a
 * JSON array (owned by the callee of ${fn}) of {"id", "job", "as_of",
 * "created", "size", "artifacts", "run", "instance", "legacy", "suspect",
 * "pinned_by", "requires", "error", "error_code"}.  "legacy": no snapshot.json.
 * "error": a snapshot.json or manifest that cannot be read or is malformed, a
 * file that is missing; such a one counts for nothing and is never deleted.
 * Ids that are foreign are skipped.
 */
typedef void catalog_list_fn(void *arg, json_t *list, const struct err *);
void catalog_list(struct store *, const char *job, catalog_list_fn *, void *);

/**
 * catalog_find(store, id, job, fn, arg):
 * As catalog_list(), of this ${id} (valid) alone: no other folder is looked at.
 * The list is empty when there is no such snapshot.
 */
void catalog_find(struct store *, const char *id, const char *job,
    catalog_list_fn *, void *);

/**
 * catalog_claim_id(env, store, id, instance, run, is_final, is_final_arg, fn,
 * arg):
 * Claim this very ${id} in one store, for a copy of a snapshot others have.
 * What is left there by a run of this ${instance} that ${is_final} answers true
 * for is removed first.  ERR_EXISTS: a snapshot stands there; ERR_CONFLICT:
 * somebody else holds it; ERR_BUSY: within this process it is being written or
 * removed, for longer than some seconds.
 */
typedef bool catalog_is_final_fn(void *arg, const char *run);
void catalog_claim_id(struct env *, struct store *, const char *id,
    const char *instance, const char *run, catalog_is_final_fn *, void *,
    catalog_done_fn *, void *);

/**
 * catalog_prove(store, id, files, n, progress, fn, arg):
 * Prove every file of snapshot ${id} in ${store} against what was sent: its
 * size, and
 * - the store's own digest where it tells one of the put's kind; or
 * - the store's name for this version, when the put says that every byte was
 *   checked on its way in and that it is called so; or
 * - its SHA-256, read back and hashed.
 * ERR_CORRUPT names the first file that differs.  The returned proof can be
 * given up with catalog_prove_cancel() until ${fn} is called; then ${done}(arg)
 * comes instead, never from within, once ${store} is not used any more.
 */
struct catalog_prove;
struct catalog_file {
	const char *name; /* Below "{id}/". */
	int64_t size;
	const char *sha256;              /* Hex of the stored bytes. */
	const struct store_proof *proof; /* From the put; may be NULL. */
};
typedef void catalog_progress_fn(void *arg, int64_t bytes);
struct catalog_prove *catalog_prove(struct store *, const char *id,
    const struct catalog_file *, size_t n, catalog_progress_fn *,
    catalog_done_fn *, void *);
void catalog_prove_cancel(struct catalog_prove *, void (*done)(void *),
    void *arg);

/**
 * catalog_seal(store, id, manifest, fn, arg):
 * Write the manifest, if absent: the commit.  An unknown outcome is settled by
 * reading: equal text is success.  Another text is ERR_CONFLICT.
 */
void catalog_seal(struct store *, const char *id, const struct manifest *,
    catalog_done_fn *, void *);

/* Whether the manifest of ${id} is there: no error, ERR_NOT_FOUND, trouble. */
void catalog_is_sealed(struct store *, const char *id, catalog_done_fn *,
    void *);

/* Remove a snapshot, or what is left of one: manifest, confirm, the rest,
 * claim last.  ERR_BUSY: it is being copied there or removed already. */
void catalog_remove(struct store *, const char *id, catalog_done_fn *, void *);

/**
 * catalog_prune(env, store, job, policy, is_dry_run, fn, arg):
 * Apply retention to the proven snapshots of ${job}.  The answer is a JSON
 * array (owned by the callee) of {"id", "as_of", "verdict", "reason",
 * "deleted", "error"} for each.  Pins are looked at again before each deletion;
 * the newest goes first, so that nothing is left without what it requires.
 * Legacy snapshots and those of other jobs are not touched; a malformed one is
 * skipped and counts for nothing.  While one cannot be read, what it requires
 * is not known: nothing is deleted, its error is the answer.  One that the
 * store refuses to delete (ERR_PERMISSION: locked, immutable) is skipped.
 */
void catalog_prune(struct env *, struct store *, const char *job,
    const struct retention_policy *, bool is_dry_run, catalog_list_fn *,
    void *);

/**
 * catalog_collect(env, store, instance, is_final, gc_age_ms, fn, arg):
 * Remove garbage: id-shaped folders without a manifest whose claim is of this
 * ${instance} and whose run ${is_final} answers true for, or whose claim is of
 * this instance and that were untouched for ${gc_age_ms}.  Everything else is
 * foreign and stays.  Temporary files of that age go as well where the claim is
 * ours.  ${is_final} gets ${arg} too.  The answer lists what went: {"id", "run",
 * "reason", "deleted", "error"}.
 */
void catalog_collect(struct env *, struct store *, const char *instance,
    catalog_is_final_fn *, int64_t gc_age_ms, catalog_list_fn *, void *);

#endif
