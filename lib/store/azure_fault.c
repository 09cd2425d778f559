/*
 * azure_fault.c - see azure.h: what an answer means.
 *
 * A table of the service's words comes first, then the status alone, for
 * proxies and emulators that have other words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/azure.h"
#include "store/xml.h"

#define DETAIL_MAX 2000
/* The service allows for three times as much. */
#define SKEW_MS ((int64_t)5 * 60 * 1000)

struct azure_word {
	const char *code;
	enum err_code err;
	enum cloud_verdict verdict;
	const char *text; /* Instead of the service's own; NULL: that. */
};

#define NETWORK_RULES                                                          \
	"refused: network rules, the SAS's limits, or what the identity may do"
#define LEASED "somebody holds a lease on it"
#define ARCHIVED "it is in the Archive tier: rehydrate it first"

/* clang-format off */
static const struct azure_word words[] = {
	{ "AuthenticationFailed", ERR_AUTH, CLOUD_RENEW, NULL },
	{ "InvalidAuthenticationInfo", ERR_AUTH, CLOUD_RENEW, NULL },
	{ "NoAuthenticationInformation", ERR_AUTH, CLOUD_RENEW, NULL },
	{ "AuthorizationFailure", ERR_PERMISSION, CLOUD_RENEW, NETWORK_RULES },
	{ "AuthorizationPermissionMismatch", ERR_PERMISSION, CLOUD_FAIL, NULL },
	{ "AuthorizationSourceIPMismatch", ERR_PERMISSION, CLOUD_FAIL, NULL },
	{ "InsufficientAccountPermissions", ERR_PERMISSION, CLOUD_FAIL, NULL },
	{ "KeyBasedAuthenticationNotPermitted", ERR_AUTH, CLOUD_FAIL,
	    "the account takes no keys: use an identity" },
	{ "AccountIsDisabled", ERR_PERMISSION, CLOUD_FAIL, NULL },
	{ "UnauthorizedBlobOverwrite", ERR_PERMISSION, CLOUD_FAIL,
	    "the credentials may create but not replace" },
	{ "ContainerNotFound", ERR_CONFIG, CLOUD_FAIL, NULL },
	{ "ContainerDisabled", ERR_PERMISSION, CLOUD_FAIL, NULL },
	{ "ContainerBeingDeleted", ERR_BUSY, CLOUD_AGAIN,
	    "the container is being deleted" },
	{ "AccountBeingCreated", ERR_BUSY, CLOUD_AGAIN, NULL },
	{ "BlobNotFound", ERR_NOT_FOUND, CLOUD_FAIL, "there is no such object" },
	{ "BlobAlreadyExists", ERR_CONFLICT, CLOUD_FAIL, "it exists already" },
	{ "ConditionNotMet", ERR_CONFLICT, CLOUD_FAIL,
	    "it exists already, or changed meanwhile" },
	{ "TargetConditionNotMet", ERR_CONFLICT, CLOUD_FAIL, NULL },
	{ "InvalidBlockList", ERR_CONFLICT, CLOUD_FAIL,
	    "blocks of this upload have gone: another writer used the name" },
	{ "InvalidBlobOrBlock", ERR_CONFLICT, CLOUD_FAIL,
	    "another client's unfinished upload is on this name; it goes "
	    "within a week" },
	{ "InvalidBlobType", ERR_CONFLICT, CLOUD_FAIL,
	    "a blob of another type has this name" },
	{ "BlobImmutableDueToPolicy", ERR_PERMISSION, CLOUD_FAIL,
	    "an immutability policy or legal hold protects it" },
	{ "BlobArchived", ERR_MISSING, CLOUD_FAIL, ARCHIVED },
	{ "BlobBeingRehydrated", ERR_MISSING, CLOUD_FAIL,
	    "it is being rehydrated from the Archive tier: wait" },
	{ "LeaseIdMissing", ERR_BUSY, CLOUD_FAIL, LEASED },
	{ "LeaseIdMismatchWithBlobOperation", ERR_BUSY, CLOUD_FAIL, LEASED },
	{ "LeaseAlreadyPresent", ERR_BUSY, CLOUD_FAIL, LEASED },
	{ "PendingCopyOperation", ERR_BUSY, CLOUD_FAIL,
	    "somebody copies to this name" },
	{ "SnapshotsPresent", ERR_PERMISSION, CLOUD_FAIL, NULL },
	{ "Md5Mismatch", ERR_CORRUPT, CLOUD_AGAIN,
	    "the bytes were damaged on the way" },
	{ "InvalidRange", ERR_LIMIT, CLOUD_FAIL, "there is no such range" },
	{ "RequestBodyTooLarge", ERR_LIMIT, CLOUD_FAIL, NULL },
	{ "BlockCountExceedsLimit", ERR_LIMIT, CLOUD_FAIL, NULL },
	{ "OutOfRangeInput", ERR_CONFIG, CLOUD_FAIL, NULL },
	{ "InvalidResourceName", ERR_CONFIG, CLOUD_FAIL, NULL },
	{ "InvalidUri", ERR_CONFIG, CLOUD_FAIL, NULL },
	{ "ServerBusy", ERR_BUSY, CLOUD_AGAIN, NULL },
	{ "InternalError", ERR_BUSY, CLOUD_AGAIN, NULL },
	{ "OperationTimedOut", ERR_BUSY, CLOUD_AGAIN, NULL },
};
/* clang-format on */

