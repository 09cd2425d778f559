/* retention_policy.c - see retention.h: the policy that somebody wrote down. */
#include <limits.h>
#include <string.h>

#include "base/json.h"
#include "snapshot/retention.h"

/* What is out of range keeps more, never less. */
static unsigned
policy_count(const json_t *keep, const char *key)
{
	int64_t n = json_get_int(keep, key, 0);

	return n < 0 ? 0 : n > UINT_MAX ? UINT_MAX : (unsigned)n;
}

void
retention_policy_read(const json_t *keep, struct retention_policy *p)
{
	int64_t within = json_get_int(keep, "within", 0);

	memset(p, 0, sizeof(*p));
	p->last = policy_count(keep, "last");
	p->hourly = policy_count(keep, "hourly");
	p->daily = policy_count(keep, "daily");
	p->weekly = policy_count(keep, "weekly");
	p->monthly = policy_count(keep, "monthly");
	p->yearly = policy_count(keep, "yearly");
	p->within_ms = within > 0 ? within : 0;
	p->min_proven = policy_count(keep, "min_proven");
	if (p->min_proven == 0)
		p->min_proven = 1;
}
