/*
 * host_fixture.h - a loop, an environment, and scripts run to their verdicts;
 * for the tests of hosts.  Included once by each.
 */
#ifndef TEST_NET_HOST_FIXTURE_H
#define TEST_NET_HOST_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/mem.h"
#include "net/host.h"

struct fixture {
	uv_loop_t loop;
	struct env *env;
	struct host *host;
};

/* What came of one script. */
struct verdict {
	bool is_there;
	int status;
	struct buf out;
	char err_text[4200];
	struct err err;
	struct buf notes; /* Each followed by '|'. */
};

static inline void
fixture_init(struct fixture *f)
{
	assert_int_equal(uv_loop_init(&f->loop), 0);
	f->env = env_new(&f->loop);
	f->host = NULL;
}

static inline void
fixture_done(struct fixture *f)
{
	host_free(f->host);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	env_free(f->env);
	assert_int_equal(uv_loop_close(&f->loop), 0);
}

static inline void
verdict_done(struct verdict *v)
{
	buf_done(&v->out);
	buf_done(&v->notes);
	memset(v, 0, sizeof(*v));
}

static inline void
on_fixture_note(void *arg, const char *note)
{
	struct verdict *v = arg;

	buf_addf(&v->notes, "%s|", note);
}

static inline void
on_fixture_end(void *arg, const struct host_result *r, const struct err *e)
{
	struct verdict *v = arg;

	assert_false(v->is_there);
	v->is_there = true;
	assert_true((r == NULL) != (e == NULL));
	if (e != NULL) {
		err_copy(&v->err, e);
		return;
	}
	v->status = r->status;
	buf_add(&v->out, r->out, r->out_len);
	(void)snprintf(v->err_text, sizeof(v->err_text), "%s", r->err_text);
}

/* Turn the loop until ${flag} is set. */
static inline void
fixture_wait(struct fixture *f, const bool *flag)
{
	uint64_t until = uv_hrtime() + 30 * UINT64_C(1000000000);

	while (!*flag) {
		assert_true(uv_hrtime() < until);
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	}
}

/* Turn the loop for a while. */
static inline void
on_fixture_timer(void *arg)
{
	*(bool *)arg = true;
}

static inline void
fixture_sleep(struct fixture *f, int64_t ms)
{
	bool is_over = false;
	struct env_timer *t = env_timer_new(f->env, on_fixture_timer, &is_over);

	env_timer_start(t, ms);
	fixture_wait(f, &is_over);
	env_timer_free(t);
}

static inline struct host_cmd
fixture_cmd(struct verdict *v, const char *script)
{
	struct host_cmd cmd = { 0 };

	memset(v, 0, sizeof(*v));
	cmd.script = script;
	cmd.deadline_ms = 20000;
	cmd.on_note = on_fixture_note;
	cmd.note_arg = v;
	return cmd;
}

/* Run ${script}, its verdict in ${v}. */
static inline void
fixture_run(struct fixture *f, const char *script, struct verdict *v)
{
	struct host_cmd cmd = fixture_cmd(v, script);

	(void)host_run(f->host, &cmd, on_fixture_end, v);
	assert_false(v->is_there);
	fixture_wait(f, &v->is_there);
}

/* A reader of ${total} bytes in a pattern, or one that then fails. */
struct pattern {
	struct reader reader;
	uv_loop_t *loop;
	uint64_t at, total;
	bool is_failing;
	reader_fn *fn;
	void *arg;
	uv_idle_t *idle;
};

static inline uint8_t
pattern_byte(uint64_t at)
{
	return (uint8_t)((at * 2654435761u) >> 13);
}

static inline void
on_pattern_closed(uv_handle_t *h)
{
	free(h);
}

static inline void
on_pattern_idle(uv_idle_t *idle)
{
	struct pattern *p = idle->data;
	struct err e = ERR_INIT;
	struct block *b = NULL;

	(void)uv_idle_stop(idle);
	if (p->at < p->total) {
		b = block_new(BLOCK_SIZE);
		while (b->len < b->cap && p->at < p->total)
			b->data[b->len++] = pattern_byte(p->at++);
	} else if (p->is_failing) {
		(void)err_set(&e, ERR_CORRUPT, "the pattern broke");
	}
	p->fn(p->arg, b, e.code == ERR_NONE ? NULL : &e);
}

