/*
 * upload.c - see upload.h: what is asked of the backend, and when.
 *
 *	OPEN --finish--> FINISHING --put or complete--> answered, freed
 *	  |                  +--failed--> abort asked --> answered, freed
 *	  +--abort--> ABORTED, freed when the backend has let go
 *
 * Parts are cut by write(), read by the pool one after the other, and sent as
 * there is room.  A part that is full is cut only when more comes: nobody knows
 * before whether it is the last, or the only one.  After a failure calls are
 * canceled, what cannot be canceled is waited for, and then the backend's abort
 * takes away what there is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/upload_int.h"

/* How long finish waits for the abort of what failed. */
#define ABORT_WAIT_MS 15000

static void upload_settle(struct upload *);
static void upload_pump(struct upload *);
static void on_upload_timer(void *);

void
upload_init(struct upload *u, struct cloud *cloud, const struct upload_ops *ops,
    const char *key, const struct store_put_opt *opt, store_ready_fn *ready,
    void *arg)
{
	struct upload_work *w = xcalloc(1, sizeof(*w));

	u->base.store = &cloud->base;
	u->cloud = cloud;
	u->ops = ops;
	u->key = xstrdup(key);
	u->tier = opt->tier == NULL ? NULL : xstrdup(opt->tier);
	u->if_absent = opt->if_absent;
	u->size_hint = opt->size_hint;
	u->work = w;
	w->ready = ready;
	w->ready_arg = arg;
	w->deadline_ms = opt->deadline_ms;
	w->last = &w->first;
	w->timer = env_timer_new(cloud->base.env, on_upload_timer, u);
	atomic_init(&w->is_given_up, false);
	if (ops->digests != 0)
		w->digest = upload_digest_new(ops);
	cloud_hold(cloud);
}

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

/* --- The end, good or bad. */

static void
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
static void
upload_stop(struct upload *u)
{
	struct upload_work *w = u->work;

	atomic_store(&w->is_given_up, true);
	if (w->end == STEP_ASKED && u->call != NULL) {
		upload_cancel(&u->call);
		w->end = STEP_DONE;
	}
	upload_drop_pieces(u);
}

static bool
upload_is_settled(const struct upload *u)
{
	const struct upload_work *w = u->work;

	return w->first == NULL && w->begin != STEP_ASKED &&
	    w->end != STEP_ASKED && w->abort != STEP_ASKED &&
	    (w->begin == STEP_NONE || w->abort == STEP_DONE);
}

/* After a failure or an abort: is there anything left to wait for? */
static void
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

/* May free ${u}. */
static void
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
		env_timer_start(w->timer, ABORT_WAIT_MS);
	upload_settle(u);
	if (is_waiting)
		w->ready(w->ready_arg);
}

static void
on_upload_timer(void *arg)
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

/* --- Moving on. */

static void
on_piece_digest(void *arg)
{
	struct upload *u = arg;
	struct upload_work *w = u->work;

	upload_digest_part(w->digest, u, &w->read->part, &w->is_given_up);
}

static void
on_piece_read(void *arg)
{
	struct upload *u = arg;
	struct upload_work *w = u->work;
	struct upload_piece *p = w->read;

	w->read = NULL;
	w->is_reading = false;
	if (!upload_is_stopped(u)) {
		p->state = PIECE_READ;
		upload_pump(u);
		return;
	}
	upload_piece_take(u, p);
	upload_piece_free(p);
	upload_settle(u);
}

static void
upload_read_next(struct upload *u)
{
	struct upload_work *w = u->work;
	struct upload_piece *p;

	if (w->is_reading)
		return;
	for (p = w->first; p != NULL && p->state != PIECE_CUT; p = p->next)
		continue;
	if (p == NULL)
		return;
	w->read = p;
	w->is_reading = true;
	work_submit(u->cloud->base.lent.pool, &w->job, on_piece_digest,
	    on_piece_read, u);
}

/* Parts that are on their way at the same time. */
static size_t
upload_window(const struct upload *u)
{
	size_t n = u->cloud->concurrency > 0 ? u->cloud->concurrency : 1;

	/* One is sent, one is read. */
	return u->ops->is_sequential && n > 2 ? 2 : n;
}

static void
upload_send(struct upload *u)
{
	struct upload_work *w = u->work;
	struct upload_piece *p;
	size_t most = u->ops->is_sequential ? 1 : upload_window(u);
	size_t n = 0;

	for (p = w->first; p != NULL; p = p->next)
		n += p->state == PIECE_SENT;
	for (p = w->first; p != NULL && n < most; p = p->next) {
		if (p->state == PIECE_SENT)
			continue;
		if (p->state == PIECE_CUT && w->digest != NULL)
			return;
		p->state = PIECE_SENT;
		n++;
		u->ops->part(u, &p->part);
	}
}

static void
upload_put_single(struct upload *u, struct upload_piece *p)
{
	if (p->state == PIECE_CUT && u->work->digest != NULL)
		return;
	p->state = PIECE_SENT;
	u->work->end = STEP_ASKED;
	u->ops->put(u, &p->part);
}

