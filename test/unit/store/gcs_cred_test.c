/*
 * gcs_cred_test.c - credentials of the store for Google Cloud Storage: what a
 * service account signs, what is refused, tokens that wear out, the metadata
 * server, clocks that differ.
 */
#include "unit/store/gcs_world.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "store/gcs_grant.h"

#define EMAIL "backup@project.example"

/* Keys of this program: one for the account, one of a stranger. */
static char key_dir[] = "/tmp/rb-gcs-keys-XXXXXX";
static char public_path[64];
static char *pem, *other_pem;

static char *
make_key(const char *public)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);
	BIO *bio = BIO_new(BIO_s_mem());
	char *text, *copy;
	FILE *f;
	long n;

	assert_non_null(key);
	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL,
			     NULL),
	    1);
	n = BIO_get_mem_data(bio, &text);
	copy = xstrndup(text, (size_t)n);
	if (public != NULL) {
		assert_non_null(f = fopen(public, "w"));
		assert_int_equal(PEM_write_PUBKEY(f, key), 1);
		assert_int_equal(fclose(f), 0);
	}
	BIO_free(bio);
	EVP_PKEY_free(key);
	return copy;
}

static int
keys_setup(void **state)
{
	(void)state;
	assert_non_null(mkdtemp(key_dir));
	(void)snprintf(public_path, sizeof(public_path), "%s/public.pem",
	    key_dir);
	pem = make_key(public_path);
	other_pem = make_key(NULL);
	gw_words[0] = "--account";
	gw_words[1] = EMAIL;
	gw_words[2] = public_path;
	return 0;
}

static int
keys_teardown(void **state)
{
	(void)state;
	free(pem);
	free(other_pem);
	return file_remove_tree(key_dir, NULL);
}

static json_t *
account_of(const char *email, const char *key, const char *uri)
{
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "type", "service_account",
	    "project_id", "project", "private_key_id", "key-1", "private_key",
	    key, "client_email", email, "token_uri", uri);
}

