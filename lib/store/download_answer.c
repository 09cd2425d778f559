/* download_answer.c - what an answer to a range means, and asking again. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/download_int.h"

#define BACKOFF_MS 200
#define BACKOFF_MAX_MS 30000
#define SPAN_LEAST ((int64_t)64 << 10)

/* "bytes 0-9/100", "bytes * /100" without the blank: from -1. */
struct content_range {
	int64_t from, to, total;
};

static int
parse_number(const char **p, int64_t *out)
{
	int64_t n = 0;
	const char *s = *p;

	if (*s < '0' || *s > '9')
		return -1;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (n > (INT64_MAX - 9) / 10)
			return -1;
		n = n * 10 + (*s - '0');
	}
	*p = s;
	*out = n;
	return 0;
}

static int
parse_content_range(const char *p, struct content_range *r)
{
	if (strncmp(p, "bytes ", 6) != 0)
		return -1;
	for (p += 6; *p == ' '; p++)
		continue;
	r->from = r->to = -1;
	if (*p == '*')
		p++;
	else if (parse_number(&p, &r->from) == -1 || *p++ != '-' ||
	    parse_number(&p, &r->to) == -1 || r->to < r->from)
		return -1;
	if (*p++ != '/' || parse_number(&p, &r->total) == -1 || *p != '\0')
		return -1;
	return r->to < r->total ? 0 : -1;
}

static int
answer_range(const struct http_answer *a, struct content_range *r)
{
	char text[80];

	if (!http_header(a, "Content-Range", text, sizeof(text)))
		return -1;
	return parse_content_range(text, r);
}

static void
on_span_timer(void *arg)
{
	span_ask(arg);
}

/* With full jitter, so that the spans do not come back together. */
static void
span_ask_later(struct span *s)
{
	struct env *env = s->d->cloud->base.env;
	int64_t ms = BACKOFF_MS;
	uint32_t dice;
	unsigned i;

	for (i = 0; i < s->tries && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	env_random(env, &dice, sizeof(dice));
	s->tries++;
	if (s->timer == NULL)
		s->timer = env_timer_new(env, on_span_timer, s);
	env_timer_start(s->timer, (int64_t)(dice % (uint32_t)ms) + 1);
}

/*
 * Bytes came, then no more.  As long as the version is not known nothing tells
 * that the rest would be of the same: the first span begins anew, with less so
 * that it may get through.
 */
static void
span_broke(struct span *s, const struct err *e)
{
	struct download *d = s->d;
	int64_t now = env_mono_ms(d->cloud->base.env), half;

	if (d->size >= 0) {
		s->tries = 0;
		span_ask_later(s);
		return;
	}
	if (s->tries == 0)
		s->stuck_ms = now;
	if (s->is_whole || now - s->stuck_ms >= d->cloud->retry_for_ms) {
		(void)download_fail(d, e->code, "%s", e->msg);
		return;
	}
	span_drop(s);
	half = (s->to - s->from + 1) / 2;
	if (half >= SPAN_LEAST)
		s->to = s->from + half - 1;
	d->next = s->to + 1;
	span_ask_later(s);
}

static void
span_done(struct span *s)
{
	s->is_done = true;
	download_wake(s->d);
}

/* There is nothing from here on. */
static void
span_is_past_end(struct span *s, const struct http_answer *a)
{
	struct download *d = s->d;
	struct content_range r;

	if (d->size >= 0) {
		(void)download_fail(d, ERR_CORRUPT,
		    "'%s' became shorter while it was read", d->key);
		return;
	}
	if (answer_range(a, &r) == 0 && r.total > d->from) {
		(void)download_fail(d, ERR_PROTOCOL,
		    "'%s': the store has %lld bytes and refuses a range from "
		    "%lld",
		    d->key, (long long)r.total, (long long)d->from);
		return;
	}
	d->size = d->from;
	d->end = d->next = d->from;
	span_done(s);
}

void
span_failed(struct span *s, const struct http_answer *a, const struct err *e)
{
	struct download *d = s->d;

	if (e->code == ERR_LIMIT && a != NULL && a->status == 416)
		span_is_past_end(s, a);
	else if (e->code == ERR_CONFLICT && d->version[0] != '\0')
		(void)download_fail(d, ERR_CORRUPT,
		    "'%s' changed while it was read", d->key);
	else if (err_is_transient(e->code) && s->at > s->asked)
		span_broke(s, e);
	else
		(void)download_fail(d, e->code, "%s", e->msg);
}

/* All of the object, though a range was asked for. */
static void
span_got_whole(struct span *s)
{
	struct download *d = s->d;

	if (s->asked != 0 || d->size >= 0) {
		(void)download_fail(d, ERR_PROTOCOL,
		    "'%s': the store sends the whole object for a range",
		    d->key);
		return;
	}
	d->size = s->at;
	d->end = d->next = s->at;
	span_done(s);
}

/* What the first answer tells, all others must agree with. */
static int
span_check_object(struct span *s, const struct http_answer *a, int64_t total)
{
	struct download *d = s->d;
	char version[sizeof(d->version)] = "";

	d->ops->version(d->cloud, a, version, sizeof(version));
	if (d->size < 0) {
		d->size = total;
		memcpy(d->version, version, sizeof(d->version));
		if (d->end > total)
			d->end = total;
		if (s->to >= d->end)
			s->to = d->end - 1;
		d->next = s->to + 1;
		return 0;
	}
	if (total == d->size &&
	    (version[0] == '\0' || d->version[0] == '\0' ||
		strcmp(version, d->version) == 0))
		return 0;
	return download_fail(d, ERR_CORRUPT, "'%s' changed while it was read",
	    d->key);
}

static void
span_got_range(struct span *s, const struct http_answer *a)
{
	struct download *d = s->d;
	struct content_range r;
	struct err e = ERR_INIT;
	int64_t n = s->at - s->asked;

	if (s->is_whole || answer_range(a, &r) == -1 || r.from != s->asked ||
	    r.to > s->asked_to || n > r.to - r.from + 1) {
		(void)download_fail(d, ERR_PROTOCOL,
		    "'%s': the answer is not about bytes %lld to %lld", d->key,
		    (long long)s->asked, (long long)s->asked_to);
		return;
	}
	if (span_check_object(s, a, r.total) == -1)
		return;
	if (s->at > s->to) {
		span_done(s);
	} else if (n > r.to - r.from) {
		/* Less than was asked for, but complete. */
		span_ask(s);
	} else if (n > 0) {
		(void)err_set(&e, ERR_NETWORK, "'%s': bytes are missing",
		    d->key);
		span_broke(s, &e);
	} else {
		(void)download_fail(d, ERR_PROTOCOL,
		    "'%s': an answer without bytes", d->key);
	}
}

void
span_answered(struct span *s, const struct http_answer *a)
{
	if (a->status == 206)
		span_got_range(s, a);
	else if (a->status == 200)
		span_got_whole(s);
	else
		(void)download_fail(s->d, ERR_PROTOCOL,
		    "'%s': status %ld for a range", s->d->key, a->status);
}
