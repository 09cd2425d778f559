/* exec.c - see exec.h. */
#include "net/exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/exec_int.h"

/* How long the other output, or its end, may lag behind a verdict. */
#define EXEC_GRACE_MS 3000

static void exec_open(struct exec *);

/* Let go of everything that could still call back. */
static void
exec_release(struct exec *x)
{
	defer_cancel(x->soon);
	x->soon = NULL;
	env_timer_free(x->deadline);
	env_timer_free(x->stall);
	env_timer_free(x->grace);
	x->deadline = x->stall = x->grace = NULL;
	reader_close(x->cmd.input);
	x->cmd.input = NULL;
	chan_close(x->chan);
	x->chan = NULL;
	host_item_remove(&x->item);
}

static void
exec_free(struct exec *x)
{
	envelope_done(&x->envelope);
	buf_done(&x->header);
	buf_done(&x->err_text);
	free(x->script);
	free(x);
}

/* The end; ${x} is gone afterwards. */
static void
exec_end(struct exec *x, int status, const struct err *e)
{
	exec_release(x);
	if (x->is_stopped) {
		if (x->stop_fn != NULL)
			x->stop_fn(x->stop_arg, e);
	} else {
		x->fns->end(x->arg, status, e);
	}
	exec_free(x);
}

static void
exec_end_error(struct exec *x, enum err_code code, const char *what)
{
	struct err e = ERR_INIT;
	const char *said = exec_err_text(x);

	(void)err_set(&e, code, "host '%s': %s%s%.400s", x->host->name, what,
	    said[0] == '\0' ? "" : ": ", said);
	exec_end(x, -1, &e);
}

/*
 * Whether another connection may do what this one could not: it turned out to
 * be dead, or takes no more channels.  The host replaces a dead one; if that
 * was not it, the last try is a connection of its own.
 */
static bool
exec_retry(struct exec *x, const struct err *e)
{
	if (e->code != ERR_NETWORK || !x->is_reused || x->retries == 2 ||
	    x->feed > EXEC_FEED_WAIT || x->is_ending)
		return false;
	if (++x->retries == 2)
		x->cmd.is_fresh = true;
	chan_close(x->chan);
	x->chan = NULL;
	x->has_read[CHAN_STDOUT] = x->has_read[CHAN_STDERR] = false;
	envelope_done(&x->envelope);
	exec_open(x);
	return true;
}

static void
exec_lost(struct exec *x, const struct err *e)
{
	struct err mine;

	if (exec_retry(x, e))
		return;
	err_copy(&mine, e);
	(void)err_context(&mine, "host '%s'", x->host->name);
	exec_end(x, -1, &mine);
}

/* Is there a verdict, and has all been said that belongs to it? */
static void
exec_check(struct exec *x)
{
	struct chan_exit how;
	char what[96];

	if (x->is_ending)
		return;
	if (x->envelope.state != ENVELOPE_DONE && !x->is_over[CHAN_STDOUT])
		return;
	if (!x->is_over[CHAN_STDERR] && !x->envelope.is_err_done &&
	    !x->is_grace_over) {
		if (!x->is_grace_on)
			env_timer_start(x->grace, EXEC_GRACE_MS);
		x->is_grace_on = true;
		return;
	}
	if (x->envelope.state == ENVELOPE_DONE) {
		exec_end(x, x->envelope.status, NULL);
		return;
	}
	chan_exit_status(x->chan, &how);
	(void)snprintf(what, sizeof(what),
	    "the script ended without its %s "
	    "marker%s%s",
	    x->envelope.state == ENVELOPE_NOISE ? "begin" : "end",
	    how.signal[0] == '\0' ? "" : ", killed by signal ", how.signal);
	exec_end_error(x, ERR_NETWORK, what);
}

static void
on_grace_over(void *arg)
{
	struct exec *x = arg;

	x->is_grace_over = true;
	exec_check(x);
}

static void
on_stdout(void *arg, struct block *b, const struct err *e)
{
	struct exec *x = arg;
	struct err mine = ERR_INIT;
	struct block *payload;

	x->has_read[CHAN_STDOUT] = false;
	if (x->is_ending) {
		block_unref(b);
		return;
	}
	if (e != NULL) {
		exec_lost(x, e);
		return;
	}
	if (b == NULL) {
		x->is_over[CHAN_STDOUT] = true;
	} else if (envelope_out(&x->envelope, b, &payload, &mine) == -1) {
		exec_fail(x, &mine);
		return;
	} else if (payload != NULL && !x->fns->payload(x->arg, payload)) {
		x->is_paused = true;
	}
	exec_feed(x);
	exec_want(x);
	exec_check(x);
}

static void
on_stderr(void *arg, struct block *b, const struct err *e)
{
	struct exec *x = arg;

	x->has_read[CHAN_STDERR] = false;
	if (x->is_ending) {
		block_unref(b);
		return;
	}
	if (e != NULL) {
		exec_lost(x, e);
		return;
	}
	if (b == NULL)
		x->is_over[CHAN_STDERR] = true;
	else
		envelope_err(&x->envelope, b, x->cmd.on_note, x->cmd.note_arg);
	exec_want(x);
	exec_check(x);
}

