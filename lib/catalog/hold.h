/*
 * hold.h - within this process, who may take things out of a snapshot's folder
 * and put others in.
 *
 * Between looking at leftovers and removing them, nobody else here begins
 * anew under the same id; other processes are kept away by claims.  Between
 * looking for readers and removing, nobody else here begins to read; one of
 * another process may, and meets what is gone as anybody does.
 * Threads: loop thread only.
 */
#ifndef CATALOG_HOLD_H
#define CATALOG_HOLD_H

#include "catalog/catalog.h"

struct hold;

/* NULL: held by another.  ${owner} may hold it several times; NULL never. */
struct hold *hold_take(const struct store *, const char *id, const char *owner);
void hold_free(struct hold *); /* Accepts NULL. */

/* As hold_take(), with some patience; ${h} NULL: ERR_BUSY. */
typedef void hold_fn(void *arg, struct hold *h, const struct err *);
void hold_wait(struct env *, const struct store *, const char *id,
    const char *owner, hold_fn *, void *);

#endif
