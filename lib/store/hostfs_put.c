/*
 * hostfs_put.c - writing one object.
 *
 * What fits into the window is sent when it is whole, by one command that knows
 * its digest and publishes it.  More than that is streamed to a command that
 * only receives; another one publishes, when the host's size and digest are
 * ours.
 *
 *	HELD --finish--> WHOLE --published--------> answered
 *	  |the window is full                           ^
 *	STREAMED --finish--> ENDED --stored--> PUBLISHING
 *
 *	any --fault, late--> FAILED, its command stopped --finish--> answered
 *	any --abort--> gone: its command stopped, freed
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "store/host/scripts.h"
#include "store/hostfs.h"

#define FINISH_WAIT_MS (INT64_C(15) * 60 * 1000)
#define STREAM_WAIT_MS (INT64_C(24) * 3600 * 1000)
#define DISCARD_WAIT_MS 30000
#define SPACE_EVERY_MS 10000

enum put_state {
	PUT_HELD,
	PUT_STREAMED,
	PUT_WHOLE,
	PUT_ENDED,
	PUT_PUBLISHING,
	PUT_FAILED
};

struct hostfs_put {
	struct store_put_base base;
	struct hostfs *fs;
	struct hostfs_put *next; /* In fs->puts. */
	char *key;
	char token[HOSTFS_TOKEN_SIZE];
	bool if_absent;
	int64_t size_hint, deadline_ms;
	store_ready_fn *ready;
	void *ready_arg;
	store_put_fn *fn; /* Set by finish. */
	void *arg;

	enum put_state state;
	bool is_waiting; /* write() said false. */
	bool is_gone;    /* Aborted or answered: nobody is called. */
	bool has_left;   /* Maybe a temporary file on the host. */
	struct err err;  /* When FAILED. */
	struct defer *soon;
	struct env_timer *late;
	struct env_timer *space_timer;
	struct hostfs_op op;    /* The command of the state. */
	struct hostfs_op space; /* A look at the free space. */
	struct hostfs_feed feed;
	char sha[STR_HEX_SHA256];
};

/* ---- the end ---- */

static void
put_command(struct hostfs_put *p, const char *verb, bool has_input,
    int64_t deadline_ms, hostfs_answer_fn *answer)
{
	struct hostfs_verb v = { .script = host_script_hostfs_put,
		.name = verb };
	struct buf b = BUF_INIT;

	hostfs_set(&b, "RB_KEY", p->key);
	hostfs_set(&b, "RB_TOKEN", p->token);
	hostfs_set(&b, "RB_ABSENT", p->if_absent ? "yes" : "");
	hostfs_set(&b, "RB_HASH", "");
	hostfs_set_int(&b, "RB_SIZE", p->feed.size);
	hostfs_set(&b, "RB_SHA", p->sha);
	hostfs_set_int(&b, "RB_HINT",
	    p->state == PUT_WHOLE ? p->feed.size : p->size_hint);
	v.settings = &b;
	v.input = has_input ? &p->feed.input : NULL;
	v.deadline_ms = deadline_ms;
	v.stall_ms = p->fs->stall_ms;
	hostfs_op_start(p->fs, &p->op, &v, answer);
	buf_done(&b);
}

static void put_clean(struct hostfs_put *);

static void
on_discarded(struct hostfs_op *op, const char *out, const struct err *e)
{
	struct hostfs_put *p = CONTAINER_OF(op, struct hostfs_put, op);

	/* If it could not be, it is left to a sweep. */
	(void)out;
	(void)e;
	put_clean(p);
}

static void
put_free(struct hostfs_put *p)
{
	struct hostfs *fs = p->fs;
	struct hostfs_put **at;

	for (at = &fs->puts; *at != p; at = &(*at)->next)
		BUG_IF(*at == NULL);
	*at = p->next;
	hostfs_feed_done(&p->feed);
	free(p->key);
	free(p);
	hostfs_drop(fs);
}

/* Free what is gone, once nothing holds it and nothing of it is on the host. */
static void
put_clean(struct hostfs_put *p)
{
	if (!p->is_gone || p->feed.is_hashing || hostfs_op_is_busy(&p->op) ||
	    hostfs_op_is_busy(&p->space))
		return;
	if (p->has_left) {
		p->has_left = false;
		put_command(p, "discard", false, DISCARD_WAIT_MS, on_discarded);
		return;
	}
	put_free(p);
}

static void
on_space_stopped(struct hostfs_op *op)
{
	put_clean(CONTAINER_OF(op, struct hostfs_put, space));
}

static void
put_let_go(struct hostfs_put *p)
{
	p->is_gone = true;
	defer_cancel(p->soon);
	env_timer_free(p->late);
	env_timer_free(p->space_timer);
	p->soon = NULL;
	p->late = p->space_timer = NULL;
	hostfs_feed_drop(&p->feed);
	if (p->space.run != NULL)
		hostfs_op_stop(&p->space, on_space_stopped);
}

