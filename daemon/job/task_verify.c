/* task_verify.c - one snapshot in one or more stores: is it still whole? */
#include <stdlib.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/mem.h"
#include "catalog/catalog_verify.h"
#include "daemon.h"
#include "job/task.h"

struct verify {
	struct task task; /* First. */
	size_t at;        /* In the list of stores. */
	struct store *store;
	struct catalog_verify *verify;
	struct defer *soon;
	int64_t bytes;  /* Read in the stores before this one. */
	bool is_whole;  /* In one at least, */
	bool is_faulty; /* and damaged in one. */
};

static void verify_next(struct verify *);

static const char *
verify_store_name(const struct verify *v)
{
	return json_string_value(json_array_get(json_get_array(v->task.args,
						    "stores"),
	    v->at));
}

static void
on_next(void *arg)
{
	struct verify *v = arg;

	v->soon = NULL;
	store_close(v->store);
	v->store = NULL;
	v->at++;
	verify_next(v);
}

/* The store is closed from the loop, not from within its own answer. */
static void
verify_go_on(struct verify *v)
{
	v->soon = defer_call(v->task.run.d->loop, on_next, v);
}

static void
verify_trouble(struct verify *v, const char *store, const struct err *e)
{
	json_t *o = json_object();
	struct err why = *e;

	json_put_str(o, "store", store);
	json_put_str(o, "verdict", "unknown");
	json_put_str(o, "error", e->msg);
	task_result(&v->task, o);
	(void)err_context(&why, "store %s", store);
	task_blame(&v->task, &why);
}

/* Stores that did not even say whether they have it. */
static void
verify_tell_silent(struct verify *v)
{
	const json_t *o;
	struct err e;
	size_t i;

	json_array_foreach(json_get_array(v->task.args, "silent"), i, o) {
		(void)err_set(&e, err_from_name(json_get_str(o, "code", "io")),
		    "%s", json_get_str(o, "error", ""));
		verify_trouble(v, json_get_str(o, "store", "?"), &e);
	}
}

static void
verify_end(struct verify *v)
{
	if (!v->task.is_canceled)
		verify_tell_silent(v);
	/* Damage is a failure; one store that could not be asked is not. */
	v->task.is_partial = v->is_whole && !v->is_faulty &&
	    !v->task.is_canceled;
	task_end(&v->task, NULL);
}

static void
on_verified(void *arg, json_t *answer, const struct err *e)
{
	struct verify *v = arg;
	const json_t *fault;
	struct err why;

	CRASH_POINT("verified");
	v->verify = NULL;
	if (answer == NULL) {
		verify_trouble(v, verify_store_name(v), e);
		verify_go_on(v);
		return;
	}
	v->bytes += json_get_int(answer, "read", 0);
	v->task.bytes = v->bytes;
	fault = json_array_get(json_get_array(answer, "faults"), 0);
	if (fault != NULL) {
		(void)err_set(&why, ERR_CORRUPT, "store %s: %s: %s",
		    verify_store_name(v), json_get_str(fault, "file", "?"),
		    json_get_str(fault, "fault", "?"));
		task_blame(&v->task, &why);
		v->is_faulty = true;
	} else {
		v->is_whole = true;
	}
	task_result(&v->task, answer);
	verify_go_on(v);
}

static void
on_verify_progress(void *arg, int64_t bytes, int64_t total)
{
	struct verify *v = arg;

	run_event_progress(&v->task.run, verify_store_name(v), bytes, total);
}

static void
verify_next(struct verify *v)
{
	struct task *t = &v->task;
	struct catalog_verify_opt o = { .pool = t->run.d->pool,
		.id = json_get_str(t->args, "snapshot", ""),
		.by = history_instance(t->run.d->history),
		.run = t->run.uuid,
		.is_deep = json_get_bool(t->args, "deep", false) };
	struct err e = ERR_INIT;

	if (t->is_canceled || verify_store_name(v) == NULL) {
		verify_end(v);
		return;
	}
	v->store = o.store = task_store(t, verify_store_name(v), &e);
	if (v->store == NULL) {
		verify_trouble(v, verify_store_name(v), &e);
		verify_go_on(v);
		return;
	}
	v->verify = catalog_verify(t->run.d->env, &o, on_verify_progress,
	    on_verified, v);
}

static void
verify_work(struct task *t)
{
	struct verify *v = (struct verify *)t;

	/* Never ends from within. */
	v->at = (size_t)-1;
	verify_go_on(v);
}

static void
on_verify_canceled(void *arg)
{
	struct verify *v = arg;

	verify_go_on(v);
}

static void
verify_cancel(struct task *t)
{
	struct verify *v = (struct verify *)t;
	struct catalog_verify *cv = v->verify;

	v->verify = NULL;
	if (cv != NULL)
		catalog_verify_cancel(cv, on_verify_canceled, v);
}

static void
verify_done(struct task *t)
{
	struct verify *v = (struct verify *)t;

	BUG_IF(v->verify != NULL || v->soon != NULL);
	store_close(v->store);
}

const struct task_kind task_verify = { "verify", sizeof(struct verify),
	verify_work, verify_cancel, verify_done };
