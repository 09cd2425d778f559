/* progress.c - see progress.h. */
#include "progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "when.h"

#define DRAW_MS 200  /* At most so often. */
#define TICK_MS 1000 /* The clock goes on without news. */
#define PLAIN_MS 10000
#define SAMPLE_MS 1000 /* Rates are measured over at least this. */

struct progress {
	struct env *env;
	struct env_timer *tick;
	int fd;
	bool is_terminal;
	int64_t run;
	char job[128];
	char step[32];
	int64_t bytes, total;
	double rate;
	int64_t step_ms; /* When the step began, by the steady clock. */
	int64_t sample_ms, sample_bytes;
	int64_t drawn_ms; /* When last drawn, or last told in plain. */
	size_t drawn_len; /* Of the line on the terminal; 0: none. */
};

static void
progress_put(struct progress *p, const char *text, size_t n)
{
	ssize_t put;

	while (p->fd != -1 && n > 0) {
		put = write(p->fd, text, n);
		if (put == -1 && errno == EINTR)
			continue;
		if (put <= 0)
			return; /* Watching is no reason to fail. */
		text += put;
		n -= (size_t)put;
	}
}

static size_t
progress_columns(const struct progress *p)
{
	struct winsize ws;

	if (ioctl(p->fd, TIOCGWINSZ, &ws) == -1 || ws.ws_col == 0)
		return 80;
	return ws.ws_col;
}

/* Go back over the line, which a narrower terminal has broken into several. */
static void
progress_erase(struct progress *p, struct buf *b)
{
	size_t columns = progress_columns(p);

	if (p->drawn_len == 0)
		return;
	if (p->drawn_len > columns)
		buf_addf(b, "\033[%zuA", (p->drawn_len - 1) / columns);
	buf_adds(b, "\r\033[J");
	p->drawn_len = 0;
}

static void
progress_view(const struct progress *p, struct progress_view *v)
{
	v->run = p->run;
	v->job = p->job;
	v->step = p->step;
	v->bytes = p->bytes;
	v->total = p->total;
	v->rate = p->rate;
	v->elapsed_ms = env_mono_ms(p->env) - p->step_ms;
}

static void
progress_draw(struct progress *p)
{
	struct progress_view v;
	struct buf b = BUF_INIT;
	size_t before;

	progress_erase(p, &b);
	before = b.len;
	progress_view(p, &v);
	/* The last column stays free: writing there wraps on some. */
	progress_format(&v, progress_columns(p) - 1, &b);
	p->drawn_len = b.len - before;
	p->drawn_ms = env_mono_ms(p->env);
	progress_put(p, buf_str(&b), b.len);
	buf_done(&b);
}

/* A line that stays. */
static void
progress_tell(struct progress *p, const char *text)
{
	struct buf b = BUF_INIT;
	const unsigned char *at = (const unsigned char *)text;

	progress_erase(p, &b);
	/* What a host said must not steer the terminal. */
	for (; *at != '\0'; at++)
		if (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0)
			at++;
		else
			buf_addc(&b,
			    *at < 0x20 || *at == 0x7f ? ' ' : (char)*at);
	buf_addc(&b, '\n');
	progress_put(p, buf_str(&b), b.len);
	buf_done(&b);
}

static void
progress_tell_view(struct progress *p)
{
	struct progress_view v;
	struct buf b = BUF_INIT;

	progress_view(p, &v);
	progress_format(&v, 200, &b);
	progress_tell(p, buf_str(&b));
	buf_done(&b);
}

static void
on_tick(void *arg)
{
	struct progress *p = arg;
	int64_t now = env_mono_ms(p->env);

	if (p->is_terminal) {
		if (p->step[0] != '\0')
			progress_draw(p);
	} else if (p->step[0] != '\0' && now - p->drawn_ms >= PLAIN_MS) {
		p->drawn_ms = now;
		progress_tell_view(p);
	}
	env_timer_start(p->tick, TICK_MS);
}

struct progress *
progress_new(struct env *env, int fd, bool is_terminal)
{
	struct progress *p = xcalloc(1, sizeof(*p));

	p->env = env;
	p->fd = fd;
	p->is_terminal = is_terminal;
	p->bytes = p->total = -1;
	p->tick = env_timer_new(env, on_tick, p);
	env_timer_start(p->tick, TICK_MS);
	return p;
}

static void
progress_enter(struct progress *p, const char *step)
{
	char *text;

	(void)snprintf(p->step, sizeof(p->step), "%s", step);
	p->bytes = p->total = -1;
	p->rate = 0;
	p->step_ms = p->sample_ms = p->drawn_ms = env_mono_ms(p->env);
	p->sample_bytes = 0;
	if (p->is_terminal)
		return;
	text = xasprintf("run %" PRId64 " %s %s", p->run, p->job, step);
	progress_tell(p, text);
	free(text);
}

/* A moving mean, so that the time left does not jump about. */
static void
progress_measure(struct progress *p, int64_t bytes)
{
	int64_t now = env_mono_ms(p->env), span = now - p->sample_ms;
	double rate;

	p->bytes = bytes;
	if (bytes < p->sample_bytes) {
		p->sample_bytes = bytes;
		p->sample_ms = now;
		return;
	}
	if (span < SAMPLE_MS)
		return;
	rate = (double)(bytes - p->sample_bytes) * 1000 / (double)span;
	p->rate = p->rate < 1 ? rate : p->rate * 0.7 + rate * 0.3;
	p->sample_bytes = bytes;
	p->sample_ms = now;
}

static void
progress_take(struct progress *p, const json_t *event)
{
	const char *step = json_get_str(event, "step", NULL);
	const char *job = json_get_str(event, "job", NULL);

	p->run = json_get_int(event, "run", p->run);
	if (job != NULL)
		(void)snprintf(p->job, sizeof(p->job), "%s", job);
	if (step != NULL && strcmp(step, p->step) != 0)
		progress_enter(p, step);
	p->total = json_get_int(event, "total", p->total);
	if (json_is_integer(json_object_get(event, "bytes")))
		progress_measure(p, json_get_int(event, "bytes", 0));
}

void
progress_event(struct progress *p, const json_t *event)
{
	const char *what = json_get_str(event, "event", "");
	char *text;

	progress_take(p, event);
	if (strcmp(what, "started") == 0) {
		text = xasprintf("run %" PRId64 " of %s", p->run, p->job);
		progress_tell(p, text);
		free(text);
	} else if (strcmp(what, "note") == 0) {
		progress_tell(p, json_get_str(event, "message", ""));
	}
	if (p->is_terminal && p->step[0] != '\0' &&
	    (p->drawn_len == 0 || env_mono_ms(p->env) - p->drawn_ms >= DRAW_MS))
		progress_draw(p);
}

void
progress_resized(struct progress *p)
{
	if (p->is_terminal && p->step[0] != '\0')
		progress_draw(p);
}

int64_t
progress_run(const struct progress *p)
{
	return p->run;
}

void
progress_free(struct progress *p)
{
	struct buf b = BUF_INIT;

	if (p == NULL)
		return;
	progress_erase(p, &b);
	progress_put(p, buf_str(&b), b.len);
	buf_done(&b);
	env_timer_free(p->tick);
	free(p);
}
