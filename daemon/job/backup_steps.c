/*
 * backup_steps.c - PREPARE, QUIESCE, CAPTURE, RESUME: the part with a downtime.
 */
#include "base/crash.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "job/backup_int.h"
#include "runner.h"

/* A cancel or a timeout came while something else was awaited. */
static bool
backup_is_stopped(struct backup *b)
{
	if (b->error.code == ERR_NONE)
		return false;
	backup_fail(b, &b->error);
	return true;
}

static json_t *
backup_debt_data(struct backup *b)
{
	json_t *data = json_object();

	json_put_str(data, "uuid", b->run.uuid);
	json_put(data, "config", json_deep_copy(b->run.frozen));
	json_put(data, "saved", source_save(b->source));
	return data;
}

static void
backup_owe(struct backup *b, const char *kind, history_id_fn *fn)
{
	json_t *data = backup_debt_data(b);

	history_debt_add(b->run.d->history, b->run.id, b->run.job, kind,
	    b->run.host, data, env_wall_ms(b->run.d->env), fn, b);
	json_decref(data);
}

/*
 * --- PREPARE.
 */
static void
on_services_owed(void *arg, int64_t id, const struct err *e)
{
	struct backup *b = arg;

	CRASH_POINT("services owed");
	if (e != NULL) {
		backup_fail(b, e);
		return;
	}
	b->debt_services = id;
	if (!backup_is_stopped(b))
		sm_move(&b->sm, BACKUP_QUIESCE);
}

/* Known durably before anything stops: an id without a row is no id. */
static void
on_claim_saved(void *arg, const struct err *e)
{
	struct backup *b = arg;

	if (e != NULL) {
		backup_fail(b, e);
		return;
	}
	if (backup_is_stopped(b))
		return;
	if (source_facts(b->source)->has_services)
		backup_owe(b, "services", on_services_owed);
	else
		sm_move(&b->sm, BACKUP_QUIESCE);
}

static void
backup_save_claim(struct backup *b)
{
	json_t *set = json_object();

	json_put_str(set, "snapshot", b->id);
	json_put(set, "source", source_save(b->source));
	history_run_set(b->run.d->history, b->run.id, set, on_claim_saved, b);
}

/* Times and ids found meanwhile, for a restart. */
static void
backup_save_source(struct backup *b)
{
	json_t *set = json_object();

	if (source_facts(b->source)->as_of_ms > 0)
		json_put_int(set, "as_of", source_facts(b->source)->as_of_ms);
	json_put(set, "source", source_save(b->source));
	backup_set(b, set);
}

static void
on_claimed(void *arg, const char *id, const struct err *errs,
    const struct err *e)
{
	struct backup *b = arg;
	size_t i, n = 0;

	CRASH_POINT("claimed");
	for (i = 0; i < b->nlegs; i++) {
		if (b->legs[i].store == NULL || leg_is_final(&b->legs[i]))
			continue;
		b->legs[i].is_claimed = errs[n].code == ERR_NONE && e == NULL;
		if (errs[n].code != ERR_NONE)
			leg_drop(&b->legs[i], &errs[n]);
		n++;
	}
	if (e != NULL) {
		backup_fail(b, e);
		return;
	}
	(void)snprintf(b->id, sizeof(b->id), "%s", id);
	backup_save_claim(b);
}

static void
backup_claim(struct backup *b)
{
	struct store **stores = xcalloc(b->nlegs, sizeof(*stores));
	size_t i, n = 0;

	for (i = 0; i < b->nlegs; i++)
		if (b->legs[i].store != NULL && !leg_is_final(&b->legs[i]))
			stores[n++] = b->legs[i].store;
	catalog_claim(b->run.d->env, stores, n,
	    history_instance(b->run.d->history), b->run.uuid, on_claimed, b);
	free(stores);
}

static void
on_prepared(void *arg, const struct err *e)
{
	struct backup *b = arg;
	const struct source_facts *f;

	CRASH_POINT("prepared");
	b->is_source_busy = false;
	if (e != NULL) {
		backup_fail(b, e);
		return;
	}
	if (backup_is_stopped(b))
		return;
	f = source_facts(b->source);
	b->total_hint = f->size_hint;
	backup_claim(b);
}

static void
on_staging_owed(void *arg, int64_t id, const struct err *e)
{
	struct backup *b = arg;

	if (e != NULL) {
		backup_fail(b, e);
		return;
	}
	b->debt_staging = id;
	if (backup_is_stopped(b))
		return;
	b->is_source_busy = true;
	source_prepare(b->source, on_prepared, b);
}

