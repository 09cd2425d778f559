/*
 * scheduler_world.h - a daemon with nothing in it but history and scheduler, on
 * a clock of its own, and a stand-in for the runner.
 */
#ifndef UNIT_DAEMON_SCHEDULER_WORLD_H
#define UNIT_DAEMON_SCHEDULER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/defer.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "daemon.h"
#include "scheduler.h"
#include "unit/daemon/vclock.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

struct world {
	uv_loop_t loop;
	struct vclock clock;
	struct daemon d;
	struct conf conf;
	char dir[64];
	char *path;
	int64_t current;      /* What the runner says runs. */
	enum err_code refuse; /* What it answers to a trigger. */
	unsigned triggered;
	int64_t takes; /* So long does the clock go on in a trigger. */
	bool has_started;
};

static struct world *
runner_world(const struct runner *r)
{
	return (struct world *)(void *)r;
}

struct trigger {
	struct world *w;
	runner_id_fn *fn;
	void *arg;
};

static void
on_trigger_refused(void *arg)
{
	struct trigger *t = arg;
	struct err e = ERR_INIT;

	(void)err_set(&e, t->w->refuse, "refused");
	t->fn(t->arg, 0, &e);
	free(t);
}

static void
fake_trigger(struct runner *r, const char *job, const char *trigger,
    int64_t scheduled_ms, runner_id_fn *fn, void *arg)
{
	struct world *w = runner_world(r);
	struct history_new_run n = { NULL, job, "backup", trigger, scheduled_ms,
		w->clock.wall, 1, NULL };
	char uuid[ENV_UUID_SIZE];
	struct trigger *t;

	w->triggered++;
	w->clock.wall += w->takes;
	w->clock.mono += w->takes;
	if (w->refuse == ERR_NONE) {
		env_uuid(&w->clock.env, uuid);
		n.uuid = uuid;
		history_run_add(w->d.history, &n, fn, arg);
		return;
	}
	t = xcalloc(1, sizeof(*t));
	t->w = w;
	t->fn = fn;
	t->arg = arg;
	(void)defer_call(&w->loop, on_trigger_refused, t);
}

static int64_t
fake_current(const struct runner *r, const char *job)
{
	(void)job;
	return runner_world(r)->current;
}

static const struct scheduler_runner fake_runner = { fake_trigger,
	fake_current };

static int64_t
instant(const char *text)
{
	int64_t ms;

	assert_int_equal(str_parse_time(text, &ms), 0);
	return ms;
}

/* Let everything that is under way come to its end. */
static void
drain(struct world *w)
{
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
}

static void
on_started(void *arg, const struct err *e)
{
	struct world *w = arg;

	assert_null(e);
	assert_false(w->has_started);
	w->has_started = true;
}

/* Time passes, timer by timer. */
static void
pass(struct world *w, int64_t ms)
{
	int64_t end = w->clock.mono + ms;

	for (;;) {
		struct env_timer *t, *first = NULL;

		drain(w);
		for (t = w->clock.timers; t != NULL; t = t->next)
			if (t->due != -1 && t->due <= end &&
			    (first == NULL || t->due < first->due))
				first = t;
		if (first == NULL)
			break;
		w->clock.wall += first->due - w->clock.mono;
		w->clock.mono = first->due;
		first->due = -1;
		w->clock.fired++;
		first->fn(first->arg);
	}
	w->clock.wall += end - w->clock.mono;
	w->clock.mono = end;
}

static void
start(struct world *w)
{
	struct err e = ERR_INIT;

	w->d.history = history_open(&w->clock.env, w->path, &e);
	assert_non_null(w->d.history);
	w->d.scheduler = scheduler_new_with(&w->d, &fake_runner);
	w->has_started = false;
	scheduler_start(w->d.scheduler, on_started, w);
	assert_false(w->has_started);
	pass(w, 0);
	assert_true(w->has_started);
}

static void
stop(struct world *w)
{
	scheduler_stop(w->d.scheduler);
	history_close(w->d.history);
	scheduler_free(w->d.scheduler);
	w->d.history = NULL;
	w->d.scheduler = NULL;
	drain(w);
}

/* ${schedule}: as in the configuration; of one job "j". */
static void
configure(struct world *w, const char *cron, const char *zone, int64_t catch_up)
{
	json_decref(w->conf.root);
	w->conf.root = json_pack("{s:{s:{s:b s:{s:s s:s? s:I}} s:{s:b s:n}}}",
	    "jobs", "j", "enabled", 1, "schedule", "cron", cron, "timezone",
	    zone, "catch_up", (json_int_t)catch_up, "unscheduled", "enabled", 1,
	    "schedule");
	assert_non_null(w->conf.root);
}

static struct world *
world_new(const char *now, const char *cron, const char *zone, int64_t catch_up)
{
	struct world *w = xcalloc(1, sizeof(*w));

	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->clock.env.ops = &v_ops;
	w->clock.env.loop = &w->loop;
	w->clock.wall = instant(now);
	w->clock.mono = 1000;
	w->d.loop = &w->loop;
	w->d.env = &w->clock.env;
	w->d.pool = work_pool_new(&w->loop, 1);
	w->d.conf = &w->conf;
	w->d.runner = (struct runner *)(void *)w;
	strcpy(w->dir, "/tmp/scheduler_test.XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	w->path = file_join(w->dir, "history.db");
	configure(w, cron, zone, catch_up);
	start(w);
	return w;
}

static void
world_free(struct world *w)
{
	struct err e = ERR_INIT;

	if (w->d.scheduler != NULL)
		stop(w);
	assert_null(w->clock.timers);
	work_pool_free(w->d.pool);
	drain(w);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	assert_int_equal(file_remove_tree(w->dir, &e), 0);
	json_decref(w->conf.root);
	free(w->path);
	free(w);
}

/* --- What is in the history. */
static void
on_list(void *arg, json_t *v, const struct err *e)
{
	assert_null(e);
	*(json_t **)arg = v;
}

static void
add_line(struct buf *b, const json_t *row, const char *time,
    const char *verdict)
{
	const char *due = json_get_str(row, time, "");

	if (strcmp(json_get_str(row, "job", ""), "j") == 0)
		buf_addf(b, "%s%s %.11s", b->len == 0 ? "" : ", ",
		    json_get_str(row, verdict, ""), due + 5);
}

/* Runs, then firings, each oldest first: "schedule 03-29T02:00, ...". */
static void
check(struct world *w, const char *want)
{
	struct history_filter filter = { 0 };
	json_t *runs = NULL, *rows = NULL;
	struct buf b = BUF_INIT;
	size_t i;

	history_runs(w->d.history, &filter, on_list, &runs);
	history_firings(w->d.history, "j", 0, on_list, &rows);
	drain(w);
	for (i = json_array_size(runs); i-- > 0;)
		add_line(&b, json_array_get(runs, i), "scheduled_for",
		    "trigger");
	for (i = json_array_size(rows); i-- > 0;)
		add_line(&b, json_array_get(rows, i), "due", "verdict");
	assert_string_equal(buf_str(&b), want);
	buf_done(&b);
	json_decref(runs);
	json_decref(rows);
}

/* The reason of the newest firing without a run. */
static void
check_reason(struct world *w, const char *want)
{
	json_t *rows = NULL;

	history_firings(w->d.history, "j", 1, on_list, &rows);
	drain(w);
	assert_string_equal(json_get_str(json_array_get(rows, 0), "reason", ""),
	    want);
	json_decref(rows);
}

#endif
