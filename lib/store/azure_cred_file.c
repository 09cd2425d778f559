/* azure_cred_file.c - see azure_cred.h: connection strings, and the file of
 * AZURE_STORAGE_... lines. */
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/azure_cred.h"

#define FILE_MAX ((size_t)64 * 1024)
/* Of Azurite, the same for everybody: it is printed in its manual. */
#define EMULATOR_ACCOUNT "devstoreaccount1"
#define EMULATOR_KEY                                                           \
	"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/"      \
	"K1SZFPTOtr/KBHBeksoGMGw=="
#define EMULATOR_HOST "http://127.0.0.1"
#define EMULATOR_PORT "10000"

enum conn_word {
	CONN_PROTOCOL,
	CONN_ACCOUNT,
	CONN_KEY,
	CONN_SUFFIX,
	CONN_ENDPOINT,
	CONN_SAS,
	CONN_EMULATOR,
	CONN_PROXY,
	CONN_COUNT
};

static const char *const conn_words[CONN_COUNT] = {
	[CONN_PROTOCOL] = "DefaultEndpointsProtocol",
	[CONN_ACCOUNT] = "AccountName",
	[CONN_KEY] = "AccountKey",
	[CONN_SUFFIX] = "EndpointSuffix",
	[CONN_ENDPOINT] = "BlobEndpoint",
	[CONN_SAS] = "SharedAccessSignature",
	[CONN_EMULATOR] = "UseDevelopmentStorage",
	[CONN_PROXY] = "DevelopmentStorageProxyUri",
};

static void
secret_take(struct secret *s, const char *text, size_t n)
{
	secret_done(s);
	s->value = xstrndup(text, n);
	s->len = n;
}

/* One "Name=value"; an empty one is none, and words that are not for blobs are
 * passed over. */
static int
conn_take(struct secret *values, const char *part, size_t n, unsigned number,
    struct err *e)
{
	const char *eq = memchr(part, '=', n);
	size_t len, i;

	if (eq == NULL)
		return err_set(e, ERR_CONFIG,
		    "connection string: part %u has no '='", number);
	len = (size_t)(eq - part);
	for (i = 0; i < CONN_COUNT; i++)
		if (strlen(conn_words[i]) == len && n > len + 1 &&
		    strncasecmp(part, conn_words[i], len) == 0)
			secret_take(&values[i], eq + 1, n - len - 1);
	return 0;
}

static int
conn_split(struct secret *values, const char *text, struct err *e)
{
	unsigned number;
	size_t n;

	for (number = 1; *text != '\0'; number++) {
		while (*text == ' ')
			text++;
		n = strcspn(text, ";");
		while (n > 0 && text[n - 1] == ' ')
			n--;
		if (n > 0 && conn_take(values, text, n, number, e) == -1)
			return -1;
		text += strcspn(text, ";");
		text += *text == ';';
	}
	return 0;
}

static int
conn_emulator(struct azure_cred *c, const struct secret *values, struct err *e)
{
	const char *host = values[CONN_PROXY].value;
	char *url;
	int rc;

	url = xasprintf("%s:" EMULATOR_PORT "/" EMULATOR_ACCOUNT,
	    host == NULL ? EMULATOR_HOST : host);
	c->account = xstrdup(EMULATOR_ACCOUNT);
	rc = azure_cred_endpoint(c, url, conn_words[CONN_PROXY], e);
	free(url);
	return rc == -1 ? -1 : azure_cred_key(c, EMULATOR_KEY, e);
}

static int
conn_endpoint(struct azure_cred *c, const struct secret *values, struct err *e)
{
	const char *protocol = values[CONN_PROTOCOL].value;
	const char *suffix = values[CONN_SUFFIX].value;
	char *url;
	int rc;

	if (values[CONN_ENDPOINT].value != NULL)
		return azure_cred_endpoint(c, values[CONN_ENDPOINT].value,
		    conn_words[CONN_ENDPOINT], e);
	if (c->account == NULL)
		return err_set(e, ERR_CONFIG,
		    "connection string: neither AccountName nor BlobEndpoint");
	url = xasprintf("%s://%s.blob.%s",
	    protocol == NULL ? "https" : protocol, c->account,
	    suffix == NULL ? "core.windows.net" : suffix);
	rc = azure_cred_endpoint(c, url, "connection string", e);
	free(url);
	return rc;
}

