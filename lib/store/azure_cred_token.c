/* azure_cred_token.c - see azure_cred.h: tokens for identities that Azure gives
 * to machines and workloads. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/azure_cred.h"
#include "store/cloud.h"

#define RESOURCE "https%3A%2F%2Fstorage.azure.com%2F"
#define SCOPE "https%3A%2F%2Fstorage.azure.com%2F.default"
#define JWT_BEARER                                                             \
	"urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"
#define MACHINE "http://169.254.169.254"
#define AUTHORITY "https://login.microsoftonline.com"
#define TOKEN_FILE_MAX ((size_t)64 * 1024)

static const char *
env(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || *value == '\0' ? NULL : value;
}

/* "base" without slashes at its end. */
static void
add_base(struct buf *b, const char *base)
{
	size_t n = strlen(base);

	while (n > 0 && base[n - 1] == '/')
		n--;
	buf_add(b, base, n);
}

static void
add_param(struct buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	buf_addf(b, "&%s=", name);
	cloud_encode(b, value, "");
}

/* The virtual machine's metadata service; SDKs know the variable too. */
static int
ask_machine(struct azure_ask *ask, const char *client_id)
{
	const char *base = env("AZURE_POD_IDENTITY_AUTHORITY_HOST");
	struct buf url = BUF_INIT;

	add_base(&url, base == NULL ? MACHINE : base);
	buf_adds(&url,
	    "/metadata/identity/oauth2/token?api-version=2018-02-01"
	    "&resource=" RESOURCE);
	add_param(&url, "client_id", client_id);
	ask->url = buf_take(&url);
	ask->header = xstrdup("Metadata: true");
	return 0;
}

/* App Service, Functions, Container Apps: an address and a secret of their own,
 * in the environment. */
static int
ask_app(struct azure_ask *ask, const char *client_id, struct err *e)
{
	const char *secret = env("IDENTITY_HEADER");
	struct buf url = BUF_INIT;

	if (secret == NULL || strpbrk(secret, "\r\n") != NULL)
		return err_set(e, ERR_CONFIG,
		    "IDENTITY_ENDPOINT is set but not IDENTITY_HEADER");
	buf_adds(&url, env("IDENTITY_ENDPOINT"));
	buf_adds(&url, "?api-version=2019-08-01&resource=" RESOURCE);
	add_param(&url, "client_id", client_id);
	ask->url = buf_take(&url);
	ask->header = xasprintf("X-IDENTITY-HEADER: %s", secret);
	return 0;
}

/* AKS and others: a token that the platform renews in a file is exchanged. */
static int
ask_workload(struct azure_ask *ask, const char *client_id, struct err *e)
{
	const char *authority = env("AZURE_AUTHORITY_HOST");
	const char *tenant = env("AZURE_TENANT_ID");
	struct buf url = BUF_INIT, body = BUF_INIT;
	char *text;
	size_t n;

	if (client_id == NULL)
		client_id = env("AZURE_CLIENT_ID");
	if (client_id == NULL || tenant == NULL)
		return err_set(e, ERR_CONFIG,
		    "AZURE_FEDERATED_TOKEN_FILE is set but not "
		    "AZURE_CLIENT_ID and AZURE_TENANT_ID");
	if (authority == NULL)
		authority = AUTHORITY;
	if (strncasecmp(authority, "https://", 8) != 0 &&
	    !azure_url_is_loopback(authority))
		return err_set(e, ERR_CONFIG,
		    "AZURE_AUTHORITY_HOST does not begin with https://");
	text = file_slurp(env("AZURE_FEDERATED_TOKEN_FILE"), TOKEN_FILE_MAX, &n,
	    e);
	if (text == NULL)
		return err_context(e, "AZURE_FEDERATED_TOKEN_FILE");
	text[strcspn(text, " \t\r\n")] = '\0';
	add_base(&url, authority);
	buf_addc(&url, '/');
	cloud_encode(&url, tenant, "");
	buf_adds(&url, "/oauth2/v2.0/token");
	buf_adds(&body,
	    "grant_type=client_credentials&scope=" SCOPE
	    "&client_assertion_type=" JWT_BEARER);
	add_param(&body, "client_id", client_id);
	add_param(&body, "client_assertion", text);
	OPENSSL_cleanse(text, n);
	free(text);
	ask->url = buf_take(&url);
	ask->header =
	    xstrdup("Content-Type: application/x-www-form-urlencoded");
	ask->body = buf_take(&body);
	return 0;
}

int
azure_cred_identity(struct azure_cred *c, const char *client_id, struct err *e)
{
	if (env("AZURE_FEDERATED_TOKEN_FILE") != NULL)
		return ask_workload(&c->ask, client_id, e);
	if (env("IDENTITY_ENDPOINT") != NULL)
		return ask_app(&c->ask, client_id, e);
	return ask_machine(&c->ask, client_id);
}

/* A number, which some write as text. */
static int64_t
token_number(const json_t *answer, const char *key)
{
	int64_t n = json_get_int(answer, key, 0);

	if (n == 0)
		(void)str_parse_i64(json_get_str(answer, key, "0"), &n);
	return n > 0 && n < INT64_C(100000000000) ? n : 0;
}

/* What the identity's service says was wrong, without what it was sent. */
static int
token_refused(long status, const json_t *answer, struct err *e)
{
	const char *word = json_get_str(answer, "error", "");
	const char *text = json_get_str(answer, "error_description", "");
	bool is_busy = status == 404 || status == 408 || status == 410 ||
	    status == 429 || status >= 500;

	return err_set(e, is_busy ? ERR_BUSY : ERR_AUTH,
	    "no token for the identity: status %ld%s%.60s%s%.300s", status,
	    *word == '\0' ? "" : ", ", word, *text == '\0' ? "" : ": ", text);
}

static int
token_take(struct azure_cred *c, const json_t *answer, int64_t now_ms,
    struct err *e)
{
	const char *token = json_get_str(answer, "access_token", "");
	int64_t on = token_number(answer, "expires_on");
	int64_t in = token_number(answer, "expires_in");
	const char *at;

	for (at = token; *at > ' ' && *at < 0x7f; at++)
		;
	if (at == token || *at != '\0' || (on == 0 && in == 0))
		return err_set(e, ERR_PROTOCOL,
		    "the answer for the identity holds no token");
	secret_done(&c->token);
	c->token.value = xstrdup(token);
	c->token.len = strlen(token);
	c->expires_ms = on > 0 ? on * 1000 : now_ms + in * 1000;
	return 0;
}

int
azure_cred_token(struct azure_cred *c, long status, const char *body, size_t n,
    int64_t now_ms, struct err *e)
{
	json_t *answer = json_parse(body, n, NULL);
	json_t *token = json_object_get(answer, "access_token");
	int rc;

	if (status != 200)
		rc = token_refused(status, answer, e);
	else
		rc = token_take(c, answer, now_ms, e);
	if (json_is_string(token))
		OPENSSL_cleanse((char *)json_string_value(token),
		    json_string_length(token));
	json_decref(answer);
	return rc;
}
