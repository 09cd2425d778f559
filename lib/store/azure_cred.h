/*
 * azure_cred.h - what opens an Azure container: account, address, key, shared
 * access signature (SAS) or token; and where they come from.
 *
 * Knows: AZURE_STORAGE_... files, connection strings, the SAS's expiry, how
 * identities are asked for tokens.  Does not know: requests to the store.
 * Threads: any; azure_cred_load() reads files, so not the loop.
 *
 * Errors name files, variables and places, never what stands in them.
 */
#ifndef STORE_AZURE_CRED_H
#define STORE_AZURE_CRED_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "conf/secret.h"

/* The request that yields a token, of a machine's or a workload's identity. */
struct azure_ask {
	char *url;    /* NULL: no token is needed. */
	char *header; /* "Name: value", wiped; NULL: none. */
	char *body;   /* A form to POST, wiped; NULL: GET. */
};

/* Zero-filled before first use.  At most one of key, sas and ask. */
struct azure_cred {
	char *account;   /* NULL: not known. */
	char *endpoint;  /* "https://ACCOUNT.blob.core.windows.net"; no slash */
	char *container; /* NULL: not known. */
	struct secret key; /* Raw, decoded. */
	struct secret sas; /* A query, without '?'. */
	struct secret token;
	struct azure_ask ask;
	int64_t expires_ms; /* Of sas or token, wall clock; 0: never. */
};

void azure_cred_done(struct azure_cred *); /* Wipes; leaves it empty. */

/*
 * All that ${cfg}, the configuration of one store, and what it refers to give,
 * complete and checked.
 */
int azure_cred_load(const json_t *cfg, struct azure_cred *, struct err *);

/* The parts of it.  "Name=value;..." */
int azure_cred_connection(struct azure_cred *, const char *text, struct err *);
/* "https://host[:port][/account]"; ${what} names it in errors. */
int azure_cred_endpoint(struct azure_cred *, const char *text, const char *what,
    struct err *);
int azure_cred_key(struct azure_cred *, const char *base64, struct err *);
int azure_cred_sas(struct azure_cred *, const char *query, struct err *);
/* The file of AZURE_STORAGE_... lines, as data. */
int azure_cred_file(struct azure_cred *, const char *path, struct err *);
/* What to ask for a token, by the environment; reads the token file of a
 * workload. */
int azure_cred_identity(struct azure_cred *, const char *client_id,
    struct err *);
/* Take the token out of the answer of ${now_ms} with ${status}. */
int azure_cred_token(struct azure_cred *, long status, const char *body,
    size_t n, int64_t now_ms, struct err *);

/*
 * The value of ${name} in NAME=value lines, as a shell would read it, of which
 * the last counts: "export", quotes, comments.  Neither variables nor commands
 * in it are expanded.  False: absent or empty.
 */
bool azure_env_find(const char *text, const char *name, struct secret *);

/* Whether ${url} is on this machine, so that a secret may go there by http. */
bool azure_url_is_loopback(const char *url);

#endif
