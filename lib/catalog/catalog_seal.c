/* catalog_seal.c - the commit, and finding out whether it was made. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "catalog/catalog_seal.h"

#define SETTLE_TRIES 5
#define SETTLE_MS 250

struct seal {
	struct store *store;
	char key[SNAPSHOT_ID_MAX + sizeof(MANIFEST_NAME) + 1];
	char *text;
	size_t n;
	struct err err; /* What the put said. */
	unsigned tries;
	struct env_timer *timer;
	catalog_done_fn *fn;
	void *arg;
};

static void
seal_answer(struct seal *s, const struct err *e)
{
	env_timer_free(s->timer);
	s->fn(s->arg, e);
	free(s->text);
	free(s);
}

static void seal_settle(struct seal *);

static void
on_settle_wait(void *arg)
{
	seal_settle(arg);
}

/*
 * What is there says what happened.  A store that does not answer now may do so
 * in a moment; one that stays silent leaves the outcome unknown, and the error
 * says so.
 */
static void
on_seal_read(void *arg, const char *text, size_t n, const struct err *e)
{
	struct seal *s = arg;

	if (e == NULL && n == s->n && memcmp(text, s->text, n) == 0) {
		seal_answer(s, NULL);
	} else if (e == NULL || e->code == ERR_LIMIT) {
		(void)err_set(&s->err, ERR_CONFLICT,
		    "'%s' is there with another text", s->key);
		seal_answer(s, &s->err);
	} else if (e->code == ERR_NOT_FOUND && s->err.code != ERR_CONFLICT) {
		seal_answer(s, &s->err);
	} else if (++s->tries < SETTLE_TRIES) {
		env_timer_start(s->timer, SETTLE_MS << s->tries);
	} else {
		(void)err_context(&s->err,
		    "seal '%s': outcome unknown "
		    "(reading it back: %.200s)",
		    s->key, e->msg);
		seal_answer(s, &s->err);
	}
}

static void
seal_settle(struct seal *s)
{
	store_get_bytes(s->store, s->key, MANIFEST_MAX, on_seal_read, s);
}

static void
on_seal_put(void *arg, const struct store_proof *proof, const struct err *e)
{
	struct seal *s = arg;

	(void)proof;
	if (e == NULL) {
		seal_answer(s, NULL);
		return;
	}
	err_copy(&s->err, e);
	seal_settle(s);
}

static void
seal_put(struct seal *s, bool if_absent)
{
	store_put_bytes(s->store, s->key, s->text, s->n, if_absent, on_seal_put,
	    s);
}

/* A store that cannot refuse to replace: look first.  The claim keeps all
 * others away from this id. */
static void
on_seal_stat(void *arg, const struct store_stat *st, const struct err *e)
{
	struct seal *s = arg;

	(void)st;
	if (e == NULL) {
		(void)err_set(&s->err, ERR_CONFLICT, "'%s' exists already",
		    s->key);
		seal_settle(s);
	} else if (e->code == ERR_NOT_FOUND) {
		seal_put(s, false);
	} else {
		err_copy(&s->err, e);
		seal_answer(s, &s->err);
	}
}

void
catalog_seal_text(struct store *store, const char *id, const char *text,
    size_t n, catalog_done_fn *fn, void *arg)
{
	struct seal *s = xcalloc(1, sizeof(*s));
	struct store_caps caps;

	BUG_IF(!snapshot_id_is_valid(id) || n == 0);
	s->store = store;
	(void)snprintf(s->key, sizeof(s->key), "%s/%s", id, MANIFEST_NAME);
	s->text = xmalloc(n);
	memcpy(s->text, text, n);
	s->n = n;
	s->timer = env_timer_new(store->env, on_settle_wait, s);
	s->fn = fn;
	s->arg = arg;
	store_caps(store, &caps);
	if (caps.has_if_absent)
		seal_put(s, true);
	else
		store_stat(store, s->key, on_seal_stat, s);
}

void
catalog_seal(struct store *store, const char *id, const struct manifest *m,
    catalog_done_fn *fn, void *arg)
{
	char *text;

	BUG_IF(m->n == 0);
	text = manifest_format(m);
	catalog_seal_text(store, id, text, strlen(text), fn, arg);
	free(text);
}

struct is_sealed {
	catalog_done_fn *fn;
	void *arg;
};

static void
on_manifest_stat(void *arg, const struct store_stat *st, const struct err *e)
{
	struct is_sealed *q = arg;

	(void)st;
	q->fn(q->arg, e);
	free(q);
}

void
catalog_is_sealed(struct store *store, const char *id, catalog_done_fn *fn,
    void *arg)
{
	struct is_sealed *q = xcalloc(1, sizeof(*q));
	char *key = xasprintf("%s/%s", id, MANIFEST_NAME);

	q->fn = fn;
	q->arg = arg;
	store_stat(store, key, on_manifest_stat, q);
	free(key);
}
