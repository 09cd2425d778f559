/* idle.c - see idle.h. */
#include "source/idle.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "conf/secret.h"
#include "source/ask.h"

#define IDLE_ASK_MS 15000

/* Read off the loop; outlives an idle that is freed meanwhile. */
struct idle_key {
	uv_work_t work;
	struct idle *idle; /* NULL: nobody waits any more. */
	json_t *ref;
	struct secret secret;
	struct err err;
};

struct idle {
	const struct source_env *senv;
	struct host *host; /* NULL: asked from here. */
	const json_t *cfg;
	source_done_fn *fn;
	void *arg;
	struct idle_key *reading;
	char *key_header;
	char *url;
	size_t workspace;        /* The one being asked about. */
	unsigned needed, agreed; /* Rounds that said idle, in a row. */
	int64_t until_ms;
	struct ask *ask;
	struct env_timer *timer;
	struct err last;
};

static void idle_ask(struct idle *d);

static void
idle_end(struct idle *d, const struct err *e)
{
	source_done_fn *fn = d->fn;
	void *arg = d->arg;
	struct err copy;

	err_copy(&copy, e);
	idle_free(d);
	fn(arg, copy.code == ERR_NONE ? NULL : &copy);
}

static void
idle_unknown(struct idle *d, const char *why)
{
	struct err e = ERR_INIT;
	char text[512];

	(void)snprintf(text, sizeof(text),
	    "it is not known whether indexing "
	    "is idle: %.400s",
	    why);
	if (strcmp(json_get_str(d->cfg, "when_unknown", "warn"), "fail") == 0)
		(void)err_set(&e, ERR_MISSING, "%s", text);
	else if (d->senv->warn != NULL)
		d->senv->warn(d->senv->arg, text);
	idle_end(d, &e);
}

/* Wait ${interval} and ask again, unless the time is up. */
static void
idle_again(struct idle *d)
{
	char text[32];
	struct err e = ERR_INIT;
	int64_t wait = json_get_int(d->cfg, "wait", 600000);

	if (d->agreed == 0 && env_mono_ms(d->senv->env) >= d->until_ms) {
		str_format_duration(wait, text, sizeof(text));
		(void)err_set(&e, ERR_BUSY,
		    "LightRAG is still indexing "
		    "after %s: %s",
		    text, d->last.msg);
		idle_end(d, &e);
		return;
	}
	d->workspace = 0;
	env_timer_start(d->timer, json_get_int(d->cfg, "interval", 3000));
}

static bool
idle_is_busy(const json_t *answer)
{
	static const char *const flags[] = { "busy", "request_pending",
		"scanning", "scanning_exclusive", "destructive_busy" };
	size_t i;

	for (i = 0; i < COUNT_OF(flags); i++)
		if (json_get_bool(answer, flags[i], false))
			return true;
	return json_get_int(answer, "pending_enqueues", 0) > 0;
}

/* One workspace is idle: the next one; after the last a round is agreed. */
static void
idle_agree(struct idle *d)
{
	size_t n = json_array_size(json_get_array(d->cfg, "workspaces"));

	if (++d->workspace < n) {
		idle_ask(d);
		return;
	}
	if (++d->agreed >= d->needed)
		idle_end(d, NULL);
	else
		idle_again(d);
}

static void
idle_read(struct idle *d, const char *body)
{
	struct err e = ERR_INIT;
	json_t *answer = json_parse(body, strlen(body), &e);

	if (answer == NULL ||
	    !json_is_boolean(json_object_get(answer, "busy"))) {
		json_decref(answer);
		idle_unknown(d, "the pipeline's status has no 'busy'");
		return;
	}
	if (idle_is_busy(answer)) {
		d->agreed = 0;
		d->needed = 2;
		(void)err_set(&d->last, ERR_BUSY, "%s",
		    json_get_str(answer, "job_name", "a job runs"));
		if (d->senv->note != NULL)
			d->senv->note(d->senv->arg,
			    "waiting for LightRAG's indexing");
		json_decref(answer);
		idle_again(d);
		return;
	}
	json_decref(answer);
	idle_agree(d);
}

