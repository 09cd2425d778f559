/* cloud_wire.c - URL and headers of one attempt; see cloud_int.h. */
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "store/cloud_int.h"

static bool
wire_has(const struct cloud_wire *w, const char *name)
{
	size_t n = strlen(name), i;

	for (i = 0; i < w->n; i++)
		if (strncasecmp(w->headers[i], name, n) == 0 &&
		    (w->headers[i][n] == ':' || w->headers[i][n] == ';'))
			return true;
	return false;
}

void
cloud_header(struct cloud_wire *w, const char *name, const char *fmt, ...)
{
	struct buf line = BUF_INIT;
	va_list ap;
	int n;

	if (wire_has(w, name))
		return;
	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	BUG_IF(n < 0);
	if (n == 0) {
		/* The way to say that there is nothing behind it. */
		buf_addf(&line, "%s;", name);
	} else {
		char *value = xmalloc((size_t)n + 1);

		va_start(ap, fmt);
		(void)vsnprintf(value, (size_t)n + 1, fmt, ap);
		va_end(ap);
		buf_addf(&line, "%s: ", name);
		buf_add(&line, value, (size_t)n);
		OPENSSL_cleanse(value, (size_t)n);
		free(value);
	}
	w->headers = xrealloc(w->headers, (w->n + 2) * sizeof(char *));
	w->headers[w->n++] = buf_take(&line);
	w->headers[w->n] = NULL;
}

static uint64_t
body_size(const struct cloud_req *req)
{
	uint64_t size = req->nblocks == 0 ? req->body_len : 0;
	size_t i;

	for (i = 0; i < req->nblocks; i++)
		size += req->blocks[i]->len;
	return size;
}

static void
wire_set_url(struct cloud_wire *w, const struct cloud *c,
    const struct cloud_req *req)
{
	size_t i;

	if (req->url != NULL) {
		buf_adds(&w->url, req->url);
		return;
	}
	buf_adds(&w->url, c->url);
	buf_adds(&w->url, req->path);
	for (i = 0; i < req->nquery; i++) {
		buf_addc(&w->url, i == 0 ? '?' : '&');
		cloud_encode(&w->url, req->query[i].name, "");
		if (req->query[i].value != NULL) {
			buf_addc(&w->url, '=');
			cloud_encode(&w->url, req->query[i].value, "");
		}
	}
}

void
cloud_wire_init(struct cloud_wire *w, const struct cloud *c,
    const struct cloud_req *req)
{
	size_t i;

	memset(w, 0, sizeof(*w));
	wire_set_url(w, c, req);
	w->now_ms = env_wall_ms(c->base.env) + c->clock_ahead_ms;
	w->body_size = body_size(req);
	w->headers = xcalloc(1, sizeof(char *));
	for (i = 0; i < req->nheaders; i++)
		cloud_header(w, req->headers[i].name, "%s",
		    req->headers[i].value == NULL ? "" : req->headers[i].value);
}

void
cloud_wire_done(struct cloud_wire *w)
{
	size_t i;

	for (i = 0; i < w->n; i++) {
		/* Among them are keys to the store. */
		OPENSSL_cleanse(w->headers[i], strlen(w->headers[i]));
		free(w->headers[i]);
	}
	free(w->headers);
	if (w->url.data != NULL)
		OPENSSL_cleanse(w->url.data, w->url.len);
	buf_done(&w->url);
}
