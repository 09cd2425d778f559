/* azure_cred.c - see azure_cred.h: addresses, keys, SAS, all from a store's
 * configuration. */
#include "store/azure_cred.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/cloud.h"

#define KEY_MAX 512
#define SUFFIX "core.windows.net"

static void
wipe(char *s)
{
	if (s != NULL)
		OPENSSL_cleanse(s, strlen(s));
	free(s);
}

void
azure_cred_done(struct azure_cred *c)
{
	free(c->account);
	free(c->endpoint);
	free(c->container);
	secret_done(&c->key);
	secret_done(&c->sas);
	secret_done(&c->token);
	free(c->ask.url);
	wipe(c->ask.header);
	wipe(c->ask.body);
	memset(c, 0, sizeof(*c));
}

int
azure_cred_endpoint(struct azure_cred *c, const char *text, const char *what,
    struct err *e)
{
	size_t n = strlen(text);
	const char *host = strstr(text, "://"), *at;

	for (at = text; *at > ' ' && *at < 0x7f && strchr("?#@", *at) == NULL;
	     at++)
		;
	if (*at != '\0' || host == NULL || host[3] == '\0' || host[3] == '/' ||
	    (strncasecmp(text, "http://", 7) != 0 &&
		strncasecmp(text, "https://", 8) != 0))
		return err_set(e, ERR_CONFIG,
		    "%s: expected http:// or https://, a host and nothing "
		    "secret",
		    what);
	while (text[n - 1] == '/')
		n--;
	free(c->endpoint);
	c->endpoint = xstrndup(text, n);
	return 0;
}

bool
azure_url_is_loopback(const char *url)
{
	static const char *const hosts[] = { "localhost", "127.0.0.1",
		"[::1]" };
	const char *host = strstr(url, "://");
	size_t i, n;

	if (host == NULL)
		return false;
	host += 3;
	for (i = 0; i < COUNT_OF(hosts); i++) {
		n = strlen(hosts[i]);
		if (strncasecmp(host, hosts[i], n) == 0 &&
		    (host[n] == '\0' || host[n] == ':' || host[n] == '/'))
			return true;
	}
	return false;
}

int
azure_cred_key(struct azure_cred *c, const char *base64, struct err *e)
{
	char raw[KEY_MAX];
	long n = cloud_base64_decode(base64, raw, sizeof(raw));

	if (n <= 0)
		return err_set(e, ERR_CONFIG, "the account key is not base64");
	secret_done(&c->key);
	c->key.value = xmalloc((size_t)n + 1);
	memcpy(c->key.value, raw, (size_t)n);
	c->key.value[n] = '\0';
	c->key.len = (size_t)n;
	OPENSSL_cleanse(raw, sizeof(raw));
	return 0;
}

/* The value of "se", decoded; it may have seconds or just a date. */
static int
sas_expiry(const char *query, int64_t *ms, struct err *e)
{
	char text[64];
	const char *at;
	size_t n;

	for (at = query; at != NULL; at = strchr(at, '&')) {
		at += *at == '&';
		if (strncmp(at, "se=", 3) != 0)
			continue;
		n = strcspn(at + 3, "&");
		if (n >= sizeof(text))
			break;
		memcpy(text, at + 3, n);
		text[n] = '\0';
		if (cloud_decode(text) == -1)
			break;
		/* "2026-03-29T01:00Z" is allowed there. */
		if (strlen(text) == 17 && text[16] == 'Z')
			memcpy(text + 16, ":00Z", 5);
		if (str_parse_time(text, ms) == -1)
			break;
		return 0;
	}
	if (at == NULL)
		return 0; /* A stored access policy says when. */
	return err_set(e, ERR_CONFIG, "the SAS has no time in 'se'");
}

