/*
 * progress.h - how a run goes, while somebody watches.
 *
 * On a terminal one line that is drawn again and again: phase, bar, bytes,
 * rate, time left.  Elsewhere plain lines: one for each change of state and
 * every ten seconds.
 * Threads: one.
 */
#ifndef CTL_PROGRESS_H
#define CTL_PROGRESS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/env.h"

struct progress;

/* What a line tells. */
struct progress_view {
	int64_t run;
	const char *job;
	const char *step;
	int64_t bytes; /* -1: none known, as total. */
	int64_t total;
	double rate; /* Bytes a second; 0: not known yet. */
	int64_t elapsed_ms;
};

/* Append the line for a terminal ${columns} wide, never longer. */
void progress_format(const struct progress_view *, size_t columns,
    struct buf *);

/* Draw on descriptor ${fd} (-1: nowhere); ${is_terminal} says how. */
struct progress *progress_new(struct env *, int fd, bool is_terminal);
/* One event of runner_watch(). */
void progress_event(struct progress *, const json_t *);
/* The terminal has another size. */
void progress_resized(struct progress *);
/* The number of the run, once known; else 0. */
int64_t progress_run(const struct progress *);
/* Leave the terminal as it was. */
void progress_free(struct progress *);

#endif
