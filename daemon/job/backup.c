/* backup.c - see backup.h: the table, life and death of a backup run. */
#include "job/backup.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/backup_int.h"
#include "runner.h"

static const struct sm_state states[] = {
#define BACKUP_ROW(name, to, step, restart, flags)                             \
	{ #name, to, step, restart, flags },
	BACKUP_STATES(BACKUP_ROW)
#undef BACKUP_ROW
};

void
backup_set(struct backup *b, json_t *taken)
{
	history_run_set(b->run.d->history, b->run.id, taken, run_on_history,
	    NULL);
}

void
backup_warn(struct backup *b, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	json_t *set;
	size_t i;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (i = 0; i < json_array_size(b->warnings); i++)
		if (strcmp(json_string_value(json_array_get(b->warnings, i)),
			text) == 0)
			return;
	set = json_object();
	json_put_str(set, "w", text);
	(void)json_array_append(b->warnings, json_object_get(set, "w"));
	json_decref(set);
	log_warn("run=%" PRId64 " job=%s warning=\"%s\"", b->run.id, b->run.job,
	    text);
	set = json_object();
	json_put(set, "warnings", json_deep_copy(b->warnings));
	backup_set(b, set);
}

bool
backup_is_sealed_anywhere(const struct backup *b)
{
	size_t i;

	for (i = 0; i < b->nlegs; i++)
		if (leg_is_sealed(&b->legs[i]))
			return true;
	return false;
}

/* Write the cause at once: a crash in UNDO must not lose it. */
static void
backup_save_error(struct backup *b)
{
	json_t *set = json_object();

	json_put_str(set, "error", b->error.msg);
	json_put_str(set, "error_code", err_name(b->error.code));
	backup_set(b, set);
}

void
backup_fail(struct backup *b, const struct err *e)
{
	if (b->error.code == ERR_NONE) {
		err_copy(&b->error, e);
		log_error("run=%" PRId64 " job=%s step=%s error=\"%s\"",
		    b->run.id, b->run.job, sm_name(&b->sm), e->msg);
		backup_save_error(b);
		CRASH_POINT("fail");
	}
	if (b->sm.state == BACKUP_TRANSFER && !b->is_past_legs) {
		backup_transfer_stop(b);
		return;
	}
	if (sm_may(&b->sm, BACKUP_UNDO) && b->sm.state != BACKUP_UNDO &&
	    !backup_is_sealed_anywhere(b))
		sm_move(&b->sm, BACKUP_UNDO);
}

/*
 * --- What the engine asks for.
 */
struct backup_persist {
	sm_done_fn *fn;
	void *arg;
};

static void
on_step_written(void *arg, const struct err *e)
{
	struct backup_persist *p = arg;
	sm_done_fn *fn = p->fn;
	void *fn_arg = p->arg;

	free(p);
	if (e != NULL)
		log_error("history error=\"%s\"", e->msg);
	fn(fn_arg, e);
}

static void
backup_persist_state(void *ctx, const char *name, sm_done_fn *fn, void *arg)
{
	struct backup *b = ctx;
	struct backup_persist *p = xcalloc(1, sizeof(*p));

	p->fn = fn;
	p->arg = arg;
	history_run_step(b->run.d->history, b->run.id, name,
	    env_wall_ms(b->run.d->env), b->bytes_read,
	    b->error.code == ERR_NONE ? NULL : b->error.msg, on_step_written,
	    p);
	run_event_state(&b->run, name);
}

static void
backup_lost_history(void *ctx, const struct err *e)
{
	struct backup *b = ctx;
	struct err why = *e;

	(void)err_context(&why, "history");
	backup_fail(b, &why);
}

/*
 * --- What a source says while it works.
 */
static void
on_source_note(void *arg, const char *text)
{
	struct backup *b = arg;

	run_event_note(&b->run, text);
}

static void
on_source_warn(void *arg, const char *text)
{
	backup_warn(arg, "%s", text);
}

static void
on_source_progress(void *arg, int64_t bytes, int64_t total)
{
	struct backup *b = arg;

	run_event_progress(&b->run, sm_name(&b->sm), bytes, total);
}

static int
backup_source_open(struct backup *b, const json_t *saved, struct err *e)
{
	struct source_env *s = &b->senv;

	s->env = b->run.d->env;
	s->http = b->run.d->http;
	s->instance = history_instance(b->run.d->history);
	s->run = b->run.uuid;
	s->job = b->run.job;
	s->cfg = json_get_object(run_job_cfg(&b->run), "source");
	s->host_cfg = run_host_cfg(&b->run);
	s->state_dir = json_get_str(conf_daemon(b->run.d->conf), "state_dir",
	    ".");
	s->note = on_source_note;
	s->warn = on_source_warn;
	s->progress = on_source_progress;
	s->arg = b;
	b->source = source_new(s, saved, e);
	return b->source == NULL ? -1 : 0;
}

/*
 * --- Starting.
 */
static void
on_timeout(void *arg)
{
	struct backup *b = arg;
	struct err e, why;
	char text[32];

	str_format_duration(json_get_int(run_job_cfg(&b->run), "timeout", 0),
	    text, sizeof(text));
	(void)err_set(&e, ERR_TIMEOUT,
	    "the run took longer than its "
	    "timeout of %s",
	    text);
	if (b->run.ops->cancel(&b->run, &e, &why) == -1)
		backup_warn(b, "%s, but it was past the point of no return",
		    e.msg);
}

static void
backup_arm_timeout(struct backup *b)
{
	int64_t ms = json_get_int(run_job_cfg(&b->run), "timeout", 0);

	if (ms <= 0)
		return;
	b->timeout = env_timer_new(b->run.d->env, on_timeout, b);
	env_timer_start(b->timeout, ms);
}

/* Go to the UNDO of a run that could not even begin. */
static void
backup_refuse(struct backup *b, const struct err *e)
{
	err_copy(&b->error, e);
	backup_save_error(b);
	log_error("run=%" PRId64 " job=%s error=\"%s\"", b->run.id, b->run.job,
	    e->msg);
	sm_move(&b->sm,
	    b->sm.state == BACKUP_QUEUED ? BACKUP_FAILED : BACKUP_UNDO);
}

static void
backup_start_new(struct backup *b)
{
	struct err e = ERR_INIT;
	json_t *set = json_object();

	json_put_int(set, "started", env_wall_ms(b->run.d->env));
	backup_set(b, set);
	backup_arm_timeout(b);
	if (backup_source_open(b, NULL, &e) == -1 ||
	    backup_legs_open(b, &e) == -1) {
		backup_refuse(b, &e);
		return;
	}
	sm_move(&b->sm, BACKUP_PREPARE);
}

/* Sealed somewhere: no UNDO any more; what is left is released. */
static void
backup_end_sealed(struct backup *b)
{
	size_t i;

	for (i = 0; i < b->nlegs; i++)
		if (b->legs[i].state == LEG_SENDING)
			leg_drop(&b->legs[i], &b->error);
	b->is_stopping = true;
	if (b->sm.state == BACKUP_TRANSFER)
		backup_transfer_check(b);
	else
		sm_move(&b->sm, BACKUP_TRANSFER);
}

static void
on_recover_answer(void *arg, enum source_recovery answer, const struct err *e)
{
	struct backup *b = arg;

	b->is_source_busy = false;
	if (answer == SOURCE_RERUN && e == NULL && b->id[0] != '\0' &&
	    b->error.code == ERR_CRASHED) {
		/* The capture stands: the crash is a fact, not a failure. */
		err_clear(&b->error);
		backup_warn(b,
		    "carried on after the daemon was interrupted "
		    "in %s",
		    b->was_state);
		sm_move(&b->sm, BACKUP_RESUME);
	} else if (backup_is_sealed_anywhere(b)) {
		backup_end_sealed(b);
	} else {
		sm_move(&b->sm, BACKUP_UNDO);
	}
}

static void
on_legs_settled(struct backup *b)
{
	if (b->restart != SM_ASK_SOURCE) {
		sm_move(&b->sm, BACKUP_UNDO);
		return;
	}
	b->is_source_busy = true;
	source_recover(b->source, b->was_state, on_recover_answer, b);
}

static void
backup_start_revived(struct backup *b)
{
	struct err e = ERR_INIT;

	if (b->restart == SM_CLOSED) {
		backup_close(b);
		return;
	}
	backup_arm_timeout(b);
	if (b->source == NULL && backup_source_open(b, NULL, &e) == -1) {
		backup_refuse(b, &e);
		return;
	}
	backup_legs_settle(b, on_legs_settled);
}

static void
backup_start(struct run *r)
{
	struct backup *b = (struct backup *)r;

	if (b->is_revived && b->restart != SM_QUEUE_AGAIN)
		backup_start_revived(b);
	else
		backup_start_new(b);
}

/*
 * --- Cancelling.
 */
static void
on_source_canceled(void *arg, const struct err *e)
{
	struct backup *b = arg;

	if (e != NULL)
		backup_warn(b, "cancel: %s", e->msg);
}

static int
backup_cancel(struct run *r, const struct err *e, struct err *why)
{
	struct backup *b = (struct backup *)r;

	if (sm_is_final(&b->sm))
		return err_set(why, ERR_CONFLICT,
		    "run %" PRId64 " has ended already", r->id);
	if (b->is_past_legs || backup_is_sealed_anywhere(b))
		return err_set(why, ERR_CONFLICT,
		    "run %" PRId64
		    " is past the point of no return: its snapshot is sealed",
		    r->id);
	b->was_canceled = b->was_canceled || e->code == ERR_CANCELED;
	if (b->error.code == ERR_NONE)
		err_copy(&b->error, e);
	if (!r->is_started) {
		sm_move(&b->sm, BACKUP_CANCELED);
		return 0;
	}
	switch (b->sm.state) {
	case BACKUP_PREPARE:
	case BACKUP_QUIESCE:
	case BACKUP_CAPTURE:
		/* Its callback comes with ERR_CANCELED and leads to UNDO. */
		if (b->is_source_busy)
			source_cancel(b->source, on_source_canceled, b);
		break;
	case BACKUP_TRANSFER:
		backup_transfer_stop(b);
		break;
	default:
		/* RESUME ends first, UNDO is what a cancel wants. */
		break;
	}
	return 0;
}

/*
 * --- Life and death.
 */
static void
backup_free(struct run *r)
{
	struct backup *b = (struct backup *)r;
	size_t i;

	BUG_IF(!sm_is_idle(&b->sm));
	source_free(b->source);
	backup_legs_free(b);
	env_timer_free(b->tick);
	env_timer_free(b->timeout);
	manifest_free(b->manifest);
	for (i = 0; i < b->nfiles; i++)
		free(b->names[i]);
	free(b->names);
	free(b->sizes);
	free(b->extra_text[0]);
	free(b->extra_text[1]);
	free(b->was_state);
	free(b->artifact_key);
	json_decref(b->artifacts);
	json_decref(b->warnings);
	run_done(&b->run);
	free(b);
}

void
backup_owes(struct run *r, const char *kind, int64_t debt)
{
	struct backup *b = (struct backup *)r;

	if (strcmp(kind, "services") == 0)
		b->debt_services = debt;
	else if (strcmp(kind, "staging") == 0)
		b->debt_staging = debt;
}

static const struct run_ops backup_ops = {
	"backup",
	backup_start,
	backup_cancel,
	backup_free,
};

struct run *
backup_new(struct daemon *d, int64_t id, const char *uuid, json_t *frozen)
{
	struct backup *b = xcalloc(1, sizeof(*b));

	run_init(&b->run, &backup_ops, d, id, uuid, frozen);
	b->sm.table = states;
	b->sm.count = BACKUP_STATE_COUNT;
	b->sm.ctx = b;
	b->sm.loop = d->loop;
	b->sm.persist = backup_persist_state;
	b->sm.lost = backup_lost_history;
	b->warnings = json_array();
	b->artifacts = json_array();
	b->manifest = manifest_new();
	b->total_hint = -1;
	return &b->run;
}

struct run *
backup_revive(struct daemon *d, const json_t *row, struct err *e)
{
	const char *step = json_get_str(row, "step", "QUEUED");
	json_t *frozen = json_get_object(row, "config");
	int state = sm_find(states, BACKUP_STATE_COUNT, step);
	json_t *warnings = json_get_array(row, "warnings"), *saved;
	struct backup *b;

	if (state == -1 || frozen == NULL) {
		(void)err_set(e, ERR_CORRUPT, "unknown step '%s'", step);
		return NULL;
	}
	b = (struct backup *)backup_new(d, json_get_int(row, "run", 0),
	    json_get_str(row, "uuid", ""), json_deep_copy(frozen));
	b->is_revived = true;
	b->sm.state = (unsigned)state;
	b->restart = states[state].restart;
	b->was_state = xstrdup(step);
	(void)snprintf(b->id, sizeof(b->id), "%s",
	    json_get_str(row, "snapshot", ""));
	if (warnings != NULL)
		(void)json_array_extend(b->warnings, warnings);
	if (b->restart == SM_QUEUE_AGAIN)
		return &b->run;
	if (json_get_str(row, "error", NULL) != NULL)
		(void)err_set(&b->error,
		    err_from_name(json_get_str(row, "error_code", "internal")),
		    "%s", json_get_str(row, "error", ""));
	else if (b->restart != SM_CLOSED)
		(void)err_set(&b->error, ERR_CRASHED,
		    "the daemon was interrupted in %s", step);
	saved = json_get_object(row, "source");
	if (saved != NULL && backup_source_open(b, saved, e) == -1) {
		b->run.ops->free(&b->run);
		return NULL;
	}
	if (backup_legs_open(b, e) == -1) {
		b->run.ops->free(&b->run);
		return NULL;
	}
	backup_legs_revive(b, row);
	return &b->run;
}
