/*
 * backup_send.c - the artifacts of a run, one after another, each read once and
 * sent to every living store.
 */
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/mem.h"
#include "job/backup_int.h"

#define TICK_MS 250
#define TRIES_MAX 2

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
backup_check_data(struct backup *b, const struct err *e)
{
	const char *policy = json_get_str(b->senv.cfg, "checks", "fail");

	if (strcmp(policy, "warn") == 0) {
		backup_warn(b, "%s", e->msg);
		return 0;
	}
	backup_fail(b, e);
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

/*
 * --- Its end in the stores: what the stream says of its sinks, then what a
 * script wrote on a store's own host.
 */
static void
backup_artifact_stored(struct backup *b)
{
	struct err check;

	err_copy(&check, &b->check);
	err_clear(&b->check);
	if (check.code != ERR_NONE && backup_check_data(b, &check) == -1) {
		b->is_stream_busy = false;
		backup_transfer_check(b);
		return;
	}
	source_end(b->source, b->artifact, on_artifact_ended, b);
}

static void
on_adopted(void *arg, const struct store_proof *proof, const struct err *e)
{
	struct leg *l = arg;
	struct backup *b = l->b;

	CRASH_POINT("adopted");
	l->is_busy = false;
	if (e != NULL)
		leg_drop(l, e);
	else
		leg_sent(l, proof);
	if (--b->adopting == 0)
		backup_artifact_stored(b);
}

static void
backup_adopt(struct backup *b, const struct stream_result *r)
{
	size_t i;

	b->adopting = 1;
	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		if (l->place == NULL || l->state != LEG_SENDING)
			continue;
		b->adopting++;
		l->is_busy = true;
		store_adopt(l->store, b->artifact_key, l->place, r->size,
		    r->sha256, on_adopted, l);
	}
	/* Answers never come from within. */
	if (--b->adopting == 0)
		backup_artifact_stored(b);
}

static bool
leg_is_sink(const struct leg *l)
{
	return l->state == LEG_SENDING && !l->is_fed && l->place == NULL;
}

/* What became of the sinks; false when there were some and none has it. */
static bool
backup_take_sinks(struct backup *b, const struct stream_result *r)
{
	size_t i, n = 0, alive = 0;

	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		l->was_sink = leg_is_sink(l);
		if (!l->was_sink)
			continue;
		if (r->sinks[n].is_detached)
			leg_wait(l, &r->sinks[n].err);
		else if (r->sinks[n].err.code != ERR_NONE)
			leg_drop(l, &r->sinks[n].err);
		else
			alive++;
		n++;
	}
	return n == 0 || alive > 0;
}

static void
backup_take_result(struct backup *b, const struct stream_result *r)
{
	const struct source_artifact *a = source_artifact(b->source,
	    b->artifact);
	char *name;
	size_t i, n = 0;

	if (!backup_take_sinks(b, r)) {
		/* It was not read to its end: what a script writes elsewhere
		 * is not whole either. */
		b->is_stream_busy = false;
		backup_send_next(b);
		return;
	}
	name = artifact_file_name(a);
	backup_add_artifact(b, a, name, r);
	free(name);
	if (r->check.code != ERR_NONE)
		(void)err_set(&b->check, ERR_CHECK,
		    "%s: %s (%u of %u files malformed)", a->of, r->check.msg,
		    r->malformed, r->checked);
	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		if (!l->was_sink)
			continue;
		if (l->state == LEG_SENDING)
			leg_sent(l, &r->sinks[n].proof);
		n++;
	}
	backup_adopt(b, r);
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

void
backup_on_tick(void *arg)
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

		if (!leg_is_sink(l))
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

/*
 * Stores on the source's own host get the bytes there: they do not travel here
 * and back.  Where a file for them has no name, the store is dropped.
 */
static const char **
backup_place(struct backup *b)
{
	const char *host = json_get_str(b->senv.cfg, "host", NULL), *at;
	const char **tees = xcalloc(b->nlegs + 1, sizeof(*tees));
	size_t i, n = 0;
	struct err e;

	for (i = 0; i < b->nlegs; i++) {
		struct leg *l = &b->legs[i];

		free(l->place);
		l->place = NULL;
		at = l->store == NULL ? NULL : store_host(l->store);
		if (l->state != LEG_SENDING || l->is_fed || host == NULL ||
		    at == NULL || strcmp(at, host) != 0)
			continue;
		err_clear(&e);
		l->place = store_place(l->store, b->artifact_key, &e);
		if (l->place == NULL)
			leg_drop(l, &e);
		else
			tees[n++] = l->place;
	}
	return tees;
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
	const char **tees;
	int level;

	memset(&o, 0, sizeof(o));
	o.sinks = xcalloc(b->nlegs, sizeof(*o.sinks));
	free(b->artifact_key);
	b->artifact_key = xasprintf("%s/%s", b->id, name);
	tees = backup_place(b);
	is_host = is_host || tees[0] != NULL;
	o.nsinks = backup_fill_sinks(b, o.sinks);
	o.level = backup_level(compress, &level);
	o.is_compressed_here = !is_host;
	o.is_gzip_plain = is_host;
	o.is_tar = a->is_tar;
	o.has_data_checks = a->has_data_checks;
	o.size_hint = a->size_hint;
	o.reader = source_open(b->source, b->artifact, is_host, level, tees);
	b->is_stream_busy = true;
	b->stream = stream_start(b->run.d->env, b->run.d->pool, &o,
	    on_stream_done, b);
	env_timer_start(b->tick, TICK_MS);
	free(tees);
	free(o.sinks);
	free(name);
}

void
backup_send_next(struct backup *b)
{
	const struct source_artifact *a = source_artifact(b->source,
	    b->artifact);
	size_t i, sending = 0;

	for (i = 0; i < b->nlegs; i++)
		sending += b->legs[i].state == LEG_SENDING &&
		    !b->legs[i].is_fed;
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
