/* gcs_session.c - see gcs.h: a session's URI, what it tells, its end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/gcs.h"

#define URI_MAX ((size_t)16 * 1024)
/* Nobody waits long for what expires by itself. */
#define CANCEL_MS 10000

/* "scheme://authority" of ${url}; its length. */
static size_t
origin_length(const char *url)
{
	const char *s = strstr(url, "://");

	return s == NULL ? 0 : (size_t)(s - url) + 3 + strcspn(s + 3, "/?#");
}

/* Pieces go to Google alone, and over TLS. */
static bool
is_google(const char *uri, size_t origin)
{
	static const char tail[] = ".googleapis.com";
	size_t n = sizeof(tail) - 1;

	if (origin == strlen(GCS_ENDPOINT) &&
	    strncmp(uri, GCS_ENDPOINT, origin) == 0)
		return true;
	return str_has_prefix(uri, "https://") && origin > n &&
	    memchr(uri, '@', origin) == NULL &&
	    strncmp(uri + origin - n, tail, n) == 0;
}

char *
gcs_session_uri(struct gcs *g, const struct http_answer *a, struct err *e)
{
	char *uri = xmalloc(URI_MAX), *own = NULL;
	size_t origin;

	if (!http_header(a, "Location", uri, URI_MAX) ||
	    strlen(uri) == URI_MAX - 1 || (origin = origin_length(uri)) == 0)
		(void)err_set(e, ERR_PROTOCOL,
		    "store '%s': no session came with the answer",
		    g->cloud.base.name);
	else if (g->is_custom)
		own = xasprintf("%.*s%s", (int)origin_length(g->cloud.url),
		    g->cloud.url, uri + origin);
	else if (is_google(uri, origin))
		own = xstrdup(uri);
	else
		(void)err_set(e, ERR_PROTOCOL,
		    "store '%s': the session is somewhere else, at '%.*s'",
		    g->cloud.base.name, (int)origin, uri);
	memset(uri, 0, URI_MAX);
	free(uri);
	return own;
}

int64_t
gcs_session_stored(const struct http_answer *a)
{
	static const char head[] = "bytes=0-";
	char text[64];
	int64_t last;

	if (!http_header(a, "Range", text, sizeof(text)))
		return 0;
	if (!str_has_prefix(text, head) ||
	    str_parse_i64(text + sizeof(head) - 1, &last) == -1 || last < 0 ||
	    last == INT64_MAX)
		return -1;
	return last + 1;
}

/* --- The end without an object. */

static void
session_over(struct gcs_put *p)
{
	p->up.call = NULL;
	upload_aborted(&p->up);
}

static void
on_ended(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	(void)a;
	(void)code;
	(void)e;
	session_over(arg);
}

static void
session_cancel(struct gcs_put *p)
{
	struct cloud_req req = { .what = GCS_CANCEL,
		.method = "DELETE",
		.url = p->session,
		.retry_for_ms = CANCEL_MS };

	p->up.call = cloud_start(p->up.cloud, &req, on_ended, p);
}

/* The object of which nobody was told. */
static void
session_unmake(struct gcs_put *p)
{
	p->up.call = gcs_remove_generation(gcs_of(p->up.cloud), p->up.key,
	    p->made.generation, on_ended, p);
}

static void
on_asked(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct gcs_put *p = arg;

	(void)code;
	p->up.call = NULL;
	if (e == NULL && a->status == 308)
		session_cancel(p);
	else if (e == NULL && gcs_object_read(a, &p->made, NULL) == 0 &&
	    p->made.generation[0] != '\0')
		session_unmake(p);
	else
		session_over(p);
}

/* The last piece may have made it an object: ask before it is canceled. */
static void
session_ask(struct gcs_put *p)
{
	static const struct cloud_pair header = { "Content-Range",
		"bytes */*" };
	struct cloud_req req = { .what = GCS_STATUS,
		.method = "PUT",
		.url = p->session,
		.headers = &header,
		.nheaders = 1,
		.body = "",
		.retry_for_ms = CANCEL_MS };

	p->up.call = cloud_start(p->up.cloud, &req, on_asked, p);
}

static void
on_nothing(void *arg)
{
	session_over(arg);
}

void
gcs_session_abort(struct upload *u)
{
	struct gcs_put *p = (struct gcs_put *)(void *)u;

	if (p->is_made && p->made.generation[0] != '\0')
		session_unmake(p);
	else if (p->session != NULL && p->was_ended)
		session_ask(p);
	else if (p->session != NULL)
		session_cancel(p);
	else
		/* Begin failed, or its answer was lost: what it may have
		 * opened expires. */
		(void)defer_call(u->cloud->base.env->loop, on_nothing, p);
}
