/*
 * catalog_claim_id.c - one given id in one store, for what others have already.
 *
 * A folder is free when nothing but pins is in it, or when every claim in it is
 * of this instance and of a run that is over: what such runs left is removed
 * first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/catalog_look.h"
#include "catalog/catalog_remove.h"
#include "catalog/claim.h"
#include "catalog/hold.h"

struct claiming {
	struct env *env;
	struct store *store;
	char id[SNAPSHOT_ID_MAX];
	char *instance, *run;
	catalog_is_final_fn *is_final;
	void *is_final_arg;
	struct hold *hold;
	struct catalog_folder *folder;
	struct claim claim;
	char *text;
	char uuid[ENV_UUID_SIZE];
	catalog_done_fn *fn;
	void *arg;
};

static void
claiming_answer(struct claiming *c, const struct err *e)
{
	struct err copy;

	err_copy(&copy, e);
	if (e != NULL)
		(void)err_context(&copy, "claim %s in store '%s'", c->id,
		    store_name(c->store));
	c->fn(c->arg, e == NULL ? NULL : &copy);
	/* Only now: who goes on with it takes its own in the callback. */
	hold_free(c->hold);
	catalog_folder_free(c->folder);
	claim_done(&c->claim);
	free(c->instance);
	free(c->run);
	free(c->text);
	free(c);
}

static void
claiming_refuse(struct claiming *c, enum err_code code, const char *why)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, code, "%s", why);
	claiming_answer(c, &e);
}

static void
on_lost_given_back(void *arg)
{
	struct claiming *c = arg;

	if (c->claim.state == CLAIM_FAILED)
		claiming_answer(c, &c->claim.err);
	else
		claiming_refuse(c, ERR_CONFLICT, "somebody else holds it");
}

static void
on_claimed(void *arg)
{
	struct claiming *c = arg;

	CRASH_POINT("id claimed");
	if (c->claim.state == CLAIM_WON)
		claiming_answer(c, NULL);
	else
		claim_give_back(&c->claim, on_lost_given_back, c);
}

static void
on_leftovers_removed(void *arg, const struct err *e)
{
	struct claiming *c = arg;

	if (e != NULL)
		claiming_answer(c, e);
	else
		claim_ask(&c->claim, c->id, on_claimed, c);
}

/* Every claim is of this instance, and its run over or this very one. */
static bool
claiming_is_over(const struct claiming *c, const json_t *claims)
{
	const json_t *o;
	const char *run;
	size_t i;

	json_array_foreach(claims, i, o) {
		run = json_get_str(o, "run", NULL);
		if (run == NULL ||
		    strcmp(json_get_str(o, "instance", ""), c->instance) != 0)
			return false;
		if (strcmp(run, c->run) != 0 &&
		    !c->is_final(c->is_final_arg, run))
			return false;
	}
	return true;
}

static void
on_claiming_claims(void *arg, json_t *claims, const struct err *e)
{
	struct claiming *c = arg;
	size_t i, used = 0;

	for (i = 0; i < c->folder->n; i++)
		used += !str_has_prefix(c->folder->files[i].name,
		    CATALOG_PIN_PREFIX);
	if (e != NULL)
		claiming_answer(c, e);
	else if (used == 0)
		claim_ask(&c->claim, c->id, on_claimed, c);
	else if (json_array_size(claims) == 0)
		claiming_refuse(c, ERR_CONFLICT,
		    "files of unknown origin are there");
	else if (!claiming_is_over(c, claims))
		claiming_refuse(c, ERR_CONFLICT, "somebody else holds it");
	else
		catalog_remove_as(c->store, c->id, c->run, CATALOG_REMOVE_ALL,
		    on_leftovers_removed, c);
	json_decref(claims);
}

static void
on_claiming_looked(void *arg, struct catalog_folder *f, const struct err *e)
{
	struct claiming *c = arg;

	c->folder = f;
	if (e != NULL)
		claiming_answer(c, e);
	else if (f->has_manifest)
		claiming_refuse(c, ERR_EXISTS, "a snapshot is there already");
	else
		catalog_claims(c->store, f, on_claiming_claims, c);
}

static void
on_claiming_held(void *arg, struct hold *h, const struct err *e)
{
	struct claiming *c = arg;

	c->hold = h;
	if (e != NULL)
		claiming_answer(c, e);
	else
		catalog_look(c->store, c->id, on_claiming_looked, c);
}

void
catalog_claim_id(struct env *env, struct store *store, const char *id,
    const char *instance, const char *run, catalog_is_final_fn *is_final,
    void *is_final_arg, catalog_done_fn *fn, void *arg)
{
	struct claiming *c = xcalloc(1, sizeof(*c));

	BUG_IF(!snapshot_id_is_valid(id));
	c->env = env;
	c->store = store;
	(void)snprintf(c->id, sizeof(c->id), "%s", id);
	c->instance = xstrdup(instance);
	c->run = xstrdup(run);
	c->is_final = is_final;
	c->is_final_arg = is_final_arg;
	env_uuid(env, c->uuid);
	c->text = claim_text(env, instance, run);
	c->claim.env = env;
	c->claim.store = store;
	c->claim.text = c->text;
	c->claim.uuid = c->uuid;
	c->fn = fn;
	c->arg = arg;
	hold_wait(env, store, id, run, on_claiming_held, c);
}
