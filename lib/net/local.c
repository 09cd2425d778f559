/* local.c - see local.h. */
#include "net/local.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loopwait.h"
#include "base/mem.h"
#include "net/local_env.h"

#define LOCAL_READ_SIZE ((size_t)64 * 1024)

/* One of the child's two outputs. */
struct local_out {
	struct local *owner;
	uv_pipe_t pipe;
	struct block *room; /* Where libuv reads to. */
	reader_fn *fn;      /* The read outstanding. */
	void *arg;
};

struct local {
	struct chan chan;
	uv_process_t process;
	uv_pipe_t in;
	struct local_out out[2];
	uv_write_t write_req;
	struct block *writing;
	chan_done_fn *write_fn;
	void *write_arg;
	chan_done_fn *shut_fn;
	void *shut_arg;
	uint64_t moved;
	pid_t pid;
	int64_t status;
	int signal;
	unsigned handles; /* Not yet closed. */
	bool has_exited;
	bool is_closed;
};

static struct local *
local_of(struct chan *c)
{
	return CONTAINER_OF(c, struct local, chan);
}

static void
on_handle_closed(uv_handle_t *h)
{
	struct local *l = h->data;

	if (--l->handles > 0)
		return;
	block_unref(l->writing);
	block_unref(l->out[0].room);
	block_unref(l->out[1].room);
	free(l);
}

static void
local_close_handle(struct local *l, uv_handle_t *h)
{
	h->data = l;
	if (!uv_is_closing(h))
		uv_close(h, on_handle_closed);
}

static void
on_child_exit(uv_process_t *p, int64_t status, int sig)
{
	struct local *l = CONTAINER_OF(p, struct local, process);

	l->has_exited = true;
	l->status = status;
	l->signal = sig;
	/* Closed any earlier, the child would stay a zombie. */
	if (l->is_closed)
		local_close_handle(l, (uv_handle_t *)p);
}

static void
local_close(struct chan *c)
{
	struct local *l = local_of(c);

	BUG_IF(l->is_closed);
	l->is_closed = true;
	local_close_handle(l, (uv_handle_t *)&l->in);
	local_close_handle(l, (uv_handle_t *)&l->out[0].pipe);
	local_close_handle(l, (uv_handle_t *)&l->out[1].pipe);
	if (l->has_exited)
		local_close_handle(l, (uv_handle_t *)&l->process);
}

static void
on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
	struct local_out *o = h->data;

	(void)hint;
	if (o->room == NULL)
		o->room = block_new(LOCAL_READ_SIZE);
	*buf = uv_buf_init((char *)o->room->data, (unsigned)o->room->cap);
}

static void
on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct local_out *o = s->data;
	struct block *b = NULL;
	reader_fn *fn = o->fn;
	struct err e = ERR_INIT;

	(void)buf;
	if (n == 0)
		return; /* Nothing there after all. */
	o->fn = NULL;
	(void)uv_read_stop(s);
	if (n > 0) {
		b = o->room;
		o->room = NULL;
		b->len = (size_t)n;
		o->owner->moved += (uint64_t)n;
	} else if (n != UV_EOF) {
		(void)err_uv(&e, (int)n, "read a child's output");
	}
	fn(o->arg, b, e.code == ERR_NONE ? NULL : &e);
}

static void
local_read(struct chan *c, enum chan_out which, reader_fn *fn, void *arg)
{
	struct local_out *o = &local_of(c)->out[which];

	BUG_IF(o->fn != NULL);
	o->fn = fn;
	o->arg = arg;
	BUG_IF(uv_read_start((uv_stream_t *)&o->pipe, on_alloc, on_output) !=
	    0);
}

static void
on_written(uv_write_t *req, int status)
{
	struct local *l = CONTAINER_OF(req, struct local, write_req);
	chan_done_fn *fn = l->write_fn;
	struct err e = ERR_INIT;

	l->write_fn = NULL;
	if (l->is_closed)
		return; /* The block goes with the last handle. */
	l->moved += l->writing->len;
	block_unref(l->writing);
	l->writing = NULL;
	if (status < 0)
		(void)err_uv(&e, status, "write to a child");
	fn(l->write_arg, status < 0 ? &e : NULL);
}

static void
local_write(struct chan *c, struct block *b, chan_done_fn *fn, void *arg)
{
	struct local *l = local_of(c);
	uv_buf_t buf = uv_buf_init((char *)b->data, (unsigned)b->len);

	BUG_IF(l->write_fn != NULL || l->shut_fn != NULL);
	l->writing = b;
	l->write_fn = fn;
	l->write_arg = arg;
	BUG_IF(uv_write(&l->write_req, (uv_stream_t *)&l->in, &buf, 1,
		   on_written) != 0);
}

static void
on_input_closed(uv_handle_t *h)
{
	struct local *l = h->data;
	chan_done_fn *fn = l->shut_fn;

	l->shut_fn = NULL;
	if (!l->is_closed)
		fn(l->shut_arg, NULL);
	on_handle_closed(h);
}

