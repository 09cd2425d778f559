/* conf_test.c - the shipped files, golden faults, values, freezing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "conf/conf.h"

static char home[PATH_MAX];

static void
put_file(const char *name, mode_t mode)
{
	char *path = file_join(home, name);
	struct err e = ERR_INIT;

	assert_int_equal(file_publish(path, "x\n", 2, false, &e), 0);
	assert_int_equal(chmod(path, mode), 0);
	free(path);
}

static int
setup(void **state)
{
	char dir[] = "/tmp/conf_test.XXXXXX";
	struct err e = ERR_INIT;
	char *ssh, *offsite;

	(void)state;
	if (mkdtemp(dir) == NULL || realpath(dir, home) == NULL)
		return -1;
	ssh = file_join(home, ".ssh");
	offsite = file_join(home, "system/config");
	if (file_mkdir_p(ssh, &e) == -1 || file_mkdir_p(offsite, &e) == -1 ||
	    setenv("HOME", home, 1) == -1)
		return -1;
	free(ssh);
	free(offsite);
	put_file("system/config/azure-lightrag-backup.env", 0600);
	put_file(".ssh/azure_vm", 0600);
	put_file("private.key", 0600);
	put_file("open.key", 0644);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	return file_remove_tree(home, NULL);
}

static struct conf *
load_good(const char *path)
{
	struct conf_faults faults;
	struct err e = ERR_INIT;
	struct conf *c = conf_load(path, &faults, &e);

	if (c == NULL)
		fail_msg("%s", e.msg);
	assert_int_equal(faults.n, 0);
	conf_faults_done(&faults);
	return c;
}

static struct conf *
parse_good(const char *text)
{
	struct err e = ERR_INIT;
	struct conf *c = conf_parse("/etc/x/t.yaml", text, strlen(text), NULL,
	    &e);

	if (c == NULL)
		fail_msg("%s", e.msg);
	return c;
}

/* Each file that is shipped in conf/ is good as it stands. */
static void
test_shipped(void **state)
{
	DIR *d = opendir("conf");
	struct dirent *ent;
	unsigned n = 0;
	char *path;

	(void)state;
	assert_non_null(d);
	while ((ent = readdir(d)) != NULL) {
		if (!str_has_suffix(ent->d_name, ".yaml"))
			continue;
		path = file_join("conf", ent->d_name);
		conf_unref(load_good(path));
		free(path);
		n++;
	}
	(void)closedir(d);
	assert_true(n >= 3);
}

static void
replace_all(struct buf *b, const char *text, const char *from, const char *to)
{
	const char *at;

	for (; (at = strstr(text, from)) != NULL; text = at + strlen(from)) {
		buf_add(b, text, (size_t)(at - text));
		buf_adds(b, to);
	}
	buf_adds(b, text);
}

/* As programs print it. */
static char *
fault_line(const char *path, const struct conf_fault *f)
{
	if (f->line == 0)
		return xasprintf("%s: %s", path, f->text);
	return xasprintf("%s:%d:%d: %s", path, f->line, f->column, f->text);
}

/* All faults of a file, one a line, with the test's home as "~". */
static char *
faults_of(const char *path)
{
	struct conf_faults faults;
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	struct conf *c = conf_load(path, &faults, &e);
	char *line;
	size_t i;

	assert_true((c == NULL) == (faults.n > 0));
	if (c == NULL)
		assert_int_equal(e.code, ERR_CONFIG);
	for (i = 0; i < faults.n; i++) {
		line = fault_line(path, &faults.list[i]);
		if (i == 0)
			assert_true(str_has_prefix(e.msg, line));
		replace_all(&b, line, home, "~");
		buf_addc(&b, '\n');
		free(line);
	}
	conf_unref(c);
	conf_faults_done(&faults);
	buf_addc(&b, '\0');
	return buf_take(&b);
}