/* A key file of mode ${mode}; free() its path. */
static char *
write_file(struct gw *g, const char *name, const char *text, mode_t mode)
{
	char *path = file_join(g->w.dir, name);
	FILE *f;

	(void)unlink(path);
	assert_non_null(f = fopen(path, "w"));
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static char *
write_account(struct gw *g, const char *name, const char *email,
    const char *key)
{
	char *uri = xasprintf("http://127.0.0.1:%d/token", g->port);
	json_t *account = account_of(email, key, uri);
	char *text = json_print(account);
	char *path = write_file(g, name, text, 0600);

	free(text);
	json_decref(account);
	free(uri);
	return path;
}

static struct store *
open_with(struct gw *g, const char *path)
{
	return gw_open(g,
	    path == NULL
		? json_pack("{s:b}", "anonymous", 0)
		: json_pack("{s:b,s:s}", "anonymous", 0, "credentials", path));
}

/* --- What is signed. */

static json_t *
jwt_part(const char *text, size_t n)
{
	char *padded = xasprintf("%.*s%s", (int)n, text,
	    n % 4 == 2       ? "=="
		: n % 4 == 3 ? "="
			     : "");
	uint8_t raw[2048];
	json_t *part;
	char *s;
	long len;

	for (s = padded; *s != '\0'; s++)
		*s = *s == '-' ? '+' : *s == '_' ? '/' : *s;
	len = cloud_base64_decode(padded, raw, sizeof(raw));
	assert_true(len > 0);
	part = json_parse((char *)raw, (size_t)len, NULL);
	free(padded);
	return part;
}

static void
test_grant(void **state)
{
	json_t *account = account_of(EMAIL, pem, "https://example.org/token");
	json_t *head, *claims;
	struct gcs_grant grant;
	struct err e = ERR_INIT;
	const char *dot, *second;

	(void)state;
	assert_int_equal(gcs_grant_sign(account, 1700000000, &grant, &e), 0);
	assert_string_equal(grant.token_uri, "https://example.org/token");
	assert_int_equal(strcspn(grant.assertion, "=+/ \n"),
	    strlen(grant.assertion));
	assert_non_null(dot = strchr(grant.assertion, '.'));
	assert_non_null(second = strchr(dot + 1, '.'));
	assert_int_equal(strlen(second + 1), 342); /* 256 bytes. */
	head = jwt_part(grant.assertion, (size_t)(dot - grant.assertion));
	claims = jwt_part(dot + 1, (size_t)(second - dot - 1));
	assert_string_equal(json_get_str(head, "alg", ""), "RS256");
	assert_string_equal(json_get_str(head, "typ", ""), "JWT");
	assert_string_equal(json_get_str(head, "kid", ""), "key-1");
	assert_string_equal(json_get_str(claims, "iss", ""), EMAIL);
	assert_string_equal(json_get_str(claims, "aud", ""),
	    "https://example.org/token");
	assert_string_equal(json_get_str(claims, "scope", ""),
	    "https://www.googleapis.com/auth/devstorage.read_write");
	assert_int_equal(json_get_int(claims, "iat", 0), 1700000000);
	assert_int_equal(json_get_int(claims, "exp", 0), 1700003600);
	json_decref(head);
	json_decref(claims);
	json_decref(account);
	gcs_grant_done(&grant);
	assert_null(grant.assertion);
}

/* Each member changed in turn: refused by a word about it, without a secret. */
static void
test_grant_refused(void **state)
{
	static const struct {
		const char *key, *value, *word;
	} rows[] = {
		{ "type", "authorized_user", "authorized_user" },
		{ "type", "external_account", "external_account" },
		{ "type", "impersonated_service_account", "impersonated" },
		{ "type", NULL, "no type" },
		{ "client_email", NULL, "client_email" },
		{ "private_key", NULL, "private_key" },
		{ "private_key", "canary-1234", "private_key" },
		{ "private_key",
		    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		    "Y2FuYXJ5LTEyMzQ=\n"
		    "-----END ENCRYPTED PRIVATE KEY-----\n",
		    "private_key" },
		{ "token_uri", "http://example.org/token", "https" },
		{ "token_uri", "http://127.0.0.1:80@example.org/", "https" },
		{ "token_uri", "http://localhost.example.org/", "https" },
	};
	struct gcs_grant grant;
	struct err e;
	json_t *account;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(rows); i++) {
		account = account_of(EMAIL, pem, "https://example.org/token");
		json_put_str(account, rows[i].key, rows[i].value);
		err_clear(&e);
		assert_int_equal(gcs_grant_sign(account, 1, &grant, &e), -1);
		assert_int_equal(e.code, ERR_CONFIG);
		assert_non_null(strstr(e.msg, rows[i].word));
		assert_null(strstr(e.msg, "canary"));
		assert_null(grant.assertion);
		json_decref(account);
	}
	account = json_array();
	assert_int_equal(gcs_grant_sign(account, 1, &grant, &e), -1);
	json_decref(account);
}

