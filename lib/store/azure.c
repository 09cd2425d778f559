/* azure.c - see azure.h: opening, URLs, signing. */
#include "store/azure.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/azure_sign.h"
#include "store/upload.h"

struct azure *
azure_of(struct cloud *c)
{
	return CONTAINER_OF(c, struct azure, cloud);
}

char *
azure_path(struct cloud *c, const char *key)
{
	struct buf b = BUF_INIT;

	buf_addc(&b, '/');
	cloud_encode(&b, c->prefix, "/");
	cloud_encode(&b, key, "/");
	return buf_take(&b);
}

void
azure_etag(const struct http_answer *a, char *out, size_t size)
{
	if (!http_header(a, "ETag", out, size))
		out[0] = '\0';
}

bool
azure_md5(const struct http_answer *a, char out[33])
{
	uint8_t raw[32];
	char text[64];

	if (!http_header(a, "Content-MD5", text, sizeof(text)) ||
	    cloud_base64_decode(text, raw, sizeof(raw)) != 16)
		return false;
	str_hex(raw, 16, out);
	return true;
}

/* "https://host/path?query": where path begins, and how long it is. */
static const char *
url_path(const char *url, size_t *n)
{
	const char *at = strstr(url, "://");

	at = at == NULL ? url : at + 3;
	at += strcspn(at, "/?");
	*n = strcspn(at, "?");
	return at;
}

static void
sign_with_key(struct azure *az, const struct cloud_req *req,
    struct cloud_wire *wire)
{
	struct azure_message m = { .method = req->method,
		.account = az->cred.account,
		.query = req->query,
		.nquery = req->nquery,
		.headers = (const char *const *)wire->headers,
		.content_length = (int64_t)wire->body_size };
	char signature[AZURE_SIGNATURE_MAX];
	struct buf text = BUF_INIT;

	m.path = url_path(buf_str(&wire->url), &m.path_len);
	azure_string_to_sign(&m, &text);
	azure_signature(az->cred.key.value, az->cred.key.len, buf_str(&text),
	    text.len, signature);
	buf_done(&text);
	cloud_header(wire, "Authorization", "SharedKey %s:%s", az->cred.account,
	    signature);
}

static int
azure_sign(struct cloud *c, const struct cloud_req *req,
    struct cloud_wire *wire, struct err *e)
{
	struct azure *az = azure_of(c);
	char date[CLOUD_DATE_MAX], id[ENV_UUID_SIZE], md5[32];

	cloud_date(wire->now_ms, date);
	env_uuid(c->base.env, id);
	cloud_header(wire, "x-ms-version", AZURE_VERSION);
	cloud_header(wire, "x-ms-date", "%s", date);
	cloud_header(wire, "x-ms-client-request-id", "%s", id);
	if (req->md5 != NULL) {
		cloud_base64(req->md5, 16, md5);
		cloud_header(wire, "Content-MD5", "%s", md5);
	}
	if (az->cred.key.value != NULL) {
		sign_with_key(az, req, wire);
	} else if (az->cred.sas.value != NULL) {
		buf_addc(&wire->url, req->nquery == 0 ? '?' : '&');
		buf_add(&wire->url, az->cred.sas.value, az->cred.sas.len);
	} else if (az->cred.token.value != NULL) {
		cloud_header(wire, "Authorization", "Bearer %s",
		    az->cred.token.value);
	} else {
		return err_set(e, ERR_AUTH, "there are no credentials");
	}
	return 0;
}

static void
azure_free(struct cloud *c)
{
	struct azure *az = azure_of(c);

	azure_cred_done(&az->cred);
	free(az->tier);
	cloud_done(c);
	free(az);
}

static const struct cloud_ops azure_cloud_ops = {
	.authorize = azure_authorize,
	.sign = azure_sign,
	.judge = azure_judge,
	.free = azure_free,
};

static struct store *
azure_open(const struct store_env *lent, const char *name, const json_t *cfg,
    struct err *e)
{
	const char *tier = json_get_str(cfg, "access_tier", NULL);
	struct azure *az;

	if (lent->http == NULL || lent->pool == NULL) {
		(void)err_set(e, ERR_INTERNAL,
		    "store '%s': no HTTP client and worker pool are lent",
		    name);
		return NULL;
	}
	az = xcalloc(1, sizeof(*az));
	cloud_init(&az->cloud, &azure_ops, &azure_cloud_ops, lent, name, cfg);
	az->tier = tier == NULL ? NULL : xstrdup(tier);
	return &az->cloud.base;
}

/* If-None-Match: * makes every put conditional. */
static void
azure_caps(struct store *s, struct store_caps *caps)
{
	(void)s;
	caps->has_if_absent = true;
	caps->digest = "md5";
	caps->max_parts = 50000;
}

const struct store_ops azure_ops = {
	.type = "azure",
	.open = azure_open,
	.close = cloud_close,
	.caps = azure_caps,
	.check = azure_check,
	.put_open = azure_put_open,
	.put_write = upload_write,
	.put_failed = upload_failed,
	.put_finish = upload_finish,
	.put_abort = upload_abort,
	.put_moved = upload_moved,
	.get = azure_get,
	.stat = azure_stat,
	.list = azure_list,
	.remove = azure_remove,
	.sweep = azure_sweep,
};
