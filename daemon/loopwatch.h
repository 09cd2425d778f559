/*
 * loopwatch.h - test builds end the program when one turn of the loop blocks.
 *
 * A turn that takes over 100 ms is a blocking call or too much work; a turn
 * that was only preempted (a busy machine) is neither, so what counts is CPU
 * time of the thread, and the times it gave up the CPU by itself.
 */
#ifndef DAEMON_LOOPWATCH_H
#define DAEMON_LOOPWATCH_H

#include <uv.h>

#ifdef RAGBACKUP_TEST_HOOKS
void loopwatch_start(uv_loop_t *);
void loopwatch_stop(void);
#else
#define loopwatch_start(loop) ((void)(loop))
#define loopwatch_stop() ((void)0)
#endif

#endif
