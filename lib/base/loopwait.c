/* loopwait.c - see loopwait.h. */
#include "base/loopwait.h"

#ifdef RAGBACKUP_TEST_HOOKS
#include <uv.h>

static uint64_t begun_ns;
static uint64_t total_ns;

void
loopwait_begin(void)
{
	begun_ns = uv_hrtime();
}

void
loopwait_end(void)
{
	total_ns += uv_hrtime() - begun_ns;
}

int64_t
loopwait_total_ms(void)
{
	return (int64_t)(total_ns / 1000000);
}
#else
/* An empty file is not C. */
typedef int loopwait_unused;
#endif
