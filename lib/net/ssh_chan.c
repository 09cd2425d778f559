/* ssh_chan.c - a channel as the loop sees it; see chan.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/ssh_int.h"

static struct ssh_chan *
chan_of(struct chan *c)
{
	return CONTAINER_OF(c, struct ssh_chan, chan);
}

void
ssh_chan_free(struct ssh_chan *c)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		while (c->queue[i].n > 0)
			block_unref(c->queue[i].blocks[(c->queue[i].first +
							   --c->queue[i].n) %
			    SSH_QUEUE]);
		block_unref(c->room[i]);
	}
	block_unref(c->write);
	free(c->command);
	free(c);
}

/* The error that ends ${c}, if any; the lock is held. */
static const struct err *
chan_error(const struct ssh_chan *c)
{
	if (c->err.code != ERR_NONE)
		return &c->err;
	return c->ssh->has_failed ? &c->ssh->err : NULL;
}

/* One answer that is due; what it takes to give it without the lock. */
struct answer {
	reader_fn *read;
	chan_done_fn *done;
	void *arg;
	struct block *block;
	struct err err;
	bool makes_room;
};

static bool
chan_read_answer(struct ssh_chan *c, unsigned i, struct answer *a)
{
	struct ssh_queue *q = &c->queue[i];
	const struct err *e = chan_error(c);

	if (c->want[i].fn == NULL || (q->n == 0 && !q->is_over && e == NULL))
		return false;
	a->read = c->want[i].fn;
	a->arg = c->want[i].arg;
	c->want[i].fn = NULL;
	if (q->n > 0) {
		a->makes_room = q->n == SSH_QUEUE;
		a->block = q->blocks[q->first];
		q->first = (q->first + 1) % SSH_QUEUE;
		q->n--;
	} else if (!q->is_over) {
		err_copy(&a->err, e);
	}
	return true;
}

static bool
chan_done_answer(struct ssh_chan *c, struct answer *a)
{
	const struct err *e = chan_error(c);

	if (c->write_fn != NULL && (c->is_written || e != NULL)) {
		a->done = c->write_fn;
		a->arg = c->write_arg;
		c->write_fn = NULL;
		c->is_written = false;
	} else if (c->shut_fn != NULL && (c->is_shut || e != NULL)) {
		a->done = c->shut_fn;
		a->arg = c->shut_arg;
		c->shut_fn = NULL;
	} else {
		return false;
	}
	err_copy(&a->err, e);
	return true;
}

bool
ssh_chan_deliver(struct ssh *s)
{
	struct answer a;
	struct ssh_chan *c;
	bool is_due = false;

	memset(&a, 0, sizeof(a));
	uv_mutex_lock(&s->lock);
	for (c = s->chans; c != NULL && !is_due; c = c->next)
		is_due = !c->is_closed &&
		    (chan_read_answer(c, CHAN_STDERR, &a) ||
			chan_read_answer(c, CHAN_STDOUT, &a) ||
			chan_done_answer(c, &a));
	uv_mutex_unlock(&s->lock);
	if (!is_due)
		return false;
	if (a.makes_room)
		ssh_wake(s);
	if (a.read != NULL)
		a.read(a.arg, a.block, a.err.code == ERR_NONE ? NULL : &a.err);
	else
		a.done(a.arg, a.err.code == ERR_NONE ? NULL : &a.err);
	return true;
}

static void
ssh_chan_read(struct chan *chan, enum chan_out which, reader_fn *fn, void *arg)
{
	struct ssh_chan *c = chan_of(chan);
	bool is_due;

	BUG_IF(c->want[which].fn != NULL);
	c->want[which].fn = fn;
	c->want[which].arg = arg;
	uv_mutex_lock(&c->ssh->lock);
	is_due = c->queue[which].n > 0 || c->queue[which].is_over ||
	    chan_error(c) != NULL;
	uv_mutex_unlock(&c->ssh->lock);
	if (is_due)
		(void)uv_async_send(&c->ssh->async);
}

static void
ssh_chan_write(struct chan *chan, struct block *b, chan_done_fn *fn, void *arg)
{
	struct ssh_chan *c = chan_of(chan);

	BUG_IF(c->write_fn != NULL || c->wants_shut);
	c->write_fn = fn;
	c->write_arg = arg;
	uv_mutex_lock(&c->ssh->lock);
	block_unref(c->write); /* One whose answer was an error. */
	c->write = b;
	uv_mutex_unlock(&c->ssh->lock);
	ssh_wake(c->ssh);
	(void)uv_async_send(&c->ssh->async);
}

static void
ssh_chan_shutdown(struct chan *chan, chan_done_fn *fn, void *arg)
{
	struct ssh_chan *c = chan_of(chan);

	BUG_IF(c->write_fn != NULL || c->wants_shut);
	c->shut_fn = fn;
	c->shut_arg = arg;
	uv_mutex_lock(&c->ssh->lock);
	c->wants_shut = true;
	uv_mutex_unlock(&c->ssh->lock);
	ssh_wake(c->ssh);
	(void)uv_async_send(&c->ssh->async);
}

static void
ssh_chan_exit_status(struct chan *chan, struct chan_exit *out)
{
	struct ssh_chan *c = chan_of(chan);

	uv_mutex_lock(&c->ssh->lock);
	*out = c->exit;
	uv_mutex_unlock(&c->ssh->lock);
}

static uint64_t
ssh_chan_moved(struct chan *chan)
{
	struct ssh_chan *c = chan_of(chan);
	bool is_connected;

	uv_mutex_lock(&c->ssh->lock);
	is_connected = c->ssh->is_connected;
	uv_mutex_unlock(&c->ssh->lock);
	/* Connecting has a time limit of its own, and moves. */
	return is_connected ? atomic_load(&c->moved) : uv_hrtime();
}

static void
ssh_chan_close(struct chan *chan)
{
	struct ssh_chan *c = chan_of(chan);
	struct ssh *s = c->ssh;

	uv_mutex_lock(&s->lock);
	BUG_IF(c->is_closed);
	c->is_closed = true;
	uv_mutex_unlock(&s->lock);
	ssh_wake(s);
	/* From here it may be freed at the next wake of the loop. */
	(void)uv_async_send(&s->async);
	ssh_unref(s);
}

const struct chan_ops ssh_chan_ops = { ssh_chan_read, ssh_chan_write,
	ssh_chan_shutdown, ssh_chan_exit_status, ssh_chan_moved,
	ssh_chan_close };
