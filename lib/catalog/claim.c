/* claim.c - see claim.h. */
#include "catalog/claim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "catalog/catalog_look.h"

#define WAITS_MAX 10
#define WAIT_MS 200

char *
claim_text(struct env *env, const char *instance, const char *run)
{
	json_t *o = json_object();
	char *text;

	json_put_str(o, "instance", instance);
	json_put_str(o, "run", run);
	json_put_time(o, "at", env_wall_ms(env));
	text = json_print(o);
	json_decref(o);
	return text;
}

static void
claim_end(struct claim *c, enum claim_state state, const struct err *e)
{
	c->state = state;
	if (state == CLAIM_FAILED)
		err_copy(&c->err, e);
	c->fn(c->arg);
}

/* What else is in the folder: others' claims, and the lowest of all.  A mark of
 * somebody who read what is gone is nothing. */
static void
claim_look(struct claim *c, const struct store_stat *list, size_t n,
    bool *has_ours, bool *is_alone, bool *is_lowest, bool *is_used)
{
	char claims[SNAPSHOT_ID_MAX + 16], pins[SNAPSHOT_ID_MAX + 16];
	size_t i;

	(void)snprintf(claims, sizeof(claims), "%s/%s", c->id,
	    CATALOG_CLAIM_NAME);
	(void)snprintf(pins, sizeof(pins), "%s/%s", c->id, CATALOG_PIN_PREFIX);
	*has_ours = *is_used = false;
	*is_alone = *is_lowest = true;
	for (i = 0; i < n; i++) {
		if (strcmp(list[i].key, c->key) == 0) {
			*has_ours = true;
		} else if (str_has_prefix(list[i].key, claims)) {
			*is_alone = false;
			if (strcmp(list[i].key, c->key) < 0)
				*is_lowest = false;
		} else if (!str_has_prefix(list[i].key, pins)) {
			*is_used = true;
		}
	}
}

static void on_claims_listed(void *, const struct store_stat *, size_t,
    const struct err *);

static void
claim_list(struct claim *c)
{
	char prefix[SNAPSHOT_ID_MAX + 2];

	(void)snprintf(prefix, sizeof(prefix), "%s/", c->id);
	store_list(c->store, prefix, true, on_claims_listed, c);
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
	struct claim *c = arg;
	bool has_ours, is_alone, is_lowest, is_used;
	struct err lost = ERR_INIT;

	if (e != NULL) {
		claim_end(c, CLAIM_FAILED, e);
		return;
	}
	claim_look(c, list, n, &has_ours, &is_alone, &is_lowest, &is_used);
	if (!has_ours) {
		(void)err_set(&lost, ERR_IO,
		    "'%s' was written and is not there", c->key);
		claim_end(c, CLAIM_FAILED, &lost);
	} else if (is_alone && !is_used) {
		claim_end(c, CLAIM_WON, NULL);
	} else if (is_used || c->has_if_absent || !is_lowest ||
	    ++c->waits > WAITS_MAX) {
		claim_end(c, CLAIM_TAKEN, NULL);
	} else {
		if (c->timer == NULL)
			c->timer = env_timer_new(c->env, on_claim_wait, c);
		env_timer_start(c->timer, WAIT_MS);
	}
}

/* The put's outcome is not clear: the text that is there settles it. */
static void
on_claim_read(void *arg, const char *text, size_t n, const struct err *e)
{
	struct claim *c = arg;
	struct err put_err;

	err_copy(&put_err, &c->err);
	err_clear(&c->err);
	if (e != NULL) {
		claim_end(c, CLAIM_FAILED, &put_err);
	} else if (n != strlen(c->text) || memcmp(text, c->text, n) != 0) {
		claim_end(c, CLAIM_TAKEN, NULL);
	} else {
		c->is_ours = true;
		claim_list(c);
	}
}

static void
on_claim_put(void *arg, const struct store_proof *proof, const struct err *e)
{
	struct claim *c = arg;

	(void)proof;
	if (e == NULL) {
		c->is_ours = true;
		claim_list(c);
	} else if (e->code == ERR_CONFLICT || e->code == ERR_EXISTS) {
		claim_end(c, CLAIM_TAKEN, NULL);
	} else {
		err_copy(&c->err, e);
		store_get_bytes(c->store, c->key, CATALOG_MARK_MAX,
		    on_claim_read, c);
	}
}

void
claim_ask(struct claim *c, const char *id, void (*fn)(void *), void *arg)
{
	struct store_caps caps;

	store_caps(c->store, &caps);
	c->has_if_absent = caps.has_if_absent;
	c->state = CLAIM_ASKING;
	c->is_ours = false;
	c->waits = 0;
	c->fn = fn;
	c->arg = arg;
	(void)snprintf(c->id, sizeof(c->id), "%s", id);
	(void)snprintf(c->key, sizeof(c->key), "%s/%s%s%s", id,
	    CATALOG_CLAIM_NAME, caps.has_if_absent ? "" : "-",
	    caps.has_if_absent ? "" : c->uuid);
	store_put_bytes(c->store, c->key, c->text, strlen(c->text),
	    caps.has_if_absent, on_claim_put, c);
}

static void
on_given_back(void *arg, const struct err *e)
{
	struct claim *c = arg;

	(void)e;
	c->is_ours = false;
	c->fn(c->arg);
}

static void
on_nothing_given_back(void *arg)
{
	on_given_back(arg, NULL);
}

void
claim_give_back(struct claim *c, void (*fn)(void *), void *arg)
{
	c->fn = fn;
	c->arg = arg;
	if (c->is_ours)
		store_remove(c->store, c->key, on_given_back, c);
	else
		(void)defer_call(c->env->loop, on_nothing_given_back, c);
}

void
claim_done(struct claim *c)
{
	env_timer_free(c->timer);
	c->timer = NULL;
}
