/*
 * stream.c - see stream.h.
 *
 *	reader -> in -> (pool: chain) -> out -> each sink at its own place
 *
 * One read is outstanding while ${in} and what the pool works on are below
 * their window; one job at a time takes all of ${in}, while ${out} is below
 * its window; a block leaves ${out} when every living sink has taken it.
 */
#include "stream/stream.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "stream/blockq.h"
#include "stream/chain.h"
#include "stream/sink.h"

#define WINDOW_BYTES ((int64_t)(8 * BLOCK_SIZE))
/* A reader of tiny blocks: their count is bounded too. */
#define WINDOW_BLOCKS ((size_t)1024)

#define TICK_MIN_MS 10
#define TICK_MAX_MS 1000

struct stream {
	struct env *env;
	struct work_pool *pool;
	struct reader *reader; /* NULL once closed. */
	struct chain *chain;
	stream_fn *fn;
	void *arg;
	void (*canceled)(void *);
	void *canceled_arg;
	struct blockq in;
	bool is_reading;
	bool is_eof; /* The reader's verdict was good. */

	struct work work;
	bool is_working;
	bool is_last_job;
	struct blockq job_in, job_out; /* The pool's while it works. */
	int64_t job_bytes;             /* As job_in was submitted. */
	size_t job_blocks;
	struct err job_err;
	atomic_bool is_hurried; /* The job's result is not wanted. */

	bool is_drained; /* The last job is done. */
	struct blockq out;
	uint64_t out_first; /* Number of its oldest block. */
	int64_t out_bytes_ever;
	struct sink *sinks;
	size_t nsinks;
	struct env_timer *tick;
	int64_t tick_ms; /* 0: nobody is watched. */

	struct stream_progress progress;
	struct stream_result result;
	struct err err;
	bool is_stopping; /* No more work is begun. */
	bool is_canceled;
	bool is_pumping, is_pump_due;
	struct defer *answer;
};

static void stream_pump(struct stream *);

static void
stream_free(struct stream *s)
{
	env_timer_free(s->tick);
	blockq_done(&s->in);
	blockq_done(&s->job_in);
	blockq_done(&s->job_out);
	blockq_done(&s->out);
	chain_free(s->chain);
	free(s->sinks);
	free(s->result.sinks);
	free(s);
}

static void
on_answer_due(void *arg)
{
	struct stream *s = arg;

	s->answer = NULL;
	if (s->is_canceled) {
		if (s->canceled != NULL)
			s->canceled(s->canceled_arg);
	} else if (s->err.code != ERR_NONE)
		s->fn(s->arg, NULL, &s->err);
	else {
		chain_result(s->chain, &s->result);
		s->fn(s->arg, &s->result, NULL);
	}
	stream_free(s);
}

/* Answer once nothing of the stream runs any more. */
static void
stream_settle(struct stream *s)
{
	size_t i;

	if (!s->is_stopping || s->is_working || s->answer != NULL)
		return;
	for (i = 0; i < s->nsinks; i++)
		if (s->sinks[i].state == SINK_FINISHING)
			return;
	s->answer = defer_call(s->env->loop, on_answer_due, s);
}

static void
stream_stop(struct stream *s)
{
	struct reader *r = s->reader;
	size_t i;

	s->is_stopping = true;
	atomic_store(&s->is_hurried, true);
	env_timer_stop(s->tick);
	s->reader = NULL;
	s->is_reading = false;
	reader_close(r);
	for (i = 0; i < s->nsinks; i++)
		sink_abort(&s->sinks[i]);
	stream_settle(s);
}

static void
stream_fail(struct stream *s, const struct err *e)
{
	if (s->is_stopping)
		return;
	err_copy(&s->err, e);
	stream_stop(s);
}

static void
on_block_read(void *arg, struct block *b, const struct err *e)
{
	struct stream *s = arg;

	s->is_reading = false;
	if (e != NULL) {
		stream_fail(s, e);
		return;
	}
	if (b == NULL)
		s->is_eof = true;
	else if (b->len == 0)
		block_unref(b);
	else
		blockq_add(&s->in, b);
	stream_pump(s);
}

