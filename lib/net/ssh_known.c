/* ssh_known.c - see ssh_known.h. */
#include "net/ssh_known.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "net/ssh_b64.h"

#define KNOWN_FILE_MAX ((size_t)16 * 1024 * 1024)

/* Of what one line says about a name. */
enum known_match { KNOWN_OTHER, KNOWN_NAMED, KNOWN_NEGATED };

static bool
known_glob(const char *pat, size_t n, const char *name)
{
	if (n == 0)
		return *name == '\0';
	if (*pat == '*') {
		for (;; name++) {
			if (known_glob(pat + 1, n - 1, name))
				return true;
			if (*name == '\0')
				return false;
		}
	}
	if (*name == '\0' ||
	    (*pat != '?' &&
		tolower((unsigned char)*pat) != (unsigned char)*name))
		return false;
	return known_glob(pat + 1, n - 1, name + 1);
}

/* "|1|salt|hash": the HMAC-SHA1 of the name. */
static bool
known_hashed(const char *text, size_t n, const char *name)
{
	uint8_t salt[64], want[64], got[EVP_MAX_MD_SIZE];
	const char *bar = memchr(text + 3, '|', n - 3);
	unsigned got_len = 0;
	size_t salt_len, want_len;

	if (bar == NULL)
		return false;
	if (ssh_b64_decode(text + 3, (size_t)(bar - text) - 3, salt,
		sizeof(salt), &salt_len) == -1 ||
	    ssh_b64_decode(bar + 1, (size_t)(text + n - bar) - 1, want,
		sizeof(want), &want_len) == -1)
		return false;
	if (HMAC(EVP_sha1(), salt, (int)salt_len, (const uint8_t *)name,
		strlen(name), got, &got_len) == NULL)
		return false;
	return want_len == got_len && memcmp(want, got, got_len) == 0;
}

static enum known_match
known_match(const char *hosts, size_t n, const char *name)
{
	enum known_match m = KNOWN_OTHER;
	const char *end = hosts + n, *at, *stop;
	bool is_not;

	if (n > 3 && memcmp(hosts, "|1|", 3) == 0)
		return known_hashed(hosts, n, name) ? KNOWN_NAMED : KNOWN_OTHER;
	for (at = hosts; at < end; at = stop + 1) {
		stop = memchr(at, ',', (size_t)(end - at));
		if (stop == NULL)
			stop = end;
		is_not = *at == '!';
		if (!known_glob(at + is_not, (size_t)(stop - at) - is_not,
			name))
			continue;
		if (is_not)
			return KNOWN_NEGATED;
		m = KNOWN_NAMED;
	}
	return m;
}

/* The next word of a line; its length, 0 at the end. */
static size_t
known_word(const char **at, const char **word)
{
	size_t n;

	*at += strspn(*at, " \t");
	*word = *at;
	n = strcspn(*at, " \t\r");
	*at += n;
	return n;
}

static void
known_add(struct known *k, const char *type, size_t type_len, const char *text,
    size_t n, bool is_revoked, unsigned line)
{
	struct known_key key;

	memset(&key, 0, sizeof(key));
	if (type_len == 0 || type_len >= sizeof(key.type) || n == 0)
		return;
	memcpy(key.type, type, type_len);
	key.blob = xmalloc(n);
	if (ssh_b64_decode(text, n, key.blob, n, &key.len) == -1) {
		free(key.blob);
		return;
	}
	key.is_revoked = is_revoked;
	key.line = line;
	k->keys = xrealloc(k->keys, (k->n + 1) * sizeof(*k->keys));
	k->keys[k->n++] = key;
}

/* One line: [@marker] hosts type key [comment]. */
static void
known_line(struct known *k, const char *line, const char *name, bool revoked,
    unsigned number)
{
	const char *at = line, *hosts, *type, *key;
	size_t nhosts, ntype, nkey;
	bool is_revoked = false;

	nhosts = known_word(&at, &hosts);
	if (nhosts == 0 || *hosts == '#')
		return;
	if (*hosts == '@') {
		is_revoked = nhosts == 8 && memcmp(hosts, "@revoked", 8) == 0;
		/* Certificate authorities vouch for nothing we can check. */
		if (!is_revoked)
			return;
		nhosts = known_word(&at, &hosts);
	}
	ntype = known_word(&at, &type);
	nkey = known_word(&at, &key);
	if (is_revoked == revoked &&
	    known_match(hosts, nhosts, name) == KNOWN_NAMED)
		known_add(k, type, ntype, key, nkey, is_revoked, number);
}

static void
known_scan(struct known *k, const char *text, const char *name, bool revoked)
{
	const char *at = text, *eol;
	unsigned number = 0;
	char *line;

	for (; *at != '\0'; at = eol + (*eol == '\n')) {
		eol = strchr(at, '\n');
		if (eol == NULL)
			eol = at + strlen(at);
		line = xstrndup(at, (size_t)(eol - at));
		known_line(k, line, name, revoked, ++number);
		free(line);
	}
}

int
known_load(struct known *k, const char *path, const char *host, int port,
    struct err *e)
{
	struct err mine = ERR_INIT;
	char *text;

