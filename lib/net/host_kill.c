/* host_kill.c - stop a script's processes; see host.h, host/kill.sh. */
#include <stdlib.h>

#include "base/mem.h"
#include "net/exec_int.h"
#include "net/host/scripts.h"
#include "net/local.h"

#define KILL_ALL_MS 20000
/* The first try leaves time for one on a connection of its own. */
#define KILL_FIRST_MS 12500

struct host_kill {
	struct host *host;
	struct exec *exec;
	char *script;
	int64_t until_ms;
	bool is_fresh;
	void (*fn)(void *, const struct err *);
	void *arg;
};

static void kill_try(struct host_kill *, int64_t ms);

static void
kill_free(struct host_kill *k)
{
	free(k->script);
	free(k);
}

static bool
on_kill_payload(void *arg, struct block *b)
{
	(void)arg;
	block_unref(b);
	return true;
}

static void
on_kill_end(void *arg, int status, const struct err *e)
{
	struct host_kill *k = arg;
	struct err mine = ERR_INIT;
	int64_t left = k->until_ms - env_mono_ms(k->host->env);

	if (e != NULL && !k->is_fresh && !host_is_local(k->host) && left > 0) {
		k->is_fresh = true;
		kill_try(k, left);
		return;
	}
	if (e != NULL)
		err_copy(&mine, e);
	else if (status != 0)
		(void)err_set(&mine, ERR_TIMEOUT, "host '%s': %.300s",
		    k->host->name, exec_err_text(k->exec));
	k->fn(k->arg, mine.code == ERR_NONE ? NULL : &mine);
	kill_free(k);
}

static void
on_kill_gone(void *arg)
{
	kill_free(arg);
}

static const struct exec_fns kill_fns = { on_kill_payload, on_kill_end,
	on_kill_gone };

static void
kill_try(struct host_kill *k, int64_t ms)
{
	struct host_cmd cmd = { 0 };

	cmd.script = k->script;
	cmd.deadline_ms = ms;
	cmd.is_fresh = k->is_fresh;
	k->exec = exec_start(k->host, &cmd, &kill_fns, k);
	exec_set_unstoppable(k->exec);
}

struct host_kill *
host_kill_start(struct host *h, const struct envelope_target *t,
    bool is_suspect, void (*fn)(void *, const struct err *), void *arg)
{
	struct host_kill *k = xcalloc(1, sizeof(*k));

	k->host = h;
	k->script = xasprintf("rb_pid=%ld\nrb_kind=%s\n%s", t->pid,
	    t->is_group ? "group" : "tree", host_script_kill);
	k->until_ms = env_mono_ms(h->env) + KILL_ALL_MS;
	k->is_fresh = is_suspect;
	k->fn = fn;
	k->arg = arg;
	kill_try(k,
	    is_suspect || host_is_local(h) ? KILL_ALL_MS : KILL_FIRST_MS);
	return k;
}

void
host_kill_now(struct chan *c)
{
	local_kill(c);
}
