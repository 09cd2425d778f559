/* str_fuzz.c - durations, sizes and times that are taken come out the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "snapshot/id.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = xmalloc(len + 1);
	char out[STR_TIME_MAX];
	int64_t v, again;

	memcpy(text, data, len);
	text[len] = '\0';
	if (str_parse_duration(text, &v) == 0)
		BUG_IF(v < 0);
	if (str_parse_size(text, &v) == 0)
		BUG_IF(v < 0);
	if (str_parse_time(text, &v) == 0 && v >= 0 && v < 250000000000000) {
		str_format_time(v, out);
		BUG_IF(str_parse_time(out, &again) != 0);
	}
	(void)str_is_safe_path(text);
	if (snapshot_id_is_valid(text))
		BUG_IF(snapshot_id_time(text) < 0);
	free(text);
	return 0;
}
