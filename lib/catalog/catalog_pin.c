/*
 * catalog_pin.c - see catalog_pin.h.
 *
 * The mark first, the look second.  A removal that had looked for marks before
 * may still come after: within this process holds prevent it, and the reader of
 * another finds its files gone.  So does one who was not let write a mark.
 */
#include "catalog/catalog_pin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/defer.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "catalog/catalog_look.h"
#include "catalog/hold.h"

#define RENEW_MS (INT64_C(6) * 3600 * 1000)
#define RETRY_MS (INT64_C(10) * 60 * 1000)

struct catalog_pin {
	struct store *store;
	char id[SNAPSHOT_ID_MAX];
	char *key, *by;
	struct hold *hold; /* Until it is there. */
	struct env_timer *timer;
	bool is_asked;   /* ${fn} has yet to be called. */
	bool is_written; /* The mark is, or may be, there. */
	bool is_refused; /* Nothing may be written there: a reader's keys. */
	bool is_writing; /* A renewal is under way. */
	bool is_released;
	struct err err; /* Why it is no pin. */
	catalog_done_fn *fn;
	void *arg;
	void (*released)(void *);
	void *released_arg;
};

static void
pin_answer(struct catalog_pin *p)
{
	p->is_asked = false;
	hold_free(p->hold);
	p->hold = NULL;
	if (p->err.code == ERR_NONE && !p->is_refused)
		env_timer_start(p->timer, RENEW_MS);
	p->fn(p->arg, p->err.code == ERR_NONE ? NULL : &p->err);
}

static void
pin_write(struct catalog_pin *p, store_put_fn *fn)
{
	json_t *o = json_object();
	char *text;

	json_put_str(o, "by", p->by);
	json_put_time(o, "at", env_wall_ms(p->store->env));
	text = json_print(o);
	store_put_bytes(p->store, p->key, text, strlen(text), false, fn, p);
	free(text);
	json_decref(o);
}

static void
on_failed_pin_removed(void *arg, const struct err *e)
{
	struct catalog_pin *p = arg;

	p->is_written = e != NULL;
	pin_answer(p);
}

static void
pin_fail(struct catalog_pin *p, const struct err *e)
{
	err_copy(&p->err, e);
	(void)err_context(&p->err, "pin snapshot %s in store '%s'", p->id,
	    store_name(p->store));
	if (p->is_written)
		store_remove(p->store, p->key, on_failed_pin_removed, p);
	else
		pin_answer(p);
}

static void
on_pinned_seen(void *arg, const struct err *e)
{
	if (e != NULL)
		pin_fail(arg, e);
	else
		pin_answer(arg);
}

static void
on_pin_written(void *arg, const struct store_proof *proof, const struct err *e)
{
	struct catalog_pin *p = arg;

	(void)proof;
	CRASH_POINT("pin written");
	if (e != NULL && e->code == ERR_PERMISSION) {
		/* What may only be read can be read all the same. */
		p->is_refused = true;
		log_warn("store=%s snapshot=%s pin=refused error=%s: %s",
		    store_name(p->store), p->id, err_name(e->code), e->msg);
		catalog_is_sealed(p->store, p->id, on_pinned_seen, p);
		return;
	}
	/* It may have landed all the same. */
	p->is_written = true;
	if (e != NULL)
		pin_fail(p, e);
	else
		catalog_is_sealed(p->store, p->id, on_pinned_seen, p);
}

static void
on_pin_held(void *arg, struct hold *h, const struct err *e)
{
	struct catalog_pin *p = arg;

	p->hold = h;
	if (e != NULL)
		pin_fail(p, e);
	else
		pin_write(p, on_pin_written);
}

static void pin_remove(struct catalog_pin *);

static void
on_pin_renewed(void *arg, const struct store_proof *proof, const struct err *e)
{
	struct catalog_pin *p = arg;

	(void)proof;
	p->is_writing = false;
	if (p->is_released)
		pin_remove(p);
	else
		env_timer_start(p->timer, e == NULL ? RENEW_MS : RETRY_MS);
}

static void
on_pin_due(void *arg)
{
	struct catalog_pin *p = arg;

	p->is_writing = true;
	pin_write(p, on_pin_renewed);
}

struct catalog_pin *
catalog_pin(struct store *store, const char *id, const char *by,
    const char *reader, catalog_done_fn *fn, void *arg)
{
	struct catalog_pin *p = xcalloc(1, sizeof(*p));
	char uuid[ENV_UUID_SIZE];

	BUG_IF(!snapshot_id_is_valid(id));
	env_uuid(store->env, uuid);
	p->store = store;
	(void)snprintf(p->id, sizeof(p->id), "%s", id);
	p->key = xasprintf("%s/%s%s", id, CATALOG_PIN_PREFIX,
	    reader != NULL ? reader : uuid);
	p->by = xstrdup(by);
	p->timer = env_timer_new(store->env, on_pin_due, p);
	p->is_asked = true;
	p->fn = fn;
	p->arg = arg;
	hold_wait(store->env, store, id, uuid, on_pin_held, p);
	return p;
}

static void
pin_free(struct catalog_pin *p)
{
	void (*released)(void *) = p->released;
	void *arg = p->released_arg;

	env_timer_free(p->timer);
	free(p->key);
	free(p->by);
	free(p);
	if (released != NULL)
		released(arg);
}

static void
on_pin_removed(void *arg, const struct err *e)
{
	(void)e;
	CRASH_POINT("unpinned");
	pin_free(arg);
}

static void
on_nothing_removed(void *arg)
{
	pin_free(arg);
}

static void
pin_remove(struct catalog_pin *p)
{
	if (p->is_written)
		store_remove(p->store, p->key, on_pin_removed, p);
	else
		(void)defer_call(p->store->env->loop, on_nothing_removed, p);
}

void
catalog_unpin(struct catalog_pin *p, void (*fn)(void *), void *arg)
{
	BUG_IF(p->is_asked || p->is_released);
	p->is_released = true;
	p->released = fn;
	p->released_arg = arg;
	env_timer_stop(p->timer);
	if (!p->is_writing)
		pin_remove(p);
}
