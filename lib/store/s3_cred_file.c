/*
 * s3_cred_file.c - profiles in Amazon's shared files; see s3_cred.h.
 *
 *	[name]                      in a credentials file
 *	[profile name], [default]   in a configuration file
 *	key = value                 lines that are indented belong to others
 */
#include <ctype.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/s3_cred.h"

#define FILE_MAX ((size_t)1024 * 1024)

/* What a profile says; pointing into the file's text. */
struct profile {
	bool is_there;
	const char *id, *secret, *token;
	const char *role, *session, *token_file;
	const char *other; /* Another way to get keys. */
};

static char *
trim(char *s)
{
	size_t n;

	while (*s == ' ' || *s == '\t')
		s++;
	n = strlen(s);
	while (n > 0 && isspace((unsigned char)s[n - 1]))
		s[--n] = '\0';
	return s;
}

/* The name in "[name]" or "[profile name]", NULL: no section. */
static const char *
section_name(char *line, bool is_config)
{
	char *end = strchr(line, ']'), *name;

	if (line[0] != '[' || end == NULL)
		return NULL;
	*end = '\0';
	name = trim(line + 1);
	if (!is_config || strcmp(name, "default") == 0)
		return name;
	if (strncmp(name, "profile", 7) != 0 ||
	    (name[7] != ' ' && name[7] != '\t'))
		return ""; /* Of another kind. */
	name = trim(name + 7);
	if (name[0] == '"' && str_has_suffix(name + 1, "\"")) {
		name++;
		name[strlen(name) - 1] = '\0';
	}
	return name;
}

static void
profile_set(struct profile *p, char *line)
{
	static const char *const others[] = { "credential_process",
		"source_profile", "credential_source", "sso_session",
		"sso_start_url", "login_session" };
	const struct {
		const char *key;
		const char **to;
	} rows[] = {
		{ "aws_access_key_id", &p->id },
		{ "aws_secret_access_key", &p->secret },
		{ "aws_session_token", &p->token },
		{ "aws_security_token", &p->token },
		{ "role_arn", &p->role },
		{ "role_session_name", &p->session },
		{ "web_identity_token_file", &p->token_file },
	};
	char *value = strchr(line, '='), *key;
	size_t i;

	if (value == NULL)
		return;
	*value++ = '\0';
	key = trim(line);
	value = trim(value);
	for (i = 0; key[i] != '\0'; i++)
		key[i] = (char)tolower((unsigned char)key[i]);
	if (value[0] == '\0')
		return;
	for (i = 0; i < COUNT_OF(rows); i++)
		if (strcmp(rows[i].key, key) == 0)
			*rows[i].to = value;
	for (i = 0; i < COUNT_OF(others); i++)
		if (strcmp(others[i], key) == 0)
			p->other = others[i];
}

/* Cuts ${text} into lines. */
static void
profile_parse(struct profile *p, char *text, bool is_config, const char *want)
{
	bool is_in = false;
	const char *name;
	char *line, *end;

	for (line = text; line != NULL; line = end) {
		if ((end = strchr(line, '\n')) != NULL)
			*end++ = '\0';
		if (line[0] == '[') {
			name = section_name(line, is_config);
			is_in = name != NULL && strcmp(name, want) == 0;
			p->is_there = p->is_there || is_in;
		} else if (is_in && line[0] != '#' && line[0] != ';' &&
		    !isspace((unsigned char)line[0])) {
			profile_set(p, line);
		}
	}
}

static int
profile_keys(const char *path, const struct profile *p, struct s3_found *out,
    struct err *e)
{
	if (p->id == NULL || p->secret == NULL)
		return err_set(e, ERR_CONFIG,
		    "'%s': aws_access_key_id and aws_secret_access_key belong "
		    "together",
		    path);
	if (file_check_private(path, e) == -1)
		return -1;
	out->from = S3_CRED_GIVEN;
	out->keys.id = xstrdup(p->id);
	out->keys.secret = xstrdup(p->secret);
	out->keys.token = p->token == NULL ? NULL : xstrdup(p->token);
	return 0;
}

static int
profile_take(const char *path, const struct profile *p, const char *name,
    struct s3_found *out, struct err *e)
{
	if (p->id != NULL || p->secret != NULL)
		return profile_keys(path, p, out, e);
	if (p->role != NULL && p->token_file != NULL) {
		out->from = S3_CRED_WEB;
		out->role = xstrdup(p->role);
		if (p->session != NULL)
			out->session = xstrdup(p->session);
		out->token_file = file_expand(p->token_file, NULL);
		return 0;
	}
	if (p->other != NULL)
		return err_set(e, ERR_CONFIG,
		    "'%s': profile '%.60s' has %s; give keys or a web identity",
		    path, name, p->other);
	return 0;
}

int
s3_cred_profile(const char *path, bool is_config, const char *name,
    struct s3_found *out, struct err *e)
{
	struct profile p = { .is_there = false };
	char *text;
	size_t len;
	int rc;

	if ((text = file_slurp(path, FILE_MAX, &len, e)) == NULL)
		return -1;
	profile_parse(&p, text, is_config, name);
	rc = p.is_there ? profile_take(path, &p, name, out, e) : 1;
	OPENSSL_cleanse(text, len);
	free(text);
	return rc;
}
