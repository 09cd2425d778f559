/*
 * azure_world.h - for tests of the Azure store: a scripted blob service, and
 * stores opened on it.
 */
#ifndef TEST_STORE_AZURE_WORLD_H
#define TEST_STORE_AZURE_WORLD_H

#include "unit/store/world.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/work.h"
#include "net/http.h"

/* Secrets that no log and no error may show; the server has the same. */
#define CANARY_KEY "Y2FuYXJ5LW9mLXRoZS1hY2NvdW50LWtleQ=="
#define CANARY_SIG "canary%2Fof%2Bthe%3Dsas"
#define CANARY_TOKEN "canary.of.the.token"
#define CANARY_HEADER "canary-of-the-identity-header"
#define CANARY_ASSERTION "canary.of.the.assertion"

struct azure_world {
	struct world w; /* First; w.store is the one under test. */
	struct http *http;
	struct work_pool *pool;
	char *log;
};

static pid_t server_pid = -1;
static int server_in = -1;
static int server_port;

UNUSED_OK static int
server_setup(void **state)
{
	int in[2], out[2];
	char line[64] = "";
	FILE *f;

	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)unsetenv("IDENTITY_ENDPOINT");
	(void)unsetenv("AZURE_FEDERATED_TOKEN_FILE");
	if (pipe(in) == -1 || pipe(out) == -1)
		return -1;
	if ((server_pid = fork()) == 0) {
		(void)dup2(in[0], 0);
		(void)dup2(out[1], 1);
		(void)close(in[1]);
		(void)close(out[0]);
		(void)execlp("python3", "python3",
		    "test/unit/store/azure_server.py", (char *)NULL);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	server_in = in[1];
	(void)fcntl(server_in, F_SETFD, FD_CLOEXEC);
	if ((f = fdopen(out[0], "r")) == NULL)
		return -1;
	if (fgets(line, sizeof(line), f) == NULL ||
	    sscanf(line, "%d", &server_port) != 1)
		return -1;
	(void)fclose(f);
	return 0;
}

UNUSED_OK static int
server_teardown(void **state)
{
	int status;

	(void)state;
	(void)close(server_in);
	(void)waitpid(server_pid, &status, 0);
	return 0;
}

/* One request to the server's own side, blocking; the answer's body, good
 * until the next. */
UNUSED_OK static const char *
tell_body(const char *path, const char *body)
{
	static char answer[65536];
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)server_port) };
	char request[1024];
	size_t n = 0;
	ssize_t got;
	char *text;
	int fd;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_not_equal(fd = socket(AF_INET, SOCK_STREAM, 0), -1);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	(void)snprintf(request, sizeof(request),
	    "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    path, strlen(body), body);
	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	while ((got = read(fd, answer + n, sizeof(answer) - 1 - n)) > 0)
		n += (size_t)got;
	answer[n] = '\0';
	(void)close(fd);
	assert_memory_equal(answer, "HTTP/1.1 200", 12);
	assert_non_null(text = strstr(answer, "\r\n\r\n"));
	return text + 4;
}

UNUSED_OK static const char *
tell(const char *path)
{
	return tell_body(path, "");
}

/* How often the line that begins with ${what} is in ${log}. */
UNUSED_OK static unsigned
count_lines(const char *log, const char *what)
{
	unsigned n = 0;

	for (; *log != '\0'; log += strcspn(log, "\n") + 1)
		n += strncmp(log, what, strlen(what)) == 0;
	return n;
}

/* A secret in a file of mode 0600, and the reference to it. */
UNUSED_OK static json_t *
a_secret(struct azure_world *a, const char *name, const char *text)
{
	char *path = file_join(a->w.dir, name);
	json_t *ref = json_pack("{s:s}", "file", path);
	FILE *f;

	assert_non_null(f = fopen(path, "w"));
	assert_int_equal(chmod(path, 0600), 0);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	free(path);
	return ref;
}

/* ${more} is stolen; NULL: an account key. */
UNUSED_OK static struct store *
a_open(struct azure_world *a, json_t *more)
{
	struct store_env lent = { .env = a->w.env,
		.http = a->http,
		.pool = a->pool };
	json_t *cfg = json_pack("{s:s,s:s,s:s,s:i,s:i,s:i,s:i}", "type",
	    "azure", "container", "box", "access_tier", "Cool", "concurrency",
	    3, "part_size", 65536, "request_timeout", 5000, "retry_for", 4000);
	struct err e = ERR_INIT;
	char url[64];

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/acct",
	    server_port);
	json_object_set_new(cfg, "endpoint", json_string(url));
	json_object_set_new(cfg, "account", json_string("acct"));
	if (more == NULL)
		json_object_set_new(cfg, "key",
		    a_secret(a, "key", CANARY_KEY "\n"));
	else
		json_object_update(cfg, more);
	json_decref(more);
	store_close(a->w.store);
	json_object_set_new(a->w.cfg, "offsite", cfg);
	a->w.store = store_open(&lent, "offsite", cfg, &e);
	assert_string_equal(e.msg, "");
	assert_non_null(a->w.store);
	return a->w.store;
}

