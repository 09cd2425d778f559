/*
 * runner_close.c - the last words of runs that could not be written when they
 * ended (a full disk): tried again, so that no run stays "running".
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "runner_int.h"

#define AGAIN_MS 10000

static void
closing_free(struct closing *c)
{
	json_decref(c->set);
	free(c);
}

static void
closing_unlink(struct runner *r, struct closing *c)
{
	struct closing **at = &r->closings;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
}

static void
on_again(void *arg)
{
	struct runner *r = arg;
	struct closing *c;

	for (c = r->closings; c != NULL; c = c->next)
		if (!c->is_asked)
			runner_close_try(c);
}

static void
on_row_closed(void *arg, const struct err *e)
{
	struct closing *c = arg;
	struct runner *r = c->r;

	c->is_asked = false;
	if (e == NULL) {
		log_info("run=%" PRId64 " row=closed", c->run);
		closing_unlink(r, c);
		closing_free(c);
		return;
	}
	log_error("run=%" PRId64 " row=open error=\"%s\"", c->run, e->msg);
	if (r->is_stopped)
		return;
	if (r->close_timer == NULL)
		r->close_timer = env_timer_new(r->d->env, on_again, r);
	env_timer_start(r->close_timer, AGAIN_MS);
}

void
runner_close_try(struct closing *c)
{
	c->is_asked = true;
	history_run_set(c->r->d->history, c->run, json_deep_copy(c->set),
	    on_row_closed, c);
}

void
runner_close_row(struct runner *r, int64_t run, const json_t *set)
{
	struct closing *c = xcalloc(1, sizeof(*c));

	c->r = r;
	c->run = run;
	c->set = json_deep_copy(set);
	c->next = r->closings;
	r->closings = c;
	runner_close_try(c);
}

void
runner_close_free(struct runner *r)
{
	struct closing *c;

	while ((c = r->closings) != NULL) {
		r->closings = c->next;
		closing_free(c);
	}
	env_timer_free(r->close_timer);
	r->close_timer = NULL;
}
