/*
 * exec.h - one script on one channel of a host, from its first byte to the
 * verdict, or until it was stopped.
 *
 * Knows: the envelope, back-pressure, deadline and stall, stopping.  Does not
 * know: who wants the payload (host_run.c collects it, host_stream.c hands it
 * on block by block).
 * Threads: loop thread only.
 */
#ifndef NET_EXEC_H
#define NET_EXEC_H

#include <stdbool.h>

#include "net/envelope.h"
#include "net/host.h"

struct exec;

struct exec_fns {
	/* Payload; the callee owns the block.  False: no more for now, until
	 * exec_resume(). */
	bool (*payload)(void *arg, struct block *);
	/*
	 * The end, once: ${e} NULL and the script's status, or what went
	 * wrong; then nothing of it runs any more, as far as could be seen.
	 * The exec is freed after it has returned.
	 */
	void (*end)(void *arg, int status, const struct err *e);
	/* The host is being freed, and the exec with it. */
	void (*gone)(void *arg);
};

typedef void exec_stop_fn(void *arg, const struct err *e);

/* Always starts; ${fns} are called from the loop only. */
struct exec *exec_start(struct host *, const struct host_cmd *,
    const struct exec_fns *, void *arg);
void exec_resume(struct exec *);
/* End it with the error ${e}, once the script was stopped. */
void exec_fail(struct exec *, const struct err *);
/*
 * No ${fns} are called any more: stop the script, call ${fn} (may be NULL)
 * and free.
 */
void exec_stop(struct exec *, exec_stop_fn *, void *);
/* One line: the end of its standard error so far. */
const char *exec_err_text(struct exec *);
struct host *exec_host(const struct exec *);

#endif
