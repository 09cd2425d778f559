/*
 * azure_auth.c - see azure.h: credentials, read on the pool, and the token of
 * an identity, asked for over HTTP.
 *
 * They are read anew each time, so that a file that was changed counts from
 * the first refusal, or from the expiry of what it held, on.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/azure.h"

#define ASK_MS 10000
#define WARN_BEFORE_MS (INT64_C(7) * 24 * 3600 * 1000)
#define WARN_EACH_MS (INT64_C(24) * 3600 * 1000)

struct azure_auth {
	struct azure *az;
	struct work work;
	struct azure_cred cred;
	struct err err;
	cloud_auth_fn *fn;
	void *arg;
};

static int64_t
auth_now(const struct azure *az)
{
	return env_wall_ms(az->cloud.base.env) + az->cloud.clock_ahead_ms;
}

static void
on_auth_read(void *arg)
{
	struct azure_auth *auth = arg;

	(void)azure_cred_load(auth->az->cloud.base.cfg, &auth->cred,
	    &auth->err);
}

/* Say in time that somebody has to make a new one. */
static void
auth_warn(struct azure *az, int64_t now)
{
	char when[STR_TIME_MAX];

	if (az->cred.sas.value == NULL || az->cred.expires_ms == 0 ||
	    az->cred.expires_ms - now > WARN_BEFORE_MS ||
	    (az->warned_ms != 0 && now - az->warned_ms < WARN_EACH_MS))
		return;
	az->warned_ms = now;
	str_format_time(az->cred.expires_ms, when);
	log_warn("store=%s the shared access signature expires at %s",
	    az->cloud.base.name, when);
}

/* A SAS is not renewed by asking again: without a new one this is the end. */
static int
auth_check(const struct azure_cred *cred, int64_t now, struct err *e)
{
	char when[STR_TIME_MAX];

	if (cred->sas.value == NULL || cred->expires_ms == 0 ||
	    cred->expires_ms > now)
		return 0;
	str_format_time(cred->expires_ms, when);
	return err_set(e, ERR_AUTH,
	    "the shared access signature (SAS) expired at %s", when);
}

static void
auth_answer(struct azure_auth *auth)
{
	struct azure *az = auth->az;
	cloud_auth_fn *fn = auth->fn;
	void *arg = auth->arg;
	struct err e = auth->err;
	int64_t now = auth_now(az);

	if (e.code == ERR_NONE && auth_check(&auth->cred, now, &e) == 0) {
		azure_cred_done(&az->cred);
		az->cred = auth->cred; /* Its texts, too. */
		memset(&auth->cred, 0, sizeof(auth->cred));
		free(az->cloud.url);
		az->cloud.url = xasprintf("%s/%s", az->cred.endpoint,
		    az->cred.container);
		auth_warn(az, now);
	}
	azure_cred_done(&auth->cred);
	free(auth);
	fn(arg, e.code == ERR_NONE ? az->cred.expires_ms : 0,
	    e.code == ERR_NONE ? NULL : &e);
}

static void
on_auth_token(void *arg, const struct http_answer *a, const struct err *e)
{
	struct azure_auth *auth = arg;

	if (e != NULL) {
		err_copy(&auth->err, e);
		(void)err_context(&auth->err, "token for the identity");
	} else {
		(void)azure_cred_token(&auth->cred, a->status, a->body,
		    a->body_len, env_wall_ms(auth->az->cloud.base.env),
		    &auth->err);
	}
	auth_answer(auth);
}

static void
auth_ask(struct azure_auth *auth)
{
	const struct azure_ask *ask = &auth->cred.ask;
	const char *const headers[] = { ask->header, NULL };
	struct http_opt o = { .method = ask->body == NULL ? "GET" : "POST",
		.url = ask->url,
		.headers = headers,
		.body = ask->body,
		.body_len = ask->body == NULL ? 0 : strlen(ask->body),
		.deadline_ms = ASK_MS };

	cloud_ask(&auth->az->cloud, &o, true, on_auth_token, auth);
}

static void
on_auth_loaded(void *arg)
{
	struct azure_auth *auth = arg;

	if (auth->err.code == ERR_NONE && auth->cred.ask.url != NULL)
		auth_ask(auth);
	else
		auth_answer(auth);
}

void
azure_authorize(struct cloud *c, cloud_auth_fn *fn, void *arg)
{
	struct azure_auth *auth = xcalloc(1, sizeof(*auth));

	auth->az = azure_of(c);
	auth->fn = fn;
	auth->arg = arg;
	work_submit(c->base.lent.pool, &auth->work, on_auth_read,
	    on_auth_loaded, auth);
}
