/*
 * upload.c - see upload.h: what is asked of the backend, and when.
 *
 *	OPEN --finish--> FINISHING --put or complete--> answered, freed
 *	  |                  |  +--failed--> abort asked --> answered, freed
 *	  +--abort-----------+--> ABORTED, freed when the backend has let go
 *
 * Parts are cut by write(), read by the pool one after the other, and sent as
 * there is room.  A part that is full is cut only when more comes: nobody knows
 * before whether it is the last, or the only one.
 */
#include "base/crash.h"
#include "base/mem.h"
#include "store/upload_int.h"

static void upload_pump(struct upload *);

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
	w->timer = env_timer_new(cloud->base.env, upload_on_timer, u);
	atomic_init(&w->is_given_up, false);
	if (ops->digests != 0)
		w->digest = upload_digest_new(ops);
	cloud_hold(cloud);
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
	size_t n = upload_part_window(u->cloud->concurrency,
	    u->cloud->part_size,
	    upload_part_size(&u->ops->limits, u->cloud->part_size, u->size_hint,
		u->work->ncut + 1));

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
		CRASH_POINT("upload parts are in");
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
	CRASH_POINT("upload begun");
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
	struct upload_work *w = u->work;

	BUG_IF(p->state != PIECE_SENT);
	CRASH_POINT("upload part sent");
	upload_piece_take(u, p);
	if (!upload_is_stopped(u) && e == NULL) {
		upload_piece_keep(u, p);
		w->done_bytes += p->part.size;
	}
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
	CRASH_POINT("upload put answered");
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
		    upload_is_settled(u) ? 0 : UPLOAD_ABORT_WAIT_MS);
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

	BUG_IF(w->state == UPLOAD_ABORTED || w->is_answered);
	env_timer_stop(w->timer);
	w->state = UPLOAD_ABORTED;
	w->is_waiting = false;
	upload_stop(u);
	upload_settle(u);
}

static int64_t
call_moved(const struct cloud_call *call, int64_t most)
{
	int64_t n = call == NULL ? 0 : cloud_sent(call);

	return n < most ? n : most;
}

int64_t
upload_moved(struct store_put *put)
{
	const struct upload *u = (const struct upload *)(const void *)put;
	const struct upload_work *w = u->work;
	const struct upload_piece *p;
	int64_t n = w->done_bytes;

	for (p = w->first; p != NULL; p = p->next)
		n += call_moved(p->part.call, p->part.size);
	if (w->end == STEP_ASKED && w->first != NULL)
		n += call_moved(u->call, w->first->part.size);
	return n;
}
