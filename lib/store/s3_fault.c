/* s3_fault.c - what an answer means: see s3.h and cloud.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/s3.h"
#include "store/xml.h"

#define MESSAGE_MAX 200
/* A clock that is off by less is not what the store complains about. */
#define SKEW_MIN_MS 60000

struct meaning {
	const char *code;
	enum err_code err;
	enum cloud_verdict verdict;
};

static const struct meaning by_code[] = {
	{ "AccessDenied", ERR_PERMISSION, CLOUD_FAIL },
	{ "AllAccessDisabled", ERR_PERMISSION, CLOUD_FAIL },
	{ "AuthorizationHeaderMalformed", ERR_CONFIG, CLOUD_FAIL },
	/* What was sent is still in memory, as its digest was computed from. */
	{ "BadDigest", ERR_CORRUPT, CLOUD_AGAIN },
	{ "ConditionalRequestConflict", ERR_BUSY, CLOUD_AGAIN },
	{ "EntityTooLarge", ERR_LIMIT, CLOUD_FAIL },
	{ "EntityTooSmall", ERR_LIMIT, CLOUD_FAIL },
	{ "ExpiredToken", ERR_AUTH, CLOUD_RENEW },
	{ "ExpiredTokenException", ERR_AUTH, CLOUD_RENEW },
	{ "IncompleteBody", ERR_NETWORK, CLOUD_AGAIN },
	{ "InternalError", ERR_NETWORK, CLOUD_AGAIN },
	{ "InvalidAccessKeyId", ERR_AUTH, CLOUD_RENEW },
	{ "InvalidBucketName", ERR_CONFIG, CLOUD_FAIL },
	{ "InvalidObjectState", ERR_MISSING, CLOUD_FAIL },
	{ "InvalidPart", ERR_CORRUPT, CLOUD_FAIL },
	{ "InvalidPartOrder", ERR_CORRUPT, CLOUD_FAIL },
	{ "InvalidRange", ERR_LIMIT, CLOUD_FAIL },
	{ "InvalidStorageClass", ERR_CONFIG, CLOUD_FAIL },
	{ "InvalidToken", ERR_AUTH, CLOUD_RENEW },
	{ "NoSuchBucket", ERR_CONFIG, CLOUD_FAIL },
	{ "OperationAborted", ERR_BUSY, CLOUD_AGAIN },
	{ "PermanentRedirect", ERR_CONFIG, CLOUD_FAIL },
	{ "QuotaExceeded", ERR_NO_SPACE, CLOUD_FAIL },
	{ "RequestExpired", ERR_AUTH, CLOUD_AGAIN },
	{ "RequestTimeout", ERR_TIMEOUT, CLOUD_AGAIN },
	{ "RequestTimeTooSkewed", ERR_AUTH, CLOUD_AGAIN },
	{ "ServiceUnavailable", ERR_BUSY, CLOUD_AGAIN },
	{ "SignatureDoesNotMatch", ERR_AUTH, CLOUD_RENEW },
	{ "SlowDown", ERR_BUSY, CLOUD_AGAIN },
	{ "TemporaryRedirect", ERR_CONFIG, CLOUD_FAIL },
	{ "Throttling", ERR_BUSY, CLOUD_AGAIN },
	{ "ThrottlingException", ERR_BUSY, CLOUD_AGAIN },
	{ "TokenRefreshRequired", ERR_AUTH, CLOUD_RENEW },
	{ "XAmzContentChecksumMismatch", ERR_CORRUPT, CLOUD_AGAIN },
	{ "XAmzContentSHA256Mismatch", ERR_CORRUPT, CLOUD_AGAIN },
	{ "XMinioStorageFull", ERR_NO_SPACE, CLOUD_FAIL },
};

/* For those without a code that says more: HEAD, proxies, HTML. */
static struct meaning
meaning_of_status(long status)
{
	switch (status) {
	case 304:
	case 409:
	case 412:
		return (struct meaning){ "", ERR_CONFLICT, CLOUD_FAIL };
	case 401:
		return (struct meaning){ "", ERR_AUTH, CLOUD_RENEW };
	case 403:
		return (struct meaning){ "", ERR_PERMISSION, CLOUD_RENEW };
	case 404:
	case 410:
		return (struct meaning){ "", ERR_NOT_FOUND, CLOUD_FAIL };
	case 408:
		return (struct meaning){ "", ERR_TIMEOUT, CLOUD_AGAIN };
	case 413:
	case 416:
		return (struct meaning){ "", ERR_LIMIT, CLOUD_FAIL };
	case 429:
	case 503:
		return (struct meaning){ "", ERR_BUSY, CLOUD_AGAIN };
	case 501:
		return (struct meaning){ "", ERR_PROTOCOL, CLOUD_FAIL };
	case 507:
		return (struct meaning){ "", ERR_NO_SPACE, CLOUD_FAIL };
	default:
		break;
	}
	if (status >= 500)
		return (struct meaning){ "", ERR_NETWORK, CLOUD_AGAIN };
	if (status >= 300 && status < 400)
		return (struct meaning){ "", ERR_CONFIG, CLOUD_FAIL };
	return (struct meaning){ "", ERR_PROTOCOL, CLOUD_FAIL };
}