/* From a callback only; ${p} may be freed. */
static void
put_answer(struct hostfs_put *p, const struct store_proof *proof)
{
	struct err e;
	store_put_fn *fn = p->fn;
	void *arg = p->arg;

	err_copy(&e, &p->err);
	put_let_go(p);
	put_clean(p);
	fn(arg, proof, proof != NULL ? NULL : &e);
}

/* From a callback only: finish tells it, or is told. */
static void
put_settle_failure(struct hostfs_put *p)
{
	if (p->fn != NULL) {
		put_answer(p, NULL);
	} else if (p->is_waiting) {
		p->is_waiting = false;
		p->ready(p->ready_arg);
	}
}

/* The first error is kept. */
static void
put_set_failed(struct hostfs_put *p, const struct err *e)
{
	if (p->state != PUT_FAILED)
		err_copy(&p->err, e);
	p->state = PUT_FAILED;
	env_timer_stop(p->space_timer);
	hostfs_feed_drop(&p->feed);
}

static void
on_put_stopped(struct hostfs_op *op)
{
	struct hostfs_put *p = CONTAINER_OF(op, struct hostfs_put, op);

	/* One that had to be killed has not cleaned up.  With the host out of
	 * reach there is no use in trying. */
	p->has_left = op->err.code == ERR_NONE;
	if (p->is_gone)
		put_clean(p);
	else
		put_settle_failure(p);
}

static void
on_put_soon(void *arg)
{
	struct hostfs_put *p = arg;

	p->soon = NULL;
	if (p->op.run != NULL)
		hostfs_op_stop(&p->op, on_put_stopped);
	else if (!hostfs_op_is_busy(&p->op))
		put_settle_failure(p);
}

/* Give up what the host does; its script cleans up. */
static void
put_give_up(struct hostfs_put *p, const struct err *e)
{
	put_set_failed(p, e);
	if (p->soon == NULL)
		p->soon = defer_call(p->fs->base.env->loop, on_put_soon, p);
}

/* Its disk is full, or fails: no use to send it the rest. */
static void
on_put_fault(struct hostfs_op *op)
{
	struct hostfs_put *p = CONTAINER_OF(op, struct hostfs_put, op);

	if (!p->is_gone)
		put_give_up(p, &op->fault);
}

static void
on_put_late(void *arg)
{
	struct hostfs_put *p = arg;
	struct err e = ERR_INIT;
	char text[32];

	str_format_duration(p->deadline_ms, text, sizeof(text));
	(void)err_set(&e, ERR_TIMEOUT,
	    "host '%s': '%s' was not written within %s", p->fs->host_name,
	    p->key, text);
	put_give_up(p, &e);
}

/* ---- the commands ---- */

static void
on_published(struct hostfs_op *op, const char *out, const struct err *e)
{
	struct hostfs_put *p = CONTAINER_OF(op, struct hostfs_put, op);
	struct store_proof proof;
	struct err mine = ERR_INIT;

	/* It has cleaned up, if it came so far as to tell. */
	if (e == NULL || op->err.code != ERR_NONE)
		p->has_left = false;
	if (e == NULL &&
	    hostfs_proof(out, p->feed.size, p->sha, &proof, &mine) == 0 &&
	    p->state != PUT_FAILED) {
		put_answer(p, &proof);
		return;
	}
	put_set_failed(p, e != NULL ? e : &mine);
	put_settle_failure(p);
}

static void
on_stored(struct hostfs_op *op, const char *out, const struct err *e)
{
	struct hostfs_put *p = CONTAINER_OF(op, struct hostfs_put, op);
	struct err mine = ERR_INIT;
	char want[120] = "";

	if (e == NULL && p->state == PUT_ENDED && p->feed.nqueue == 0) {
		hostfs_feed_sum(&p->feed, p->sha);
		(void)snprintf(want, sizeof(want), "stored %" PRId64 " %s\n",
		    p->feed.size, p->sha);
	}
	p->has_left = e == NULL;
	if (e == NULL && strcmp(out, want) == 0) {
		p->state = PUT_PUBLISHING;
		put_command(p, "publish", false, p->deadline_ms, on_published);
		return;
	}
	(void)err_set(&mine, ERR_CORRUPT,
	    "host '%s': what came for '%s' is not what was sent",
	    p->fs->host_name, p->key);
	put_set_failed(p, e != NULL ? e : &mine);
	put_settle_failure(p);
}

