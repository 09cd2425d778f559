/*
 * backup_transfer.c - TRANSFER: begin, health beside it, its end.  The
 * artifacts are backup_send.c, what a slow store missed is backup_feed.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/backup_int.h"

/*
 * --- Health, beside the transfer.
 */
static void
on_probed(void *arg, const char *answer, int64_t healthy_ms,
    const struct err *e)
{
	struct backup *b = arg;
	json_t *set = json_object();

	CRASH_POINT("probed");
	b->is_probing = false;
	if (answer != NULL) {
		free(b->health);
		b->health = xstrdup(answer);
		json_put_str(set, "health", answer);
		log_info("run=%" PRId64 " job=%s health=%s", b->run.id,
		    b->run.job, answer);
	}
	if (e == NULL && answer != NULL) {
		b->healthy_ms = healthy_ms;
		json_put_int(set, "healthy_ms", healthy_ms);
	}
	backup_set(b, set);
	if (e != NULL) {
		b->is_unhealthy = true;
		backup_warn(b, "%s", e->msg);
		/* It never throws the copy away. */
		if (b->error.code == ERR_NONE)
			err_copy(&b->health_err, e);
	}
	backup_transfer_check(b);
}

/*
 * --- The end of TRANSFER.
 */
static void
on_released(void *arg, const struct err *e)
{
	struct backup *b = arg;
	size_t i;
	bool is_whole = b->error.code == ERR_NONE && !b->is_unhealthy;

	CRASH_POINT("released");
	b->is_source_busy = false;
	if (b->must_give_back)
		backup_save_downtime(b);
	if (e == NULL) {
		backup_settle(b, &b->debt_services);
		backup_settle(b, &b->debt_staging);
	} else {
		backup_warn(b,
		    "removing the staging copy is still owed and "
		    "tried again: %s",
		    e->msg);
	}
	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		if (leg_is_sealed(l))
			continue;
		is_whole = false;
		if (b->error.code == ERR_NONE)
			(void)err_set(&b->error, l->err.code, "store %s: %s",
			    l->name, l->err.msg);
	}
	if (b->error.code == ERR_NONE)
		err_copy(&b->error, &b->health_err);
	/* A restart that only closes the run finds its cause. */
	if (b->error.code != ERR_NONE)
		backup_save_error(b);
	sm_move(&b->sm, is_whole ? BACKUP_DONE : BACKUP_PARTIAL);
}

void
backup_blame_first_leg(struct backup *b, struct err *e)
{
	if (b->nlegs == 0) {
		(void)err_set(e, ERR_CONFIG, "the run has no store");
		return;
	}
	err_copy(e, &b->legs[0].err);
	(void)err_context(e, "store %s", b->legs[0].name);
}

static void
backup_transfer_end(struct backup *b)
{
	struct err e;

	b->is_past_legs = true;
	env_timer_stop(b->tick);
	if (!backup_is_sealed_anywhere(b)) {
		backup_blame_first_leg(b, &e);
		backup_fail(b, &e);
		return;
	}
	b->is_source_busy = true;
	if (b->must_give_back)
		source_undo(b->source, on_released, b);
	else
		source_release(b->source, on_released, b);
}

static bool
backup_legs_idle(const struct backup *b)
{
	size_t i;

	for (i = 0; i < b->nlegs; i++)
		if (b->legs[i].is_busy)
			return false;
	return true;
}

void
backup_transfer_check(struct backup *b)
{
	size_t i, living = 0;

	if (b->sm.state != BACKUP_TRANSFER || b->sm.is_moving ||
	    b->is_past_legs || b->is_stream_busy || !backup_legs_idle(b))
		return;
	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		if (b->is_stopping && !leg_is_final(l))
			leg_drop(l, &b->error);
		living += !leg_is_final(l);
	}
	if (living > 0 && backup_feed(b))
		return;
	/* A sealed run waits for its health; one that is undone does not. */
	if (b->is_probing && !b->is_stopping && backup_is_sealed_anywhere(b))
		return;
	backup_transfer_end(b);
}

static void
on_stream_stopped(void *arg)
{
	struct backup *b = arg;

	b->stream = NULL;
	b->is_stream_busy = false;
	backup_transfer_check(b);
}

void
backup_transfer_stop(struct backup *b)
{
	size_t i;

	if (b->is_stopping) {
		/* What is under way says when it has ended, or has just now. */
		backup_transfer_check(b);
		return;
	}
	b->is_stopping = true;
	backup_feed_stop(b);
	for (i = 0; i < b->nlegs; i++)
		leg_stop_proving(&b->legs[i]);
	if (b->stream != NULL)
		stream_cancel(b->stream, on_stream_stopped, b);
	else
		backup_transfer_check(b);
}

/* What still stands from before a crash is sent again under the same claim. */
static void
backup_transfer_reset(struct backup *b)
{
	size_t i;

	for (i = 0; i < b->nlegs; i++)
		if (b->legs[i].state == LEG_SENDING) {
			b->legs[i].bytes = 0;
			b->bytes_read = b->bytes_stored = 0;
		}
}

void
backup_transfer(void *ctx)
{
	struct backup *b = ctx;

	if (b->error.code != ERR_NONE) {
		b->is_stopping = true;
		backup_transfer_check(b);
		return;
	}
	backup_transfer_reset(b);
	if (b->tick == NULL)
		b->tick = env_timer_new(b->run.d->env, backup_on_tick, b);
	b->is_probing = true;
	source_probe(b->source, on_probed, b);
	if (b->is_revived)
		backup_legs_sweep(b, backup_send_next);
	else
		backup_send_next(b);
}
