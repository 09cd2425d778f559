/*
 * readers.h - readers (base/block.h) over memory and over a file.
 *
 * Threads: loop thread only; a file is opened and read on the pool.
 */
#ifndef STREAM_READERS_H
#define STREAM_READERS_H

#include <stddef.h>
#include <stdint.h>

#include "base/block.h"
#include "base/env.h"
#include "base/work.h"

/* A copy of ${n} bytes, in blocks of BLOCK_SIZE. */
struct reader *reader_mem_new(struct env *, const void *, size_t n);

/*
 * A regular file, in blocks of BLOCK_SIZE.  That it cannot be opened is the
 * first read's error.
 */
struct reader *reader_file_new(struct work_pool *, const char *path);

#endif
