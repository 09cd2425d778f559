/*
 * local.h - what is answered without the daemon.
 *
 * Threads: one.
 */
#ifndef CTL_LOCAL_H
#define CTL_LOCAL_H

#include <jansson.h>

/* The answer of "check FILE", as the daemon gives it for its own file. */
json_t *local_check(const char *path);

#endif
