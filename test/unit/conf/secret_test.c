/* secret_test.c - where secrets come from and who may read them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "conf/secret.h"

static char dir[] = "/tmp/secret_test.XXXXXX";

static int
setup(void **state)
{
	(void)state;
	return mkdtemp(dir) == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	return file_remove_tree(dir, NULL);
}

/* The secret of ${text} in a file of ${mode}; NULL when it is refused. */
static const char *
load(const char *text, size_t len, mode_t mode, const char *var, struct err *e)
{
	static char value[256];
	struct secret s = SECRET_INIT;
	char *path = file_join(dir, "secret");
	json_t *ref = json_object();
	int rc;

	err_clear(e);
	assert_int_equal(file_publish(path, text, len, false, e), 0);
	assert_int_equal(chmod(path, mode), 0);
	json_put_str(ref, "file", path);
	if (var != NULL)
		json_put_str(ref, "var", var);
	rc = secret_load(ref, &s, e);
	json_decref(ref);
	free(path);
	if (rc == -1) {
		assert_null(s.value);
		return NULL;
	}
	assert_int_equal(strlen(s.value), s.len);
	assert_true(s.len < sizeof(value));
	memcpy(value, s.value, s.len + 1);
	secret_done(&s);
	assert_null(s.value);
	assert_int_equal(s.len, 0);
	secret_done(&s);
	return value;
}

#define LOAD(text, mode, var) load(text, sizeof(text) - 1, mode, var, &e)

static void
test_file(void **state)
{
	struct err e = ERR_INIT;

	(void)state;
	assert_string_equal(LOAD("hunter2\n", 0600, NULL), "hunter2");
	assert_string_equal(LOAD("hunter2", 0400, NULL), "hunter2");
	assert_string_equal(LOAD("hunter2\r\n", 0600, NULL), "hunter2");
	assert_string_equal(LOAD(" two \n\n", 0600, NULL), " two \n");
	assert_null(LOAD("hunter2\n", 0640, NULL));
	assert_int_equal(e.code, ERR_PERMISSION);
	assert_null(strstr(e.msg, "hunter2"));
	assert_null(LOAD("hunter2\n", 0604, NULL));
	assert_null(LOAD("", 0600, NULL));
	assert_null(LOAD("\n", 0600, NULL));
	assert_null(LOAD("hun\0ter2\n", 0600, NULL));
	assert_null(strstr(e.msg, "ter2"));
}

static void
test_var(void **state)
{
	static const char text[] =
	    "# A=no\nAB=x\nexport A='it=s'\n"
	    "B = no\n  C=\"two words\"  \r\nD=\nE=one\nE=last";
	struct err e = ERR_INIT;

	(void)state;
	assert_string_equal(LOAD(text, 0600, "A"), "it=s");
	assert_string_equal(LOAD(text, 0600, "AB"), "x");
	assert_string_equal(LOAD(text, 0600, "C"), "two words");
	assert_string_equal(LOAD(text, 0600, "E"), "last");
	assert_null(LOAD(text, 0600, "B"));
	assert_null(LOAD(text, 0600, "D"));
	assert_null(LOAD(text, 0600, "F"));
	assert_non_null(strstr(e.msg, "has no F="));
	assert_null(LOAD(text, 0644, "A"));
}

static void
test_env(void **state)
{
	json_t *ref = json_pack("{s:s}", "env", "SECRET_TEST_VALUE");
	struct secret s = SECRET_INIT;
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(unsetenv("SECRET_TEST_VALUE"), 0);
	assert_int_equal(secret_load(ref, &s, &e), -1);
	assert_int_equal(e.code, ERR_CONFIG);
	assert_int_equal(setenv("SECRET_TEST_VALUE", "v", 1), 0);
	assert_int_equal(secret_load(ref, &s, &e), 0);
	assert_string_equal(s.value, "v");
	secret_done(&s);
	assert_int_equal(setenv("SECRET_TEST_VALUE", "", 1), 0);
	assert_int_equal(secret_load(ref, &s, &e), -1);
	json_decref(ref);
	ref = json_object();
	assert_int_equal(secret_load(ref, &s, &e), -1);
	json_decref(ref);
	assert_int_equal(secret_load(NULL, &s, &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_var),
		cmocka_unit_test(test_env),
	};

	return cmocka_run_group_tests_name("secret", tests, setup, teardown);
}
