/* download.c - see download.h: which spans are under way, and their order. */
#include "store/download_int.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static void on_download_wake(void *);

void
download_wake(struct download *d)
{
	if (d->wake == NULL)
		d->wake = defer_call(d->cloud->base.env->loop, on_download_wake,
		    d);
}

int
download_fail(struct download *d, enum err_code code, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	if (d->err.code != ERR_NONE)
		return -1;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	download_wake(d);
	return err_set(&d->err, code, "%s", text);
}

static void
download_drop_head(struct download *d)
{
	struct span *s = d->head;

	if ((d->head = s->next) == NULL)
		d->tail = &d->head;
	d->nspans--;
	span_free(s);
}

static void
download_add(struct download *d, int64_t to)
{
	struct span *s = span_new(d, d->next, to);

	d->next = to + 1;
	*d->tail = s;
	d->tail = &s->next;
	d->nspans++;
	span_ask(s);
}

/* What a request costs counts where there are many. */
static int64_t
span_end(const struct download *d)
{
	int64_t size = d->size >= LARGE_SIZE ? LARGE_SPAN_SIZE : SPAN_SIZE;

	return d->end - d->next > size ? d->next + size - 1 : d->end - 1;
}

/* The first span alone tells how much there is. */
static void
download_plan(struct download *d)
{
	size_t most = d->cloud->concurrency > 0 ? d->cloud->concurrency : 1;

	if (d->size >= LARGE_SIZE && most > LARGE_SPANS)
		most = LARGE_SPANS;
	while (d->next < d->end && d->nspans < (d->size < 0 ? 1 : most))
		download_add(d, span_end(d));
}

static void
download_answer(struct download *d, struct block *b)
{
	reader_fn *fn = d->fn;
	struct err e;

	d->fn = NULL;
	err_copy(&e, &d->err);
	fn(d->arg, b, e.code != ERR_NONE ? &e : NULL);
}

/* What to answer a read with: bytes, the end (NULL), or not yet (false). */
static bool
download_take(struct download *d, struct block **b)
{
	*b = NULL;
	for (;;) {
		download_plan(d);
		if (d->head == NULL)
			return true;
		if ((*b = span_take(d->head)) != NULL)
			return true;
		if (!d->head->is_done)
			return false;
		download_drop_head(d);
	}
}

static void
on_download_wake(void *arg)
{
	struct download *d = arg;
	struct block *b;

	d->wake = NULL;
	if (d->err.code != ERR_NONE) {
		while (d->head != NULL)
			download_drop_head(d);
		if (d->fn != NULL)
			download_answer(d, NULL);
		return;
	}
	if (d->fn == NULL) {
		if (d->head != NULL)
			download_plan(d);
		return;
	}
	if (download_take(d, &b))
		download_answer(d, b);
}

static void
download_read(struct reader *r, reader_fn *fn, void *arg)
{
	struct download *d = (struct download *)(void *)r;

	BUG_IF(d->fn != NULL);
	d->fn = fn;
	d->arg = arg;
	download_wake(d);
}

static void
download_close(struct reader *r)
{
	struct download *d = (struct download *)(void *)r;
	struct cloud *cloud = d->cloud;

	while (d->head != NULL)
		download_drop_head(d);
	defer_cancel(d->wake);
	free(d->key);
	free(d);
	cloud_release(cloud);
}

static const struct reader_ops download_reader_ops = {
	download_read,
	download_close,
};

struct reader *
download_new(struct cloud *cloud, const struct download_ops *ops,
    const char *key, int64_t from, int64_t len)
{
	struct download *d = xcalloc(1, sizeof(*d));

	d->base.ops = &download_reader_ops;
	d->cloud = cloud;
	d->ops = ops;
	d->key = xstrdup(key);
	d->from = d->next = from;
	d->end = len < 0 || len > INT64_MAX - from ? INT64_MAX : from + len;
	d->size = -1;
	d->tail = &d->head;
	cloud_hold(cloud);
	return &d->base;
}
