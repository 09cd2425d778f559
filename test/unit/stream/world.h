/*
 * world.h - a loop, a pool, a scripted reader and three scripted stores around
 * one stream.
 */
#ifndef TEST_STREAM_WORLD_H
#define TEST_STREAM_WORLD_H

#include <unistd.h>

#include "base/work.h"
#include "stream/stream.h"
#include "unit/stream/fakes.h"

#define WINDOW ((int64_t)(8 * BLOCK_SIZE))
#define NSINKS 3

struct world {
	uv_loop_t loop;
	struct env *env;
	struct work_pool *pool;
	struct fake_store stores[NSINKS];
	struct fake_reader reader;
	struct stream_sink sinks[NSINKS];
	struct stream_opt opt;
	struct stream *stream;
	/* The answer. */
	unsigned answers, cancels;
	struct stream_progress progress; /* When the answer came. */
	struct stream_result result;
	struct stream_sink_result sink_results[NSINKS];
	struct err err;
	int64_t size; /* Of what the reader yields. */
};

/* Compressible, but not trivially; the same for the same place. */
static __attribute__((unused)) size_t
make_bytes(void *arg, int64_t at, uint8_t *out, size_t n)
{
	struct world *w = arg;
	size_t i;
	uint64_t x;

	if ((int64_t)n > w->size - at)
		n = (size_t)(w->size - at);
	for (i = 0; i < n; i++) {
		x = (uint64_t)(at + (int64_t)i + 1) * 0x9e3779b97f4a7c15u;
		x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
		out[i] = (uint8_t)((x >> 60) + 'a');
	}
	return n;
}

static __attribute__((unused)) void
setup(struct world *w, size_t nsinks, int64_t size)
{
	static const char *const names[NSINKS] = { "one", "two", "three" };
	size_t i;

	(void)alarm(60); /* A hang ends here. */
	memset(w, 0, sizeof(*w));
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->env = env_new(&w->loop);
	w->pool = work_pool_new(&w->loop, 2);
	w->size = size;
	fake_reader_init(&w->reader, w->env, make_bytes, w);
	for (i = 0; i < NSINKS; i++) {
		fake_store_init(&w->stores[i], w->env, names[i]);
		w->sinks[i].store = &w->stores[i].store;
		w->sinks[i].key = "k";
	}
	w->opt.reader = &w->reader.reader;
	w->opt.size_hint = size;
	w->opt.sinks = w->sinks;
	w->opt.nsinks = nsinks;
}

static __attribute__((unused)) void
teardown(struct world *w)
{
	size_t i;

	work_pool_free(w->pool);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	env_free(w->env);
	for (i = 0; i < NSINKS; i++)
		fake_store_done(&w->stores[i]);
	if (w->opt.reader == &w->reader.reader)
		assert_true(w->reader.is_closed);
}

static __attribute__((unused)) void
on_answer(void *arg, const struct stream_result *r, const struct err *e)
{
	struct world *w = arg;

	w->answers++;
	stream_progress(w->stream, &w->progress);
	w->stream = NULL;
	if (e != NULL) {
		err_copy(&w->err, e);
		return;
	}
	w->result = *r;
	memcpy(w->sink_results, r->sinks,
	    w->opt.nsinks * sizeof(w->sink_results[0]));
}

static __attribute__((unused)) void
on_canceled(void *arg)
{
	struct world *w = arg;

	w->cancels++;
	w->stream = NULL;
}

static __attribute__((unused)) void
start(struct world *w)
{
	w->stream = stream_start(w->env, w->pool, &w->opt, on_answer, w);
	assert_int_equal(w->answers, 0);
}

static __attribute__((unused)) void
run(struct world *w)
{
	start(w);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(w->answers, 1);
}

/* Every put that was opened has ended, one way. */
static __attribute__((unused)) void
assert_settled(const struct world *w)
{
	size_t i;

	for (i = 0; i < NSINKS; i++)
		assert_int_equal(w->stores[i].opened,
		    w->stores[i].finished + w->stores[i].aborted);
}

#endif
