/*
 * s3_cred_net.c - access keys from services: a token service for web
 * identities, the container's, the machine's own; see s3_cred.h.
 *
 * No text of an answer goes into an error: it may have a secret in it.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/s3.h"
#include "store/xml.h"

#define MACHINE_URL "http://169.254.169.254"
#define MACHINE_URL_V6 "http://[fd00:ec2::254]"
#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"
#define MACHINE_TOKEN_S 21600

struct s3_ask {
	struct cloud *cloud;
	bool is_known;
	char *base;  /* Of the machine's service. */
	char *token; /* What opens it; secret. */
	s3_cred_fn *fn;
	void *arg;
};

static struct s3_ask *
ask_new(struct cloud *c, s3_cred_fn *fn, void *arg)
{
	struct s3_ask *k = xcalloc(1, sizeof(*k));

	k->cloud = c;
	k->fn = fn;
	k->arg = arg;
	return k;
}

static void
ask_answer(struct s3_ask *k, struct s3_keys *keys, const struct err *e)
{
	s3_cred_fn *fn = k->fn;
	void *arg = k->arg;
	struct err err;

	err_copy(&err, e);
	free(k->base);
	if (k->token != NULL)
		OPENSSL_cleanse(k->token, strlen(k->token));
	free(k->token);
	free(k);
	fn(arg, e == NULL ? keys : NULL, e == NULL ? NULL : &err);
}

static int
fault(struct err *e, const char *who, long status, const char *what)
{
	bool is_later = status == 429 || status >= 500;

	return err_set(e, is_later ? ERR_BUSY : ERR_AUTH, "%s answered %ld%s%s",
	    who, status, what[0] == '\0' ? "" : ": ", what);
}

static int
keys_set(struct s3_keys *k, const char *id, const char *secret,
    const char *token, const char *expires, const char *who, struct err *e)
{
	if (id[0] == '\0' || secret[0] == '\0' || token[0] == '\0')
		return err_set(e, ERR_PROTOCOL, "%s gave no keys", who);
	if (str_parse_time(expires, &k->expires_ms) == -1)
		return err_set(e, ERR_PROTOCOL,
		    "%s does not tell until when its keys are good", who);
	k->id = xstrdup(id);
	k->secret = xstrdup(secret);
	k->token = xstrdup(token);
	return 0;
}

/* --- Web identity. */

static void
form_add(struct buf *form, const char *name, const char *value)
{
	buf_addf(form, "%s%s=", form->len == 0 ? "" : "&", name);
	cloud_encode(form, value, "");
}

static int
web_read(const struct http_answer *a, struct s3_keys *keys, struct err *e)
{
	static const char who[] = "the security token service";
	struct err ignored = ERR_INIT;
	struct xml *root = xml_parse(a->body, a->body_len, &ignored);
	const struct xml *x = xml_find(xml_find(root,
					   "AssumeRoleWithWebIdentityResult"),
	    "Credentials");
	const char *code = xml_text(xml_find(root, "Error"), "Code", "");
	int rc;

	if (a->status == 200) {
		rc = keys_set(keys, xml_text(x, "AccessKeyId", ""),
		    xml_text(x, "SecretAccessKey", ""),
		    xml_text(x, "SessionToken", ""),
		    xml_text(x, "Expiration", ""), who, e);
	} else {
		rc = fault(e, who, a->status, code);
		if (strcmp(code, "IDPCommunicationError") == 0 ||
		    strcmp(code, "Throttling") == 0)
			e->code = ERR_BUSY;
	}
	xml_free(root);
	return rc;
}

static void
on_web(void *arg, const struct http_answer *a, const struct err *e)
{
	struct s3_ask *k = arg;
	struct s3_keys keys = { NULL, NULL, NULL, 0 };
	struct err mine = ERR_INIT;

	if (e == NULL && web_read(a, &keys, &mine) == -1)
		e = &mine;
	ask_answer(k, &keys, e);
}