static void
stream_read(struct stream *s)
{
	if (s->is_reading || s->is_eof ||
	    s->in.bytes + s->job_bytes >= WINDOW_BYTES ||
	    s->in.n + s->job_blocks >= WINDOW_BLOCKS)
		return;
	s->is_reading = true;
	reader_read(s->reader, on_block_read, s);
}

/* On the pool: it owns the chain and the job's queues until it is done. */
static void
stream_work(void *arg)
{
	struct stream *s = arg;
	struct block *b;
	int rc = 0;

	while (rc == 0 && !atomic_load(&s->is_hurried) &&
	    (b = blockq_take(&s->job_in)) != NULL) {
		rc = chain_write(s->chain, b, &s->job_out, &s->job_err);
		block_unref(b);
	}
	if (rc == 0 && s->is_last_job && !atomic_load(&s->is_hurried))
		(void)chain_end(s->chain, &s->job_out, &s->job_err);
}

static void
on_work_done(void *arg)
{
	struct stream *s = arg;

	s->is_working = false;
	s->job_bytes = 0;
	s->job_blocks = 0;
	chain_progress(s->chain, &s->progress);
	if (s->is_stopping) {
		stream_settle(s);
		return;
	}
	if (s->job_err.code != ERR_NONE) {
		stream_fail(s, &s->job_err);
		return;
	}
	s->out_bytes_ever += s->job_out.bytes;
	blockq_move(&s->out, &s->job_out);
	s->is_drained = s->is_last_job;
	stream_pump(s);
}

static bool
stream_is_out_full(const struct stream *s)
{
	return s->out.bytes >= WINDOW_BYTES || s->out.n >= WINDOW_BLOCKS;
}

static void
stream_begin_work(struct stream *s)
{
	if (s->is_working || s->is_drained || stream_is_out_full(s) ||
	    (s->in.n == 0 && !s->is_eof))
		return;
	s->is_working = true;
	s->is_last_job = s->is_eof;
	s->job_bytes = s->in.bytes;
	s->job_blocks = s->in.n;
	blockq_move(&s->job_in, &s->in);
	work_submit(s->pool, &s->work, stream_work, on_work_done, s);
}

/* Forget the blocks that every living sink has taken. */
static void
stream_trim(struct stream *s)
{
	uint64_t least = s->out_first + s->out.n;
	size_t i;

	for (i = 0; i < s->nsinks; i++)
		if (s->sinks[i].state == SINK_WRITING &&
		    s->sinks[i].taken < least)
			least = s->sinks[i].taken;
	for (; s->out_first < least; s->out_first++)
		block_unref(blockq_take(&s->out));
}

static bool
stream_is_living(const struct stream *s)
{
	size_t i;

	for (i = 0; i < s->nsinks; i++)
		if (s->sinks[i].state != SINK_OVER)
			return true;
	return false;
}

/* No other sink is whole or may still be. */
static bool
stream_is_last(const struct stream *s, const struct sink *k)
{
	size_t i;

	for (i = 0; i < s->nsinks; i++)
		if (&s->sinks[i] != k &&
		    (s->sinks[i].state != SINK_OVER ||
			s->sinks[i].result->err.code == ERR_NONE))
			return false;
	return true;
}

static void
stream_feed(struct stream *s)
{
	size_t i;
	struct sink *k;

	for (i = 0; i < s->nsinks; i++) {
		k = &s->sinks[i];
		sink_feed(k, &s->out, s->out_first);
		if (s->is_drained && k->state == SINK_WRITING &&
		    k->taken == s->out_first + s->out.n)
			sink_finish(k);
	}
	stream_trim(s);
}

/*
 * A sink holds the stream up when it does not take what is there for it and
 * the next job has to wait for that, or nothing else is left to wait for.
 */
static bool
stream_is_held_by(const struct stream *s, const struct sink *k)
{
	int64_t behind = s->out_bytes_ever - k->taken_bytes;

	if (sink_is_lagging(k))
		return true;
	if (k->state != SINK_WRITING || k->is_ready || behind == 0)
		return false;
	return s->is_drained ||
	    (stream_is_out_full(s) && behind >= s->out.bytes / 2);
}

