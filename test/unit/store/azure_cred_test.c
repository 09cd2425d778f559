/*
 * azure_cred_test.c - what opens an Azure container, in all its forms, and what
 * happens when it wears out.
 */
#include "unit/store/azure_world.h"

#include "base/str.h"
#include "store/azure_cred.h"

#define EMULATOR_KEY                                                           \
	"Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/"      \
	"K1SZFPTOtr/KBHBeksoGMGw=="
#define SAS                                                                    \
	"?sv=2021-12-02&ss=b&srt=sco&sp=rwdlc&se=2099-01-01T00%3A00%3A00Z"     \
	"&sig=" CANARY_SIG

/* --- .env files. */

static void
check_env(const char *text, const char *name, const char *want)
{
	struct secret s = SECRET_INIT;

	assert_int_equal(azure_env_find(text, name, &s), want != NULL);
	if (want != NULL) {
		assert_string_equal(s.value, want);
		assert_int_equal(s.len, strlen(want));
	}
	secret_done(&s);
}

static void
test_env(void **state)
{
	(void)state;
	check_env("A=1\nB=2\n", "A", "1");
	check_env("A=1\nB=2", "B", "2");
	check_env("A=1\nA=2\n", "A", "2");
	check_env("AA=1\nXA=2\n", "A", NULL);
	check_env("A=\n", "A", NULL);
	check_env("A=1\nA=\n", "A", NULL);
	check_env("A=''\n", "A", NULL);
	check_env("A\nA 1\n", "A", NULL);
	check_env("", "A", NULL);
	check_env("  export   A=1\n", "A", "1");
	check_env("exportA=1\n", "A", NULL);
	check_env("export\tA=x y\n", "A", "x");
	check_env("#A=1\n # A=2\n", "A", NULL);
	check_env("A=1 # not this\n", "A", "1");
	check_env("A=a#b\n", "A", "a#b");
	check_env("A=\"a # b\"  # c\n", "A", "a # b");
	check_env("A='a\"b'\n", "A", "a\"b");
	check_env("A=\"a\\\"\\\\b\\n\"\n", "A", "a\"\\b\\n");
	check_env("A='$(reboot)'\n", "A", "$(reboot)");
	check_env("A=`reboot`\n", "A", "`reboot`");
	check_env("A=a'b'\"c\"\r\nB=1\r\n", "A", "abc");
	check_env("A=key==\r\n", "A", "key==");
	check_env("\xef\xbb\xbf"
		  "A=1\n",
	    "A", "1");
	check_env("A=\"open\nB=2\n", "B", "2");
}

/* --- Connection strings. */

struct connection {
	const char *text;
	const char *account, *endpoint; /* NULL endpoint: it is refused. */
	const char *secret;             /* Key as text, or SAS. */
};