void
s3_cred_web(struct cloud *c, const struct s3_found *found, s3_cred_fn *fn,
    void *arg)
{
	static const char *const headers[] = {
		"Content-Type: application/x-www-form-urlencoded", NULL
	};
	const char *region = s3_of(c)->region;
	const char *own = getenv("AWS_ENDPOINT_URL_STS");
	bool is_own = own != NULL && own[0] != '\0';
	char *url = is_own
	    ? xasprintf("%s%s", own, str_has_suffix(own, "/") ? "" : "/")
	    : xasprintf("https://sts.%s.amazonaws.com%s/", region,
		  str_has_prefix(region, "cn-") ? ".cn" : "");
	struct buf form = BUF_INIT;
	struct http_opt o = { .method = "POST",
		.url = url,
		.headers = headers,
		.ca_file = is_own ? c->ca_file : NULL };

	form_add(&form, "Action", "AssumeRoleWithWebIdentity");
	form_add(&form, "Version", "2011-06-15");
	form_add(&form, "RoleArn", found->role);
	form_add(&form, "RoleSessionName", found->session);
	form_add(&form, "WebIdentityToken", found->token);
	o.body = form.data;
	o.body_len = form.len;
	cloud_ask(c, &o, true, on_web, ask_new(c, fn, arg));
	OPENSSL_cleanse(form.data, form.len);
	buf_done(&form);
	free(url);
}

/* --- JSON, as the container's and the machine's service write it. */

static int
json_read(const struct http_answer *a, const char *who, struct s3_keys *keys,
    struct err *e)
{
	struct err ignored = ERR_INIT;
	json_t *j;
	int rc;

	if (a->status != 200)
		return fault(e, who, a->status, "");
	if ((j = json_parse(a->body, a->body_len, &ignored)) == NULL)
		return err_set(e, ERR_PROTOCOL, "%s did not answer in JSON",
		    who);
	if (strcmp(json_get_str(j, "Code", "Success"), "Success") != 0)
		rc = err_set(e, ERR_AUTH, "%s: %.60s", who,
		    json_get_str(j, "Code", ""));
	else
		rc = keys_set(keys, json_get_str(j, "AccessKeyId", ""),
		    json_get_str(j, "SecretAccessKey", ""),
		    json_get_str(j, "Token", ""),
		    json_get_str(j, "Expiration", ""), who, e);
	json_decref(j);
	return rc;
}

static void
keys_answer(struct s3_ask *k, const char *who, const struct http_answer *a)
{
	struct s3_keys keys = { NULL, NULL, NULL, 0 };
	struct err e = ERR_INIT;

	if (json_read(a, who, &keys, &e) == -1)
		ask_answer(k, NULL, &e);
	else
		ask_answer(k, &keys, NULL);
}

/* --- The container's. */

/* In the clear only what does not leave this machine. */
static bool
is_near(const char *url)
{
	static const char *const hosts[] = { "127.0.0.1", "localhost", "[::1]",
		"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]" };
	const char *host = url + strlen("http://");
	size_t i, n = strcspn(host, "/:?#");

	if (str_has_prefix(url, "https://"))
		return true;
	if (!str_has_prefix(url, "http://"))
		return false;
	if (host[0] == '[')
		n = strcspn(host, "]") + 1;
	for (i = 0; i < COUNT_OF(hosts); i++)
		if (strlen(hosts[i]) == n && strncmp(hosts[i], host, n) == 0)
			return true;
	return false;
}

static void
on_container(void *arg, const struct http_answer *a, const struct err *e)
{
	if (e != NULL)
		ask_answer(arg, NULL, e);
	else
		keys_answer(arg, "the container's credentials service", a);
}

static void
on_container_refused(void *arg)
{
	struct err e = ERR_INIT;

	(void)err_set(&e, ERR_CONFIG,
	    "AWS_CONTAINER_CREDENTIALS_FULL_URI: only https, this machine and "
	    "the container's own service are asked; and its token is one line");
	ask_answer(arg, NULL, &e);
}

