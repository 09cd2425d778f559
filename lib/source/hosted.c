/* hosted.c - verbs run on the host, and the beat; see hosted.h. */
#include "source/hosted.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/host/scripts.h"
#include "source/idle.h"

#define BEAT_DEADLINE_MS 30000

struct hosted *
hosted_of(struct source *s)
{
	return (struct hosted *)(void *)s;
}

static int64_t
hosted_deadman_ms(const struct hosted *h, const char *key, int64_t dflt)
{
	return json_get_int(json_get_object(h->src.env.cfg, "deadman"), key,
	    dflt);
}

static int64_t
hosted_lease_ms(const struct hosted *h)
{
	return hosted_deadman_ms(h, "lease", 60000);
}

static int64_t
hosted_seconds(int64_t ms)
{
	return (ms + 999) / 1000;
}

static void on_hosted_beat_due(void *arg);
static void on_hosted_budget(void *arg);

struct source *
hosted_new(const struct hosted_kind *kind, const struct source_ops *ops,
    const struct source_env *senv, const json_t *saved, struct err *e)
{
	struct hosted *h = xcalloc(1, sizeof(*h));

	h->src.ops = ops;
	h->src.env = *senv;
	h->kind = kind;
	h->host = host_new(senv->env,
	    json_get_str(senv->cfg, "host", "this machine"), senv->host_cfg, e);
	if (h->host == NULL) {
		free(h);
		return NULL;
	}
	h->st = saved == NULL ? json_object() : json_deep_copy(saved);
	BUG_IF(h->st == NULL);
	h->beat_timer = env_timer_new(senv->env, on_hosted_beat_due, h);
	h->budget_timer = env_timer_new(senv->env, on_hosted_budget, h);
	h->facts.size_hint = -1;
	hosted_facts(h);
	return &h->src;
}

void
hosted_free(struct source *s)
{
	struct hosted *h = hosted_of(s);

	health_free(h);
	idle_free(h->idle);
	defer_cancel(h->defer);
	defer_cancel(h->cancel_defer);
	env_timer_free(h->beat_timer);
	env_timer_free(h->budget_timer);
	host_free(h->host);
	json_decref(h->st);
	json_decref(h->artifact_extra);
	free(h->artifact_name);
	free(h);
}

void
hosted_note(struct hosted *h, const char *fmt, ...)
{
	va_list ap;
	char text[512];

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (h->src.env.note != NULL)
		h->src.env.note(h->src.env.arg, text);
}

void
hosted_warn(struct hosted *h, const char *fmt, ...)
{
	va_list ap;
	char text[512];

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (h->src.env.warn != NULL)
		h->src.env.warn(h->src.env.arg, text);
}

/* ---- operations ---- */

void
hosted_begin(struct hosted *h, source_done_fn *fn, void *arg, bool gives_back)
{
	BUG_IF(h->fn != NULL);
	h->fn = fn;
	h->arg = arg;
	h->is_giving_back = gives_back;
	err_clear(&h->op_err);
}

/* Answer; only from a callback.  Whoever asked for a cancel comes after. */
void
hosted_end(struct hosted *h, const struct err *e)
{
	source_done_fn *fn = h->fn, *cancel_fn = h->cancel_fn;
	void *arg = h->arg, *cancel_arg = h->cancel_arg;
	struct err copy;

	err_copy(&copy, e);
	h->fn = h->cancel_fn = NULL;
	h->next = NULL;
	/* The first may free the source. */
	fn(arg, copy.code == ERR_NONE ? NULL : &copy);
	if (cancel_fn != NULL)
		cancel_fn(cancel_arg, NULL);
}

static void
hosted_setting(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "%s=", name);
	str_quote_sh(b, value);
	buf_addc(b, '\n');
}

/* Settings, the kind's scripts, the helper's text as a function, the verb. */
void
hosted_script(struct hosted *h, const struct hosted_verb *v, struct buf *b)
{
	const struct source_env *senv = &h->src.env;
	size_t i;

	hosted_setting(b, "RB_INSTANCE", senv->instance);
	hosted_setting(b, "RB_RUN", senv->run);
	hosted_setting(b, "RB_JOB", senv->job);
	hosted_setting(b, "RB_MODE", h->kind->type);
	buf_addf(b,
	    "RB_LEASE=%" PRId64 "\nRB_MAX=%" PRId64 "\n"
	    "RB_LOCK_WAIT=%" PRId64 "\n",
	    hosted_seconds(hosted_lease_ms(h)),
	    hosted_seconds(hosted_deadman_ms(h, "max_downtime", 900000)),
	    hosted_seconds(json_get_int(senv->cfg, "lock_wait", 0)));
	h->kind->settings(h, b);
	if (v->extra != NULL)
		buf_adds(b, v->extra);
	for (i = 0; h->kind->scripts[i] != NULL &&
	     (i < HOSTED_COMMON_SCRIPTS || !v->is_common);
	     i++)
		buf_adds(b, h->kind->scripts[i]);
	if (strcmp(v->name, "arm") == 0) {
		buf_adds(b, "helper_text() {\ncat <<'RB_HELPER_END'\n");
		buf_adds(b, host_script_state);
		buf_adds(b, host_script_switch);
		buf_adds(b, "helper \"$1\" \"$2\"\nRB_HELPER_END\n}\n");
	}
	buf_addf(b, "verb_%s\n", v->name);
}

