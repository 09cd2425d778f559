/*
 * claim.h - one run's mark on one id in one store.
 *
 * Where a plain put can refuse to replace, "{id}/.claim" belongs to whoever wrote
 * it.  Elsewhere each writes "{id}/.claim-<uuid>" of its own and lists: only who
 * sees nobody else has won, so that two can never both win; the lowest waits a
 * little for the others to give way, the others do so at once.
 * Threads: loop thread only.
 */
#ifndef CATALOG_CLAIM_H
#define CATALOG_CLAIM_H

#include "catalog/catalog.h"

enum claim_state { CLAIM_ASKING, CLAIM_WON, CLAIM_TAKEN, CLAIM_FAILED };

/* Embedded; zero-filled, then ${env}, ${store}, ${text} and ${uuid} set, all
 * borrowed. */
struct claim {
	struct env *env;
	struct store *store;
	const char *text; /* See claim_text(). */
	const char *uuid;
	enum claim_state state;
	bool is_ours;   /* Our mark is there. */
	struct err err; /* Of CLAIM_FAILED. */
	char id[SNAPSHOT_ID_MAX];
	char key[SNAPSHOT_ID_MAX + 64];
	bool has_if_absent;
	unsigned waits;
	struct env_timer *timer;
	void (*fn)(void *);
	void *arg;
};

/* What a mark says; free() it. */
char *claim_text(struct env *, const char *instance, const char *run);
/* Ask for ${id}; ${fn} once, never from within, when ${state} tells. */
void claim_ask(struct claim *, const char *id, void (*fn)(void *), void *);
/* Take the mark back, if there is one; ${fn} as above, whatever came of it: one
 * that stays is ours and is collected as garbage one day. */
void claim_give_back(struct claim *, void (*fn)(void *), void *);
void claim_done(struct claim *); /* Not while it is asked. */

#endif