/* Whether the next block may come. */
static bool
upload_has_room(const struct upload *u)
{
	const struct upload_work *w = u->work;
	size_t window = upload_window(u);

	if (w->npieces != window)
		return w->npieces < window;
	return w->filling == NULL || !upload_is_full(w->filling);
}

/* Starts what can be started; no answer comes from within. */
static void
upload_step(struct upload *u)
{
	struct upload_work *w = u->work;

	if (w->digest != NULL)
		upload_read_next(u);
	if (w->end != STEP_NONE)
		return;
	if (w->first == NULL) {
		if (w->state != UPLOAD_FINISHING)
			return;
		w->end = STEP_ASKED;
		u->ops->complete(u, w->done, w->ndone);
		return;
	}
	if (w->first->part.number == 1 && w->first->part.is_last) {
		upload_put_single(u, w->first);
		return;
	}
	if (w->begin == STEP_NONE) {
		w->begin = STEP_ASKED;
		u->ops->begin(u);
	}
	if (w->begin == STEP_DONE)
		upload_send(u);
}

/* For callbacks: ready() may end in freeing ${u}. */
static void
upload_pump(struct upload *u)
{
	struct upload_work *w = u->work;

	upload_step(u);
	if (w->is_waiting && w->state == UPLOAD_OPEN && upload_has_room(u)) {
		w->is_waiting = false;
		w->ready(w->ready_arg);
	}
}

/* --- The backend's answers. */

void
upload_begun(struct upload *u, const struct err *e)
{
	struct upload_work *w = u->work;

	BUG_IF(w->begin != STEP_ASKED);
	w->begin = STEP_DONE;
	u->call = NULL;
	if (upload_is_stopped(u))
		upload_settle(u);
	else if (e != NULL)
		upload_fail(u, e);
	else
		upload_pump(u);
}

void
upload_part_done(struct upload *u, struct upload_part *part,
    const struct err *e)
{
	struct upload_piece *p = (struct upload_piece *)(void *)part;

	BUG_IF(p->state != PIECE_SENT);
	upload_piece_take(u, p);
	if (!upload_is_stopped(u) && e == NULL)
		upload_piece_keep(u, p);
	upload_piece_free(p);
	if (upload_is_stopped(u))
		upload_settle(u);
	else if (e != NULL)
		upload_fail(u, e);
	else
		upload_pump(u);
}

void
upload_put_done(struct upload *u, const struct store_proof *proof,
    const struct err *e)
{
	struct upload_work *w = u->work;
	struct upload_piece *p = w->first;

	BUG_IF(w->end != STEP_ASKED || (proof == NULL) == (e == NULL));
	w->end = STEP_DONE;
	u->call = NULL;
	if (p != NULL) {
		upload_piece_take(u, p);
		upload_piece_free(p);
	}
	if (upload_is_stopped(u))
		upload_settle(u);
	else if (e != NULL)
		upload_fail(u, e);
	else
		upload_answer(u, proof);
}

void
upload_aborted(struct upload *u)
{
	BUG_IF(u->work->abort != STEP_ASKED);
	u->work->abort = STEP_DONE;
	u->call = NULL;
	upload_settle(u);
}

/* --- For store_ops. */

bool
upload_write(struct store_put *put, struct block *b)
{
	struct upload *u = (struct upload *)(void *)put;
	struct upload_work *w = u->work;
	struct err e = ERR_INIT;

	BUG_IF(w->state != UPLOAD_OPEN || w->is_waiting);
	if (w->has_failed)
		return true;
	if (upload_cut(u, b, &e) == -1) {
		upload_fail(u, &e);
		return true;
	}
	upload_step(u);
	w->is_waiting = !upload_has_room(u);
	return !w->is_waiting;
}

bool
upload_failed(struct store_put *put)
{
	return ((struct upload *)(void *)put)->work->has_failed;
}

void
upload_finish(struct store_put *put, store_put_fn *fn, void *arg)
{
	struct upload *u = (struct upload *)(void *)put;
	struct upload_work *w = u->work;

	BUG_IF(w->state != UPLOAD_OPEN);
	w->state = UPLOAD_FINISHING;
	w->is_waiting = false;
	w->fn = fn;
	w->arg = arg;
	if (w->has_failed) {
		env_timer_start(w->timer,
		    upload_is_settled(u) ? 0 : ABORT_WAIT_MS);
		return;
	}
	if (w->deadline_ms > 0)
		env_timer_start(w->timer, w->deadline_ms);
	upload_cut_last(u);
	upload_step(u);
}

void
upload_abort(struct store_put *put)
{
	struct upload *u = (struct upload *)(void *)put;
	struct upload_work *w = u->work;

	BUG_IF(w->state != UPLOAD_OPEN);
	w->state = UPLOAD_ABORTED;
	w->is_waiting = false;
	upload_stop(u);
	upload_settle(u);
}
