/* cloud_ask.c - requests for credentials; see cloud.h. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/cloud_int.h"

#define TRIES 4
#define PATIENT_MS 10000
/* A machine without a metadata server often drops what is sent to it. */
#define CONNECT_MS 2000

struct cloud_ask {
	struct cloud *cloud;
	struct http_opt opt; /* With own copies. */
	char *url, *method, *ca_file, *body;
	char **headers;
	struct cloud_mask mask;
	http_fn *fn;
	void *arg;
	struct env_timer *timer;
	unsigned tries;
	bool is_patient;
};

/* They hold secrets. */
static void
ask_wipe(char *s, size_t n)
{
	if (s != NULL)
		OPENSSL_cleanse(s, n);
	free(s);
}

static void
ask_free(struct cloud_ask *ask)
{
	size_t i;

	for (i = 0; ask->headers != NULL && ask->headers[i] != NULL; i++)
		ask_wipe(ask->headers[i], strlen(ask->headers[i]));
	free(ask->headers);
	ask_wipe(ask->body, ask->opt.body_len);
	ask_wipe(ask->url, strlen(ask->url));
	cloud_mask_done(&ask->mask);
	free(ask->method);
	free(ask->ca_file);
	env_timer_free(ask->timer);
	free(ask);
}

static void
ask_copy(struct cloud_ask *ask, const struct http_opt *o)
{
	size_t n = 0, i;

	ask->opt = *o;
	ask->opt.url = ask->url = xstrdup(o->url);
	ask->method = xstrdup(o->method == NULL ? "GET" : o->method);
	ask->opt.method = ask->method;
	if (o->ca_file != NULL)
		ask->opt.ca_file = ask->ca_file = xstrdup(o->ca_file);
	if (o->body != NULL) {
		ask->body = xmalloc(o->body_len + 1);
		memcpy(ask->body, o->body, o->body_len);
		ask->body[o->body_len] = '\0';
		ask->opt.body = ask->body;
	}
	while (o->headers != NULL && o->headers[n] != NULL)
		n++;
	ask->headers = xcalloc(n + 1, sizeof(char *));
	for (i = 0; i < n; i++)
		ask->headers[i] = xstrdup(o->headers[i]);
	ask->opt.headers = (const char *const *)ask->headers;
	cloud_mask_set(&ask->mask, &ask->opt);
	if (ask->body != NULL)
		cloud_mask_form(&ask->mask, ask->body, ask->opt.body_len);
}

static bool
ask_may_pass(const struct http_answer *a, const struct err *e)
{
	if (e != NULL)
		return e->code == ERR_NETWORK || e->code == ERR_TIMEOUT;
	return a->status == 404 || a->status == 410 || a->status == 429 ||
	    a->status >= 500;
}

static void
on_ask_answer(void *arg, const struct http_answer *a, const struct err *e)
{
	struct cloud_ask *ask = arg;
	struct cloud *c = ask->cloud;
	struct http_answer masked;
	http_fn *fn = ask->fn;

	ask->tries++;
	if (ask->is_patient && ask->tries < TRIES && !c->is_closed &&
	    ask_may_pass(a, e)) {
		log_debug("store=%s credentials=asked attempt=%u status=%ld "
			  "error=%s",
		    c->base.name, ask->tries, a == NULL ? 0 : a->status,
		    e == NULL ? "-" : e->msg);
		/* At least half a second: it may be starting itself. */
		env_timer_start(ask->timer,
		    500 + cloud_backoff(c->base.env, ask->tries));
		return;
	}
	arg = ask->arg;
	/* What it refuses it may quote; what it grants is for the callee. */
	if (a != NULL && a->status >= 300) {
		cloud_mask_answer(&ask->mask, a, &masked);
		ask_free(ask);
		fn(arg, &masked, NULL);
		cloud_mask_answer_done(&masked);
	} else {
		ask_free(ask);
		fn(arg, a, e);
	}
	cloud_release(c);
}

static void
on_ask_due(void *arg)
{
	struct cloud_ask *ask = arg;

	(void)http_start(ask->cloud->base.lent.http, &ask->opt, on_ask_answer,
	    ask);
}

void
cloud_ask(struct cloud *c, const struct http_opt *o, bool is_patient,
    http_fn *fn, void *arg)
{
	struct cloud_ask *ask = xcalloc(1, sizeof(*ask));

	ask_copy(ask, o);
	ask->cloud = c;
	ask->fn = fn;
	ask->arg = arg;
	ask->is_patient = is_patient;
	ask->opt.deadline_ms = PATIENT_MS;
	ask->opt.connect_ms = is_patient ? PATIENT_MS : CONNECT_MS;
	ask->timer = env_timer_new(c->base.env, on_ask_due, ask);
	cloud_hold(c);
	on_ask_due(ask);
}
