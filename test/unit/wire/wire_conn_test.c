/* wire_conn_test.c - both ends of a connection, slow ones and rude ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "wire/peer.h"
#include "wire/wire.h"

#define DEADLINE_MS 20000

/* One end, with what it was told. */
struct end {
	struct wire_conn *conn;
	unsigned ups, messages, drained, gone;
	int64_t last_id;
	struct err err;
	bool closes_on_message;
	bool sends_when_up;
};

struct world {
	uv_loop_t loop;
	struct env *env;
	struct env fast; /* Its timers run 100 times faster. */
	uv_pipe_t server;
	char dir[64], path[96];
	struct end accepted, connected;
	unsigned closed;
	uv_timer_t deadline;
};

static struct world *the_world;

static void
on_up(void *arg)
{
	struct end *end = arg;

	end->ups++;
	if (end->sends_when_up)
		(void)wire_conn_send(end->conn, wire_hello_new(), NULL);
}

static void
on_closed(void *arg)
{
	((struct world *)arg)->closed++;
}

static void
on_message(void *arg, const json_t *msg)
{
	struct end *end = arg;

	end->messages++;
	end->last_id = json_get_int(msg, "id", 0);
	if (end->closes_on_message) {
		wire_conn_close(end->conn, 0, on_closed, the_world);
		end->conn = NULL;
	}
}

static void
on_drained(void *arg)
{
	((struct end *)arg)->drained++;
}

static void
on_gone(void *arg, const struct err *e)
{
	struct end *end = arg;

	assert_int_equal(end->gone, 0);
	end->gone++;
	err_copy(&end->err, e);
}

static const struct wire_conn_ops ops = { on_up, on_message, on_drained,
	on_gone };

static void
on_connection(uv_stream_t *s, int status)
{
	struct world *w = s->data;
	struct err e = ERR_INIT;

	assert_int_equal(status, 0);
	w->accepted.conn = wire_conn_accept(&w->fast, &w->server,
	    WIRE_REQUEST_MAX, &ops, &w->accepted, &e);
	assert_non_null(w->accepted.conn);
	wire_conn_start(w->accepted.conn);
}

/* The real clock's timers, each a hundredth of its length. */
static struct env_timer *
fast_timer_new(struct env *env, env_timer_fn *fn, void *arg)
{
	struct world *w = CONTAINER_OF(env, struct world, fast);
	struct env_timer *t = env_timer_new(w->env, fn, arg);

	((struct env_timer_base *)(void *)t)->env = env;
	return t;
}

static void
fast_timer_start(struct env_timer *t, int64_t ms)
{
	the_world->env->ops->timer_start(t, ms / 100);
}

static void
fast_timer_stop(struct env_timer *t)
{
	the_world->env->ops->timer_stop(t);
}

static void
fast_timer_free(struct env_timer *t)
{
	the_world->env->ops->timer_free(t);
}

static struct env_ops fast_ops;

static void
on_deadline(uv_timer_t *t)
{
	(void)t;
	fail_msg("nothing happened for too long");
}

static int
setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	the_world = w;
	BUG_IF(uv_loop_init(&w->loop) != 0);
	w->env = env_new(&w->loop);
	fast_ops = *w->env->ops;
	fast_ops.timer_new = fast_timer_new;
	fast_ops.timer_start = fast_timer_start;
	fast_ops.timer_stop = fast_timer_stop;
	fast_ops.timer_free = fast_timer_free;
	w->fast.ops = &fast_ops;
	w->fast.loop = &w->loop;
	strcpy(w->dir, "/tmp/wire-test-XXXXXX");
	BUG_IF(mkdtemp(w->dir) == NULL);
	(void)snprintf(w->path, sizeof(w->path), "%s/s", w->dir);
	BUG_IF(uv_pipe_init(&w->loop, &w->server, 0) != 0);
	w->server.data = w;
	BUG_IF(uv_pipe_bind(&w->server, w->path) != 0);
	BUG_IF(uv_listen((uv_stream_t *)&w->server, 8, on_connection) != 0);
	BUG_IF(uv_timer_init(&w->loop, &w->deadline) != 0);
	BUG_IF(uv_timer_start(&w->deadline, on_deadline, DEADLINE_MS, 0) != 0);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	if (w->accepted.conn != NULL)
		wire_conn_close(w->accepted.conn, 0, NULL, NULL);
	if (w->connected.conn != NULL)
		wire_conn_close(w->connected.conn, 0, NULL, NULL);
	uv_close((uv_handle_t *)&w->server, NULL);
	uv_close((uv_handle_t *)&w->deadline, NULL);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	BUG_IF(uv_loop_close(&w->loop) != 0);
	env_free(w->env);
	(void)unlink(w->path);
	(void)rmdir(w->dir);
	free(w);
	return 0;
}

