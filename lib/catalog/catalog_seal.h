/*
 * catalog_seal.h - sealing with a manifest's text as it is, for a copy.
 *
 * Threads: loop thread only.
 */
#ifndef CATALOG_CATALOG_SEAL_H
#define CATALOG_CATALOG_SEAL_H

#include "catalog/catalog.h"

/* As catalog_seal(). */
void catalog_seal_text(struct store *, const char *id, const char *text, size_t,
    catalog_done_fn *, void *);

#endif
