/* exec_watch.c - the deadline of a script, and its bytes-moved watchdog. */
#include "net/exec_int.h"

#include "base/str.h"

static void
on_deadline(void *arg)
{
	struct exec *x = arg;
	struct err e = ERR_INIT;
	char text[32];

	str_format_duration(x->cmd.deadline_ms, text, sizeof(text));
	(void)err_set(&e, ERR_TIMEOUT, "the script did not end within %s%s",
	    text,
	    x->envelope.state == ENVELOPE_NOISE ? " (it did not begin)" : "");
	exec_fail(x, &e);
}

static int64_t
exec_watch_period(const struct exec *x)
{
	int64_t ms = x->cmd.stall_ms / 4;

	return ms < 20 ? 20 : ms > 5000 ? 5000 : ms;
}

/* Whether it is we, not the far side, who keep the bytes waiting. */
static bool
exec_is_held(const struct exec *x)
{
	return x->is_paused || x->is_reading_input;
}

static void
on_stall_check(void *arg)
{
	struct exec *x = arg;
	int64_t now = env_mono_ms(x->host->env);
	uint64_t moved = chan_moved(x->chan);
	struct err e = ERR_INIT;
	char text[32];

	if (moved != x->moved || exec_is_held(x)) {
		x->moved = moved;
		x->quiet_since_ms = now;
	}
	if (now - x->quiet_since_ms < x->cmd.stall_ms) {
		env_timer_start(x->stall, exec_watch_period(x));
		return;
	}
	str_format_duration(x->cmd.stall_ms, text, sizeof(text));
	(void)err_set(&e, ERR_NETWORK, "stalled: no byte moved for %s", text);
	host_drop_connection(x->host);
	exec_fail_suspect(x, &e, true);
}

void
exec_watch_init(struct exec *x)
{
	struct env *env = x->host->env;

	x->deadline = env_timer_new(env, on_deadline, x);
	x->stall = env_timer_new(env, on_stall_check, x);
	if (x->cmd.deadline_ms > 0)
		env_timer_start(x->deadline, x->cmd.deadline_ms);
}

void
exec_watch_start(struct exec *x)
{
	x->quiet_since_ms = env_mono_ms(x->host->env);
	x->moved = chan_moved(x->chan);
	if (x->cmd.stall_ms > 0)
		env_timer_start(x->stall, exec_watch_period(x));
}