/* Ask for what may be asked for. */
void
exec_want(struct exec *x)
{
	static reader_fn *const fns[2] = { on_stdout, on_stderr };
	enum chan_out i;

	if (x->is_ending || x->chan == NULL)
		return;
	for (i = CHAN_STDOUT; i <= CHAN_STDERR; i++) {
		if (x->has_read[i] || x->is_over[i] ||
		    (i == CHAN_STDOUT && x->is_paused))
			continue;
		x->has_read[i] = true;
		chan_read(x->chan, i, fns[i], x);
	}
}

void
exec_resume(struct exec *x)
{
	x->is_paused = false;
	exec_want(x);
}

static void
exec_open(struct exec *x)
{
	struct err e = ERR_INIT;

	envelope_init(&x->envelope, x->host->env);
	buf_clear(&x->header);
	envelope_wrap(&x->envelope, x->script, &x->header);
	x->feed = EXEC_FEED_HEADER;
	x->is_writing = false;
	x->chan = host_exec(x->host, ENVELOPE_COMMAND, x->cmd.is_fresh,
	    &x->is_reused, &e);
	if (x->chan == NULL) {
		(void)err_context(&e, "host '%s'", x->host->name);
		exec_end(x, -1, &e);
		return;
	}
	exec_watch_start(x);
	exec_want(x);
	exec_feed(x);
}

static void
on_start(void *arg)
{
	struct exec *x = arg;

	x->soon = NULL;
	exec_open(x);
}

static void
exec_abandon(struct host_item *item)
{
	struct exec *x = CONTAINER_OF(item, struct exec, item);

	if (x->chan != NULL && host_is_local(x->host))
		host_kill_now(x->chan);
	exec_release(x);
	if (!x->is_stopped)
		x->fns->gone(x->arg);
	exec_free(x);
}

struct exec *
exec_start(struct host *h, const struct host_cmd *cmd,
    const struct exec_fns *fns, void *arg)
{
	struct exec *x = xcalloc(1, sizeof(*x));

	x->host = h;
	x->cmd = *cmd;
	x->script = xstrdup(cmd->script);
	x->cmd.script = x->script;
	x->fns = fns;
	x->arg = arg;
	x->grace = env_timer_new(h->env, on_grace_over, x);
	exec_watch_init(x);
	x->item.abandon = exec_abandon;
	host_item_add(h, &x->item);
	x->soon = defer_call(h->env->loop, on_start, x);
	return x;
}

void
exec_set_unstoppable(struct exec *x)
{
	x->is_unstoppable = true;
}

static void
on_killed(void *arg, const struct err *e)
{
	struct exec *x = arg;
	struct err mine;

	x->kill = NULL;
	if (x->is_stopped) {
		exec_end(x, -1, e);
		return;
	}
	mine = x->failure;
	if (e != NULL)
		(void)err_set(&mine, mine.code,
		    "%.300s; and stopping the "
		    "script failed: %.200s",
		    x->failure.msg, e->msg);
	exec_end(x, -1, &mine);
}

static void
on_nothing_to_kill(void *arg)
{
	struct exec *x = arg;

	x->soon = NULL;
	on_killed(x, NULL);
}

/*
 * Its processes go first, then the channel: closed the other way around, they
 * would take the end of their input for a good one.
 */
static void
exec_kill(struct exec *x, bool is_suspect)
{
	x->is_ending = true;
	defer_cancel(x->soon);
	x->soon = NULL;
	env_timer_stop(x->deadline);
	env_timer_stop(x->stall);
	env_timer_stop(x->grace);
	if (x->feed <= EXEC_FEED_WAIT || x->is_unstoppable ||
	    x->envelope.state == ENVELOPE_DONE)
		x->soon = defer_call(x->host->env->loop, on_nothing_to_kill, x);
	else
		x->kill = host_kill_start(x->host, &x->envelope.target,
		    is_suspect, on_killed, x);
}

void
exec_fail_suspect(struct exec *x, const struct err *e, bool is_suspect)
{
	if (x->is_ending)
		return;
	err_copy(&x->failure, e);
	(void)err_context(&x->failure, "host '%s'", x->host->name);
	exec_kill(x, is_suspect);
}

void
exec_fail(struct exec *x, const struct err *e)
{
	exec_fail_suspect(x, e, false);
}

void
exec_stop(struct exec *x, exec_stop_fn *fn, void *arg)
{
	x->is_stopped = true;
	x->stop_fn = fn;
	x->stop_arg = arg;
	/* One that fails already is stopped already. */
	if (!x->is_ending)
		exec_kill(x, false);
}

const char *
exec_err_text(struct exec *x)
{
	envelope_err_text(&x->envelope, &x->err_text);
	return buf_str(&x->err_text);
}

struct host *
exec_host(const struct exec *x)
{
	return x->host;
}
