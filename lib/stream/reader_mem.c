/* reader_mem.c - see readers.h. */
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "stream/readers.h"

struct reader_mem {
	struct reader reader;
	struct env *env;
	struct defer *due;
	reader_fn *fn;
	void *arg;
	size_t at, n;
	uint8_t data[];
};

static void
on_mem_due(void *arg)
{
	struct reader_mem *r = arg;
	size_t n = r->n - r->at < BLOCK_SIZE ? r->n - r->at : BLOCK_SIZE;
	struct block *b = NULL;

	r->due = NULL;
	if (n > 0) {
		b = block_new(n);
		memcpy(b->data, r->data + r->at, n);
		b->len = n;
		r->at += n;
	}
	r->fn(r->arg, b, NULL);
}

static void
mem_read(struct reader *reader, reader_fn *fn, void *arg)
{
	struct reader_mem *r = CONTAINER_OF(reader, struct reader_mem, reader);

	BUG_IF(r->due != NULL);
	r->fn = fn;
	r->arg = arg;
	r->due = defer_call(r->env->loop, on_mem_due, r);
}

static void
mem_close(struct reader *reader)
{
	struct reader_mem *r = CONTAINER_OF(reader, struct reader_mem, reader);

	defer_cancel(r->due);
	free(r);
}

static const struct reader_ops mem_ops = { mem_read, mem_close };

struct reader *
reader_mem_new(struct env *env, const void *p, size_t n)
{
	struct reader_mem *r = xmalloc(sizeof(*r) + n);

	memset(r, 0, sizeof(*r));
	r->reader.ops = &mem_ops;
	r->env = env;
	r->n = n;
	if (n > 0)
		memcpy(r->data, p, n);
	return &r->reader;
}
