/*
 * task_copy.c - a sealed snapshot sent from a store that has it to others:
 * "copy" from one that was named, "retry" from any to those that missed it in a
 * run, with their retention afterwards.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "catalog/catalog_copy.h"
#include "daemon.h"
#include "job/task.h"
#include "runner.h"

struct copy {
	struct task task; /* First. */
	size_t to_at;     /* In {"to": [{"store", "keep"}]}. */
	size_t from_at;   /* In {"from": [name]}. */
	struct store *from, *to;
	struct catalog_copy *copy;
	struct defer *soon;
	int64_t bytes; /* Of the present target. */
	bool was_there;
	struct err err;
};

static void copy_next(struct copy *);

static const char *
copy_from_name(const struct copy *c)
{
	return json_string_value(json_array_get(json_get_array(c->task.args,
						    "from"),
	    c->from_at));
}

static const json_t *
copy_entry(const struct copy *c)
{
	return json_array_get(json_get_array(c->task.args, "to"), c->to_at);
}

static const char *
copy_to_name(const struct copy *c)
{
	return json_get_str(copy_entry(c), "store", NULL);
}

static const char *
copy_id(const struct copy *c)
{
	return json_get_str(c->task.args, "snapshot", "");
}

static void
copy_close_stores(struct copy *c)
{
	store_close(c->from);
	store_close(c->to);
	c->from = c->to = NULL;
}

static void
on_next(void *arg)
{
	struct copy *c = arg;

	c->soon = NULL;
	copy_close_stores(c);
	copy_next(c);
}

/* Stores are closed from the loop, not from within their own answer. */
static void
copy_go_on(struct copy *c)
{
	c->soon = defer_call(c->task.run.d->loop, on_next, c);
}

/*
 * --- One target's end.
 */
static void
copy_tell_run(struct copy *c, int64_t bytes, const struct err *e)
{
	struct run *r = &c->task.run;
	int64_t of = json_get_int(c->task.args, "run", 0);
	const char *verdict = e == NULL ? "sealed" : "dropped";

	history_run_store(r->d->history, r->id, copy_to_name(c), verdict, bytes,
	    e == NULL ? NULL : e->msg, env_wall_ms(r->d->env), run_on_history,
	    NULL);
	/* The run that missed it has it now; what it was stays in its row. */
	if (of != 0 && e == NULL)
		history_run_store(r->d->history, of, copy_to_name(c), verdict,
		    bytes, NULL, env_wall_ms(r->d->env), run_on_history, NULL);
}

static void
copy_target_end(struct copy *c, int64_t bytes, bool was_there,
    const struct err *e)
{
	json_t *o = json_object();
	struct err why;

	json_put_str(o, "store", copy_to_name(c));
	json_put_str(o, "from", copy_from_name(c));
	json_put_str(o, "verdict", e == NULL ? "sealed" : "dropped");
	json_put_int(o, "bytes", bytes);
	json_put_bool(o, "was_there", was_there);
	json_put_str(o, "error", e == NULL ? NULL : e->msg);
	task_result(&c->task, o);
	copy_tell_run(c, bytes, e);
	if (e == NULL) {
		c->task.is_partial = true;
	} else {
		err_copy(&why, e);
		(void)err_context(&why, "store %s", copy_to_name(c));
		task_blame(&c->task, &why);
	}
	err_clear(&c->err);
	c->from_at = 0;
	c->to_at++;
	copy_go_on(c);
}

static void
on_pruned(void *arg, json_t *list, const struct err *e)
{
	struct copy *c = arg;
	const json_t *v;
	size_t i;

	CRASH_POINT("copy pruned");
	if (e != NULL)
		task_warn(&c->task, "store %s: retention: %s", copy_to_name(c),
		    e->msg);
	json_array_foreach(list, i, v) {
		if (json_get_str(v, "error", NULL) != NULL)
			task_warn(&c->task, "store %s: removing %s: %s",
			    copy_to_name(c), json_get_str(v, "id", "?"),
			    json_get_str(v, "error", ""));
		if (json_get_bool(v, "deleted", false))
			history_deleted(c->task.run.d->history, c->task.run.id,
			    copy_to_name(c), json_get_str(v, "id", "?"),
			    json_get_str(v, "reason", "retention"),
			    env_wall_ms(c->task.run.d->env), run_on_history,
			    NULL);
	}
	json_decref(list);
	copy_target_end(c, c->bytes, c->was_there, NULL);
}

