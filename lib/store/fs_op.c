/* fs_op.c - see fs.h: one operation on the store's threads, with a deadline. */
#include <stdlib.h>

#include "base/mem.h"
#include "store/fs.h"

/* So many given up and still stuck: the disk is dead, queue no more. */
#define LATE_MAX 32

static void
on_op_run(void *arg)
{
	struct fs_op *op = arg;

	if (!atomic_load(&op->is_given_up))
		op->run(op);
}

static void
op_free(struct fs_op *op)
{
	struct fs_store *fs = op->fs;

	op->free(op);
	fs_drop(fs);
}

static void
op_answer(struct fs_op *op, const struct err *e)
{
	op->is_answered = true;
	env_timer_free(op->timer);
	op->timer = NULL;
	op->answer(op, e);
}

static void
on_op_done(void *arg)
{
	struct fs_op *op = arg;

	if (op->is_answered)
		op->fs->nlate--;
	else
		op_answer(op, op->err.code != ERR_NONE ? &op->err : NULL);
	op_free(op);
}

static void
on_op_late(void *arg)
{
	struct fs_op *op = arg;
	struct err e = ERR_INIT;

	atomic_store(&op->is_given_up, true);
	(void)err_set(&e, ERR_TIMEOUT, "'%s' does not answer", op->fs->root);
	if (op->is_on_pool) {
		op->fs->nlate++;
		op_answer(op, &e);
	} else {
		op_answer(op, &e);
		op_free(op);
	}
}

void
fs_op_start(struct fs_store *fs, struct fs_op *op)
{
	fs_hold(fs);
	op->fs = fs;
	op->timer = env_timer_new(fs->base.env, on_op_late, op);
	op->is_on_pool = fs->nlate < LATE_MAX;
	env_timer_start(op->timer, op->is_on_pool ? fs->wait_ms : 0);
	if (op->is_on_pool)
		work_submit(fs->pool, &op->work, on_op_run, on_op_done, op);
}
