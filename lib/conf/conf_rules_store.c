/* conf_rules_store.c - rules between the keys of a store. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/str.h"
#include "conf/conf_check.h"

/* Names in a bucket hold 1024 bytes; a snapshot's own part needs some. */
#define PREFIX_MAX 900

static bool
has(const json_t *out, const char *key)
{
	return !json_is_null(json_object_get(out, key));
}

static const struct conf_node *
place(const struct conf_node *n, const char *key)
{
	const struct conf_node *v = conf_node_get(n, key);

	return v == NULL ? n : v;
}

void
conf_rules_rates(struct conf_check *c, const struct conf_node *n, json_t *out)
{
	int64_t limit = json_get_int(out, "bandwidth", 0);

	if (limit > 0 && limit < json_get_int(out, "min_rate", 0))
		conf_check_fault_key(c, place(n, "bandwidth"), "bandwidth",
		    "expected no less than min_rate");
}

/* "/a//b" -> "a/b/": names below it are joined without thinking. */
static bool
prefix_normalize(const char *text, struct buf *b)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "/");

		if ((len == 1 && text[0] == '.') ||
		    (len == 2 && strncmp(text, "..", 2) == 0))
			return false;
		if (len > 0) {
			buf_add(b, text, len);
			buf_addf(b, "/");
		}
		text += len;
		text += strspn(text, "/");
	}
	return b->len <= PREFIX_MAX;
}

static void
rules_cloud(struct conf_check *c, const struct conf_node *n, json_t *out)
{
	const char *endpoint = json_get_str(out, "endpoint", NULL);
	struct buf b = BUF_INIT;

	conf_rules_rates(c, n, out);
	if (prefix_normalize(json_get_str(out, "path", ""), &b))
		json_put_str(out, "path", buf_str(&b));
	else
		conf_check_fault_key(c, place(n, "path"), "path",
		    "expected a prefix of at most %d bytes without . and ..",
		    PREFIX_MAX);
	buf_done(&b);
	if (endpoint != NULL && strpbrk(endpoint, "?#") != NULL)
		conf_check_fault_key(c, place(n, "endpoint"), "endpoint",
		    "a service's address has no '?' and no '#'");
}

static void
rules_one_of(struct conf_check *c, const struct conf_node *n, size_t count,
    const char *what)
{
	if (count > 1)
		conf_check_fault(c, n, "give one of %s, not two", what);
	else if (count == 0)
		conf_check_fault(c, n, "this store needs one of %s", what);
}

void
conf_rules_azure(struct conf_check *c, const struct conf_node *n, json_t *out)
{
	bool is_identity = json_get_bool(out, "managed_identity", false);
	bool names_account = has(out, "account");

	rules_cloud(c, n, out);
	rules_one_of(c, n,
	    (size_t)has(out, "credentials") + has(out, "connection_string") +
		has(out, "key") + has(out, "sas") + is_identity,
	    "credentials, connection_string_file, key_file, sas_file, "
	    "managed_identity");
	if (!has(out, "container") && !has(out, "credentials"))
		conf_check_fault_key(c, n, "container",
		    "this key is required: only a credentials file can name "
		    "the container instead");
	if (has(out, "key") && !names_account)
		conf_check_fault_key(c, n, "account",
		    "this key is required: the account of the key");
	if ((has(out, "sas") || is_identity) && !names_account &&
	    !has(out, "endpoint"))
		conf_check_fault_key(c, n, "account",
		    "this key is required, or 'endpoint'");
	if (has(out, "client_id") && !is_identity)
		conf_check_fault_key(c, place(n, "client_id"), "client_id",
		    "it is for managed_identity");
}

void
conf_rules_s3(struct conf_check *c, const struct conf_node *n, json_t *out)
{
	bool has_id = has(out, "access_key_id");
	bool is_kms = strcmp(json_get_str(out, "sse", ""), "aws:kms") == 0;

	rules_cloud(c, n, out);
	if (has_id != has(out, "secret_access_key"))
		conf_check_fault(c, n,
		    "access_key_id and secret_access_key_file (or _env) "
		    "go together");
	if (has(out, "session_token") && !has_id)
		conf_check_fault(c, n,
		    "a session token goes with access_key_id");
	if (has_id && (has(out, "credentials") || has(out, "profile")))
		conf_check_fault(c, n,
		    "give one of access_key_id, credentials, not two");
	if (has(out, "sse_kms_key_id") && !is_kms)
		conf_check_fault_key(c, place(n, "sse_kms_key_id"),
		    "sse_kms_key_id", "it is for sse: aws:kms");
}

void
conf_rules_gcs(struct conf_check *c, const struct conf_node *n, json_t *out)
{
	rules_cloud(c, n, out);
	if (json_get_bool(out, "anonymous", false) && has(out, "credentials"))
		conf_check_fault_key(c, place(n, "anonymous"), "anonymous",
		    "credentials are given, too");
}
