/* runner_status.c - what the runner tells of itself, from memory. */
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "runner_int.h"

void
runner_note_host(struct runner *r, const char *host, bool is_reboot_safe)
{
	if (is_reboot_safe)
		(void)json_object_del(r->unsafe_hosts, host);
	else
		json_put_bool(r->unsafe_hosts, host, true);
}

static json_t *
runner_status_warnings(const struct runner *r)
{
	json_t *list = json_array(), *o = json_object(), *v;
	const char *host;
	char *text;

	json_object_foreach(r->unsafe_hosts, host, v) {
		text = xasprintf("a reboot of host %s while services are "
				 "stopped is not covered there (no atd); the "
				 "daemon repairs it at its next contact",
		    host);
		json_put_str(o, "text", text);
		(void)json_array_append(list, json_object_get(o, "text"));
		free(text);
	}
	json_decref(o);
	return list;
}

static json_t *
runner_status_run(const struct run *run)
{
	json_t *o = json_object();

	json_put_int(o, "run", run->id);
	json_put_str(o, "job", run->job);
	json_put_str(o, "kind", run->ops->kind);
	json_put_str(o, "host", run->host);
	json_put_str(o, "step",
	    json_get_str(run->last_event, "step", "QUEUED"));
	json_put(o, "bytes",
	    json_integer(json_get_int(run->last_event, "bytes", 0)));
	if (json_is_integer(json_object_get(run->last_event, "total")))
		json_put_int(o, "total",
		    json_get_int(run->last_event, "total", 0));
	else
		json_put(o, "total", json_null());
	return o;
}

json_t *
runner_status(const struct runner *r)
{
	json_t *o = json_object(), *running = json_array(),
	       *queued = json_array(), *debts = json_array();
	const struct run *run;

	for (run = r->running; run != NULL; run = run->next)
		(void)json_array_append_new(running, runner_status_run(run));
	for (run = r->queue; run != NULL; run = run->next)
		(void)json_array_append_new(queued, runner_status_run(run));
	runner_debts_status(r, debts);
	json_put(o, "running", running);
	json_put(o, "queued", queued);
	json_put(o, "debts", debts);
	json_put(o, "warnings", runner_status_warnings(r));
	return o;
}
