/* runner_wait.c - who waits for a run to end, or for a host to be settled. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "runner_int.h"

void
runner_wait(struct runner *r, int64_t run, const char *host, runner_done_fn *fn,
    void *arg)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->run = run;
	w->host = host == NULL ? NULL : xstrdup(host);
	w->fn = fn;
	w->arg = arg;
	w->next = r->waiters;
	r->waiters = w;
}

void
runner_waiter_free(struct waiter *w)
{
	free(w->host);
	free(w);
}

void
runner_wake_waiters(struct runner *r, int64_t run, const char *host,
    const struct err *e)
{
	struct waiter **at = &r->waiters, *w, *woken = NULL;

	while ((w = *at) != NULL) {
		if (w->run != run ||
		    (host != NULL &&
			(w->host == NULL || strcmp(w->host, host) != 0))) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		w->next = woken;
		woken = w;
	}
	while ((w = woken) != NULL) {
		woken = w->next;
		w->fn(w->arg, e);
		runner_waiter_free(w);
	}
}

void
runner_wake_hosts(struct runner *r, const struct err *e)
{
	struct waiter *w;

	for (w = r->waiters; w != NULL && w->host == NULL; w = w->next)
		continue;
	while (w != NULL) {
		char *host = xstrdup(w->host);

		runner_wake_waiters(r, 0, host, e);
		free(host);
		for (w = r->waiters; w != NULL && w->host == NULL; w = w->next)
			continue;
	}
}
