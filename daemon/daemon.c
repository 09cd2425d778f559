/* daemon.c - see daemon.h: made in order, ended in the other. */
#include "daemon.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "control.h"
#include "runner.h"
#include "scheduler.h"

struct daemon *
daemon_new(uv_loop_t *loop, struct conf *conf, const char *conf_path,
    unsigned threads, struct err *e)
{
	struct daemon *d = xcalloc(1, sizeof(*d));
	const json_t *cfg = conf_daemon(conf);
	char *path = file_join(json_get_str(cfg, "state_dir", "."),
	    "history.db");

	d->loop = loop;
	d->env = env_new(loop);
	d->conf = conf_ref(conf);
	d->conf_path = xstrdup(conf_path);
	d->started_ms = env_wall_ms(d->env);
	d->pool = work_pool_new(loop, threads);
	d->http = http_new(d->env);
	d->history = history_open(d->env, path, e);
	free(path);
	if (d->history == NULL)
		goto fail;
	d->runner = runner_new(d);
	d->scheduler = scheduler_new(d);
	d->control = control_new(d, json_get_str(cfg, "socket", NULL), e);
	if (d->control == NULL)
		goto fail;
	return d;
fail:
	daemon_close(d);
	(void)uv_run(loop, UV_RUN_DEFAULT);
	daemon_free(d);
	return NULL;
}

static void
on_control_closed(void *arg)
{
	struct daemon *d = arg;

	d->control = NULL;
	/* What was asked of it answers before its askers go. */
	if (d->history != NULL)
		history_close(d->history);
	d->history = NULL;
	scheduler_free(d->scheduler);
	d->scheduler = NULL;
	runner_free(d->runner);
	d->runner = NULL;
	http_free(d->http);
	d->http = NULL;
	work_pool_free(d->pool);
	d->pool = NULL;
}

void
daemon_close(struct daemon *d)
{
	if (d->control != NULL)
		control_close(d->control, on_control_closed, d);
	else
		on_control_closed(d);
}

void
daemon_free(struct daemon *d)
{
	BUG_IF(d->pool != NULL);
	conf_unref(d->conf);
	env_free(d->env);
	free(d->conf_path);
	free(d);
}

/*
 * --- Reload: parsed aside, then swapped.
 */
struct reload {
	struct daemon *d;
	struct work work;
	struct conf *conf;
	struct err err, log_err;
	daemon_done_fn *fn;
	void *arg;
};

static void
reload_read(void *arg)
{
	struct reload *r = arg;

	r->conf = conf_load(r->d->conf_path, NULL, &r->err);
	/* A log that was moved away is left whatever the file says. */
	(void)log_reopen(&r->log_err);
}

/* What only a restart can change is said, not silently ignored. */
static void
reload_warn(const struct daemon *d, const struct conf *conf)
{
	static const char *const fixed[] = { "state_dir", "socket", "log",
		"socket_group" };
	size_t i;

	for (i = 0; i < COUNT_OF(fixed); i++) {
		const char *old = json_get_str(conf_daemon(d->conf), fixed[i],
		    "");

		if (strcmp(old,
			json_get_str(conf_daemon(conf), fixed[i], "")) != 0)
			log_warn("reload key=daemon.%s note=\"takes effect "
				 "at the next start\"",
			    fixed[i]);
	}
}

static void
on_reload_read(void *arg)
{
	struct reload *r = arg;
	struct daemon *d = r->d;
	enum log_level level;

	if (r->log_err.code != ERR_NONE)
		log_error("reload log=kept error=\"%s\"", r->log_err.msg);
	if (r->conf != NULL && d->is_stopping)
		(void)err_set(&r->err, ERR_BUSY, "the daemon is stopping");
	if (r->conf != NULL && !d->is_stopping) {
		reload_warn(d, r->conf);
		conf_unref(d->conf);
		d->conf = r->conf;
		if (log_parse_level(json_get_str(conf_daemon(d->conf),
					"log_level", "info"),
			&level) == 0)
			log_set_level(level);
		scheduler_replan(d->scheduler);
	} else {
		conf_unref(r->conf);
	}
	r->fn(r->arg, r->err.code == ERR_NONE ? NULL : &r->err);
	free(r);
}

struct store *
daemon_store(struct daemon *d, const json_t *root, const char *name,
    struct err *e)
{
	struct store_env lent = { d->env, d->http, d->pool,
		json_get_object(root, "hosts") };

	return store_open(&lent, name,
	    json_get_object(json_get_object(root, "stores"), name), e);
}

void
daemon_reload(struct daemon *d, daemon_done_fn *fn, void *arg)
{
	struct reload *r = xcalloc(1, sizeof(*r));

	r->d = d;
	r->fn = fn;
	r->arg = arg;
	work_submit(d->pool, &r->work, reload_read, on_reload_read, r);
}
