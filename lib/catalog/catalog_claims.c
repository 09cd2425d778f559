/* catalog_claims.c - see catalog_look.h: whose a folder is. */
#include <stdlib.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "catalog/catalog_look.h"

struct claims_read {
	struct store *store;
	const struct catalog_folder *folder;
	size_t at; /* The claim that is read. */
	json_t *claims;
	catalog_claims_fn *fn;
	void *arg;
};

static void claims_next(struct claims_read *);

static void
claims_answer(struct claims_read *r, const struct err *e)
{
	if (e != NULL) {
		json_decref(r->claims);
		r->claims = NULL;
	}
	r->fn(r->arg, r->claims, e);
	free(r);
}

static void
claims_add(struct claims_read *r, const char *text, size_t n)
{
	json_t *in = text == NULL ? NULL : json_parse(text, n, NULL);
	json_t *o = json_object();

	json_put_str(o, "instance", json_get_str(in, "instance", NULL));
	json_put_str(o, "run", json_get_str(in, "run", NULL));
	(void)json_array_append_new(r->claims, o);
	json_decref(in);
}

static void
on_claim_mark_read(void *arg, const char *text, size_t n, const struct err *e)
{
	struct claims_read *r = arg;

	if (e != NULL && e->code != ERR_NOT_FOUND && e->code != ERR_LIMIT &&
	    e->code != ERR_CORRUPT) {
		claims_answer(r, e);
		return;
	}
	if (e == NULL || e->code != ERR_NOT_FOUND)
		claims_add(r, e == NULL ? text : NULL, n);
	r->at++;
	claims_next(r);
}

static void
claims_next(struct claims_read *r)
{
	const struct catalog_folder *f = r->folder;
	char *key;

	while (r->at < f->n && !catalog_is_claim(f->files[r->at].name))
		r->at++;
	if (r->at == f->n) {
		claims_answer(r, NULL);
		return;
	}
	key = xasprintf("%s/%s", f->id, f->files[r->at].name);
	store_get_bytes(r->store, key, CATALOG_MARK_MAX, on_claim_mark_read, r);
	free(key);
}

static void
claims_start(void *arg)
{
	claims_next(arg);
}

void
catalog_claims(struct store *store, const struct catalog_folder *f,
    catalog_claims_fn *fn, void *arg)
{
	struct claims_read *r = xcalloc(1, sizeof(*r));

	r->store = store;
	r->folder = f;
	r->claims = json_array();
	r->fn = fn;
	r->arg = arg;
	/* A folder without any is answered from the loop as well. */
	(void)defer_call(store->env->loop, claims_start, r);
}
