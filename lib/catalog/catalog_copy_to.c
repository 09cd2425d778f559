/*
 * catalog_copy_to.c - the target's folder: free, this run's already, or with
 * the snapshot in it; and taking back what was sent.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "catalog/catalog_copy_int.h"
#include "catalog/catalog_remove.h"

static void
copy_refuse(struct catalog_copy *c, enum err_code code, const char *why)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, code, "store '%s' %s", store_name(c->opt.to), why);
	copy_fail(c, &e);
}

/* A snapshot stands there: this very one, or it must not be touched. */
static void
on_copy_other_read(void *arg, struct catalog_snapshot *s, const struct err *e)
{
	struct catalog_copy *c = arg;
	char *why;

	if (!copy_goes_on(c, e)) {
		catalog_snapshot_free(s);
		return;
	}
	if (s->text_len != c->s->text_len ||
	    memcmp(s->text, c->s->text, s->text_len) != 0) {
		why = xasprintf("has another snapshot of that id than '%s'",
		    store_name(c->opt.from));
		copy_refuse(c, ERR_EXISTS, why);
		free(why);
	} else if (s->folder->is_suspect) {
		copy_refuse(c, ERR_CORRUPT,
		    "has it, but it failed a check there; remove it first");
	} else {
		c->was_there = true;
		copy_finish(c);
	}
	catalog_snapshot_free(s);
}

static void
copy_compare(struct catalog_copy *c)
{
	catalog_read(c->opt.to, c->opt.id, on_copy_other_read, c);
}

static void
on_copy_claimed(void *arg, const struct err *e)
{
	struct catalog_copy *c = arg;

	CRASH_POINT("copy claimed");
	c->has_claimed = e == NULL;
	if (e == NULL) {
		c->hold = hold_take(c->opt.to, c->opt.id, c->opt.run);
		BUG_IF(c->hold == NULL);
	}
	if (e != NULL && e->code == ERR_EXISTS && !c->is_canceled)
		copy_compare(c);
	else if (copy_goes_on(c, e))
		copy_enter(c, CATALOG_COPY_SENDING);
}

/* --- The run holds the id already. */

static void
on_copy_swept(void *arg, const struct err *e)
{
	if (copy_goes_on(arg, e))
		copy_enter(arg, CATALOG_COPY_SENDING);
}

static void
on_copy_claims(void *arg, json_t *claims, const struct err *e)
{
	struct catalog_copy *c = arg;
	bool is_held = false;
	const json_t *o;
	size_t i;

	json_array_foreach(claims, i, o)
		is_held |= strcmp(json_get_str(o, "run", ""), c->opt.run) ==
			0 &&
		    strcmp(json_get_str(o, "instance", ""), c->opt.instance) ==
			0;
	json_decref(claims);
	if (!copy_goes_on(c, e))
		return;
	if (!is_held) {
		copy_refuse(c, ERR_CONFLICT,
		    "does not hold the run's claim any more");
		return;
	}
	c->has_sent = true;
	catalog_remove_as(c->opt.to, c->opt.id, c->opt.run,
	    CATALOG_REMOVE_FILES, on_copy_swept, c);
}

static void
on_copy_to_looked(void *arg, struct catalog_folder *f, const struct err *e)
{
	struct catalog_copy *c = arg;

	c->to = f;
	if (!copy_goes_on(c, e))
		return;
	if (f->has_manifest)
		copy_compare(c);
	else
		catalog_claims(c->opt.to, f, on_copy_claims, c);
}

static void
on_copy_held(void *arg, struct hold *h, const struct err *e)
{
	struct catalog_copy *c = arg;

	c->hold = h;
	if (copy_goes_on(c, e))
		catalog_look(c->opt.to, c->opt.id, on_copy_to_looked, c);
}

void
copy_claim(struct catalog_copy *c)
{
	if (c->opt.is_claimed)
		hold_wait(c->env, c->opt.to, c->opt.id, c->opt.run,
		    on_copy_held, c);
	else
		catalog_claim_id(c->env, c->opt.to, c->opt.id, c->opt.instance,
		    c->opt.run, c->opt.is_final, c->opt.is_final_arg,
		    on_copy_claimed, c);
}

struct undoing {
	struct catalog_copy *c;
	catalog_done_fn *fn;
};

static void
on_nothing_undone(void *arg)
{
	struct undoing *u = arg;

	u->fn(u->c, NULL);
	free(u);
}

void
copy_undo(struct catalog_copy *c, catalog_done_fn *fn)
{
	struct undoing *u;

	if (c->has_claimed || c->has_sent) {
		catalog_remove_as(c->opt.to, c->opt.id, c->opt.run,
		    c->has_claimed ? CATALOG_REMOVE_ALL : CATALOG_REMOVE_FILES,
		    fn, c);
		return;
	}
	u = xcalloc(1, sizeof(*u));
	u->c = c;
	u->fn = fn;
	(void)defer_call(c->env->loop, on_nothing_undone, u);
}
