/*
 * catalog_remove.h - removing, for the rest of the room: by somebody who holds
 * the id, and of all but the claims.
 *
 * Threads: loop thread only.
 */
#ifndef CATALOG_CATALOG_REMOVE_H
#define CATALOG_CATALOG_REMOVE_H

#include "catalog/catalog.h"

enum catalog_remove_what {
	CATALOG_REMOVE_ALL,
	CATALOG_REMOVE_FILES /* Claims stay, also those of others. */
};

/* As catalog_remove(); ${owner} as in hold.h.  ERR_BUSY: held by another. */
void catalog_remove_as(struct store *, const char *id, const char *owner,
    enum catalog_remove_what, catalog_done_fn *, void *);

#endif
