/*
 * catalog_pin.h - a mark that somebody reads a snapshot in a store: retention
 * leaves it alone.
 *
 * Threads: loop thread only.  The mark is "{id}/.pin-<reader>" with {"by",
 * "at"}; it is written anew every six hours and counts for a day, so that a
 * dead reader's ends by itself.
 */
#ifndef CATALOG_CATALOG_PIN_H
#define CATALOG_CATALOG_PIN_H

#include "catalog/catalog.h"

struct catalog_pin;

/**
 * catalog_pin(store, id, by, reader, fn, arg):
 * Write the mark, then look whether the manifest is still there: ERR_NOT_FOUND
 * when it is not (the mark is taken back); ERR_BUSY while it is being written
 * there or removed.  ${by}: "verify by <instance>".  ${reader}: what the same
 * reader, and no other at the same time, is called when it begins again after a
 * crash, so that it takes back what it had left; NULL: it never does.  Where
 * nothing may be written (ERR_PERMISSION: keys for reading) the pin is one
 * without a mark, which the log says.
 * Return a pin at once, which must not be released before ${fn} was called.
 */
struct catalog_pin *catalog_pin(struct store *, const char *id, const char *by,
    const char *reader, catalog_done_fn *, void *);
/* Take the mark back and free the pin; ${fn} (may be NULL) when that is done; a
 * mark that stays ends by itself. */
void catalog_unpin(struct catalog_pin *, void (*fn)(void *), void *);

#endif
