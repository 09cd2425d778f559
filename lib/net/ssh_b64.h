/*
 * ssh_b64.h - base64 as key files have it.
 *
 * Threads: any.
 */
#ifndef NET_SSH_B64_H
#define NET_SSH_B64_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decode ${n} characters, white space ignored, padding optional, into at most
 * ${size} bytes; -1 for anything else.
 */
int ssh_b64_decode(const char *, size_t n, uint8_t *out, size_t size,
    size_t *len);
/* Padded, one line; free() it. */
char *ssh_b64_encode(const uint8_t *, size_t);

#endif
