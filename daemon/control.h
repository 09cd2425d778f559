/*
 * control.h - the control socket: who connects, what they ask, what they get.
 *
 * Knows: the socket and its folder, clients and their limits, access, the
 * handlers of the command table (control_cmds.h).  Does not know: how anything
 * that is asked for is done.
 * Threads: loop thread only.
 *
 * A slow, silent or flooding client costs bounded memory and is dropped; it
 * holds up neither the daemon nor other clients.
 */
#ifndef DAEMON_CONTROL_H
#define DAEMON_CONTROL_H

#include "base/err.h"

struct control;
struct daemon;

/**
 * control_new(d, path, e):
 * Listen at ${path}, in a folder that is made (0700) if need be.  The caller
 * holds the lock of the state directory: a socket that nobody answers is
 * removed, one that is answered is ERR_BUSY.  With daemon.socket_group set
 * the socket is 0660 of that group and a private folder of ours becomes 0710.
 * Blocks for a moment; called at start-up.
 */
struct control *control_new(struct daemon *, const char *path, struct err *);

/*
 * Stop listening, answer what was asked and let clients have it, for three
 * seconds at most, then ${fn}, never from within.  To be called before runner
 * and history are freed.  Who still waits then (for a store that hangs) gets no
 * answer; the request ends by itself and touches nothing but its own.
 */
typedef void control_done_fn(void *arg);
void control_close(struct control *, control_done_fn *, void *);

#endif
