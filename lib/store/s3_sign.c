/* s3_sign.c - see s3_sign.h. */
#include "store/s3_sign.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define DAY_LEN 8 /* "20130524" */

/* Two texts that are sorted by the first, then the second. */
struct item {
	char *name;
	char *value;
};

static int
item_compare(const void *va, const void *vb)
{
	const struct item *a = va, *b = vb;
	int c = strcmp(a->name, b->name);

	return c != 0 ? c : strcmp(a->value, b->value);
}

static void
items_free(struct item *items, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		free(items[i].name);
		free(items[i].value);
	}
	free(items);
}

static char *
encoded(const char *text)
{
	struct buf b = BUF_INIT;

	cloud_encode(&b, text, "");
	return b.data == NULL ? xstrdup("") : buf_take(&b);
}

static void
add_query(struct buf *out, const struct s3_sign *s)
{
	struct item *items = xcalloc(s->nquery + 1, sizeof(*items));
	size_t i;

	for (i = 0; i < s->nquery; i++) {
		items[i].name = encoded(s->query[i].name);
		items[i].value = encoded(s->query[i].value == NULL
			? ""
			: s->query[i].value);
	}
	qsort(items, s->nquery, sizeof(*items), item_compare);
	for (i = 0; i < s->nquery; i++)
		buf_addf(out, "%s%s=%s", i == 0 ? "" : "&", items[i].name,
		    items[i].value);
	items_free(items, s->nquery);
}

static char *
lower(const char *text)
{
	char *copy = xstrdup(text), *at;

	for (at = copy; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	return copy;
}

/* Without blanks around it, and one where there were several. */
static char *
trimmed(const char *text)
{
	struct buf b = BUF_INIT;
	bool is_gap = false;

	for (; *text != '\0'; text++) {
		if (*text == ' ' || *text == '\t') {
			is_gap = b.len > 0;
			continue;
		}
		if (is_gap)
			buf_addc(&b, ' ');
		is_gap = false;
		buf_addc(&b, *text);
	}
	return b.data == NULL ? xstrdup("") : buf_take(&b);
}

/* The lines of headers into ${out}, their names into ${names}. */
static void
add_headers(struct buf *out, struct buf *names, const struct s3_sign *s)
{
	struct item *items = xcalloc(s->nheaders + 1, sizeof(*items));
	size_t i;

	for (i = 0; i < s->nheaders; i++) {
		items[i].name = lower(s->headers[i].name);
		items[i].value = trimmed(s->headers[i].value);
	}
	qsort(items, s->nheaders, sizeof(*items), item_compare);
	for (i = 0; i < s->nheaders; i++) {
		buf_addf(out, "%s:%s\n", items[i].name, items[i].value);
		buf_addf(names, "%s%s", i == 0 ? "" : ";", items[i].name);
		/* A session token is as good as a key. */
		OPENSSL_cleanse(items[i].value, strlen(items[i].value));
	}
	items_free(items, s->nheaders);
}

static void
sha256_hex(const struct buf *text, char out[STR_HEX_SHA256])
{
	uint8_t sum[SHA256_DIGEST_LENGTH];

	BUG_IF(EVP_Digest(buf_str(text), text->len, sum, NULL, EVP_sha256(),
		   NULL) != 1);
	str_hex(sum, sizeof(sum), out);
}

static void
hmac(const void *key, size_t nkey, const char *text, size_t n, uint8_t out[32])
{
	unsigned len = 32;

	BUG_IF(HMAC(EVP_sha256(), key, (int)nkey, (const uint8_t *)text, n, out,
		   &len) == NULL ||
	    len != 32);
}

static void
signing_key(const struct s3_sign *s, const char *date, uint8_t key[32])
{
	char *first = xasprintf("AWS4%s", s->secret);
	uint8_t next[32];

	hmac(first, strlen(first), date, DAY_LEN, key);
	hmac(key, 32, s->region, strlen(s->region), next);
	hmac(next, 32, "s3", 2, key);
	hmac(key, 32, "aws4_request", 12, next);
	memcpy(key, next, 32);
	OPENSSL_cleanse(next, sizeof(next));
	OPENSSL_cleanse(first, strlen(first));
	free(first);
}

void
s3_sign_date(int64_t ms, char out[S3_SIGN_DATE_MAX])
{
	char text[STR_TIME_MAX], *to = out;
	const char *at;

	str_format_time(ms - ms % 1000, text);
	for (at = text; *at != '\0'; at++)
		if (*at != '-' && *at != ':')
			*to++ = *at;
	*to = '\0';
}

void
s3_sign(const struct s3_sign *s, struct buf *out)
{
	struct buf canon = BUF_INIT, names = BUF_INIT, text = BUF_INIT;
	char date[S3_SIGN_DATE_MAX], hex[STR_HEX_SHA256];
	uint8_t key[32], signature[32];

	s3_sign_date(s->now_ms, date);
	buf_addf(&canon, "%s\n%s\n", s->method, s->path);
	add_query(&canon, s);
	buf_addc(&canon, '\n');
	add_headers(&canon, &names, s);
	buf_addf(&canon, "\n%s\n%s", buf_str(&names), s->sha256);
	sha256_hex(&canon, hex);
	buf_addf(&text, "AWS4-HMAC-SHA256\n%s\n%.*s/%s/s3/aws4_request\n%s",
	    date, DAY_LEN, date, s->region, hex);
	signing_key(s, date, key);
	hmac(key, sizeof(key), text.data, text.len, signature);
	OPENSSL_cleanse(key, sizeof(key));
	str_hex(signature, sizeof(signature), hex);
	buf_addf(out,
	    "AWS4-HMAC-SHA256 Credential=%s/%.*s/%s/s3/aws4_request, "
	    "SignedHeaders=%s, Signature=%s",
	    s->key_id, DAY_LEN, date, s->region, buf_str(&names), hex);
	OPENSSL_cleanse(canon.data, canon.len);
	buf_done(&canon);
	buf_done(&names);
	buf_done(&text);
}
