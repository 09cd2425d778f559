/* ssh_auth.c - prove who we are: by the agent, by key files. */
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "conf/secret.h"
#include "net/ssh_int.h"

#define KEY_FILE_MAX ((size_t)64 * 1024)

/* How one way went. */
enum auth_way { AUTH_DONE, AUTH_NEXT, AUTH_BROKEN };

/* A reason why a way did not lead there, for the final error. */
static void __attribute__((format(printf, 2, 3)))
auth_said(struct buf *why, const char *fmt, ...)
{
	char text[320];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_addf(why, "%s%s", why->len > 0 ? "; " : "", text);
}

static bool
auth_is_network(int rc)
{
	return rc == LIBSSH2_ERROR_SOCKET_SEND ||
	    rc == LIBSSH2_ERROR_SOCKET_RECV ||
	    rc == LIBSSH2_ERROR_SOCKET_DISCONNECT ||
	    rc == LIBSSH2_ERROR_TIMEOUT;
}

static const char *
auth_rsa_hint(bool is_rsa)
{
	/* 1.11 can sign RSA with SHA-2. */
	return is_rsa && libssh2_version(0x010b00) == NULL
	    ? " (an RSA key: this libssh2 signs those with SHA-1 only, which "
	      "servers refuse by now; use an ed25519 or ecdsa key)"
	    : "";
}

/* The passphrase, if one is needed and configured. */
static int
auth_passphrase(struct ssh *s, const char *path, bool is_encrypted,
    struct secret *out, struct buf *why)
{
	struct err e = ERR_INIT;

	if (!is_encrypted)
		return 0;
	if (s->conf->passphrase == NULL) {
		auth_said(why, "'%s' needs a passphrase and none is configured",
		    path);
		return -1;
	}
	if (secret_load(s->conf->passphrase, out, &e) == -1) {
		auth_said(why, "the passphrase of '%s': %s", path, e.msg);
		return -1;
	}
	return 0;
}

static enum auth_way
auth_with_key(struct ssh *s, const char *path, const char *key, size_t n,
    const struct ssh_key_facts *k, const struct secret *pass, struct buf *why,
    struct err *e)
{
	const char *user = s->conf->user;
	int rc;

	while ((rc = libssh2_userauth_publickey_frommemory(s->session, user,
		    strlen(user), NULL, 0, key, n,
		    k->is_encrypted ? pass->value : NULL)) ==
	    LIBSSH2_ERROR_EAGAIN)
		if (ssh_again(s, e) == -1)
			return AUTH_BROKEN;
	if (rc == 0)
		return AUTH_DONE;
	if (auth_is_network(rc)) {
		(void)err_set(e, ERR_NETWORK, "authenticate: %s", ssh_why(s));
		return AUTH_BROKEN;
	}
	if (rc == LIBSSH2_ERROR_AUTHENTICATION_FAILED ||
	    rc == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED)
		auth_said(why, "'%s' is not accepted%s", path,
		    auth_rsa_hint(k->is_rsa));
	else if (k->is_encrypted)
		auth_said(why, "wrong passphrase for '%s' (%s)", path,
		    ssh_why(s));
	else
		auth_said(why, "'%s' cannot be used: %s%s", path, ssh_why(s),
		    auth_rsa_hint(k->is_rsa));
	return AUTH_NEXT;
}

static enum auth_way
auth_by_file(struct ssh *s, const char *path, struct buf *why, struct err *e)
{
	struct secret pass = SECRET_INIT;
	enum auth_way way = AUTH_NEXT;
	struct ssh_key_facts k;
	struct err mine = ERR_INIT;
	char *key = NULL;
	size_t n = 0;

	if (file_check_private(path, &mine) == -1 ||
	    (key = file_slurp(path, KEY_FILE_MAX, &n, &mine)) == NULL) {
		auth_said(why, "%s", mine.msg);
		return AUTH_NEXT;
	}
	ssh_key_inspect(key, &k);
	if (!k.is_private_key)
		auth_said(why, "'%s' is not a private key", path);
	else if (auth_passphrase(s, path, k.is_encrypted, &pass, why) == 0)
		way = auth_with_key(s, path, key, n, &k, &pass, why, e);
	secret_done(&pass);
	OPENSSL_cleanse(key, n);
	free(key);
	return way;
}

/* The agent took all the time there was; see ssh_recv.c. */
static bool
auth_is_late(struct ssh *s, struct err *e)
{
	if (ssh_now_ms() < s->until_ms)
		return false;
	(void)err_set(e, ERR_TIMEOUT,
	    "the agent at SSH_AUTH_SOCK does not answer within %lld ms",
	    (long long)s->conf->connect_ms);
	return true;
}