static const struct connection connections[] = {
	{ "DefaultEndpointsProtocol=https;AccountName=rag;"
	  "AccountKey=a2V5PT0=;EndpointSuffix=core.windows.net",
	    "rag", "https://rag.blob.core.windows.net", "key==" },
	{ "accountname=rag;ACCOUNTKEY=a2V5;", "rag",
	    "https://rag.blob.core.windows.net", "key" },
	{ " AccountKey=a2V5 ; AccountName=rag ;; ", "rag",
	    "https://rag.blob.core.windows.net", "key" },
	{ "AccountName=rag;AccountKey=a2V5;EndpointSuffix=core.chinacloudapi."
	  "cn;DefaultEndpointsProtocol=http",
	    "rag", "http://rag.blob.core.chinacloudapi.cn", "key" },
	{ "AccountName=rag;AccountKey=a2V5;"
	  "BlobEndpoint=http://127.0.0.1:10000/rag/;"
	  "QueueEndpoint=http://127.0.0.1:10001/rag",
	    "rag", "http://127.0.0.1:10000/rag", "key" },
	{ "BlobEndpoint=https://rag.example.org;"
	  "SharedAccessSignature=sv=1&sig=a%3D",
	    NULL, "https://rag.example.org", "sv=1&sig=a%3D" },
	{ "AccountName=rag;BlobEndpoint=;SharedAccessSignature=?sig=a", "rag",
	    "https://rag.blob.core.windows.net", "sig=a" },
	{ "UseDevelopmentStorage=true", "devstoreaccount1",
	    "http://127.0.0.1:10000/devstoreaccount1", NULL },
	{ "UseDevelopmentStorage=true;"
	  "DevelopmentStorageProxyUri=http://10.0.0.7",
	    "devstoreaccount1", "http://10.0.0.7:10000/devstoreaccount1",
	    NULL },
	{ "", NULL, NULL, NULL },
	{ "AccountName=rag", NULL, NULL, NULL },
	{ "AccountKey=a2V5", NULL, NULL, NULL },
	{ "AccountName=rag;AccountKey=%%%", NULL, NULL, NULL },
	{ "AccountName=rag;a2V5", NULL, NULL, NULL },
	{ "AccountName=rag;AccountKey=a2V5;DefaultEndpointsProtocol=ftp", NULL,
	    NULL, NULL },
	{ "AccountName=rag;AccountKey=a2V5;BlobEndpoint=https://a@b", NULL,
	    NULL, NULL },
	{ "AccountName=rag;SharedAccessSignature=sv=1", NULL, NULL, NULL },
	{ "AccountName=rag;SharedAccessSignature=sig=a b", NULL, NULL, NULL },
};

static void
test_connections(void **state)
{
	struct azure_cred c = { 0 };
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(connections); i++) {
		const struct connection *k = &connections[i];
		int rc;

		err_clear(&e);
		rc = azure_cred_connection(&c, k->text, &e);
		assert_int_equal(rc, k->endpoint == NULL ? -1 : 0);
		assert_int_equal(e.code,
		    k->endpoint == NULL ? ERR_CONFIG : ERR_NONE);
		assert_null(strstr(e.msg, "a2V5"));
		if (k->endpoint != NULL)
			assert_string_equal(c.endpoint, k->endpoint);
		if (k->account != NULL)
			assert_string_equal(c.account, k->account);
		if (k->secret != NULL)
			assert_string_equal(c.key.value != NULL ? c.key.value
								: c.sas.value,
			    k->secret);
		azure_cred_done(&c);
	}
	/* The emulator's key is 64 bytes. */
	assert_int_equal(azure_cred_connection(&c, "UseDevelopmentStorage=TRUE",
			     &e),
	    0);
	assert_int_equal(c.key.len, 64);
	azure_cred_done(&c);
}

static void
test_sas_expiry(void **state)
{
	static const struct {
		const char *sas;
		const char *when; /* NULL: refused; "": never. */
	} cases[] = {
		{ "se=2026-03-29T01%3A02%3A03Z&sig=a", "2026-03-29T01:02:03Z" },
		{ "sv=1&se=2026-03-29T01:02:03Z&sig=a",
		    "2026-03-29T01:02:03Z" },
		{ "sig=a&se=2026-03-29T01%3A02Z", "2026-03-29T01:02:00Z" },
		{ "se=2026-03-29&sig=a", "2026-03-29T00:00:00Z" },
		{ "si=policy&sig=a&spse=x", "" },
		{ "se=soon&sig=a", NULL },
		{ "se=%zz&sig=a", NULL },
		{ "se=2026-03-29T01:02:03Z", NULL },
	};
	struct azure_cred c = { 0 };
	char when[STR_TIME_MAX];
	struct err e;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(azure_cred_sas(&c, cases[i].sas, &e),
		    cases[i].when == NULL ? -1 : 0);
		str_format_time(c.expires_ms, when);
		if (cases[i].when != NULL && cases[i].when[0] != '\0')
			assert_string_equal(when, cases[i].when);
		if (cases[i].when != NULL && cases[i].when[0] == '\0')
			assert_int_equal(c.expires_ms, 0);
		azure_cred_done(&c);
	}
}

/* --- All of a configuration. */

