/* cron_fuzz.c - any expression that is taken has a next instant after now. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "cron/cron.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = ERR_INIT;
	struct cron_expr *x;
	char *text;

	if (len > 200)
		return 0;
	text = xmalloc(len + 1);
	memcpy(text, data, len);
	text[len] = '\0';
	if ((x = cron_expr_parse(text, &e)) != NULL) {
		struct cron_zone *utc = cron_zone_load("UTC", &e);

		BUG_IF(utc == NULL);
		BUG_IF(cron_next(x, utc, 1700000000000) <= 1700000000000);
		cron_zone_free(utc);
	}
	cron_expr_free(x);
	free(text);
	return 0;
}