/* test/conf: NAME.yaml gives exactly the lines of NAME.expect. */
static void
test_golden(void **state)
{
	DIR *d = opendir("test/conf");
	int back = open(".", O_RDONLY | O_CLOEXEC);
	const char *update = getenv("CONF_TEST_UPDATE");
	char *got, *want, *expect;
	struct err e = ERR_INIT;
	struct dirent *ent;
	unsigned n = 0;

	(void)state;
	assert_non_null(d);
	assert_int_equal(chdir("test/conf"), 0);
	while ((ent = readdir(d)) != NULL) {
		if (!str_has_suffix(ent->d_name, ".yaml"))
			continue;
		got = faults_of(ent->d_name);
		expect = xasprintf("%.*s.expect", (int)strlen(ent->d_name) - 5,
		    ent->d_name);
		if (update != NULL)
			(void)file_publish(expect, got, strlen(got), false, &e);
		want = file_slurp(expect, 65536, NULL, &e);
		if (want == NULL || strcmp(got, want) != 0)
			fail_msg("%s: got\n%s", expect, got);
		free(want);
		free(expect);
		free(got);
		n++;
	}
	(void)closedir(d);
	assert_int_equal(fchdir(back), 0);
	(void)close(back);
	assert_true(n >= 15);
}

/*
 * The sample shows every key: with the commented ones uncommented it is good,
 * and what they say is the default, but for the examples.
 */
static char *
sample_uncommented(void)
{
	static const char *const skipped[] = { "passphrase_env:",
		"fingerprint:", "passphrase_file:", "api_key_file:", "account:",
		"key_file:", "key_env:", "sas_file:", "sas_env:",
		"connection_string_file:", "connection_string_env:",
		"managed_identity:", "client_id:", "access_key_id:",
		"secret_access_key_file:", "secret_access_key_env:",
		"session_token_file:", "session_token_env:" };
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	char *text = file_slurp("conf/ragbackup.example.yaml", 65536, NULL, &e);
	char *line, *save = NULL, *mark;
	size_t i;

	assert_non_null(text);
	for (line = strtok_r(text, "\n", &save); line != NULL;
	     line = strtok_r(NULL, "\n", &save)) {
		mark = line + strspn(line, " ");
		if (mark != line && mark[0] == '#' && mark[1] == ' ' &&
		    strchr(mark + 2 + strspn(mark + 2, " "), ':') != NULL)
			memmove(mark, mark + 2, strlen(mark + 2) + 1);
		mark = line + strspn(line, " ");
		for (i = 0; i < COUNT_OF(skipped); i++)
			if (str_has_prefix(mark, skipped[i]))
				mark[0] = '\0';
		buf_adds(&b, line);
		buf_addc(&b, '\n');
	}
	free(text);
	return buf_take(&b);
}

static void
same_member(const json_t *a, const json_t *b, const char *key)
{
	if (!json_equal(json_object_get(a, key), json_object_get(b, key)))
		fail_msg("the sample's default of '%s' is not the table's",
		    key);
}

static void
test_sample_defaults(void **state)
{
	static const char *const store[] = { "min_rate", "stall", "min_free" };
	static const char *const cloud[] = { "min_rate", "stall", "bandwidth",
		"concurrency", "part_size", "request_timeout", "retry_for",
		"tls_verify" };
	static const char *const s3[] = { "region", "style", "checksum" };
	static const char *const host[] = { "port", "agent", "known_hosts",
		"connect_timeout", "keepalive" };
	static const char *const source[] = { "docker_path", "stop_timeout",
		"killed", "checks", "deadman", "lock_wait" };
	static const char *const folder[] = { "checks", "deadman",
		"lock_wait" };
	static const char *const daemon[] = { "log_level", "max_runs",
		"min_free", "gc_age" };
	static const char *const job[] = { "enabled", "compress", "timeout" };
	struct conf *a = load_good("conf/ragbackup.example.yaml");
	char *text = sample_uncommented();
	struct conf *b = parse_good(text);
	size_t i;

	(void)state;
#define SAME(list, x, y)                                                       \
	for (i = 0; i < COUNT_OF(list); i++)                                   \
	same_member(x, y, (list)[i])
	SAME(daemon, conf_daemon(a), conf_daemon(b));
	SAME(store, conf_store(a, "local"), conf_store(b, "local"));
	SAME(cloud, conf_store(a, "offsite"), conf_store(b, "offsite"));
	SAME(s3, conf_store(a, "disaster"), conf_store(b, "disaster"));
	SAME(host, conf_host(a, "vm"), conf_host(b, "vm"));
	SAME(job, conf_job(a, "lightrag"), conf_job(b, "lightrag"));
	SAME(source, json_object_get(conf_job(a, "lightrag"), "source"),
	    json_object_get(conf_job(b, "lightrag"), "source"));
	SAME(folder, json_object_get(conf_job(a, "documents"), "source"),
	    json_object_get(conf_job(b, "documents"), "source"));
	conf_unref(a);
	conf_unref(b);
	free(text);
}