void
s3_cred_container(struct cloud *c, const struct s3_found *found, s3_cred_fn *fn,
    void *arg)
{
	struct s3_ask *k = ask_new(c, fn, arg);
	const char *headers[2] = { NULL, NULL };
	struct http_opt o = { .method = "GET",
		.url = found->url,
		.headers = headers };
	char *line = NULL;

	if (!is_near(found->url) ||
	    (found->token != NULL && strpbrk(found->token, "\r\n") != NULL)) {
		(void)defer_call(c->base.env->loop, on_container_refused, k);
		return;
	}
	if (found->token != NULL) {
		line = xasprintf("Authorization: %s", found->token);
		headers[0] = line;
	}
	cloud_ask(c, &o, true, on_container, k);
	if (line != NULL)
		OPENSSL_cleanse(line, strlen(line));
	free(line);
}

/* --- The machine's: a token, the role, its keys. */

static void
machine_get(struct s3_ask *k, const char *role, http_fn *fn)
{
	char *url = xasprintf("%s" ROLES_PATH "%s", k->base, role);
	char *line = xasprintf("X-aws-ec2-metadata-token: %s", k->token);
	const char *const headers[] = { line, NULL };
	struct http_opt o = { .method = "GET", .url = url, .headers = headers };

	cloud_ask(k->cloud, &o, true, fn, k);
	OPENSSL_cleanse(line, strlen(line));
	free(line);
	free(url);
}

static void
on_machine_keys(void *arg, const struct http_answer *a, const struct err *e)
{
	if (e != NULL)
		ask_answer(arg, NULL, e);
	else
		keys_answer(arg, "instance metadata", a);
}

static void
on_machine_role(void *arg, const struct http_answer *a, const struct err *e)
{
	struct s3_ask *k = arg;
	struct err mine = ERR_INIT;
	struct buf role = BUF_INIT;
	char *name;

	if (e == NULL && a->status == 200 && a->body_len > 0) {
		name = xstrndup(a->body, strcspn(a->body, "\r\n"));
		cloud_encode(&role, name, "");
		free(name);
		machine_get(k, buf_str(&role), on_machine_keys);
		buf_done(&role);
		return;
	}
	if (e == NULL) {
		if (a->status == 404 || a->status == 200)
			(void)err_set(&mine, ERR_CONFIG,
			    "there are no access keys, and this machine has no "
			    "role");
		else
			(void)fault(&mine, "instance metadata", a->status, "");
		e = &mine;
	}
	ask_answer(k, NULL, e);
}

static void
on_machine_token(void *arg, const struct http_answer *a, const struct err *e)
{
	struct s3_ask *k = arg;
	struct err mine = ERR_INIT;

	if (e == NULL && a->status == 200 && a->body_len > 0 &&
	    strpbrk(a->body, "\r\n") == NULL) {
		k->token = xstrdup(a->body);
		machine_get(k, "", on_machine_role);
		return;
	}
	if (e == NULL)
		(void)fault(&mine, "instance metadata", a->status, "");
	else if (k->is_known)
		err_copy(&mine, e);
	else
		(void)err_set(&mine, ERR_CONFIG,
		    "there are no access keys: none is configured, in the "
		    "environment, or in a shared file, and there is no "
		    "instance metadata");
	ask_answer(k, NULL, &mine);
}

void
s3_cred_machine(struct cloud *c, bool is_known, s3_cred_fn *fn, void *arg)
{
	const char *own = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *mode = getenv("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
	struct s3_ask *k = ask_new(c, fn, arg);
	char ttl[80], *url;
	const char *const headers[] = { ttl, NULL };
	struct http_opt o = { .method = "PUT", .headers = headers };
	size_t n;

	if (own == NULL || own[0] == '\0')
		own = mode != NULL && strcmp(mode, "IPv6") == 0 ? MACHINE_URL_V6
								: MACHINE_URL;
	n = strlen(own);
	k->base = xstrndup(own, own[n - 1] == '/' ? n - 1 : n);
	k->is_known = is_known;
	(void)snprintf(ttl, sizeof(ttl),
	    "X-aws-ec2-metadata-token-ttl-seconds: %d", MACHINE_TOKEN_S);
	url = xasprintf("%s/latest/api/token", k->base);
	o.url = url;
	cloud_ask(c, &o, is_known, on_machine_token, k);
	free(url);
}
