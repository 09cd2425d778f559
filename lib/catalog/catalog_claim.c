/* catalog_claim.c - one id for a run, in all of its stores or in none. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "catalog/claim.h"

#define ATTEMPTS_MAX 100

struct claims {
	int64_t now_ms;
	char *text;
	unsigned attempt;
	char id[SNAPSHOT_ID_MAX];
	char uuid[ENV_UUID_SIZE];
	struct claim *each;
	size_t n;
	size_t pending;
	catalog_claim_fn *fn;
	void *arg;
};

static void claims_attempt(struct claims *);

static void
claims_answer(struct claims *c, const struct err *e)
{
	struct err *errs = xcalloc(c->n + 1, sizeof(*errs));
	size_t i;

	for (i = 0; i < c->n; i++) {
		err_copy(&errs[i], &c->each[i].err);
		/* No free id: it is no store's fault, and every store's. */
		if (e != NULL && errs[i].code == ERR_NONE)
			err_copy(&errs[i], e);
		claim_done(&c->each[i]);
	}
	c->fn(c->arg, e == NULL ? c->id : NULL, errs, e);
	free(errs);
	free(c->each);
	free(c->text);
	free(c);
}

static void
on_claim_given_back(void *arg)
{
	struct claims *c = arg;

	if (--c->pending == 0)
		claims_attempt(c);
}

/* Taken somewhere: give back what was won, then the next id. */
static void
claims_give_back(struct claims *c)
{
	size_t i;

	c->pending = 1;
	for (i = 0; i < c->n; i++) {
		if (!c->each[i].is_ours || c->each[i].state == CLAIM_FAILED)
			continue;
		c->pending++;
		claim_give_back(&c->each[i], on_claim_given_back, c);
	}
	on_claim_given_back(c);
}

static void
claims_settle(struct claims *c)
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
		claims_give_back(c);
	else if (won > 0)
		claims_answer(c, NULL);
	else
		claims_answer(c, &none);
}

static void
on_claim_answered(void *arg)
{
	struct claims *c = arg;

	if (--c->pending == 0)
		claims_settle(c);
}

static void
claims_attempt(struct claims *c)
{
	struct err e = ERR_INIT;
	size_t i;

	if (++c->attempt > ATTEMPTS_MAX) {
		(void)err_set(&e, ERR_CONFLICT, "no free snapshot id near %s",
		    c->id);
		claims_answer(c, &e);
		return;
	}
	snapshot_id_format(c->now_ms, c->attempt, c->id);
	c->pending = 1;
	for (i = 0; i < c->n; i++) {
		if (c->each[i].state == CLAIM_FAILED)
			continue;
		c->pending++;
		claim_ask(&c->each[i], c->id, on_claim_answered, c);
	}
	/* Answers never come from within: all are asked by now. */
	on_claim_answered(c);
}

void
catalog_claim(struct env *env, struct store *const *stores, size_t n,
    const char *instance, const char *run, catalog_claim_fn *fn, void *arg)
{
	struct claims *c = xcalloc(1, sizeof(*c));
	size_t i;

	BUG_IF(n == 0);
	c->now_ms = env_wall_ms(env);
	env_uuid(env, c->uuid);
	c->text = claim_text(env, instance, run);
	c->each = xcalloc(n, sizeof(*c->each));
	c->n = n;
	for (i = 0; i < n; i++) {
		c->each[i].env = env;
		c->each[i].store = stores[i];
		c->each[i].text = c->text;
		c->each[i].uuid = c->uuid;
	}
	c->fn = fn;
	c->arg = arg;
	claims_attempt(c);
}
