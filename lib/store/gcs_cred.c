/*
 * gcs_cred.c - see gcs.h: who is asked for a token.
 *
 *	START -> SIGNING (on the pool) -> ASKING the account's token_uri
 *	  +----------------------------> ASKING the metadata server
 *
 * A service account's key file is read each time, so that a new one counts.
 * The question is refused when clocks differ: then it is asked once more, at
 * the time that the answer told.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/gcs.h"
#include "store/gcs_grant.h"

#define METADATA_PATH                                                          \
	"/computeMetadata/v1/instance/service-accounts/default/token"
#define GRANT_TYPE "urn:ietf:params:oauth:grant-type:jwt-bearer"
#define SKEW_MS 60000
#define ANSWER_MAX ((size_t)256 * 1024)

struct asking {
	struct gcs *gcs;
	cloud_auth_fn *fn;
	void *arg;
	struct work job;
	char *path;
	int64_t now_s;
	struct gcs_grant grant;
	struct err err;
	bool is_corrected; /* The clock, by an answer. */
};

static void
asking_over(struct asking *q, int64_t expires_ms, const struct err *e)
{
	struct cloud *c = &q->gcs->cloud;
	cloud_auth_fn *fn = q->fn;
	void *arg = q->arg;
	struct err copy;

	err_copy(&copy, e);
	gcs_grant_done(&q->grant);
	free(q->path);
	free(q);
	fn(arg, expires_ms, e == NULL ? NULL : &copy);
	cloud_release(c);
}

static void
token_set(struct gcs *g, const char *token)
{
	if (g->token != NULL)
		OPENSSL_cleanse(g->token, strlen(g->token));
	free(g->token);
	g->token = xstrdup(token);
}

