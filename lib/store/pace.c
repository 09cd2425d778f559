/* pace.c - see pace.h: the bucket, and a reader that waits for it. */
#include "store/pace.h"

#include <stdlib.h>

#include "base/mem.h"

#define BURST_US 500000

struct pace {
	unsigned owners;
	struct env *env;
	int64_t rate;
	int64_t due_us; /* When all that has passed was due. */
};

struct pace *
pace_new(struct env *env, int64_t rate)
{
	struct pace *p = xcalloc(1, sizeof(*p));

	BUG_IF(rate <= 0);
	p->owners = 1;
	p->env = env;
	p->rate = rate;
	p->due_us = INT64_MIN;
	return p;
}

struct pace *
pace_ref(struct pace *p)
{
	p->owners++;
	return p;
}

void
pace_free(struct pace *p)
{
	if (p != NULL && --p->owners == 0)
		free(p);
}

/* Kept as an instant, so that no rounding adds up. */
int64_t
pace_take(struct pace *p, size_t n)
{
	int64_t now = env_mono_ms(p->env) * 1000;

	BUG_IF(n > (size_t)INT64_MAX / 1000000);
	if (p->due_us < now - BURST_US)
		p->due_us = now - BURST_US;
	p->due_us += (int64_t)n * 1000000 / p->rate;
	return p->due_us <= now ? 0 : (p->due_us - now + 999) / 1000;
}

struct pace_reader {
	struct reader reader; /* First. */
	struct pace *pace;
	struct reader *inner;
	struct env_timer *timer;
	struct block *block; /* Waiting for the timer. */
	reader_fn *fn;
	void *arg;
};

static void
on_pace_block(void *arg, struct block *b, const struct err *e)
{
	struct pace_reader *r = arg;
	int64_t wait = b == NULL ? 0 : pace_take(r->pace, b->len);

	if (wait == 0) {
		r->fn(r->arg, b, e);
		return;
	}
	r->block = b;
	env_timer_start(r->timer, wait);
}

static void
on_pace_due(void *arg)
{
	struct pace_reader *r = arg;
	struct block *b = r->block;

	r->block = NULL;
	r->fn(r->arg, b, NULL);
}

static void
pace_read(struct reader *reader, reader_fn *fn, void *arg)
{
	struct pace_reader *r = (struct pace_reader *)(void *)reader;

	BUG_IF(r->block != NULL);
	r->fn = fn;
	r->arg = arg;
	reader_read(r->inner, on_pace_block, r);
}

static void
pace_close(struct reader *reader)
{
	struct pace_reader *r = (struct pace_reader *)(void *)reader;

	reader_close(r->inner);
	block_unref(r->block);
	env_timer_free(r->timer);
	pace_free(r->pace);
	free(r);
}

static const struct reader_ops pace_reader_ops = { pace_read, pace_close };

struct reader *
pace_reader(struct pace *p, struct env *env, struct reader *inner)
{
	struct pace_reader *r = xcalloc(1, sizeof(*r));

	r->reader.ops = &pace_reader_ops;
	r->pace = pace_ref(p);
	r->inner = inner;
	r->timer = env_timer_new(env, on_pace_due, r);
	return &r->reader;
}