static void
on_idle_answer(void *arg, long status, const char *body, const struct err *e)
{
	struct idle *d = arg;
	struct err got = ERR_INIT;
	char text[64];

	d->ask = NULL;
	if (e != NULL) {
		idle_unknown(d, e->msg);
	} else if (status == 401 || status == 403) {
		(void)err_set(&got, ERR_AUTH,
		    "LightRAG refuses to tell "
		    "whether indexing is idle (HTTP %ld): check "
		    "source.idle.api_key_file",
		    status);
		idle_end(d, &got);
	} else if (status != 200) {
		(void)snprintf(text, sizeof(text),
		    "the pipeline's status is "
		    "HTTP %ld",
		    status);
		idle_unknown(d, text);
	} else {
		idle_read(d, body);
	}
}

static void
idle_ask(struct idle *d)
{
	const json_t *all = json_get_array(d->cfg, "workspaces");
	const json_t *one = json_array_get(all, d->workspace);
	const char *headers[3] = { NULL, NULL, NULL };
	struct ask_opt opt = { 0 };
	char space[300];
	size_t n = 0;

	if (d->key_header != NULL)
		headers[n++] = d->key_header;
	if (one != NULL) {
		(void)snprintf(space, sizeof(space), "LIGHTRAG-WORKSPACE: %s",
		    json_string_value(one));
		headers[n] = space;
	}
	opt.http = d->senv->http;
	opt.host = d->host;
	opt.url = d->url;
	opt.headers = headers;
	opt.wait_ms = IDLE_ASK_MS;
	d->ask = ask_start(&opt, on_idle_answer, d);
}

static void
on_idle_due(void *arg)
{
	idle_ask(arg);
}

/* ---- the key ---- */

static void
idle_key_read(uv_work_t *w)
{
	struct idle_key *k = w->data;

	(void)secret_load(k->ref, &k->secret, &k->err);
}

static void
on_idle_key(uv_work_t *w, int status)
{
	struct idle_key *k = w->data;
	struct idle *d = k->idle;
	struct err e = k->err;

	(void)status;
	/* Often a whole .env: its other lines would be headers as well. */
	if (e.code == ERR_NONE && strpbrk(k->secret.value, "\r\n") != NULL)
		(void)err_set(&e, ERR_CONFIG,
		    "source.idle.api_key_file holds more than one line");
	if (d != NULL) {
		d->reading = NULL;
		if (e.code == ERR_NONE)
			d->key_header = xasprintf("X-API-Key: %s",
			    k->secret.value);
	}
	secret_done(&k->secret);
	json_decref(k->ref);
	free(k);
	if (d == NULL)
		return;
	if (e.code == ERR_NONE)
		idle_ask(d);
	else
		idle_end(d, &e);
}

static void
idle_key_start(struct idle *d, const json_t *ref)
{
	struct idle_key *k = xcalloc(1, sizeof(*k));

	k->work.data = k;
	k->idle = d;
	k->ref = json_deep_copy(ref);
	d->reading = k;
	BUG_IF(uv_queue_work(d->senv->env->loop, &k->work, idle_key_read,
		   on_idle_key) != 0);
}

struct idle *
idle_start(const struct source_env *senv, struct host *host, const json_t *cfg,
    bool is_again, source_done_fn *fn, void *arg)
{
	struct idle *d = xcalloc(1, sizeof(*d));
	const char *url = json_get_str(cfg, "url", "");
	const json_t *key = json_get_object(cfg, "api_key");
	size_t len = strlen(url);

	while (len > 0 && url[len - 1] == '/')
		len--;
	d->senv = senv;
	d->cfg = cfg;
	d->fn = fn;
	d->arg = arg;
	d->needed = is_again ? 1 : 2;
	/* A loopback address means that host's, where it is another one. */
	if (!host_is_local(host) && ask_is_loopback(url))
		d->host = host;
	d->url = xasprintf("%.*s/documents/pipeline_status", (int)len, url);
	d->until_ms = env_mono_ms(senv->env) +
	    json_get_int(cfg, "wait", 600000);
	d->timer = env_timer_new(senv->env, on_idle_due, d);
	if (key == NULL)
		idle_ask(d);
	else
		idle_key_start(d, key);
	return d;
}

void
idle_free(struct idle *d)
{
	if (d == NULL)
		return;
	ask_cancel(d->ask);
	if (d->reading != NULL)
		d->reading->idle = NULL;
	env_timer_free(d->timer);
	/* It holds the key. */
	if (d->key_header != NULL)
		memset(d->key_header, 0, strlen(d->key_header));
	free(d->key_header);
	free(d->url);
	free(d);
}
