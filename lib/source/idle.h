/*
 * idle.h - is LightRAG's indexing idle?  Ends well when two polls in a row,
 * some seconds apart, say so for every workspace.
 *
 * Knows: GET /documents/pipeline_status.  An absent newer field counts as
 * false; an answer without "busy" says nothing.
 * Threads: loop thread; the key's file is read off it.
 */
#ifndef SOURCE_IDLE_H
#define SOURCE_IDLE_H

#include <jansson.h>
#include <stdbool.h>

#include "source/source.h"

struct idle;

/**
 * idle_start(senv, host, cfg, is_again, fn, arg):
 * Wait as ${cfg}, "source.idle", says; all borrowed.  ${is_again}: it was idle
 * a moment ago, so one poll that still says so is enough.  ERR_BUSY when it
 * stays busy; when the server does not tell, ${cfg}'s when_unknown decides
 * between a warning and ERR_MISSING.
 */
struct idle *idle_start(const struct source_env *, struct host *,
    const json_t *cfg, bool is_again, source_done_fn *, void *);
void idle_free(struct idle *); /* No callback any more; accepts NULL. */

#endif
