/*
 * refused.h - a reader of what no store can hold: its first read fails.
 *
 * Threads: loop thread only.
 */
#ifndef STORE_REFUSED_H
#define STORE_REFUSED_H

#include "base/block.h"
#include "base/env.h"

struct reader *refused_reader(struct env *, const struct err *);

#endif
