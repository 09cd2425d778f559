/* s3_cred_test.c - where access keys come from, and what becomes of them. */
#include "unit/store/s3_world.h"

static const char *const variables[] = { "AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
	"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE",
	"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME",
	"AWS_ENDPOINT_URL_STS", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
	"AWS_CONTAINER_CREDENTIALS_FULL_URI",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	"AWS_EC2_METADATA_SERVICE_ENDPOINT", "AWS_EC2_METADATA_DISABLED" };

/* Nothing of this machine's own counts. */
static int
cred_setup(void **state)
{
	struct world *w;
	size_t i;

	for (i = 0; i < COUNT_OF(variables); i++)
		(void)unsetenv(variables[i]);
	if (s3_setup(state) != 0)
		return -1;
	w = *state;
	(void)setenv("HOME", w->dir, 1);
	(void)setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	return 0;
}

/* A store without keys of its own, but with ${more}. */
static void
open_chain(struct world *w, json_t *more)
{
	json_t *keyless = json_pack("{s:n,s:n}", "access_key_id",
	    "secret_access_key");

	json_object_update(keyless, more);
	json_decref(more);
	s3_reopen(w, keyless);
}

static char *
set_path(struct world *w, const char *variable, const char *name)
{
	static char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	if (variable != NULL)
		(void)setenv(variable, path, 1);
	return path;
}

static void
set_url(const char *variable, const char *path)
{
	char url[128];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s", s3_port,
	    path);
	(void)setenv(variable, url, 1);
}

static void
know(struct world *w, const char *id, const char *secret, const char *token)
{
	json_t *j = json_pack("{s:{s:[s,s?]}}", "keys", id, secret, token);
	char *text = json_print(j);

	(void)s3_tell(w, "PUT", "config", text);
	free(text);
	json_decref(j);
}

/* Whether it lets us in, and as whom. */
static void
assert_in(struct world *w, const char *id)
{
	char want[64];

	(void)snprintf(want, sizeof(want), " %s", id);
	(void)s3_log(w);
	assert_int_equal(w_stat(w, w->store, "a/b"), ERR_NOT_FOUND);
	assert_non_null(strstr(s3_log(w), want));
}

static void
assert_out(struct world *w, enum err_code code, const char *text)
{
	struct waited a = { 0 };

	store_stat(w->store, "a/b", w_on_stat, &a);
	w_wait(w, &a);
	if (a.err.code != code || strstr(a.err.msg, text) == NULL)
		fail_msg("%s: %s", err_name(a.err.code), a.err.msg);
	assert_null(strstr(a.err.msg, "secret-"));
}

static void
test_configured(void **state)
{
	struct world *w = *state;

	/* It comes before the environment. */
	(void)setenv("AWS_ACCESS_KEY_ID", "AKIDOTHER", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "x", 1);
	assert_in(w, "AKIDGIVEN");
	/* Rotated while we run. */
	s3_write(w, "secret", "new-secret\n", 0600);
	know(w, "AKIDGIVEN", "new-secret", NULL);
	assert_in(w, "AKIDGIVEN");
	s3_write(w, "token", "the-token\n", 0600);
	know(w, "AKIDGIVEN", "new-secret", "the-token");
	s3_reopen(w,
	    json_pack("{s:{s:s}}", "session_token", "file",
		set_path(w, NULL, "token")));
	assert_in(w, "AKIDGIVEN");
	s3_write(w, "secret", "new-secret\n", 0644);
	s3_reopen(w, json_object());
	assert_out(w, ERR_PERMISSION, "chmod");
	s3_reopen(w, json_pack("{s:n}", "secret_access_key"));
	assert_out(w, ERR_CONFIG, "access_key_id wants");
}

static void
test_env(void **state)
{
	struct world *w = *state;

	know(w, "AKIDENV", "env-secret", "env/token+=");
	(void)setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
	open_chain(w, json_object());
	assert_out(w, ERR_CONFIG, "belong together");
	(void)setenv("AWS_SECRET_ACCESS_KEY", "env-secret", 1);
	(void)setenv("AWS_SESSION_TOKEN", "env/token+=", 1);
	assert_in(w, "AKIDENV");
	(void)setenv("AWS_SESSION_TOKEN", "two\r\nLines: 1", 1);
	open_chain(w, json_object());
	assert_out(w, ERR_CONFIG, "characters that none has");
}

static void
test_credentials_file(void **state)
{
	struct world *w = *state;
	char *path;

	s3_write(w, "creds",
	    "# mine\n[default]\naws_access_key_id=AKIDFILE\n"
	    "aws_secret_access_key = file-secret \r\n"
	    "[ other ]\naws_access_key_id = AKIDOTHER\n"
	    "s3 =\n  aws_access_key_id = NESTED\n"
	    "aws_secret_access_key = other-secret\n"
	    "aws_session_token = t0ken\n[half]\naws_access_key_id = X\n",
	    0600);
	path = set_path(w, NULL, "creds");
	know(w, "AKIDFILE", "file-secret", NULL);
	(void)setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", "x", 1);
	open_chain(w, json_pack("{s:s}", "credentials", path));
	assert_in(w, "AKIDFILE");
	know(w, "AKIDOTHER", "other-secret", "t0ken");
	open_chain(w,
	    json_pack("{s:s,s:s}", "credentials", path, "profile", "other"));
	assert_in(w, "AKIDOTHER");
	open_chain(w,
	    json_pack("{s:s,s:s}", "credentials", path, "profile", "nix"));
	assert_out(w, ERR_CONFIG, "no keys for profile 'nix'");
	open_chain(w,
	    json_pack("{s:s,s:s}", "credentials", path, "profile", "half"));
	assert_out(w, ERR_CONFIG, "belong together");
	assert_int_equal(chmod(path, 0640), 0);
	open_chain(w, json_pack("{s:s}", "credentials", path));
	assert_out(w, ERR_PERMISSION, "chmod 600");
}

