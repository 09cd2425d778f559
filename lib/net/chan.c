/* chan.c - see chan.h. */
#include "net/chan.h"

void
chan_read(struct chan *c, enum chan_out which, reader_fn *fn, void *arg)
{
	c->ops->read(c, which, fn, arg);
}

void
chan_write(struct chan *c, struct block *b, chan_done_fn *fn, void *arg)
{
	c->ops->write(c, b, fn, arg);
}

void
chan_shutdown(struct chan *c, chan_done_fn *fn, void *arg)
{
	c->ops->shutdown(c, fn, arg);
}

void
chan_exit_status(struct chan *c, struct chan_exit *out)
{
	c->ops->exit_status(c, out);
}

uint64_t
chan_moved(struct chan *c)
{
	return c->ops->moved(c);
}

void
chan_close(struct chan *c)
{
	if (c != NULL)
		c->ops->close(c);
}
