/*
 * ssh_conf.h - how to reach and trust one server, copied from the
 * configuration so that a thread may use it.
 */
#ifndef NET_SSH_CONF_H
#define NET_SSH_CONF_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct ssh_conf {
	char *user; /* NULL: our own name; see ssh_thread(). */
	char *host; /* Lower case, as known_hosts has it. */
	int port;
	char *identity;     /* NULL: the usual ones. */
	json_t *passphrase; /* A secret's reference, or NULL. */
	bool use_agent;
	char *known_hosts;
	char *fingerprint; /* "SHA256:...", or NULL. */
	int64_t connect_ms;
	int64_t keepalive_ms;
};

/* From a validated object of section "hosts"; NULL when it makes no sense. */
struct ssh_conf *ssh_conf_new(const json_t *, struct err *);
void ssh_conf_free(struct ssh_conf *);

#endif
