/*
 * ssh_known.h - host keys that a known_hosts file vouches for.
 *
 * libssh2's own reader forgives a changed key of "[host]:port" when the line of
 * plain "host" matches, and knows neither @revoked nor patterns; so it is not
 * used.
 * Threads: any but the loop's (it reads a file); one owner.
 */
#ifndef NET_SSH_KNOWN_H
#define NET_SSH_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct known_key {
	char type[40]; /* "ssh-ed25519" */
	uint8_t *blob;
	size_t len;
	bool is_revoked;
	unsigned line;
};

struct known {
	struct known_key *keys;
	size_t n;
	char *path;
	char *name; /* "host", or "[host]:2222". */
};

#define KNOWN_INIT                                                             \
	{                                                                      \
		NULL, 0, NULL, NULL                                            \
	}

/**
 * known_load(k, path, host, port, e):
 * The keys that ${path} has for ${host} (lower case) at ${port}: those of
 * "[host]:port" lines, or if there is none those of "host".  Revoked ones
 * count for either.  A file that does not exist has none.
 */
int known_load(struct known *, const char *path, const char *host, int port,
    struct err *);
void known_done(struct known *);
/* The types of the keys that may be shown, comma-separated, best first. */
void known_types(const struct known *, struct buf *);
/* ERR_HOST_KEY with all that a person needs, unless the key is trusted. */
int known_check(const struct known *, const uint8_t *blob, size_t,
    struct err *);

#define KNOWN_FINGERPRINT_SIZE 64
/* "SHA256:..." as ssh-keygen -l prints it. */
void known_fingerprint(const uint8_t *blob, size_t,
    char out[KNOWN_FINGERPRINT_SIZE]);
/* The type's name that begins a key's blob. */
void known_blob_type(const uint8_t *blob, size_t, char *out, size_t);

#endif
