/*
 * catalog_prune.c - retention applied to one job's snapshots in one store.
 *
 * The newest that is to go goes first: nothing is left without what it needs,
 * wherever a crash or an error ends it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/catalog_look.h"
#include "catalog/catalog_remove.h"
#include "catalog/hold.h"

#define OWNER "prune" /* Of holds; no run is called so. */

struct prune {
	struct env *env;
	struct store *store;
	char *job;
	struct retention_policy policy;
	bool is_dry_run;
	json_t *list;   /* The job's, newest first. */
	json_t *answer; /* As long as list. */
	size_t at;
	struct hold *hold;  /* Of the one that is to go. */
	struct err refused; /* What the store said to the last deletion. */
	catalog_list_fn *fn;
	void *arg;
};

static void
prune_answer(struct prune *p, const struct err *e)
{
	json_t *answer = p->answer;

	json_decref(p->list);
	free(p->job);
	if (e != NULL) {
		json_decref(answer);
		answer = NULL;
	}
	p->fn(p->arg, answer, e);
	free(p);
}

/* Of this job, made by us: the runbook's own and strangers' stay. */
static void
prune_select(struct prune *p, const json_t *all)
{
	json_t *o;
	size_t i;

	p->list = json_array();
	json_array_foreach(all, i, o)
		if (strcmp(json_get_str(o, "job", ""), p->job) == 0 &&
		    !json_get_bool(o, "legacy", false))
			(void)json_array_append(p->list, o);
}

static const char **
requires_of(const json_t *o)
{
	const json_t *list = json_get_array(o, "requires");
	const char **ids = xcalloc(json_array_size(list) + 1, sizeof(*ids));
	size_t i;

	for (i = 0; i < json_array_size(list); i++)
		ids[i] = json_string_value(json_array_get(list, i));
	return ids;
}

static bool
is_broken(const json_t *o)
{
	return json_get_str(o, "error", NULL) != NULL;
}

static void
prune_fill(const json_t *o, struct retention_snapshot *s, const char **requires)
{
	s->id = json_get_str(o, "id", "");
	if (str_parse_time(json_get_str(o, "as_of", ""), &s->as_of_ms) == -1)
		s->as_of_ms = snapshot_id_time(s->id);
	s->is_proven = true;
	/* What cannot be read counts as little as what failed a check. */
	s->is_suspect = json_get_bool(o, "suspect", false) || is_broken(o);
	s->requires = requires;
	s->pinned_by = json_get_str(o, "pinned_by", NULL);
}

static void
prune_decide(struct prune *p)
{
	size_t n = json_array_size(p->list), i;
	struct retention_snapshot *s = xcalloc(n + 1, sizeof(*s));
	struct retention_answer *a = xcalloc(n + 1, sizeof(*a));
	const char ***requires = xcalloc(n + 1, sizeof(*requires));
	const json_t *in;
	json_t *o;

	for (i = 0; i < n; i++) {
		in = json_array_get(p->list, i);
		requires[i] = requires_of(in);
		prune_fill(in, &s[i], requires[i]);
	}
	retention_decide(s, n, &p->policy, env_wall_ms(p->env), a);
	p->answer = json_array();
	for (i = 0; i < n; i++) {
		in = json_array_get(p->list, i);
		o = json_object();
		json_put_str(o, "id", s[i].id);
		json_put_str(o, "as_of", json_get_str(in, "as_of", NULL));
		json_put_str(o, "verdict", retention_word(a[i].verdict));
		json_put_str(o, "reason",
		    is_broken(in) ? "cannot be read" : a[i].reason);
		json_put_bool(o, "deleted", false);
		json_put_str(o, "error", json_get_str(in, "error", NULL));
		(void)json_array_append_new(p->answer, o);
		free(requires[i]);
	}
	free(requires);
	free(s);
	free(a);
}

/* Something that is still there needs ${id}: its name, else NULL. */
static const char *
prune_needed_by(const struct prune *p, const char *id)
{
	const json_t *o, *r;
	size_t i, j;

	json_array_foreach(p->list, i, o) {
		if (json_get_bool(json_array_get(p->answer, i), "deleted",
			false))
			continue;
		json_array_foreach(json_get_array(o, "requires"), j, r)
			if (strcmp(json_string_value(r), id) == 0)
				return json_get_str(o, "id", NULL);
	}
	return NULL;
}

static void prune_next(struct prune *);

