/*
 * catalog_suspect.h - the mark on a snapshot that failed a check: it counts for
 * nothing any more, and is kept for whoever looks into it.
 *
 * Threads: loop thread only.
 */
#ifndef CATALOG_CATALOG_SUSPECT_H
#define CATALOG_CATALOG_SUSPECT_H

#include "catalog/catalog.h"

/* "{id}/.suspect": {"by", "at", "fault"}. */
void catalog_suspect_mark(struct store *, const char *id, const char *by,
    const char *fault, catalog_done_fn *, void *);
/* It was whole after all; no mark is success. */
void catalog_suspect_clear(struct store *, const char *id, catalog_done_fn *,
    void *);

#endif
