/*
 * chain.h - the filters of one stream, in a row.
 *
 *	reader -> [gunzip] -> digest, tar checks		plain figures
 *	reader -> [gzip] -> digest -> out			stored figures
 *
 * Knows: which filters the options ask for.  Does not know: sinks, the loop.
 * Threads: any, one at a time (the worker pool, between its jobs the loop).
 */
#ifndef STREAM_CHAIN_H
#define STREAM_CHAIN_H

#include "stream/blockq.h"
#include "stream/stream.h"

struct chain;

struct chain *chain_new(const struct stream_opt *);
/*
 * Put ${b} (borrowed) through; what is to be stored is appended to ${out}.
 * After -1 the chain may only be freed.
 */
int chain_write(struct chain *, struct block *b, struct blockq *out,
    struct err *);
/* The bytes have ended, well; every filter's verdict. */
int chain_end(struct chain *, struct blockq *out, struct err *);
/* Plain and stored bytes so far. */
void chain_progress(const struct chain *, struct stream_progress *);
/* Sizes, entries and checks so far; digests once it has ended. */
void chain_result(const struct chain *, struct stream_result *);
void chain_free(struct chain *); /* Accepts NULL. */

#endif