static void
check_load(struct azure_world *a, json_t *cfg, const char *endpoint,
    const char *container)
{
	struct azure_cred c = { 0 };
	struct err e = ERR_INIT;
	int rc = azure_cred_load(cfg, &c, &e);

	(void)a;
	assert_int_equal(rc, endpoint == NULL ? -1 : 0);
	assert_false(holds_canary(e.msg));
	if (endpoint != NULL) {
		assert_string_equal(c.endpoint, endpoint);
		assert_string_equal(c.container, container);
	} else {
		assert_true(e.code == ERR_CONFIG || e.code == ERR_PERMISSION ||
		    e.code == ERR_NOT_FOUND);
	}
	azure_cred_done(&c);
	json_decref(cfg);
}

/* {"credentials": path} of a file with ${text}. */
static json_t *
env_cfg(struct azure_world *a, const char *text)
{
	json_t *ref = a_secret(a, "azure.env", text);
	json_t *cfg = json_pack("{s:O}", "credentials",
	    json_object_get(ref, "file"));

	json_decref(ref);
	return cfg;
}

static json_t *
with(json_t *cfg, const char *key, const char *value)
{
	json_object_set_new(cfg, key, json_string(value));
	return cfg;
}

static void
test_load_file(void **state)
{
	static const char runbook[] =
	    "# azure-lightrag-backup\n"
	    "export AZURE_STORAGE_ACCOUNT=plockstore\n"
	    "export AZURE_STORAGE_KEY=\"" CANARY_KEY "\"\n"
	    "export AZURE_STORAGE_CONTAINER=lightrag-backup\n";
	static const char all[] =
	    "AZURE_STORAGE_ACCOUNT=other\nAZURE_STORAGE_KEY=x\n"
	    "AZURE_STORAGE_CONNECTION_STRING=AccountName=plockstore;"
	    "AccountKey=" CANARY_KEY "\n";
	static const char blob[] = "https://plockstore.blob.core.windows.net";
	struct azure_world *a = *state;
	json_t *cfg;

	check_load(a, env_cfg(a, runbook), blob, "lightrag-backup");
	check_load(a, with(env_cfg(a, runbook), "container", "other"), blob,
	    "other");
	check_load(a, with(env_cfg(a, all), "container", "box"), blob, "box");
	check_load(a,
	    with(env_cfg(a, runbook), "endpoint", "http://127.0.0.1:1/x/"),
	    "http://127.0.0.1:1/x", "lightrag-backup");
	check_load(a,
	    with(with(env_cfg(a, "AZURE_STORAGE_SAS_TOKEN='" SAS "'\n"),
		     "account", "plockstore"),
		"container", "box"),
	    blob, "box");
	check_load(a, env_cfg(a, all), NULL, NULL); /* No container. */
	check_load(a, with(env_cfg(a, runbook), "container", "Box_1"), NULL,
	    NULL);
	check_load(a, env_cfg(a, "AZURE_STORAGE_ACCOUNT=plockstore\n"), NULL,
	    NULL);
	check_load(a, env_cfg(a, "AZURE_STORAGE_KEY=" CANARY_KEY "\n"), NULL,
	    NULL);
	check_load(a, with(json_object(), "credentials", "/nonexistent"), NULL,
	    NULL);
	/* Others can read it. */
	cfg = env_cfg(a, runbook);
	assert_int_equal(chmod(json_string_value(json_object_get(cfg,
				   "credentials")),
			     0640),
	    0);
	check_load(a, cfg, NULL, NULL);
}

