/* manifest_fuzz.c - what is parsed formats to itself again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "snapshot/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = ERR_INIT;
	struct manifest *m = manifest_parse((const char *)data, len, &e);
	struct manifest *again;
	char *text, *text_again;

	if (m == NULL)
		return 0;
	text = manifest_format(m);
	again = manifest_parse(text, strlen(text), &e);
	BUG_IF(again == NULL);
	text_again = manifest_format(again);
	BUG_IF(strcmp(text, text_again) != 0);
	free(text);
	free(text_again);
	manifest_free(m);
	manifest_free(again);
	return 0;
}
