/*
 * catalog_copy.h - a sealed snapshot of one store, sent to another: a stream,
 * no temporary file.
 *
 * Threads: loop thread only; digests on ${pool}.
 *
 *	PIN      the source's snapshot is marked as being read
 *	CLAIM    its id in the target, unless it is held already
 *	SENDING  file after file, hashed against the manifest on its way
 *	PROVING  as a run does
 *	SEALING  the manifest, byte for byte the source's
 *
 * Until SEALING a failure or cancel removes from the target what was sent (when
 * this copy claimed the id itself).  A seal of unknown outcome is settled by
 * reading.  A target that has this very snapshot already is success.
 */
#ifndef CATALOG_CATALOG_COPY_H
#define CATALOG_CATALOG_COPY_H

#include "base/work.h"
#include "catalog/catalog.h"

struct catalog_copy;

enum catalog_copy_phase {
	CATALOG_COPY_PIN,
	CATALOG_COPY_CLAIM,
	CATALOG_COPY_SENDING,
	CATALOG_COPY_PROVING,
	CATALOG_COPY_SEALING
};

struct catalog_copy_opt {
	struct store *from, *to; /* Borrowed until the end. */
	struct work_pool *pool;
	const char *id;
	const char *instance, *run; /* Of the claim; "by" of the pin. */
	bool is_claimed; /* ${run} holds the id in ${to}: leftovers of its own
			    are swept, its claim stays when this fails. */
	catalog_is_final_fn *is_final; /* For catalog_claim_id(). */
	void *is_final_arg;
	int64_t min_rate, stall_ms; /* Of the target, as in stream.h. */
};

struct catalog_copy_events {
	/* It enters ${phase}; the next step is not taken before ${go}(${copy})
	 * was called, so that the phase can be made durable first.  NULL: goes
	 * on by itself. */
	void (*phase)(void *arg, enum catalog_copy_phase,
	    struct catalog_copy *);
	/* Bytes sent, or read back while proving, of ${total}. */
	void (*progress)(void *arg, int64_t bytes, int64_t total);
	/* The end: ${e} NULL when sealed; ${was_there}: had been already. */
	void (*done)(void *arg, int64_t bytes, bool was_there,
	    const struct err *e);
};

struct catalog_copy *catalog_copy(struct env *, const struct catalog_copy_opt *,
    const struct catalog_copy_events *, void *arg);
void catalog_copy_go(struct catalog_copy *);
/*
 * Give up: ${done} of the events comes, with ERR_CANCELED or, when the seal was
 * under way already, with its outcome; never from within.
 */
void catalog_copy_cancel(struct catalog_copy *);
const char *catalog_copy_word(enum catalog_copy_phase);

#endif
