/* hosted_ops.c - the operations, each a few verbs in a row; see hosted.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/hosted.h"
#include "source/idle.h"

#define MINUTE_MS INT64_C(60000)

json_t *
hosted_save(struct source *s)
{
	json_t *copy = json_deep_copy(hosted_of(s)->st);

	BUG_IF(copy == NULL);
	return copy;
}

const struct source_facts *
hosted_facts_of(struct source *s)
{
	return &hosted_of(s)->facts;
}

/* Which operation was begun last, for whoever settles after a crash. */
static void
hosted_step(struct hosted *h, const char *step)
{
	json_put_str(h->st, "step", step);
}

static void
on_hosted_soon(void *arg)
{
	struct hosted *h = arg;
	struct err e = h->op_err;

	h->defer = NULL;
	hosted_end(h, &e);
}

static void
hosted_end_soon(struct hosted *h, const struct err *e)
{
	err_copy(&h->op_err, e);
	h->defer = defer_call(h->src.env.env->loop, on_hosted_soon, h);
}

/* ---- prepare ---- */

static void
on_prepare_idle(void *arg, const struct err *e)
{
	struct hosted *h = arg;

	h->idle = NULL;
	hosted_end(h, e);
}

static void
on_prepared(struct hosted *h, const struct err *e)
{
	const json_t *idle = json_get_object(h->src.env.cfg, "idle");

	if (e != NULL) {
		hosted_beat_stop(h);
		hosted_end(h, e);
		return;
	}
	CRASH_POINT("source-prepared");
	if (h->facts.has_services && idle == NULL)
		hosted_warn(h,
		    "it was not checked that indexing is idle "
		    "(source.idle)");
	if (!h->facts.has_services || idle == NULL) {
		hosted_end(h, NULL);
		return;
	}
	h->idle = idle_start(&h->src.env, h->host, idle, false, on_prepare_idle,
	    h);
}

void
hosted_prepare(struct source *s, source_done_fn *fn, void *arg)
{
	struct hosted *h = hosted_of(s);
	struct hosted_verb v = { .name = "prepare" };

	hosted_begin(h, fn, arg, false);
	hosted_step(h, "PREPARE");
	json_object_del(h->st, "mounts");
	json_object_del(h->st, "ran");
	json_object_del(h->st, "kib");
	/* The lock is only as good as its holder's sign of life. */
	hosted_beat_start(h);
	v.deadline_ms = json_get_int(s->env.cfg, "lock_wait", 0) +
	    20 * MINUTE_MS;
	hosted_call(h, &v, on_prepared);
}

/* ---- quiesce: arm, see the helper live, stop ---- */

static void
on_stopped(struct hosted *h, const struct err *e)
{
	CRASH_POINT("source-stopped");
	hosted_end(h, e);
}

static void
quiesce_stop(struct hosted *h)
{
	struct hosted_verb v = { .name = "stop" };
	int64_t each = json_get_int(h->src.env.cfg, "stop_timeout", 60000);
	size_t n = json_array_size(json_object_get(h->st, "ran"));

	CRASH_POINT("source-armed");
	v.deadline_ms = (int64_t)(n + 1) * (each + 2 * MINUTE_MS);
	hosted_call(h, &v, on_stopped);
}

static void
on_quiesce_idle(void *arg, const struct err *e)
{
	struct hosted *h = arg;

	h->idle = NULL;
	if (e != NULL)
		hosted_end(h, e);
	else
		quiesce_stop(h);
}

/* An upload may have begun since prepare: one more look, then at once. */
static void
quiesce_look(struct hosted *h)
{
	const json_t *idle = json_get_object(h->src.env.cfg, "idle");

	if (idle == NULL || !h->facts.has_services)
		quiesce_stop(h);
	else
		h->idle = idle_start(&h->src.env, h->host, idle, true,
		    on_quiesce_idle, h);
}

static void
on_verified(struct hosted *h, const struct err *e)
{
	if (e != NULL) {
		hosted_end(h, e);
		return;
	}
	if (!h->facts.is_reboot_safe)
		hosted_warn(h,
		    "a reboot of the host between stop and start "
		    "is not covered: atd does not run there");
	quiesce_look(h);
}

static void
on_armed(struct hosted *h, const struct err *e)
{
	struct hosted_verb v = { .name = "verify",
		.is_common = true,
		.is_fresh = true,
		.deadline_ms = 2 * MINUTE_MS };

	if (e != NULL)
		hosted_end(h, e);
	else if (!h->facts.has_services)
		quiesce_stop(h);
	else
		hosted_call(h, &v, on_verified);
}

void
hosted_quiesce(struct source *s, source_done_fn *fn, void *arg)
{
	struct hosted *h = hosted_of(s);
	struct hosted_verb v = { .name = "arm", .deadline_ms = 5 * MINUTE_MS };

	hosted_begin(h, fn, arg, false);
	hosted_step(h, "QUIESCE");
	json_object_del(h->st, "ran");
	json_object_del(h->st, "arms");
	hosted_beat_start(h);
	hosted_call(h, &v, on_armed);
}

/* ---- capture, resume ---- */

static void
on_captured(struct hosted *h, const struct err *e)
{
	CRASH_POINT("source-captured");
	hosted_end(h, e);
}

