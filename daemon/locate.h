/*
 * locate.h - which stores hold which snapshots: what each says, merged.
 *
 * Knows: asking stores at the same time.  Does not know: what is done with it.
 * Threads: loop thread only.
 */
#ifndef DAEMON_LOCATE_H
#define DAEMON_LOCATE_H

#include <jansson.h>

#include "base/err.h"

struct daemon;

struct locate_opt {
	const json_t *root; /* Sections "stores" and "hosts"; referenced. */
	const char *store;  /* NULL: all. */
	const char *job;    /* NULL: of all jobs. */
	const char *id;     /* A valid one; NULL: all. */
};

/*
 * ${found}, newest first: [{"snapshot", "job", "as_of", "created", "size",
 * "artifacts", "run", "instance", "legacy", "requires", "stores": [{"store",
 * "suspect", "pinned_by", "error"}]}]; two stores hold the same one when id, job
 * and run agree.  ${errors}: [{"store", "code", "error"}] of stores that could
 * not be read.  Both are owned by the callee.
 */
typedef void locate_fn(void *arg, json_t *found, json_t *errors);

/* Always starts; one ${fn}, never from within. */
void locate_snapshots(struct daemon *, const struct locate_opt *, locate_fn *,
    void *);

#endif
