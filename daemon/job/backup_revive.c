/*
 * backup_revive.c - a run that a dead daemon left: read from its row, then
 * given back, carried on, or closed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "job/backup_int.h"

static void
backup_recovered_undo(struct backup *b)
{
	/* A second crash must not change what the first one was. */
	backup_save_error(b);
	if (backup_must_keep(b))
		backup_end_sealed(b);
	else
		sm_move(&b->sm, BACKUP_UNDO);
}

static void
on_recover_answer(void *arg, enum source_recovery answer, const struct err *e)
{
	struct backup *b = arg;

	b->is_source_busy = false;
	b->is_recovering = false;
	if (answer != SOURCE_RERUN || e != NULL || b->is_stop_wanted ||
	    b->id[0] == '\0' || b->error.code != ERR_CRASHED) {
		backup_recovered_undo(b);
		return;
	}
	/* The capture stands: the crash is a fact, not a failure. */
	err_clear(&b->error);
	backup_warn(b, "carried on after the daemon was interrupted in %s",
	    b->was_state);
	sm_move(&b->sm, BACKUP_RESUME);
}

static void
on_legs_settled(struct backup *b)
{
	if (b->restart != SM_ASK_SOURCE || b->is_stop_wanted) {
		b->is_recovering = false;
		backup_recovered_undo(b);
		return;
	}
	b->is_source_busy = true;
	source_recover(b->source, b->was_state, on_recover_answer, b);
}

void
backup_start_revived(struct backup *b)
{
	struct err e = ERR_INIT;

	if (b->restart == SM_CLOSED) {
		backup_close(b);
		return;
	}
	backup_arm_timeout(b);
	if (b->source == NULL && backup_source_open(b, NULL, &e) == -1) {
		backup_refuse(b, &e);
		return;
	}
	b->is_recovering = true;
	backup_legs_settle(b, on_legs_settled);
}

/*
 * --- From the row.
 */
static void
backup_read_row(struct backup *b, const json_t *row)
{
	json_t *warnings = json_get_array(row, "warnings");

	(void)snprintf(b->id, sizeof(b->id), "%s",
	    json_get_str(row, "snapshot", ""));
	b->bytes_read = json_get_int(row, "bytes_read", 0);
	b->bytes_stored = json_get_int(row, "bytes_stored", 0);
	b->downtime_ms = json_get_int(row, "downtime_ms", 0);
	b->healthy_ms = json_get_int(row, "healthy_ms", -1);
	if (warnings != NULL)
		(void)json_array_extend(b->warnings, warnings);
	if (json_get_str(row, "error", NULL) != NULL)
		(void)err_set(&b->error,
		    err_from_name(json_get_str(row, "error_code", "internal")),
		    "%s", json_get_str(row, "error", ""));
	else if (b->restart != SM_CLOSED && b->restart != SM_QUEUE_AGAIN)
		(void)err_set(&b->error, ERR_CRASHED,
		    "the daemon was interrupted in %s", b->was_state);
}

/* A store that cannot be used any more does not keep services down. */
static int
backup_open_again(struct backup *b, const json_t *row, struct err *e)
{
	json_t *saved = json_get_object(row, "source");
	struct err none = ERR_INIT;

	if (saved != NULL && backup_source_open(b, saved, e) == -1)
		return -1;
	(void)backup_legs_open(b, &none);
	backup_legs_revive(b, row);
	return 0;
}

struct run *
backup_revive(struct daemon *d, const json_t *row, struct err *e)
{
	const char *step = json_get_str(row, "step", "QUEUED");
	json_t *frozen = json_get_object(row, "config");
	struct backup *b;
	int state;

	if ((state = backup_find_state(step)) == -1 || frozen == NULL) {
		(void)err_set(e, ERR_CORRUPT, "unknown step '%s'", step);
		return NULL;
	}
	b = (struct backup *)backup_new(d, json_get_int(row, "run", 0),
	    json_get_str(row, "uuid", ""), json_deep_copy(frozen));
	b->is_revived = true;
	b->sm.state = (unsigned)state;
	b->restart = b->sm.table[state].restart;
	b->was_state = xstrdup(step);
	backup_read_row(b, row);
	if (b->restart == SM_ASK_SOURCE || b->restart == SM_UNDO) {
		if (backup_open_again(b, row, e) == -1) {
			b->run.ops->free(&b->run);
			return NULL;
		}
	}
	return &b->run;
}
