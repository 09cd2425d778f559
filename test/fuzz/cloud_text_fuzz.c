/* cloud_text_fuzz.c - what is decoded can be encoded again, and names in a list
 * from any bytes are keys. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/cloud.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_percent(const char *text)
{
	char *own = xstrdup(text), *back;
	struct buf b = BUF_INIT;

	if (cloud_decode(own) == 0) {
		BUG_IF(strlen(own) > strlen(text));
		cloud_encode(&b, own, "/");
		back = buf_take(&b);
		BUG_IF(back != NULL &&
		    (cloud_decode(back) == -1 || strcmp(back, own) != 0));
		free(back);
	}
	free(own);
}

static void
check_base64(const char *text)
{
	size_t size = strlen(text);
	uint8_t *raw = xmalloc(size + 1);
	char *back;
	long n = cloud_base64_decode(text, raw, size);

	if (n >= 0) {
		back = xmalloc(4 * ((size_t)n + 2) / 3 + 1);
		cloud_base64(raw, (size_t)n, back);
		BUG_IF(strlen(back) != size);
		free(back);
	}
	free(raw);
}

static void
check_date(const char *text)
{
	char back[CLOUD_DATE_MAX];
	int64_t ms, again;

	if (cloud_date_parse(text, &ms) == -1)
		return;
	cloud_date(ms, back);
	BUG_IF(cloud_date_parse(back, &again) == -1 || again != ms);
}

static void
check_key(const struct store_stat *st)
{
	size_t n = strlen(st->key);
	char *key = xstrndup(st->key, n - st->is_folder);

	BUG_IF(st->is_folder && st->key[n - 1] != '/');
	BUG_IF(store_key_check(key, NULL) == -1);
	free(key);
}

/* Each line is a name. */
static void
check_list(char *text)
{
	struct cloud_list l = { .prefix = xstrdup("p/") };
	char *line, *rest = NULL;
	int64_t at = 0;
	size_t i;

	for (line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest), at++)
		cloud_list_add(&l, line, at, at % 3, at % 2 == 0);
	cloud_list_sort(&l);
	for (i = 0; i < l.n; i++) {
		check_key(&l.list[i]);
		BUG_IF(i > 0 && strcmp(l.list[i - 1].key, l.list[i].key) >= 0);
	}
	cloud_list_done(&l);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char *text = xstrndup((const char *)data, len);

	check_percent(text);
	check_base64(text);
	check_date(text);
	check_list(text);
	free(text);
	return 0;
}