static void
hosted_lines(struct hosted *h, const char *text)
{
	char *copy = xstrdup(text), *line, *rest = copy;

	while ((line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			hosted_line(h, line);
	hosted_facts(h);
	free(copy);
}

/* The switch ended it: that is the reason, not the cut. */
static void
on_hosted_story(void *arg, const struct host_result *r, const struct err *e)
{
	struct hosted *h = arg;
	hosted_next_fn *next = h->next;
	struct err cut = h->op_err;

	(void)e;
	h->run = NULL;
	h->next = NULL;
	err_clear(&h->verb_err);
	if (r != NULL)
		hosted_lines(h, r->out);
	next(h, h->verb_err.code == ERR_NONE ? &cut : &h->verb_err);
}

static void
hosted_ask_story(struct hosted *h, const struct err *cut)
{
	struct hosted_verb v = { .name = "story", .is_common = true };
	struct buf script = BUF_INIT;
	struct host_cmd cmd = { 0 };

	err_copy(&h->op_err, cut);
	hosted_script(h, &v, &script);
	cmd.script = buf_str(&script);
	cmd.deadline_ms = BEAT_DEADLINE_MS;
	h->run = host_run(h->host, &cmd, on_hosted_story, h);
	buf_done(&script);
}

static void
on_hosted_answer(void *arg, const struct host_result *r, const struct err *e)
{
	struct hosted *h = arg;
	hosted_next_fn *next = h->next;
	struct err got = ERR_INIT;

	h->run = NULL;
	if (r != NULL)
		hosted_lines(h, r->out);
	if (e != NULL)
		err_copy(&got, e);
	else if (h->verb_err.code != ERR_NONE)
		err_copy(&got, &h->verb_err);
	else if (r->status != 0)
		(void)err_set(&got, ERR_IO, "%s on %s ended with status %d%s%s",
		    h->verb, host_name(h->host), r->status,
		    *r->err_text == '\0' ? "" : ": ", r->err_text);
	if (got.code != ERR_NONE && h->verb_err.code == ERR_NONE &&
	    !h->is_giving_back) {
		hosted_ask_story(h, &got);
		return;
	}
	h->next = NULL;
	next(h, got.code == ERR_NONE ? NULL : &got);
}

static void
on_hosted_note(void *arg, const char *note)
{
	hosted_remark(arg, note);
}

void
hosted_call(struct hosted *h, const struct hosted_verb *v, hosted_next_fn *next)
{
	struct buf script = BUF_INIT;
	struct host_cmd cmd = { 0 };

	BUG_IF(h->run != NULL);
	hosted_script(h, v, &script);
	cmd.script = buf_str(&script);
	cmd.deadline_ms = v->deadline_ms;
	cmd.out_max = (size_t)1024 * 1024;
	cmd.is_fresh = v->is_fresh;
	cmd.on_note = on_hosted_note;
	cmd.note_arg = h;
	h->verb = v->name;
	h->next = next;
	err_clear(&h->verb_err);
	h->run = host_run(h->host, &cmd, on_hosted_answer, h);
	buf_done(&script);
}

/* ---- signs of life ---- */

static void
on_hosted_beaten(void *arg, const struct host_result *r, const struct err *e)
{
	struct hosted *h = arg;

	/* Lost ones do not matter: every step reads the token itself. */
	(void)r;
	(void)e;
	h->beat_run = NULL;
}

/* Renewal ends at max_downtime: then the helper takes over in any case. */
static bool
hosted_is_past_max(const struct hosted *h)
{
	return h->facts.stop_ms != 0 && h->facts.start_ms == 0 &&
	    env_mono_ms(h->src.env.env) - h->facts.stop_ms >
	    hosted_deadman_ms(h, "max_downtime", 900000);
}

static void
on_hosted_beat_due(void *arg)
{
	struct hosted *h = arg;
	struct hosted_verb v = { .name = "beat", .is_common = true };
	struct buf script = BUF_INIT;
	struct host_cmd cmd = { 0 };
	char extra[64];

	if (hosted_is_past_max(h))
		return;
	env_timer_start(h->beat_timer, hosted_lease_ms(h) / 3);
	if (h->beat_run != NULL)
		return;
	(void)snprintf(extra, sizeof(extra), "BEAT=%" PRIu64 "\n", ++h->beats);
	v.extra = extra;
	hosted_script(h, &v, &script);
	cmd.script = buf_str(&script);
	cmd.deadline_ms = BEAT_DEADLINE_MS;
	h->beat_run = host_run(h->host, &cmd, on_hosted_beaten, h);
	buf_done(&script);
}

void
hosted_beat_start(struct hosted *h)
{
	env_timer_start(h->beat_timer, hosted_lease_ms(h) / 3);
}

void
hosted_beat_stop(struct hosted *h)
{
	env_timer_stop(h->beat_timer);
}

/* ---- the limit on the downtime ---- */

static void
on_hosted_over(void *arg, const struct err *e)
{
	struct hosted *h = arg;
	struct err over = ERR_INIT;
	char text[32];

	(void)e;
	h->is_stopping = false;
	str_format_duration(json_get_int(h->src.env.cfg, "downtime_budget", 0),
	    text, sizeof(text));
	(void)err_set(&over, ERR_BUDGET,
	    "the services were down for longer "
	    "than downtime_budget, %s",
	    text);
	hosted_end(h, &over);
}

static void
on_hosted_budget(void *arg)
{
	struct hosted *h = arg;

	h->is_over_budget = true;
	/* Between two operations the next one sees it. */
	if (h->run == NULL || h->is_giving_back || h->is_stopping)
		return;
	h->is_stopping = true;
	h->next = NULL;
	host_run_cancel(h->run, on_hosted_over, h);
	h->run = NULL;
}

void
hosted_stop_budget(struct hosted *h)
{
	env_timer_stop(h->budget_timer);
}
