/* secret.c - see secret.h. */
#include "conf/secret.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"

#define SECRET_MAX ((size_t)64 * 1024)

void
secret_done(struct secret *s)
{
	if (s->value != NULL)
		OPENSSL_cleanse(s->value, s->len);
	free(s->value);
	s->value = NULL;
	s->len = 0;
}

static int
secret_set(struct secret *out, const char *value, size_t len, const char *from,
    struct err *e)
{
	if (len == 0)
		return err_set(e, ERR_CONFIG, "%s is empty", from);
	if (memchr(value, '\0', len) != NULL)
		return err_set(e, ERR_CONFIG, "%s holds a NUL byte", from);
	out->value = xmalloc(len + 1);
	memcpy(out->value, value, len);
	out->value[len] = '\0';
	out->len = len;
	return 0;
}

static int
secret_from_env(const char *name, struct secret *out, struct err *e)
{
	const char *value = getenv(name);
	char from[128];

	if (value == NULL)
		return err_set(e, ERR_CONFIG,
		    "environment variable %.80s is not set", name);
	(void)snprintf(from, sizeof(from), "environment variable %.80s", name);
	return secret_set(out, value, strlen(value), from, e);
}

/*
 * The value of NAME=value, "export NAME=value" and quotes around the value as
 * a shell would read them; the last one counts.
 */
static const char *
secret_find(const char *text, const char *name, size_t *len)
{
	const char *line, *at, *end, *found = NULL;
	size_t n = strlen(name);

	for (line = text; *line != '\0'; line = end + (*end == '\n')) {
		end = line + strcspn(line, "\n");
		for (at = line; *at == ' ' || *at == '\t'; at++)
			;
		if (strncmp(at, "export ", 7) == 0)
			at += 7;
		if (strncmp(at, name, n) != 0 || at[n] != '=')
			continue;
		found = at + n + 1;
		*len = (size_t)(end - found);
		while (*len > 0 && strchr(" \t\r", found[*len - 1]) != NULL)
			(*len)--;
		if (*len >= 2 && (found[0] == '"' || found[0] == '\'') &&
		    found[*len - 1] == found[0]) {
			found++;
			*len -= 2;
		}
	}
	return found;
}

static int
secret_from_file(const char *path, const char *var, struct secret *out,
    struct err *e)
{
	const char *value;
	char *text;
	size_t len, n;
	int rc = -1;

	if (file_check_private(path, e) == -1)
		return err_context(e, "secret");
	if ((text = file_slurp(path, SECRET_MAX, &len, e)) == NULL)
		return err_context(e, "secret");
	n = len;
	value = text;
	if (var != NULL)
		value = secret_find(text, var, &n);
	else if (n > 0 && text[n - 1] == '\n')
		n -= n > 1 && text[n - 2] == '\r' ? 2 : 1;
	if (value == NULL)
		(void)err_set(e, ERR_CONFIG, "secret: '%s' has no %s=", path,
		    var);
	else
		rc = secret_set(out, value, n, path, e);
	OPENSSL_cleanse(text, len);
	free(text);
	return rc;
}

int
secret_load(const json_t *ref, struct secret *out, struct err *e)
{
	const char *file = json_get_str(ref, "file", NULL);
	const char *env = json_get_str(ref, "env", NULL);

	*out = (struct secret)SECRET_INIT;
	if (file != NULL)
		return secret_from_file(file, json_get_str(ref, "var", NULL),
		    out, e);
	if (env != NULL)
		return secret_from_env(env, out, e);
	return err_set(e, ERR_CONFIG,
	    "secret: neither a file nor an "
	    "environment variable is named");
}
