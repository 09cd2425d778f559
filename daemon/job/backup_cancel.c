/*
 * backup_cancel.c - a run that is to end before its time: on request, at its
 * timeout, or because the daemon stops.
 */
#include <inttypes.h>

#include "base/json.h"
#include "base/str.h"
#include "job/backup_int.h"

static void
on_source_canceled(void *arg, const struct err *e)
{
	struct backup *b = arg;

	b->is_source_canceling = false;
	if (e != NULL)
		backup_warn(b, "cancel: %s", e->msg);
}

/* Its callback comes with ERR_CANCELED and leads to UNDO.  Once is enough. */
static void
backup_cancel_source(struct backup *b)
{
	if (!b->is_source_busy || b->is_source_canceling)
		return;
	b->is_source_canceling = true;
	source_cancel(b->source, on_source_canceled, b);
}

/* There is no way back: what is not sealed yet is dropped, nothing more. */
static int
backup_cancel_sealed(struct backup *b, const struct err *e, struct err *why)
{
	bool is_cut = !b->is_past_legs &&
	    (backup_is_sending(b) || b->is_probing);

	if (is_cut) {
		backup_blame(b, e);
		if (b->sm.state == BACKUP_TRANSFER)
			backup_transfer_stop(b);
	}
	return err_set(why, ERR_CONFLICT,
	    "run %" PRId64
	    " is past the point of no return: its snapshot is sealed%s",
	    b->run.id, is_cut ? "; what is left of it is dropped" : "");
}

static void
backup_cancel_step(struct backup *b)
{
	switch (b->sm.state) {
	case BACKUP_PREPARE:
	case BACKUP_QUIESCE:
	case BACKUP_CAPTURE:
		backup_cancel_source(b);
		break;
	case BACKUP_TRANSFER:
		if (!b->is_past_legs)
			backup_transfer_stop(b);
		break;
	default:
		/* RESUME ends first, UNDO is what a cancel wants. */
		break;
	}
}

int
backup_cancel(struct run *r, const struct err *e, struct err *why)
{
	struct backup *b = (struct backup *)r;

	if (sm_is_final(&b->sm))
		return err_set(why, ERR_CONFLICT,
		    "run %" PRId64 " has ended already", r->id);
	if (b->is_recovering) {
		/* What was taken is given back; it is not sent again. */
		b->is_stop_wanted = true;
		backup_cancel_source(b);
		return 0;
	}
	if (backup_is_sealed_anywhere(b))
		return backup_cancel_sealed(b, e, why);
	backup_blame(b, e);
	if (r->is_started) {
		backup_cancel_step(b);
	} else {
		r->is_ending = true;
		sm_move(&b->sm, BACKUP_CANCELED);
	}
	return 0;
}

void
backup_on_timeout(void *arg)
{
	struct backup *b = arg;
	struct err e, why;
	char text[32];

	str_format_duration(json_get_int(run_job_cfg(&b->run), "timeout", 0),
	    text, sizeof(text));
	(void)err_set(&e, ERR_TIMEOUT,
	    "the run took longer than its "
	    "timeout of %s",
	    text);
	if (backup_cancel(&b->run, &e, &why) == -1 && !sm_is_final(&b->sm))
		backup_warn(b, "%s, but it was past the point of no return",
		    e.msg);
}