static struct azure_word
word_of_status(long status)
{
	struct azure_word w = { "", ERR_PROTOCOL, CLOUD_FAIL, NULL };

	if (status == 408 || status == 429 || status >= 500) {
		w.err = ERR_BUSY;
		w.verdict = CLOUD_AGAIN;
	} else if (status == 401) {
		w.err = ERR_AUTH;
		w.verdict = CLOUD_RENEW;
	} else if (status == 403) {
		w.err = ERR_PERMISSION;
	} else if (status == 404) {
		w.err = ERR_NOT_FOUND;
	} else if (status == 409 || status == 412) {
		w.err = ERR_CONFLICT;
	} else if (status == 413 || status == 416 || status == 206) {
		w.err = ERR_LIMIT;
	}
	return w;
}

static struct azure_word
word_of(const char *code, long status)
{
	size_t i;

	for (i = 0; i < COUNT_OF(words); i++)
		if (strcmp(words[i].code, code) == 0)
			return words[i];
	return word_of_status(status);
}

/* Overwrite what stands between ${before} and one of ${ends}, each time. */
static void
redact(char *text, const char *before, const char *ends)
{
	char *at = text, *end;

	while ((at = strstr(at, before)) != NULL) {
		at += strlen(before);
		for (end = at; *end != '\0' && strchr(ends, *end) == NULL;
		     end++)
			*end = '*';
		at = end;
	}
}

/* The service's own view of the signature, the fastest diagnosis; signatures
 * in it are left out. */
static void
fault_log(const struct cloud *c, const char *request, const struct xml *x)
{
	const char *detail = xml_text(x, "AuthenticationErrorDetail", "");
	char *text = xstrndup(detail, DETAIL_MAX), *at;

	for (at = text; *at != '\0'; at++)
		if (*at == '\n')
			*at = '|';
	redact(text, "sig=", "&' |");
	redact(text, "Signature=", "&' |");
	redact(text, "HTTP request '", "'");
	if (*text != '\0')
		log_debug("store=%s request=%s refused: %s", c->base.name,
		    request, text);
	free(text);
}

/* The first line of a message; the next ones are the request's id and time. */
static void
message_copy(const struct xml *x, char *out, size_t size)
{
	const char *text = xml_text(x, "Message", "");

	(void)snprintf(out, size, "%.*s", (int)strcspn(text, "\r\n"), text);
	redact(out, "sig=", "& '");
}

/* Azurite says AuthorizationFailure of a wrong signature, too; and the answer
 * to a HEAD has no message. */
static void
word_adjust(struct azure_word *w, const struct azure *az, int64_t now,
    const char *message, char *text, size_t size)
{
	char when[STR_TIME_MAX];

	if (strcmp(w->code, "AuthorizationFailure") == 0) {
		if (strstr(message, "authenticate") != NULL)
			w->text = NULL;
		if (w->text == NULL || message[0] == '\0')
			w->err = ERR_AUTH;
	}
	if (strcmp(w->code, "ContainerNotFound") == 0) {
		(void)snprintf(text, size, "there is no container '%s'",
		    az->cred.container == NULL ? "" : az->cred.container);
		w->text = text;
	}
	if ((w->err == ERR_AUTH || w->err == ERR_PERMISSION) &&
	    az->cred.sas.value != NULL && az->cred.expires_ms != 0 &&
	    az->cred.expires_ms <= now) {
		str_format_time(az->cred.expires_ms, when);
		(void)snprintf(text, size,
		    "the shared access signature (SAS) expired at %s", when);
		w->err = ERR_AUTH;
		w->verdict = CLOUD_RENEW;
		w->text = text;
	}
}

