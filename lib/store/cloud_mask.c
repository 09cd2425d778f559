/*
 * cloud_mask.c - what a request's secrets look like in an answer; see
 * cloud_int.h.
 *
 * Some servers and proxies quote in their errors what they were sent.  What
 * can be found there is what was sent: so that is looked for, not what secrets
 * might look like.
 */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "store/cloud_int.h"

/* So much of a secret in a row is too much; all of a shorter one. */
#define RUN 16
#define RUN_MIN 4

static const char *const secret_headers[] = { "Authorization",
	"x-amz-security-token", "X-IDENTITY-HEADER",
	"X-aws-ec2-metadata-token" };
/* In queries and forms. */
static const char *const secret_params[] = { "sig", "upload_id", "assertion",
	"client_assertion", "WebIdentityToken" };

static void
mask_add(struct cloud_mask *m, const char *value, size_t n)
{
	if (n < RUN_MIN)
		return;
	m->values = xrealloc(m->values, (m->n + 1) * sizeof(char *));
	m->values[m->n++] = xstrndup(value, n);
}

/* Of "Scheme ..., Signature=x", "SharedKey account:x" and "Bearer x" just x. */
static void
add_authorization(struct cloud_mask *m, const char *value)
{
	const char *at = strstr(value, "Signature=");

	if (at != NULL)
		at += strlen("Signature=");
	else if (strncmp(value, "SharedKey ", 10) == 0 &&
	    (at = strrchr(value, ':')) != NULL)
		at++;
	else if ((at = strchr(value, ' ')) != NULL)
		at++;
	else
		at = value;
	mask_add(m, at, strlen(at));
}

static void
add_header(struct cloud_mask *m, const char *line)
{
	const char *value = strchr(line, ':');
	size_t n, i;

	if (value == NULL)
		return;
	n = (size_t)(value - line);
	value += 1 + strspn(value + 1, " ");
	for (i = 0; i < COUNT_OF(secret_headers); i++)
		if (strlen(secret_headers[i]) == n &&
		    strncasecmp(secret_headers[i], line, n) == 0)
			break;
	if (i == 0)
		add_authorization(m, value);
	else if (i < COUNT_OF(secret_headers))
		mask_add(m, value, strlen(value));
}

/* One "name=value", as it was sent and as it is read. */
static void
add_param(struct cloud_mask *m, const char *pair, size_t n)
{
	const char *value = memchr(pair, '=', n);
	size_t len, i;
	char *text;

	if (value == NULL)
		return;
	len = (size_t)(value++ - pair);
	for (i = 0; i < COUNT_OF(secret_params); i++)
		if (strlen(secret_params[i]) == len &&
		    strncasecmp(secret_params[i], pair, len) == 0)
			break;
	if (i == COUNT_OF(secret_params))
		return;
	n -= len + 1;
	mask_add(m, value, n);
	text = xstrndup(value, n);
	if (memchr(value, '%', n) != NULL && cloud_decode(text) == 0)
		mask_add(m, text, strlen(text));
	OPENSSL_cleanse(text, n);
	free(text);
}

static void
add_params(struct cloud_mask *m, const char *text, size_t size)
{
	const char *end = text + size, *to;

	for (; text < end; text = to + 1) {
		to = memchr(text, '&', (size_t)(end - text));
		if (to == NULL)
			to = end;
		add_param(m, text, (size_t)(to - text));
	}
}

void
cloud_mask_set(struct cloud_mask *m, const struct http_opt *o)
{
	const char *query = strchr(o->url, '?');
	size_t i;

	cloud_mask_done(m);
	if (query != NULL)
		add_params(m, query + 1, strlen(query + 1));
	for (i = 0; o->headers != NULL && o->headers[i] != NULL; i++)
		add_header(m, o->headers[i]);
}

void
cloud_mask_form(struct cloud_mask *m, const char *body, size_t size)
{
	add_params(m, body, size);
}

void
cloud_mask_done(struct cloud_mask *m)
{
	size_t i;

	for (i = 0; i < m->n; i++) {
		OPENSSL_cleanse(m->values[i], strlen(m->values[i]));
		free(m->values[i]);
	}
	free(m->values);
	m->values = NULL;
	m->n = 0;
}

/* Overwrite in ${copy} each run of ${text} that ${value} has, too. */
static void
mask_value(char *copy, const char *text, size_t size, const char *value)
{
	size_t len = strlen(value), run = len < RUN ? len : RUN, at;
	bool starts[256] = { false };
	const char *s, *end = value + len - run;

	for (s = value; s <= end; s++)
		starts[(unsigned char)*s] = true;
	for (at = 0; at + run <= size; at++) {
		if (!starts[(unsigned char)text[at]])
			continue;
		for (s = value; s <= end && memcmp(s, text + at, run) != 0; s++)
			;
		if (s <= end)
			memset(copy + at, '*', run);
	}
}

static char *
mask_text(const struct cloud_mask *m, const char *text, size_t size)
{
	char *copy = xmalloc(size + 1);
	size_t i;

	memcpy(copy, text, size);
	copy[size] = '\0';
	for (i = 0; i < m->n; i++)
		mask_value(copy, text, size, m->values[i]);
	return copy;
}

void
cloud_mask_line(const struct cloud_mask *m, char *line)
{
	size_t n = strlen(line);
	char *masked;

	if (m->n == 0)
		return;
	masked = mask_text(m, line, n);
	memcpy(line, masked, n);
	free(masked);
}

void
cloud_mask_answer(const struct cloud_mask *m, const struct http_answer *a,
    struct http_answer *out)
{
	*out = *a;
	out->body = mask_text(m, a->body, a->body_len);
	out->headers = mask_text(m, a->headers, strlen(a->headers));
}

void
cloud_mask_answer_done(struct http_answer *out)
{
	free((char *)out->body);
	free((char *)out->headers);
}
