/*
 * fixture.h - a loop, a source, and its operations run to their answers; for
 * the tests of sources.  Included once by each.
 */
#ifndef TEST_SOURCE_FIXTURE_H
#define TEST_SOURCE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/env.h"
#include "base/json.h"
#include "base/mem.h"
#include "net/http.h"
#include "source/source.h"

#define FIXTURE_INSTANCE "11111111-2222-4333-8444-555555555555"

struct fixture {
	uv_loop_t loop;
	struct env *env;
	struct http *http;
	char dir[64]; /* Its HOME; removed at the end. */
	struct buf notes;
	struct buf warnings;
	int64_t last_progress;
};

/* A source with all that it borrows. */
struct subject {
	struct fixture *f;
	struct source_env senv;
	json_t *cfg;
	char run[ENV_UUID_SIZE];
	struct source *s;
	/* The last answer. */
	bool is_answered;
	struct err err;
	enum source_recovery recovery;
	char *answer;
	int64_t healthy_ms;
};

/* A command by sh; its output, trimmed; free() it.  Must end well. */
static inline char *
shell_out(const char *fmt, ...)
{
	struct buf out = BUF_INIT;
	char cmd[4096], piece[1024];
	va_list ap;
	FILE *p;
	size_t n;

	va_start(ap, fmt);
	(void)vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	p = popen(cmd, "r");
	assert_non_null(p);
	while ((n = fread(piece, 1, sizeof(piece), p)) > 0)
		buf_add(&out, piece, n);
	if (pclose(p) != 0)
		fail_msg("failed: %s: %s", cmd, buf_str(&out));
	while (out.len > 0 && out.data[out.len - 1] == '\n')
		out.data[--out.len] = '\0';
	return buf_take(&out);
}

#define shell(...) free(shell_out(__VA_ARGS__))

static inline bool
shell_is(const char *cmd, const char *want)
{
	char *got = shell_out("%s", cmd);
	bool same = strcmp(got, want) == 0;

	free(got);
	return same;
}

static inline void
fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	assert_int_equal(uv_loop_init(&f->loop), 0);
	f->env = env_new(&f->loop);
	f->http = http_new(f->env);
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/rbsource.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(setenv("HOME", f->dir, 1), 0);
}

static inline void
fixture_done(struct fixture *f)
{
	http_free(f->http);
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
	env_free(f->env);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	buf_done(&f->notes);
	buf_done(&f->warnings);
	shell("rm -rf '%s'", f->dir);
}

static inline void
on_fixture_note(void *arg, const char *text)
{
	struct fixture *f = arg;

	buf_addf(&f->notes, "%s\n", text);
}

static inline void
on_fixture_warn(void *arg, const char *text)
{
	struct fixture *f = arg;

	buf_addf(&f->warnings, "%s\n", text);
}

static inline void
on_fixture_progress(void *arg, int64_t bytes, int64_t total)
{
	struct fixture *f = arg;

	assert_true(total == -1 || bytes <= total);
	f->last_progress = bytes;
}

/* ${cfg}: JSON of the source; ${host}: where it is, NULL for here; ${saved} or
 * NULL; ${run}: NULL for a new one. */
static inline void
subject_init_on(struct subject *t, struct fixture *f, const char *cfg,
    const json_t *host, const char *run, const json_t *saved)
{
	struct err e = ERR_INIT;

	memset(t, 0, sizeof(*t));
	t->f = f;
	t->cfg = json_parse(cfg, strlen(cfg), &e);
	if (t->cfg == NULL)
		fail_msg("%s", e.msg);
	if (run == NULL)
		env_uuid(f->env, t->run);
	else
		(void)snprintf(t->run, sizeof(t->run), "%s", run);
	t->senv.env = f->env;
	t->senv.http = f->http;
	t->senv.instance = FIXTURE_INSTANCE;
	t->senv.run = t->run;
	t->senv.job = "lightrag";
	t->senv.cfg = t->cfg;
	t->senv.host_cfg = host;
	t->senv.state_dir = f->dir;
	t->senv.note = on_fixture_note;
	t->senv.warn = on_fixture_warn;
	t->senv.progress = on_fixture_progress;
	t->senv.arg = f;
	t->s = source_new(&t->senv, saved, &e);
	if (t->s == NULL)
		fail_msg("%s", e.msg);
}

