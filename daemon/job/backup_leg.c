/*
 * backup_leg.c - one store of a run, from its first byte to its retention.
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

#define LEG_TO(s) (1u << LEG_##s)

static const struct {
	const char *word;
	unsigned may_go;
} legs[LEG_STATE_COUNT] = {
	[LEG_WAITING] = { "waiting", LEG_TO(SENDING) | LEG_TO(DROPPED) },
	[LEG_SENDING] = { "sending",
	    LEG_TO(PROVING) | LEG_TO(WAITING) | LEG_TO(DROPPED) },
	[LEG_PROVING] = { "proving", LEG_TO(SEALING) | LEG_TO(DROPPED) },
	[LEG_SEALING] = { "sealing", LEG_TO(SEALED) | LEG_TO(DROPPED) },
	[LEG_SEALED] = { "sealed", LEG_TO(PRUNED) },
	[LEG_PRUNED] = { "pruned", 0 },
	[LEG_DROPPED] = { "dropped", 0 },
};

const char *
leg_word(enum leg_state s)
{
	return legs[s].word;
}

int
leg_find_state(const char *word)
{
	unsigned i;

	for (i = 0; i < LEG_STATE_COUNT; i++)
		if (strcmp(legs[i].word, word) == 0)
			return (int)i;
	return -1;
}

bool
leg_is_sealed(const struct leg *l)
{
	return l->state == LEG_SEALED || l->state == LEG_PRUNED;
}

bool
leg_is_final(const struct leg *l)
{
	return l->state == LEG_PRUNED || l->state == LEG_DROPPED ||
	    (l->state == LEG_SEALED && l->b->is_stopping && !l->is_busy);
}

static void
leg_write(struct leg *l, history_done_fn *fn, void *arg)
{
	history_run_store(l->b->run.d->history, l->b->run.id, l->name,
	    legs[l->state].word, l->bytes,
	    l->err.code == ERR_NONE ? NULL : l->err.msg,
	    env_wall_ms(l->b->run.d->env), fn, arg);
}

static void
leg_enter(struct leg *l, enum leg_state to)
{
	CRASH_POINT(legs[to].word);
	BUG_IF((legs[l->state].may_go & 1u << to) == 0);
	l->state = to;
}

void
leg_move(struct leg *l, enum leg_state to)
{
	leg_enter(l, to);
	leg_write(l, run_on_history, NULL);
}

void
leg_drop(struct leg *l, const struct err *e)
{
	err_copy(&l->err, e);
	log_warn("run=%" PRId64 " job=%s store=%s dropped=\"%s\"", l->b->run.id,
	    l->b->run.job, l->name, e->msg);
	leg_move(l, LEG_DROPPED);
}

void
leg_wait(struct leg *l, const struct err *e)
{
	err_copy(&l->err, e);
	backup_warn(l->b, "%s; it is fed from another that is sealed", e->msg);
	l->is_fed = true;
	leg_move(l, LEG_WAITING);
}

/*
 * --- Opening.
 */
int
backup_legs_open(struct backup *b, struct err *e)
{
	const json_t *list = json_get_array(run_job_cfg(&b->run), "stores");
	size_t i, alive = 0;

	b->nlegs = json_array_size(list);
	b->legs = xcalloc(b->nlegs, sizeof(*b->legs));
	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];
		struct err why = ERR_INIT;

		l->b = b;
		l->cfg = json_array_get(list, i);
		l->name = json_get_str(l->cfg, "store", "?");
		l->store = daemon_store(b->run.d, b->run.frozen, l->name, &why);
		if (l->store == NULL && b->restart == SM_QUEUE_AGAIN)
			leg_drop(l, &why);
		else
			err_copy(&l->err, &why);
		alive += l->store != NULL;
		if (l->store == NULL && alive == 0)
			err_copy(e, &why);
	}
	if (alive == 0)
		return err_context(e, "no store can be used");
	err_clear(e);
	return 0;
}

