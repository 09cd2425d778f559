/*
 * stream.h - one pass: reader -> checks, compress, hash -> N sinks.
 *
 * Knows: blocks, filters, windows, back-pressure.  Does not know: sources,
 * hosts, snapshots, what a store is beyond its put.
 * Threads: loop thread; filters run on the worker pool, one job of a stream at
 * a time.  Memory is bounded by the windows whatever the size of the artifact.
 *
 * The plain bytes are hashed and, for a tar, looked into (every LightRAG *.json
 * and *.graphml must be well formed; the tar must end with its two zero
 * blocks); then compressed; then the stored bytes are hashed and go to every
 * living sink.  The reader waits for the slowest sink only while that one holds
 * ${min_rate}; below it for ${stall_ms} the sink is detached (ERR_TIMEOUT) and
 * the others go on.  Only the time counts in which the stream waited for it.
 * When no other sink is left, it is detached only when it takes nothing at all.
 */
#ifndef STREAM_STREAM_H
#define STREAM_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/block.h"
#include "base/env.h"
#include "base/err.h"
#include "base/str.h"
#include "base/work.h"
#include "store/store.h"

enum stream_level { STREAM_FAST, STREAM_DEFAULT, STREAM_BEST };

struct stream_sink {
	struct store *store; /* Borrowed. */
	const char *key;
	int64_t min_rate; /* Bytes a second; 0: never detached. */
	int64_t stall_ms;
};

struct stream_opt {
	struct reader *reader;   /* Taken over. */
	bool is_compressed_here; /* gzip it here (else: store as it is). */
	enum stream_level level;
	bool is_gzip_plain;        /* It yields gzip; plain is behind it. */
	bool is_tar;               /* Check the tar's structure. */
	bool has_data_checks;      /* Check *.json, *.graphml inside it. */
	int64_t size_hint;         /* Plain bytes; -1: unknown. */
	struct stream_sink *sinks; /* Copied; the keys are not kept. */
	size_t nsinks;             /* 0: figures and checks alone. */
};

struct stream_progress {
	int64_t bytes_read;   /* Plain bytes that went through. */
	int64_t bytes_stored; /* Compressed bytes, once. */
};

struct stream_sink_result {
	struct err err; /* ERR_NONE: whole and proven by ${proof}. */
	struct store_proof proof;
	bool is_detached; /* Too slow, not broken. */
};

struct stream_result {
	int64_t plain_size;
	char plain_sha256[STR_HEX_SHA256];
	int64_t size;
	char sha256[STR_HEX_SHA256];
	int64_t entries;  /* Tar members. */
	struct err check; /* First malformed member; ERR_NONE if fine. */
	unsigned checked, malformed; /* Members looked into, of which bad. */
	struct stream_sink_result *sinks; /* As in the options. */
};

struct stream;

/*
 * ${r}, good during the call, is set whenever ${e} is NULL, also when every
 * sink failed: then reading ended early, its sizes are of what was read and its
 * digests are empty.  ${e}: the reader or a filter failed; every put was
 * aborted.  The stream is gone when ${fn} has returned.
 */
typedef void stream_fn(void *arg, const struct stream_result *r,
    const struct err *e);

/* Always starts; one ${fn}, never from within. */
struct stream *stream_start(struct env *, struct work_pool *,
    const struct stream_opt *, stream_fn *, void *);
void stream_progress(const struct stream *, struct stream_progress *);
/*
 * Close the reader, abort the puts; ${fn} of start does not come; ${done} (may
 * be NULL) when nothing of it runs any more, never from within.  A put that was
 * finishing already may leave its object.
 */
void stream_cancel(struct stream *, void (*done)(void *), void *);

#endif
