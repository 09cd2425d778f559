/* hostfs_keep.c - operations that answer with nothing but their outcome. */
#include <stdlib.h>

#include "base/mem.h"
#include "store/host/scripts.h"
#include "store/hostfs.h"

#define SWEEP_WAIT_MS (INT64_C(10) * 60 * 1000)

struct hostfs_deed {
	struct hostfs_op op;
	store_done_fn *fn;
	void *arg;
};

static void
on_deed(struct hostfs_op *op, const char *out, const struct err *e)
{
	struct hostfs_deed *d = CONTAINER_OF(op, struct hostfs_deed, op);

	(void)out;
	d->fn(d->arg, e);
	free(d);
}

static struct hostfs_deed *
deed_new(store_done_fn *fn, void *arg)
{
	struct hostfs_deed *d = xcalloc(1, sizeof(*d));

	d->fn = fn;
	d->arg = arg;
	return d;
}

static void
deed_start(struct hostfs *fs, struct hostfs_deed *d, const char *verb,
    const struct buf *settings, int64_t deadline_ms)
{
	struct hostfs_verb v = { .script = host_script_hostfs_keep,
		.name = verb,
		.settings = settings,
		.deadline_ms = deadline_ms };

	hostfs_op_start(fs, &d->op, &v, on_deed);
}

void
hostfs_check(struct store *s, store_done_fn *fn, void *arg)
{
	struct hostfs *fs = (struct hostfs *)s;
	struct hostfs_deed *d = deed_new(fn, arg);
	char token[HOSTFS_TOKEN_SIZE];
	struct buf b = BUF_INIT;

	hostfs_token(fs, token);
	hostfs_set(&b, "RB_TOKEN", token);
	deed_start(fs, d, "check", &b, 0);
	buf_done(&b);
}

void
hostfs_remove(struct store *s, const char *key, store_done_fn *fn, void *arg)
{
	struct hostfs *fs = (struct hostfs *)s;
	struct hostfs_deed *d = deed_new(fn, arg);
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (store_key_check(key, &e) == -1) {
		hostfs_op_refuse(fs, &d->op, &e, on_deed);
		return;
	}
	hostfs_set(&b, "RB_KEY", key);
	deed_start(fs, d, "remove", &b, 0);
	buf_done(&b);
}

void
hostfs_sweep(struct store *s, const char *prefix, int64_t age_ms,
    store_done_fn *fn, void *arg)
{
	struct hostfs *fs = (struct hostfs *)s;
	struct hostfs_deed *d = deed_new(fn, arg);
	struct buf b = BUF_INIT, live = BUF_INIT;
	struct err e = ERR_INIT;

	if (store_prefix_check(prefix, &e) == -1) {
		hostfs_op_refuse(fs, &d->op, &e, on_deed);
		return;
	}
	hostfs_put_tokens(fs, &live);
	hostfs_set(&b, "RB_PREFIX", prefix);
	hostfs_set_int(&b, "RB_AGE", (age_ms + 999) / 1000);
	hostfs_set(&b, "RB_LIVE", buf_str(&live));
	deed_start(fs, d, "sweep", &b, SWEEP_WAIT_MS);
	buf_done(&live);
	buf_done(&b);
}
