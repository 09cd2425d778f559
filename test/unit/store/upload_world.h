/*
 * upload_world.h - a store that takes parts as a test tells it to.
 *
 * Its calls are timers: they answer in any order, late, with an error, never;
 * each can be one that the upload may cancel, or one it must wait for.  What
 * was sent is kept by offset and compared, digests are computed again.
 */
#ifndef TEST_STORE_UPLOAD_WORLD_H
#define TEST_STORE_UPLOAD_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/mem.h"
#include "base/work.h"
#include "store/upload.h"

#define UNUSED_OK __attribute__((unused))
#define BLOCKS_MAX 8192

enum { OP_PUT, OP_BEGIN, OP_PART, OP_COMPLETE, OP_ABORT, OPS };

struct world {
	uv_loop_t loop;
	struct env *env; /* The real one. */
	struct env fast; /* The same, but its seconds are short. */
	struct work_pool *pool;
	struct cloud cloud;
	struct upload_ops ops;
	/* The script. */
	int64_t delay_ms[OPS]; /* At random up to this. */
	int64_t late_ms;       /* Of the n-th call of this kind: */
	int late_op, fail_op, never_op;
	unsigned late_n, fail_n, never_n; /* never_n 0: all. */
	bool is_uncancelable, is_put_by_part, is_failing_on;
	struct cloud_call *held; /* One that never answers; w_release(). */
	int64_t part_size, size_hint;
	bool if_absent;
	int64_t deadline_ms;
	size_t block_max; /* Sizes at random up to this, */
	bool is_even;     /* or all of this. */
	int64_t pace;     /* Blocks between two turns of the loop; 0: all. */
	/* What came. */
	unsigned n[OPS];
	unsigned under_way, max_under_way, canceled, users, freed;
	unsigned max_alive_kib;
	uint8_t *bytes;
	int64_t size, got;
	int64_t sizes[4096];
	unsigned ready, answers;
	struct err err;
	struct store_proof proof;
	int64_t answered_ms;
	int64_t timer_ms; /* Of the upload's timer, when it was last set. */

#endif