void
backup_legs_free(struct backup *b)
{
	size_t i;

	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		BUG_IF(l->is_busy);
		store_close(l->store);
		free(l->files);
		free(l->proofs);
		free(l->place);
	}
	free(b->legs);
}

/*
 * --- Retention, then this instance's garbage.
 */
static void
leg_done(struct leg *l)
{
	l->is_busy = false;
	backup_transfer_check(l->b);
}

static bool
on_is_final(void *arg, const char *run)
{
	struct leg *l = arg;

	return !runner_is_active(l->b->run.d->runner, run);
}

void
leg_log_deleted(struct leg *l, const json_t *list, const char *why)
{
	size_t i;
	const json_t *o;

	for (i = 0; i < json_array_size(list); i++) {
		o = json_array_get(list, i);
		if (json_get_str(o, "error", NULL) != NULL)
			backup_warn(l->b, "store %s: removing %s: %s", l->name,
			    json_get_str(o, "id", "?"),
			    json_get_str(o, "error", ""));
		if (!json_get_bool(o, "deleted", false))
			continue;
		log_info("run=%" PRId64 " store=%s deleted=%s reason=\"%s\"",
		    l->b->run.id, l->name, json_get_str(o, "id", "?"),
		    json_get_str(o, "reason", why));
		history_deleted(l->b->run.d->history, l->b->run.id, l->name,
		    json_get_str(o, "id", "?"), json_get_str(o, "reason", why),
		    env_wall_ms(l->b->run.d->env), run_on_history, NULL);
	}
}

static void
on_collected(void *arg, json_t *list, const struct err *e)
{
	struct leg *l = arg;

	CRASH_POINT("collected");
	if (e != NULL)
		backup_warn(l->b, "store %s: collecting leftovers: %s", l->name,
		    e->msg);
	leg_log_deleted(l, list, "left by a run that ended");
	json_decref(list);
	leg_done(l);
}

static void
on_pruned(void *arg, json_t *list, const struct err *e)
{
	struct leg *l = arg;

	if (e != NULL)
		backup_warn(l->b, "store %s: retention: %s", l->name, e->msg);
	leg_log_deleted(l, list, "retention");
	json_decref(list);
	leg_move(l, LEG_PRUNED);
	catalog_collect(l->b->run.d->env, l->store,
	    history_instance(l->b->run.d->history), on_is_final,
	    json_get_int(conf_daemon(l->b->run.d->conf), "gc_age", GC_AGE_MS),
	    on_collected, l);
}

static void
leg_prune(struct leg *l)
{
	const json_t *keep = json_get_object(l->cfg, "keep");
	struct retention_policy policy;

	retention_policy_read(keep, &policy);
	l->is_busy = true;
	catalog_prune(l->b->run.d->env, l->store, l->b->run.job, &policy, false,
	    on_pruned, l);
}

void
leg_sealed(struct leg *l)
{
	leg_move(l, LEG_SEALED);
	if (!l->b->is_stopping)
		leg_prune(l);
}

/*
 * --- README.md and snapshot.json, proof, the commit.
 */
static void
on_sealed(void *arg, const struct err *e)
{
	struct leg *l = arg;

	CRASH_POINT("seal answered");
	l->is_busy = false;
	/* A snapshot that this run did not seal is not this run's to remove. */
	if (e != NULL && e->code == ERR_CONFLICT)
		l->is_claimed = false;
	if (e != NULL)
		leg_drop(l, e);
	else
		leg_sealed(l);
	backup_transfer_check(l->b);
}

static void
on_sealing_written(void *arg, const struct err *e)
{
	struct leg *l = arg;
	struct err why;

	l->is_busy = false;
	if (e != NULL) {
		err_copy(&why, e);
		(void)err_context(&why, "history");
		leg_drop(l, &why);
	} else if (!l->b->is_stopping) {
		l->is_busy = true;
		catalog_seal(l->store, l->b->id, l->b->manifest, on_sealed, l);
		return;
	}
	backup_transfer_check(l->b);
}