/* Whatever came of this one; it stays if ${reason} says why. */
static void
prune_settle(struct prune *p, const char *reason, const struct err *e)
{
	json_t *o = json_array_get(p->answer, p->at);

	hold_free(p->hold);
	p->hold = NULL;
	if (reason != NULL) {
		json_put_str(o, "verdict", retention_word(RETENTION_SKIP));
		json_put_str(o, "reason", reason);
	} else if (e != NULL) {
		json_put_str(o, "error", e->msg);
	} else {
		json_put_bool(o, "deleted", true);
	}
	p->at++;
	prune_next(p);
}

/* Refused as a whole, or when its manifest had gone already? */
static void
on_refused_seen(void *arg, const struct err *e)
{
	struct prune *p = arg;
	struct err refused;
	char *reason;

	err_copy(&refused, &p->refused);
	reason = xasprintf("its store refuses to delete it: %.300s",
	    refused.msg);
	prune_settle(p, e == NULL ? reason : NULL, &refused);
	free(reason);
}

/* Immutable, locked, held: the store's owner wants it so, and may well let go
 * of the others. */
static void
on_pruned(void *arg, const struct err *e)
{
	struct prune *p = arg;

	if (e == NULL || e->code != ERR_PERMISSION) {
		prune_settle(p, NULL, e);
		return;
	}
	err_copy(&p->refused, e);
	catalog_is_sealed(p->store,
	    json_get_str(json_array_get(p->answer, p->at), "id", ""),
	    on_refused_seen, p);
}

/* A reader may have come since the list was made. */
static void
on_prune_looked(void *arg, struct catalog_folder *f, const struct err *e)
{
	struct prune *p = arg;
	char *reason = NULL;

	if (e != NULL) {
		prune_settle(p, NULL, e);
		return;
	}
	if (f->pinned_by != NULL)
		reason = xasprintf("in use by %.200s", f->pinned_by);
	else if (f->is_suspect)
		reason = xstrdup("suspect");
	if (reason != NULL)
		prune_settle(p, reason, NULL);
	else
		catalog_remove_as(p->store, f->id, OWNER, CATALOG_REMOVE_ALL,
		    on_pruned, p);
	free(reason);
	catalog_folder_free(f);
}

static void
prune_next(struct prune *p)
{
	const char *id, *by;
	const json_t *o;
	char *reason;

	while ((o = json_array_get(p->answer, p->at)) != NULL &&
	    strcmp(json_get_str(o, "verdict", ""), "delete") != 0)
		p->at++;
	if (o == NULL) {
		prune_answer(p, NULL);
		return;
	}
	id = json_get_str(o, "id", "");
	if ((by = prune_needed_by(p, id)) != NULL) {
		reason = xasprintf("needed by %s", by);
		prune_settle(p, reason, NULL);
		free(reason);
	} else if ((p->hold = hold_take(p->store, id, OWNER)) == NULL) {
		prune_settle(p, "in use", NULL);
	} else {
		catalog_look(p->store, id, on_prune_looked, p);
	}
}

/*
 * One that is damaged for good is no backup any more.  One that merely was not
 * read, for now, may need any of the others.
 */
static int
prune_check_readable(const json_t *all, struct err *e)
{
	const json_t *o;
	enum err_code code;
	size_t i;

	json_array_foreach(all, i, o) {
		if (!is_broken(o))
			continue;
		code = err_from_name(json_get_str(o, "error_code", ""));
		if (code != ERR_CORRUPT && code != ERR_PROTOCOL &&
		    code != ERR_LIMIT)
			return err_set(e, code, "snapshot %s: %s",
			    json_get_str(o, "id", ""),
			    json_get_str(o, "error", ""));
	}
	return 0;
}

static void
on_prune_listed(void *arg, json_t *all, const struct err *e)
{
	struct prune *p = arg;

	struct err why = ERR_INIT;

	if (e != NULL) {
		prune_answer(p, e);
		return;
	}
	if (prune_check_readable(all, &why) == -1) {
		json_decref(all);
		prune_answer(p, &why);
		return;
	}
	prune_select(p, all);
	json_decref(all);
	prune_decide(p);
	if (p->is_dry_run)
		prune_answer(p, NULL);
	else
		prune_next(p);
}

void
catalog_prune(struct env *env, struct store *store, const char *job,
    const struct retention_policy *policy, bool is_dry_run, catalog_list_fn *fn,
    void *arg)
{
	struct prune *p = xcalloc(1, sizeof(*p));

	p->env = env;
	p->store = store;
	p->job = xstrdup(job);
	p->policy = *policy;
	p->is_dry_run = is_dry_run;
	p->fn = fn;
	p->arg = arg;
	catalog_list(store, NULL, on_prune_listed, p);
}