static void
test_load_keys(void **state)
{
	struct azure_world *a = *state;

	check_load(a,
	    json_pack("{s:o,s:s,s:s}", "key", a_secret(a, "k", CANARY_KEY "\n"),
		"account", "rag", "container", "box"),
	    "https://rag.blob.core.windows.net", "box");
	check_load(a,
	    json_pack("{s:o,s:s}", "key", a_secret(a, "k", CANARY_KEY),
		"container", "box"),
	    NULL, NULL);
	check_load(a,
	    json_pack("{s:o,s:s,s:s}", "key", a_secret(a, "k", "no base64!"),
		"account", "rag", "container", "box"),
	    NULL, NULL);
	check_load(a,
	    json_pack("{s:o,s:n,s:s,s:s}", "sas", a_secret(a, "s", SAS), "key",
		"endpoint", "https://x.example.org", "container", "box"),
	    "https://x.example.org", "box");
	check_load(a,
	    json_pack("{s:{s:s},s:s}", "connection_string", "env",
		"NO_SUCH_VARIABLE", "container", "box"),
	    NULL, NULL);
	check_load(a,
	    json_pack("{s:s,s:s}", "account", "rag", "container", "box"), NULL,
	    NULL);
	/* A token goes by https only, but to this machine. */
	check_load(a,
	    json_pack("{s:b,s:s,s:s}", "managed_identity", 1, "endpoint",
		"http://rag.example.org", "container", "box"),
	    NULL, NULL);
	check_load(a,
	    json_pack("{s:b,s:s,s:s}", "managed_identity", 1, "endpoint",
		"http://localhost.example.org", "container", "box"),
	    NULL, NULL);
	check_load(a,
	    json_pack("{s:b,s:s,s:s}", "managed_identity", 1, "endpoint",
		"http://127.0.0.1:9/acct", "container", "box"),
	    "http://127.0.0.1:9/acct", "box");
}

/* --- In use. */

static void
open_sas(struct azure_world *a, const char *sas)
{
	(void)a_open(a, json_pack("{s:o}", "sas", a_secret(a, "sas", sas)));
}

static void
test_sas(void **state)
{
	struct azure_world *a = *state;
	struct waited put;

	open_sas(a, SAS "\n");
	a_put(a, "x/large", 700000, false, &put);
	assert_string_equal(put.err.msg, "");
	assert_true(a_is_put(a, "x/large", 700000));
	assert_string_equal(w_list(&a->w, a->w.store, "", true),
	    "x/large 700000\n");
	assert_int_equal(w_remove(&a->w, a->w.store, "x/large"), ERR_NONE);
}

/* A SAS that ends in ${ms} from now. */
static void
sas_until(struct azure_world *a, int64_t ms, char out[200])
{
	char when[STR_TIME_MAX];

	str_format_time((env_wall_ms(a->w.env) + ms) / 1000 * 1000, when);
	(void)snprintf(out, 200, "sv=1&se=%s&sig=%s", when, CANARY_SIG);
}

static void
test_sas_expires(void **state)
{
	struct azure_world *a = *state;
	struct waited put;
	char sas[200], *log;

	sas_until(a, 2000, sas);
	open_sas(a, sas);
	a_put(a, "x/a", 10, false, &put);
	assert_string_equal(put.err.msg, "");
	log = a_log(a);
	assert_non_null(strstr(log, "signature expires at"));
	free(log);
	(void)usleep(2100 * 1000);
	(void)tell("/_set?sas=another");
	a_put(a, "x/a", 10, false, &put);
	assert_int_equal(put.err.code, ERR_AUTH);
	assert_non_null(strstr(put.err.msg, "expired at"));
	/* Somebody puts a new one into the file. */
	(void)tell("/_set?sas="
		   "canary%252Fof%252Bthe%253Dsas");
	json_decref(a_secret(a, "sas", SAS));
	a_put(a, "x/a", 10, false, &put);
	assert_string_equal(put.err.msg, "");
}

/* Refused in the middle: the file is read again, once. */
static void
test_key_changes(void **state)
{
	struct azure_world *a = *state;
	struct waited put;
	const char *log;

	(void)a_open(a,
	    json_pack("{s:o}", "key", a_secret(a, "key", "b2xkIGtleQ==")));
	a_put(a, "x/a", 10, false, &put);
	assert_int_equal(put.err.code, ERR_AUTH);
	assert_non_null(strstr(put.err.msg, "AuthenticationFailed"));
	assert_int_equal(count_lines(tell("/_log"), "put "), 2);
	json_decref(a_secret(a, "key", CANARY_KEY));
	a_put(a, "x/large", 700000, false, &put);
	assert_string_equal(put.err.msg, "");
	log = tell("/_log");
	assert_int_equal(count_lines(log, "commit "), 1);
}

