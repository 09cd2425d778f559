/*
 * local_env.h - what a child process sees of our environment; signal names.
 *
 * Threads: loop thread only.
 */
#ifndef NET_LOCAL_ENV_H
#define NET_LOCAL_ENV_H

#include <stddef.h>

/*
 * The variables that a child gets: those by which programs find things.  The
 * rest stays here, as it may hold secrets.  HOME is made up when absent, as a
 * launchd daemon has none.
 */
char **local_env_new(void);
void local_env_free(char **);

/* "KILL" for SIGKILL, "42" for one without a common name. */
void local_signal_name(int sig, char *out, size_t size);

#endif