#define SMALL                                                                  \
	"stores: {s: {type: filesystem, path: b/./c//d/}}\n"                   \
	"hosts: {vm: {ssh: u@h}}\n"

static void
test_paths(void **state)
{
	struct conf *c = parse_good(SMALL
	    "jobs:\n"
	    "  far: {source: {type: docker, host: vm, compose: ~/x,\n"
	    "    docker_path: ~/bin/docker, paths: [~/a, /b]},\n"
	    "    stores: [{store: s}]}\n"
	    "  near: {source: {type: docker, compose: ~/x, paths: [~, a]},\n"
	    "    stores: [{store: s}]}\n");
	const json_t *far = json_object_get(conf_job(c, "far"), "source");
	const json_t *near = json_object_get(conf_job(c, "near"), "source");
	char *want = file_join(home, "x");

	(void)state;
	assert_string_equal(json_get_str(conf_store(c, "s"), "path", ""),
	    "/etc/x/b/c/d");
	assert_string_equal(json_get_str(far, "compose", ""), "~/x");
	assert_string_equal(json_get_str(far, "docker_path", ""),
	    "~/bin/docker");
	assert_string_equal(
	    json_string_value(json_array_get(json_object_get(far, "paths"), 0)),
	    "~/a");
	assert_string_equal(json_get_str(near, "compose", ""), want);
	assert_string_equal(json_string_value(json_array_get(
				json_object_get(near, "paths"), 0)),
	    home);
	assert_string_equal(json_string_value(json_array_get(
				json_object_get(near, "paths"), 1)),
	    "/etc/x/a");
	assert_string_equal(json_get_str(near, "docker_path", ""), "docker");
	free(want);
	conf_unref(c);
}

static void
test_values(void **state)
{
	struct conf *c = parse_good(
	    "stores: {s: {type: filesystem, path: /s}}\n"
	    "hosts:\n"
	    "  vm: {ssh: u@h, passphrase_env: P, agent: 'Off', port: '2222'}\n"
	    "jobs:\n"
	    "  j:\n"
	    "    enabled: no\n"
	    "    source: {type: docker, host: vm, volumes: [a],\n"
	    "      health: {url: 'http://h/', json: {a: true, b: 'true',\n"
	    "        c: 5, d: five, e: null}},\n"
	    "      idle: {url: 'http://h', api_key_file: /k, interval: 250ms}}\n"
	    "    stores: [{store: s}]\n");
	const json_t *host = conf_host(c, "vm");
	const json_t *src = json_object_get(conf_job(c, "j"), "source");
	const json_t *health = json_object_get(src, "health");
	const json_t *idle = json_object_get(src, "idle");
	char *text;

	(void)state;
	assert_false(json_get_bool(conf_job(c, "j"), "enabled", true));
	assert_false(json_get_bool(host, "agent", true));
	assert_int_equal(json_get_int(host, "port", 0), 2222);
	assert_string_equal(json_get_str(json_object_get(host, "passphrase"),
				"env", ""),
	    "P");
	assert_null(json_object_get(host, "passphrase_env"));
	text = json_print(json_object_get(health, "json"));
	assert_string_equal(text,
	    "{\"a\":true,\"b\":\"true\",\"c\":5,"
	    "\"d\":\"five\",\"e\":null}");
	free(text);
	text = json_print(json_object_get(idle, "api_key"));
	assert_string_equal(text, "{\"file\":\"/k\"}");
	free(text);
	assert_null(json_object_get(idle, "api_key_file"));
	assert_int_equal(json_get_int(idle, "interval", 0), 250);
	assert_int_equal(json_array_size(json_object_get(idle, "workspaces")),
	    0);
	conf_unref(c);
}

static void
test_shorthand(void **state)
{
	struct conf *c = load_good("conf/runbook.yaml");
	const json_t *health =
	    json_object_get(json_object_get(conf_job(c, "lightrag"), "source"),
		"health");

	(void)state;
	assert_string_equal(json_get_str(health, "url", ""),
	    "https://lightrag.example.org/health");
	assert_int_equal(json_get_int(health, "status", 0), 200);
	assert_int_equal(json_get_int(health, "timeout", 0), 300000);
	assert_true(json_is_null(json_object_get(health, "json")));
	conf_unref(c);
}

