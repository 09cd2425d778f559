/*
 * log.h - the daemon's log: one line per state change and per failure.
 *
 *	2026-03-29T01:00:00.123Z info  run=42 job=lightrag state=CAPTURE
 *
 * Only the daemon and its job code log; library code returns errors.
 * Threads: log_line() any; the others the main thread only.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include "base/err.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* Log to ${path}, or to standard error when NULL.  Opened at once. */
int log_open(const char *path, enum log_level, struct err *);
/* Open the same path again (after rotation); the old file stays on error. */
int log_reopen(struct err *);
void log_set_level(enum log_level);
/* The level for "debug", "info", "warn", "error"; -1 for anything else. */
int log_parse_level(const char *, enum log_level *);
void log_close(void);

/* One line, "key=value key=value"; control characters become spaces. */
void log_line(enum log_level, const char *, ...)
    __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_line(LOG_ERROR, __VA_ARGS__)

#endif
