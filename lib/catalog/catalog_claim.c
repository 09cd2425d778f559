/*
 * catalog_claim.c - one id for a run, in all of its stores or in none.
 *
 * Where a plain put can refuse to replace, "{id}/.claim" belongs to whoever wrote
 * it.  Elsewhere each writes "{id}/.claim-<uuid>" of its own and lists: only who
 * sees nobody else has won, so that two can never both win; the lowest waits a
 * little for the others to give way, the others do so at once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/catalog.h"

#define ATTEMPTS_MAX 100
#define WAITS_MAX 10
#define WAIT_MS 200
#define CLAIM_MAX 4096

enum claim_state { CLAIM_ASKING, CLAIM_WON, CLAIM_TAKEN, CLAIM_FAILED };

struct claim;

struct claim_store {
	struct claim *c;
	struct store *store;
	enum claim_state state;
	bool is_ours; /* Our mark is there. */
	bool has_if_absent;
	char key[SNAPSHOT_ID_MAX + 64];
	unsigned waits;
	struct env_timer *timer;
	struct err err;
};

struct claim {
	struct env *env;
	int64_t now_ms;
	char *text;
	unsigned attempt;
	char id[SNAPSHOT_ID_MAX];
	char uuid[ENV_UUID_SIZE];
	struct claim_store *each;
	size_t n;
	size_t pending;
	catalog_claim_fn *fn;
	void *arg;
};

static void claim_attempt(struct claim *);

static void
claim_answer(struct claim *c, const struct err *e)
{
	struct err *errs = xcalloc(c->n + 1, sizeof(*errs));
	size_t i;

	for (i = 0; i < c->n; i++) {
		err_copy(&errs[i], &c->each[i].err);
		/* No free id: it is no store's fault, and every store's. */
		if (e != NULL && errs[i].code == ERR_NONE)
			err_copy(&errs[i], e);
		env_timer_free(c->each[i].timer);
	}
	c->fn(c->arg, e == NULL ? c->id : NULL, errs, e);
	free(errs);
	free(c->each);
	free(c->text);
	free(c);
}

static void
on_given_back(void *arg, const struct err *e)
{
	struct claim_store *s = arg;

	/* One that stays is ours: it is collected as garbage one day. */
	(void)e;
	s->is_ours = false;
	if (--s->c->pending == 0)
		claim_attempt(s->c);
}

/* Taken somewhere: give back what was won, then the next id. */
static void
claim_give_back(struct claim *c)
{
	size_t i;

	c->pending = 1;
	for (i = 0; i < c->n; i++) {
		if (!c->each[i].is_ours || c->each[i].state == CLAIM_FAILED)
			continue;
		c->pending++;
		store_remove(c->each[i].store, c->each[i].key, on_given_back,
		    &c->each[i]);
	}
	if (--c->pending == 0)
		claim_attempt(c);
}

static void
claim_settle(struct claim *c)
{
	struct err none = ERR_INIT;
	size_t i, won = 0, taken = 0;

	for (i = 0; i < c->n; i++) {
		won += c->each[i].state == CLAIM_WON;
		taken += c->each[i].state == CLAIM_TAKEN;
		if (none.code == ERR_NONE)
			err_copy(&none, &c->each[i].err);
	}
	if (taken > 0)
		claim_give_back(c);
	else if (won > 0)
		claim_answer(c, NULL);
	else
		claim_answer(c, &none);
}

static void
claim_store_end(struct claim_store *s, enum claim_state state,
    const struct err *e)
{
	s->state = state;
	if (state == CLAIM_FAILED)
		err_copy(&s->err, e);
	if (--s->c->pending == 0)
		claim_settle(s->c);
}

/* What else is in the folder: others' claims, and the lowest of all. */
static void
claim_look(struct claim_store *s, const struct store_stat *list, size_t n,
    bool *has_ours, bool *is_alone, bool *is_lowest, bool *is_used)
{
	char claims[SNAPSHOT_ID_MAX + 16];
	size_t i;

	(void)snprintf(claims, sizeof(claims), "%s/%s", s->c->id,
	    CATALOG_CLAIM_NAME);
	*has_ours = *is_used = false;
	*is_alone = *is_lowest = true;
	for (i = 0; i < n; i++) {
		if (strcmp(list[i].key, s->key) == 0) {
			*has_ours = true;
		} else if (str_has_prefix(list[i].key, claims)) {
			*is_alone = false;
			if (strcmp(list[i].key, s->key) < 0)
				*is_lowest = false;
		} else {
			*is_used = true;
		}
	}
}

static void on_claims_listed(void *, const struct store_stat *, size_t,
    const struct err *);

