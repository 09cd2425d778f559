/*
 * secret.h - a secret value, read at the moment of use, wiped afterwards.
 *
 * Threads: secret_load() not on the loop (it reads files).
 */
#ifndef CONF_SECRET_H
#define CONF_SECRET_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

struct secret {
	char *value; /* NUL-terminated; NULL when empty. */
	size_t len;
};

#define SECRET_INIT                                                            \
	{                                                                      \
		NULL, 0                                                        \
	}

/**
 * secret_load(ref, out, e):
 * ${ref} is {"file": path} (mode 0600 enforced; one trailing newline dropped),
 * {"file": path, "var": NAME} (a NAME=value line of a .env file) or {"env":
 * NAME}.
 */
int secret_load(const json_t *ref, struct secret *, struct err *);
void secret_done(struct secret *);

#endif
