/*
 * host.h - a machine on which shell scripts run: this one, or one by SSH.
 *
 * Knows: scripts, their output, how they end, connecting and reconnecting.
 * Does not know: Docker, volumes, jobs.
 * Threads: loop thread only.  An SSH session lives on a thread of its own, its
 * only caller; a local script is a child process in a session of its own.  The
 * program has to ignore SIGPIPE.
 *
 * The command that SSH executes is a constant; script, names and secrets go by
 * standard input, so nothing secret is in an argv and no login shell (fish,
 * csh) parses what we wrote.  The script is read whole before it runs, so that
 * programs in it cannot eat it; what follows it on standard input is theirs.
 * Standard output is payload, found between a random begin marker (login
 * shells print noise) and an end marker with the script's exit status: an
 * output without its end marker is ERR_NETWORK, never a short success (facts:
 * libssh2 reports status 0 when none was received).  Lines on standard error
 * that begin with "@rb " are notes; the rest of it is kept, its last 4 KiB, for
 * error messages.
 *
 * The script runs in a subshell of /bin/sh: exit, exec, traps and "set -e" are
 * its own, $$ is the process group's id.  It does not start before its group
 * is known here, so one that cannot be stopped has done nothing.  PATH has the
 * usual folders added at its end; a local script gets of our environment only
 * what programs need to find things (local_env.c).  When the connection
 * breaks, a script sees the end of its input: one that must tell a whole input
 * from a cut one has to know its length.  Processes that a script leaves
 * behind should not keep its standard output, but do not hold up its end.
 */
#ifndef NET_HOST_H
#define NET_HOST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/block.h"
#include "base/env.h"
#include "base/err.h"

struct host;
struct host_run;

/**
 * host_new(env, name, cfg, e):
 * The host ${name} as the validated configuration object ${cfg} of section
 * "hosts" describes it (borrowed, must outlive the host), or this machine when
 * ${cfg} is NULL.  Nothing is connected yet.  The first command connects; a
 * lost connection is made anew by the next command.  Every connection checks
 * the host key strictly against known_hosts (ERR_HOST_KEY names the file, the
 * host and the SHA256 fingerprint seen).
 */
struct host *host_new(struct env *, const char *name, const json_t *cfg,
    struct err *);
/* Ends all that runs on it without callbacks; accepts NULL. */
void host_free(struct host *);
const char *host_name(const struct host *);
bool host_is_local(const struct host *);

/* One note, without its "@rb "; at most 64 KiB. */
typedef void host_note_fn(void *arg, const char *note);

struct host_cmd {
	const char *script;   /* POSIX sh; copied. */
	struct reader *input; /* Bytes for the script's standard input; taken
				   over; NULL for none. */
	int64_t deadline_ms;  /* For all of it, connecting included; 0: none. */
	int64_t stall_ms;     /* No byte either way for so long, while it is
				   not we who wait; 0: none. */
	size_t out_max;       /* host_run: more is ERR_LIMIT; 0: 1 MiB. */
	bool is_fresh;        /* Use a new connection, then close it. */
	host_note_fn *on_note; /* May be NULL. */
	void *note_arg;
};

struct host_result {
	int status;      /* The script's exit status. */
	const char *out; /* Payload, NUL-terminated; valid in the call. */
	size_t out_len;
	const char *err_text; /* End of standard error, trimmed, one line. */
};

/*
 * ${r} is NULL when ${e} is set: not connected, cut off, past its deadline.  A
 * script that ended with a status other than 0 is a result, not an error.
 */
typedef void host_run_fn(void *arg, const struct host_result *r,
    const struct err *e);

/* Always starts; failures come by ${fn}, once, never from within. */
struct host_run *host_run(struct host *, const struct host_cmd *, host_run_fn *,
    void *);

/**
 * host_run_cancel(r, fn, arg):
 * Stop the script's process group on the host (TERM, after 5 s KILL, over a
 * second channel) and call ${fn} when it is gone, or with an error when that
 * could not be seen within 20 s.  The run's own callback does not come any
 * more; ${r} is freed.
 */
void host_run_cancel(struct host_run *, void (*fn)(void *, const struct err *),
    void *);

/**
 * host_stream(h, cmd, e):
 * A reader of the script's payload.  Its end is good only when the end marker
 * said status 0; otherwise reader_fn gets an error, ERR_RUN_FAILED for another
 * status, that quotes err_text.  After host_free() it yields ERR_CANCELED.
 * Closing it early ends the script as host_run_cancel() does.
 */
struct reader *host_stream(struct host *, const struct host_cmd *);

#endif
