/* task_prune.c - the retention of one job, now, in one store or in all its. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "catalog/catalog.h"
#include "daemon.h"
#include "job/task.h"

struct prune {
	struct task task; /* First. */
	size_t at;        /* In the list of stores. */
	struct store *store;
	struct defer *soon;
	bool has_deleted;
};

static void prune_next(struct prune *);

/* {"store", "keep"} as the job has them. */
static const json_t *
prune_entry(const struct prune *p)
{
	return json_array_get(json_get_array(p->task.args, "stores"), p->at);
}

static const char *
prune_store_name(const struct prune *p)
{
	return json_get_str(prune_entry(p), "store", "?");
}

static void
on_next(void *arg)
{
	struct prune *p = arg;

	p->soon = NULL;
	store_close(p->store);
	p->store = NULL;
	p->at++;
	prune_next(p);
}

static void
prune_go_on(struct prune *p)
{
	p->soon = defer_call(p->task.run.d->loop, on_next, p);
}

static void
prune_trouble(struct prune *p, const char *id, const char *text)
{
	struct err e;

	(void)err_set(&e, ERR_IO, "store %s%s%s: %s", prune_store_name(p),
	    id == NULL ? "" : ": ", id == NULL ? "" : id, text);
	task_blame(&p->task, &e);
}

static void
prune_take(struct prune *p, json_t *item)
{
	struct run *r = &p->task.run;
	const char *id = json_get_str(item, "id", "?");

	json_put_str(item, "store", prune_store_name(p));
	if (json_get_str(item, "error", NULL) != NULL)
		prune_trouble(p, id, json_get_str(item, "error", ""));
	if (!json_get_bool(item, "deleted", false))
		return;
	p->has_deleted = true;
	log_info("run=%" PRId64 " store=%s deleted=%s reason=\"%s\"", r->id,
	    prune_store_name(p), id, json_get_str(item, "reason", ""));
	history_deleted(r->d->history, r->id, prune_store_name(p), id,
	    json_get_str(item, "reason", "retention"), env_wall_ms(r->d->env),
	    run_on_history, NULL);
}

static void
on_pruned(void *arg, json_t *list, const struct err *e)
{
	struct prune *p = arg;
	json_t *item;
	size_t i;

	CRASH_POINT("prune answered");
	json_array_foreach(list, i, item) {
		prune_take(p, item);
		task_result(&p->task, json_incref(item));
	}
	json_decref(list);
	if (e != NULL)
		prune_trouble(p, NULL, e->msg);
	p->task.is_partial = p->has_deleted;
	prune_go_on(p);
}

static void
prune_next(struct prune *p)
{
	struct task *t = &p->task;
	struct retention_policy policy;
	struct err e = ERR_INIT;

	if (t->is_canceled || prune_entry(p) == NULL) {
		task_end(t, NULL);
		return;
	}
	p->store = task_store(t, prune_store_name(p), &e);
	if (p->store == NULL) {
		prune_trouble(p, NULL, e.msg);
		prune_go_on(p);
		return;
	}
	retention_policy_read(json_get_object(prune_entry(p), "keep"), &policy);
	catalog_prune(t->run.d->env, p->store, t->run.job, &policy,
	    json_get_bool(t->args, "dry_run", false), on_pruned, p);
}

static void
prune_work(struct task *t)
{
	struct prune *p = (struct prune *)t;

	p->at = (size_t)-1;
	prune_go_on(p);
}

/* What is under way in a store is ended there; no other one is begun. */
static void
prune_cancel(struct task *t)
{
	(void)t;
}

static void
prune_done(struct task *t)
{
	struct prune *p = (struct prune *)t;

	BUG_IF(p->soon != NULL);
	store_close(p->store);
}

const struct task_kind task_prune = { "prune", sizeof(struct prune), prune_work,
	prune_cancel, prune_done };
