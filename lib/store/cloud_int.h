/*
 * cloud_int.h - what the files of cloud.h share; nobody else includes it.
 *
 *	cloud.c        the store: configuration, users, end
 *	cloud_call.c   a call: start, attempts, what follows each, cancel
 *	cloud_say.c    what a store said: errors, log, Retry-After
 *	cloud_req.c    a call's own copy of its request
 *	cloud_wire.c   URL and headers of one attempt
 *	cloud_auth.c   credentials: one fetch at a time, the others wait
 *	cloud_ask.c    requests for credentials
 *	cloud_mask.c   secrets of a request that its answer quotes
 *	cloud_text.c   encodings and dates
 *	cloud_list.c   lists
 */
#ifndef STORE_CLOUD_INT_H
#define STORE_CLOUD_INT_H

#include "base/defer.h"
#include "base/env.h"
#include "store/cloud.h"

/* What a request showed that nobody else may see. */
struct cloud_mask {
	char **values; /* Wiped by cloud_mask_done(). */
	size_t n;
};

struct cloud_call {
	struct cloud *cloud;
	cloud_fn *fn;
	void *arg;
	struct cloud_req req; /* A copy. */
	uint8_t md5[16], sha256[32];

	/* Exactly one of these is under way. */
	struct defer *due;
	bool is_waiting;         /* In back-off, by ${timer}. */
	bool is_queued;          /* For credentials; ${timer} watches. */
	struct http_req *flight; /* An attempt. */
	struct cloud_mask mask;  /* Of the last one. */

	struct env_timer *timer;
	struct cloud_call *next, **prev; /* Of those that are queued. */
	int64_t ends_ms; /* Monotonic; 0: nothing has failed so far. */
	unsigned attempts;
	unsigned auth_number; /* Of the credentials that signed the last. */
	bool is_cleared;      /* Has the credentials it waited for. */
	bool is_renewed;
	bool is_sent;
	bool is_delivered; /* A block: there is no way back. */
	bool is_lost;      /* An attempt was, no one knows why. */
	struct err err;    /* What ends it, from ${due} on. */
};

/* A time up to 200 ms * 2^${tries}, at most 30 s, by chance. */
int64_t cloud_backoff(struct env *, unsigned tries);
/* The store was closed, and that was tried often enough. */
bool cloud_is_leaving(const struct cloud *, unsigned tries);

/* cloud_say.c */
/* Make "store 'offsite': PUT: what: Code" of what judge() left. */
void cloud_say_fault(const struct cloud_call *, const struct http_answer *,
    struct cloud_fault *);
/* ${a} may be NULL in both.  ${wait_ms}: until the next attempt, -1: none. */
void cloud_log_failure(const struct cloud_call *, const struct http_answer *,
    const char *code, const struct err *, int64_t wait_ms);
/* In ms from now, by the store's clock; 0: it does not say. */
int64_t cloud_retry_after(const struct cloud_call *,
    const struct http_answer *);

/* cloud_req.c */
void cloud_req_copy(struct cloud_call *, const struct cloud_req *);
void cloud_req_done(struct cloud_req *);

/* cloud_wire.c */
void cloud_wire_init(struct cloud_wire *, const struct cloud *,
    const struct cloud_req *);
void cloud_wire_done(struct cloud_wire *);

/* cloud_mask.c */
/* Take over the secrets in its URL and headers, in place of others. */
void cloud_mask_set(struct cloud_mask *, const struct http_opt *);
/* And those in a form. */
void cloud_mask_form(struct cloud_mask *, const char *body, size_t);
void cloud_mask_done(struct cloud_mask *); /* Leaves it empty. */
/* Overwrite them in ${line}. */
void cloud_mask_line(const struct cloud_mask *, char *line);
/* A copy without them, for what is quoted in errors and logs. */
void cloud_mask_answer(const struct cloud_mask *, const struct http_answer *,
    struct http_answer *out);
void cloud_mask_answer_done(struct http_answer *);

/* cloud_auth.c */
void cloud_auth_init(struct cloud *);
void cloud_auth_done(struct cloud *);
/* Whether what there is will do; else cloud_auth_join(). */
bool cloud_auth_is_good(const struct cloud *);
/* Which credentials these are. */
unsigned cloud_auth_number(const struct cloud *);
/* Those of that number were refused: fetch others, unless that was done. */
void cloud_auth_refused(struct cloud *, unsigned number);
/* Wait for them: cloud_call_cleared() or cloud_call_denied(), never from
 * within. */
void cloud_auth_join(struct cloud_call *);
void cloud_auth_leave(struct cloud_call *);

/* cloud_call.c: what the credentials' fetch came to; both just record and
 * wake. */
void cloud_call_cleared(struct cloud_call *);
void cloud_call_denied(struct cloud_call *, const struct err *);
/* How long from now it may be tried again, 0: no more. */
int64_t cloud_call_left(struct cloud_call *);

#endif