int
azure_cred_sas(struct azure_cred *c, const char *query, struct err *e)
{
	int64_t expires_ms = 0;
	const char *at;

	query += *query == '?';
	for (at = query; *at > ' ' && *at < 0x7f && *at != '#'; at++)
		;
	if (*at != '\0' || strstr(query, "sig=") == NULL)
		return err_set(e, ERR_CONFIG,
		    "the SAS is not a query with 'sig='");
	if (sas_expiry(query, &expires_ms, e) == -1)
		return -1;
	secret_done(&c->sas);
	c->sas.value = xstrdup(query);
	c->sas.len = strlen(query);
	c->expires_ms = expires_ms;
	return 0;
}

/* A secret reference of the configuration; 1: there is none. */
static int
load_ref(const json_t *cfg, const char *name, struct secret *s, struct err *e)
{
	const json_t *ref = json_get_object(cfg, name);

	if (ref == NULL)
		return 1;
	return secret_load(ref, s, e);
}

static int
load_one(struct azure_cred *c, const json_t *cfg, const char *name,
    int (*take)(struct azure_cred *, const char *, struct err *), struct err *e)
{
	struct secret s = SECRET_INIT;
	int rc = load_ref(cfg, name, &s, e);

	if (rc == 0)
		rc = take(c, s.value, e);
	secret_done(&s);
	return rc;
}

/* The first of the ways that the configuration names. */
static int
load_source(struct azure_cred *c, const json_t *cfg, struct err *e)
{
	const char *path = json_get_str(cfg, "credentials", NULL);
	int rc;

	if (path != NULL)
		return azure_cred_file(c, path, e);
	rc = load_one(c, cfg, "connection_string", azure_cred_connection, e);
	if (rc == 1)
		rc = load_one(c, cfg, "key", azure_cred_key, e);
	if (rc == 1)
		rc = load_one(c, cfg, "sas", azure_cred_sas, e);
	if (rc == 1 && json_get_bool(cfg, "managed_identity", false))
		rc = azure_cred_identity(c,
		    json_get_str(cfg, "client_id", NULL), e);
	if (rc == 1)
		rc = err_set(e, ERR_CONFIG, "no credentials are configured");
	return rc;
}

static bool
name_is_good(const char *s, size_t min, size_t max)
{
	size_t n = strlen(s);

	return n >= min && n <= max &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

/* The address, from the account where nothing else gives it. */
static int
load_address(struct azure_cred *c, const json_t *cfg, struct err *e)
{
	const char *endpoint = json_get_str(cfg, "endpoint", NULL);
	const char *account = json_get_str(cfg, "account", NULL);
	const char *container = json_get_str(cfg, "container", NULL);

	if (c->account == NULL && account != NULL)
		c->account = xstrdup(account);
	if (endpoint != NULL &&
	    azure_cred_endpoint(c, endpoint, "endpoint", e) == -1)
		return -1;
	if (c->endpoint == NULL && c->account != NULL &&
	    name_is_good(c->account, 3, 24))
		c->endpoint = xasprintf("https://%s.blob." SUFFIX, c->account);
	if (c->endpoint == NULL)
		return err_set(e, ERR_CONFIG,
		    "the storage account is missing, or is no such name");
	if (container != NULL) {
		free(c->container);
		c->container = xstrdup(container);
	}
	if (c->container == NULL)
		return err_set(e, ERR_CONFIG, "no container is named");
	if (!name_is_good(c->container, 3, 63))
		return err_set(e, ERR_CONFIG,
		    "container '%.63s': expected 3 to 63 of a-z, 0-9 and '-'",
		    c->container);
	return 0;
}

int
azure_cred_load(const json_t *cfg, struct azure_cred *c, struct err *e)
{
	if (load_source(c, cfg, e) == -1 || load_address(c, cfg, e) == -1)
		return -1;
	if (c->key.value != NULL && c->account == NULL)
		return err_set(e, ERR_CONFIG,
		    "the storage account of the key is not named");
	/* Who holds a token can do what its owner may, until it expires. */
	if (c->ask.url != NULL && !azure_url_is_loopback(c->endpoint) &&
	    strncasecmp(c->endpoint, "https://", 8) != 0)
		return err_set(e, ERR_CONFIG,
		    "a token is sent by https only, not to '%.200s'",
		    c->endpoint);
	return 0;
}
