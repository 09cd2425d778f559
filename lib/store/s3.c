/* s3.c - see s3.h: opening, addressing, signing. */
#include "store/s3.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/s3_sign.h"

#define PARTS_MAX 10000
#define SHA256_EMPTY                                                           \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
/* Host, digest, date, token, MD5, and what a request has of its own. */
#define SIGNED_MAX 24

static const struct cloud_ops s3_cloud_ops;

struct s3 *
s3_of(struct cloud *c)
{
	return (struct s3 *)(void *)c;
}

/* Letters, digits, '-', '_', '.': what goes into a host's name or a path. */
static bool
bucket_is_sane(const char *b)
{
	size_t n = strlen(b);

	return n >= 1 && n <= 255 && b[0] != '.' &&
	    strspn(b,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-_.") == n;
}

static bool
region_is_sane(const char *r)
{
	return r[0] != '\0' && strlen(r) <= 64 &&
	    strspn(r,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-_") == strlen(r);
}

/* In the certificate for "*.s3..." stands one label only. */
static bool
style_is_virtual(const char *style, const char *endpoint, const char *bucket)
{
	if (strcmp(style, "virtual") == 0)
		return true;
	return strcmp(style, "path") != 0 && endpoint == NULL &&
	    strchr(bucket, '.') == NULL;
}

/* "host:port" as curl writes it into the header: no port that goes without
 * saying. */
static void
host_trim(char *host, const char *scheme)
{
	const char *usual = strcmp(scheme, "https") == 0 ? ":443" : ":80";
	char *at;

	for (at = host; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	if (str_has_suffix(host, usual))
		host[strlen(host) - strlen(usual)] = '\0';
}

static int
s3_address(struct s3 *s, const char *endpoint, struct err *e)
{
	const char *scheme = "https", *rest;
	char *host;
	size_t n;

	if (endpoint == NULL) {
		host = xasprintf("s3.%s.amazonaws.com%s", s->region,
		    str_has_prefix(s->region, "cn-") ? ".cn" : "");
	} else {
		if (str_has_prefix(endpoint, "http://"))
			scheme = "http";
		else if (!str_has_prefix(endpoint, "https://"))
			return err_set(e, ERR_CONFIG,
			    "endpoint '%s' is no http or https URL", endpoint);
		rest = endpoint + strlen(scheme) + 3;
		n = strcspn(rest, "/?#");
		if (n == 0 || (rest[n] != '\0' && strcmp(rest + n, "/") != 0) ||
		    memchr(rest, '@', n) != NULL)
			return err_set(e, ERR_CONFIG,
			    "endpoint '%s': just scheme, host and port belong "
			    "there",
			    endpoint);
		host = xstrndup(rest, n);
	}
	host_trim(host, scheme);
	s->host = s->is_virtual ? xasprintf("%s.%s", s->bucket, host)
				: xstrdup(host);
	s->cloud.url = xasprintf("%s://%s", scheme, s->host);
	free(host);
	return 0;
}

static const char *
text_of(const json_t *cfg, const char *key)
{
	const char *text = json_get_str(cfg, key, NULL);

	return text == NULL || text[0] == '\0' ? NULL : text;
}

static int
s3_configure(struct s3 *s, const json_t *cfg, struct err *e)
{
	const char *bucket = json_get_str(cfg, "bucket", "");
	const char *endpoint = text_of(cfg, "endpoint");
	const char *checksum = json_get_str(cfg, "checksum", "none");

	s->bucket = xstrdup(bucket);
	s->region = xstrdup(json_get_str(cfg, "region", "us-east-1"));
	if (!bucket_is_sane(bucket))
		return err_set(e, ERR_CONFIG, "'%s' is no name of a bucket",
		    bucket);
	if (!region_is_sane(s->region))
		return err_set(e, ERR_CONFIG, "'%s' is no name of a region",
		    s->region);
	s->is_virtual = style_is_virtual(json_get_str(cfg, "style", "auto"),
	    endpoint, bucket);
	s->storage_class = text_of(cfg, "storage_class");
	s->sse = text_of(cfg, "sse");
	s->sse_kms_key_id = text_of(cfg, "sse_kms_key_id");
	if (strcmp(checksum, "crc32c") == 0)
		s->checksum = S3_CHECKSUM_CRC32C;
	else if (strcmp(checksum, "sha256") == 0)
		s->checksum = S3_CHECKSUM_SHA256;
	else if (strcmp(checksum, "none") != 0)
		return err_set(e, ERR_CONFIG, "checksum '%s' is unknown",
		    checksum);
	return s3_address(s, endpoint, e);
}

static void
s3_free(struct cloud *c)
{
	struct s3 *s = s3_of(c);

	s3_keys_done(&s->keys);
	free(s->bucket);
	free(s->region);
	free(s->host);
	cloud_done(c);
	free(s);
}

static struct store *
s3_open(const struct store_env *lent, const char *name, const json_t *cfg,
    struct err *e)
{
	struct s3 *s = xcalloc(1, sizeof(*s));

	cloud_init(&s->cloud, &s3_ops, &s3_cloud_ops, lent, name, cfg);
	if (s3_configure(s, cfg, e) == -1) {
		(void)err_context(e, "store '%s'", name);
		s3_free(&s->cloud);
		return NULL;
	}
	return &s->cloud.base;
}

static void
s3_caps(struct store *store, struct store_caps *caps)
{
	caps->has_if_absent = s3_of(cloud_of(store))->has_if_absent;
	caps->digest = "etag";
	caps->max_parts = PARTS_MAX;
}

char *
s3_path(const struct s3 *s, const char *key)
{
	struct buf path = BUF_INIT;

	buf_addc(&path, '/');
	if (!s->is_virtual)
		buf_adds(&path, s->bucket);
	if (key != NULL) {
		if (!s->is_virtual)
			buf_addc(&path, '/');
		cloud_encode(&path, s->cloud.prefix, "/");
		cloud_encode(&path, key, "/");
	}
	return buf_take(&path);
}

void
s3_etag_bare(char *etag)
{
	size_t n, skip = strncmp(etag, "W/", 2) == 0 ? 2 : 0;

	if (etag[skip] == '"')
		skip++;
	n = strlen(etag + skip);
	memmove(etag, etag + skip, n + 1);
	if (n > 0 && etag[n - 1] == '"')
		etag[n - 1] = '\0';
}

bool
s3_etag(const struct http_answer *a, char out[S3_ETAG_MAX])
{
	if (http_header(a, "ETag", out, S3_ETAG_MAX) && out[0] != '\0')
		return true;
	out[0] = '\0';
	return false;
}

bool
s3_etag_is_md5(const char *bare)
{
	return strspn(bare, "0123456789abcdef") == 32 && bare[32] == '\0';
}

bool
s3_etag_is_composite(const char *bare)
{
	return strspn(bare, "0123456789abcdef") == 32 && bare[32] == '-' &&
	    bare[33] != '\0' &&
	    strspn(bare + 33, "0123456789") == strlen(bare + 33);
}

bool
s3_is_sealed(const struct http_answer *a)
{
	char how[64];

	if (http_header(a, "x-amz-server-side-encryption-customer-algorithm",
		how, sizeof(how)))
		return true;
	return http_header(a, "x-amz-server-side-encryption", how,
		   sizeof(how)) &&
	    strcmp(how, "AES256") != 0;
}

/* What is signed is noted beside what is sent. */
struct signing {
	struct cloud_pair pairs[SIGNED_MAX];
	size_t n;
};

static void
signing_add(struct signing *g, const char *name, const char *value)
{
	BUG_IF(g->n == SIGNED_MAX);
	g->pairs[g->n].name = name;
	g->pairs[g->n++].value = value;
}

static void
sign_body(const struct cloud_req *req, struct cloud_wire *wire,
    struct signing *g, char hex[STR_HEX_SHA256], char md5[32])
{
	bool has_body = req->body_len > 0 || req->nblocks > 0;

	BUG_IF(has_body && req->sha256 == NULL);
	if (req->sha256 != NULL)
		str_hex(req->sha256, 32, hex);
	else
		memcpy(hex, SHA256_EMPTY, STR_HEX_SHA256);
	cloud_header(wire, "x-amz-content-sha256", "%s", hex);
	signing_add(g, "x-amz-content-sha256", hex);
	if (req->md5 != NULL && (has_body || strcmp(req->method, "PUT") == 0)) {
		cloud_base64(req->md5, 16, md5);
		cloud_header(wire, "Content-MD5", "%s", md5);
		signing_add(g, "Content-MD5", md5);
	}
}

static int
s3_sign_wire(struct cloud *c, const struct cloud_req *req,
    struct cloud_wire *wire, struct err *e)
{
	struct s3 *s = s3_of(c);
	char hex[STR_HEX_SHA256], md5[32], date[S3_SIGN_DATE_MAX];
	struct signing g = { .n = 0 };
	struct s3_sign sign = { .method = req->method,
		.path = req->path,
		.query = req->query,
		.nquery = req->nquery,
		.sha256 = hex,
		.now_ms = wire->now_ms,
		.key_id = s->keys.id,
		.secret = s->keys.secret,
		.region = s->region };
	struct buf value = BUF_INIT;
	size_t i;

	if (s->keys.id == NULL)
		return err_set(e, ERR_AUTH, "there are no access keys");
	s3_sign_date(wire->now_ms, date);
	cloud_header(wire, "x-amz-date", "%s", date);
	signing_add(&g, "x-amz-date", date);
	signing_add(&g, "Host", s->host);
	sign_body(req, wire, &g, hex, md5);
	if (s->keys.token != NULL) {
		cloud_header(wire, "x-amz-security-token", "%s", s->keys.token);
		signing_add(&g, "x-amz-security-token", s->keys.token);
	}
	for (i = 0; i < req->nheaders; i++)
		signing_add(&g, req->headers[i].name, req->headers[i].value);
	sign.headers = g.pairs;
	sign.nheaders = g.n;
	s3_sign(&sign, &value);
	cloud_header(wire, "Authorization", "%s", buf_str(&value));
	buf_done(&value);
	return 0;
}

static const struct cloud_ops s3_cloud_ops = {
	.authorize = s3_cred_authorize,
	.sign = s3_sign_wire,
	.judge = s3_judge,
	.free = s3_free,
};

const struct store_ops s3_ops = {
	.type = "s3",
	.open = s3_open,
	.close = cloud_close,
	.caps = s3_caps,
	.check = s3_check,
	.put_open = s3_put_open,
	.put_write = upload_write,
	.put_failed = upload_failed,
	.put_finish = upload_finish,
	.put_abort = upload_abort,
	.put_moved = upload_moved,
	.get = s3_get,
	.stat = s3_stat,
	.list = s3_list,
	.remove = s3_remove,
	.sweep = s3_sweep,
};