static enum auth_way
auth_agent_keys(struct ssh *s, LIBSSH2_AGENT *agent, struct buf *why,
    struct err *e)
{
	struct libssh2_agent_publickey *key = NULL;
	unsigned tried = 0;
	bool has_rsa = false;
	char type[64];
	int rc;

	while (libssh2_agent_get_identity(agent, &key, key) == 0) {
		known_blob_type(key->blob, key->blob_len, type, sizeof(type));
		has_rsa = has_rsa || strcmp(type, "ssh-rsa") == 0;
		tried++;
		while ((rc = libssh2_agent_userauth(agent, s->conf->user,
			    key)) == LIBSSH2_ERROR_EAGAIN)
			if (ssh_again(s, e) == -1)
				return AUTH_BROKEN;
		if (rc == 0)
			return AUTH_DONE;
		if (auth_is_late(s, e))
			return AUTH_BROKEN;
		if (auth_is_network(rc)) {
			(void)err_set(e, ERR_AUTH,
			    "the server hung up after "
			    "%u keys of the agent",
			    tried);
			return AUTH_BROKEN;
		}
	}
	auth_said(why, "none of the agent's %u keys is accepted%s", tried,
	    auth_rsa_hint(has_rsa));
	return AUTH_NEXT;
}

static enum auth_way
auth_by_agent(struct ssh *s, struct buf *why, struct err *e)
{
	LIBSSH2_AGENT *agent;
	enum auth_way way = AUTH_NEXT;

	if (!s->conf->use_agent || getenv("SSH_AUTH_SOCK") == NULL)
		return AUTH_NEXT;
	if ((agent = libssh2_agent_init(s->session)) == NULL)
		return AUTH_NEXT;
	if (libssh2_agent_connect(agent) != 0) {
		auth_said(why, "the agent at SSH_AUTH_SOCK does not answer");
	} else {
		if (libssh2_agent_list_identities(agent) == 0)
			way = auth_agent_keys(s, agent, why, e);
		else if (auth_is_late(s, e))
			way = AUTH_BROKEN;
		else
			auth_said(why, "the agent does not tell its keys");
		(void)libssh2_agent_disconnect(agent);
	}
	libssh2_agent_free(agent);
	return way;
}

static enum auth_way
auth_by_default_files(struct ssh *s, struct buf *why, struct err *e)
{
	static const char *const names[] = { "~/.ssh/id_ed25519",
		"~/.ssh/id_ecdsa", "~/.ssh/id_rsa" };
	enum auth_way way = AUTH_NEXT;
	size_t i;
	char *path;

	for (i = 0; way == AUTH_NEXT && i < COUNT_OF(names); i++) {
		path = file_expand(names[i], NULL);
		if (access(path, F_OK) == 0)
			way = auth_by_file(s, path, why, e);
		free(path);
	}
	return way;
}

/* What the server lets us try; 1 when it needs nothing more. */
static int
auth_methods(struct ssh *s, struct err *e)
{
	const char *user = s->conf->user;
	const char *list;

	while ((list = libssh2_userauth_list(s->session, user,
		    (unsigned)strlen(user))) == NULL) {
		if (libssh2_userauth_authenticated(s->session))
			return 1;
		if (libssh2_session_last_errno(s->session) !=
		    LIBSSH2_ERROR_EAGAIN)
			return err_set(e, ERR_NETWORK, "authenticate: %s",
			    ssh_why(s));
		if (ssh_again(s, e) == -1)
			return -1;
	}
	if (strstr(list, "publickey") == NULL)
		return err_set(e, ERR_AUTH,
		    "the server takes no keys, only: "
		    "%.100s",
		    list);
	return 0;
}

int
ssh_auth(struct ssh *s, struct err *e)
{
	enum auth_way way = AUTH_NEXT;
	struct buf why = BUF_INIT;
	int rc;

	if ((rc = auth_methods(s, e)) != 0)
		return rc == 1 ? 0 : -1;
	if (s->conf->identity != NULL)
		way = auth_by_file(s, s->conf->identity, &why, e);
	if (way == AUTH_NEXT)
		way = auth_by_agent(s, &why, e);
	if (way == AUTH_NEXT && s->conf->identity == NULL)
		way = auth_by_default_files(s, &why, e);
	if (way == AUTH_NEXT)
		(void)err_set(e, ERR_AUTH, "authentication failed: %.480s",
		    why.len == 0 ? "there is no agent and no key file"
				 : buf_str(&why));
	buf_done(&why);
	return way == AUTH_DONE ? 0 : -1;
}
