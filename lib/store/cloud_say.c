/* cloud_say.c - what a store said, for people and for the next attempt; see
 * cloud_int.h. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/cloud_int.h"

#define RETRY_AFTER_MAX_MS 120000

/* "store 'offsite': PUT: what: Code". */
void
cloud_say_fault(const struct cloud_call *call, const struct http_answer *a,
    struct cloud_fault *f)
{
	char what[ERR_MSG_MAX];

	if (f->err.code == ERR_NONE)
		f->err.code = ERR_PROTOCOL;
	/* An error that came with 200 was not masked yet. */
	cloud_mask_line(&call->mask, f->err.msg);
	cloud_mask_line(&call->mask, f->code);
	(void)snprintf(what, sizeof(what), "%.400s", f->err.msg);
	if (what[0] == '\0')
		(void)snprintf(what, sizeof(what),
		    "the store answered with status %ld", a->status);
	if (f->code[0] != '\0' && strstr(what, f->code) == NULL)
		(void)err_set(&f->err, f->err.code, "store '%s': %s: %s: %s",
		    call->cloud->base.name, call->req.method, what, f->code);
	else
		(void)err_set(&f->err, f->err.code, "store '%s': %s: %s",
		    call->cloud->base.name, call->req.method, what);
}

/* Seconds or a date; 0: none. */
int64_t
cloud_retry_after(const struct cloud_call *call, const struct http_answer *a)
{
	char text[64];
	int64_t ms;

	if (a == NULL || !http_header(a, "Retry-After", text, sizeof(text)))
		return 0;
	if (str_parse_i64(text, &ms) == 0)
		ms = ms < 0                          ? 0
		    : ms > RETRY_AFTER_MAX_MS / 1000 ? RETRY_AFTER_MAX_MS
						     : ms * 1000;
	else if (cloud_date_parse(text, &ms) == 0)
		ms -= env_wall_ms(call->cloud->base.env) +
		    call->cloud->clock_ahead_ms;
	else
		ms = 0;
	if (ms > RETRY_AFTER_MAX_MS)
		ms = RETRY_AFTER_MAX_MS;
	return ms < 0 ? 0 : ms;
}

/* What the store calls the request, for those who run it. */
static void
request_id(const struct http_answer *a, char *out, size_t size)
{
	static const char *const names[] = { "x-amz-request-id",
		"x-ms-request-id", "x-guploader-uploadid" };
	size_t i;

	(void)snprintf(out, size, "-");
	for (i = 0; a != NULL && i < COUNT_OF(names); i++)
		if (http_header(a, names[i], out, size))
			return;
}

void
cloud_log_failure(const struct cloud_call *call, const struct http_answer *a,
    const char *code, const struct err *e, int64_t wait)
{
	char id[80];

	request_id(a, id, sizeof(id));
	/* A first failure is everyday life of such stores, and that there is no
	 * such object often just what was to be known. */
	log_line(call->attempts <= 1 ? LOG_DEBUG : LOG_INFO,
	    "store=%s method=%s attempt=%u status=%ld code=%s request_id=%s "
	    "wait_ms=%lld error=%s: %s",
	    call->cloud->base.name, call->req.method, call->attempts,
	    a == NULL ? 0 : a->status, code[0] == '\0' ? "-" : code, id,
	    (long long)wait, err_name(e->code), e->msg);
}
