/* ssh_key.c - what a private key's file tells without its passphrase. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net/ssh_b64.h"
#include "net/ssh_int.h"

#define OPENSSH_BEGIN "-----BEGIN OPENSSH PRIVATE KEY-----"
#define OPENSSH_END "-----END OPENSSH PRIVATE KEY-----"
#define OPENSSH_MAGIC "openssh-key-v1"

/* The next string of the binary form; NULL when there is none. */
static const uint8_t *
key_string(const uint8_t **at, const uint8_t *end, size_t *n)
{
	const uint8_t *p = *at;

	if (end - p < 4)
		return NULL;
	*n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
	if ((size_t)(end - p) - 4 < *n)
		return NULL;
	*at = p + 4 + *n;
	return p + 4;
}

/* magic, cipher, kdf, kdf options, number of keys, public key, ... */
static void
key_openssh(const uint8_t *at, size_t len, struct ssh_key_facts *k)
{
	const uint8_t *end = at + len, *s;
	char type[64];
	size_t n;

	if (len < sizeof(OPENSSH_MAGIC) ||
	    memcmp(at, OPENSSH_MAGIC, sizeof(OPENSSH_MAGIC)) != 0)
		return;
	at += sizeof(OPENSSH_MAGIC);
	if ((s = key_string(&at, end, &n)) == NULL)
		return;
	k->is_encrypted = n != 4 || memcmp(s, "none", 4) != 0;
	if (key_string(&at, end, &n) == NULL ||
	    key_string(&at, end, &n) == NULL || end - at < 4)
		return;
	at += 4;
	if ((s = key_string(&at, end, &n)) == NULL)
		return;
	known_blob_type(s, n, type, sizeof(type));
	k->is_rsa = strcmp(type, "ssh-rsa") == 0;
}

void
ssh_key_inspect(const char *text, struct ssh_key_facts *k)
{
	const char *begin, *end;
	uint8_t *raw;
	size_t n;

	memset(k, 0, sizeof(*k));
	k->is_private_key = strstr(text, "PRIVATE KEY-----") != NULL;
	if ((begin = strstr(text, OPENSSH_BEGIN)) == NULL) {
		k->is_encrypted = strstr(text, "ENCRYPTED") != NULL;
		k->is_rsa = strstr(text, "BEGIN RSA PRIVATE KEY") != NULL;
		return;
	}
	begin += sizeof(OPENSSH_BEGIN) - 1;
	if ((end = strstr(begin, OPENSSH_END)) == NULL)
		return;
	n = (size_t)(end - begin);
	raw = xmalloc(n + 1);
	if (ssh_b64_decode(begin, n, raw, n + 1, &n) == 0)
		key_openssh(raw, n, k);
	/* It may be a key in the clear. */
	memset(raw, 0, n);
	free(raw);
}
