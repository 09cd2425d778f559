/* runner_recover.c - start-up: every unfinished run is resolved by its row. */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "job/backup.h"
#include "job/task.h"
#include "runner_int.h"

static void
runner_close_unfit(struct runner *r, const json_t *row, const struct err *e)
{
	json_t *set = json_object();

	log_error("run=%" PRId64 " error=\"cannot be recovered: %s\"",
	    json_get_int(row, "run", 0), e->msg);
	json_put_str(set, "state", "failed");
	json_put_str(set, "error", e->msg);
	json_put_str(set, "error_code", err_name(ERR_CRASHED));
	json_put_int(set, "finished", env_wall_ms(r->d->env));
	runner_close_row(r, json_get_int(row, "run", 0), set);
	json_decref(set);
}

static void
runner_revive(struct runner *r, const json_t *row)
{
	const struct task_kind *kind;
	struct err e = ERR_INIT;
	struct run *run;

	/* One that was asked for since this daemon started is its own. */
	if (runner_is_active(r, json_get_str(row, "uuid", "")))
		return;
	kind = task_find_kind(json_get_str(row, "kind", "backup"));
	run = kind == NULL ? backup_revive(r->d, row, &e)
			   : task_revive(r->d, kind, row, &e);
	if (run == NULL) {
		runner_close_unfit(r, row, &e);
		return;
	}
	log_warn("run=%" PRId64 " job=%s step=%s recovery=started", run->id,
	    run->job, json_get_str(row, "step", "?"));
	runner_debts_attach(r, run);
	runner_adopt(r, run);
	/* Giving back does not wait for a place in the queue. */
	if (strcmp(json_get_str(row, "step", "QUEUED"), "QUEUED") != 0)
		runner_start(r, run);
}

static void
on_unfinished_read(void *arg, json_t *rows, const struct err *e)
{
	struct runner *r = arg;
	size_t i;

	r->is_recovering = false;
	/* Stopped already: nothing is begun, the next start does it. */
	for (i = 0; i < json_array_size(rows) && !r->is_stopping; i++)
		runner_revive(r, json_array_get(rows, i));
	json_decref(rows);
	runner_debts_load(r);
	runner_start_next(r);
	r->recover_fn(r->recover_arg, e);
	runner_check_stopped(r);
}

static void
on_first_debts_read(void *arg, json_t *rows, const struct err *e)
{
	struct runner *r = arg;

	if (e != NULL)
		log_error("debts error=\"%s\"", e->msg);
	runner_debts_take(r, rows);
	history_unfinished(r->d->history, on_unfinished_read, r);
}

void
runner_recover(struct runner *r, runner_done_fn *fn, void *arg)
{
	r->is_recovering = true;
	r->recover_fn = fn;
	r->recover_arg = arg;
	history_debts(r->d->history, on_first_debts_read, r);
}
