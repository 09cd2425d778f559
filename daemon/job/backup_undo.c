/*
 * backup_undo.c - giving back: UNDO, debts, and the end of a run.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/backup_int.h"
#include "runner.h"

void
backup_settle(struct backup *b, int64_t *debt)
{
	if (*debt != 0)
		history_debt_settle(b->run.d->history, *debt, run_on_history,
		    NULL);
	*debt = 0;
}

/*
 * --- Throwing away what is in the stores.  What cannot be removed now is
 * garbage with a claim of ours, and collected later.
 */
static void
backup_undone(struct backup *b)
{
	sm_move(&b->sm,
	    b->error.code == ERR_CANCELED ? BACKUP_CANCELED : BACKUP_FAILED);
}

static void backup_remove_next(struct backup *);
static void backup_finish(struct backup *);

static void
on_leg_removed(void *arg, const struct err *e)
{
	struct leg *l = arg;

	CRASH_POINT("leftovers removed");
	l->is_busy = false;
	l->is_claimed = false;
	if (e != NULL)
		backup_warn(l->b,
		    "store %s: leftovers of %s stay until they "
		    "are collected: %s",
		    l->name, l->b->id, e->msg);
	backup_remove_next(l->b);
}

/*
 * A dead daemon may have claimed an id that it could not write down: the claim
 * says whose it is.
 */
static bool
on_is_over(void *arg, const char *uuid)
{
	struct leg *l = arg;

	return strcmp(uuid, l->b->run.uuid) == 0 ||
	    !runner_is_active(l->b->run.d->runner, uuid);
}

static void
on_claim_collected(void *arg, json_t *list, const struct err *e)
{
	struct leg *l = arg;

	CRASH_POINT("claim collected");
	l->is_busy = false;
	if (e != NULL)
		backup_warn(l->b, "store %s: collecting leftovers: %s", l->name,
		    e->msg);
	leg_log_deleted(l, list, "left by a run that ended");
	json_decref(list);
	backup_remove_next(l->b);
}

static bool
backup_collect_claim(struct backup *b, struct leg *l)
{
	if (!b->is_revived || b->id[0] != '\0' || l->is_collected ||
	    l->store == NULL || sm_is_final(&b->sm))
		return false;
	l->is_collected = true;
	l->is_busy = true;
	catalog_collect(b->run.d->env, l->store,
	    history_instance(b->run.d->history), on_is_over,
	    json_get_int(conf_daemon(b->run.d->conf), "gc_age", GC_AGE_MS),
	    on_claim_collected, l);
	return true;
}

static void
backup_remove_next(struct backup *b)
{
	size_t i;

	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		if (backup_collect_claim(b, l))
			return;
		if (!l->is_claimed || l->store == NULL || leg_is_sealed(l))
			continue;
		/* A store that hangs does not hold up the others' end. */
		if (sm_is_final(&b->sm) && l->err.code == ERR_TIMEOUT)
			continue;
		if (!leg_is_final(l))
			leg_drop(l, &b->error);
		l->is_busy = true;
		catalog_remove(l->store, b->id, on_leg_removed, l);
		return;
	}
	if (sm_is_final(&b->sm))
		backup_finish(b);
	else
		backup_undone(b);
}

static void
on_undone(void *arg, const struct err *e)
{
	struct backup *b = arg;
	struct err why;

	CRASH_POINT("undone");
	b->is_source_busy = false;
	backup_save_downtime(b);
	if (e == NULL) {
		backup_settle(b, &b->debt_services);
		backup_settle(b, &b->debt_staging);
	} else {
		err_copy(&why, e);
		log_error("run=%" PRId64 " job=%s undo error=\"%s\"", b->run.id,
		    b->run.job, e->msg);
		backup_warn(b, "giving back is still owed and tried again: %s",
		    e->msg);
	}
	backup_remove_next(b);
}

void
backup_undo(void *ctx)
{
	struct backup *b = ctx;

	if (b->source == NULL) {
		backup_remove_next(b);
		return;
	}
	b->is_source_busy = true;
	source_undo(b->source, on_undone, b);
}

/*
 * --- The end.
 */
static const char *
backup_verdict(const struct backup *b)
{
	switch (b->sm.state) {
	case BACKUP_DONE:
		return "done";
	case BACKUP_PARTIAL:
		return "partial";
	case BACKUP_CANCELED:
		return "canceled";
	default:
		return "failed";
	}
}

static void
on_closed(void *arg, const struct err *e)
{
	struct backup *b = arg;

	CRASH_POINT("closed");
	run_on_history(NULL, e);
	/* The run is over whatever its row says: that is made good later. */
	if (e != NULL)
		runner_close_row(b->run.d->runner, b->run.id, b->last);
	b->run.on_ended(&b->run);
}

/* All that may have been lost while the history could not be written. */
static json_t *
backup_last_words(const struct backup *b)
{
	json_t *set = json_object();
	bool is_there = b->sm.state == BACKUP_DONE ||
	    b->sm.state == BACKUP_PARTIAL;

	json_put_str(set, "state", b->run.state);
	json_put_int(set, "finished", env_wall_ms(b->run.d->env));
	json_put_str(set, "error",
	    b->error.code == ERR_NONE ? NULL : b->error.msg);
	json_put_str(set, "error_code",
	    b->error.code == ERR_NONE ? NULL : err_name(b->error.code));
	json_put_str(set, "snapshot", is_there ? b->id : NULL);
	json_put(set, "warnings", json_deep_copy(b->warnings));
	json_put_int(set, "bytes_read", b->bytes_read);
	json_put_int(set, "bytes_stored", b->bytes_stored);
	if (b->healthy_ms >= 0)
		json_put_int(set, "healthy_ms", b->healthy_ms);
	if (b->downtime_ms > 0)
		json_put_int(set, "downtime_ms", b->downtime_ms);
	if (b->source != NULL && source_facts(b->source)->as_of_ms > 0)
		json_put_int(set, "as_of", source_facts(b->source)->as_of_ms);
	return set;
}

static void
backup_finish(struct backup *b)
{
	b->run.state = backup_verdict(b);
	env_timer_stop(b->timeout);
	b->last = backup_last_words(b);
	log_info("run=%" PRId64 " job=%s state=%s snapshot=%s bytes=%" PRId64
		 " downtime_ms=%" PRId64 " health=%s error=\"%s\"",
	    b->run.id, b->run.job, b->run.state,
	    json_get_str(b->last, "snapshot", "-"), b->bytes_stored,
	    b->downtime_ms, b->health == NULL ? "-" : b->health, b->error.msg);
	history_run_set(b->run.d->history, b->run.id, json_deep_copy(b->last),
	    on_closed, b);
}

/* A partial run takes what it has in the stores that were dropped with it. */
void
backup_close(void *ctx)
{
	backup_remove_next(ctx);
}
