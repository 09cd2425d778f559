/*
 * cloud_auth.c - credentials that are fetched, wear out and are refused; see
 * cloud_int.h.
 *
 *	IDLE -> FETCHING -> IDLE               they came, or never will
 *	            |  ^
 *	            v  |
 *	          PAUSED                       it may be tried again
 *
 * Calls that need them queue here.  A fetch whose last waiter has left goes on,
 * as nothing can take it back; a pause does not.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/cloud_int.h"

/* So long before they expire others are fetched, or at half their life. */
#define RENEW_MS (5 * 60 * 1000)
/* What is still good is used on when its renewal fails; the next try. */
#define RENEW_AGAIN_MS 30000
#define ALMOST_MS 10000

enum auth_state { AUTH_IDLE, AUTH_FETCHING, AUTH_PAUSED };

struct cloud_auth {
	struct cloud *cloud;
	enum auth_state state;
	struct env_timer *timer;
	struct cloud_call *first, **last; /* Queued. */
	unsigned number;                  /* How often they were fetched. */
	unsigned tries;                   /* In this fetch. */
	int64_t renew_ms;                 /* Wall clock; 0: never. */
};

static void on_auth_timer(void *);

void
cloud_auth_init(struct cloud *c)
{
	struct cloud_auth *a = xcalloc(1, sizeof(*a));

	a->cloud = c;
	a->last = &a->first;
	a->timer = env_timer_new(c->base.env, on_auth_timer, a);
	c->auth = a;
}

void
cloud_auth_done(struct cloud *c)
{
	struct cloud_auth *a = c->auth;

	BUG_IF(a->state == AUTH_FETCHING || a->first != NULL);
	env_timer_free(a->timer);
	free(a);
	c->auth = NULL;
}

bool
cloud_auth_is_good(const struct cloud *c)
{
	if (c->cops->authorize == NULL)
		return true;
	return c->is_authorized &&
	    (c->auth->renew_ms == 0 ||
		env_wall_ms(c->base.env) < c->auth->renew_ms);
}

unsigned
cloud_auth_number(const struct cloud *c)
{
	return c->auth->number;
}

void
cloud_auth_refused(struct cloud *c, unsigned number)
{
	if (c->cops->authorize != NULL && c->auth->number == number)
		c->is_authorized = false;
}

static void
auth_queue(struct cloud_auth *a, struct cloud_call *call)
{
	BUG_IF(call->is_queued);
	call->is_queued = true;
	call->next = NULL;
	call->prev = a->last;
	*a->last = call;
	a->last = &call->next;
}

void
cloud_auth_leave(struct cloud_call *call)
{
	struct cloud_auth *a = call->cloud->auth;

	if (!call->is_queued)
		return;
	call->is_queued = false;
	*call->prev = call->next;
	if (call->next != NULL)
		call->next->prev = call->prev;
	else
		a->last = call->prev;
	if (a->first == NULL && a->state == AUTH_PAUSED) {
		env_timer_stop(a->timer);
		a->state = AUTH_IDLE;
	}
}

/* All of them go on, or ${e} ends them. */
static void
auth_answer(struct cloud_auth *a, const struct err *e)
{
	struct cloud_call *call;

	while ((call = a->first) != NULL) {
		cloud_auth_leave(call);
		if (e == NULL)
			cloud_call_cleared(call);
		else
			cloud_call_denied(call, e);
	}
}

static void
auth_came(struct cloud_auth *a, int64_t expires_ms)
{
	struct cloud *c = a->cloud;
	int64_t now = env_wall_ms(c->base.env), life = expires_ms - now;

	a->number++;
	c->is_authorized = true;
	c->auth_expires_ms = expires_ms;
	a->renew_ms = 0;
	if (expires_ms != 0) {
		a->renew_ms = life < 2 * RENEW_MS ? now + life / 2
						  : expires_ms - RENEW_MS;
		if (a->renew_ms <= now)
			a->renew_ms = now + 1;
	}
	log_debug("store=%s credentials=fetched life_s=%lld", c->base.name,
	    expires_ms == 0 ? -1LL : (long long)(life / 1000));
	auth_answer(a, NULL);
}

/* They are to be renewed, but still do. */
static bool
auth_does_still(struct cloud_auth *a)
{
	struct cloud *c = a->cloud;
	int64_t now = env_wall_ms(c->base.env);

	if (!c->is_authorized || c->auth_expires_ms - now < ALMOST_MS)
		return false;
	a->renew_ms = now + RENEW_AGAIN_MS;
	return true;
}

/* Those whose time is up before the next try leave. */
static void
auth_pause(struct cloud_auth *a, const struct err *e)
{
	int64_t wait = cloud_backoff(a->cloud->base.env, a->tries++);
	struct cloud_call *call, *next;

	for (call = a->first; call != NULL; call = next) {
		next = call->next;
		if (cloud_call_left(call) <= wait) {
			cloud_auth_leave(call);
			cloud_call_denied(call, e);
		}
	}
	if (a->first == NULL)
		return;
	a->state = AUTH_PAUSED;
	env_timer_start(a->timer, wait);
}

static void
on_auth(void *arg, int64_t expires_ms, const struct err *e)
{
	struct cloud_auth *a = arg;
	struct cloud *c = a->cloud;

	BUG_IF(a->state != AUTH_FETCHING);
	a->state = AUTH_IDLE;
	if (e == NULL) {
		auth_came(a, expires_ms);
	} else {
		log_info("store=%s credentials=failed error=%s: %s",
		    c->base.name, err_name(e->code), e->msg);
		if (!err_is_transient(e->code) ||
		    cloud_is_leaving(c, a->tries + 1))
			auth_answer(a, e);
		else if (auth_does_still(a))
			auth_answer(a, NULL);
		else
			auth_pause(a, e);
	}
	cloud_release(c);
}

static void
auth_fetch(struct cloud_auth *a)
{
	a->state = AUTH_FETCHING;
	cloud_hold(a->cloud);
	a->cloud->cops->authorize(a->cloud, on_auth, a);
}

static void
on_auth_timer(void *arg)
{
	auth_fetch(arg);
}

void
cloud_auth_join(struct cloud_call *call)
{
	struct cloud_auth *a = call->cloud->auth;

	auth_queue(a, call);
	if (a->state != AUTH_IDLE)
		return;
	a->tries = 0;
	auth_fetch(a);
}
