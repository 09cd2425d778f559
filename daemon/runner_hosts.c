/*
 * runner_hosts.c - a host that owes services blocks what wants to stop some
 * there.
 */
#include <string.h>

#include "base/json.h"
#include "runner_int.h"

static bool
debt_blocks(const struct debt *d, const char *host)
{
	/* A run that still lives pays by itself; the lock keeps order. */
	return d->has_services && strcmp(d->host, host) == 0 &&
	    runner_find(d->r, d->run) == NULL;
}

/* Who waits for a host that owes nothing goes on; for others it is tried. */
static void
runner_host_look(struct runner *r, const char *host)
{
	bool is_owed = false;
	struct debt *d;

	for (d = r->debts; d != NULL; d = d->next)
		if (debt_blocks(d, host)) {
			is_owed = true;
			runner_debt_try(d);
		}
	if (!is_owed)
		runner_wake_waiters(r, 0, host, NULL);
}

void
runner_hosts_look(struct runner *r)
{
	struct waiter *w;
	json_t *hosts = json_object(), *v;
	const char *host;

	for (w = r->waiters; w != NULL; w = w->next)
		if (w->host != NULL)
			json_put_bool(hosts, w->host, true);
	json_object_foreach(hosts, host, v)
		runner_host_look(r, host);
	json_decref(hosts);
}

/* What does not wait answers soon, too. */
static void
on_hosts_due(void *arg)
{
	struct runner *r = arg;
	struct err e;

	r->hosts_soon = NULL;
	if (!r->is_stopping) {
		runner_hosts_look(r);
		return;
	}
	(void)err_set(&e, ERR_CANCELED, "the daemon is stopping");
	runner_wake_hosts(r, &e);
}

void
runner_settle_host(struct runner *r, const char *host, runner_done_fn *fn,
    void *arg)
{
	runner_wait(r, 0, host, fn, arg);
	if (r->is_debts_unread && !r->is_stopping)
		runner_debts_load(r);
	/* What is being read decides when it is there. */
	if ((!r->is_loading_debts || r->is_stopping) && r->hosts_soon == NULL)
		r->hosts_soon = defer_call(r->d->loop, on_hosts_due, r);
}
