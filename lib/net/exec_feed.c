/* exec_feed.c - a script's standard input: itself, "go", what it reads. */
#include "net/exec_int.h"

#include <string.h>

#include "base/mem.h"

static void
exec_close_input(struct exec *x)
{
	struct reader *r = x->cmd.input;

	x->cmd.input = NULL;
	x->is_reading_input = false;
	reader_close(r);
}

static void
on_written(void *arg, const struct err *e)
{
	struct exec *x = arg;

	x->is_writing = false;
	if (x->is_ending)
		return;
	if (e != NULL) {
		/* It reads no more; what it prints tells whether that was
		 * right. */
		x->feed = EXEC_FEED_OVER;
		exec_close_input(x);
		return;
	}
	exec_feed(x);
}

static void
exec_write(struct exec *x, struct block *b)
{
	x->is_writing = true;
	chan_write(x->chan, b, on_written, x);
}

static void
exec_write_bytes(struct exec *x, const void *p, size_t n)
{
	struct block *b = block_new(n);

	memcpy(b->data, p, n);
	b->len = n;
	exec_write(x, b);
}

static void
on_input(void *arg, struct block *b, const struct err *e)
{
	struct exec *x = arg;
	struct err mine;

	x->is_reading_input = false;
	if (x->is_ending) {
		block_unref(b);
	} else if (e != NULL) {
		/* Never an end of input: it would look like a whole one. */
		err_copy(&mine, e);
		(void)err_context(&mine, "input");
		exec_fail(x, &mine);
	} else if (b != NULL) {
		exec_write(x, b);
	} else {
		exec_close_input(x);
		x->feed = EXEC_FEED_SHUT;
		exec_feed(x);
	}
}

void
exec_feed(struct exec *x)
{
	if (x->is_writing || x->is_ending || x->chan == NULL)
		return;
	switch (x->feed) {
	case EXEC_FEED_HEADER:
		x->feed = EXEC_FEED_WAIT;
		exec_write_bytes(x, x->header.data, x->header.len);
		break;
	case EXEC_FEED_WAIT:
		if (x->envelope.state == ENVELOPE_NOISE)
			break;
		/* FALLTHROUGH */
	case EXEC_FEED_GO:
		x->feed = x->cmd.input == NULL ? EXEC_FEED_SHUT
					       : EXEC_FEED_INPUT;
		exec_write_bytes(x, ENVELOPE_GO, strlen(ENVELOPE_GO));
		break;
	case EXEC_FEED_INPUT:
		if (x->is_reading_input)
			break;
		x->is_reading_input = true;
		reader_read(x->cmd.input, on_input, x);
		break;
	case EXEC_FEED_SHUT:
		x->feed = EXEC_FEED_OVER;
		x->is_writing = true;
		chan_shutdown(x->chan, on_written, x);
		break;
	case EXEC_FEED_OVER:
		break;
	}
}