/* It goes into a header. */
static bool
token_is_sound(const char *s)
{
	if (s == NULL || *s == '\0')
		return false;
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

/* {"access_token": ..., "expires_in": seconds, "token_type": "Bearer"} */
static void
asking_take(struct asking *q, const struct http_answer *a)
{
	struct gcs *g = q->gcs;
	json_t *root = json_parse(a->body, a->body_len, NULL);
	const char *token = json_get_str(root, "access_token", NULL);
	int64_t life_s = json_get_int(root, "expires_in", 0), expires_ms = 0;
	struct err e = ERR_INIT;

	if (!token_is_sound(token) || life_s < 0 || life_s > 366 * 86400 ||
	    strcmp(json_get_str(root, "token_type", "Bearer"), "Bearer") != 0) {
		(void)err_set(&e, ERR_AUTH,
		    "what came instead of a token is none");
	} else {
		token_set(g, token);
		if (life_s > 0)
			expires_ms = env_wall_ms(g->cloud.base.env) +
			    life_s * 1000;
	}
	if (token != NULL)
		OPENSSL_cleanse((char *)token, strlen(token));
	json_decref(root);
	asking_over(q, expires_ms, e.code == ERR_NONE ? NULL : &e);
}

/* --- A service account. */

static void asking_sign(struct asking *);

/* Whether the answer's date is another one than ours; then ours is set. */
static bool
clock_correct(struct gcs *g, const struct http_answer *a)
{
	char text[64];
	int64_t theirs, ahead;

	if (!http_header(a, "Date", text, sizeof(text)) ||
	    cloud_date_parse(text, &theirs) == -1)
		return false;
	ahead = theirs - env_wall_ms(g->cloud.base.env);
	if (ahead - g->cloud.clock_ahead_ms < SKEW_MS &&
	    ahead - g->cloud.clock_ahead_ms > -SKEW_MS)
		return false;
	g->cloud.clock_ahead_ms = ahead;
	return true;
}

/* {"error": "invalid_grant", "error_description": ...} */
static void
refusal(struct err *e, const struct http_answer *a)
{
	json_t *root = json_parse(a->body, a->body_len, NULL);

	(void)err_set(e,
	    a->status == 429 || a->status >= 500 ? ERR_NETWORK : ERR_AUTH,
	    "the token service answered with status %ld: %.60s: %.200s",
	    a->status, json_get_str(root, "error", "no word of why"),
	    json_get_str(root, "error_description", ""));
	json_decref(root);
}

static void
on_token(void *arg, const struct http_answer *a, const struct err *e)
{
	struct asking *q = arg;
	struct err why = ERR_INIT;

	if (e != NULL) {
		asking_over(q, 0, e);
	} else if (a->status == 200) {
		asking_take(q, a);
	} else if (a->status == 400 && !q->is_corrected &&
	    clock_correct(q->gcs, a)) {
		q->is_corrected = true;
		asking_sign(q);
	} else {
		refusal(&why, a);
		asking_over(q, 0, &why);
	}
}

static void
asking_send(struct asking *q)
{
	static const char *const headers[] = {
		"Content-Type: application/x-www-form-urlencoded", NULL
	};
	struct cloud *c = &q->gcs->cloud;
	struct buf body = BUF_INIT;
	struct http_opt o = { .method = "POST", .headers = headers };

	buf_adds(&body, "grant_type=");
	cloud_encode(&body, GRANT_TYPE, "");
	buf_addf(&body, "&assertion=%s", q->grant.assertion);
	o.url = q->grant.token_uri;
	o.body = body.data;
	o.body_len = body.len;
	o.answer_max = ANSWER_MAX;
	o.ca_file = c->ca_file;
	o.is_insecure = c->is_insecure;
	cloud_ask(c, &o, true, on_token, q);
	OPENSSL_cleanse(body.data, body.len);
	buf_done(&body);
}

static void
on_sign(void *arg)
{
	struct asking *q = arg;

	(void)gcs_grant_make(q->path, q->now_s, &q->grant, &q->err);
}

static void
on_signed(void *arg)
{
	struct asking *q = arg;

	if (q->err.code != ERR_NONE)
		asking_over(q, 0, &q->err);
	else
		asking_send(q);
}

static void
asking_sign(struct asking *q)
{
	struct cloud *c = &q->gcs->cloud;

	gcs_grant_done(&q->grant);
	q->now_s = (env_wall_ms(c->base.env) + c->clock_ahead_ms) / 1000;
	work_submit(c->base.lent.pool, &q->job, on_sign, on_signed, q);
}

/* --- The metadata server of a machine of Google's. */

static void
on_metadata(void *arg, const struct http_answer *a, const struct err *e)
{
	struct asking *q = arg;
	struct err why = ERR_INIT;
	char flavor[32] = "";

	if (e != NULL && q->gcs->has_metadata) {
		asking_over(q, 0, e);
		return;
	}
	if (e != NULL) {
		(void)err_set(&why, ERR_AUTH,
		    "neither credentials nor GOOGLE_APPLICATION_CREDENTIALS "
		    "is set, and there is no metadata server: %s",
		    e->msg);
		asking_over(q, 0, &why);
		return;
	}
	(void)http_header(a, "Metadata-Flavor", flavor, sizeof(flavor));
	if (strcmp(flavor, "Google") != 0)
		(void)err_set(&why, ERR_AUTH,
		    "'%s' is no metadata server of Google's", q->gcs->metadata);
	else if (a->status != 200)
		(void)err_set(&why,
		    a->status == 429 || a->status >= 500 ? ERR_NETWORK
							 : ERR_AUTH,
		    "the metadata server answered with status %ld: has this "
		    "machine a service account?",
		    a->status);
	if (why.code != ERR_NONE) {
		asking_over(q, 0, &why);
		return;
	}
	q->gcs->has_metadata = true;
	asking_take(q, a);
}

static void
asking_metadata(struct asking *q)
{
	static const char *const headers[] = { "Metadata-Flavor: Google",
		NULL };
	struct gcs *g = q->gcs;
	char *url = xasprintf("http://%s" METADATA_PATH, g->metadata);
	struct http_opt o = { .url = url, .headers = headers };

	o.answer_max = ANSWER_MAX;
	cloud_ask(&g->cloud, &o, g->has_metadata, on_metadata, q);
	free(url);
}

void
gcs_authorize(struct cloud *c, cloud_auth_fn *fn, void *arg)
{
	struct asking *q = xcalloc(1, sizeof(*q));

	q->gcs = gcs_of(c);
	q->fn = fn;
	q->arg = arg;
	cloud_hold(c);
	if (q->gcs->account != NULL) {
		q->path = xstrdup(q->gcs->account);
		asking_sign(q);
	} else {
		asking_metadata(q);
	}
}
