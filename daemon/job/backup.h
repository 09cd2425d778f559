/*
 * backup.h - the backup machine: one table for every source.
 *
 *	QUEUED -> PREPARE -> QUIESCE -> CAPTURE -> RESUME -> TRANSFER -> DONE
 *	             |          |          |          |          |  \--> PARTIAL
 *	             +----------+----------+-- UNDO --+----------+
 *	                                        |
 *	                                        +--> FAILED | CANCELED
 *
 *	per store, from TRANSFER on:
 *	SENDING -> PROVING -> SEALING -> SEALED -> PRUNED, or DROPPED
 *
 * Knows: the order, what a failure in each state means, what is owed.  Does not
 * know: how a source or a store does its work.
 * Threads: loop thread only.
 */
#ifndef DAEMON_JOB_BACKUP_H
#define DAEMON_JOB_BACKUP_H

#include <jansson.h>
#include <stdint.h>

#include "job/run.h"

/* A new run; ${frozen} is taken over. */
struct run *backup_new(struct daemon *, int64_t id, const char *uuid,
    json_t *frozen);

/*
 * A run that a dead daemon left, from its row as history_run_get() has it
 * (borrowed).  start() gives back or carries on, by the row of its state.
 */
struct run *backup_revive(struct daemon *, const json_t *row, struct err *);

/* Tell a revived run of a debt in its name; it settles it when it can. */
void backup_owes(struct run *, const char *kind, int64_t debt);

#endif
