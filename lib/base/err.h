/*
 * err.h - what went wrong: a code that programs read, a line that people read.
 *
 * Knows: the table of error codes.  Does not know: logs, exit, errno policy
 * beyond turning it into words.
 * Threads: any; a struct err belongs to the caller that declared it.
 *
 * Functions that can fail take a caller-owned struct err as their last
 * parameter and return -1 or NULL after filling it.  Callers prefix context
 * outward: "seal run 42: fsync 'x': No space left on device".
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

/* clang-format off */
/*
 * name        on the wire       can a retry help   ragbackupctl's exit status
 */
#define ERR_CODES(X)							\
	X(NONE,        "none",           false, 0,  "no error")		\
	X(INTERNAL,    "internal",       false, 70, "internal error")	\
	X(USAGE,       "usage",          false, 64, "wrong arguments")	\
	X(CONFIG,      "config",         false, 78, "configuration error")\
	X(UNAVAILABLE, "unavailable",    true,  69, "daemon not reachable")\
	X(PERMISSION,  "not-permitted",  false, 77, "not permitted")	\
	X(NOT_FOUND,   "not-found",      false, 1,  "not found")	\
	X(EXISTS,      "exists",         false, 1,  "exists already")	\
	X(CONFLICT,    "conflict",       false, 1,  "precondition failed")\
	X(BUSY,        "busy",           true,  1,  "in use")		\
	X(IO,          "io",             false, 1,  "input/output error")\
	X(NO_SPACE,    "no-space",       false, 1,  "no space left")	\
	X(NETWORK,     "network",        true,  1,  "network failure")	\
	X(TIMEOUT,     "timeout",        true,  1,  "deadline passed")	\
	X(AUTH,        "auth",           false, 1,  "authentication failed")\
	X(HOST_KEY,    "host-key",       false, 1,  "host key not trusted")\
	X(PROTOCOL,    "protocol",       false, 1,  "unexpected answer")\
	X(CORRUPT,     "corrupt",        false, 1,  "data is damaged")	\
	X(LIMIT,       "limit",          false, 1,  "limit exceeded")	\
	X(MISSING,     "missing",        false, 1,  "a needed thing is missing")\
	X(SERVICE,     "service",        false, 1,  "a service misbehaved")\
	X(KILLED,      "service-killed", false, 1,  "a service had to be killed")\
	X(UNHEALTHY,   "unhealthy",      false, 1,  "a service is not healthy")\
	X(LEASE,       "lease-lost",     false, 1,  "the dead-man's switch fired")\
	X(BUDGET,      "downtime-budget", false, 1, "downtime budget exceeded")\
	X(CHECK,       "data-check",     false, 1,  "a data check failed")\
	X(CANCELED,    "canceled",       false, 1,  "canceled")		\
	X(CRASHED,     "crashed",        false, 1,  "interrupted by a crash")\
	X(RUN_FAILED,  "run-failed",     false, 1,  "the run failed")	\
	X(RUN_PARTIAL, "run-partial",    false, 2,  "the run is partial")
/* clang-format on */

enum err_code {
#define ERR_ENUM(name, wire, retry, status, text) ERR_##name,
	ERR_CODES(ERR_ENUM)
#undef ERR_ENUM
	    ERR_CODE_COUNT
};

#define ERR_MSG_MAX 640

struct err {
	enum err_code code;    /* ERR_NONE while nothing went wrong. */
	char msg[ERR_MSG_MAX]; /* One line, no newline at the end. */
};

#define ERR_INIT                                                               \
	{                                                                      \
		ERR_NONE, ""                                                   \
	}

/**
 * err_set(e, code, fmt, ...):
 * Fill ${e} (which may be NULL) and return -1, so that callers can write
 * "return err_set(e, ...)".  Control characters in the text become spaces.
 */
int err_set(struct err *, enum err_code, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * err_sys(e, num, fmt, ...):
 * As err_set(), the code chosen from errno value ${num} (ENOSPC and EDQUOT are
 * ERR_NO_SPACE, EACCES and EPERM ERR_PERMISSION, ENOENT ERR_NOT_FOUND, EEXIST
 * ERR_EXISTS, ETIMEDOUT ERR_TIMEOUT, connection errors ERR_NETWORK, the rest
 * ERR_IO), with ": strerror" appended.
 */
int err_sys(struct err *, int, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * err_uv(e, status, fmt, ...):
 * As err_sys() for a negative libuv status.
 */
int err_uv(struct err *, int, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * err_context(e, fmt, ...):
 * Put "fmt: " in front of the message of ${e}; the code stays.  Return -1.
 */
int err_context(struct err *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/* Copy ${src} (NULL means no error) over ${dst}. */
void err_copy(struct err *, const struct err *);
/* Forget what went wrong. */
void err_clear(struct err *);

/* The code's word on the wire and in the history. */
const char *err_name(enum err_code);
/* The code for a word; ERR_INTERNAL for an unknown one. */
enum err_code err_from_name(const char *);
/* Whether trying again, unchanged, may succeed. */
bool err_is_transient(enum err_code);
/* Exit status that ragbackupctl ends with. */
int err_exit_status(enum err_code);

#endif