static void
test_freeze(void **state)
{
	struct conf *c = load_good("conf/runbook.yaml");
	json_t *frozen = conf_freeze(c, "lightrag");
	const json_t *near;

	(void)state;
	assert_null(conf_freeze(c, "other"));
	conf_unref(conf_ref(c));
	conf_unref(c);
	assert_string_equal(json_get_str(frozen, "name", ""), "lightrag");
	assert_string_equal(json_get_str(json_object_get(frozen, "host"), "ssh",
				""),
	    "azureuser@lightrag-vm.example.org");
	assert_string_equal(json_get_str(json_object_get(json_object_get(frozen,
							     "stores"),
					     "local"),
				"type", ""),
	    "filesystem");
	near = json_object_get(json_object_get(frozen, "job"), "schedule");
	assert_int_equal(json_get_int(near, "catch_up", 0), 86400000);
	json_decref(frozen);
	c = load_good("conf/demo.yaml");
	frozen = conf_freeze(c, "demo");
	assert_true(json_is_null(json_object_get(frozen, "host")));
	json_decref(frozen);
	conf_unref(c);
}

static void
test_socket(void **state)
{
	struct conf *c = parse_good("daemon: {state_dir: s}\n");
	char *want, *path;

	(void)state;
	assert_string_equal(json_get_str(conf_daemon(c), "socket", ""),
	    "/etc/x/s/control.sock");
	conf_unref(c);
	c = parse_good("daemon:\n");
	want = conf_default_socket();
	assert_string_equal(json_get_str(conf_daemon(c), "socket", ""), want);
	free(want);
	conf_unref(c);
	assert_int_equal(setenv("XDG_CONFIG_HOME", "/xdg", 1), 0);
	path = conf_default_path();
	if (access("/etc/ragbackup/ragbackup.yaml", F_OK) == -1)
		assert_string_equal(path, "/xdg/ragbackup/ragbackup.yaml");
	free(path);
	assert_int_equal(unsetenv("XDG_CONFIG_HOME"), 0);
}

/* A client finds the socket though the daemon's keys are not for it. */
static void
test_public(void **state)
{
	char *path = file_join(home, "public.yaml");
	static const char text[] = "hosts: {h: {ssh: u@h, identity: /gone}}\n"
				   "daemon: {socket: /s}\n";
	struct err e = ERR_INIT;
	struct conf *c;

	(void)state;
	assert_int_equal(file_publish(path, text, sizeof(text) - 1, false, &e),
	    0);
	assert_null(conf_load(path, NULL, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	c = conf_load_public(path, NULL, &e);
	assert_non_null(c);
	assert_string_equal(json_get_str(conf_daemon(c), "socket", ""), "/s");
	conf_unref(c);
	free(path);
	path = file_join(home, "absent.yaml");
	assert_null(conf_load_public(path, NULL, &e));
	assert_non_null(strstr(e.msg, "absent.yaml"));
	free(path);
}

/* What a text editor does not make: built here. */
static void
test_hostile(void **state)
{
	struct conf_faults faults;
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	int i;

	(void)state;
	for (i = 0; i < 5000; i++)
		buf_addc(&b, '[');
	assert_null(conf_parse("t", b.data, b.len, &faults, &e));
	assert_non_null(strstr(e.msg, "t:1:18: nested too deeply"));
	conf_faults_done(&faults);
	buf_clear(&b);
	for (i = 0; i < 100000; i++)
		buf_addf(&b, "k%d: 1\n", i % 40000);
	assert_null(conf_parse("t", b.data, b.len, &faults, &e));
	assert_int_equal(e.code, ERR_CONFIG);
	assert_true(faults.n >= 1 && faults.n <= 100);
	conf_faults_done(&faults);
	buf_clear(&b);
	for (i = 0; i < 1100000; i++)
		buf_addc(&b, '#');
	assert_null(conf_parse("t", b.data, b.len, &faults, &e));
	assert_non_null(strstr(e.msg, "larger than"));
	conf_faults_done(&faults);
	assert_null(conf_parse("t", "a: \xff\n", 6, NULL, &e));
	assert_non_null(strstr(e.msg, "t:1:4: the file must be UTF-8"));
	assert_null(conf_parse("t", "a: b\0c\n", 7, NULL, &e));
	assert_null(conf_parse("t", "", 0, NULL, &e));
	assert_non_null(strstr(e.msg, "holds no configuration"));
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shipped),
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_sample_defaults),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_shorthand),
		cmocka_unit_test(test_freeze),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_public),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests_name("conf", tests, setup, teardown);
}
