/*
 * cloud_call.c - one call: its attempts, and what follows each; see cloud.h.
 *
 *	DUE -> (QUEUED for credentials -> DUE) -> FLIGHT -> over
 *	 ^                                          |
 *	 +---------------- WAITING <----------------+
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/cloud_int.h"

#define CONNECT_MS 15000
#define ANSWER_MAX ((size_t)1024 * 1024)
#define BACKOFF_MS 200
#define BACKOFF_MAX_MS 30000
#define TRIES_CLOSED 3

static void on_call_due(void *);

int64_t
cloud_backoff(struct env *env, unsigned tries)
{
	int64_t most = BACKOFF_MAX_MS;
	uint64_t chance;

	if (tries < 8 && ((int64_t)BACKOFF_MS << tries) < most)
		most = (int64_t)BACKOFF_MS << tries;
	env_random(env, &chance, sizeof(chance));
	return (int64_t)(chance % (uint64_t)(most + 1));
}

static struct env *
call_env(const struct cloud_call *call)
{
	return call->cloud->base.env;
}

/* The first failure starts the clock. */
int64_t
cloud_call_left(struct cloud_call *call)
{
	int64_t now = env_mono_ms(call_env(call));
	int64_t most = call->req.retry_for_ms > 0 ? call->req.retry_for_ms
						  : call->cloud->retry_for_ms;

	if (call->ends_ms == 0)
		call->ends_ms = now + most;
	return call->ends_ms > now ? call->ends_ms - now : 0;
}

static void
call_free(struct cloud_call *call)
{
	cloud_auth_leave(call);
	defer_cancel(call->due);
	if (call->flight != NULL)
		http_cancel(call->flight);
	env_timer_free(call->timer);
	cloud_mask_done(&call->mask);
	cloud_req_done(&call->req);
	free(call);
}

void
cloud_cancel(struct cloud_call *call)
{
	struct cloud *c = call->cloud;

	call_free(call);
	cloud_release(c);
}

/* The last thing done for a call, from a callback of the loop's. */
static void
call_finish(struct cloud_call *call, const struct http_answer *a,
    const char *code, const struct err *e)
{
	struct cloud *c = call->cloud;
	cloud_fn *fn = call->fn;
	void *arg = call->arg;

	if (e != NULL)
		cloud_log_failure(call, a, code, e, -1);
	call_free(call);
	fn(arg, a, code, e);
	cloud_release(c);
}

/* Nobody waits long for what a closed store has still to clear away. */
bool
cloud_is_leaving(const struct cloud *c, unsigned tries)
{
	return c->is_closed && tries >= TRIES_CLOSED;
}

/* Try again after a while, or end with ${e}. */
static void
call_again(struct cloud_call *call, const struct http_answer *a,
    const char *code, const struct err *e)
{
	int64_t left = cloud_call_left(call);
	int64_t least = cloud_retry_after(call, a), wait;

	wait = cloud_backoff(call_env(call), call->attempts - 1);
	if (wait > left)
		wait = left;
	if (wait < least)
		wait = least;
	if (left == 0 || wait > left ||
	    cloud_is_leaving(call->cloud, call->attempts)) {
		call_finish(call, a, code, e);
		return;
	}
	cloud_log_failure(call, a, code, e, wait);
	call->is_waiting = true;
	env_timer_start(call->timer, wait);
}

/* A status by which the store says that it has done nothing. */
static bool
status_is_harmless(long status)
{
	return status == 503 || (status >= 400 && status < 500);
}

static void
call_say_unknown(struct err *e)
{
	size_t n = strlen(e->msg);

	(void)snprintf(e->msg + n, sizeof(e->msg) - n,
	    "; whether it took effect is not known");
}

/* Refused credentials: once more, with others. */
static void
call_renew(struct cloud_call *call, const struct http_answer *a,
    const char *code, const struct err *e)
{
	call->is_renewed = true;
	cloud_log_failure(call, a, code, e, 0);
	cloud_auth_refused(call->cloud, call->auth_number);
	call->due = defer_call(call_env(call)->loop, on_call_due, call);
}

/* A whole answer came; an error's without the secrets it may have quoted. */
static void
call_judge(struct cloud_call *call, const struct http_answer *a)
{
	struct cloud *c = call->cloud;
	struct cloud_fault f = { ERR_INIT, "" };
	enum cloud_verdict v = c->cops->judge(c, &call->req, a, &f);

	if (v == CLOUD_OK) {
		call_finish(call, a, "", NULL);
		return;
	}
	cloud_say_fault(call, a, &f);
	if (call->is_delivered)
		v = CLOUD_FAIL;
	if (v == CLOUD_AGAIN && call->req.is_once &&
	    !status_is_harmless(a->status)) {
		call_say_unknown(&f.err);
		v = CLOUD_FAIL;
	}
	if (v == CLOUD_AGAIN)
		call_again(call, a, f.code, &f.err);
	else if (v == CLOUD_RENEW && !call->is_renewed)
		call_renew(call, a, f.code, &f.err);
	else
		call_finish(call, a, f.code, &f.err);
}

/* No answer, or half of one. */
static void
call_lost(struct cloud_call *call, const struct err *why)
{
	struct err e;

	err_copy(&e, why);
	(void)err_context(&e, "store '%s'", call->cloud->base.name);
	if (call->req.is_once && call->is_sent) {
		call_say_unknown(&e);
		call_finish(call, NULL, "", &e);
	} else if (call->is_delivered ||
	    (e.code != ERR_NETWORK && e.code != ERR_TIMEOUT)) {
		call_finish(call, NULL, "", &e);
	} else {
		call->is_lost = call->is_lost || call->is_sent;
		call_again(call, NULL, "", &e);
	}
}