UNUSED_OK static int
a_setup(void **state)
{
	struct azure_world *a = xcalloc(1, sizeof(*a));

	(void)alarm(60);
	assert_int_equal(uv_loop_init(&a->w.loop), 0);
	a->w.env = env_new(&a->w.loop);
	a->http = http_new(a->w.env);
	a->pool = work_pool_new(&a->w.loop, 2);
	(void)snprintf(a->w.dir, sizeof(a->w.dir), "/tmp/rb-azure-XXXXXX");
	assert_non_null(mkdtemp(a->w.dir));
	a->log = file_join(a->w.dir, "log");
	assert_int_equal(log_open(a->log, LOG_DEBUG, NULL), 0);
	a->w.cfg = json_object();
	(void)tell("/_reset");
	(void)a_open(a, NULL);
	*state = a;
	return 0;
}

UNUSED_OK static bool
holds_canary(const char *text)
{
	static const char *const canaries[] = { CANARY_KEY, CANARY_SIG,
		"canary/of+the=sas", CANARY_TOKEN, CANARY_HEADER,
		CANARY_ASSERTION, "canary-of-the-account-key" };
	size_t i;

	for (i = 0; i < COUNT_OF(canaries); i++)
		if (strstr(text, canaries[i]) != NULL)
			return true;
	return false;
}

UNUSED_OK static char *
a_log(struct azure_world *a)
{
	char *text = file_slurp(a->log, (size_t)1 << 20, NULL, NULL);

	assert_non_null(text);
	return text;
}

UNUSED_OK static int
a_teardown(void **state)
{
	struct azure_world *a = *state;
	char *log;

	store_close(a->w.store);
	http_free(a->http);
	assert_int_equal(uv_run(&a->w.loop, UV_RUN_NOWAIT) >= 0, 1);
	work_pool_free(a->pool);
	assert_int_equal(uv_run(&a->w.loop, UV_RUN_DEFAULT), 0);
	/* Nothing is left open: every handle was closed. */
	assert_int_equal(uv_loop_close(&a->w.loop), 0);
	env_free(a->w.env);
	log = a_log(a);
	log_close();
	assert_false(holds_canary(log));
	free(log);
	json_decref(a->w.cfg);
	assert_int_equal(file_remove_tree(a->w.dir, NULL), 0);
	free(a->log);
	free(a);
	return 0;
}

/* --- Calls that wait, with the whole answer. */

UNUSED_OK static void
a_put(struct azure_world *a, const char *key, size_t n, bool if_absent,
    struct waited *out)
{
	char *data = xmalloc(n + 1);
	size_t i;

	for (i = 0; i < n; i++)
		data[i] = (char)(i % 251);
	memset(out, 0, sizeof(*out));
	store_put_bytes(a->w.store, key, data, n, if_absent, w_on_put, out);
	w_wait(&a->w, out);
	assert_false(holds_canary(out->err.msg));
	free(data);
}

/* Whether the object is what a_put() wrote. */
UNUSED_OK static bool
a_is_put(struct azure_world *a, const char *key, size_t n)
{
	struct waited got = { 0 };
	bool is_same;
	size_t i;

	store_get_bytes(a->w.store, key, (size_t)1 << 22, w_on_bytes, &got);
	w_wait(&a->w, &got);
	is_same = got.err.code == ERR_NONE && got.text.len == n;
	for (i = 0; is_same && i < n; i++)
		is_same = got.text.data[i] == (char)(i % 251);
	buf_done(&got.text);
	return is_same;
}

/* The error of reading ${key}. */
UNUSED_OK static struct err
a_get_error(struct azure_world *a, const char *key)
{
	struct waited got = { 0 };

	store_get_bytes(a->w.store, key, (size_t)1 << 22, w_on_bytes, &got);
	w_wait(&a->w, &got);
	buf_done(&got.text);
	assert_false(holds_canary(got.err.msg));
	return got.err;
}

#endif
