/*
 * catalog_copy_int.h - what the files of a copy share.
 *
 * catalog_copy.c has the phases and the end, catalog_copy_to.c the target's
 * folder, catalog_copy_send.c the bytes.  Each step ends by copy_enter(),
 * copy_fail() or copy_finish(); copy_goes_on() comes first after each answer.
 */
#ifndef CATALOG_CATALOG_COPY_INT_H
#define CATALOG_CATALOG_COPY_INT_H

#include "catalog/catalog_copy.h"
#include "catalog/catalog_pin.h"
#include "catalog/catalog_read.h"
#include "catalog/hold.h"
#include "stream/stream.h"

struct catalog_copy {
	struct env *env;
	struct catalog_copy_opt opt; /* Its strings are the copy's. */
	struct catalog_copy_events ev;
	void *arg;
	enum catalog_copy_phase phase;
	bool is_waiting; /* For catalog_copy_go(). */
	struct defer *step;
	struct catalog_pin *pin;
	struct catalog_snapshot *s; /* The source's. */
	struct hold *hold;          /* The target's. */
	struct catalog_folder *to;  /* The target's, while it is looked at. */
	bool has_claimed;           /* The id, by itself. */
	bool has_sent;              /* Something may be in the target. */
	bool is_sealing;            /* No way back. */
	struct catalog_file *files; /* In the order of sending. */
	struct store_proof *proofs;
	size_t n, at;
	struct stream *stream;
	struct catalog_prove *prove;
	struct env_timer *timer;
	int64_t bytes, total; /* Of this phase. */
	int64_t sent;
	bool was_there;
	bool is_canceled;
	bool is_ending;
	struct err err;
};

/* False: it was canceled or ${e} is an error, and it ends. */
bool copy_goes_on(struct catalog_copy *, const struct err *e);
void copy_enter(struct catalog_copy *, enum catalog_copy_phase);
void copy_fail(struct catalog_copy *, const struct err *e);
void copy_finish(struct catalog_copy *); /* The snapshot is in the target. */
void copy_tell(struct catalog_copy *);
/* The source's copy is not what was sealed: mark it, then fail. */
void copy_damaged(struct catalog_copy *, const char *file, const char *fault);

/* Steps. */
void copy_claim(struct catalog_copy *);
void copy_plan(struct catalog_copy *); /* Once the source was read. */
void copy_send(struct catalog_copy *);
void copy_prove(struct catalog_copy *);
void copy_seal(struct catalog_copy *);
/* Take back what was sent; ${fn}(${c}) afterwards. */
void copy_undo(struct catalog_copy *, catalog_done_fn *fn);

#endif