static void
test_shared_files(void **state)
{
	struct world *w = *state;

	open_chain(w, json_object());
	assert_out(w, ERR_CONFIG, "there are no access keys");
	s3_write(w, "cfg",
	    "[default]\nregion = x\n[profile work]\n"
	    "aws_access_key_id = AKIDWORK\n"
	    "aws_secret_access_key = work-secret\n"
	    "[profile run]\ncredential_process = /bin/true\n",
	    0600);
	(void)set_path(w, "AWS_CONFIG_FILE", "cfg");
	know(w, "AKIDWORK", "work-secret", NULL);
	assert_out(w, ERR_CONFIG, "there are no access keys");
	(void)setenv("AWS_PROFILE", "work", 1);
	assert_in(w, "AKIDWORK");
	open_chain(w, json_pack("{s:s}", "profile", "run"));
	assert_out(w, ERR_CONFIG, "credential_process");
	open_chain(w, json_pack("{s:s}", "profile", "nix"));
	assert_out(w, ERR_CONFIG, "profile 'nix'");
	/* In its usual place; it comes before the other one. */
	assert_int_equal(mkdir(set_path(w, NULL, ".aws"), 0700), 0);
	s3_write(w, ".aws/credentials",
	    "[work]\naws_access_key_id=AKIDHOME\n"
	    "aws_secret_access_key=home-secret\n",
	    0600);
	know(w, "AKIDHOME", "home-secret", NULL);
	open_chain(w, json_object());
	assert_in(w, "AKIDHOME");
}

static void
test_web_identity(void **state)
{
	struct world *w = *state;

	s3_write(w, "web", "web-token+/=\n", 0644);
	(void)set_path(w, "AWS_WEB_IDENTITY_TOKEN_FILE", "web");
	(void)setenv("AWS_ROLE_ARN", "arn:aws:iam::1:role/r", 1);
	(void)setenv("AWS_ROLE_SESSION_NAME", "me@here", 1);
	set_url("AWS_ENDPOINT_URL_STS", "/sts");
	open_chain(w, json_object());
	(void)s3_log(w);
	assert_int_equal(w_stat(w, w->store, "a/b"), ERR_NOT_FOUND);
	assert_non_null(strstr(s3_log(w),
	    "role arn:aws:iam::1:role/r me@here\n"));
	assert_non_null(strstr(s3_said, " ASIAWEB"));
	assert_null(strstr(s3_said, "web-token"));
	/* Taken back before their time. */
	know(w, "AKIDNONE", "x", NULL);
	(void)s3_log(w);
	assert_int_equal(w_stat(w, w->store, "a/b"), ERR_NOT_FOUND);
	assert_int_equal(s3_count(s3_log(w), "sts"), 1);
	s3_write(w, "web", "another", 0644);
	open_chain(w, json_object());
	assert_out(w, ERR_AUTH, "InvalidIdentityToken");
	/* Busy at first. */
	s3_write(w, "web", "web-token+/=\n", 0644);
	s3_faults(w, "[{\"op\":\"sts\",\"do\":\"mute:500\"}]");
	open_chain(w, json_object());
	assert_in(w, "ASIAWEB");
}

static void
test_container(void **state)
{
	struct world *w = *state;

	s3_write(w, "box", "container-token\n", 0644);
	set_url("AWS_CONTAINER_CREDENTIALS_FULL_URI", "/container/x?y=1");
	(void)setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong", 1);
	open_chain(w, json_object());
	assert_out(w, ERR_AUTH, "answered 403");
	(void)set_path(w, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "box");
	assert_in(w, "ASIABOX");
	(void)setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI",
	    "http://127.0.0.1.example.org/", 1);
	open_chain(w, json_object());
	assert_out(w, ERR_CONFIG, "only https, this machine");
}

static void
test_machine(void **state)
{
	struct world *w = *state;

	set_url("AWS_EC2_METADATA_SERVICE_ENDPOINT", "/");
	open_chain(w, json_object());
	assert_out(w, ERR_CONFIG, "there are no access keys");
	(void)setenv("AWS_EC2_METADATA_DISABLED", "false", 1);
	assert_in(w, "ASIAVM");
	/* Refused, and asked for again. */
	know(w, "AKIDNONE", "x", NULL);
	assert_in(w, "ASIAVM");
	(void)setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1",
	    1);
	open_chain(w, json_object());
	assert_out(w, ERR_CONFIG, "no instance metadata");
	set_url("AWS_EC2_METADATA_SERVICE_ENDPOINT", "");
	s3_faults(w, "[{\"op\":\"machine\",\"do\":\"mute:403\"}]");
	assert_out(w, ERR_AUTH, "instance metadata answered 403");
	s3_faults(w,
	    "[{\"op\":\"machine\",\"do\":\"html:200\",\"key\":"
	    "\"the-role\"}]");
	assert_out(w, ERR_PROTOCOL, "did not answer in JSON");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, cred_setup, s3_teardown)
		T(test_configured),
		T(test_env),
		T(test_credentials_file),
		T(test_shared_files),
		T(test_web_identity),
		T(test_container),
		T(test_machine),
#undef T
	};

	return cmocka_run_group_tests(tests, s3_server_start, s3_server_stop);
}
