/* conf_fuzz.c - no text makes the configuration's parser stumble. */
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct conf_faults faults = { NULL, 0 };
	struct err e = ERR_INIT;
	struct conf *c = conf_parse("fuzz.yaml", (const char *)data, len,
	    &faults, &e);

	BUG_IF((c == NULL) != (e.code != ERR_NONE));
	BUG_IF(c != NULL && faults.n != 0);
	conf_faults_done(&faults);
	conf_unref(c);
	return 0;
}
