/* download_range.c - one span of an object: asked for, and kept until taken. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/download_int.h"

struct span *
span_new(struct download *d, int64_t from, int64_t to)
{
	struct span *s = xcalloc(1, sizeof(*s));

	s->d = d;
	s->from = s->at = from;
	s->to = to;
	return s;
}

void
span_drop(struct span *s)
{
	for (; s->first < s->nblocks; s->first++)
		block_unref(s->blocks[s->first]);
	s->first = s->nblocks = 0;
	s->at = s->from;
}

void
span_free(struct span *s)
{
	if (s->call != NULL)
		cloud_cancel(s->call);
	if (s->timer != NULL)
		env_timer_free(s->timer);
	span_drop(s);
	free(s->blocks);
	free(s);
}

/* Blocks that came half empty would keep twice the memory, and more. */
static void
span_push(struct span *s, struct block *b)
{
	struct block *last = s->first < s->nblocks ? s->blocks[s->nblocks - 1]
						   : NULL;

	s->at += (int64_t)b->len;
	if (last != NULL && b->len <= last->cap - last->len) {
		memcpy(last->data + last->len, b->data, b->len);
		last->len += b->len;
		block_unref(b);
		return;
	}
	if (s->first == s->nblocks)
		s->first = s->nblocks = 0;
	if (s->nblocks == s->room) {
		s->room = s->room * 2 + 16;
		s->blocks = xrealloc(s->blocks,
		    s->room * sizeof(struct block *));
	}
	s->blocks[s->nblocks++] = b;
}

static int64_t
span_held(const struct span *s)
{
	int64_t n = 0;
	size_t i;

	for (i = s->first; i < s->nblocks; i++)
		n += (int64_t)s->blocks[i]->len;
	return n;
}

struct block *
span_take(struct span *s)
{
	struct block *b;

	if (!s->is_done && !s->is_whole)
		return NULL;
	if (s->is_done && s->call != NULL) {
		cloud_cancel(s->call);
		s->call = NULL;
	}
	if (s->first == s->nblocks)
		return NULL;
	b = s->blocks[s->first++];
	if (s->is_paused && s->call != NULL && span_held(s) < SPAN_SIZE / 2) {
		s->is_paused = false;
		cloud_unpause(s->call);
	}
	return b;
}

/* More than was asked for: from a store that knows no ranges, or a fault. */
static bool
span_takes_whole(struct span *s)
{
	if (s->asked != 0 || s->d->size >= 0)
		return false;
	s->is_whole = true;
	s->d->next = s->d->end;
	return true;
}

static bool
on_span_block(void *arg, struct block *b)
{
	struct span *s = arg;
	struct download *d = s->d;
	int64_t left = s->asked_to + 1 - s->at;

	if (d->err.code != ERR_NONE || s->is_done) {
		block_unref(b);
		return false;
	}
	if ((int64_t)b->len > left && !s->is_whole && !span_takes_whole(s)) {
		block_unref(b);
		(void)download_fail(d, ERR_PROTOCOL,
		    "'%s': more came than bytes %lld to %lld", d->key,
		    (long long)s->asked, (long long)s->asked_to);
		return false;
	}
	if (s->is_whole)
		left = d->end - s->at;
	s->is_done = s->is_whole && (int64_t)b->len >= left;
	if ((int64_t)b->len > left)
		b->len = (size_t)left;
	if (b->len == 0)
		block_unref(b);
	else
		span_push(s, b);
	if (!s->is_whole)
		return true;
	download_wake(d);
	s->is_paused = s->is_done || span_held(s) >= SPAN_SIZE;
	return !s->is_paused;
}

static void
on_span_done(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct span *s = arg;

	(void)code;
	s->call = NULL;
	if (s->d->err.code != ERR_NONE || s->is_done)
		return;
	if (e != NULL)
		span_failed(s, a, e);
	else
		span_answered(s, a);
}

void
span_ask(struct span *s)
{
	struct download *d = s->d;
	struct download_range r = { d->key, s->at, s->to,
		d->version[0] != '\0' ? d->version : NULL, on_span_block, s };

	s->asked = s->at;
	s->asked_to = s->to;
	s->call = d->ops->range(d->cloud, &r, on_span_done);
}
