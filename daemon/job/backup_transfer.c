/*
 * backup_transfer.c - TRANSFER: every artifact once, to every living store,
 * with the services up; beside it their health.
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

#define TICK_MS 250
#define TRIES_MAX 2

static void backup_send_next(struct backup *);

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
	if (living > 0)
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
	if (b->is_stopping) {
		/* What is under way says when it has ended, or has just now. */
		backup_transfer_check(b);
		return;
	}
	b->is_stopping = true;
	if (b->stream != NULL)
		stream_cancel(b->stream, on_stream_stopped, b);
	else
		backup_transfer_check(b);
}

/*
 * --- One artifact after another.
 */
static void
backup_add_artifact(struct backup *b, const struct source_artifact *a,
    const char *name, const struct stream_result *r)
{
	json_t *o = a->extra == NULL ? json_object() : json_deep_copy(a->extra);

	json_put_str(o, "name", name);
	json_put_str(o, "kind", a->kind);
	json_put_str(o, "of", a->of);
	json_put_int(o, "plain_size", r->plain_size);
	json_put_str(o, "plain_sha256", r->plain_sha256);
	json_put_int(o, "size", r->size);
	json_put_str(o, "sha256", r->sha256);
	json_put_str(o, "compression", "gzip");
	json_put_int(o, "entries", r->entries);
	BUG_IF(json_array_append_new(b->artifacts, o) != 0);
	backup_add_file(b, name, r->size, r->sha256);
	b->bytes_read += r->plain_size;
	b->bytes_stored += r->size;
}

static int
backup_check_data(struct backup *b, const struct source_artifact *a,
    const struct stream_result *r)
{
	const char *policy = json_get_str(b->senv.cfg, "checks", "fail");
	struct err e;

	if (r->check.code == ERR_NONE)
		return 0;
	(void)err_set(&e, ERR_CHECK, "%s: %s (%u of %u files malformed)", a->of,
	    r->check.msg, r->malformed, r->checked);
	if (strcmp(policy, "warn") == 0) {
		backup_warn(b, "%s", e.msg);
		return 0;
	}
	backup_fail(b, &e);
	return -1;
}

static void
on_artifact_ended(void *arg, const struct err *e)
{
	struct backup *b = arg;
	json_t *set;

	CRASH_POINT("artifact ended");
	b->is_stream_busy = false;
	if (e != NULL) {
		backup_fail(b, e);
		return;
	}
	set = json_object();
	json_put_int(set, "bytes_read", b->bytes_read);
	json_put_int(set, "bytes_stored", b->bytes_stored);
	backup_set(b, set);
	b->artifact++;
	b->tries = 0;
	if (b->is_stopping)
		backup_transfer_check(b);
	else
		backup_send_next(b);
}

static char *
artifact_file_name(const struct source_artifact *a)
{
	return xasprintf("%s.gz", a->name);
}

/* Which of the stores have it; true if any. */
static bool
backup_take_sinks(struct backup *b, const struct stream_result *r)
{
	size_t i, n = 0, alive = 0;

	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		if (l->state != LEG_SENDING)
			continue;
		if (r->sinks[n].err.code != ERR_NONE)
			leg_drop(l, &r->sinks[n].err);
		else
			alive++;
		n++;
	}
	return alive > 0;
}

static void
backup_take_result(struct backup *b, const struct stream_result *r)
{
	const struct source_artifact *a = source_artifact(b->source,
	    b->artifact);
	char *name;
	size_t i, n = 0;
	bool *was_sending = xcalloc(b->nlegs, sizeof(*was_sending));

	for (i = 0; i < b->nlegs; i++)
		was_sending[i] = b->legs[i].state == LEG_SENDING;
	if (!backup_take_sinks(b, r)) {
		free(was_sending);
		b->is_stream_busy = false;
		backup_send_next(b);
		return;
	}
	name = artifact_file_name(a);
	backup_add_artifact(b, a, name, r);
	free(name);
	for (i = 0; i < b->nlegs; i++) {
		if (!was_sending[i])
			continue;
		if (b->legs[i].state == LEG_SENDING)
			leg_sent(&b->legs[i], &r->sinks[n].proof);
		n++;
	}
	free(was_sending);
	if (backup_check_data(b, a, r) == -1) {
		b->is_stream_busy = false;
		backup_transfer_check(b);
		return;
	}
	source_end(b->source, b->artifact, on_artifact_ended, b);
}