/* A refused signature may be our clock's fault: the next one has the service's
 * time. */
static void
clock_adjust(struct cloud *c, const struct http_answer *a)
{
	int64_t ms, ahead;
	char date[64];

	if (!http_header(a, "Date", date, sizeof(date)) ||
	    cloud_date_parse(date, &ms) == -1)
		return;
	ahead = ms - env_wall_ms(c->base.env);
	if (ahead > -SKEW_MS && ahead < SKEW_MS)
		ahead = 0;
	if (ahead - c->clock_ahead_ms > -SKEW_MS &&
	    ahead - c->clock_ahead_ms < SKEW_MS)
		return;
	c->clock_ahead_ms = ahead;
	log_warn("store=%s this machine's clock is %lld s behind the store's",
	    c->base.name, (long long)(ahead / 1000));
}

/* "Put Blob", in the service's own words. */
static const char *
call_name(int what)
{
	static const char *const names[] = {
		[AZURE_PUT] = "Put Blob",
		[AZURE_BLOCK] = "Put Block",
		[AZURE_COMMIT] = "Put Block List",
		[AZURE_BLOCKS] = "Get Block List",
		[AZURE_HEAD] = "Get Blob Properties",
		[AZURE_GET] = "Get Blob",
		[AZURE_LIST] = "List Blobs",
		[AZURE_DELETE] = "Delete Blob",
	};

	return names[what];
}

/* Azurite answers a range that begins at the end with 206 and "10-9/10". */
static bool
is_empty_range(const struct http_answer *a)
{
	char text[80];
	int64_t from, to;
	char *end;

	if (a->status != 206 ||
	    !http_header(a, "Content-Range", text, sizeof(text)) ||
	    strncmp(text, "bytes ", 6) != 0)
		return false;
	from = strtoll(text + 6, &end, 10);
	to = *end == '-' ? strtoll(end + 1, NULL, 10) : from;
	return to < from;
}

static bool
is_expected(const struct cloud_req *req, const struct http_answer *a)
{
	switch ((enum azure_call)req->what) {
	case AZURE_PUT:
	case AZURE_BLOCK:
	case AZURE_COMMIT:
		return a->status == 201;
	case AZURE_DELETE:
		return a->status == 202;
	case AZURE_GET:
		return a->status == 200 ||
		    (a->status == 206 && !is_empty_range(a));
	case AZURE_BLOCKS:
	case AZURE_HEAD:
	case AZURE_LIST:
		break;
	}
	return a->status == 200;
}

enum cloud_verdict
azure_judge(struct cloud *c, const struct cloud_req *req,
    const struct http_answer *a, struct cloud_fault *fault)
{
	const struct azure *az = azure_of(c);
	int64_t now = env_wall_ms(c->base.env) + c->clock_ahead_ms;
	char message[300], text[160], id[64];
	struct azure_word w;
	struct xml *x;

	if (is_expected(req, a))
		return CLOUD_OK;
	x = a->body_len == 0 ? NULL : xml_parse(a->body, a->body_len, NULL);
	if (!http_header(a, "x-ms-error-code", fault->code,
		sizeof(fault->code)))
		(void)snprintf(fault->code, sizeof(fault->code), "%s",
		    xml_text(x, "Code", ""));
	if (!http_header(a, "x-ms-request-id", id, sizeof(id)))
		(void)snprintf(id, sizeof(id), "-");
	message_copy(x, message, sizeof(message));
	w = word_of(fault->code, a->status);
	word_adjust(&w, az, now, message, text, sizeof(text));
	if (w.verdict == CLOUD_RENEW) {
		fault_log(c, id, x);
		clock_adjust(c, a);
	}
	if (w.text != NULL)
		(void)snprintf(message, sizeof(message), "%s", w.text);
	(void)err_set(&fault->err, w.err, "%s: %s%sstatus %ld%s%s (request %s)",
	    call_name(req->what), message, message[0] == '\0' ? "" : " - ",
	    a->status, fault->code[0] == '\0' ? "" : " ", fault->code, id);
	xml_free(x);
	return w.verdict;
}
