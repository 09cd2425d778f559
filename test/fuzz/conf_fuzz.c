/*
 * conf_fuzz.c - conf_parse() on any bytes.
 *
 *	clang -fsanitize=fuzzer,address,undefined ... test/fuzz/conf_fuzz.c
 *
 * Good seeds are conf/ and test/conf/.  What is accepted must be whole: every
 * job can be frozen, and its tree can be printed.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_good(struct conf *c)
{
	json_t *frozen;
	const char *name;
	json_t *job;
	char *text;

	json_object_foreach((json_t *)(uintptr_t)conf_jobs(c), name, job) {
		BUG_IF(!json_is_object(job));
		frozen = conf_freeze(c, name);
		text = json_print(frozen);
		BUG_IF(text == NULL);
		free(text);
		json_decref(frozen);
	}
	conf_unref(c);
}

static void
check_faults(struct conf_faults *faults, const struct err *e)
{
	size_t i;

	BUG_IF(e->code != ERR_CONFIG || faults->n == 0);
	for (i = 0; i < faults->n; i++) {
		BUG_IF(faults->list[i].line < 0);
		BUG_IF(faults->list[i].text[0] == '\0');
	}
	conf_faults_done(faults);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct conf_faults faults;
	struct err e = ERR_INIT;
	struct conf *c;

	c = conf_parse("/fuzz/conf.yaml", (const char *)data, len, &faults, &e);
	if (c != NULL)
		check_good(c);
	else
		check_faults(&faults, &e);
	return 0;
}
