/* azure_sign.c - see azure_sign.h. */
#include "store/azure_sign.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

/* Copies in lower case, sorted; freed as a whole. */
struct lines {
	struct line {
		char *name;
		char *value;
	} * list;
	size_t n;
};

static void
lines_add(struct lines *l, const char *name, size_t name_len, const char *value)
{
	struct line *line;
	char *at;

	l->list = xrealloc(l->list, (l->n + 1) * sizeof(*l->list));
	line = &l->list[l->n++];
	line->name = xstrndup(name, name_len);
	for (at = line->name; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	line->value = xstrdup(value);
}

static int
compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int by_name = strcmp(x->name, y->name);

	return by_name != 0 ? by_name : strcmp(x->value, y->value);
}

static void
lines_sort(struct lines *l)
{
	if (l->n > 0)
		qsort(l->list, l->n, sizeof(*l->list), compare_lines);
}

static void
lines_done(struct lines *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		free(l->list[i].name);
		free(l->list[i].value);
	}
	free(l->list);
}

/* The value of "Name: value" without the spaces around it; free() it. */
static char *
header_value(const char *colon)
{
	const char *from = colon + 1, *to = from + strlen(from);

	while (*from == ' ' || *from == '\t')
		from++;
	while (to > from && (to[-1] == ' ' || to[-1] == '\t'))
		to--;
	return xstrndup(from, (size_t)(to - from));
}

/* One of the twelve places, empty when that header is not sent. */
static void
sign_add_place(const struct azure_message *m, const char *name, struct buf *out)
{
	size_t i, n = strlen(name);
	char *value;

	for (i = 0; m->headers[i] != NULL; i++)
		if (strncasecmp(m->headers[i], name, n) == 0 &&
		    m->headers[i][n] == ':') {
			value = header_value(m->headers[i] + n);
			buf_adds(out, value);
			free(value);
			break;
		}
	buf_addc(out, '\n');
}

static void
sign_add_places(const struct azure_message *m, struct buf *out)
{
	/* x-ms-date is sent: the place of the date stays empty. */
	static const char *const after[] = { "Content-MD5", "Content-Type", "",
		"If-Modified-Since", "If-Match", "If-None-Match",
		"If-Unmodified-Since", "Range" };
	size_t i;

	buf_addf(out, "%s\n", m->method);
	sign_add_place(m, "Content-Encoding", out);
	sign_add_place(m, "Content-Language", out);
	if (m->content_length > 0)
		buf_addf(out, "%lld", (long long)m->content_length);
	buf_addc(out, '\n');
	for (i = 0; i < COUNT_OF(after); i++)
		sign_add_place(m, after[i], out);
}

/* x-ms-*; of "Name;", which sends an empty value, the value is empty too. */
static void
sign_add_headers(const struct azure_message *m, struct buf *out)
{
	struct lines l = { NULL, 0 };
	const char *end;
	char *value;
	size_t i;

	for (i = 0; m->headers[i] != NULL; i++) {
		if (strncasecmp(m->headers[i], "x-ms-", 5) != 0)
			continue;
		end = m->headers[i] + strcspn(m->headers[i], ":;");
		value = *end == ':' ? header_value(end) : xstrdup("");
		lines_add(&l, m->headers[i], (size_t)(end - m->headers[i]),
		    value);
		free(value);
	}
	lines_sort(&l);
	for (i = 0; i < l.n; i++)
		buf_addf(out, "%s:%s\n", l.list[i].name, l.list[i].value);
	lines_done(&l);
}

/* Several values of one name are joined by commas. */
static void
sign_add_resource(const struct azure_message *m, struct buf *out)
{
	struct lines l = { NULL, 0 };
	size_t i;

	buf_addf(out, "/%s", m->account);
	buf_add(out, m->path, m->path_len);
	for (i = 0; i < m->nquery; i++)
		lines_add(&l, m->query[i].name, strlen(m->query[i].name),
		    m->query[i].value == NULL ? "" : m->query[i].value);
	lines_sort(&l);
	for (i = 0; i < l.n; i++)
		if (i > 0 && strcmp(l.list[i].name, l.list[i - 1].name) == 0)
			buf_addf(out, ",%s", l.list[i].value);
		else
			buf_addf(out, "\n%s:%s", l.list[i].name,
			    l.list[i].value);
	lines_done(&l);
}

void
azure_string_to_sign(const struct azure_message *m, struct buf *out)
{
	sign_add_places(m, out);
	sign_add_headers(m, out);
	sign_add_resource(m, out);
}

void
azure_signature(const void *key, size_t key_len, const char *text, size_t n,
    char out[AZURE_SIGNATURE_MAX])
{
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	BUG_IF(HMAC(EVP_sha256(), key, (int)key_len, (const uint8_t *)text, n,
		   mac, &len) == NULL);
	cloud_base64(mac, len, out);
}
