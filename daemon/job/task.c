/* task.c - see task.h. */
#include "job/task.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon.h"
#include "runner.h"

static void task_work(void *);
static void task_close(void *);

#define TO(s) (UINT64_C(1) << TASK_##s)

/* clang-format off */
#define TASK_STATES(X)							\
	X(QUEUED,   TO(WORK) | TO(CANCELED) | TO(FAILED),		\
	    NULL,       SM_QUEUE_AGAIN, 0)				\
	X(WORK,     TO(DONE) | TO(PARTIAL) | TO(FAILED) | TO(CANCELED),	\
	    task_work,  SM_QUEUE_AGAIN, 0)				\
	X(DONE,     0,							\
	    task_close, SM_CLOSED,      SM_GIVES_BACK | SM_FINAL)	\
	X(PARTIAL,  0,							\
	    task_close, SM_CLOSED,      SM_GIVES_BACK | SM_FINAL)	\
	X(FAILED,   0,							\
	    task_close, SM_CLOSED,      SM_GIVES_BACK | SM_FINAL)	\
	X(CANCELED, 0,							\
	    task_close, SM_CLOSED,      SM_GIVES_BACK | SM_FINAL)
/* clang-format on */

enum task_state {
#define TASK_ENUM(name, to, step, restart, flags) TASK_##name,
	TASK_STATES(TASK_ENUM)
#undef TASK_ENUM
	    TASK_STATE_COUNT
};

