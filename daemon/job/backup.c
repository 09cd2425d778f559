/*
 * backup.c - see backup.h: the table, what leads to UNDO, life and death of a
 * backup run.
 */
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

int
backup_find_state(const char *name)
{
	return sm_find(states, BACKUP_STATE_COUNT, name);
}

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

bool
backup_must_keep(const struct backup *b)
{
	return backup_is_sealed_anywhere(b) &&
	    (b->sm.state == BACKUP_TRANSFER || sm_may(&b->sm, BACKUP_TRANSFER));
}

bool
backup_is_sending(const struct backup *b)
{
	size_t i;

	for (i = 0; i < b->nlegs; i++)
		if (!leg_is_sealed(&b->legs[i]) &&
		    b->legs[i].state != LEG_DROPPED)
			return true;
	return false;
}

void
backup_save_error(struct backup *b)
{
	json_t *set = json_object();

	json_put_str(set, "error", b->error.msg);
	json_put_str(set, "error_code", err_name(b->error.code));
	backup_set(b, set);
}

void
backup_blame(struct backup *b, const struct err *e)
{
	if (b->error.code != ERR_NONE)
		return;
	err_copy(&b->error, e);
	log_error("run=%" PRId64 " job=%s step=%s error=\"%s\"", b->run.id,
	    b->run.job, sm_name(&b->sm), e->msg);
	backup_save_error(b);
	CRASH_POINT("fail");
}

void
backup_fail(struct backup *b, const struct err *e)
{
	backup_blame(b, e);
	if (b->sm.state == BACKUP_TRANSFER && !b->is_past_legs)
		backup_transfer_stop(b);
	else if (backup_must_keep(b))
		backup_end_sealed(b);
	else if (sm_may(&b->sm, BACKUP_UNDO) && b->sm.state != BACKUP_UNDO)
		sm_move(&b->sm, BACKUP_UNDO);
}

void
backup_end_sealed(struct backup *b)
{
	b->must_give_back = true;
	if (b->sm.state == BACKUP_TRANSFER)
		backup_transfer_stop(b);
	else
		sm_move(&b->sm, BACKUP_TRANSFER);
}

void
backup_save_downtime(struct backup *b)
{
	const struct source_facts *f = source_facts(b->source);
	json_t *set;

	if (!f->has_services && f->downtime_ms == 0)
		return;
	b->downtime_ms = f->downtime_ms;
	set = json_object();
	json_put_int(set, "downtime_ms", b->downtime_ms);
	backup_set(b, set);
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

int
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
	s->state_dir = json_get_str(conf_daemon(b->conf), "state_dir", ".");
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
void
backup_arm_timeout(struct backup *b)
{
	int64_t ms = json_get_int(run_job_cfg(&b->run), "timeout", 0);

	if (ms <= 0)
		return;
	b->timeout = env_timer_new(b->run.d->env, backup_on_timeout, b);
	env_timer_start(b->timeout, ms);
}

void
backup_refuse(struct backup *b, const struct err *e)
{
	backup_blame(b, e);
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
	env_timer_free(b->seal_timer);
	conf_unref(b->conf);
	manifest_free(b->manifest);
	for (i = 0; i < b->nfiles; i++)
		free(b->names[i]);
	free(b->names);
	free(b->sizes);
	free(b->extra_text[0]);
	free(b->extra_text[1]);
	free(b->was_state);
	free(b->health);
	free(b->artifact_key);
	json_decref(b->artifacts);
	json_decref(b->warnings);
	json_decref(b->last);
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
	b->conf = conf_ref(d->conf);
	b->total_hint = -1;
	b->healthy_ms = -1;
	return &b->run;
}
