/* work.c - see work.h. */
#include "base/work.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

struct work_queue {
	struct work *head;
	struct work **tail;
};

struct work_pool {
	unsigned owners; /* Loop thread. */
	uv_async_t wake;
	uv_mutex_t lock;
	uv_cond_t more;
	struct work_queue todo;
	struct work_queue finished;
	size_t pending; /* Loop thread: submitted, not yet done. */
	bool is_stopping;
	unsigned nthreads;
	uv_thread_t threads[];
};

static void
queue_init(struct work_queue *q)
{
	q->head = NULL;
	q->tail = &q->head;
}

static void
queue_add(struct work_queue *q, struct work *w)
{
	w->next = NULL;
	*q->tail = w;
	q->tail = &w->next;
}

static struct work *
queue_take(struct work_queue *q)
{
	struct work *w = q->head;

	if (w != NULL && (q->head = w->next) == NULL)
		q->tail = &q->head;
	return w;
}

static void
work_thread(void *arg)
{
	struct work_pool *p = arg;
	struct work *w;

	uv_mutex_lock(&p->lock);
	for (;;) {
		while ((w = queue_take(&p->todo)) == NULL && !p->is_stopping)
			uv_cond_wait(&p->more, &p->lock);
		if (w == NULL)
			break;
		uv_mutex_unlock(&p->lock);
		w->fn(w->arg);
		uv_mutex_lock(&p->lock);
		queue_add(&p->finished, w);
		(void)uv_async_send(&p->wake);
	}
	uv_mutex_unlock(&p->lock);
}

static void
work_deliver(struct work_pool *p)
{
	struct work *w, *next;

	uv_mutex_lock(&p->lock);
	w = p->finished.head;
	queue_init(&p->finished);
	uv_mutex_unlock(&p->lock);
	for (; w != NULL; w = next) {
		next = w->next;
		w->next = NULL;
		if (--p->pending == 0)
			uv_unref((uv_handle_t *)&p->wake);
		w->done(w->arg);
	}
}

static void
on_work_finished(uv_async_t *a)
{
	work_deliver(a->data);
}

struct work_pool *
work_pool_new(uv_loop_t *loop, unsigned threads)
{
	struct work_pool *p;
	unsigned i;

	p = xcalloc(1, sizeof(*p) + threads * sizeof(p->threads[0]));
	p->owners = 1;
	queue_init(&p->todo);
	queue_init(&p->finished);
	BUG_IF(uv_mutex_init(&p->lock) != 0 || uv_cond_init(&p->more) != 0);
	BUG_IF(uv_async_init(loop, &p->wake, on_work_finished) != 0);
	p->wake.data = p;
	uv_unref((uv_handle_t *)&p->wake);
	p->nthreads = threads;
	for (i = 0; i < threads; i++)
		BUG_IF(uv_thread_create(&p->threads[i], work_thread, p) != 0);
	return p;
}

void
work_submit(struct work_pool *p, struct work *w, void (*fn)(void *),
    void (*done)(void *), void *arg)
{
	w->fn = fn;
	w->done = done;
	w->arg = arg;
	if (p->pending++ == 0)
		uv_ref((uv_handle_t *)&p->wake);
	uv_mutex_lock(&p->lock);
	BUG_IF(p->is_stopping);
	queue_add(&p->todo, w);
	uv_cond_signal(&p->more);
	uv_mutex_unlock(&p->lock);
}

static void
on_pool_closed(uv_handle_t *h)
{
	struct work_pool *p = h->data;

	uv_mutex_destroy(&p->lock);
	uv_cond_destroy(&p->more);
	free(p);
}

struct work_pool *
work_pool_ref(struct work_pool *p)
{
	p->owners++;
	return p;
}

void
work_pool_free(struct work_pool *p)
{
	unsigned i;

	if (p == NULL || --p->owners > 0)
		return;
	uv_mutex_lock(&p->lock);
	p->is_stopping = true;
	uv_cond_broadcast(&p->more);
	uv_mutex_unlock(&p->lock);
	for (i = 0; i < p->nthreads; i++)
		(void)uv_thread_join(&p->threads[i]);
	work_deliver(p);
	uv_close((uv_handle_t *)&p->wake, on_pool_closed);
}