	memset(k, 0, sizeof(*k));
	k->path = xstrdup(path);
	k->name = port == 22 ? xstrdup(host) : xasprintf("[%s]:%d", host, port);
	text = file_slurp(path, KNOWN_FILE_MAX, NULL, &mine);
	if (text == NULL && mine.code == ERR_NOT_FOUND)
		return 0;
	if (text == NULL) {
		err_copy(e, &mine);
		return -1;
	}
	known_scan(k, text, k->name, false);
	/* As ssh does: the plain name serves only where the port's has none. */
	if (k->n == 0 && port != 22)
		known_scan(k, text, host, false);
	known_scan(k, text, k->name, true);
	if (port != 22)
		known_scan(k, text, host, true);
	free(text);
	return 0;
}

void
known_done(struct known *k)
{
	size_t i;

	for (i = 0; i < k->n; i++)
		free(k->keys[i].blob);
	free(k->keys);
	free(k->path);
	free(k->name);
	memset(k, 0, sizeof(*k));
}

void
known_types(const struct known *k, struct buf *out)
{
	static const char *const best[] = { "ssh-ed25519",
		"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384",
		"ecdsa-sha2-nistp521", "ssh-rsa" };
	size_t i, j;

	for (i = 0; i < COUNT_OF(best); i++)
		for (j = 0; j < k->n; j++)
			if (!k->keys[j].is_revoked &&
			    strcmp(k->keys[j].type, best[i]) == 0) {
				buf_addf(out, "%s%s", out->len > 0 ? "," : "",
				    best[i]);
				break;
			}
}

void
known_blob_type(const uint8_t *blob, size_t n, char *out, size_t size)
{
	size_t len = 0;

	if (n >= 4)
		len = (size_t)blob[0] << 24 | (size_t)blob[1] << 16 |
		    (size_t)blob[2] << 8 | blob[3];
	out[0] = '\0';
	if (len > 0 && len <= n - 4 && len < size) {
		memcpy(out, blob + 4, len);
		out[len] = '\0';
	}
}

void
known_fingerprint(const uint8_t *blob, size_t n,
    char out[KNOWN_FINGERPRINT_SIZE])
{
	uint8_t sum[EVP_MAX_MD_SIZE];
	char text[KNOWN_FINGERPRINT_SIZE];
	unsigned len = 0;

	BUG_IF(EVP_Digest(blob, n, sum, &len, EVP_sha256(), NULL) != 1);
	(void)EVP_EncodeBlock((unsigned char *)text, sum, (int)len);
	text[strcspn(text, "=")] = '\0';
	(void)snprintf(out, KNOWN_FINGERPRINT_SIZE, "SHA256:%.50s", text);
}

static int
known_unknown(const struct known *k, const char *type, const char *print,
    const uint8_t *blob, size_t n, struct err *e)
{
	char *b64 = ssh_b64_encode(blob, n);
	int rc;

	if (strlen(b64) > 200)
		rc = err_set(e, ERR_HOST_KEY,
		    "unknown host key: the server "
		    "shows %s %s, and '%s' has no line for '%s'; once you have "
		    "made sure of it, add the one that ssh-keyscan prints",
		    type, print, k->path, k->name);
	else
		rc = err_set(e, ERR_HOST_KEY,
		    "unknown host key: the server "
		    "shows %s %s, and '%s' has no line for it; once you have "
		    "made sure of it, add: %s %s %s",
		    type, print, k->path, k->name, type, b64);
	free(b64);
	return rc;
}

int
known_check(const struct known *k, const uint8_t *blob, size_t n, struct err *e)
{
	char print[KNOWN_FINGERPRINT_SIZE], type[64];
	const struct known_key *other = NULL;
	size_t i;
	bool is_known = false;

	known_fingerprint(blob, n, print);
	known_blob_type(blob, n, type, sizeof(type));
	for (i = 0; i < k->n; i++) {
		const struct known_key *key = &k->keys[i];
		bool is_same = key->len == n && memcmp(key->blob, blob, n) == 0;

		if (key->is_revoked && is_same)
			return err_set(e, ERR_HOST_KEY,
			    "the host key %s %s is "
			    "revoked by line %u of '%s'",
			    type, print, key->line, k->path);
		if (key->is_revoked)
			continue;
		if (is_same)
			is_known = true;
		else if (other == NULL || strcmp(key->type, type) == 0)
			other = key;
	}
	if (is_known)
		return 0;
	if (other == NULL)
		return known_unknown(k, type, print, blob, n, e);
	if (strcmp(other->type, type) == 0)
		return err_set(e, ERR_HOST_KEY,
		    "the host key has CHANGED: the "
		    "server shows %s %s, line %u of '%s' has another for '%s'; "
		    "somebody may be in between",
		    type, print, other->line, k->path, k->name);
	return err_set(e, ERR_HOST_KEY,
	    "the server shows %s %s, but line %u of "
	    "'%s' knows '%s' by a key of type %s only",
	    type, print, other->line, k->path, k->name, other->type);
}
