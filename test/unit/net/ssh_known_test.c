/* ssh_known_test.c - known_hosts lines of every kind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "net/ssh_b64.h"
#include "net/ssh_known.h"

/* Blobs: a type's length and name, and a byte that makes them differ. */
#define KEY_A "AAAAC3NzaC1lZDI1NTE5AQ=="
#define KEY_B "AAAAC3NzaC1lZDI1NTE5Ag=="
#define KEY_C "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYB"
#define ED "ssh-ed25519"
#define EC "ecdsa-sha2-nistp256"

enum want { GOOD, UNKNOWN, CHANGED, TYPE, REVOKED };

static const struct {
	const char *file;
	const char *host;
	int port;
	enum want want; /* For KEY_A. */
} rows[] = {
	{ "", "h", 22, UNKNOWN },
	{ "h " ED " " KEY_A, "h", 22, GOOD },
	{ "h " ED " " KEY_A " a comment\n", "h", 22, GOOD },
	{ "\t h\t" ED "\t" KEY_A "\r\n", "h", 22, GOOD },
	{ "H " ED " " KEY_A "\n", "h", 22, GOOD },
	{ "#h " ED " " KEY_A "\n", "h", 22, UNKNOWN },
	{ "g,h,i " ED " " KEY_A "\n", "h", 22, GOOD },
	{ "g,hh,i " ED " " KEY_A "\n", "h", 22, UNKNOWN },
	{ "*.example.org " ED " " KEY_A "\n", "a.example.org", 22, GOOD },
	{ "*.example.org " ED " " KEY_A "\n", "example.org", 22, UNKNOWN },
	{ "a?c " ED " " KEY_A "\n", "abc", 22, GOOD },
	{ "a?c " ED " " KEY_A "\n", "ac", 22, UNKNOWN },
	{ "*,!h " ED " " KEY_A "\n", "h", 22, UNKNOWN },
	{ "*,!h " ED " " KEY_A "\n", "g", 22, GOOD },
	{ "!h,* " ED " " KEY_A "\n", "h", 22, UNKNOWN },
	{ "h " ED " " KEY_B "\n", "h", 22, CHANGED },
	{ "h " ED " " KEY_B "\nh " ED " " KEY_A "\n", "h", 22, GOOD },
	{ "h " EC " " KEY_C "\n", "h", 22, TYPE },
	{ "h " ED " " KEY_A "\n", "h", 2222, GOOD },
	{ "[h]:2222 " ED " " KEY_A "\n", "h", 2222, GOOD },
	{ "[h]:2222 " ED " " KEY_A "\n", "h", 22, UNKNOWN },
	{ "[h]:2223 " ED " " KEY_A "\n", "h", 2222, UNKNOWN },
	{ "[h]:2222 " ED " " KEY_B "\nh " ED " " KEY_A "\n", "h", 2222,
	    CHANGED },
	{ "[h]:2222 " EC " " KEY_C "\nh " ED " " KEY_A "\n", "h", 2222, TYPE },
	{ "h " ED " " KEY_A "\n@revoked * " ED " " KEY_A "\n", "h", 22,
	    REVOKED },
	{ "@revoked h " ED " " KEY_A "\n[h]:2222 " ED " " KEY_A "\n", "h", 2222,
	    REVOKED },
	{ "h " ED " " KEY_A "\n@revoked h " ED " " KEY_B "\n", "h", 22, GOOD },
	{ "@revoked h " ED " " KEY_B "\n", "h", 22, UNKNOWN },
	{ "@cert-authority * " ED " " KEY_A "\n", "h", 22, UNKNOWN },
	{ "h " ED " not*base64\nh\nh " ED "\nh  \n\n\n", "h", 22, UNKNOWN },
	{ "h 1024 35 1234567\nh " ED " " KEY_A, "h", 22, GOOD },
	/* HMAC-SHA1 of "h" by the salt "salty-salty-salty-20". */
	{ "|1|c2FsdHktc2FsdHktc2FsdHktMjA=|%s " ED " " KEY_A "\n", "h", 22,
	    GOOD },
	{ "|1|c2FsdHktc2FsdHktc2FsdHktMjA=|%s " ED " " KEY_A "\n", "g", 22,
	    UNKNOWN },
	{ "|1|c2FsdHk= " ED " " KEY_A "\n|1||\n|1| x y\n", "h", 22, UNKNOWN },
};