static int
conn_apply(struct azure_cred *c, const struct secret *values, struct err *e)
{
	const char *emulator = values[CONN_EMULATOR].value;

	if (emulator != NULL && strcasecmp(emulator, "true") == 0)
		return conn_emulator(c, values, e);
	if (values[CONN_ACCOUNT].value != NULL)
		c->account = xstrdup(values[CONN_ACCOUNT].value);
	if (conn_endpoint(c, values, e) == -1)
		return -1;
	if (values[CONN_KEY].value != NULL)
		return azure_cred_key(c, values[CONN_KEY].value, e);
	if (values[CONN_SAS].value != NULL)
		return azure_cred_sas(c, values[CONN_SAS].value, e);
	return err_set(e, ERR_CONFIG,
	    "connection string: neither AccountKey nor "
	    "SharedAccessSignature");
}

int
azure_cred_connection(struct azure_cred *c, const char *text, struct err *e)
{
	struct secret values[CONN_COUNT] = { SECRET_INIT };
	int rc = -1;
	size_t i;

	free(c->account);
	c->account = NULL;
	if (conn_split(values, text, e) == 0)
		rc = conn_apply(c, values, e);
	for (i = 0; i < CONN_COUNT; i++)
		secret_done(&values[i]);
	return rc;
}

/* One value as a shell would read it; ${out} has room for the line. */
static size_t
env_unquote(const char *at, char *out)
{
	char quote = '\0';
	size_t n = 0;

	for (; *at != '\0' && *at != '\n' && *at != '\r'; at++) {
		if (quote == '\0' && (*at == ' ' || *at == '\t'))
			break;
		if (quote == '\0' && (*at == '"' || *at == '\''))
			quote = *at;
		else if (*at == quote)
			quote = '\0';
		else if (*at == '\\' && quote == '"' && at[1] != '\0' &&
		    strchr("\\\"$`", at[1]) != NULL)
			out[n++] = *++at;
		else
			out[n++] = *at;
	}
	return n;
}

/* What stands behind "NAME=" in this line, NULL if it is another one's. */
static const char *
env_match(const char *line, const char *name)
{
	size_t n = strlen(name);

	line += strspn(line, " \t");
	if (strncmp(line, "export", 6) == 0 &&
	    (line[6] == ' ' || line[6] == '\t'))
		line += 6 + strspn(line + 6, " \t");
	return strncmp(line, name, n) == 0 && line[n] == '=' ? line + n + 1
							     : NULL;
}

bool
azure_env_find(const char *text, const char *name, struct secret *out)
{
	const char *line, *value;
	size_t len;

	/* A byte order mark is no part of the first name. */
	if (strncmp(text, "\xef\xbb\xbf", 3) == 0)
		text += 3;
	secret_done(out);
	for (line = text; *line != '\0';
	     line += line[len] == '\n' ? len + 1 : len) {
		len = strcspn(line, "\n");
		if ((value = env_match(line, name)) == NULL)
			continue;
		secret_done(out);
		out->value = xcalloc(1, len + 1);
		out->len = env_unquote(value, out->value);
		out->value[out->len] = '\0';
	}
	if (out->len == 0)
		secret_done(out);
	return out->len > 0;
}

static char *
env_text(const char *text, const char *name)
{
	struct secret s = SECRET_INIT;
	char *copy = azure_env_find(text, name, &s) ? xstrdup(s.value) : NULL;

	secret_done(&s);
	return copy;
}

/* A connection string says it all; else the account and what opens it. */
static int
file_take(struct azure_cred *c, const char *text, struct err *e)
{
	struct secret s = SECRET_INIT;
	int rc;

	c->container = env_text(text, "AZURE_STORAGE_CONTAINER");
	if (azure_env_find(text, "AZURE_STORAGE_CONNECTION_STRING", &s)) {
		rc = azure_cred_connection(c, s.value, e);
	} else {
		c->account = env_text(text, "AZURE_STORAGE_ACCOUNT");
		if (azure_env_find(text, "AZURE_STORAGE_KEY", &s))
			rc = azure_cred_key(c, s.value, e);
		else if (azure_env_find(text, "AZURE_STORAGE_SAS_TOKEN", &s))
			rc = azure_cred_sas(c, s.value, e);
		else
			rc = err_set(e, ERR_CONFIG,
			    "neither AZURE_STORAGE_CONNECTION_STRING= nor "
			    "AZURE_STORAGE_KEY= nor AZURE_STORAGE_SAS_TOKEN= "
			    "in it");
	}
	secret_done(&s);
	return rc;
}

int
azure_cred_file(struct azure_cred *c, const char *path, struct err *e)
{
	char *text;
	size_t len;
	int rc;

	if (file_check_private(path, e) == -1 ||
	    (text = file_slurp(path, FILE_MAX, &len, e)) == NULL)
		return err_context(e, "credentials");
	rc = file_take(c, text, e);
	OPENSSL_cleanse(text, len);
	free(text);
	return rc == -1 ? err_context(e, "credentials '%s'", path) : 0;
}
