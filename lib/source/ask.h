/*
 * ask.h - one HTTP GET, from here or from the source's host, whose services
 * often listen on its loopback only.
 *
 * Knows: both ways.  Does not know: what the answers mean.
 * Threads: loop thread only.
 */
#ifndef SOURCE_ASK_H
#define SOURCE_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "source/source.h"

struct ask;

struct ask_opt {
	struct http *http; /* Borrowed; for asking from here. */
	struct host *host; /* Borrowed; NULL: ask from here. */
	const char *url;
	const char *const *headers; /* "Name: value", NULL at the end. */
	int64_t wait_ms;
};

/* ${status} 0 and ${e} set: no answer. */
typedef void ask_fn(void *arg, long status, const char *body,
    const struct err *e);

/* Always starts; ${fn} comes once, never from within. */
struct ask *ask_start(const struct ask_opt *, ask_fn *, void *);
void ask_cancel(struct ask *); /* No callback any more; accepts NULL. */
/* Whether the URL names the machine on which it is asked. */
bool ask_is_loopback(const char *url);

#endif