static inline void
subject_init(struct subject *t, struct fixture *f, const char *cfg,
    const char *run, const json_t *saved)
{
	subject_init_on(t, f, cfg, NULL, run, saved);
}

static inline void
subject_done(struct subject *t)
{
	source_free(t->s);
	json_decref(t->cfg);
	free(t->answer);
}

static inline void
on_subject_done(void *arg, const struct err *e)
{
	struct subject *t = arg;

	assert_false(t->is_answered);
	t->is_answered = true;
	err_copy(&t->err, e);
}

static inline void
on_subject_probe(void *arg, const char *answer, int64_t healthy_ms,
    const struct err *e)
{
	struct subject *t = arg;

	free(t->answer);
	t->answer = answer == NULL ? NULL : xstrdup(answer);
	t->healthy_ms = healthy_ms;
	on_subject_done(t, e);
}

static inline void
on_subject_recover(void *arg, enum source_recovery r, const struct err *e)
{
	struct subject *t = arg;

	t->recovery = r;
	on_subject_done(t, e);
}

static inline void
subject_wait(struct subject *t)
{
	while (!t->is_answered)
		if (uv_run(&t->f->loop, UV_RUN_ONCE) == 0)
			assert_true(t->is_answered);
	t->is_answered = false;
}

typedef void subject_op(struct source *, source_done_fn *, void *);

/* The operation's error code. */
static inline enum err_code
subject_do(struct subject *t, subject_op *op)
{
	op(t->s, on_subject_done, t);
	assert_false(t->is_answered);
	subject_wait(t);
	return t->err.code;
}

#define subject_ok(t, op)                                                      \
	do {                                                                   \
		if (subject_do(t, op) != ERR_NONE)                             \
			fail_msg(#op ": %s", (t)->err.msg);                    \
	} while (0)

/* Let the loop run for ${ms}. */
static inline void
on_fixture_due(void *arg)
{
	*(bool *)arg = true;
}

static inline void
fixture_sleep(struct fixture *f, int64_t ms)
{
	bool due = false;
	struct env_timer *t = env_timer_new(f->env, on_fixture_due, &due);

	env_timer_start(t, ms);
	while (!due)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
	env_timer_free(t);
}

/* ---- the bytes of an artifact ---- */

struct drain {
	FILE *to;
	int64_t bytes;
	bool is_done;
	struct err err;
};

static inline void
on_drain(void *arg, struct block *b, const struct err *e)
{
	struct drain *d = arg;

	if (b == NULL) {
		err_copy(&d->err, e);
		d->is_done = true;
		return;
	}
	assert_int_equal(fwrite(b->data, 1, b->len, d->to), b->len);
	d->bytes += (int64_t)b->len;
	block_unref(b);
	d->is_done = false;
}

/* Artifact ${i} into ${path}; the number of bytes. */
static inline int64_t
subject_read_tees(struct subject *t, size_t i, bool is_gzip, const char *path,
    const char *const *tees)
{
	struct reader *r = source_open(t->s, i, is_gzip, 6, tees);
	struct drain d = { 0 };
	int64_t had;

	d.to = fopen(path, "w");
	assert_non_null(d.to);
	while (!d.is_done) {
		had = d.bytes;
		reader_read(r, on_drain, &d);
		while (!d.is_done && d.bytes == had)
			(void)uv_run(&t->f->loop, UV_RUN_ONCE);
	}
	reader_close(r);
	assert_int_equal(fclose(d.to), 0);
	if (d.err.code != ERR_NONE)
		fail_msg("read: %s", d.err.msg);
	return d.bytes;
}

static inline int64_t
subject_read(struct subject *t, size_t i, bool is_gzip, const char *path)
{
	return subject_read_tees(t, i, is_gzip, path, NULL);
}

#endif