static void
on_host_settled(void *arg, const struct err *e)
{
	struct backup *b = arg;
	struct err why;

	if (e != NULL) {
		err_copy(&why, e);
		(void)err_context(&why,
		    "host %s still owes services of an "
		    "earlier run",
		    b->run.host);
		backup_fail(b, &why);
		return;
	}
	if (!backup_is_stopped(b))
		backup_owe(b, "staging", on_staging_owed);
}

/*
 * --- Stores: one that cannot be reached is known before anything stops.
 */
static void
backup_stores_seen(struct backup *b)
{
	struct err e;
	size_t i;

	for (i = 0; i < b->nlegs; i++)
		if (b->legs[i].is_busy)
			return;
	if (backup_is_stopped(b))
		return;
	for (i = 0; i < b->nlegs; i++)
		if (!leg_is_final(&b->legs[i])) {
			runner_settle_host(b->run.d->runner, b->run.host,
			    on_host_settled, b);
			return;
		}
	backup_blame_first_leg(b, &e);
	backup_fail(b, &e);
}

static void
on_store_checked(void *arg, const struct err *e)
{
	struct leg *l = arg;

	l->is_busy = false;
	if (e != NULL)
		leg_drop(l, e);
	backup_stores_seen(l->b);
}

static void
backup_check_stores(struct backup *b)
{
	size_t i;

	for (i = 0; i < b->nlegs; i++)
		if (!leg_is_final(&b->legs[i])) {
			b->legs[i].is_busy = true;
			store_check(b->legs[i].store, on_store_checked,
			    &b->legs[i]);
		}
	backup_stores_seen(b);
}

static void
backup_look_at_disk(void *arg)
{
	struct backup *b = arg;

	err_clear(&b->disk_err);
	(void)file_free_space(b->senv.state_dir, &b->disk_free, &b->disk_err);
}

static void
on_disk_seen(void *arg)
{
	struct backup *b = arg;
	int64_t least = json_get_int(conf_daemon(b->run.d->conf), "min_free",
	    0);
	struct err e;

	if (backup_is_stopped(b))
		return;
	if (b->disk_err.code != ERR_NONE) {
		backup_fail(b, &b->disk_err);
		return;
	}
	if (b->disk_free < least) {
		(void)err_set(&e, ERR_NO_SPACE,
		    "state directory '%s' has %lld "
		    "bytes free, daemon.min_free asks for %lld",
		    b->senv.state_dir, (long long)b->disk_free,
		    (long long)least);
		backup_fail(b, &e);
		return;
	}
	backup_check_stores(b);
}

void
backup_prepare(void *ctx)
{
	struct backup *b = ctx;

	if (backup_is_stopped(b))
		return;
	work_submit(b->run.d->pool, &b->disk_work, backup_look_at_disk,
	    on_disk_seen, b);
}

/*
 * --- QUIESCE, CAPTURE, RESUME.
 */
static void
on_quiesced(void *arg, const struct err *e)
{
	struct backup *b = arg;

	CRASH_POINT("quiesced");
	b->is_source_busy = false;
	backup_save_source(b);
	if (e != NULL)
		backup_fail(b, e);
	else if (!backup_is_stopped(b))
		sm_move(&b->sm, BACKUP_CAPTURE);
}

void
backup_quiesce(void *ctx)
{
	struct backup *b = ctx;

	if (backup_is_stopped(b))
		return;
	b->is_source_busy = true;
	source_quiesce(b->source, on_quiesced, b);
}

static void
on_captured(void *arg, const struct err *e)
{
	struct backup *b = arg;

	CRASH_POINT("captured");
	b->is_source_busy = false;
	if (e != NULL) {
		backup_fail(b, e);
		return;
	}
	backup_save_source(b);
	if (!backup_is_stopped(b))
		sm_move(&b->sm, BACKUP_RESUME);
}

void
backup_capture(void *ctx)
{
	struct backup *b = ctx;

	if (backup_is_stopped(b))
		return;
	b->is_source_busy = true;
	source_capture(b->source, on_captured, b);
}

static void
on_resumed(void *arg, const struct err *e)
{
	struct backup *b = arg;

	CRASH_POINT("resumed");
	b->is_source_busy = false;
	backup_save_downtime(b);
	if (e != NULL) {
		backup_fail(b, e);
		return;
	}
	if (source_facts(b->source)->has_services)
		runner_note_host(b->run.d->runner, b->run.host,
		    source_facts(b->source)->is_reboot_safe);
	backup_save_source(b);
	backup_settle(b, &b->debt_services);
	if (!backup_is_stopped(b))
		sm_move(&b->sm, BACKUP_TRANSFER);
}

void
backup_resume(void *ctx)
{
	struct backup *b = ctx;

	b->is_source_busy = true;
	source_resume(b->source, on_resumed, b);
}