static void
identity_open(struct azure_world *a, const char *client_id)
{
	(void)a_open(a,
	    json_pack("{s:b,s:s?}", "managed_identity", 1, "client_id",
		client_id));
}

static void
test_machine(void **state)
{
	struct azure_world *a = *state;
	struct waited put;
	char url[64];
	const char *log;

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/", server_port);
	(void)setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", url, 1);
	identity_open(a, NULL);
	(void)tell("/_fault?on=token&act=refuse&status=410&word=");
	a_put(a, "x/large", 700000, false, &put);
	assert_string_equal(put.err.msg, "");
	log = tell("/_log");
	assert_int_equal(count_lines(log,
			     "GET /metadata/identity/oauth2/token"),
	    2);
	/* It wore out before its time: another one. */
	(void)tell("/_set?token=" CANARY_TOKEN "2");
	a_put(a, "x/a", 10, false, &put);
	assert_string_equal(put.err.msg, "");
	assert_int_equal(count_lines(tell("/_log"), "GET /metadata/"), 1);
	identity_open(a, NULL);
	(void)tell("/_fault?on=token&act=refuse&status=400&word=no");
	a_put(a, "x/a", 10, false, &put);
	assert_int_equal(put.err.code, ERR_AUTH);
	assert_non_null(strstr(put.err.msg, "no token"));
	(void)unsetenv("AZURE_POD_IDENTITY_AUTHORITY_HOST");
}

static void
test_app(void **state)
{
	struct azure_world *a = *state;
	struct waited put;
	char url[64];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/msi",
	    server_port);
	(void)setenv("IDENTITY_ENDPOINT", url, 1);
	identity_open(a, "my client");
	a_put(a, "x/a", 10, false, &put);
	assert_int_equal(put.err.code, ERR_CONFIG);
	(void)setenv("IDENTITY_HEADER", CANARY_HEADER, 1);
	a_put(a, "x/a", 10, false, &put);
	assert_string_equal(put.err.msg, "");
	assert_int_equal(count_lines(tell("/_log"), "GET /msi"), 1);
	(void)unsetenv("IDENTITY_ENDPOINT");
	(void)unsetenv("IDENTITY_HEADER");
}

static void
test_workload(void **state)
{
	struct azure_world *a = *state;
	json_t *file = a_secret(a, "assertion", CANARY_ASSERTION "\n");
	struct waited put;
	char url[64];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d", server_port);
	(void)setenv("AZURE_FEDERATED_TOKEN_FILE",
	    json_string_value(json_object_get(file, "file")), 1);
	(void)setenv("AZURE_TENANT_ID", "tenant", 1);
	(void)setenv("AZURE_CLIENT_ID", "app", 1);
	(void)setenv("AZURE_AUTHORITY_HOST", "http://example.org", 1);
	identity_open(a, NULL);
	a_put(a, "x/a", 10, false, &put);
	assert_int_equal(put.err.code, ERR_CONFIG);
	(void)setenv("AZURE_AUTHORITY_HOST", url, 1);
	a_put(a, "x/a", 10, false, &put);
	assert_string_equal(put.err.msg, "");
	assert_int_equal(count_lines(tell("/_log"), "POST /tenant/"), 1);
	/* What the file held was refused; the answer tells why. */
	json_decref(a_secret(a, "assertion", "no.such.thing"));
	identity_open(a, NULL);
	a_put(a, "x/a", 10, false, &put);
	assert_int_equal(put.err.code, ERR_AUTH);
	assert_non_null(strstr(put.err.msg, "invalid_request: not so"));
	json_decref(file);
	(void)unsetenv("AZURE_FEDERATED_TOKEN_FILE");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, a_setup, a_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_connections),
		cmocka_unit_test(test_sas_expiry),
		T(test_load_file),
		T(test_load_keys),
		T(test_sas),
		T(test_sas_expires),
		T(test_key_changes),
		T(test_machine),
		T(test_app),
		T(test_workload),
	};

	return cmocka_run_group_tests(tests, server_setup, server_teardown);
}
