/*
 * crash.h - places where a test kills the program.
 *
 * With RAGBACKUP_TEST_HOOKS defined (make HOOKS=1), the N-th crash point that
 * the process passes, N from RAGBACKUP_CRASH_AT, kills it with SIGKILL; with
 * RAGBACKUP_CRASH_LOG each one passed is appended to that file by name.  A
 * release build has none of it.
 * Threads: any.
 */
#ifndef BASE_CRASH_H
#define BASE_CRASH_H

#ifdef RAGBACKUP_TEST_HOOKS
void crash_point(const char *name);
#define CRASH_POINT(name) crash_point(name)
#else
#define CRASH_POINT(name) ((void)0)
#endif

#endif
