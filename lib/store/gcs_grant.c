/* gcs_grant.c - see gcs_grant.h. */
#include "store/gcs_grant.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "conf/secret.h"
#include "store/cloud.h"

#define SCOPE "https://www.googleapis.com/auth/devstorage.read_write"
#define TOKEN_URI "https://oauth2.googleapis.com/token"
#define LIFE_S 3600
#define SIGNATURE_MAX ((size_t)2048)

static void
wipe(char *s)
{
	if (s != NULL)
		OPENSSL_cleanse(s, strlen(s));
	free(s);
}

void
gcs_grant_done(struct gcs_grant *g)
{
	wipe(g->assertion);
	free(g->token_uri);
	g->assertion = g->token_uri = NULL;
}

/* Base64 for URLs, without padding. */
static void
add_base64url(struct buf *out, const void *data, size_t n)
{
	char *text = xmalloc(4 * (n + 2) / 3 + 4);
	char *s;

	cloud_base64(data, n, text);
	for (s = text; *s != '\0' && *s != '='; s++)
		buf_addc(out, *s == '+' ? '-' : *s == '/' ? '_' : *s);
	free(text);
}

static void
add_json(struct buf *out, json_t *taken)
{
	char *text = json_print(taken);

	add_base64url(out, text, strlen(text));
	free(text);
	json_decref(taken);
}

/* OpenSSL would ask on the terminal otherwise. */
static int
on_passphrase(char *out, int size, int is_writing, void *arg)
{
	(void)out;
	(void)size;
	(void)is_writing;
	(void)arg;
	return -1;
}

static EVP_PKEY *
key_parse(const char *pem, struct err *e)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = NULL;

	if (bio != NULL)
		key = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, NULL);
	BIO_free(bio);
	if (key == NULL || EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA) {
		(void)err_set(e, ERR_CONFIG,
		    "its private_key is no RSA key that can be read");
		EVP_PKEY_free(key);
		key = NULL;
	}
	return key;
}

static int
add_signature(struct buf *text, const char *pem, struct err *e)
{
	uint8_t signature[SIGNATURE_MAX];
	size_t n = sizeof(signature);
	EVP_MD_CTX *ctx = NULL;
	EVP_PKEY *key;
	int rc = -1;

	if ((key = key_parse(pem, e)) == NULL)
		return -1;
	if ((ctx = EVP_MD_CTX_new()) == NULL ||
	    EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, signature, &n, (const uint8_t *)text->data,
		text->len) != 1) {
		(void)err_set(e, ERR_CONFIG, "its private_key cannot sign");
		goto out;
	}
	buf_addc(text, '.');
	add_base64url(text, signature, n);
	rc = 0;
out:
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return rc;
}

/* What is signed is worth a token: it goes over TLS, or stays here. */
static int
check_token_uri(const char *uri, struct err *e)
{
	static const char *const here[] = { "http://127.0.0.1:",
		"http://localhost:", "http://[::1]:" };
	size_t i;

	if (str_has_prefix(uri, "https://"))
		return 0;
	for (i = 0; i < COUNT_OF(here); i++)
		if (str_has_prefix(uri, here[i]) && strchr(uri, '@') == NULL)
			return 0;
	return err_set(e, ERR_CONFIG, "its token_uri is not https");
}

static int
check_type(const json_t *account, struct err *e)
{
	const char *type = json_get_str(account, "type", NULL);

	if (type == NULL)
		return err_set(e, ERR_CONFIG,
		    "it has no type: not a file of Google credentials");
	if (strcmp(type, "service_account") != 0)
		return err_set(e, ERR_CONFIG,
		    "credentials of type '%.60s' cannot be used here: a "
		    "service account's key file is needed",
		    type);
	return 0;
}

int
gcs_grant_sign(const json_t *account, int64_t now_s, struct gcs_grant *out,
    struct err *e)
{
	const char *email = json_get_str(account, "client_email", NULL);
	const char *pem = json_get_str(account, "private_key", NULL);
	const char *kid = json_get_str(account, "private_key_id", NULL);
	const char *uri = json_get_str(account, "token_uri", TOKEN_URI);
	struct buf text = BUF_INIT;
	json_t *head, *claims;

	*out = (struct gcs_grant){ NULL, NULL };
	if (check_type(account, e) == -1)
		return -1;
	if (email == NULL || pem == NULL)
		return err_set(e, ERR_CONFIG, "it has no %s",
		    email == NULL ? "client_email" : "private_key");
	if (check_token_uri(uri, e) == -1)
		return -1;
	head = json_pack("{s:s,s:s}", "alg", "RS256", "typ", "JWT");
	if (kid != NULL)
		json_put_str(head, "kid", kid);
	claims = json_pack("{s:s,s:s,s:s,s:I,s:I}", "iss", email, "scope",
	    SCOPE, "aud", uri, "iat", (json_int_t)now_s, "exp",
	    (json_int_t)(now_s + LIFE_S));
	add_json(&text, head);
	buf_addc(&text, '.');
	add_json(&text, claims);
	if (add_signature(&text, pem, e) == -1) {
		buf_done(&text);
		return -1;
	}
	out->assertion = buf_take(&text);
	out->token_uri = xstrdup(uri);
	return 0;
}

int
gcs_grant_make(const char *path, int64_t now_s, struct gcs_grant *out,
    struct err *e)
{
	json_t *ref = json_pack("{s:s}", "file", path), *account = NULL;
	struct secret text = SECRET_INIT;
	struct err why = ERR_INIT;
	const char *pem;
	int rc = -1;

	*out = (struct gcs_grant){ NULL, NULL };
	if (secret_load(ref, &text, e) == -1)
		goto out;
	/* What the parser says could show a piece of it. */
	if ((account = json_parse(text.value, text.len, &why)) == NULL) {
		(void)err_set(e, ERR_CONFIG, "'%s' is not JSON", path);
		goto out;
	}
	if ((rc = gcs_grant_sign(account, now_s, out, e)) == -1)
		(void)err_context(e, "'%s'", path);
	if ((pem = json_get_str(account, "private_key", NULL)) != NULL)
		OPENSSL_cleanse((char *)pem, strlen(pem));
out:
	json_decref(account);
	secret_done(&text);
	json_decref(ref);
	return rc;
}