static struct meaning
meaning_of(const char *code, long status, bool is_head)
{
	size_t i;

	for (i = 0; i < COUNT_OF(by_code); i++)
		if (strcmp(by_code[i].code, code) == 0)
			return by_code[i];
	/* A token that expired, in an answer to HEAD. */
	if (status == 400 && is_head)
		return (struct meaning){ "", ERR_PROTOCOL, CLOUD_RENEW };
	/* A refusal that has a word of its own is not for want of new keys. */
	if (status == 403 && code[0] != '\0')
		return (struct meaning){ "", ERR_PERMISSION, CLOUD_FAIL };
	return meaning_of_status(status);
}

/* What is copied from an answer into an error stays one short line. */
static void
say(struct cloud_fault *f, enum err_code err, const char *code,
    const char *message, long status)
{
	if (code[0] == '\0')
		(void)err_set(&f->err, err, "the store answered %ld", status);
	else if (message[0] == '\0')
		(void)err_set(&f->err, err, "%s (%ld)", code, status);
	else
		(void)err_set(&f->err, err, "%s (%ld): %.*s", code, status,
		    MESSAGE_MAX, message);
}

/* 3xx, and 400 for a signature made for another region, name the right one. */
static bool
judge_region(const struct s3 *s, const struct http_answer *a,
    const struct xml *root, struct cloud_fault *f)
{
	const char *place = xml_text(root, "Endpoint", "");
	char region[80];

	if (!http_header(a, "x-amz-bucket-region", region, sizeof(region)))
		(void)snprintf(region, sizeof(region), "%s",
		    xml_text(root, "Region", ""));
	if (region[0] != '\0' && strcmp(region, s->region) != 0) {
		(void)err_set(&f->err, ERR_CONFIG,
		    "bucket '%s' wants region '%.80s', not '%s'", s->bucket,
		    region, s->region);
		return true;
	}
	if (a->status >= 300 && a->status < 400 && a->status != 304) {
		(void)err_set(&f->err, ERR_CONFIG,
		    "bucket '%s' is elsewhere%s%.100s", s->bucket,
		    place[0] == '\0' ? "" : ": ", place);
		return true;
	}
	return false;
}

/* Ours is what it is; from now on the store's is reckoned with. */
static enum cloud_verdict
judge_skew(struct cloud *c, const struct http_answer *a, struct cloud_fault *f)
{
	int64_t ahead, theirs;
	char date[64];

	if (!http_header(a, "Date", date, sizeof(date)) ||
	    cloud_date_parse(date, &theirs) == -1)
		return CLOUD_FAIL;
	ahead = theirs - env_wall_ms(c->base.env);
	if (llabs((long long)(ahead - c->clock_ahead_ms)) < SKEW_MIN_MS) {
		(void)err_set(&f->err, ERR_AUTH,
		    "the store calls our clock wrong, but it agrees with its "
		    "own");
		return CLOUD_FAIL;
	}
	c->clock_ahead_ms = ahead;
	return CLOUD_AGAIN;
}

static enum cloud_verdict
judge_error(struct cloud *c, const struct http_answer *a,
    const struct xml *root, bool is_head, struct cloud_fault *f)
{
	struct s3 *s = s3_of(c);
	const char *code = xml_text(root, "Code", "");
	struct meaning m = meaning_of(code, a->status, is_head);

	(void)snprintf(f->code, sizeof(f->code), "%s", code);
	say(f, m.err, code, xml_text(root, "Message", ""), a->status);
	if (strcmp(code, "RequestTimeTooSkewed") == 0)
		return judge_skew(c, a, f);
	if (strcmp(code, "NoSuchBucket") == 0)
		(void)err_set(&f->err, ERR_CONFIG, "there is no bucket '%s'",
		    s->bucket);
	else if (a->status <= 400 && judge_region(s, a, root, f))
		return CLOUD_FAIL;
	return m.verdict;
}

/*
 * Complete may answer 200 long before it knows, send white space to keep the
 * connection, and then say that it failed.
 */
static enum cloud_verdict
judge_complete(struct cloud *c, const struct http_answer *a,
    const struct xml *root, struct cloud_fault *f)
{
	enum cloud_verdict verdict;

	if (root != NULL &&
	    strcmp(root->name, "CompleteMultipartUploadResult") == 0)
		return CLOUD_OK;
	if (root != NULL && strcmp(root->name, "Error") == 0) {
		verdict = judge_error(c, a, root, false, f);
		if (f->code[0] != '\0')
			return verdict;
	}
	/* Asked again it says what became of it. */
	(void)err_set(&f->err, ERR_NETWORK,
	    "no word on how the upload was completed");
	return CLOUD_AGAIN;
}

enum cloud_verdict
s3_judge(struct cloud *c, const struct cloud_req *req,
    const struct http_answer *a, struct cloud_fault *f)
{
	bool is_good = a->status >= 200 && a->status < 300;
	enum cloud_verdict verdict;
	struct xml *root;
	struct err ignored = ERR_INIT;

	if (is_good && req->what != S3_COMPLETE)
		return CLOUD_OK;
	root = a->body_len == 0 ? NULL
				: xml_parse(a->body, a->body_len, &ignored);
	if (is_good)
		verdict = judge_complete(c, a, root, f);
	else
		verdict = judge_error(c, a, root, req->what == S3_HEAD, f);
	xml_free(root);
	return verdict;
}