static void
on_space(struct hostfs_op *op, const char *out, const struct err *e)
{
	struct hostfs_put *p = CONTAINER_OF(op, struct hostfs_put, space);

	(void)out;
	if (e != NULL && e->code == ERR_NO_SPACE)
		put_give_up(p, e);
	else if (p->state != PUT_FAILED)
		env_timer_start(p->space_timer, SPACE_EVERY_MS);
}

/* What is to stay free is looked at while it fills up. */
static void
on_space_due(void *arg)
{
	struct hostfs_put *p = arg;
	struct hostfs_verb v = { .script = host_script_hostfs_put,
		.name = "space" };
	struct buf b = BUF_INIT;

	hostfs_set(&b, "RB_KEY", p->key);
	v.settings = &b;
	hostfs_op_start(p->fs, &p->space, &v, on_space);
	buf_done(&b);
}

static void
on_feed_room(void *arg)
{
	struct hostfs_put *p = arg;

	if (p->is_gone || !p->is_waiting)
		return;
	p->is_waiting = false;
	p->ready(p->ready_arg);
}

/* Hashed: one that is whole can be sent with its digest. */
static void
on_feed_idle(void *arg)
{
	struct hostfs_put *p = arg;

	if (p->is_gone) {
		put_clean(p);
	} else if (p->state == PUT_WHOLE && p->sha[0] == '\0') {
		hostfs_feed_sum(&p->feed, p->sha);
		hostfs_feed_end(&p->feed);
		put_command(p, "put", true, p->deadline_ms, on_published);
	}
}

/* ---- what store.h wants ---- */

struct store_put *
hostfs_put_open(struct store *s, const char *key,
    const struct store_put_opt *opt, store_ready_fn *ready, void *arg,
    struct err *e)
{
	struct hostfs *fs = (struct hostfs *)s;
	struct hostfs_put *p = xcalloc(1, sizeof(*p));

	(void)e;
	p->base.store = s;
	p->fs = fs;
	p->key = xstrdup(key);
	hostfs_token(fs, p->token);
	p->if_absent = opt->if_absent;
	p->size_hint = opt->size_hint > 0 ? opt->size_hint : 0;
	p->deadline_ms = opt->deadline_ms > 0 ? opt->deadline_ms
					      : FINISH_WAIT_MS;
	p->ready = ready;
	p->ready_arg = arg;
	p->op.on_fault = on_put_fault;
	p->late = env_timer_new(s->env, on_put_late, p);
	p->space_timer = env_timer_new(s->env, on_space_due, p);
	hostfs_feed_init(&p->feed, s->env->loop, fs->pool);
	p->feed.room = on_feed_room;
	p->feed.idle = on_feed_idle;
	p->feed.arg = p;
	p->next = fs->puts;
	fs->puts = p;
	hostfs_hold(fs);
	return (struct store_put *)p;
}

bool
hostfs_put_write(struct store_put *put, struct block *b)
{
	struct hostfs_put *p = (struct hostfs_put *)put;

	BUG_IF(p->fn != NULL || p->is_gone || p->is_waiting);
	if (p->state == PUT_FAILED)
		return true;
	p->is_waiting = !hostfs_feed_add(&p->feed, b);
	if (p->is_waiting && p->state == PUT_HELD) {
		p->state = PUT_STREAMED;
		put_command(p, "put", true, STREAM_WAIT_MS, on_stored);
		if (p->fs->min_free > 0)
			env_timer_start(p->space_timer, SPACE_EVERY_MS);
	}
	return !p->is_waiting;
}

bool
hostfs_put_failed(struct store_put *put)
{
	return ((struct hostfs_put *)put)->state == PUT_FAILED;
}

void
hostfs_put_finish(struct store_put *put, store_put_fn *fn, void *arg)
{
	struct hostfs_put *p = (struct hostfs_put *)put;

	BUG_IF(p->fn != NULL || p->is_gone);
	p->fn = fn;
	p->arg = arg;
	p->is_waiting = false;
	if (p->state == PUT_FAILED) {
		put_give_up(p, &p->err);
		return;
	}
	env_timer_start(p->late, p->deadline_ms);
	if (p->state == PUT_HELD) {
		p->state = PUT_WHOLE;
		hostfs_feed_hash(&p->feed);
	} else {
		p->state = PUT_ENDED;
		hostfs_feed_end(&p->feed);
	}
}

void
hostfs_put_abort(struct store_put *put)
{
	struct hostfs_put *p = (struct hostfs_put *)put;

	BUG_IF(p->fn != NULL || p->is_gone);
	put_let_go(p);
	if (p->op.run != NULL)
		hostfs_op_stop(&p->op, on_put_stopped);
	put_clean(p);
}

void
hostfs_put_tokens(const struct hostfs *fs, struct buf *b)
{
	const struct hostfs_put *p;

	for (p = fs->puts; p != NULL; p = p->next)
		buf_addf(b, "%s%s", b->len > 0 ? " " : "", p->token);
}