/* Until ${cond}; the deadline timer ends what never comes. */
#define RUN_UNTIL(w, cond)                                                     \
	do {                                                                   \
		while (!(cond))                                                \
			(void)uv_run(&(w)->loop, UV_RUN_ONCE);                 \
	} while (0)

static void
connect_both(struct world *w)
{
	struct err e = ERR_INIT;

	w->connected.conn = wire_conn_connect(&w->fast, w->path, WIRE_REPLY_MAX,
	    &ops, &w->connected, &e);
	assert_non_null(w->connected.conn);
	RUN_UNTIL(w, w->connected.ups == 1 && w->accepted.conn != NULL);
}

/* A peer without manners: a plain socket. */
static int
connect_plain(struct world *w)
{
	struct sockaddr_un sun;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	memcpy(sun.sun_path, w->path, strlen(w->path));
	assert_int_equal(connect(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	RUN_UNTIL(w, w->accepted.conn != NULL);
	return fd;
}

static void
write_all(int fd, const char *text, size_t n)
{
	assert_int_equal(write(fd, text, n), n);
}

static json_t *
big_message(int64_t id, size_t size)
{
	char *text = xmalloc(size + 1);
	json_t *msg;

	memset(text, 'x', size);
	text[size] = '\0';
	msg = wire_reply_new(id, WIRE_DATA, json_string(text));
	free(text);
	return msg;
}

static void
test_both_ways(void **state)
{
	struct world *w = *state;
	struct passwd *pw;
	struct peer peer;
	struct err e = ERR_INIT;
	int64_t i;

	connect_both(w);
	for (i = 1; i <= 100; i++) {
		assert_int_equal(wire_conn_send(w->connected.conn,
				     wire_request_new(i, "ping", NULL), &e),
		    0);
		assert_int_equal(wire_conn_send(w->accepted.conn,
				     wire_reply_new(i, WIRE_END, NULL), &e),
		    0);
	}
	RUN_UNTIL(w,
	    w->accepted.messages == 100 && w->connected.messages == 100);
	assert_int_equal(w->accepted.last_id, 100);
	assert_int_equal(peer_get(wire_conn_fd(w->accepted.conn), &peer, &e),
	    0);
	assert_int_equal(peer.uid, geteuid());
	assert_true(peer_in_group(&peer, getegid()));
	/* A gid that nobody is in. */
	assert_false(peer_in_group(&peer, (gid_t)0x7ffffff0));
	/* By the user data base, whatever group it has now. */
	pw = getpwuid(geteuid());
	if (pw != NULL) {
		peer.gid = (gid_t)0x7ffffff1;
		assert_true(peer_in_group(&peer, pw->pw_gid));
	}
	wire_conn_close(w->connected.conn, 0, on_closed, w);
	w->connected.conn = NULL;
	RUN_UNTIL(w, w->accepted.gone == 1 && w->closed == 1);
	assert_int_equal(w->accepted.err.code, ERR_NONE);
}

static void
test_one_byte_at_a_time(void **state)
{
	static const char text[] = "{\"id\":1}\n{\"id\":2}\n";
	struct world *w = *state;
	int fd = connect_plain(w);
	size_t i;

	for (i = 0; i < sizeof(text) - 1; i++) {
		write_all(fd, text + i, 1);
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
	}
	RUN_UNTIL(w, w->accepted.messages == 2);
	assert_int_equal(w->accepted.last_id, 2);
	/* It goes in the middle of a line: no message, just gone. */
	write_all(fd, "{\"id\":", 6);
	(void)close(fd);
	RUN_UNTIL(w, w->accepted.gone == 1);
	assert_int_equal(w->accepted.messages, 2);
	assert_int_equal(w->accepted.err.code, ERR_NONE);
}

static void
test_nonsense(void **state)
{
	struct world *w = *state;
	int fd = connect_plain(w);

	write_all(fd, "{\"id\":1}\nhello\n{\"id\":2}\n", 24);
	RUN_UNTIL(w, w->accepted.gone == 1);
	assert_int_equal(w->accepted.err.code, ERR_PROTOCOL);
	assert_int_equal(w->accepted.messages, 1);
	(void)close(fd);
}

static void
test_no_object(void **state)
{
	struct world *w = *state;
	int fd = connect_plain(w);

	write_all(fd, "[1]\n", 4);
	RUN_UNTIL(w, w->accepted.gone == 1);
	assert_int_equal(w->accepted.err.code, ERR_PROTOCOL);
	(void)close(fd);
}

static void
test_oversize(void **state)
{
	struct world *w = *state;
	int fd = connect_plain(w);
	char *text = xmalloc(WIRE_REQUEST_MAX);
	char got[64];
	struct err e = { ERR_LIMIT, "too long" };
	ssize_t n;

	memset(text, ' ', WIRE_REQUEST_MAX);
	write_all(fd, text, WIRE_REQUEST_MAX);
	RUN_UNTIL(w, w->accepted.gone == 1);
	assert_int_equal(w->accepted.err.code, ERR_LIMIT);
	/* A last line still arrives, with what was sent left unread. */
	assert_int_equal(wire_conn_send(w->accepted.conn, wire_error_new(0, &e),
			     NULL),
	    0);
	wire_conn_close(w->accepted.conn, 1000, on_closed, w);
	w->accepted.conn = NULL;
	RUN_UNTIL(w, w->closed == 1);
	n = read(fd, got, sizeof(got) - 1);
	assert_true(n > 0);
	got[n] = '\0';
	assert_non_null(strstr(got, "too long"));
	(void)close(fd);
	free(text);
}

static void
test_answer_too_long(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	connect_both(w);
	assert_int_equal(wire_conn_send(w->accepted.conn,
			     big_message(1, WIRE_REPLY_MAX), &e),
	    -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(wire_conn_queued(w->accepted.conn), 0);
	/* The largest that is allowed passes. */
	assert_int_equal(wire_conn_send(w->accepted.conn,
			     big_message(1,
				 WIRE_REPLY_MAX -
				     sizeof("{\"data\":\"\",\"id\":1}")),
			     &e),
	    0);
	RUN_UNTIL(w, w->connected.messages == 1);
}

/* Who does not read is first spared the progress, then given up. */
static void
test_slow_reader(void **state)
{
	struct world *w = *state;
	int fd = connect_plain(w);
	size_t before;
	int64_t i;

	for (i = 1; wire_conn_queued(w->accepted.conn) < WIRE_QUEUE_SOFT; i++)
		assert_int_equal(wire_conn_send(w->accepted.conn,
				     big_message(i, 65536), NULL),
		    0);
	before = wire_conn_queued(w->accepted.conn);
	assert_false(wire_conn_send_lossy(w->accepted.conn,
	    wire_reply_new(1, WIRE_PROGRESS, NULL)));
	assert_int_equal(wire_conn_queued(w->accepted.conn), before);
	for (i = 0; i < 1000; i++)
		assert_int_equal(wire_conn_send(w->accepted.conn,
				     big_message(i, 65536), NULL),
		    0);
	assert_true(wire_conn_queued(w->accepted.conn) <= WIRE_QUEUE_HARD);
	assert_int_equal(w->accepted.gone, 0);
	RUN_UNTIL(w, w->accepted.gone == 1);
	assert_int_equal(w->accepted.err.code, ERR_LIMIT);
	(void)close(fd);
}

/* A reader that takes its time gets everything, and drained says when. */
static void
test_drained(void **state)
{
	struct world *w = *state;
	int64_t i, sent = 0;

	connect_both(w);
	for (i = 0; wire_conn_queued(w->accepted.conn) < WIRE_QUEUE_SOFT; i++) {
		assert_int_equal(wire_conn_send(w->accepted.conn,
				     big_message(i + 1, 65536), NULL),
		    0);
		sent++;
	}
	RUN_UNTIL(w, w->connected.messages == sent);
	assert_int_equal(w->accepted.drained, 1);
	assert_true(wire_conn_send_lossy(w->accepted.conn,
	    wire_reply_new(1, WIRE_PROGRESS, NULL)));
	RUN_UNTIL(w, w->connected.messages == sent + 1);
}

/* Bytes wait, nothing is taken: after the stall it is over. */
static void
test_stall(void **state)
{
	struct world *w = *state;
	int fd = connect_plain(w), i;

	for (i = 0; i < 16; i++)
		(void)wire_conn_send(w->accepted.conn, big_message(1, 65536),
		    NULL);
	RUN_UNTIL(w, w->accepted.gone == 1);
	assert_int_equal(w->accepted.err.code, ERR_TIMEOUT);
	/* Lingering ends too. */
	wire_conn_close(w->accepted.conn, 1000, on_closed, w);
	w->accepted.conn = NULL;
	RUN_UNTIL(w, w->closed == 1);
	(void)close(fd);
}

/* Closing from within a message: no further message of the same read. */
static void
test_close_inside(void **state)
{
	struct world *w = *state;
	int fd = connect_plain(w);

	w->accepted.closes_on_message = true;
	write_all(fd, "{\"id\":1}\n{\"id\":2}\n", 18);
	RUN_UNTIL(w, w->closed == 1);
	assert_int_equal(w->accepted.messages, 1);
	assert_int_equal(w->accepted.gone, 0);
	(void)close(fd);
}

static void
test_nobody_there(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	char path[200];

	w->connected.conn = wire_conn_connect(&w->fast, "/nonexistent/s",
	    WIRE_REPLY_MAX, &ops, &w->connected, &e);
	assert_non_null(w->connected.conn);
	assert_int_equal(w->connected.gone, 0);
	RUN_UNTIL(w, w->connected.gone == 1);
	assert_int_equal(w->connected.err.code, ERR_UNAVAILABLE);
	assert_int_equal(w->connected.ups, 0);
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_null(wire_conn_connect(&w->fast, path, WIRE_REPLY_MAX, &ops,
	    &w->connected, &e));
	assert_int_equal(e.code, ERR_CONFIG);
}

/* It said why and went before we sent anything: what it said is heard. */
static void
test_last_words(void **state)
{
	static const char words[] = "{\"id\":41}\n{\"id\":42}\n";
	struct world *w = *state;
	struct err e = ERR_INIT;
	int fd;

	w->connected.sends_when_up = true;
	w->connected.conn = wire_conn_connect(&w->fast, w->path, WIRE_REPLY_MAX,
	    &ops, &w->connected, &e);
	uv_fileno((uv_handle_t *)&w->server, &fd);
	fd = accept(fd, NULL, NULL);
	assert_true(fd != -1);
	write_all(fd, words, sizeof(words) - 1);
	(void)close(fd);
	RUN_UNTIL(w, w->connected.gone == 1);
	assert_int_equal(w->connected.ups, 1);
	assert_int_equal(w->connected.messages, 2);
	assert_int_equal(w->connected.last_id, 42);
	assert_int_equal(w->connected.err.code, ERR_NONE);
}

/* It listens no more, says nothing and stays: that is over all the same. */
static void
test_deaf(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;
	int fd = connect_plain(w);

	assert_int_equal(shutdown(fd, SHUT_RD), 0);
	assert_int_equal(wire_conn_send(w->accepted.conn,
			     wire_reply_new(1, WIRE_END, NULL), &e),
	    0);
	RUN_UNTIL(w, w->accepted.gone == 1);
	assert_int_not_equal(w->accepted.err.code, ERR_NONE);
	(void)close(fd);
}

/* Closed before it was ever connected: no callback. */
static void
test_close_while_connecting(void **state)
{
	struct world *w = *state;
	struct err e = ERR_INIT;

	w->connected.conn = wire_conn_connect(&w->fast, w->path, WIRE_REPLY_MAX,
	    &ops, &w->connected, &e);
	wire_conn_close(w->connected.conn, 0, on_closed, w);
	w->connected.conn = NULL;
	RUN_UNTIL(w, w->closed == 1);
	assert_int_equal(w->connected.ups + w->connected.gone, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_ways),
		TEST(test_one_byte_at_a_time),
		TEST(test_nonsense),
		TEST(test_no_object),
		TEST(test_oversize),
		TEST(test_answer_too_long),
		TEST(test_slow_reader),
		TEST(test_drained),
		TEST(test_stall),
		TEST(test_close_inside),
		TEST(test_nobody_there),
		TEST(test_last_words),
		TEST(test_deaf),
		TEST(test_close_while_connecting),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("wire_conn", tests, NULL, NULL);
}
