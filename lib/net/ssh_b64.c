/* ssh_b64.c - see ssh_b64.h. */
#include "net/ssh_b64.h"

#include <openssl/evp.h>

#include "base/mem.h"

static int
b64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int
ssh_b64_decode(const char *text, size_t n, uint8_t *out, size_t size,
    size_t *len)
{
	uint32_t acc = 0;
	unsigned bits = 0;
	size_t i, used = 0;
	int v;

	for (i = 0; i < n && text[i] != '='; i++) {
		if (text[i] == '\n' || text[i] == '\r' || text[i] == ' ')
			continue;
		if ((v = b64_value(text[i])) == -1)
			return -1;
		acc = acc << 6 | (uint32_t)v;
		if ((bits += 6) < 8)
			continue;
		bits -= 8;
		if (used == size)
			return -1;
		out[used++] = (uint8_t)(acc >> bits);
		acc &= (UINT32_C(1) << bits) - 1;
	}
	for (; i < n; i++)
		if (text[i] != '=' && text[i] != '\n' && text[i] != '\r')
			return -1;
	*len = used;
	return 0;
}

char *
ssh_b64_encode(const uint8_t *p, size_t n)
{
	char *out = xmalloc(n / 3 * 4 + 8);

	BUG_IF(n > 1024 * 1024);
	(void)EVP_EncodeBlock((unsigned char *)out, p, (int)n);
	return out;
}
