/*
 * s3_abort.c - an upload in parts that is given up.
 *
 *	DELETE -> LOOK -> gone
 *	   ^        |
 *	   +- WAIT -+   a part came in meanwhile
 */
#include <stdlib.h>

#include "base/mem.h"
#include "store/s3.h"

#define TRIES 6
#define WAIT_MS 300
#define PATIENCE_MS 30000

struct s3_abort_op {
	struct s3 *s3;
	char *path, *id;
	unsigned tries;
	struct env_timer *timer;
	store_done_fn *fn;
	void *arg;
};

static cloud_fn on_aborted;

int64_t
s3_abort_patience(const struct s3 *s)
{
	return s->cloud.retry_for_ms < PATIENCE_MS ? s->cloud.retry_for_ms
						   : PATIENCE_MS;
}

static void
abort_answer(struct s3_abort_op *op, const struct err *e)
{
	struct cloud *c = &op->s3->cloud;

	env_timer_free(op->timer);
	op->fn(op->arg, e);
	free(op->path);
	free(op->id);
	free(op);
	cloud_release(c);
}

static void
abort_ask(struct s3_abort_op *op, const char *method, cloud_fn *fn)
{
	struct cloud_pair query = { "uploadId", op->id };
	struct cloud_req req = { .what = fn == on_aborted ? S3_ABORT : S3_PARTS,
		.method = method,
		.path = op->path,
		.query = &query,
		.nquery = 1,
		.retry_for_ms = s3_abort_patience(op->s3) };

	(void)cloud_start(&op->s3->cloud, &req, fn, op);
}

static void
on_parts_looked(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_abort_op *op = arg;
	struct err mine = ERR_INIT;

	(void)a;
	(void)code;
	/* Who may not look believes the store. */
	if (e != NULL &&
	    (e->code == ERR_NOT_FOUND || e->code == ERR_PERMISSION ||
		e->code == ERR_PROTOCOL)) {
		abort_answer(op, NULL);
	} else if (e != NULL) {
		abort_answer(op, e);
	} else if (op->tries == TRIES) {
		(void)err_set(&mine, ERR_BUSY,
		    "store '%s': an aborted upload is still there",
		    op->s3->cloud.base.name);
		abort_answer(op, &mine);
	} else {
		env_timer_start(op->timer, (int64_t)WAIT_MS << op->tries);
	}
}

static void
on_aborted(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_abort_op *op = arg;

	(void)a;
	(void)code;
	if (e != NULL && e->code == ERR_NOT_FOUND && op->tries > 1)
		abort_answer(op, NULL);
	else if (e != NULL)
		abort_answer(op, e);
	else
		abort_ask(op, "GET", on_parts_looked);
}

static void
abort_try(void *arg)
{
	struct s3_abort_op *op = arg;

	op->tries++;
	abort_ask(op, "DELETE", on_aborted);
}

void
s3_abort(struct s3 *s, const char *key, const char *id, store_done_fn *fn,
    void *arg)
{
	struct s3_abort_op *op = xcalloc(1, sizeof(*op));

	cloud_hold(&s->cloud);
	op->s3 = s;
	op->path = s3_path(s, key);
	op->id = xstrdup(id);
	op->timer = env_timer_new(s->cloud.base.env, abort_try, op);
	op->fn = fn;
	op->arg = arg;
	abort_try(op);
}
