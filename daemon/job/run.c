/* run.c - see run.h. */
#include "job/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon.h"

#define PROGRESS_EVERY_MS 250

void
run_init(struct run *r, const struct run_ops *ops, struct daemon *d, int64_t id,
    const char *uuid, json_t *frozen)
{
	memset(r, 0, sizeof(*r));
	r->ops = ops;
	r->d = d;
	r->id = id;
	(void)snprintf(r->uuid, sizeof(r->uuid), "%s", uuid);
	r->frozen = frozen;
	r->job = json_get_str(frozen, "name", "?");
	r->host = json_get_str(json_get_object(run_job_cfg(r), "source"),
	    "host", "local");
}

void
run_done(struct run *r)
{
	json_decref(r->frozen);
	json_decref(r->last_event);
	r->frozen = r->last_event = NULL;
}

bool
run_is_backup(const struct run *r)
{
	return strcmp(r->ops->kind, "backup") == 0;
}

const json_t *
run_job_cfg(const struct run *r)
{
	return json_get_object(r->frozen, "job");
}

const json_t *
run_host_cfg(const struct run *r)
{
	return json_get_object(r->frozen, "host");
}

static json_t *
run_event_new(struct run *r, const char *event)
{
	json_t *o = json_object();

	json_put_str(o, "event", event);
	json_put_int(o, "run", r->id);
	json_put_str(o, "job", r->job);
	return o;
}

static void
run_event_send(struct run *r, json_t *o, bool is_kept)
{
	if (r->on_event != NULL)
		r->on_event(r, o);
	if (!is_kept) {
		json_decref(o);
		return;
	}
	json_decref(r->last_event);
	r->last_event = o;
}

void
run_event_state(struct run *r, const char *step)
{
	json_t *o = run_event_new(r, "state");

	log_info("run=%" PRId64 " job=%s step=%s", r->id, r->job, step);
	json_put_str(o, "step", step);
	r->progress_at = 0;
	run_event_send(r, o, true);
}

void
run_event_note(struct run *r, const char *text)
{
	json_t *o = run_event_new(r, "note");

	log_debug("run=%" PRId64 " note=\"%s\"", r->id, text);
	json_put_str(o, "message", text);
	run_event_send(r, o, false);
}

void
run_event_progress(struct run *r, const char *step, int64_t bytes,
    int64_t total)
{
	int64_t now = env_mono_ms(r->d->env);
	json_t *o;

	if (r->progress_at != 0 && now - r->progress_at < PROGRESS_EVERY_MS)
		return;
	r->progress_at = now;
	o = run_event_new(r, "progress");
	json_put_str(o, "step", step);
	json_put_int(o, "bytes", bytes);
	if (total >= 0)
		json_put_int(o, "total", total);
	else
		json_put(o, "total", json_null());
	run_event_send(r, o, true);
}

void
run_on_history(void *arg, const struct err *e)
{
	(void)arg;
	if (e != NULL)
		log_error("history error=\"%s\"", e->msg);
}

void
run_on_history_id(void *arg, int64_t id, const struct err *e)
{
	(void)id;
	run_on_history(arg, e);
}
