/* catalog_copy.c - see catalog_copy.h: the phases and the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/defer.h"
#include "base/mem.h"
#include "catalog/catalog_copy_int.h"

#define PROGRESS_MS 500

const char *
catalog_copy_word(enum catalog_copy_phase phase)
{
	static const char *const words[] = { "PIN", "CLAIM", "SENDING",
		"PROVING", "SEALING" };

	return words[phase];
}

/* --- The end: undo, unpin, answer. */

static void
copy_free(struct catalog_copy *c)
{
	env_timer_free(c->timer);
	catalog_snapshot_free(c->s);
	catalog_folder_free(c->to);
	free(c->files);
	free(c->proofs);
	free((char *)(uintptr_t)c->opt.id);
	free((char *)(uintptr_t)c->opt.instance);
	free((char *)(uintptr_t)c->opt.run);
	free(c);
}

static void
on_copy_released(void *arg)
{
	struct catalog_copy *c = arg;

	c->ev.done(c->arg, c->sent, c->was_there,
	    c->err.code == ERR_NONE ? NULL : &c->err);
	copy_free(c);
}

static void
on_copy_undone(void *arg, const struct err *e)
{
	struct catalog_copy *c = arg;
	struct catalog_pin *pin = c->pin;

	/* What stays is ours and is collected as garbage one day. */
	(void)e;
	hold_free(c->hold);
	c->hold = NULL;
	c->pin = NULL;
	if (pin != NULL)
		catalog_unpin(pin, on_copy_released, c);
	else
		(void)defer_call(c->env->loop, on_copy_released, c);
}

void
copy_finish(struct catalog_copy *c)
{
	BUG_IF(c->is_ending);
	c->is_ending = true;
	env_timer_stop(c->timer);
	on_copy_undone(c, NULL);
}

void
copy_fail(struct catalog_copy *c, const struct err *e)
{
	BUG_IF(c->is_ending);
	c->is_ending = true;
	env_timer_stop(c->timer);
	err_copy(&c->err, e);
	(void)err_context(&c->err, "copy snapshot %s from store '%s' to '%s'",
	    c->opt.id, store_name(c->opt.from), store_name(c->opt.to));
	/* A manifest that is under way may still land: all of it stays. */
	if (c->is_sealing)
		on_copy_undone(c, NULL);
	else
		copy_undo(c, on_copy_undone);
}

bool
copy_goes_on(struct catalog_copy *c, const struct err *e)
{
	struct err canceled = ERR_INIT;

	if (c->is_canceled && !c->is_sealing) {
		(void)err_set(&canceled, ERR_CANCELED, "canceled");
		e = &canceled;
	}
	if (e != NULL)
		copy_fail(c, e);
	return e == NULL;
}

/* --- Phases. */

static void
on_copy_read(void *arg, struct catalog_snapshot *s, const struct err *e)
{
	struct catalog_copy *c = arg;

	c->s = s;
	if (e != NULL && e->code == ERR_CORRUPT && !c->is_canceled)
		copy_damaged(c, MANIFEST_NAME, e->msg);
	else if (copy_goes_on(c, e))
		copy_plan(c);
}

static void
on_copy_pinned(void *arg, const struct err *e)
{
	struct catalog_copy *c = arg;

	CRASH_POINT("copy pinned");
	if (copy_goes_on(c, e))
		catalog_read(c->opt.from, c->opt.id, on_copy_read, c);
}

static void
copy_pin(struct catalog_copy *c)
{
	char *by = xasprintf("copy by %s", c->opt.instance);
	/* A run may copy it to several stores at the same time. */
	char *reader = xasprintf("%s-%s", c->opt.run, store_name(c->opt.to));

	c->pin = catalog_pin(c->opt.from, c->opt.id, by, reader, on_copy_pinned,
	    c);
	free(by);
	free(reader);
}

static void
on_copy_step(void *arg)
{
	static void (*const steps[])(struct catalog_copy *) = { copy_pin,
		copy_claim, copy_send, copy_prove, copy_seal };
	struct catalog_copy *c = arg;

	c->step = NULL;
	if (copy_goes_on(c, NULL))
		steps[c->phase](c);
}

void
catalog_copy_go(struct catalog_copy *c)
{
	if (!c->is_waiting) /* Canceled meanwhile. */
		return;
	c->is_waiting = false;
	c->step = defer_call(c->env->loop, on_copy_step, c);
}

static void
on_copy_entered(void *arg)
{
	struct catalog_copy *c = arg;

	c->step = NULL;
	if (!copy_goes_on(c, NULL))
		return;
	c->is_waiting = true;
	if (c->ev.phase != NULL)
		c->ev.phase(c->arg, c->phase, c);
	else
		catalog_copy_go(c);
}

void
copy_enter(struct catalog_copy *c, enum catalog_copy_phase phase)
{
	c->phase = phase;
	c->bytes = 0;
	c->step = defer_call(c->env->loop, on_copy_entered, c);
}

void
copy_tell(struct catalog_copy *c)
{
	struct stream_progress p = { 0, 0 };

	if (c->stream != NULL)
		stream_progress(c->stream, &p);
	if (c->ev.progress != NULL && !c->is_canceled)
		c->ev.progress(c->arg, c->bytes + p.bytes_read, c->total);
}

static void
on_copy_tick(void *arg)
{
	struct catalog_copy *c = arg;

	env_timer_start(c->timer, PROGRESS_MS);
	copy_tell(c);
}

struct catalog_copy *
catalog_copy(struct env *env, const struct catalog_copy_opt *opt,
    const struct catalog_copy_events *ev, void *arg)
{
	struct catalog_copy *c = xcalloc(1, sizeof(*c));

	BUG_IF(!snapshot_id_is_valid(opt->id));
	c->env = env;
	c->opt = *opt;
	c->opt.id = xstrdup(opt->id);
	c->opt.instance = xstrdup(opt->instance);
	c->opt.run = xstrdup(opt->run);
	c->ev = *ev;
	c->arg = arg;
	c->timer = env_timer_new(env, on_copy_tick, c);
	env_timer_start(c->timer, PROGRESS_MS);
	copy_enter(c, CATALOG_COPY_PIN);
	return c;
}

static void
on_copy_stopped(void *arg)
{
	struct catalog_copy *c = arg;

	c->step = NULL;
	(void)copy_goes_on(c, NULL);
}

/* What is under way and cannot be ended answers, and is the last step. */
void
catalog_copy_cancel(struct catalog_copy *c)
{
	struct stream *stream = c->stream;
	struct catalog_prove *prove = c->prove;

	if (c->is_canceled || c->is_ending || c->is_sealing)
		return;
	c->is_canceled = true;
	c->stream = NULL;
	c->prove = NULL;
	if (stream != NULL) {
		stream_cancel(stream, on_copy_stopped, c);
	} else if (prove != NULL) {
		catalog_prove_cancel(prove, on_copy_stopped, c);
	} else if (c->is_waiting) {
		c->is_waiting = false;
		c->step = defer_call(c->env->loop, on_copy_stopped, c);
	}
}
