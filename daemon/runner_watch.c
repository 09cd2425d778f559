/* runner_watch.c - who follows which run. */
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "runner_int.h"

static void
runner_watches_reap(struct runner *r)
{
	struct runner_watch **at = &r->watches, *w;

	if (r->iterating > 0)
		return;
	while ((w = *at) != NULL) {
		if (w->fn != NULL) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		free(w);
	}
}

void
runner_tell(struct runner *r, const struct run *run, const json_t *event)
{
	struct runner_watch *w;

	r->iterating++;
	for (w = r->watches; w != NULL; w = w->next)
		if (w->run == run->id && w->fn != NULL)
			w->fn(w->arg, event);
	r->iterating--;
	runner_watches_reap(r);
}

void
runner_tell_end(struct runner *r, const struct run *run)
{
	json_t *o = json_object();

	json_put_str(o, "event", "end");
	json_put_int(o, "run", run->id);
	json_put_str(o, "job", run->job);
	json_put_str(o, "state", run->state);
	runner_tell(r, run, o);
	json_decref(o);
}

static void
on_first_event(void *arg)
{
	struct runner_watch *w = arg;
	struct run *run = runner_find(w->r, w->run);
	json_t *o;

	w->soon = NULL;
	if (run == NULL || w->fn == NULL)
		return;
	if (run->last_event != NULL) {
		w->fn(w->arg, run->last_event);
		return;
	}
	o = json_object();
	json_put_str(o, "event", "state");
	json_put_int(o, "run", run->id);
	json_put_str(o, "job", run->job);
	json_put_str(o, "step", "QUEUED");
	w->fn(w->arg, o);
	json_decref(o);
}

struct runner_watch *
runner_watch(struct runner *r, int64_t run, runner_event_fn *fn, void *arg)
{
	struct runner_watch *w;

	if (runner_find(r, run) == NULL)
		return NULL;
	w = xcalloc(1, sizeof(*w));
	w->r = r;
	w->run = run;
	w->fn = fn;
	w->arg = arg;
	w->soon = defer_call(r->d->loop, on_first_event, w);
	w->next = r->watches;
	r->watches = w;
	return w;
}

void
runner_unwatch(struct runner_watch *w)
{
	if (w == NULL)
		return;
	w->fn = NULL;
	defer_cancel(w->soon);
	w->soon = NULL;
	runner_watches_reap(w->r);
}
