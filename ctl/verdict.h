/*
 * verdict.h - the exit status that an answer deserves.
 *
 * Threads: one.
 */
#ifndef CTL_VERDICT_H
#define CTL_VERDICT_H

#include <jansson.h>

#include "words.h"

#define VERDICT_INTERRUPTED 130

/* ${end} may be NULL, as ${value}. */
int verdict_of(const struct words *, const json_t *value, const json_t *end);

#endif