/* True: one was detached, so that others may go on. */
static bool
stream_watch(struct stream *s)
{
	int64_t now = env_mono_ms(s->env);
	bool is_held = false, has_detached = false;
	struct sink *k;
	size_t i;

	if (s->tick_ms == 0)
		return false;
	for (i = 0; i < s->nsinks; i++) {
		k = &s->sinks[i];
		if (k->state != SINK_WRITING && !sink_is_lagging(k))
			continue;
		sink_watch(k, now, stream_is_held_by(s, k),
		    stream_is_last(s, k));
		has_detached |= k->state == SINK_OVER;
		is_held |= k->is_holding && k->state != SINK_OVER;
	}
	if (is_held)
		env_timer_start(s->tick, s->tick_ms);
	else
		env_timer_stop(s->tick);
	return has_detached;
}

/* Whatever has changed: do all that can be done now. */
static void
stream_pump(struct stream *s)
{
	if (s->is_stopping) {
		stream_settle(s);
		return;
	}
	s->is_pump_due = true;
	if (s->is_pumping) /* A put was ready at once. */
		return;
	s->is_pumping = true;
	while (s->is_pump_due) {
		s->is_pump_due = false;
		stream_feed(s);
		s->is_pump_due |= stream_watch(s);
	}
	s->is_pumping = false;
	if (!stream_is_living(s) && (s->nsinks > 0 || s->is_drained)) {
		stream_stop(s);
		return;
	}
	stream_begin_work(s);
	stream_read(s);
}

static void
on_sink_changed(void *arg)
{
	stream_pump(arg);
}

static void
on_tick(void *arg)
{
	stream_pump(arg);
}

static void
stream_open_sinks(struct stream *s, const struct stream_opt *opt)
{
	/* What is stored is as long as what is read only if left alone. */
	int64_t hint = opt->is_compressed_here || opt->is_gzip_plain
	    ? -1
	    : opt->size_hint;
	int64_t ms;
	size_t i;

	s->nsinks = opt->nsinks;
	s->sinks = xcalloc(s->nsinks, sizeof(*s->sinks));
	s->result.sinks = xcalloc(s->nsinks, sizeof(*s->result.sinks));
	for (i = 0; i < s->nsinks; i++) {
		sink_open(&s->sinks[i], &opt->sinks[i], hint,
		    &s->result.sinks[i], on_sink_changed, s);
		if (opt->sinks[i].min_rate <= 0 || opt->sinks[i].stall_ms <= 0)
			continue;
		ms = opt->sinks[i].stall_ms / 8;
		ms = ms < TICK_MIN_MS ? TICK_MIN_MS : ms;
		ms = ms > TICK_MAX_MS ? TICK_MAX_MS : ms;
		if (s->tick_ms == 0 || ms < s->tick_ms)
			s->tick_ms = ms;
	}
}

struct stream *
stream_start(struct env *env, struct work_pool *pool,
    const struct stream_opt *opt, stream_fn *fn, void *arg)
{
	struct stream *s = xcalloc(1, sizeof(*s));

	BUG_IF(opt->reader == NULL);
	s->env = env;
	s->pool = pool;
	s->reader = opt->reader;
	s->fn = fn;
	s->arg = arg;
	s->chain = chain_new(opt);
	s->tick = env_timer_new(env, on_tick, s);
	atomic_init(&s->is_hurried, false);
	stream_open_sinks(s, opt);
	stream_pump(s);
	return s;
}

void
stream_progress(const struct stream *s, struct stream_progress *p)
{
	*p = s->progress;
}

void
stream_cancel(struct stream *s, void (*done)(void *), void *arg)
{
	BUG_IF(s->is_canceled);
	s->is_canceled = true;
	s->canceled = done;
	s->canceled_arg = arg;
	if (s->is_stopping)
		stream_settle(s);
	else
		stream_stop(s);
}