static void
claim_list(struct claim_store *s)
{
	char prefix[SNAPSHOT_ID_MAX + 2];

	(void)snprintf(prefix, sizeof(prefix), "%s/", s->c->id);
	store_list(s->store, prefix, true, on_claims_listed, s);
}

static void
on_claim_wait(void *arg)
{
	claim_list(arg);
}

static void
on_claims_listed(void *arg, const struct store_stat *list, size_t n,
    const struct err *e)
{
	struct claim_store *s = arg;
	bool has_ours, is_alone, is_lowest, is_used;
	struct err lost = ERR_INIT;

	if (e != NULL) {
		claim_store_end(s, CLAIM_FAILED, e);
		return;
	}
	claim_look(s, list, n, &has_ours, &is_alone, &is_lowest, &is_used);
	if (!has_ours) {
		(void)err_set(&lost, ERR_IO,
		    "'%s' was written and is not there", s->key);
		claim_store_end(s, CLAIM_FAILED, &lost);
	} else if (is_alone && !is_used) {
		claim_store_end(s, CLAIM_WON, NULL);
	} else if (is_used || s->has_if_absent || !is_lowest ||
	    ++s->waits > WAITS_MAX) {
		claim_store_end(s, CLAIM_TAKEN, NULL);
	} else {
		if (s->timer == NULL)
			s->timer = env_timer_new(s->c->env, on_claim_wait, s);
		env_timer_start(s->timer, WAIT_MS);
	}
}

/* The put's outcome is not clear: the text that is there settles it. */
static void
on_claim_read(void *arg, const char *text, size_t n, const struct err *e)
{
	struct claim_store *s = arg;
	struct err put_err;

	err_copy(&put_err, &s->err);
	err_clear(&s->err);
	if (e != NULL) {
		claim_store_end(s, CLAIM_FAILED, &put_err);
	} else if (n != strlen(s->c->text) ||
	    memcmp(text, s->c->text, n) != 0) {
		claim_store_end(s, CLAIM_TAKEN, NULL);
	} else {
		s->is_ours = true;
		claim_list(s);
	}
}

static void
on_claim_put(void *arg, const struct store_proof *proof, const struct err *e)
{
	struct claim_store *s = arg;

	(void)proof;
	if (e == NULL) {
		s->is_ours = true;
		claim_list(s);
	} else if (e->code == ERR_CONFLICT || e->code == ERR_EXISTS) {
		claim_store_end(s, CLAIM_TAKEN, NULL);
	} else {
		err_copy(&s->err, e);
		store_get_bytes(s->store, s->key, CLAIM_MAX, on_claim_read, s);
	}
}

static void
claim_ask(struct claim_store *s)
{
	struct claim *c = s->c;
	struct store_caps caps;

	store_caps(s->store, &caps);
	s->has_if_absent = caps.has_if_absent;
	s->state = CLAIM_ASKING;
	s->waits = 0;
	(void)snprintf(s->key, sizeof(s->key), "%s/%s%s%s", c->id,
	    CATALOG_CLAIM_NAME, caps.has_if_absent ? "" : "-",
	    caps.has_if_absent ? "" : c->uuid);
	store_put_bytes(s->store, s->key, c->text, strlen(c->text),
	    caps.has_if_absent, on_claim_put, s);
}

static void
claim_attempt(struct claim *c)
{
	struct err e = ERR_INIT;
	size_t i;

	if (++c->attempt > ATTEMPTS_MAX) {
		(void)err_set(&e, ERR_CONFLICT, "no free snapshot id near %s",
		    c->id);
		claim_answer(c, &e);
		return;
	}
	snapshot_id_format(c->now_ms, c->attempt, c->id);
	c->pending = 1;
	for (i = 0; i < c->n; i++) {
		if (c->each[i].state == CLAIM_FAILED)
			continue;
		c->pending++;
		claim_ask(&c->each[i]);
	}
	/* Answers never come from within: all are asked by now. */
	if (--c->pending == 0)
		claim_settle(c);
}

void
catalog_claim(struct env *env, struct store *const *stores, size_t n,
    const char *instance, const char *run, catalog_claim_fn *fn, void *arg)
{
	struct claim *c = xcalloc(1, sizeof(*c));
	json_t *o = json_object();
	size_t i;

	BUG_IF(n == 0);
	c->env = env;
	c->now_ms = env_wall_ms(env);
	env_uuid(env, c->uuid);
	json_put_str(o, "instance", instance);
	json_put_str(o, "run", run);
	json_put_time(o, "at", c->now_ms);
	c->text = json_print(o);
	json_decref(o);
	c->each = xcalloc(n, sizeof(*c->each));
	c->n = n;
	for (i = 0; i < n; i++) {
		c->each[i].c = c;
		c->each[i].store = stores[i];
	}
	c->fn = fn;
	c->arg = arg;
	claim_attempt(c);
}
