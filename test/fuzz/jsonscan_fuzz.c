/* jsonscan_fuzz.c - one verdict however the text is cut. */
#include <string.h>

#include "base/mem.h"
#include "stream/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int
scan(const uint8_t *p, size_t n, size_t piece_size)
{
	struct err e = ERR_INIT;
	struct jsonscan j;
	size_t piece;

	jsonscan_init(&j);
	for (; n > 0; p += piece, n -= piece) {
		piece = n < piece_size ? n : piece_size;
		if (jsonscan_write(&j, p, piece, &e) == -1)
			return -1;
	}
	return jsonscan_end(&j, &e);
}

/* What jansson takes is JSON; but it takes any NUL behind it for the end. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	int whole = scan(p, n, n == 0 ? 1 : n);
	json_error_t error;
	json_t *v;

	BUG_IF(whole != scan(p, n, 1));
	BUG_IF(whole != scan(p, n, 3));
	if (n == 0 || memchr(p, '\0', n) != NULL)
		return 0;
	v = json_loadb((const char *)p, n,
	    JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &error);
	BUG_IF(v != NULL && whole == -1);
	json_decref(v);
	return 0;
}
