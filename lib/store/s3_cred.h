/*
 * s3_cred.h - access keys for S3, from where Amazon's own tools find them.
 *
 * In this order, the first that is there counts:
 *  1. "access_key_id" with a secret, in the configuration
 *  2. "credentials", a shared credentials file, with "profile"
 *  3. AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (not when
 *     "profile" is configured)
 *  4. the shared files: AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE,
 *     AWS_PROFILE, and their usual places
 *  5. web identity: AWS_WEB_IDENTITY_TOKEN_FILE, AWS_ROLE_ARN (or a profile's)
 *  6. the container's: AWS_CONTAINER_CREDENTIALS_...
 *  7. the machine's: instance metadata, version 2
 *
 * Knows: files, the environment, three services.  Does not know: signatures.
 * Threads: the loop; files are read on lent.pool.
 */
#ifndef STORE_S3_CRED_H
#define STORE_S3_CRED_H

#include "store/cloud.h"

enum s3_cred_from {
	S3_CRED_NOWHERE,
	S3_CRED_GIVEN, /* Configuration, environment, files. */
	S3_CRED_WEB,
	S3_CRED_CONTAINER,
	S3_CRED_MACHINE
};

/* Wiped by s3_keys_done(); ${id} NULL: none. */
struct s3_keys {
	char *id, *secret, *token; /* Token: NULL if none. */
	int64_t expires_ms;        /* 0: never. */
};
void s3_keys_done(struct s3_keys *);

/* What was found on this machine; filled on the pool. */
struct s3_found {
	enum s3_cred_from from;
	struct s3_keys keys; /* S3_CRED_GIVEN */
	/* S3_CRED_WEB: what to ask for.  S3_CRED_CONTAINER: where. */
	char *role, *session, *token_file;
	char *url;
	char *token; /* What is to be shown there; secret, or NULL. */
};
void s3_found_done(struct s3_found *);

/**
 * s3_cred_find(cfg, out, e):
 * Steps 1 to 6 as far as files and environment go.  Can block.
 */
int s3_cred_find(const json_t *cfg, struct s3_found *, struct err *);

/**
 * s3_cred_profile(path, is_config, profile, out, e):
 * Look up ${profile} in a shared credentials file (a configuration file has
 * "[profile x]").  0: read, ${out} is filled if it gives keys or a role; 1:
 * there is no such profile; -1: ${e}.  A file that has the secret and that
 * others can read is ERR_PERMISSION.
 */
int s3_cred_profile(const char *path, bool is_config, const char *profile,
    struct s3_found *out, struct err *);

/* For cloud_ops. */
void s3_cred_authorize(struct cloud *, cloud_auth_fn *, void *);

/* --- s3_cred_net.c: what needs the network.  The callee takes over what is in
 * ${keys}; NULL when ${e} is set. */
typedef void s3_cred_fn(void *arg, struct s3_keys *, const struct err *);
/* ${found} is borrowed until the answer. */
void s3_cred_web(struct cloud *, const struct s3_found *, s3_cred_fn *, void *);
void s3_cred_container(struct cloud *, const struct s3_found *, s3_cred_fn *,
    void *);
/* ${is_known}: this machine had some before; be patient with it. */
void s3_cred_machine(struct cloud *, bool is_known, s3_cred_fn *, void *);

#endif
