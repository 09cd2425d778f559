/* health.c - are the services well again?  See source_probe(). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/ask.h"
#include "source/hosted.h"

#define HEALTH_ASK_MS 10000
#define HEALTH_ANSWER_MAX 4096

struct health {
	struct hosted *h;
	const json_t *cfg; /* "source.health" */
	source_probe_fn *fn;
	void *arg;
	int64_t from_ms; /* Monotonic: what healthy_ms counts from. */
	int64_t until_ms;
	struct ask *ask;
	struct env_timer *timer;
	struct defer *defer;
	struct err last; /* Why it is not healthy yet. */
	bool is_canceled;
};

static void
health_done(struct health *p)
{
	ask_cancel(p->ask);
	defer_cancel(p->defer);
	env_timer_free(p->timer);
	p->h->health = NULL;
	free(p);
}

void
health_free(struct hosted *h)
{
	if (h->health != NULL)
		health_done(h->health);
}

static void
health_end(struct health *p, const char *answer, const struct err *e)
{
	source_probe_fn *fn = p->fn;
	void *arg = p->arg;
	int64_t ms = env_mono_ms(p->h->src.env.env) - p->from_ms;
	char *text = NULL;
	struct err copy;

	err_copy(&copy, e);
	if (answer != NULL)
		text = xstrndup(answer, HEALTH_ANSWER_MAX);
	health_done(p);
	fn(arg, text, copy.code == ERR_NONE ? ms : 0,
	    copy.code == ERR_NONE ? NULL : &copy);
	free(text);
}

/* A scalar as it would be written. */
static void
health_word(const json_t *v, char *out, size_t size)
{
	if (json_is_string(v))
		(void)snprintf(out, size, "%s", json_string_value(v));
	else if (json_is_integer(v))
		(void)snprintf(out, size, "%" JSON_INTEGER_FORMAT,
		    json_integer_value(v));
	else if (json_is_boolean(v))
		(void)snprintf(out, size, "%s",
		    json_is_true(v) ? "true" : "false");
	else if (json_is_real(v))
		(void)snprintf(out, size, "%.15g", json_real_value(v));
	else
		(void)snprintf(out, size, "%s",
		    json_is_null(v) ? "null"
			: v == NULL ? "absent"
				    : "not a scalar");
}

/* True when the answer has every member that is asked for. */
static bool
health_has_members(struct health *p, const char *body)
{
	json_t *want = json_get_object(p->cfg, "json"), *answer, *v;
	struct err e = ERR_INIT;
	const char *key;
	char is[128], should[128];
	bool ok = true;

	if (want == NULL || json_object_size(want) == 0)
		return true;
	if ((answer = json_parse(body, strlen(body), &e)) == NULL) {
		(void)err_set(&p->last, ERR_UNHEALTHY,
		    "the answer is not JSON");
		return false;
	}
	json_object_foreach(want, key, v) {
		health_word(v, should, sizeof(should));
		health_word(json_object_get(answer, key), is, sizeof(is));
		if (ok && strcmp(is, should) != 0) {
			(void)err_set(&p->last, ERR_UNHEALTHY,
			    "'%s' is '%s', not '%s'", key, is, should);
			ok = false;
		}
	}
	json_decref(answer);
	return ok;
}

static bool
health_is_good(struct health *p, long status, const char *body)
{
	int64_t want = json_get_int(p->cfg, "status", 200);

	if (status != want) {
		(void)err_set(&p->last, ERR_UNHEALTHY, "HTTP %ld, not %" PRId64,
		    status, want);
		return false;
	}
	return health_has_members(p, body);
}

static void
on_health_answer(void *arg, long status, const char *body, const struct err *e)
{
	struct health *p = arg;
	struct env *env = p->h->src.env.env;
	struct err late = ERR_INIT;
	char text[32];

	p->ask = NULL;
	if (e == NULL && health_is_good(p, status, body)) {
		health_end(p, body, NULL);
		return;
	}
	if (e != NULL)
		err_copy(&p->last, e);
	if (env_mono_ms(env) < p->until_ms) {
		env_timer_start(p->timer,
		    json_get_int(p->cfg, "interval", 2000));
		return;
	}
	str_format_duration(json_get_int(p->cfg, "timeout", 300000), text,
	    sizeof(text));
	(void)err_set(&late, ERR_UNHEALTHY, "not healthy within %s: %s: %s",
	    text, json_get_str(p->cfg, "url", ""), p->last.msg);
	health_end(p, e == NULL ? body : NULL, &late);
}

static void
on_health_due(void *arg)
{
	struct health *p = arg;
	struct ask_opt opt = { 0 };
	int64_t left = p->until_ms - env_mono_ms(p->h->src.env.env);

	opt.http = p->h->src.env.http;
	if (strcmp(json_get_str(p->cfg, "via", "here"), "host") == 0)
		opt.host = p->h->host;
	opt.url = json_get_str(p->cfg, "url", "");
	/* The last one ends about when the time does. */
	opt.wait_ms = left < 1000  ? 1000
	    : left < HEALTH_ASK_MS ? left
				   : HEALTH_ASK_MS;
	p->ask = ask_start(&opt, on_health_answer, p);
}

static void
on_health_soon(void *arg)
{
	struct health *p = arg;
	struct err e = ERR_INIT;

	p->defer = NULL;
	if (p->is_canceled)
		(void)err_set(&e, ERR_CANCELED, "canceled");
	/* Nothing to ask is no time either. */
	p->from_ms = env_mono_ms(p->h->src.env.env);
	health_end(p, NULL, &e);
}

void
health_probe(struct source *s, source_probe_fn *fn, void *arg)
{
	struct hosted *h = hosted_of(s);
	struct health *p = xcalloc(1, sizeof(*p));
	struct env *env = s->env.env;
	int64_t now = env_mono_ms(env);

	BUG_IF(h->health != NULL);
	h->health = p;
	p->h = h;
	p->cfg = json_get_object(s->env.cfg, "health");
	p->fn = fn;
	p->arg = arg;
	p->from_ms = h->facts.stop_ms != 0 ? h->facts.stop_ms : now;
	p->until_ms = now + json_get_int(p->cfg, "timeout", 300000);
	p->timer = env_timer_new(env, on_health_due, p);
	if (p->cfg == NULL)
		p->defer = defer_call(env->loop, on_health_soon, p);
	else
		on_health_due(p);
}

void
health_cancel(struct hosted *h)
{
	struct health *p = h->health;

	if (p == NULL || p->defer != NULL)
		return;
	ask_cancel(p->ask);
	p->ask = NULL;
	env_timer_stop(p->timer);
	p->is_canceled = true;
	p->defer = defer_call(h->src.env.env->loop, on_health_soon, p);
}
