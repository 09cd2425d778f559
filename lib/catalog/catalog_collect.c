/*
 * catalog_collect.c - garbage: what dead runs of this instance left behind.
 *
 * A folder is ours when every claim in it is.  Without a manifest, and its run
 * over or itself untouched for long, it goes; with one only temporary files in
 * it go.  Whatever has no claim or somebody else's is not looked at further,
 * but that a folder in which nothing became whole is swept by the store.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/catalog_look.h"
#include "catalog/catalog_remove.h"
#include "catalog/hold.h"

#define OWNER "collect" /* Of holds; no run is called so. */

struct collect {
	struct env *env;
	struct store *store;
	char *instance;
	catalog_is_final_fn *is_final;
	int64_t gc_age_ms;
	struct catalog_ids ids;
	size_t at;
	struct catalog_folder *folder;
	struct hold *hold; /* Of the folder. */
	char *run;         /* Of the folder's claim; NULL: none seen yet. */
	const char *reason;
	json_t *answer;
	catalog_list_fn *fn;
	void *arg;
};

static void collect_next(struct collect *);

static void
collect_answer(struct collect *c, const struct err *e)
{
	json_t *answer = c->answer;

	catalog_ids_done(&c->ids);
	free(c->instance);
	if (e != NULL) {
		json_decref(answer);
		answer = NULL;
	}
	c->fn(c->arg, answer, e);
	free(c);
}

static void
collect_folder_end(struct collect *c)
{
	catalog_folder_free(c->folder);
	c->folder = NULL;
	free(c->run);
	c->run = NULL;
	hold_free(c->hold);
	c->hold = NULL;
	c->at++;
	collect_next(c);
}

static void
on_collected(void *arg, const struct err *e)
{
	struct collect *c = arg;
	json_t *o = json_object();

	json_put_str(o, "id", c->folder->id);
	json_put_str(o, "run", c->run);
	json_put_str(o, "reason", c->reason);
	json_put_bool(o, "deleted", e == NULL);
	json_put_str(o, "error", e == NULL ? NULL : e->msg);
	(void)json_array_append_new(c->answer, o);
	collect_folder_end(c);
}

static void
on_sealed_swept(void *arg, const struct err *e)
{
	/* It is tried again the next time. */
	(void)e;
	collect_folder_end(arg);
}

/* All claims are ours; ${c}->run is the run of the last one read. */
static void
collect_decide(struct collect *c)
{
	int64_t age = env_wall_ms(c->env) - c->folder->newest_ms;
	char *prefix;

	if (!c->folder->has_manifest && c->is_final(c->arg, c->run)) {
		c->reason = "its run is over";
	} else if (!c->folder->has_manifest && age >= c->gc_age_ms) {
		c->reason = "untouched for too long";
	} else {
		prefix = xasprintf("%s/", c->folder->id);
		store_sweep(c->store, prefix, c->gc_age_ms, on_sealed_swept, c);
		free(prefix);
		return;
	}
	catalog_remove_as(c->store, c->folder->id, OWNER, CATALOG_REMOVE_ALL,
	    on_collected, c);
}

/* Whether all claims are ours.  Two runs of ours in one folder: a loser that
 * died; both must be over, so the one that is not stays in ${c}->run. */
static bool
collect_is_ours(struct collect *c, const json_t *claims)
{
	const json_t *o;
	const char *run;
	size_t i;

	json_array_foreach(claims, i, o) {
		run = json_get_str(o, "run", NULL);
		if (run == NULL ||
		    strcmp(json_get_str(o, "instance", ""), c->instance) != 0)
			return false;
		if (c->run == NULL || c->is_final(c->arg, c->run)) {
			free(c->run);
			c->run = xstrdup(run);
		}
	}
	return c->run != NULL;
}

static void
on_collect_claims(void *arg, json_t *claims, const struct err *e)
{
	struct collect *c = arg;

	if (e != NULL || !collect_is_ours(c, claims))
		collect_folder_end(c);
	else
		collect_decide(c);
	json_decref(claims);
}

static void
on_collect_looked(void *arg, struct catalog_folder *f, const struct err *e)
{
	struct collect *c = arg;

	c->folder = f;
	/* One folder that cannot be read does not keep the others. */
	if (e != NULL)
		collect_folder_end(c);
	else
		catalog_claims(c->store, f, on_collect_claims, c);
}

static void
on_collect_swept(void *arg, const struct err *e)
{
	/* It is tried again the next time. */
	(void)e;
	collect_answer(arg, NULL);
}

static void
collect_next(struct collect *c)
{
	/* One that is held is in use here: another time. */
	while (c->at < c->ids.n &&
	    (c->hold = hold_take(c->store, c->ids.ids[c->at], OWNER)) == NULL)
		c->at++;
	if (c->at == c->ids.n)
		store_sweep(c->store, "", c->gc_age_ms, on_collect_swept, c);
	else
		catalog_look(c->store, c->ids.ids[c->at], on_collect_looked, c);
}

static void
on_collect_ids(void *arg, struct catalog_ids *ids, const struct err *e)
{
	struct collect *c = arg;

	if (e != NULL) {
		collect_answer(c, e);
		return;
	}
	c->ids = *ids;
	*ids = (struct catalog_ids){ NULL, 0 };
	collect_next(c);
}

void
catalog_collect(struct env *env, struct store *store, const char *instance,
    catalog_is_final_fn *is_final, int64_t gc_age_ms, catalog_list_fn *fn,
    void *arg)
{
	struct collect *c = xcalloc(1, sizeof(*c));

	c->env = env;
	c->store = store;
	c->instance = xstrdup(instance);
	c->is_final = is_final;
	c->gc_age_ms = gc_age_ms;
	c->answer = json_array();
	c->fn = fn;
	c->arg = arg;
	catalog_ids(store, on_collect_ids, c);
}
