/*
 * gcs_grant.h - a service account's question for a token, signed.
 *
 * Knows: the account's key file (JSON), JWT with RS256.  Does not know: whom it
 * is sent to, what comes back.
 * Threads: any but the loop's: it reads a file and signs.
 */
#ifndef STORE_GCS_GRANT_H
#define STORE_GCS_GRANT_H

#include <jansson.h>
#include <stdint.h>

#include "base/err.h"

struct gcs_grant {
	char *token_uri; /* Where it is to be sent. */
	char *assertion; /* A secret for an hour. */
};

/**
 * gcs_grant_make(path, now_s, out, e):
 * By the key file ${path} (mode 0600 enforced), good from ${now_s} on for an
 * hour.  ERR_CONFIG: it is no service account's, or cannot be used.
 */
int gcs_grant_make(const char *path, int64_t now_s, struct gcs_grant *,
    struct err *);
/* The same by what is in such a file. */
int gcs_grant_sign(const json_t *account, int64_t now_s, struct gcs_grant *,
    struct err *);
/* Wipes it; accepts an empty one. */
void gcs_grant_done(struct gcs_grant *);

#endif
