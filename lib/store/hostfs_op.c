/* hostfs_op.c - see hostfs.h: one command and its answer. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "store/host/scripts.h"
#include "store/hostfs.h"

/* Connecting comes first, and a flush may take its time. */
#define OP_EXTRA_MS 30000

void
hostfs_set(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "%s=", name);
	str_quote_sh(b, value);
	buf_addc(b, '\n');
}

void
hostfs_set_int(struct buf *b, const char *name, int64_t value)
{
	buf_addf(b, "%s=%" PRId64 "\n", name, value);
}

void
hostfs_script(const struct hostfs *fs, const struct hostfs_verb *v,
    struct buf *b)
{
	hostfs_set(b, "RB_ROOT", fs->root);
	hostfs_set_int(b, "RB_MIN_FREE", fs->min_free);
	if (v->settings != NULL)
		buf_adds(b, buf_str(v->settings));
	buf_adds(b, host_script_hostfs);
	buf_adds(b, v->script);
	buf_addf(b, "verb_%s\n", v->name);
}

void
hostfs_token(struct hostfs *fs, char out[HOSTFS_TOKEN_SIZE])
{
	uint8_t raw[(HOSTFS_TOKEN_SIZE - 1) / 2];

	env_random(fs->base.env, raw, sizeof(raw));
	str_hex(raw, sizeof(raw), out);
}

void
hostfs_etag(const char *inode, int64_t size, int64_t mtime, char *out, size_t n)
{
	(void)snprintf(out, n, "%.40s-%" PRId64 "-%" PRId64, inode, size,
	    mtime);
}

/* "error CODE TEXT": the code's word is err.h's. */
static void
note_error(const struct hostfs *fs, const char *text, struct err *err)
{
	char word[32];
	size_t n = strcspn(text, " ");

	if (n == 0 || n >= sizeof(word) || err->code != ERR_NONE)
		return;
	memcpy(word, text, n);
	word[n] = '\0';
	(void)err_set(err, err_from_name(word), "host '%s': %.500s",
	    fs->host_name, text[n] == ' ' ? text + n + 1 : "failed");
}

static void
note_fault(const struct hostfs *fs, const char *text, struct err *fault)
{
	enum err_code code = ERR_IO;

	if (fault->code != ERR_NONE)
		return;
	if (strstr(text, "No space") != NULL || strstr(text, "uota") != NULL)
		code = ERR_NO_SPACE;
	(void)err_set(fault, code, "host '%s': %.500s", fs->host_name, text);
}

void
hostfs_note(struct hostfs *fs, const char *note, struct err *err,
    struct err *fault)
{
	if (str_has_prefix(note, "error "))
		note_error(fs, note + strlen("error "), err);
	else if (str_has_prefix(note, "fault "))
		note_fault(fs, note + strlen("fault "), fault);
	else if (strcmp(note, "links yes") == 0)
		fs->links = HOSTFS_LINKS_YES;
	else if (strcmp(note, "links no") == 0)
		fs->links = HOSTFS_LINKS_NO;
}

static void
on_op_note(void *arg, const char *note)
{
	struct hostfs_op *op = arg;
	bool was_well = op->fault.code == ERR_NONE;

	hostfs_note(op->fs, note, &op->err, &op->fault);
	if (was_well && op->fault.code != ERR_NONE && op->on_fault != NULL)
		op->on_fault(op);
}

/* The operation may be freed by its answer, the store not before. */
static void
op_answer(struct hostfs_op *op, const char *out, const struct err *e)
{
	struct hostfs *fs = op->fs;

	op->answer(op, out, e);
	hostfs_drop(fs);
}

static void
on_op_end(void *arg, const struct host_result *r, const struct err *e)
{
	struct hostfs_op *op = arg;
	struct err mine = ERR_INIT;

	op->run = NULL;
	if (r != NULL && r->status == 0) {
		op_answer(op, r->out, NULL);
		return;
	}
	/* What came first explains the rest. */
	if (op->fault.code != ERR_NONE)
		err_copy(&mine, &op->fault);
	else if (op->err.code != ERR_NONE)
		err_copy(&mine, &op->err);
	else if (e != NULL)
		err_copy(&mine, e);
	else
		(void)err_set(&mine, ERR_IO,
		    "host '%s': the script ended with status %d%s%.400s",
		    op->fs->host_name, r->status,
		    r->err_text[0] == '\0' ? "" : ": ", r->err_text);
	op_answer(op, NULL, &mine);
}

static void
on_op_refused(void *arg)
{
	struct hostfs_op *op = arg;
	struct err e;

	op->soon = NULL;
	err_copy(&e, &op->err);
	op_answer(op, NULL, &e);
}

void
hostfs_op_refuse(struct hostfs *fs, struct hostfs_op *op, const struct err *e,
    hostfs_answer_fn *answer)
{
	BUG_IF(op->run != NULL || op->soon != NULL);
	hostfs_hold(fs);
	op->fs = fs;
	op->answer = answer;
	err_copy(&op->err, e);
	op->soon = defer_call(fs->base.env->loop, on_op_refused, op);
}

void
hostfs_op_start(struct hostfs *fs, struct hostfs_op *op,
    const struct hostfs_verb *v, hostfs_answer_fn *answer)
{
	struct buf script = BUF_INIT;
	struct host_cmd cmd = { 0 };

	BUG_IF(op->run != NULL || op->soon != NULL);
	hostfs_hold(fs);
	op->fs = fs;
	op->answer = answer;
	err_clear(&op->err);
	err_clear(&op->fault);
	hostfs_script(fs, v, &script);
	cmd.script = buf_str(&script);
	cmd.input = v->input;
	cmd.deadline_ms = v->deadline_ms > 0 ? v->deadline_ms
					     : fs->stall_ms + OP_EXTRA_MS;
	cmd.stall_ms = v->stall_ms;
	cmd.out_max = v->out_max;
	cmd.on_note = on_op_note;
	cmd.note_arg = op;
	op->run = host_run(fs->host, &cmd, on_op_end, op);
	buf_done(&script);
}

static void
on_op_stopped(void *arg, const struct err *e)
{
	struct hostfs_op *op = arg;
	struct hostfs *fs = op->fs;
	void (*stopped)(struct hostfs_op *) = op->stopped;

	err_copy(&op->err, e);
	op->stopped = NULL;
	stopped(op);
	hostfs_drop(fs);
}

void
hostfs_op_stop(struct hostfs_op *op, void (*stopped)(struct hostfs_op *))
{
	struct host_run *run = op->run;

	BUG_IF(run == NULL);
	op->run = NULL;
	op->stopped = stopped;
	host_run_cancel(run, on_op_stopped, op);
}

bool
hostfs_op_is_busy(const struct hostfs_op *op)
{
	return op->run != NULL || op->soon != NULL || op->stopped != NULL;
}