void
hosted_capture(struct source *s, source_done_fn *fn, void *arg)
{
	struct hosted *h = hosted_of(s);
	struct hosted_verb v = { .name = "capture" };
	struct err e = ERR_INIT;

	hosted_begin(h, fn, arg, false);
	hosted_step(h, "CAPTURE");
	if (h->is_over_budget) {
		(void)err_set(&e, ERR_BUDGET,
		    "the services were down for "
		    "longer than downtime_budget before the copy began");
		hosted_end_soon(h, &e);
		return;
	}
	v.deadline_ms = h->facts.has_services
	    ? json_get_int(json_get_object(s->env.cfg, "deadman"),
		  "max_downtime", 15 * MINUTE_MS) +
		MINUTE_MS
	    : 24 * 60 * MINUTE_MS;
	hosted_call(h, &v, on_captured);
}

static void
on_resumed(struct hosted *h, const struct err *e)
{
	int64_t budget = json_get_int(h->src.env.cfg, "downtime_budget", 0);
	struct err over = ERR_INIT;
	char is[32], limit[32];

	hosted_beat_stop(h);
	hosted_stop_budget(h);
	CRASH_POINT("source-resumed");
	if (e == NULL && budget > 0 && h->facts.downtime_ms > budget) {
		str_format_duration(h->facts.downtime_ms, is, sizeof(is));
		str_format_duration(budget, limit, sizeof(limit));
		(void)err_set(&over, ERR_BUDGET,
		    "the services were down for "
		    "%s, downtime_budget is %s",
		    is, limit);
		e = &over;
	}
	hosted_end(h, e);
}

void
hosted_resume(struct source *s, source_done_fn *fn, void *arg)
{
	struct hosted *h = hosted_of(s);
	struct hosted_verb v = { .name = "resume",
		.deadline_ms = 20 * MINUTE_MS };

	hosted_begin(h, fn, arg, true);
	hosted_step(h, "RESUME");
	hosted_beat_start(h);
	hosted_call(h, &v, on_resumed);
}

/* ---- giving back ---- */

static void
on_cleaned(struct hosted *h, const struct err *e)
{
	hosted_beat_stop(h);
	hosted_stop_budget(h);
	if (e == NULL) {
		json_put_bool(h->st, "is_resumed", true);
		hosted_step(h, "RELEASED");
	}
	hosted_end(h, e);
}

static void
hosted_give_back(struct source *s, const char *verb, source_done_fn *fn,
    void *arg)
{
	struct hosted *h = hosted_of(s);
	struct hosted_verb v = { .name = verb, .deadline_ms = 20 * MINUTE_MS };

	hosted_begin(h, fn, arg, true);
	hosted_call(h, &v, on_cleaned);
}

void
hosted_release(struct source *s, source_done_fn *fn, void *arg)
{
	hosted_give_back(s, "release", fn, arg);
}

void
hosted_undo(struct source *s, source_done_fn *fn, void *arg)
{
	hosted_give_back(s, "undo", fn, arg);
}

/* ---- cancel ---- */

static void
on_hosted_canceled(void *arg, const struct err *gone)
{
	struct hosted *h = arg;
	struct err e = ERR_INIT;

	h->is_stopping = false;
	(void)err_set(&e, ERR_CANCELED, "canceled%s%s",
	    gone == NULL ? "" : "; the script on the host may still run: ",
	    gone == NULL ? "" : gone->msg);
	hosted_end(h, &e);
}

static void
on_cancel_soon(void *arg)
{
	struct hosted *h = arg;
	source_done_fn *fn = h->cancel_fn;

	h->cancel_defer = NULL;
	h->cancel_fn = NULL;
	fn(h->cancel_arg, NULL);
}

void
hosted_cancel(struct source *s, source_done_fn *fn, void *arg)
{
	struct hosted *h = hosted_of(s);
	struct err e = ERR_INIT;

	BUG_IF(h->cancel_fn != NULL);
	h->cancel_fn = fn;
	h->cancel_arg = arg;
	health_cancel(h);
	if (h->fn == NULL) {
		h->cancel_defer = defer_call(s->env.env->loop, on_cancel_soon,
		    h);
		return;
	}
	if (h->is_giving_back || h->is_stopping || h->defer != NULL)
		return;
	if (h->idle != NULL) {
		idle_free(h->idle);
		h->idle = NULL;
		(void)err_set(&e, ERR_CANCELED, "canceled");
		hosted_end_soon(h, &e);
		return;
	}
	h->is_stopping = true;
	h->next = NULL;
	host_run_cancel(h->run, on_hosted_canceled, h);
	h->run = NULL;
}

/* ---- after a restart ---- */

static void
on_recover_done(void *arg, const struct err *e)
{
	struct hosted *h = arg;
	source_recover_fn *fn = h->recover_fn;
	bool is_whole = e == NULL &&
	    strcmp(json_get_str(h->st, "whole", ""), "yes") == 0;

	h->recover_fn = NULL;
	fn(h->recover_arg, is_whole ? SOURCE_RERUN : SOURCE_UNDO, e);
}

static void
on_recovered(struct hosted *h, const struct err *e)
{
	hosted_end(h, e);
}

/* Before CAPTURE nothing can stand; then the host knows. */
void
hosted_recover(struct source *s, const char *state, source_recover_fn *fn,
    void *arg)
{
	static const char *const early[] = { "QUEUED", "PREPARE", "QUIESCE",
		"UNDO", "" };
	struct hosted *h = hosted_of(s);
	struct hosted_verb v = { .name = "recover",
		.deadline_ms = 3 * MINUTE_MS };
	size_t i;

	h->recover_fn = fn;
	h->recover_arg = arg;
	json_object_del(h->st, "whole");
	hosted_begin(h, on_recover_done, h, false);
	for (i = 0; i < COUNT_OF(early); i++)
		if (strcmp(state, early[i]) == 0) {
			hosted_end_soon(h, NULL);
			return;
		}
	hosted_call(h, &v, on_recovered);
}
