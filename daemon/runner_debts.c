/*
 * runner_debts.c - what ended runs still owe, tried again with back-off.
 *
 * The rows in the history are the truth; the list here mirrors them, grouped
 * by run, because one effort (source_undo) settles all that a run owes on its
 * host.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "job/backup.h"
#include "runner_int.h"

#define FIRST_RETRY_MS 5000
#define LAST_RETRY_MS 600000
/* The clock may step: look at least this often while something is owed. */
#define LOOK_MS 30000

static void runner_debts_plan(struct runner *);

static void
debt_free(struct debt *d)
{
	settle_cancel(d->settle);
	json_decref(d->rows);
	free(d->job);
	free(d->host);
	free(d);
}

void
runner_debts_free(struct runner *r)
{
	struct debt *d;

	while ((d = r->debts) != NULL) {
		r->debts = d->next;
		debt_free(d);
	}
	env_timer_free(r->debt_timer);
	r->debt_timer = NULL;
	defer_cancel(r->hosts_soon);
	r->hosts_soon = NULL;
}

static struct debt *
debt_of_run(struct runner *r, int64_t run)
{
	struct debt *d;

	for (d = r->debts; d != NULL && d->run != run; d = d->next)
		continue;
	return d;
}

static int64_t
debt_backoff(int64_t attempts)
{
	int64_t ms = FIRST_RETRY_MS;

	for (; attempts > 1 && ms < LAST_RETRY_MS; attempts--)
		ms *= 2;
	return attempts == 0 ? 0 : ms < LAST_RETRY_MS ? ms : LAST_RETRY_MS;
}

static void
debt_key(int64_t id, char key[32])
{
	(void)snprintf(key, 32, "%" PRId64, id);
}

static void
debt_add_row(struct runner *r, const json_t *row)
{
	char key[32];

	int64_t run = json_get_int(row, "run", 0), at = 0, next;
	struct debt *d = debt_of_run(r, run);
	const char *when = json_get_str(row, "last_attempt", NULL);

	if (d == NULL) {
		d = xcalloc(1, sizeof(*d));
		d->r = r;
		d->run = run;
		d->job = xstrdup(json_get_str(row, "job", "?"));
		d->host = xstrdup(json_get_str(row, "host", "local"));
		d->rows = json_array();
		d->next = r->debts;
		r->debts = d;
	}
	(void)json_array_append_new(d->rows, json_deep_copy(row));
	if (strcmp(json_get_str(row, "kind", ""), "services") == 0)
		d->has_services = true;
	if (when == NULL || str_parse_time(when, &at) == -1)
		at = 0;
	next = at + debt_backoff(json_get_int(row, "attempts", 0));
	if (next > d->next_try_ms)
		d->next_try_ms = next;
	debt_key(run, key);
	next = json_get_int(r->waits, key, 0);
	if (next > d->next_try_ms)
		d->next_try_ms = next;
}

static void
debt_settle_row(struct runner *r, const json_t *row)
{
	char key[32];

	debt_key(json_get_int(row, "debt", 0), key);
	json_put_bool(r->paid, key, true);
	history_debt_settle(r->d->history, json_get_int(row, "debt", 0),
	    run_on_history, NULL);
}

/*
 * A row that is paid and still there could not be deleted (a full disk): that
 * is tried again, not the payment.
 */
static void
runner_debts_drop_paid(struct runner *r, json_t *rows)
{
	json_t *paid = r->paid;
	char key[32];
	size_t i = 0;

	r->paid = json_object();
	while (i < json_array_size(rows)) {
		debt_key(json_get_int(json_array_get(rows, i), "debt", 0), key);
		if (json_object_get(paid, key) == NULL) {
			i++;
			continue;
		}
		debt_settle_row(r, json_array_get(rows, i));
		(void)json_array_remove(rows, i);
	}
	json_decref(paid);
}

void
runner_debts_take(struct runner *r, json_t *rows)
{
	struct debt **at = &r->debts, *d;
	size_t i;

	runner_debts_drop_paid(r, rows);

	/* Efforts under way keep their entry; the rest is made anew. */
	while ((d = *at) != NULL) {
		if (d->settle != NULL) {
			at = &d->next;
			continue;
		}
		*at = d->next;
		debt_free(d);
	}
	for (i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i);

		d = debt_of_run(r, json_get_int(row, "run", 0));
		if (d == NULL || d->settle == NULL)
			debt_add_row(r, row);
	}
	json_decref(rows);
}

void
runner_debts_forget(struct runner *r, int64_t run)
{
	struct debt **at, *d;

	for (at = &r->debts; (d = *at) != NULL; at = &d->next)
		if (d->run == run && d->settle == NULL) {
			*at = d->next;
			debt_free(d);
			return;
		}
}