static const struct sm_state states[] = {
#define TASK_ROW(name, to, step, restart, flags)                               \
	{ #name, to, step, restart, flags },
	TASK_STATES(TASK_ROW)
#undef TASK_ROW
};

static const char *const verdicts[TASK_STATE_COUNT] = {
	[TASK_DONE] = "done",
	[TASK_PARTIAL] = "partial",
	[TASK_FAILED] = "failed",
	[TASK_CANCELED] = "canceled",
};

/*
 * --- For the kinds.
 */
void
task_result(struct task *t, json_t *taken)
{
	BUG_IF(json_array_append_new(t->results, taken) != 0);
}

void
task_warn(struct task *t, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_warn("run=%" PRId64 " job=%s warning=\"%s\"", t->run.id, t->run.job,
	    text);
	BUG_IF(json_array_append_new(t->warnings, json_string(text)) != 0);
}

void
task_blame(struct task *t, const struct err *e)
{
	log_error("run=%" PRId64 " job=%s error=\"%s\"", t->run.id, t->run.job,
	    e->msg);
	if (t->error.code == ERR_NONE)
		err_copy(&t->error, e);
}

struct store *
task_store(struct task *t, const char *name, struct err *e)
{
	return daemon_store(t->run.d, t->run.frozen, name, e);
}

static enum task_state
task_verdict(const struct task *t)
{
	if (t->error.code == ERR_NONE)
		return TASK_DONE;
	if (t->is_partial)
		return TASK_PARTIAL;
	return t->error.code == ERR_CANCELED ? TASK_CANCELED : TASK_FAILED;
}

void
task_end(struct task *t, const struct err *e)
{
	if (e != NULL)
		task_blame(t, e);
	CRASH_POINT("task end");
	t->is_working = false;
	sm_move(&t->sm, task_verdict(t));
}

/*
 * --- The states.
 */
static void
task_work(void *ctx)
{
	struct task *t = ctx;
	struct err e;

	if (t->is_canceled) {
		err_copy(&e, &t->error);
		task_end(t, &e);
		return;
	}
	t->is_working = true;
	t->kind->work(t);
}

static void
on_closed(void *arg, const struct err *e)
{
	struct task *t = arg;

	CRASH_POINT("task closed");
	run_on_history(NULL, e);
	if (e != NULL)
		runner_close_row(t->run.d->runner, t->run.id, t->last);
	t->run.on_ended(&t->run);
}

static void
task_close(void *ctx)
{
	struct task *t = ctx;
	json_t *set = json_object(), *details = json_object();

	t->run.state = verdicts[t->sm.state];
	json_put(details, "results", json_incref(t->results));
	json_put_str(set, "state", t->run.state);
	json_put_int(set, "finished", env_wall_ms(t->run.d->env));
	json_put_str(set, "error",
	    t->error.code == ERR_NONE ? NULL : t->error.msg);
	json_put_str(set, "error_code",
	    t->error.code == ERR_NONE ? NULL : err_name(t->error.code));
	json_put(set, "warnings", json_incref(t->warnings));
	json_put_int(set, "bytes_read", t->bytes);
	json_put(set, "details", details);
	log_info("run=%" PRId64 " job=%s kind=%s state=%s error=\"%s\"",
	    t->run.id, t->run.job, t->kind->kind, t->run.state, t->error.msg);
	t->last = json_incref(set);
	history_run_set(t->run.d->history, t->run.id, set, on_closed, t);
}

/*
 * --- What the engine asks for.
 */
static void
task_persist(void *ctx, const char *name, sm_done_fn *fn, void *arg)
{
	struct task *t = ctx;

	history_run_step(t->run.d->history, t->run.id, name,
	    env_wall_ms(t->run.d->env), t->bytes,
	    t->error.code == ERR_NONE ? NULL : t->error.msg, fn, arg);
	run_event_state(&t->run, name);
}

static void
task_lost(void *ctx, const struct err *e)
{
	struct task *t = ctx;
	struct err why = *e;

	(void)err_context(&why, "history");
	task_blame(t, &why);
	sm_move(&t->sm, TASK_FAILED);
}

/*
 * --- The run.
 */
static void
task_start(struct run *r)
{
	struct task *t = (struct task *)r;
	json_t *set = json_object();
	const char *id = json_get_str(t->args, "snapshot", NULL);

	json_put_int(set, "started", env_wall_ms(r->d->env));
	if (id != NULL)
		json_put_str(set, "snapshot", id);
	history_run_set(r->d->history, r->id, set, run_on_history, NULL);
	if (t->sm.state == TASK_QUEUED)
		sm_move(&t->sm, TASK_WORK);
	else if (sm_is_final(&t->sm))
		task_close(t);
	else
		task_work(t);
}

static int
task_cancel(struct run *r, const struct err *e, struct err *why)
{
	struct task *t = (struct task *)r;

	if (sm_is_final(&t->sm))
		return err_set(why, ERR_CONFLICT,
		    "run %" PRId64 " has ended already", r->id);
	if (t->is_canceled)
		return 0;
	t->is_canceled = true;
	if (!r->is_started) {
		task_blame(t, e);
		r->is_ending = true;
		sm_move(&t->sm, TASK_CANCELED);
	} else if (t->is_working) {
		task_blame(t, e);
		t->kind->cancel(t);
	} else {
		err_copy(&t->error, e);
	}
	return 0;
}

static void
task_free(struct run *r)
{
	struct task *t = (struct task *)r;

	BUG_IF(!sm_is_idle(&t->sm) || t->is_working);
	if (t->kind->done != NULL)
		t->kind->done(t);
	json_decref(t->results);
	json_decref(t->warnings);
	json_decref(t->last);
	run_done(r);
	free(t);
}

/* One vtable for each kind: its word is in it. */
static const struct {
	const struct task_kind *kind;
	struct run_ops ops;
} kinds[] = {
	{ &task_verify, { "verify", task_start, task_cancel, task_free } },
	{ &task_copy, { "copy", task_start, task_cancel, task_free } },
	{ &task_retry, { "retry", task_start, task_cancel, task_free } },
	{ &task_prune, { "prune", task_start, task_cancel, task_free } },
};

const struct task_kind *
task_find_kind(const char *word)
{
	size_t i;

	for (i = 0; i < COUNT_OF(kinds); i++)
		if (strcmp(kinds[i].ops.kind, word) == 0)
			return kinds[i].kind;
	return NULL;
}

struct run *
task_new(struct daemon *d, const struct task_kind *kind, int64_t id,
    const char *uuid, json_t *frozen)
{
	struct task *t = xcalloc(1, kind->size);
	size_t i;

	for (i = 0; kinds[i].kind != kind; i++)
		continue;
	run_init(&t->run, &kinds[i].ops, d, id, uuid, frozen);
	t->kind = kind;
	t->args = json_get_object(frozen, "task");
	t->results = json_array();
	t->warnings = json_array();
	t->sm.table = states;
	t->sm.count = TASK_STATE_COUNT;
	t->sm.ctx = t;
	t->sm.loop = d->loop;
	t->sm.persist = task_persist;
	t->sm.lost = task_lost;
	return &t->run;
}

struct run *
task_revive(struct daemon *d, const struct task_kind *kind, const json_t *row,
    struct err *e)
{
	const char *step = json_get_str(row, "step", "QUEUED");
	json_t *frozen = json_get_object(row, "config");
	int state = sm_find(states, TASK_STATE_COUNT, step);
	struct task *t;

	if (state == -1 || frozen == NULL) {
		(void)err_set(e, ERR_CORRUPT, "unknown step '%s'", step);
		return NULL;
	}
	t = (struct task *)task_new(d, kind, json_get_int(row, "run", 0),
	    json_get_str(row, "uuid", ""), json_deep_copy(frozen));
	t->sm.state = (unsigned)state;
	if (sm_is_final(&t->sm) && state != TASK_DONE)
		(void)err_set(&t->error,
		    err_from_name(json_get_str(row, "error_code", "crashed")),
		    "%s", json_get_str(row, "error", "interrupted at its end"));
	return &t->run;
}
