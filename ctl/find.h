/*
 * find.h - where the daemon's socket is.
 *
 * Threads: one.
 */
#ifndef CTL_FIND_H
#define CTL_FIND_H

#include "base/err.h"
#include "words.h"

/**
 * find_socket(w, warn, e):
 * --socket, RAGBACKUP_SOCKET, daemon.socket of --config or of the default
 * configuration, the platform's default: the first there is; free() it.  NULL
 * with ${e} when --config is faulty; a faulty default one is put into ${warn}
 * and the default socket is tried.
 */
char *find_socket(const struct words *, struct err *warn, struct err *e);

#endif
