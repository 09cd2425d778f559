/*
 * backup_leg_revive.c - the stores of a run that a dead daemon left: what its
 * row says of each, and what reading says of one that was being sealed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/mem.h"
#include "job/backup_int.h"

#define SEAL_READS_MAX 3
#define SEAL_READ_EVERY_MS 2000

void
backup_legs_revive(struct backup *b, const json_t *row)
{
	const json_t *list = json_get_array(row, "stores"), *o;
	size_t i, j;

	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		l->is_claimed = b->id[0] != '\0' && l->store != NULL;
		for (j = 0; j < json_array_size(list); j++) {
			int s;

			o = json_array_get(list, j);
			s = leg_find_state(json_get_str(o, "verdict", ""));
			if (strcmp(json_get_str(o, "store", ""), l->name) != 0)
				continue;
			l->bytes = json_get_int(o, "bytes", 0);
			if (s >= 0)
				l->state = (enum leg_state)s;
			/* What a dropped one has done counts no more. */
			if (s == LEG_DROPPED)
				(void)err_set(&l->err, ERR_CRASHED, "%s",
				    json_get_str(o, "error", "dropped"));
		}
	}
}

/*
 * --- Settling by reading what a dead daemon was sealing.
 */
static void backup_legs_settle_next(struct backup *);

/* It may be sealed: nothing in that store is touched by this run any more. */
static void
leg_leave(struct leg *l, const struct err *e)
{
	struct err why = *e;

	(void)err_context(&why,
	    "whether it was sealed before the interruption is not known");
	l->is_claimed = false;
	leg_drop(l, &why);
}

static void
on_seal_read(void *arg, const struct err *e)
{
	struct leg *l = arg;
	struct backup *b = l->b;

	CRASH_POINT("seal read");
	l->is_busy = false;
	if (e == NULL) {
		leg_move(l, LEG_SEALED);
	} else if (e->code == ERR_NOT_FOUND) {
		l->state = LEG_SENDING;
	} else if (++b->seal_reads < SEAL_READS_MAX && !b->is_stop_wanted) {
		env_timer_start(b->seal_timer, SEAL_READ_EVERY_MS);
		return;
	} else {
		leg_leave(l, e);
	}
	b->seal_reads = 0;
	backup_legs_settle_next(b);
}

static void
leg_settle(struct leg *l)
{
	struct err gone = l->err;

	if (l->state == LEG_PROVING || l->state == LEG_WAITING)
		l->state = LEG_SENDING;
	if (l->store != NULL || leg_is_sealed(l) || l->state == LEG_DROPPED)
		return;
	if (l->state == LEG_SEALING)
		leg_leave(l, &gone);
	else
		leg_drop(l, &gone);
}

static void
on_leg_swept(void *arg, const struct err *e)
{
	struct leg *l = arg;

	CRASH_POINT("leg swept");
	/* What could not be swept is garbage for a later run. */
	(void)e;
	l->is_busy = false;
	backup_legs_settle_next(l->b);
}

/*
 * The id is claimed by this run, so what is half in it is a dead daemon's.  In
 * earlier states services may be down: they do not wait for a store.
 */
static bool
leg_sweep(struct leg *l)
{
	char *prefix;

	if (l->b->sm.state != BACKUP_TRANSFER || l->is_swept ||
	    !l->is_claimed || l->store == NULL || l->b->id[0] == '\0')
		return false;
	l->is_swept = l->is_busy = true;
	prefix = xasprintf("%s/", l->b->id);
	store_sweep(l->store, prefix, 0, on_leg_swept, l);
	free(prefix);
	return true;
}

/*
 * A second stream would not give the same bytes: what one store has sealed is
 * what the others get.
 */
static void
backup_legs_follow(struct backup *b)
{
	bool has_source = false;
	size_t i;

	for (i = 0; i < b->nlegs; i++)
		has_source |= leg_is_sealed(&b->legs[i]) &&
		    b->legs[i].store != NULL;
	for (i = 0; has_source && i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];
		struct err e = ERR_INIT;

		if (l->state != LEG_SENDING)
			continue;
		(void)err_set(&e, ERR_CRASHED,
		    "store %s: the daemon was interrupted before it was sealed",
		    l->name);
		leg_wait(l, &e);
	}
}

static void
backup_legs_settle_next(struct backup *b)
{
	size_t i;

	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		if (leg_sweep(l))
			return;
		leg_settle(l);
		if (l->state != LEG_SEALING)
			continue;
		l->is_busy = true;
		catalog_is_sealed(l->store, b->id, on_seal_read, l);
		return;
	}
	if (b->sm.state == BACKUP_TRANSFER)
		backup_legs_follow(b);
	b->on_legs_settled(b);
}

static void
on_seal_read_due(void *arg)
{
	backup_legs_settle_next(arg);
}

void
backup_legs_settle(struct backup *b, void (*fn)(struct backup *))
{
	b->on_legs_settled = fn;
	b->seal_timer = env_timer_new(b->run.d->env, on_seal_read_due, b);
	backup_legs_settle_next(b);
}

/*
 * --- What the dead daemon was writing goes before it is written again, where
 * services that were down came first.
 */
static void
backup_legs_swept(struct backup *b)
{
	size_t i;

	for (i = 0; i < b->nlegs; i++)
		if (b->legs[i].is_busy)
			return;
	if (b->is_stopping)
		backup_transfer_check(b);
	else
		b->on_legs_settled(b);
}

static void
on_leg_clean(void *arg, const struct err *e)
{
	struct leg *l = arg;

	CRASH_POINT("leg clean");
	/* What could not be swept is garbage for a later run. */
	(void)e;
	l->is_busy = false;
	backup_legs_swept(l->b);
}

void
backup_legs_sweep(struct backup *b, void (*fn)(struct backup *))
{
	char *prefix = xasprintf("%s/", b->id);
	size_t i;

	b->on_legs_settled = fn;
	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		if (l->state != LEG_SENDING || l->is_swept)
			continue;
		l->is_swept = l->is_busy = true;
		store_sweep(l->store, prefix, 0, on_leg_clean, l);
	}
	free(prefix);
	backup_legs_swept(b);
}
