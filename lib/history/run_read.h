/*
 * run_read.h - a run of the history as a JSON object.
 *
 * Threads: as db.h.
 */
#ifndef HISTORY_RUN_READ_H
#define HISTORY_RUN_READ_H

#include <stdbool.h>

#include "history/db.h"

/**
 * run_read_all(db, where, args, full, e):
 * An array of the runs that ${where} (what follows "FROM runs") yields, in its
 * order; with config, source, details, health and steps if ${full}.
 */
json_t *run_read_all(struct db *, const char *where, const json_t *args,
    bool full, struct err *);

#endif
