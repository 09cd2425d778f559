/*
 * sink.h - one of a stream's receivers: its put, its place in the queue of
 * stored blocks, and the watch over its rate.
 *
 * Knows: a store's put.  Does not know: filters, readers, the other sinks.
 * Threads: loop thread only.
 */
#ifndef STREAM_SINK_H
#define STREAM_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/env.h"
#include "stream/blockq.h"
#include "stream/stream.h"

enum sink_state { SINK_WRITING, SINK_FINISHING, SINK_OVER };

struct sink {
	struct store *store; /* Borrowed. */
	int64_t min_rate, stall_ms;
	struct stream_sink_result *result;
	struct store_put *put; /* NULL when it is over. */
	enum sink_state state;
	bool is_ready;
	uint64_t taken; /* Blocks, since the start. */
	int64_t taken_bytes;
	bool is_held_to_account; /* It has failed: finish tells why. */
	bool is_holding;         /* The stream waits for it, since ... */
	int64_t seen_ms;         /* ... or until this instant. */
	int64_t held_ms;         /* In this period. */
	int64_t period_from;     /* Its progress when this period began. */
	void (*changed)(void *arg);
	void *arg;
};

/*
 * Begin the put.  ${changed}(${arg}) comes, never from within a call of this
 * module, when the sink can take more or has ended.  One that cannot even begin
 * is SINK_OVER with its error in ${result}.
 */
void sink_open(struct sink *, const struct stream_sink *, int64_t size_hint,
    struct stream_sink_result *, void (*changed)(void *), void *);
/* Hand over what it takes of ${q}, whose oldest block is number ${first}. */
void sink_feed(struct sink *, const struct blockq *q, uint64_t first);
/* All blocks were given: ask for the proof. */
void sink_finish(struct sink *);
/* Give up at once; one that is finishing only where its store can do so. */
void sink_abort(struct sink *);
/* It is finishing, and bytes are still to go that its store knows of. */
bool sink_is_lagging(const struct sink *);
/*
 * What counts is what has left for the store, where it knows; else what it
 * took.  ${is_holding}: at ${now_ms} the stream waits for it.  ${is_last}: no
 * other sink lives.  Detaches it (put aborted, ERR_TIMEOUT) when it has held
 * the stream for stall_ms at less than min_rate; the last one only when nothing
 * moved at all.
 */
void sink_watch(struct sink *, int64_t now_ms, bool is_holding, bool is_last);

#endif
