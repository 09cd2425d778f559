/* host_stream.c - a script whose output is read block by block; see host.h. */
#include <stdlib.h>

#include "base/defer.h"
#include "base/mem.h"
#include "net/exec.h"
#include "net/host_int.h"

struct host_stream {
	struct reader reader;
	uv_loop_t *loop;
	struct exec *exec;   /* NULL after its end. */
	struct block *block; /* Came, not yet taken. */
	struct err end;      /* When exec is NULL. */
	reader_fn *fn;       /* The read outstanding. */
	void *arg;
	struct defer *soon;
};

static void
on_stream_soon(void *arg)
{
	struct host_stream *s = arg;
	reader_fn *fn = s->fn;
	struct block *b = s->block;

	s->soon = NULL;
	s->fn = NULL;
	s->block = NULL;
	fn(s->arg, b, b != NULL || s->end.code == ERR_NONE ? NULL : &s->end);
}

/* Answer the read outstanding, if there is an answer. */
static void
stream_answer(struct host_stream *s)
{
	if (s->fn != NULL && s->soon == NULL &&
	    (s->block != NULL || s->exec == NULL))
		s->soon = defer_call(s->loop, on_stream_soon, s);
}

static bool
on_stream_payload(void *arg, struct block *b)
{
	struct host_stream *s = arg;

	BUG_IF(s->block != NULL);
	s->block = b;
	stream_answer(s);
	return false;
}

static void
on_stream_end(void *arg, int status, const struct err *e)
{
	struct host_stream *s = arg;
	const char *said = exec_err_text(s->exec);

	if (e != NULL)
		err_copy(&s->end, e);
	else if (status != 0)
		(void)err_set(&s->end, ERR_RUN_FAILED,
		    "host '%s': the script ended with status %d%s%.400s",
		    host_name(exec_host(s->exec)), status,
		    said[0] == '\0' ? "" : ": ", said);
	s->exec = NULL;
	stream_answer(s);
}

static void
on_stream_gone(void *arg)
{
	struct host_stream *s = arg;

	/* The reader stays until its owner closes it. */
	s->exec = NULL;
	(void)err_set(&s->end, ERR_CANCELED, "the host was closed");
	stream_answer(s);
}

static const struct exec_fns stream_fns = { on_stream_payload, on_stream_end,
	on_stream_gone };

static void
stream_read(struct reader *r, reader_fn *fn, void *arg)
{
	struct host_stream *s = CONTAINER_OF(r, struct host_stream, reader);

	BUG_IF(s->fn != NULL);
	s->fn = fn;
	s->arg = arg;
	if (s->block == NULL && s->exec != NULL)
		exec_resume(s->exec);
	stream_answer(s);
}

static void
stream_close(struct reader *r)
{
	struct host_stream *s = CONTAINER_OF(r, struct host_stream, reader);

	defer_cancel(s->soon);
	block_unref(s->block);
	if (s->exec != NULL)
		exec_stop(s->exec, NULL, NULL);
	free(s);
}

static const struct reader_ops stream_ops = { stream_read, stream_close };

struct reader *
host_stream(struct host *h, const struct host_cmd *cmd)
{
	struct host_stream *s = xcalloc(1, sizeof(*s));

	s->reader.ops = &stream_ops;
	s->loop = host_loop(h);
	s->exec = exec_start(h, cmd, &stream_fns, s);
	return &s->reader;
}