/* Durable before the commit: after a crash a store that may be sealed is read,
 * any other one is written again. */
static void
leg_seal(struct leg *l)
{
	leg_enter(l, LEG_SEALING);
	l->is_busy = true;
	leg_write(l, on_sealing_written, l);
}

static void
on_proven(void *arg, const struct err *e)
{
	struct leg *l = arg;

	CRASH_POINT("proven");
	l->prove = NULL;
	l->is_busy = false;
	if (e != NULL) {
		leg_drop(l, e);
	} else if (!l->b->is_stopping) {
		leg_seal(l);
		return;
	}
	backup_transfer_check(l->b);
}

static void
on_prove_progress(void *arg, int64_t bytes)
{
	struct leg *l = arg;

	run_event_progress(&l->b->run, "PROVING", bytes, l->bytes);
}

/* What must be in the store: the run's files, with this store's proofs. */
static void
leg_prove(struct leg *l)
{
	struct backup *b = l->b;
	size_t i;

	BUG_IF(l->nproofs != b->nfiles);
	l->files = xcalloc(b->nfiles, sizeof(*l->files));
	for (i = 0; i < b->nfiles; i++) {
		l->files[i].name = b->names[i];
		l->files[i].size = b->sizes[i];
		l->files[i].sha256 =
		    manifest_find(b->manifest, b->names[i])->sha256;
		l->files[i].proof = &l->proofs[i];
	}
	leg_move(l, LEG_PROVING);
	l->prove = catalog_prove(l->store, b->id, l->files, b->nfiles,
	    on_prove_progress, on_proven, l);
}

static void
on_proving_stopped(void *arg)
{
	struct leg *l = arg;

	l->is_busy = false;
	backup_transfer_check(l->b);
}

void
leg_stop_proving(struct leg *l)
{
	struct catalog_prove *prove = l->prove;

	l->prove = NULL;
	if (prove != NULL)
		catalog_prove_cancel(prove, on_proving_stopped, l);
}

static void leg_put_extra(struct leg *);

static void
on_extra_put(void *arg, const struct store_proof *proof, const struct err *e)
{
	struct leg *l = arg;

	l->is_busy = false;
	if (e != NULL) {
		leg_drop(l, e);
	} else {
		leg_sent(l, proof);
		l->extra++;
		if (!l->b->is_stopping) {
			leg_put_extra(l);
			return;
		}
	}
	backup_transfer_check(l->b);
}

static void
leg_put_extra(struct leg *l)
{
	static const char *const names[] = { SNAPSHOT_README_NAME,
		SNAPSHOT_JSON_NAME };
	struct backup *b = l->b;
	char *key;

	l->is_busy = true;
	if (l->extra < COUNT_OF(names)) {
		key = xasprintf("%s/%s", b->id, names[l->extra]);
		store_put_bytes(l->store, key, b->extra_text[l->extra],
		    b->extra_len[l->extra], false, on_extra_put, l);
		free(key);
		return;
	}
	leg_prove(l);
}

void
leg_sent(struct leg *l, const struct store_proof *proof)
{
	BUG_IF(l->nproofs >= l->b->nfiles);
	l->proofs = xrealloc(l->proofs, (l->nproofs + 1) * sizeof(*l->proofs));
	l->proofs[l->nproofs] = *proof;
	l->bytes += l->b->sizes[l->nproofs];
	l->nproofs++;
	leg_write(l, run_on_history, NULL);
}

/* Sealed before a crash, and its store cannot be opened any more. */
static void
leg_skip_prune(struct leg *l)
{
	backup_warn(l->b, "store %s: retention: %s", l->name, l->err.msg);
	leg_move(l, LEG_PRUNED);
}

void
leg_finish(struct leg *l)
{
	if (l->state == LEG_SEALED && !l->is_busy && l->store == NULL)
		leg_skip_prune(l);
	else if (l->state == LEG_SEALED && !l->is_busy)
		leg_prune(l);
	else if (l->state == LEG_SENDING && !l->is_fed)
		leg_put_extra(l);
}
