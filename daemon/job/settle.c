/* settle.c - see settle.h. */
#include "job/settle.h"

#include <stdlib.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "daemon.h"
#include "source/source.h"

struct settle {
	struct daemon *d;
	struct conf *conf; /* What the source borrows. */
	json_t *data;
	struct source *source;
	struct source_env senv;
	struct defer *soon;
	struct err err;
	settle_done_fn *fn;
	void *arg;
};

static void
settle_free(struct settle *s)
{
	source_free(s->source);
	defer_cancel(s->soon);
	json_decref(s->data);
	conf_unref(s->conf);
	free(s);
}

static void
settle_answer(struct settle *s, const struct err *e)
{
	settle_done_fn *fn = s->fn;
	void *arg = s->arg;
	struct err copy = ERR_INIT;

	err_copy(&copy, e);
	settle_free(s);
	fn(arg, copy.code == ERR_NONE ? NULL : &copy);
}

static void
on_undone(void *arg, const struct err *e)
{
	settle_answer(arg, e);
}

static void
on_unfit(void *arg)
{
	struct settle *s = arg;

	s->soon = NULL;
	settle_answer(s, &s->err);
}

static void
on_said(void *arg, const char *text)
{
	struct settle *s = arg;

	log_info("run=%s settling=\"%s\"", s->senv.run, text);
}

static void
on_progress(void *arg, int64_t bytes, int64_t total)
{
	(void)arg;
	(void)bytes;
	(void)total;
}

struct settle *
settle_start(struct daemon *d, const json_t *data, settle_done_fn *fn,
    void *arg)
{
	struct settle *s = xcalloc(1, sizeof(*s));
	json_t *config;

	s->d = d;
	s->fn = fn;
	s->arg = arg;
	s->conf = conf_ref(d->conf);
	s->data = json_deep_copy(data);
	config = json_get_object(s->data, "config");
	s->senv.env = d->env;
	s->senv.http = d->http;
	s->senv.instance = history_instance(d->history);
	s->senv.run = json_get_str(s->data, "uuid", "");
	s->senv.job = json_get_str(config, "name", "?");
	s->senv.cfg = json_get_object(json_get_object(config, "job"), "source");
	s->senv.host_cfg = json_get_object(config, "host");
	s->senv.state_dir = json_get_str(conf_daemon(s->conf), "state_dir",
	    ".");
	s->senv.note = on_said;
	s->senv.warn = on_said;
	s->senv.progress = on_progress;
	s->senv.arg = s;
	s->source = source_new(&s->senv, json_get_object(s->data, "saved"),
	    &s->err);
	if (s->source == NULL)
		s->soon = defer_call(d->loop, on_unfit, s);
	else
		source_undo(s->source, on_undone, s);
	return s;
}

void
settle_cancel(struct settle *s)
{
	if (s != NULL)
		settle_free(s);
}
