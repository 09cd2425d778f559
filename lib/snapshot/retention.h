/*
 * retention.h - which snapshots stay: a pure function with a reason for each.
 *
 * Never below the last ${min_proven} proven ones; what a kept one requires is
 * kept; pinned or locked is skipped; suspect neither counts nor is deleted; one
 * dated after now is kept and displaces none.  Verdicts and reasons do not
 * depend on the order of the input.
 */
#ifndef SNAPSHOT_RETENTION_H
#define SNAPSHOT_RETENTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct retention_snapshot {
	const char *id; /* Unique. */
	int64_t as_of_ms;
	bool is_proven;              /* Has its manifest. */
	bool is_suspect;             /* Failed a later verify. */
	const char *const *requires; /* Ids; NULL-terminated or NULL. */
	const char *pinned_by;       /* Who reads it; NULL: nobody. */
	int64_t locked_until_ms;     /* Store's own lock; 0: none. */
};

struct retention_policy {
	unsigned last; /* 0: keep all (no rule given). */
	unsigned hourly, daily, weekly, monthly, yearly;
	int64_t within_ms;
	unsigned min_proven; /* At least 1 is used. */
};

/* From the configuration's "keep": last, hourly ..., within (ms), min_proven;
 * NULL: no rule. */
void retention_policy_read(const json_t *keep, struct retention_policy *);

enum retention_verdict { RETENTION_KEEP, RETENTION_DELETE, RETENTION_SKIP };

struct retention_answer {
	enum retention_verdict verdict;
	char reason[96]; /* "one of the last 4", ... */
};

/* ${answers}[i] is for ${list}[i]. */
void retention_decide(const struct retention_snapshot *, size_t n,
    const struct retention_policy *, int64_t now_ms,
    struct retention_answer *answers);
const char *retention_word(enum retention_verdict);

#endif
