/* host_run.c - a script whose output is collected; see host.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/exec.h"
#include "net/host.h"

#define RUN_OUT_MAX ((size_t)1024 * 1024)

struct host_run {
	struct exec *exec;
	struct buf out;
	size_t out_max;
	host_run_fn *fn;
	void *arg;
};

static void
run_free(struct host_run *r)
{
	buf_done(&r->out);
	free(r);
}

static bool
on_run_payload(void *arg, struct block *b)
{
	struct host_run *r = arg;
	struct err e = ERR_INIT;

	if (b->len > r->out_max - r->out.len) {
		(void)err_set(&e, ERR_LIMIT, "the script prints over %zu bytes",
		    r->out_max);
		exec_fail(r->exec, &e);
	} else {
		buf_add(&r->out, b->data, b->len);
	}
	block_unref(b);
	return true;
}

static void
on_run_end(void *arg, int status, const struct err *e)
{
	struct host_run *r = arg;
	struct host_result res;
	struct exec *x = r->exec;

	r->exec = NULL;
	res.status = status;
	res.out = buf_str(&r->out);
	res.out_len = r->out.len;
	res.err_text = exec_err_text(x);
	r->fn(r->arg, e == NULL ? &res : NULL, e);
	run_free(r);
}

static void
on_run_gone(void *arg)
{
	run_free(arg);
}

static const struct exec_fns run_fns = { on_run_payload, on_run_end,
	on_run_gone };

struct host_run *
host_run(struct host *h, const struct host_cmd *cmd, host_run_fn *fn, void *arg)
{
	struct host_run *r = xcalloc(1, sizeof(*r));

	r->out_max = cmd->out_max == 0 ? RUN_OUT_MAX : cmd->out_max;
	r->fn = fn;
	r->arg = arg;
	r->exec = exec_start(h, cmd, &run_fns, r);
	return r;
}

void
host_run_cancel(struct host_run *r, void (*fn)(void *, const struct err *),
    void *arg)
{
	exec_stop(r->exec, fn, arg);
	run_free(r);
}
