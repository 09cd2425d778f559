/*
 * describe_fuzz.c - a snapshot.json of any bytes: what passes the check makes a
 * README.md whose fences are in pairs, so that no text of the data can end one
 * or begin one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "snapshot/describe.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_fences(const char *text)
{
	bool is_open = false;
	const char *at;

	for (at = text; at != NULL; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (str_has_prefix(at, "```sh\n")) {
			BUG_IF(is_open);
			is_open = true;
		} else if (str_has_prefix(at, "```\n")) {
			BUG_IF(!is_open);
			is_open = false;
		} else {
			BUG_IF(str_has_prefix(at, "```"));
		}
	}
	BUG_IF(is_open);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = ERR_INIT;
	json_t *o = json_parse((const char *)data, len, &e);
	char *text;

	if (o != NULL && snapshot_json_check(o, &e) == 0) {
		text = snapshot_readme(o);
		check_fences(text);
		free(text);
	} else {
		BUG_IF(e.code == ERR_NONE);
	}
	json_decref(o);
	return 0;
}