static void
copy_sealed(struct copy *c)
{
	const json_t *keep = json_get_object(copy_entry(c), "keep");
	struct retention_policy policy;

	if (keep == NULL) {
		copy_target_end(c, c->bytes, c->was_there, NULL);
		return;
	}
	retention_policy_read(keep, &policy);
	catalog_prune(c->task.run.d->env, c->to, c->task.run.job, &policy,
	    false, on_pruned, c);
}

/*
 * --- One source for one target.
 */
static void
copy_failed(struct copy *c, const struct err *e)
{
	bool is_tried_again;

	if (c->err.code == ERR_NONE || e->code == ERR_CANCELED)
		err_copy(&c->err, e);
	c->from_at++;
	/* Another source helps only when it was the source that failed; what
	 * the target said it would say again, but nobody can tell them apart
	 * for sure. */
	is_tried_again = copy_from_name(c) != NULL && !c->task.is_canceled &&
	    e->code != ERR_EXISTS && e->code != ERR_CONFLICT;
	if (is_tried_again) {
		task_warn(&c->task, "store %s: %s; next from store %s",
		    copy_to_name(c), e->msg, copy_from_name(c));
		copy_go_on(c);
		return;
	}
	c->from_at--;
	copy_target_end(c, 0, false, &c->err);
}

static void
on_copied(void *arg, int64_t bytes, bool was_there, const struct err *e)
{
	struct copy *c = arg;

	CRASH_POINT("copied");
	c->copy = NULL;
	if (e != NULL) {
		copy_failed(c, e);
		return;
	}
	c->task.bytes += bytes;
	c->bytes = bytes;
	c->was_there = was_there;
	copy_sealed(c);
}

static void
on_copy_progress(void *arg, int64_t bytes, int64_t total)
{
	struct copy *c = arg;

	run_event_progress(&c->task.run, copy_to_name(c), bytes, total);
}

static void
on_copy_phase(void *arg, enum catalog_copy_phase phase, struct catalog_copy *cc)
{
	struct copy *c = arg;
	char *text = xasprintf("store %s: %s", copy_to_name(c),
	    catalog_copy_word(phase));

	run_event_note(&c->task.run, text);
	free(text);
	catalog_copy_go(cc);
}

static bool
on_is_final(void *arg, const char *run)
{
	struct copy *c = arg;

	return !runner_is_active(c->task.run.d->runner, run);
}

static const struct catalog_copy_events copy_events = { on_copy_phase,
	on_copy_progress, on_copied };

static int
copy_open(struct copy *c, struct err *e)
{
	c->from = task_store(&c->task, copy_from_name(c), e);
	if (c->from == NULL)
		return -1;
	c->to = task_store(&c->task, copy_to_name(c), e);
	return c->to == NULL ? -1 : 0;
}

static void
copy_next(struct copy *c)
{
	struct run *r = &c->task.run;
	const json_t *cfg;
	struct catalog_copy_opt o;
	struct err e = ERR_INIT;

	if (c->task.is_canceled || copy_entry(c) == NULL) {
		task_end(&c->task, NULL);
		return;
	}
	if (copy_open(c, &e) == -1) {
		copy_failed(c, &e);
		return;
	}
	cfg = json_get_object(json_get_object(r->frozen, "stores"),
	    copy_to_name(c));
	memset(&o, 0, sizeof(o));
	o.from = c->from;
	o.to = c->to;
	o.pool = r->d->pool;
	o.id = copy_id(c);
	o.instance = history_instance(r->d->history);
	o.run = r->uuid;
	o.is_final = on_is_final;
	o.is_final_arg = c;
	o.min_rate = json_get_int(cfg, "min_rate", 0);
	o.stall_ms = json_get_int(cfg, "stall", 60000);
	c->copy = catalog_copy(r->d->env, &o, &copy_events, c);
}

/*
 * --- The task.
 */
static void
copy_work(struct task *t)
{
	copy_go_on((struct copy *)t);
}

static void
copy_cancel(struct task *t)
{
	struct copy *c = (struct copy *)t;

	if (c->copy != NULL)
		catalog_copy_cancel(c->copy);
}

static void
copy_done(struct task *t)
{
	struct copy *c = (struct copy *)t;

	BUG_IF(c->copy != NULL || c->soon != NULL);
	copy_close_stores(c);
}

const struct task_kind task_copy = { "copy", sizeof(struct copy), copy_work,
	copy_cancel, copy_done };
const struct task_kind task_retry = { "retry", sizeof(struct copy), copy_work,
	copy_cancel, copy_done };
