/*
 * hostfs_get.c - reading one object: the script's output, and whether it is
 * all that was asked for.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "store/host/scripts.h"
#include "store/hostfs.h"

#define GET_WAIT_MS (INT64_C(24) * 3600 * 1000)

struct hostfs_reader {
	struct reader base;
	struct hostfs *fs;
	char *key;
	int64_t from, len;
	int64_t size; /* Of the object; -1: the host has not told. */
	int64_t got;
	struct reader *inner; /* NULL: refused, see err. */
	struct err err, fault;
	struct defer *soon;
	reader_fn *fn; /* The read outstanding. */
	void *arg;
};

static void
on_get_note(void *arg, const char *note)
{
	struct hostfs_reader *r = arg;

	if (str_has_prefix(note, "size "))
		(void)str_parse_i64(note + strlen("size "), &r->size);
	else
		hostfs_note(r->fs, note, &r->err, &r->fault);
}

/* How many bytes there should have been. */
static int64_t
get_expected(const struct hostfs_reader *r)
{
	int64_t rest = r->from < r->size ? r->size - r->from : 0;

	return r->len >= 0 && r->len < rest ? r->len : rest;
}

static void
on_get_read(void *arg, struct block *b, const struct err *e)
{
	struct hostfs_reader *r = arg;
	reader_fn *fn = r->fn;
	struct err mine = ERR_INIT;

	r->fn = NULL;
	if (b != NULL)
		r->got += (int64_t)b->len;
	if (e != NULL)
		err_copy(&mine, r->err.code != ERR_NONE ? &r->err : e);
	else if (b == NULL && r->size < 0)
		(void)err_set(&mine, ERR_PROTOCOL,
		    "host '%s' does not tell the size of '%s'",
		    r->fs->host_name, r->key);
	/* One that grew, as logs do, gives more; that is for its digest. */
	else if (b == NULL && r->got < get_expected(r))
		(void)err_set(&mine, ERR_CORRUPT,
		    "host '%s': '%s' gave %" PRId64 " bytes, not %" PRId64,
		    r->fs->host_name, r->key, r->got, get_expected(r));
	fn(r->arg, b, mine.code != ERR_NONE ? &mine : NULL);
}

static void
on_get_refused(void *arg)
{
	struct hostfs_reader *r = arg;
	reader_fn *fn = r->fn;

	r->soon = NULL;
	r->fn = NULL;
	fn(r->arg, NULL, &r->err);
}

static void
get_read(struct reader *reader, reader_fn *fn, void *arg)
{
	struct hostfs_reader *r = CONTAINER_OF(reader, struct hostfs_reader,
	    base);

	BUG_IF(r->fn != NULL);
	r->fn = fn;
	r->arg = arg;
	if (r->inner != NULL)
		reader_read(r->inner, on_get_read, r);
	else
		r->soon = defer_call(r->fs->base.env->loop, on_get_refused, r);
}

static void
get_close(struct reader *reader)
{
	struct hostfs_reader *r = CONTAINER_OF(reader, struct hostfs_reader,
	    base);
	struct hostfs *fs = r->fs;

	defer_cancel(r->soon);
	reader_close(r->inner);
	free(r->key);
	free(r);
	hostfs_drop(fs);
}

static const struct reader_ops get_ops = { get_read, get_close };

static struct reader *
get_start(struct hostfs_reader *r)
{
	struct hostfs_verb v = { .script = host_script_hostfs_read,
		.name = "get" };
	struct buf b = BUF_INIT, script = BUF_INIT;
	struct host_cmd cmd = { 0 };
	struct reader *inner;

	hostfs_set(&b, "RB_KEY", r->key);
	hostfs_set_int(&b, "RB_FROM", r->from);
	hostfs_set_int(&b, "RB_LEN", r->len);
	v.settings = &b;
	hostfs_script(r->fs, &v, &script);
	cmd.script = buf_str(&script);
	cmd.deadline_ms = GET_WAIT_MS;
	/* While nobody reads here, it does not count. */
	cmd.stall_ms = r->fs->stall_ms;
	cmd.on_note = on_get_note;
	cmd.note_arg = r;
	inner = host_stream(r->fs->host, &cmd);
	buf_done(&script);
	buf_done(&b);
	return inner;
}

struct reader *
hostfs_get(struct store *s, const char *key, int64_t from, int64_t len)
{
	struct hostfs *fs = (struct hostfs *)s;
	struct hostfs_reader *r = xcalloc(1, sizeof(*r));

	r->base.ops = &get_ops;
	r->fs = fs;
	r->key = xstrdup(key);
	r->from = from < 0 ? 0 : from;
	r->len = len < 0 ? -1 : len;
	r->size = -1;
	hostfs_hold(fs);
	if (store_key_check(key, &r->err) == 0)
		r->inner = get_start(r);
	return &r->base;
}
