/*
 * upload_end.c - how an upload ends: answered, failed, aborted.
 *
 * After a failure calls are canceled, what cannot be canceled is waited for,
 * and then the backend's abort takes away what there is.
 */
#include <stdlib.h>

#include "base/crash.h"
#include "base/mem.h"
#include "store/upload_int.h"

static void
upload_free(struct upload *u)
{
	struct upload_work *w = u->work;
	struct cloud *cloud = u->cloud;

	BUG_IF(w->first != NULL || w->filling != NULL || w->is_reading);
	env_timer_free(w->timer);
	upload_digest_free(w->digest);
	free(w->done);
	free(w);
	free(u->key);
	free(u->tier);
	u->work = NULL;
	u->key = u->tier = NULL;
	u->ops->free(u);
	cloud_release(cloud);
}

void
upload_answer(struct upload *u, const struct store_proof *proof)
{
	struct upload_work *w = u->work;
	store_put_fn *fn = w->fn;
	void *arg = w->arg;
	struct store_proof p;
	struct err e;

	if (proof != NULL)
		p = *proof;
	err_copy(&e, &w->err);
	upload_free(u);
	fn(arg, proof == NULL ? NULL : &p, proof == NULL ? &e : NULL);
}

static void
upload_cancel(struct cloud_call **call)
{
	struct cloud_call *c = *call;

	*call = NULL;
	cloud_cancel(c);
}

static void
upload_drop_pieces(struct upload *u)
{
	struct upload_work *w = u->work;
	struct upload_piece *p, *next;

	for (p = w->first; p != NULL; p = next) {
		next = p->next;
		if (p->part.call != NULL)
			upload_cancel(&p->part.call);
		else if (p == w->read)
			continue;
		else if (p->state == PIECE_SENT && w->end != STEP_DONE)
			continue;
		upload_piece_take(u, p);
		upload_piece_free(p);
	}
	upload_piece_free(w->filling);
	w->filling = NULL;
}

/* Nothing more is sent.  What begin is asked for must be known to be undone. */
void
upload_stop(struct upload *u)
{
	struct upload_work *w = u->work;

	atomic_store(&w->is_given_up, true);
	if (w->end == STEP_ASKED && u->call == NULL && w->first != NULL) {
		u->call = w->first->part.call;
		w->first->part.call = NULL;
	}
	if (w->end == STEP_ASKED && u->call != NULL) {
		upload_cancel(&u->call);
		w->end = STEP_DONE;
	}
	upload_drop_pieces(u);
}

bool
upload_is_settled(const struct upload *u)
{
	const struct upload_work *w = u->work;

	return w->first == NULL && w->end != STEP_ASKED &&
	    (w->begin == STEP_NONE || w->abort == STEP_DONE);
}

/* After a failure or an abort: is there anything left to wait for? */
void
upload_settle(struct upload *u)
{
	struct upload_work *w = u->work;

	if (w->first == NULL && w->begin == STEP_DONE && w->end != STEP_ASKED &&
	    w->abort == STEP_NONE) {
		w->abort = STEP_ASKED;
		u->ops->abort(u);
		return;
	}
	if (!upload_is_settled(u))
		return;
	if (w->state == UPLOAD_ABORTED || w->is_answered)
		upload_free(u);
	else if (w->state == UPLOAD_FINISHING)
		upload_answer(u, NULL);
}

void
upload_fail(struct upload *u, const struct err *e)
{
	struct upload_work *w = u->work;
	bool is_waiting = w->is_waiting && w->state == UPLOAD_OPEN;

	if (w->has_failed || w->state == UPLOAD_ABORTED) {
		upload_settle(u);
		return;
	}
	w->has_failed = true;
	w->is_waiting = false;
	err_copy(&w->err, e);
	upload_stop(u);
	if (w->state == UPLOAD_FINISHING)
		env_timer_start(w->timer, UPLOAD_ABORT_WAIT_MS);
	upload_settle(u);
	if (is_waiting)
		w->ready(w->ready_arg);
}

void
upload_on_timer(void *arg)
{
	struct upload *u = arg;
	struct upload_work *w = u->work;
	struct err e = ERR_INIT;

	if (!w->has_failed) {
		(void)err_set(&e, ERR_TIMEOUT,
		    "'%s': the store took more than %lld ms to finish", u->key,
		    (long long)w->deadline_ms);
		upload_fail(u, &e);
	} else if (upload_is_settled(u)) {
		upload_answer(u, NULL);
	} else {
		w->is_answered = true;
		w->fn(w->arg, NULL, &w->err);
	}
}

bool
upload_is_stopped(const struct upload *u)
{
	return u->work->has_failed || u->work->state == UPLOAD_ABORTED;
}

void
upload_aborted(struct upload *u)
{
	BUG_IF(u->work->abort != STEP_ASKED);
	CRASH_POINT("upload aborted");
	u->work->abort = STEP_DONE;
	u->call = NULL;
	upload_settle(u);
}
