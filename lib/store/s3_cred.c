/* s3_cred.c - where access keys are looked for, and in which order. */
#include "store/s3_cred.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "conf/secret.h"
#include "store/s3.h"

#define TOKEN_MAX ((size_t)64 * 1024)
#define CONTAINER_URL "http://169.254.170.2"

static void
wipe(char **s)
{
	if (*s != NULL)
		OPENSSL_cleanse(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

void
s3_keys_done(struct s3_keys *k)
{
	wipe(&k->id);
	wipe(&k->secret);
	wipe(&k->token);
	k->expires_ms = 0;
}

void
s3_found_done(struct s3_found *f)
{
	s3_keys_done(&f->keys);
	free(f->role);
	free(f->session);
	free(f->token_file);
	free(f->url);
	wipe(&f->token);
	memset(f, 0, sizeof(*f));
}

/* A variable that is set to something. */
static const char *
env_of(const char *name)
{
	const char *value = getenv(name);

	return value == NULL || value[0] == '\0' ? NULL : value;
}

static const char *
text_of(const json_t *cfg, const char *key)
{
	const char *text = json_get_str(cfg, key, NULL);

	return text == NULL || text[0] == '\0' ? NULL : text;
}

/* --- 1: in the configuration. */

static int
load(const json_t *cfg, const char *key, char **out, struct err *e)
{
	struct secret s = SECRET_INIT;

	if (secret_load(json_get_object(cfg, key), &s, e) == -1)
		return err_context(e, "%s", key);
	*out = s.value;
	return 0;
}

static int
find_configured(const json_t *cfg, struct s3_found *out, struct err *e)
{
	const char *id = text_of(cfg, "access_key_id");

	if (id == NULL)
		return 0;
	if (json_get_object(cfg, "secret_access_key") == NULL)
		return err_set(e, ERR_CONFIG,
		    "access_key_id wants secret_access_key_file or "
		    "secret_access_key_env");
	out->keys.id = xstrdup(id);
	if (load(cfg, "secret_access_key", &out->keys.secret, e) == -1)
		return -1;
	if (json_get_object(cfg, "session_token") != NULL &&
	    load(cfg, "session_token", &out->keys.token, e) == -1)
		return -1;
	out->from = S3_CRED_GIVEN;
	return 0;
}

/* --- 2 and 4: shared files. */

static int
find_credentials(const json_t *cfg, struct s3_found *out, struct err *e)
{
	const char *path = text_of(cfg, "credentials");
	const char *profile = json_get_str(cfg, "profile", "default");
	int rc;

	if (path == NULL)
		return 0;
	rc = s3_cred_profile(path, false, profile, out, e);
	if (rc == 1 || (rc == 0 && out->from == S3_CRED_NOWHERE))
		return err_set(e, ERR_CONFIG,
		    "'%s' has no keys for profile '%.60s'", path, profile);
	return rc;
}

/* One of the two; that it is not there is no fault. */
static int
find_in_file(const char *variable, const char *usual, bool is_config,
    const char *profile, struct s3_found *out, struct err *e)
{
	const char *named = env_of(variable);
	struct err why = ERR_INIT;
	char *path;
	int rc;

	if (out->from != S3_CRED_NOWHERE)
		return 0;
	path = file_expand(named != NULL ? named : usual, NULL);
	rc = s3_cred_profile(path, is_config, profile, out, &why);
	free(path);
	if (rc == -1 && why.code == ERR_NOT_FOUND)
		return 0;
	if (rc == -1) {
		err_copy(e, &why);
		return -1;
	}
	return 0;
}

static int
find_shared(const json_t *cfg, struct s3_found *out, struct err *e)
{
	const char *named = text_of(cfg, "profile");
	const char *profile;

	if (named == NULL)
		named = env_of("AWS_PROFILE");
	profile = named != NULL ? named : "default";
	if (find_in_file("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials",
		false, profile, out, e) == -1 ||
	    find_in_file("AWS_CONFIG_FILE", "~/.aws/config", true, profile, out,
		e) == -1)
		return -1;
	if (named != NULL && out->from == S3_CRED_NOWHERE)
		return err_set(e, ERR_CONFIG,
		    "no shared file has keys for profile '%.60s'", named);
	return 0;
}

/* --- 3, 5, 6: the environment. */

static int
find_env(const json_t *cfg, struct s3_found *out, struct err *e)
{
	const char *id = env_of("AWS_ACCESS_KEY_ID");
	const char *secret = env_of("AWS_SECRET_ACCESS_KEY");
	const char *token = env_of("AWS_SESSION_TOKEN");

	if ((id == NULL && secret == NULL) || text_of(cfg, "profile") != NULL)
		return 0;
	if (id == NULL || secret == NULL)
		return err_set(e, ERR_CONFIG,
		    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY belong "
		    "together");
	out->from = S3_CRED_GIVEN;
	out->keys.id = xstrdup(id);
	out->keys.secret = xstrdup(secret);
	out->keys.token = token == NULL ? NULL : xstrdup(token);
	return 0;
}

/* One line of text that goes into a header or a form. */
static int
read_token(const char *path, char **out, struct err *e)
{
	char *text;
	size_t len;

	if ((text = file_slurp(path, TOKEN_MAX, &len, e)) == NULL)
		return -1;
	while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
		text[--len] = '\0';
	if (len == 0) {
		free(text);
		return err_set(e, ERR_CONFIG, "'%s' is empty", path);
	}
	*out = text;
	return 0;
}

static int
find_web(struct s3_found *out, struct err *e)
{
	const char *file = env_of("AWS_WEB_IDENTITY_TOKEN_FILE");
	const char *role = env_of("AWS_ROLE_ARN");
	const char *session = env_of("AWS_ROLE_SESSION_NAME");

	if (out->from == S3_CRED_NOWHERE && file != NULL && role != NULL) {
		out->from = S3_CRED_WEB;
		out->role = xstrdup(role);
		out->token_file = file_expand(file, NULL);
	}
	if (out->from != S3_CRED_WEB)
		return 0;
	if (out->session == NULL)
		out->session = xstrdup(session != NULL ? session : "ragbackup");
	return read_token(out->token_file, &out->token, e);
}

static int
find_container(struct s3_found *out, struct err *e)
{
	const char *relative = env_of("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
	const char *full = env_of("AWS_CONTAINER_CREDENTIALS_FULL_URI");
	const char *file = env_of("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
	const char *token = env_of("AWS_CONTAINER_AUTHORIZATION_TOKEN");

	if (relative == NULL && full == NULL)
		return 0;
	if (relative != NULL && relative[0] != '/')
		return err_set(e, ERR_CONFIG,
		    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path");
	out->from = S3_CRED_CONTAINER;
	out->url = relative != NULL ? xasprintf(CONTAINER_URL "%s", relative)
				    : xstrdup(full);
	if (file != NULL)
		return read_token(file, &out->token, e);
	out->token = token == NULL ? NULL : xstrdup(token);
	return 0;
}

int
s3_cred_find(const json_t *cfg, struct s3_found *out, struct err *e)
{
	if (find_configured(cfg, out, e) == -1)
		return -1;
	if (out->from == S3_CRED_NOWHERE && find_credentials(cfg, out, e) == -1)
		return -1;
	if (out->from == S3_CRED_NOWHERE && find_env(cfg, out, e) == -1)
		return -1;
	if (out->from == S3_CRED_NOWHERE && find_shared(cfg, out, e) == -1)
		return -1;
	if (find_web(out, e) == -1)
		return -1;
	if (out->from == S3_CRED_NOWHERE && find_container(out, e) == -1)
		return -1;
	return 0;
}

/* --- One fetch. */

struct s3_cred_op {
	struct cloud *cloud;
	struct work work;
	struct s3_found found;
	struct err err;
	cloud_auth_fn *fn;
	void *arg;
};

/* They go into headers as they are. */
static bool
is_word(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

static int
keys_check(const struct s3_keys *k, struct err *e)
{
	if (is_word(k->id) && strchr(k->id, '/') == NULL &&
	    is_word(k->secret) && (k->token == NULL || is_word(k->token)))
		return 0;
	return err_set(e, ERR_CONFIG,
	    "the access keys have characters that none has");
}

static void
cred_answer(struct s3_cred_op *op, int64_t expires_ms, const struct err *e)
{
	cloud_auth_fn *fn = op->fn;
	void *arg = op->arg;
	struct err err;

	err_copy(&err, e);
	s3_found_done(&op->found);
	free(op);
	fn(arg, expires_ms, err.code == ERR_NONE ? NULL : &err);
}

/* Takes ${keys}. */
static void
on_cred_keys(void *arg, struct s3_keys *keys, const struct err *e)
{
	struct s3_cred_op *op = arg;
	struct s3 *s = s3_of(op->cloud);
	struct err mine = ERR_INIT;

	if (e == NULL && keys_check(keys, &mine) == -1) {
		s3_keys_done(keys);
		e = &mine;
	}
	if (e != NULL) {
		cred_answer(op, 0, e);
		return;
	}
	s3_keys_done(&s->keys);
	s->keys = *keys;
	s->keys_from = op->found.from;
	memset(keys, 0, sizeof(*keys));
	cred_answer(op, s->keys.expires_ms, NULL);
}

static void
cred_machine(struct s3_cred_op *op)
{
	const char *off = env_of("AWS_EC2_METADATA_DISABLED");
	struct err e = ERR_INIT;

	if (off != NULL && strcasecmp(off, "true") == 0) {
		(void)err_set(&e, ERR_CONFIG,
		    "there are no access keys: none is configured, in the "
		    "environment, or in a shared file");
		cred_answer(op, 0, &e);
		return;
	}
	op->found.from = S3_CRED_MACHINE;
	s3_cred_machine(op->cloud,
	    s3_of(op->cloud)->keys_from == S3_CRED_MACHINE, on_cred_keys, op);
}

static void
on_cred_found(void *arg)
{
	struct s3_cred_op *op = arg;

	if (op->err.code != ERR_NONE) {
		cred_answer(op, 0, &op->err);
		return;
	}
	switch (op->found.from) {
	case S3_CRED_GIVEN:
		on_cred_keys(op, &op->found.keys, NULL);
		break;
	case S3_CRED_WEB:
		s3_cred_web(op->cloud, &op->found, on_cred_keys, op);
		break;
	case S3_CRED_CONTAINER:
		s3_cred_container(op->cloud, &op->found, on_cred_keys, op);
		break;
	default:
		cred_machine(op);
		break;
	}
}

static void
cred_run(void *arg)
{
	struct s3_cred_op *op = arg;

	(void)s3_cred_find(op->cloud->base.cfg, &op->found, &op->err);
}

void
s3_cred_authorize(struct cloud *c, cloud_auth_fn *fn, void *arg)
{
	struct s3_cred_op *op = xcalloc(1, sizeof(*op));

	op->cloud = c;
	op->fn = fn;
	op->arg = arg;
	work_submit(c->base.lent.pool, &op->work, cred_run, on_cred_found, op);
}
