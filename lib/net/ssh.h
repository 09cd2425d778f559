/*
 * ssh.h - connections by SSH; the only user of libssh2.
 *
 * Knows: connecting, host keys, authentication, exec channels, keepalives.
 * Does not know: scripts.
 * Threads: these functions are the loop thread's.  Behind them each connection
 * has a thread, the only caller of libssh2 for it, which exchanges bounded
 * numbers of blocks with the loop.
 */
#ifndef NET_SSH_H
#define NET_SSH_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "net/chan.h"

struct ssh;

/* Whether the validated object of section "hosts" can be used as it is. */
int ssh_check_config(const json_t *cfg, struct err *);
/*
 * Begin to connect as ${cfg} (copied) says.  What goes wrong is told by the
 * channels.  The caller owns one reference; so does each channel.  NULL with
 * the error when this process has no descriptor or thread left for it.
 */
struct ssh *ssh_open(uv_loop_t *, const json_t *cfg, struct err *);
/* The last one closes the connection; accepts NULL. */
void ssh_unref(struct ssh *);
/* False once it failed, was closed, or closed itself having been idle. */
bool ssh_is_usable(struct ssh *);
/* A channel that executes ${command}, as soon as there is a connection. */
struct chan *ssh_exec(struct ssh *, const char *command);

#endif