static inline void
pattern_read(struct reader *r, reader_fn *fn, void *arg)
{
	struct pattern *p = (struct pattern *)r;

	p->fn = fn;
	p->arg = arg;
	(void)uv_idle_start(p->idle, on_pattern_idle);
}

static inline void
pattern_close(struct reader *r)
{
	struct pattern *p = (struct pattern *)r;

	uv_close((uv_handle_t *)p->idle, on_pattern_closed);
	free(p);
}

static inline struct reader *
pattern_new(struct fixture *f, uint64_t total, bool is_failing)
{
	static const struct reader_ops ops = { pattern_read, pattern_close };
	struct pattern *p = xcalloc(1, sizeof(*p));

	p->reader.ops = &ops;
	p->loop = &f->loop;
	p->total = total;
	p->is_failing = is_failing;
	p->idle = xcalloc(1, sizeof(*p->idle));
	(void)uv_idle_init(p->loop, p->idle);
	p->idle->data = p;
	return &p->reader;
}

/* Reading a stream to its end. */
struct drain {
	struct reader *r;
	uint64_t bytes;
	uint64_t stop_after; /* Close it there; 0: never. */
	bool is_wrong;       /* Not the pattern. */
	bool is_over;
	struct err err;
};

static inline void
on_drained(void *arg, struct block *b, const struct err *e)
{
	struct drain *d = arg;
	size_t i;

	if (b == NULL) {
		err_copy(&d->err, e);
		d->is_over = true;
		return;
	}
	for (i = 0; i < b->len; i += 61)
		if (b->data[i] != pattern_byte(d->bytes + i))
			d->is_wrong = true;
	d->bytes += b->len;
	block_unref(b);
	if (d->stop_after > 0 && d->bytes >= d->stop_after) {
		reader_close(d->r);
		d->r = NULL;
		d->is_over = true;
		return;
	}
	reader_read(d->r, on_drained, d);
}

static inline void
drain_start(struct drain *d, struct reader *r)
{
	d->r = r;
	reader_read(r, on_drained, d);
}

/* Whether the process ${pid} runs (a zombie does not). */
static inline bool
process_runs(long pid)
{
	char cmd[96], state[16] = "";
	FILE *p;

	(void)snprintf(cmd, sizeof(cmd), "ps -o stat= -p %ld", pid);
	p = popen(cmd, "r");
	assert_non_null(p);
	if (fgets(state, sizeof(state), p) == NULL)
		state[0] = '\0';
	(void)pclose(p);
	return state[0] != '\0' && state[0] != 'Z';
}

/* What came of a cancel. */
struct stopped {
	bool is_over;
	struct err err;
};

static inline void
on_stopped(void *arg, const struct err *e)
{
	struct stopped *s = arg;

	err_copy(&s->err, e);
	s->is_over = true;
}

/*
 * Start ${script}, which notes its pid and a child's, cancel it, and see both
 * gone.
 */
static inline void
cancel_one(struct fixture *f, const char *script, int64_t at_most_ms)
{
	struct stopped s = { false, ERR_INIT };
	struct host_cmd cmd;
	struct host_run *r;
	struct verdict v;
	int64_t began;
	long pid = 0, child = 0;

	cmd = fixture_cmd(&v, script);
	r = host_run(f->host, &cmd, on_fixture_end, &v);
	while (strchr(buf_str(&v.notes), '|') == NULL)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(sscanf(buf_str(&v.notes), "%ld %ld|", &pid, &child),
	    2);
	assert_true(process_runs(pid) && process_runs(child));
	began = env_mono_ms(f->env);
	host_run_cancel(r, on_stopped, &s);
	fixture_wait(f, &s.is_over);
	if (s.err.code != ERR_NONE)
		fail_msg("%s", s.err.msg);
	assert_false(process_runs(pid));
	assert_false(process_runs(child));
	assert_false(v.is_there);
	assert_true(env_mono_ms(f->env) - began < at_most_ms);
	verdict_done(&v);
}

#endif
