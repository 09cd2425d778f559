/* catalog_suspect.c - see catalog_suspect.h. */
#include "catalog/catalog_suspect.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "catalog/catalog_look.h"

struct marking {
	catalog_done_fn *fn;
	void *arg;
};

static void
on_marked(void *arg, const struct store_proof *proof, const struct err *e)
{
	struct marking *m = arg;

	(void)proof;
	m->fn(m->arg, e);
	free(m);
}

void
catalog_suspect_mark(struct store *store, const char *id, const char *by,
    const char *fault, catalog_done_fn *fn, void *arg)
{
	struct marking *m = xcalloc(1, sizeof(*m));
	char *key = xasprintf("%s/%s", id, CATALOG_SUSPECT_NAME), *text;
	json_t *o = json_object();

	m->fn = fn;
	m->arg = arg;
	json_put_str(o, "by", by);
	json_put_time(o, "at", env_wall_ms(store->env));
	json_put_str(o, "fault", fault);
	text = json_print(o);
	store_put_bytes(store, key, text, strlen(text), false, on_marked, m);
	free(text);
	json_decref(o);
	free(key);
}

void
catalog_suspect_clear(struct store *store, const char *id, catalog_done_fn *fn,
    void *arg)
{
	char *key = xasprintf("%s/%s", id, CATALOG_SUSPECT_NAME);

	store_remove(store, key, fn, arg);
	free(key);
}