static void
on_debts_read(void *arg, json_t *rows, const struct err *e)
{
	struct runner *r = arg;

	r->is_loading_debts = false;
	if (r->is_load_stale) {
		json_decref(rows);
		runner_debts_load(r);
		return;
	}
	r->is_debts_unread = e != NULL;
	if (e != NULL) {
		/* What is owed is not known: nothing new is stopped. */
		log_error("debts error=\"%s\"", e->msg);
		runner_wake_hosts(r, e);
	} else {
		runner_debts_take(r, rows);
		runner_hosts_look(r);
	}
	runner_debts_plan(r);
}

void
runner_debts_load(struct runner *r)
{
	r->is_load_stale = r->is_loading_debts;
	if (r->is_loading_debts || r->is_stopped)
		return;
	r->is_loading_debts = true;
	history_debts(r->d->history, on_debts_read, r);
}

static void
debt_unlink(struct runner *r, struct debt *d)
{
	struct debt **at = &r->debts;

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
}

static void
debt_paid(struct debt *d)
{
	struct runner *r = d->r;
	char key[32];

	log_info("run=%" PRId64 " job=%s host=%s debts=settled", d->run, d->job,
	    d->host);
	debt_key(d->run, key);
	(void)json_object_del(r->waits, key);
	debt_unlink(r, d);
	debt_free(d);
}

/* Only who waits for services is concerned. */
static void
debt_unpaid(struct debt *d, const struct err *e)
{
	char key[32];

	/* Also when the attempt cannot be written down. */
	debt_key(d->run, key);
	json_put_int(d->r->waits, key,
	    env_wall_ms(d->r->d->env) + FIRST_RETRY_MS);
	log_error("run=%" PRId64 " job=%s host=%s debts=owed error=\"%s\"",
	    d->run, d->job, d->host, e->msg);
	if (d->has_services)
		runner_wake_waiters(d->r, 0, d->host, e);
}

static void
on_settled(void *arg, const struct err *e)
{
	struct debt *d = arg;
	struct runner *r = d->r;
	int64_t now = env_wall_ms(r->d->env);
	size_t i;

	CRASH_POINT("debt answered");
	d->settle = NULL;
	for (i = 0; i < json_array_size(d->rows); i++) {
		const json_t *row = json_array_get(d->rows, i);

		if (e == NULL)
			debt_settle_row(r, row);
		else
			history_debt_failed(r->d->history,
			    json_get_int(row, "debt", 0), now, e->msg,
			    run_on_history, NULL);
	}
	if (e == NULL)
		debt_paid(d);
	else
		debt_unpaid(d, e);
	/* Who waits goes on when the rows say that nothing is owed. */
	runner_debts_load(r);
}

void
runner_debt_try(struct debt *d)
{
	const json_t *row = json_array_get(d->rows,
	    json_array_size(d->rows) - 1);
	size_t i;

	if (d->settle != NULL || d->r->is_stopping)
		return;
	/* The services row was written last and knows most. */
	for (i = 0; i < json_array_size(d->rows); i++)
		if (strcmp(json_get_str(json_array_get(d->rows, i), "kind", ""),
			"services") == 0)
			row = json_array_get(d->rows, i);
	d->settle = settle_start(d->r->d, json_get_object(row, "data"),
	    on_settled, d);
}

static void
on_debt_timer(void *arg)
{
	struct runner *r = arg;

	if (r->is_debts_unread)
		runner_debts_load(r);
	runner_debts_plan(r);
}

static void
runner_debts_plan(struct runner *r)
{
	int64_t now = env_wall_ms(r->d->env), wait = LOOK_MS;
	bool is_owed;
	struct debt *d;

	if (r->is_stopping)
		return;
	is_owed = r->is_debts_unread;
	for (d = r->debts; d != NULL; d = d->next) {
		/* A run that still lives pays by itself. */
		if (d->settle != NULL || runner_find(r, d->run) != NULL)
			continue;
		is_owed = true;
		if (d->next_try_ms <= now ||
		    d->next_try_ms > now + LAST_RETRY_MS)
			runner_debt_try(d);
		else if (d->next_try_ms - now < wait)
			wait = d->next_try_ms - now;
	}
	if (!is_owed)
		return;
	if (r->debt_timer == NULL)
		r->debt_timer = env_timer_new(r->d->env, on_debt_timer, r);
	env_timer_start(r->debt_timer, wait);
}

void
runner_debts_attach(struct runner *r, struct run *run)
{
	struct debt *d = debt_of_run(r, run->id);
	size_t i;

	for (i = 0; d != NULL && i < json_array_size(d->rows); i++) {
		const json_t *row = json_array_get(d->rows, i);

		backup_owes(run, json_get_str(row, "kind", ""),
		    json_get_int(row, "debt", 0));
	}
}

void
runner_debts_status(const struct runner *r, json_t *out)
{
	const struct debt *d;
	size_t i;

	for (d = r->debts; d != NULL; d = d->next)
		for (i = 0; i < json_array_size(d->rows); i++) {
			json_t *row = json_deep_copy(json_array_get(d->rows,
			    i));

			/* What settling needs is nobody else's business. */
			(void)json_object_del(row, "data");
			(void)json_array_append_new(out, row);
		}
}
