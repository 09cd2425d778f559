/*
 * loopwait.h - the one wait on the loop that cannot be avoided.
 *
 * uv_spawn() returns when the child has reached its exec, which on a machine
 * whose CPUs are all taken waits for the child's turn.  The watch over the loop
 * in test builds (daemon/loopwatch.h) does not count what is put between begin
 * and end; a release build has none of it.
 * Threads: loop thread only.
 */
#ifndef BASE_LOOPWAIT_H
#define BASE_LOOPWAIT_H

#include <stdint.h>

#ifdef RAGBACKUP_TEST_HOOKS
void loopwait_begin(void);
void loopwait_end(void);
/* So much has been waited so far. */
int64_t loopwait_total_ms(void);
#else
#define loopwait_begin() ((void)0)
#define loopwait_end() ((void)0)
#endif

#endif