static void
on_call_answer(void *arg, const struct http_answer *a, const struct err *e)
{
	struct cloud_call *call = arg;
	struct http_answer masked;

	call->flight = NULL;
	if (e != NULL) {
		call_lost(call, e);
	} else if (a->status >= 300) {
		cloud_mask_answer(&call->mask, a, &masked);
		call_judge(call, &masked);
		cloud_mask_answer_done(&masked);
	} else {
		call_judge(call, a);
	}
}

/* The callee may cancel the call. */
static bool
on_call_block(void *arg, struct block *b)
{
	struct cloud_call *call = arg;

	call->is_delivered = true;
	return call->req.on_block(call->req.block_arg, b);
}

static void
call_fly(struct cloud_call *call, const struct cloud_wire *w)
{
	const struct cloud_req *req = &call->req;
	const struct cloud *c = call->cloud;
	struct http_opt o = {
		.method = req->method,
		.url = buf_str(&w->url),
		.headers = (const char *const *)w->headers,
		.body = req->body,
		.body_len = req->body_len,
		.blocks = req->blocks,
		.nblocks = req->nblocks,
		.stall_ms = req->silence_ms > 0 ? req->silence_ms
						: c->silence_ms,
		.connect_ms = CONNECT_MS,
		.answer_max = req->answer_max > 0 ? req->answer_max
						  : ANSWER_MAX,
		.ca_file = c->ca_file,
		.is_insecure = c->is_insecure,
		.max_rate = c->bandwidth,
		.on_block = req->on_block == NULL ? NULL : on_call_block,
		.block_arg = call,
		.is_once = req->is_once,
		/* Perhaps it was refused, and the answer did not get through:
		 * this time before the body. */
		.does_ask = call->is_lost,
		.is_sent = &call->is_sent,
	};

	cloud_mask_set(&call->mask, &o);
	call->attempts++;
	call->is_sent = false;
	call->flight = http_start(c->base.lent.http, &o, on_call_answer, call);
}

static void
call_attempt(struct cloud_call *call)
{
	struct cloud *c = call->cloud;
	struct cloud_wire w;
	struct err e = ERR_INIT;
	bool is_signed = true;

	cloud_wire_init(&w, c, &call->req);
	call->auth_number = cloud_auth_number(c);
	if (call->req.url == NULL)
		is_signed = c->cops->sign(c, &call->req, &w, &e) == 0;
	if (is_signed)
		call_fly(call, &w);
	cloud_wire_done(&w);
	if (!is_signed) {
		(void)err_context(&e, "store '%s': %s", c->base.name,
		    call->req.method);
		call_finish(call, NULL, "", &e);
	}
}

/* How long it waits for credentials: a file on a dead disk is never read. */
static int64_t
call_patience(struct cloud_call *call)
{
	int64_t most = call->ends_ms != 0 ? cloud_call_left(call)
	    : call->req.retry_for_ms > 0  ? call->req.retry_for_ms
					  : call->cloud->retry_for_ms;

	return most > call->cloud->silence_ms ? most : call->cloud->silence_ms;
}

static void
call_go(struct cloud_call *call)
{
	bool is_signed = call->req.url == NULL;

	if (is_signed && !call->is_cleared &&
	    !cloud_auth_is_good(call->cloud)) {
		env_timer_start(call->timer, call_patience(call));
		cloud_auth_join(call);
		return;
	}
	call->is_cleared = false;
	call_attempt(call);
}

static void
on_call_due(void *arg)
{
	struct cloud_call *call = arg;
	struct err e;

	call->due = NULL;
	if (call->err.code == ERR_NONE) {
		call_go(call);
		return;
	}
	err_copy(&e, &call->err);
	call_finish(call, NULL, "", &e);
}

static void
on_call_timer(void *arg)
{
	struct cloud_call *call = arg;
	struct err e = ERR_INIT;

	if (call->is_waiting) {
		call->is_waiting = false;
		call_go(call);
	} else if (call->is_queued) {
		(void)err_set(&e, ERR_TIMEOUT,
		    "store '%s': %s: the credentials did not come in time",
		    call->cloud->base.name, call->req.method);
		call_finish(call, NULL, "", &e);
	}
}

static void
call_wake(struct cloud_call *call)
{
	env_timer_stop(call->timer);
	call->due = defer_call(call_env(call)->loop, on_call_due, call);
}

void
cloud_call_cleared(struct cloud_call *call)
{
	call->is_cleared = true;
	call_wake(call);
}

void
cloud_call_denied(struct cloud_call *call, const struct err *e)
{
	err_copy(&call->err, e);
	(void)err_context(&call->err, "store '%s': credentials",
	    call->cloud->base.name);
	call_wake(call);
}

struct cloud_call *
cloud_start(struct cloud *c, const struct cloud_req *req, cloud_fn *fn,
    void *arg)
{
	struct cloud_call *call = xcalloc(1, sizeof(*call));

	call->cloud = c;
	call->fn = fn;
	call->arg = arg;
	cloud_req_copy(call, req);
	cloud_hold(c);
	call->timer = env_timer_new(c->base.env, on_call_timer, call);
	call->due = defer_call(c->base.env->loop, on_call_due, call);
	return call;
}

int64_t
cloud_sent(const struct cloud_call *call)
{
	return call->flight == NULL ? 0 : http_sent(call->flight);
}

void
cloud_unpause(struct cloud_call *call)
{
	if (call->flight != NULL)
		http_unpause(call->flight);
}
