/*
 * peer.h - who is at the other end of a Unix socket.
 *
 * Knows: the two systems' ways to ask.  Does not know: what anybody may do.
 * The answer is from the time of connect(); authorise by user and group, never
 * by process.
 * Threads: peer_get() any; peer_in_group() not on the loop, it asks the user
 * data base, which can be on the network.
 */
#ifndef WIRE_PEER_H
#define WIRE_PEER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct peer {
	uid_t uid;
	gid_t gid;
};

int peer_get(int fd, struct peer *, struct err *);
/* Whether ${p}'s user is in group ${gid}: primary or supplementary. */
bool peer_in_group(const struct peer *, gid_t gid);

#endif
