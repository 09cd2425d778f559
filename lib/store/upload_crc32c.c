/* upload_crc32c.c - CRC-32C by ISA-L, else by eight tables. */
#include "store/upload.h"

#ifdef HAVE_ISAL
#include <isa-l/crc.h>

#define STRIDE ((size_t)1 << 30)

/* ISA-L's takes an int, and inverts nothing. */
uint32_t
upload_crc32c(uint32_t crc, const void *data, size_t n)
{
	const uint8_t *p = data;
	size_t part;

	crc = ~crc;
	for (; n > 0; n -= part, p += part) {
		part = n < STRIDE ? n : STRIDE;
		crc = crc32_iscsi((unsigned char *)p, (int)part, crc);
	}
	return ~crc;
}
#else
#include <uv.h>

#define POLY 0x82f63b78u /* Castagnoli's, reflected. */

static uv_once_t tables_once = UV_ONCE_INIT;
/* tables[k][b]: what byte b does when k more bytes follow it. */
static uint32_t tables[8][256];

static void
tables_make(void)
{
	uint32_t crc, i;
	unsigned k;

	for (i = 0; i < 256; i++) {
		crc = i;
		for (k = 0; k < 8; k++)
			crc = (crc & 1) != 0 ? crc >> 1 ^ POLY : crc >> 1;
		tables[0][i] = crc;
	}
	for (k = 1; k < 8; k++)
		for (i = 0; i < 256; i++) {
			crc = tables[k - 1][i];
			tables[k][i] = crc >> 8 ^ tables[0][crc & 255];
		}
}

uint32_t
upload_crc32c(uint32_t crc, const void *data, size_t n)
{
	const uint8_t *p = data;

	uv_once(&tables_once, tables_make);
	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8)
		crc = tables[7][p[0] ^ (crc & 255)] ^
		    tables[6][p[1] ^ (crc >> 8 & 255)] ^
		    tables[5][p[2] ^ (crc >> 16 & 255)] ^
		    tables[4][p[3] ^ crc >> 24] ^ tables[3][p[4]] ^
		    tables[2][p[5]] ^ tables[1][p[6]] ^ tables[0][p[7]];
	for (; n > 0; n--, p++)
		crc = crc >> 8 ^ tables[0][*p ^ (crc & 255)];
	return ~crc;
}
#endif
