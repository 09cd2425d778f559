/* gcs_fault.c - see gcs.h: what an answer of the store means. */
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "store/gcs.h"

#define NO_BUCKET "The specified bucket does not exist"

/* {"error": {"message": ..., "errors": [{"reason": ...}]}}, or plain text. */
struct gcs_words {
	char message[400];
	char reason[64];
};

static void
copy_text(char *out, size_t size, const char *text, size_t n)
{
	if (n >= size)
		n = size - 1;
	memcpy(out, text, n);
	out[n] = '\0';
}

static void
words_read(struct gcs_words *w, const struct http_answer *a)
{
	json_t *root = NULL, *error;
	const char *text;

	memset(w, 0, sizeof(*w));
	if (a->body_len > 0 && a->body[0] == '{')
		root = json_parse(a->body, a->body_len, NULL);
	if (root == NULL) {
		/* Pages of proxies are long and say little. */
		if (a->body_len > 0 && a->body[0] != '<')
			copy_text(w->message, sizeof(w->message), a->body,
			    a->body_len);
		return;
	}
	if ((error = json_get_object(root, "error")) != NULL) {
		text = json_get_str(error, "message", "");
		copy_text(w->message, sizeof(w->message), text, strlen(text));
		text = json_get_str(json_array_get(json_get_array(error,
						       "errors"),
					0),
		    "reason", "");
		copy_text(w->reason, sizeof(w->reason), text, strlen(text));
	}
	json_decref(root);
}

static bool
is_of_session(int what)
{
	return what == GCS_PIECE || what == GCS_STATUS || what == GCS_CANCEL;
}

static bool
is_good(int what, long status)
{
	if (status == 308)
		return what == GCS_PIECE || what == GCS_STATUS;
	if (what == GCS_CANCEL)
		return status == 499 || status == 404 || status == 410 ||
		    (status >= 200 && status < 300);
	return status >= 200 && status < 300;
}

static bool
is_rate(const struct gcs_words *w)
{
	return strcmp(w->reason, "rateLimitExceeded") == 0 ||
	    strcmp(w->reason, "userRateLimitExceeded") == 0;
}

static enum cloud_verdict
judge_missing(const struct cloud_req *req, const struct gcs_words *w,
    struct cloud_fault *f)
{
	if (is_of_session(req->what)) {
		(void)err_set(&f->err, ERR_NETWORK,
		    "the upload's session is gone; the object must be sent "
		    "again");
		copy_text(f->code, sizeof(f->code), GCS_LOST, strlen(GCS_LOST));
	} else if (str_has_prefix(w->message, NO_BUCKET) ||
	    req->what == GCS_LIST || req->what == GCS_PUT ||
	    req->what == GCS_BEGIN) {
		(void)err_set(&f->err, ERR_CONFIG, "there is no such bucket");
	} else {
		(void)err_set(&f->err, ERR_NOT_FOUND, "no such object");
	}
	return CLOUD_FAIL;
}

static enum cloud_verdict
fail(struct cloud_fault *f, enum err_code code, const char *what,
    const struct gcs_words *w)
{
	if (w->message[0] == '\0')
		(void)err_set(&f->err, code, "%s", what);
	else
		(void)err_set(&f->err, code, "%s: %s", what, w->message);
	return CLOUD_FAIL;
}

static enum cloud_verdict
judge_status(long status, const struct gcs_words *w, struct cloud_fault *f)
{
	switch (status) {
	case 304:
	case 409:
	case 412:
		return fail(f, ERR_CONFLICT, "a precondition does not hold", w);
	case 400:
		if (strstr(w->message, "doesn't match calculated") != NULL)
			return fail(f, ERR_CORRUPT,
			    "what came is not what was sent", w);
		return fail(f, ERR_PROTOCOL, "the request was refused", w);
	case 413:
	case 416:
		return fail(f, ERR_LIMIT, "out of range", w);
	case 401:
		(void)fail(f, ERR_AUTH, "the credentials were refused", w);
		return CLOUD_RENEW;
	case 403:
		if (!is_rate(w))
			return fail(f, ERR_PERMISSION, "not permitted", w);
		break;
	case 408:
	case 429:
		break;
	default:
		if (status < 500)
			return fail(f, ERR_PROTOCOL, "an unexpected answer", w);
		break;
	}
	(void)fail(f, status == 503 || status < 500 ? ERR_BUSY : ERR_NETWORK,
	    "the store is busy or broken", w);
	return CLOUD_AGAIN;
}

enum cloud_verdict
gcs_judge(struct cloud *c, const struct cloud_req *req,
    const struct http_answer *a, struct cloud_fault *f)
{
	enum cloud_verdict verdict;
	struct gcs_words w;
	size_t n;

	(void)c;
	if (is_good(req->what, a->status))
		return CLOUD_OK;
	words_read(&w, a);
	copy_text(f->code, sizeof(f->code), w.reason, strlen(w.reason));
	if (a->status == 404 || a->status == 410 ||
	    (a->status == 499 && is_of_session(req->what)))
		return judge_missing(req, &w, f);
	verdict = judge_status(a->status, &w, f);
	n = strlen(f->err.msg);
	(void)snprintf(f->err.msg + n, sizeof(f->err.msg) - n, " (status %ld)",
	    a->status);
	return verdict;
}