/* What the openssl program says, apart from our own code. */
static void
hash_of_h(char *out, size_t size)
{
	FILE *p = popen("printf h | openssl dgst -sha1 -mac HMAC -macopt "
			"key:salty-salty-salty-20 -binary | openssl base64",
	    "r");

	assert_non_null(p);
	assert_non_null(fgets(out, (int)size, p));
	(void)pclose(p);
	out[strcspn(out, "\n")] = '\0';
}

static void
write_file(const char *path, const char *format)
{
	char hash[64];
	FILE *f = fopen(path, "w");
	const char *at = strstr(format, "%s");

	assert_non_null(f);
	hash_of_h(hash, sizeof(hash));
	if (at == NULL)
		(void)fputs(format, f);
	else
		(void)fprintf(f, "%.*s%s%s", (int)(at - format), format, hash,
		    at + 2);
	(void)fclose(f);
}

static void
test_lines(void **state)
{
	static const char *const words[] = { NULL, "unknown host key",
		"CHANGED", "of type", "revoked" };
	char path[] = "/tmp/rb-known-XXXXXX";
	uint8_t blob[64];
	struct known k;
	struct err e;
	size_t i, n;
	int fd, rc;

	(void)state;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(ssh_b64_decode(KEY_A, strlen(KEY_A), blob,
			     sizeof(blob), &n),
	    0);
	for (i = 0; i < COUNT_OF(rows); i++) {
		err_clear(&e);
		write_file(path, rows[i].file);
		assert_int_equal(known_load(&k, path, rows[i].host,
				     rows[i].port, &e),
		    0);
		rc = known_check(&k, blob, n, &e);
		if ((rc == 0) != (rows[i].want == GOOD) ||
		    (rc == -1 &&
			(e.code != ERR_HOST_KEY ||
			    strstr(e.msg, words[rows[i].want]) == NULL)))
			fail_msg("%zu: '%s': %d %s", i, rows[i].file, rc,
			    e.msg);
		known_done(&k);
	}
	(void)unlink(path);
	/* No file: nothing is known; one that cannot be read: an error. */
	assert_int_equal(known_load(&k, path, "h", 22, &e), 0);
	assert_int_equal(known_check(&k, blob, n, &e), -1);
	known_done(&k);
	assert_int_equal(known_load(&k, "/", "h", 22, &e), -1);
	known_done(&k);
}

static void
test_types_first(void **state)
{
	char path[] = "/tmp/rb-known-XXXXXX";
	struct buf types = BUF_INIT;
	struct known k;
	struct err e;
	int fd;

	(void)state;
	fd = mkstemp(path);
	assert_true(fd >= 0);
	(void)close(fd);
	write_file(path,
	    "h " EC " " KEY_C "\nh " EC " " KEY_C "\n"
	    "@revoked h ssh-rsa " KEY_B "\nh x-unheard-of " KEY_B "\n");
	assert_int_equal(known_load(&k, path, "h", 22, &e), 0);
	known_types(&k, &types);
	assert_string_equal(buf_str(&types), EC);
	buf_done(&types);
	known_done(&k);
	(void)unlink(path);
}

static void
test_base64(void **state)
{
	uint8_t raw[300], back[300];
	size_t n, len, i;
	char *text;

	(void)state;
	for (i = 0; i < sizeof(raw); i++)
		raw[i] = (uint8_t)(i * 7 + 1);
	for (n = 0; n < sizeof(raw); n++) {
		text = ssh_b64_encode(raw, n);
		assert_int_equal(ssh_b64_decode(text, strlen(text), back,
				     sizeof(back), &len),
		    0);
		assert_int_equal(len, n);
		assert_memory_equal(raw, back, n);
		if (n > 0)
			assert_int_equal(ssh_b64_decode(text, strlen(text),
					     back, n - 1, &len),
			    -1);
		free(text);
	}
	assert_int_equal(ssh_b64_decode("a*b", 3, back, sizeof(back), &len),
	    -1);
	assert_int_equal(ssh_b64_decode("ab=c", 4, back, sizeof(back), &len),
	    -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_types_first),
		cmocka_unit_test(test_base64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