/* A pipe knows no half: its writing end is closed. */
static void
local_shutdown(struct chan *c, chan_done_fn *fn, void *arg)
{
	struct local *l = local_of(c);

	BUG_IF(l->write_fn != NULL || l->shut_fn != NULL);
	l->shut_fn = fn;
	l->shut_arg = arg;
	l->in.data = l;
	uv_close((uv_handle_t *)&l->in, on_input_closed);
}

static void
local_exit_status(struct chan *c, struct chan_exit *out)
{
	struct local *l = local_of(c);

	memset(out, 0, sizeof(*out));
	out->is_known = l->has_exited;
	out->status = (int)l->status;
	if (l->has_exited && l->signal != 0)
		local_signal_name(l->signal, out->signal, sizeof(out->signal));
}

static uint64_t
local_moved(struct chan *c)
{
	struct local *l = local_of(c);

	/* A write under way counts by what is left of it. */
	return l->moved * 2 -
	    (l->write_fn == NULL
		    ? 0
		    : uv_stream_get_write_queue_size((uv_stream_t *)&l->in));
}

static const struct chan_ops local_ops = { local_read, local_write,
	local_shutdown, local_exit_status, local_moved, local_close };

static int
local_pipe_open(uv_pipe_t *pipe, uv_file fds[2], bool is_input, struct err *e)
{
	int mine = is_input ? 1 : 0, rc;

	/* Not a socket pair: a program may open /dev/stdin anew. */
	rc = uv_pipe(fds, is_input ? 0 : UV_NONBLOCK_PIPE,
	    is_input ? UV_NONBLOCK_PIPE : 0);
	if (rc != 0)
		return err_uv(e, rc, "make a pipe");
	BUG_IF(uv_pipe_open(pipe, fds[mine]) != 0);
	return 0;
}

static int
local_spawn(struct local *l, uv_loop_t *loop, const char *command,
    const uv_file theirs[3], struct err *e)
{
	char sh[] = "/bin/sh", opt[] = "-c", *cmd = xstrdup(command);
	char *args[] = { sh, opt, cmd, NULL };
	uv_stdio_container_t stdio[3];
	uv_process_options_t o;
	unsigned i;
	int rc;

	memset(&o, 0, sizeof(o));
	for (i = 0; i < 3; i++) {
		stdio[i].flags = UV_INHERIT_FD;
		stdio[i].data.fd = theirs[i];
	}
	o.file = sh;
	o.args = args;
	o.env = local_env_new();
	o.flags = UV_PROCESS_DETACHED;
	o.stdio = stdio;
	o.stdio_count = 3;
	o.exit_cb = on_child_exit;
	loopwait_begin();
	rc = uv_spawn(loop, &l->process, &o);
	loopwait_end();
	local_env_free(o.env);
	free(cmd);
	l->handles++;
	l->has_exited = rc != 0;
	l->pid = rc == 0 ? l->process.pid : 0;
	return rc == 0 ? 0 : err_uv(e, rc, "start /bin/sh");
}

static struct local *
local_new(uv_loop_t *loop)
{
	struct local *l = xcalloc(1, sizeof(*l));
	unsigned i;

	l->chan.ops = &local_ops;
	BUG_IF(uv_pipe_init(loop, &l->in, 0) != 0);
	for (i = 0; i < 2; i++) {
		l->out[i].owner = l;
		BUG_IF(uv_pipe_init(loop, &l->out[i].pipe, 0) != 0);
		l->out[i].pipe.data = &l->out[i];
	}
	l->handles = 3;
	return l;
}

struct chan *
local_exec(uv_loop_t *loop, const char *command, struct err *e)
{
	struct local *l = local_new(loop);
	uv_file in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 };
	int rc = -1;

	if (local_pipe_open(&l->in, in, true, e) == 0 &&
	    local_pipe_open(&l->out[0].pipe, out, false, e) == 0 &&
	    local_pipe_open(&l->out[1].pipe, err, false, e) == 0) {
		const uv_file theirs[3] = { in[0], out[1], err[1] };

		rc = local_spawn(l, loop, command, theirs, e);
	} else {
		/* No process handle was made; none is to be closed. */
		l->has_exited = false;
	}
	if (in[0] != -1)
		(void)close(in[0]);
	if (out[1] != -1)
		(void)close(out[1]);
	if (err[1] != -1)
		(void)close(err[1]);
	if (rc == 0)
		return &l->chan;
	local_close(&l->chan);
	return NULL;
}

pid_t
local_pid(struct chan *c)
{
	return local_of(c)->pid;
}

void
local_kill(struct chan *c)
{
	struct local *l = local_of(c);

	if (l->pid > 0 && !l->has_exited)
		(void)kill(-l->pid, SIGKILL);
}
