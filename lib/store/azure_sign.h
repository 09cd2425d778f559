/*
 * azure_sign.h - Azure's SharedKey: the string to sign, and its signature.
 *
 * Knows: the form for the Blob service from x-ms-version 2015-02-21 on.
 * Does not know: where keys come from, requests that are signed otherwise.
 * Threads: any; pure.
 */
#ifndef STORE_AZURE_SIGN_H
#define STORE_AZURE_SIGN_H

#include "base/buf.h"
#include "store/cloud.h"

struct azure_message {
	const char *method;
	const char *account;
	const char *path; /* As on the wire: encoded, from '/' on ... */
	size_t path_len;
	const struct cloud_pair *query; /* As it is, not encoded. */
	size_t nquery;
	const char *const *headers; /* "Name: value", NULL-terminated. */
	int64_t content_length;
};

/* Append the string to sign. */
void azure_string_to_sign(const struct azure_message *, struct buf *);

#define AZURE_SIGNATURE_MAX 48
/* Base64 of the HMAC-SHA256 of ${n} bytes of ${text} under ${key}. */
void azure_signature(const void *key, size_t key_len, const char *text,
    size_t n, char out[AZURE_SIGNATURE_MAX]);

#endif
