/* hold.c - see hold.h. */
#include "catalog/hold.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"

#define TRIES_MAX 100
#define TRY_MS 100

/* Stores are known by their names: each run opens its own. */
struct hold {
	struct hold *next;
	char *store;
	char *owner;
	char id[SNAPSHOT_ID_MAX];
};

static struct hold *holds;

struct hold *
hold_take(const struct store *store, const char *id, const char *owner)
{
	struct hold *h;

	for (h = holds; h != NULL; h = h->next)
		if (strcmp(h->id, id) == 0 &&
		    strcmp(h->store, store_name(store)) == 0 &&
		    (owner == NULL || h->owner == NULL ||
			strcmp(h->owner, owner) != 0))
			return NULL;
	h = xcalloc(1, sizeof(*h));
	h->store = xstrdup(store_name(store));
	h->owner = owner == NULL ? NULL : xstrdup(owner);
	(void)snprintf(h->id, sizeof(h->id), "%s", id);
	h->next = holds;
	holds = h;
	return h;
}

void
hold_free(struct hold *h)
{
	struct hold **at;

	if (h == NULL)
		return;
	for (at = &holds; *at != h; at = &(*at)->next)
		BUG_IF(*at == NULL);
	*at = h->next;
	free(h->store);
	free(h->owner);
	free(h);
}

struct waiter {
	const struct store *store;
	char id[SNAPSHOT_ID_MAX];
	char *owner;
	struct env_timer *timer;
	unsigned tries;
	hold_fn *fn;
	void *arg;
};

static void
on_hold_try(void *arg)
{
	struct waiter *w = arg;
	struct hold *h = hold_take(w->store, w->id, w->owner);
	struct err e = ERR_INIT;

	if (h == NULL && ++w->tries < TRIES_MAX) {
		env_timer_start(w->timer, TRY_MS);
		return;
	}
	if (h == NULL)
		(void)err_set(&e, ERR_BUSY,
		    "snapshot %s in store '%s' is being written or removed",
		    w->id, store_name(w->store));
	w->fn(w->arg, h, h == NULL ? &e : NULL);
	env_timer_free(w->timer);
	free(w->owner);
	free(w);
}

void
hold_wait(struct env *env, const struct store *store, const char *id,
    const char *owner, hold_fn *fn, void *arg)
{
	struct waiter *w = xcalloc(1, sizeof(*w));

	w->store = store;
	(void)snprintf(w->id, sizeof(w->id), "%s", id);
	w->owner = owner == NULL ? NULL : xstrdup(owner);
	w->fn = fn;
	w->arg = arg;
	w->timer = env_timer_new(env, on_hold_try, w);
	(void)defer_call(env->loop, on_hold_try, w);
}
