/*
 * local.h - a child process of this machine as a channel.
 *
 * Knows: spawning, pipes, process groups.  Does not know: scripts.
 * Threads: loop thread only.
 */
#ifndef NET_LOCAL_H
#define NET_LOCAL_H

#include <sys/types.h>
#include <uv.h>

#include "base/err.h"
#include "net/chan.h"

/**
 * local_exec(loop, command, e):
 * Run ${command} by /bin/sh in a session (and process group) of its own, whose
 * id is local_pid().  It sees only those variables of our environment that
 * programs need to find things: ours may hold secrets.
 */
struct chan *local_exec(uv_loop_t *, const char *command, struct err *);
pid_t local_pid(struct chan *);
/* Kill the whole group at once, unless its leader was seen to end. */
void local_kill(struct chan *);

#endif