/* An elliptic key cannot sign RS256. */
static void
test_grant_other_key(void **state)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	BIO *bio = BIO_new(BIO_s_mem());
	struct gcs_grant grant;
	struct err e = ERR_INIT;
	json_t *account;
	char *text, *copy;
	long n;

	(void)state;
	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL,
			     NULL),
	    1);
	n = BIO_get_mem_data(bio, &text);
	copy = xstrndup(text, (size_t)n);
	account = account_of(EMAIL, copy, "https://example.org/token");
	assert_int_equal(gcs_grant_sign(account, 1, &grant, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	json_decref(account);
	free(copy);
	BIO_free(bio);
	EVP_PKEY_free(key);
}

static void
test_file_refused(void **state)
{
	struct gw *g = *state;
	struct gcs_grant grant;
	struct err e = ERR_INIT;
	char *path;

	path = write_file(g, "open.json", "{}", 0644);
	assert_int_equal(gcs_grant_make(path, 1, &grant, &e), -1);
	free(path);
	path = write_file(g, "half.json", "{\"private_key\": \"canary-1234",
	    0600);
	assert_int_equal(gcs_grant_make(path, 1, &grant, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	assert_null(strstr(e.msg, "canary"));
	assert_non_null(strstr(e.msg, "half.json"));
	free(path);
	assert_int_equal(gcs_grant_make("/no/such.json", 1, &grant, &e), -1);
}

/* --- What comes back. */

static void
test_account(void **state)
{
	struct gw *g = *state;
	char *path = write_account(g, "key.json", EMAIL, pem);
	struct store *s = open_with(g, path);
	struct gw_put p;

	/* Without any nobody is let in. */
	assert_int_equal(w_put(&g->w, g->w.store, "a", "1"), ERR_AUTH);
	gw_faults(g, "[]");
	assert_int_equal(w_put(&g->w, s, "a", "1"), ERR_NONE);
	assert_string_equal(w_get(&g->w, s, "a"), "1");
	assert_int_equal(gw_put(g, &p, s, "b", 6 * MIB), ERR_NONE);
	gw_asked(g, "token 200\nput 200\nget 206 bytes=0-4194303\nstart 200\n");
	store_close(s);
	free(path);
}

/* Tokens that are not taken any more: another one, once for each call. */
static void
test_expired(void **state)
{
	struct gw *g = *state;
	char *path = write_account(g, "key.json", EMAIL, pem);
	struct store *s = open_with(g, path);

	assert_int_equal(w_put(&g->w, s, "a", "1"), ERR_NONE);
	json_decref(gw_control(g, "{\"expire\": true, \"forget\": true}"));
	assert_int_equal(w_put(&g->w, s, "a", "2"), ERR_NONE);
	gw_asked(g, "put 401\ntoken 200\nput 200\n");
	gw_faults(g, "[{\"what\": \"put\", \"times\": 2, \"status\": 401}]");
	assert_int_equal(w_put(&g->w, s, "a", "3"), ERR_AUTH);
	gw_asked(g, "put 401\ntoken 200\nput 401\n");
	/* One that is about to expire is not even tried. */
	json_decref(gw_control(g,
	    "{\"expire\": true, \"lifetime\": 2, \"forget\": true}"));
	assert_int_equal(w_put(&g->w, s, "a", "4"), ERR_NONE);
	(void)usleep(1500000);
	json_decref(gw_control(g, "{\"forget\": true}"));
	assert_int_equal(w_put(&g->w, s, "a", "5"), ERR_NONE);
	gw_asked(g, "token 200\nput 200\n");
	store_close(s);
	free(path);
}

static void
try_refused(struct gw *g, const char *path, enum err_code code,
    const char *word)
{
	struct store *s = open_with(g, path);
	struct err e = ERR_INIT;

	assert_int_equal(w_check(&g->w, s, &e), code);
	assert_non_null(strstr(e.msg, word));
	assert_null(strstr(e.msg, "PRIVATE"));
	store_close(s);
}

static void
test_account_refused(void **state)
{
	struct gw *g = *state;
	char *path = write_account(g, "key.json", "nobody@x.example", pem);

	try_refused(g, path, ERR_AUTH, "no such account");
	free(path);
	path = write_account(g, "key.json", EMAIL, other_pem);
	try_refused(g, path, ERR_AUTH, "Invalid JWT Signature");
	free(path);
	path = write_file(g, "key.json", "{\"type\": \"authorized_user\"}",
	    0600);
	try_refused(g, path, ERR_CONFIG, "authorized_user");
	free(path);
	try_refused(g, "/no/such.json", ERR_NOT_FOUND, "/no/such.json");
	/* Busy is not refused. */
	path = write_account(g, "key.json", EMAIL, pem);
	gw_faults(g, "[{\"what\": \"token\", \"times\": 2, \"status\": 503}]");
	try_refused(g, path, ERR_NONE, "");
	free(path);
}

/* A key that was replaced counts from the next token on. */
static void
test_account_replaced(void **state)
{
	struct gw *g = *state;
	char *path = write_account(g, "key.json", EMAIL, other_pem);
	struct store *s = open_with(g, path);

	assert_int_equal(w_put(&g->w, s, "a", "1"), ERR_AUTH);
	free(path);
	path = write_account(g, "key.json", EMAIL, pem);
	assert_int_equal(w_put(&g->w, s, "a", "1"), ERR_NONE);
	store_close(s);
	free(path);
}

static void
test_application_credentials(void **state)
{
	struct gw *g = *state;
	char *path = write_account(g, "key.json", EMAIL, pem);
	struct store *s;

	assert_int_equal(setenv("GOOGLE_APPLICATION_CREDENTIALS", path, 1), 0);
	s = open_with(g, NULL);
	assert_int_equal(unsetenv("GOOGLE_APPLICATION_CREDENTIALS"), 0);
	assert_int_equal(w_put(&g->w, s, "a", "1"), ERR_NONE);
	store_close(s);
	free(path);
}

/* --- The metadata server. */

static void
test_metadata(void **state)
{
	struct gw *g = *state;
	char *host = xasprintf("127.0.0.1:%d", g->port);
	struct err e = ERR_INIT;
	struct store *s;

	assert_int_equal(setenv("GCE_METADATA_HOST", host, 1), 0);
	s = open_with(g, NULL);
	assert_int_equal(unsetenv("GCE_METADATA_HOST"), 0);
	/* What does not say that it is one is none. */
	gw_faults(g,
	    "[{\"what\": \"metadata\", \"times\": 1, \"status\": 403}]");
	assert_int_equal(w_check(&g->w, s, &e), ERR_AUTH);
	gw_faults(g,
	    "[{\"what\": \"metadata\", \"status\": 503},"
	    " {\"what\": \"metadata\", \"status\": 404}]");
	assert_int_equal(w_put(&g->w, s, "a", "1"), ERR_NONE);
	gw_asked(g, "metadata 503\nmetadata 404\nmetadata 200\nput 200\n");
	json_decref(gw_control(g, "{\"expire\": true}"));
	assert_string_equal(w_get(&g->w, s, "a"), "1");
	store_close(s);
	free(host);
}

/* --- Clocks. */

static int64_t wall_ahead_ms;
static const struct env_ops *real_ops;

static int64_t
odd_wall(struct env *env)
{
	return real_ops->wall_ms(env) + wall_ahead_ms;
}

static void
test_clock(void **state)
{
	static const int64_t hours[] = { -30, -2, 2, 30 };
	struct gw *g = *state;
	char *path = write_account(g, "key.json", EMAIL, pem);
	struct env_ops ops = *g->w.env->ops;
	struct store *s;
	size_t i;

	real_ops = g->w.env->ops;
	ops.wall_ms = odd_wall;
	g->w.env->ops = &ops;
	for (i = 0; i < COUNT_OF(hours); i++) {
		wall_ahead_ms = hours[i] * 3600 * 1000;
		s = open_with(g, path);
		gw_faults(g, "[]");
		assert_int_equal(w_put(&g->w, s, "a", "1"), ERR_NONE);
		gw_asked(g, "token 400\ntoken 200\nput 200\n");
		store_close(s);
	}
	g->w.env->ops = real_ops;
	free(path);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, gw_setup, gw_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grant),
		cmocka_unit_test(test_grant_refused),
		cmocka_unit_test(test_grant_other_key),
		TEST(test_file_refused),
		TEST(test_account),
		TEST(test_expired),
		TEST(test_account_refused),
		TEST(test_account_replaced),
		TEST(test_application_credentials),
		TEST(test_metadata),
		TEST(test_clock),
	};

	return cmocka_run_group_tests(tests, keys_setup, keys_teardown);
}
