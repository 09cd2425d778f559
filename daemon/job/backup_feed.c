/*
 * backup_feed.c - a store that was too slow for the stream gets the snapshot
 * afterwards, at its own pace, from one of the run's that is sealed.
 *
 *	WAITING -> SENDING -> PROVING -> SEALING -> SEALED
 *	   ^----------'  the store it came from failed: the next one
 *
 * When none is sealed, because the faster ones failed, it is read once more
 * for the slow ones.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/backup_int.h"

static void
on_feed_phase(void *arg, enum catalog_copy_phase phase,
    struct catalog_copy *copy)
{
	struct leg *l = arg;

	if (phase == CATALOG_COPY_SENDING)
		leg_move(l, LEG_SENDING);
	else if (phase == CATALOG_COPY_PROVING)
		leg_move(l, LEG_PROVING);
	else if (phase == CATALOG_COPY_SEALING)
		leg_move(l, LEG_SEALING);
	catalog_copy_go(copy);
}

static void
on_feed_progress(void *arg, int64_t bytes, int64_t total)
{
	struct leg *l = arg;

	run_event_progress(&l->b->run, "FEEDING", bytes, total);
}

/* What it had already: only its manifest was asked for. */
static void
leg_fed_at_once(struct leg *l)
{
	leg_move(l, LEG_SENDING);
	leg_move(l, LEG_PROVING);
	leg_move(l, LEG_SEALING);
}

static void
on_fed(void *arg, int64_t bytes, bool was_there, const struct err *e)
{
	struct leg *l = arg;

	CRASH_POINT("fed");
	l->feed = NULL;
	l->is_busy = false;
	l->bytes = bytes;
	if (e == NULL) {
		if (was_there && l->state == LEG_WAITING)
			leg_fed_at_once(l);
		err_clear(&l->err);
		leg_sealed(l);
	} else {
		err_copy(&l->err, e);
		if (l->state == LEG_SENDING)
			leg_move(l, LEG_WAITING);
		else if (l->state != LEG_WAITING)
			leg_drop(l, e);
	}
	backup_transfer_check(l->b);
}

/* The next of the run's stores that has it. */
static struct leg *
leg_source(struct leg *l)
{
	struct backup *b = l->b;

	while (l->fed_from < b->nlegs) {
		struct leg *from = &b->legs[l->fed_from++];

		if (leg_is_sealed(from) && from->store != NULL)
			return from;
	}
	return NULL;
}

static bool
leg_feed(struct leg *l)
{
	static const struct catalog_copy_events events = { on_feed_phase,
		on_feed_progress, on_fed };
	struct backup *b = l->b;
	const json_t *cfg = json_get_object(json_get_object(b->run.frozen,
						"stores"),
	    l->name);
	struct leg *from = leg_source(l);
	struct catalog_copy_opt o;

	if (from == NULL)
		return false;
	log_info("run=%" PRId64 " job=%s store=%s feeding=%s", b->run.id,
	    b->run.job, l->name, from->name);
	memset(&o, 0, sizeof(o));
	o.from = from->store;
	o.to = l->store;
	o.pool = b->run.d->pool;
	o.id = b->id;
	o.instance = history_instance(b->run.d->history);
	o.run = b->run.uuid;
	o.is_claimed = true;
	o.min_rate = json_get_int(cfg, "min_rate", 0);
	o.stall_ms = json_get_int(cfg, "stall", 60000);
	l->is_busy = true;
	l->feed = catalog_copy(b->run.d->env, &o, &events, l);
	return true;
}

/* All that was read can be read once more. */
static bool
backup_is_rereadable(struct backup *b)
{
	const struct source_artifact *a;
	size_t i;

	for (i = 0; (a = source_artifact(b->source, i)) != NULL; i++)
		if (!a->is_rereadable)
			return false;
	return true;
}

/* What was sent is forgotten; the id and its claims stay. */
static void
backup_forget_sent(struct backup *b)
{
	size_t i;

	for (i = 0; i < b->nfiles; i++)
		free(b->names[i]);
	b->nfiles = 0;
	manifest_free(b->manifest);
	b->manifest = manifest_new();
	(void)json_array_clear(b->artifacts);
	for (i = 0; i < COUNT_OF(b->extra_text); i++) {
		free(b->extra_text[i]);
		b->extra_text[i] = NULL;
	}
	b->bytes_read = b->bytes_stored = 0;
	b->artifact = 0;
	b->tries = 0;
}

/*
 * The faster ones have failed, none is sealed: a slow store is better than no
 * backup.  Once: what comes to nothing then is over.
 */
static bool
backup_send_again(struct backup *b)
{
	size_t i;

	if (b->is_sent_again || backup_is_sealed_anywhere(b) ||
	    !backup_is_rereadable(b))
		return false;
	b->is_sent_again = true;
	backup_warn(b, "no store has it: sent again to those that were slow");
	backup_forget_sent(b);
	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		if (l->state != LEG_WAITING)
			continue;
		l->is_fed = false;
		l->nproofs = l->extra = 0;
		l->bytes = 0;
		err_clear(&l->err);
		leg_move(l, LEG_SENDING);
	}
	backup_send_next(b);
	return true;
}

bool
backup_feed(struct backup *b)
{
	size_t i, busy = 0, living = 0;

	for (i = 0; i < b->nlegs; i++)
		living += !leg_is_final(&b->legs[i]) &&
		    b->legs[i].state != LEG_WAITING;
	/* Others are still on their way: one of them may be the source. */
	if (living > 0 || backup_send_again(b))
		return true;
	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		if (l->state != LEG_WAITING)
			continue;
		if (leg_feed(l)) {
			busy++;
		} else {
			struct err why = l->err;

			leg_drop(l, &why);
		}
	}
	return busy > 0;
}

void
backup_feed_stop(struct backup *b)
{
	size_t i;

	for (i = 0; i < b->nlegs; i++)
		if (b->legs[i].feed != NULL)
			catalog_copy_cancel(b->legs[i].feed);
}