static void
on_stream_done(void *arg, const struct stream_result *r, const struct err *e)
{
	struct backup *b = arg;
	const struct source_artifact *a;
	struct err why;

	CRASH_POINT("artifact sent");
	b->stream = NULL;
	env_timer_stop(b->tick);
	if (e == NULL) {
		backup_take_result(b, r);
		return;
	}
	b->is_stream_busy = false;
	a = source_artifact(b->source, b->artifact);
	err_copy(&why, e);
	(void)err_context(&why, "read %s", a->of);
	if (err_is_transient(e->code) && a->is_rereadable && !b->is_stopping &&
	    ++b->tries < TRIES_MAX) {
		backup_warn(b, "%s; read again from its start", why.msg);
		backup_send_next(b);
		return;
	}
	backup_fail(b, &why);
	backup_transfer_check(b);
}

static void
on_tick(void *arg)
{
	struct backup *b = arg;
	struct stream_progress p;

	if (b->stream == NULL)
		return;
	stream_progress(b->stream, &p);
	run_event_progress(&b->run, "TRANSFER", b->bytes_read + p.bytes_read,
	    b->total_hint);
	env_timer_start(b->tick, TICK_MS);
}

static size_t
backup_fill_sinks(struct backup *b, struct stream_sink *sinks)
{
	const json_t *stores = json_get_object(b->run.frozen, "stores"), *cfg;
	size_t i, n = 0;

	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		if (l->state != LEG_SENDING)
			continue;
		cfg = json_get_object(stores, l->name);
		sinks[n].store = l->store;
		sinks[n].key = b->artifact_key;
		sinks[n].min_rate = json_get_int(cfg, "min_rate", 0);
		sinks[n].stall_ms = json_get_int(cfg, "stall", 60000);
		n++;
	}
	return n;
}

static enum stream_level
backup_level(const json_t *compress, int *host_level)
{
	const char *word = json_get_str(compress, "level", "default");

	if (strcmp(word, "fast") == 0) {
		*host_level = 1;
		return STREAM_FAST;
	}
	if (strcmp(word, "best") == 0) {
		*host_level = 9;
		return STREAM_BEST;
	}
	*host_level = 6;
	return STREAM_DEFAULT;
}

static void
backup_send(struct backup *b, const struct source_artifact *a)
{
	const json_t *compress = json_get_object(run_job_cfg(&b->run),
	    "compress");
	bool is_host = strcmp(json_get_str(compress, "where", "here"),
			   "host") == 0;
	struct stream_opt o;
	char *name = artifact_file_name(a);
	int level;

	memset(&o, 0, sizeof(o));
	o.sinks = xcalloc(b->nlegs, sizeof(*o.sinks));
	free(b->artifact_key);
	b->artifact_key = xasprintf("%s/%s", b->id, name);
	o.nsinks = backup_fill_sinks(b, o.sinks);
	o.level = backup_level(compress, &level);
	o.is_compressed_here = !is_host;
	o.is_gzip_plain = is_host;
	o.is_tar = a->is_tar;
	o.has_data_checks = a->has_data_checks;
	o.size_hint = a->size_hint;
	o.reader = source_open(b->source, b->artifact, is_host, level);
	b->is_stream_busy = true;
	b->stream = stream_start(b->run.d->env, b->run.d->pool, &o,
	    on_stream_done, b);
	env_timer_start(b->tick, TICK_MS);
	free(o.sinks);
	free(name);
}

static void
backup_send_next(struct backup *b)
{
	const struct source_artifact *a = source_artifact(b->source,
	    b->artifact);
	size_t i, sending = 0;

	for (i = 0; i < b->nlegs; i++)
		sending += b->legs[i].state == LEG_SENDING;
	if (a != NULL && sending > 0) {
		backup_send(b, a);
		return;
	}
	if (sending > 0)
		backup_describe(b);
	for (i = 0; i < b->nlegs; i++)
		leg_finish(&b->legs[i]);
	backup_transfer_check(b);
}

/* What still stands from before a crash is sent again under the same claim. */
static void
backup_transfer_reset(struct backup *b)
{
	size_t i;

	b->bytes_read = b->bytes_stored = 0;
	for (i = 0; i < b->nlegs; i++)
		if (b->legs[i].state == LEG_SENDING)
			b->legs[i].bytes = 0;
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
		b->tick = env_timer_new(b->run.d->env, on_tick, b);
	b->is_probing = true;
	source_probe(b->source, on_probed, b);
	if (b->is_revived)
		backup_legs_sweep(b, backup_send_next);
	else
		backup_send_next(b);
}
