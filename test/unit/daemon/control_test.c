/* control_test.c - the socket server with its real daemon behind it. */
#include "control_world.h"

#define RUNS 250

static void
test_answers(void **state)
{
	static const struct {
		const char *request, *want;
	} rows[] = {
		{ "{\"id\":1,\"cmd\":\"ping\"}\n", "\"version\":\"" },
		{ "{\"id\":1,\"cmd\":\"version\"}\n", "\"protocol\":1" },
		{ "{\"id\":1,\"cmd\":\"pong\"}\n", "did you mean 'ping'" },
		{ "{\"id\":1,\"cmd\":\"ping\",\"args\":{\"x\":1}}\n",
		    "\"usage\"" },
		{ "{\"id\":1,\"cmd\":\"show\",\"args\":{\"run\":99}}\n",
		    "\"not-found\"" },
		{ "{\"id\":1,\"cmd\":\"watch\",\"args\":{\"run\":99}}\n",
		    "\"not-found\"" },
		{ "{\"id\":1,\"cmd\":\"cancel\",\"args\":{\"run\":99}}\n",
		    "\"not-found\"" },
		{ "{\"id\":1,\"cmd\":\"trigger\",\"args\":{\"job\":\"jbo1\"}}\n",
		    "there is no job 'jbo1'; did you mean 'job" },
		{ "{\"id\":1,\"cmd\":\"history\"}\n", "{\"end\":{},\"id\":1}" },
		{ "{\"id\":1,\"cmd\":\"history\",\"args\":{\"job\":\"nix\"}}\n",
		    "\"not-found\"" },
		{ "{\"id\":1,\"cmd\":\"history\",\"args\":{\"state\":\"x\"}}\n",
		    "is no state" },
		{ "{\"id\":1,\"cmd\":\"history\",\"args\":{\"limit\":10001}}\n",
		    "at most 10000" },
		{ "{\"id\":1,\"cmd\":\"status\",\"args\":{\"job\":\"job7\"}}\n",
		    "\"job\":\"job7\",\"last\":null,\"last_ok\":null" },
		{ "{\"id\":1,\"cmd\":\"next\",\"args\":{\"job\":\"job7\","
		  "\"count\":3}}\n",
		    "T04:00:00Z" },
		{ "{\"id\":1,\"cmd\":\"next\",\"args\":{\"count\":101}}\n",
		    "at most 100" },
		{ "{\"id\":1,\"cmd\":\"snapshots\"}\n", "\"errors\":[]" },
		{ "{\"id\":1,\"cmd\":\"snapshots\",\"args\":{\"store\":"
		  "\"x\"}}\n",
		    "there is no store 'x'" },
		{ "{\"id\":1,\"cmd\":\"pause\",\"args\":{\"job\":\"job3\"}}\n",
		    "\"paused\":true" },
		{ "{\"id\":1,\"cmd\":\"status\",\"args\":{\"job\":\"job3\"}}\n",
		    "\"state\":\"paused\"" },
		{ "{\"id\":1,\"cmd\":\"resume\",\"args\":{\"job\":\"job3\"}}\n",
		    "\"paused\":false" },
		/* The file is not there: a fault, not a lost daemon. */
		{ "{\"id\":1,\"cmd\":\"check\"}\n", "\"ok\":false" },
		{ "{\"id\":1,\"cmd\":\"check\",\"args\":{\"file\":"
		  "\"/etc/passwd\"}}\n",
		    "its own file only" },
		{ "{\"id\":1,\"cmd\":\"reload\"}\n", "\"error\":{" },
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < COUNT_OF(rows); i++) {
		char *got = ask(w, rows[i].request);

		if (strstr(got, rows[i].want) == NULL)
			fail_msg("%s  wanted %s\n  got %s", rows[i].request,
			    rows[i].want, got);
		free(got);
	}
}

/* Two in one write are both answered; ids tell which is which. */
static void
test_two_at_once(void **state)
{
	struct world *w = *state;
	struct plain p;

	plain_open(w, &p);
	plain_send(&p,
	    HELLO "{\"id\":5,\"cmd\":\"check\"}\n"
		  "{\"id\":6,\"cmd\":\"ping\"}\n");
	assert_true(plain_until(w, &p, "\"end\":", 2));
	assert_non_null(strstr(buf_str(&p.in), "{\"end\":{},\"id\":5}"));
	assert_non_null(strstr(buf_str(&p.in), "{\"end\":{},\"id\":6}"));
	plain_close(&p);
}

/* More than a client may have open are refused, the others answered. */
static void
test_too_many_requests(void **state)
{
	struct world *w = *state;
	struct plain p;
	struct buf b = BUF_INIT;
	int i;

	buf_adds(&b, HELLO);
	for (i = 1; i <= 10; i++)
		buf_addf(&b, "{\"id\":%d,\"cmd\":\"check\"}\n", i);
	plain_open(w, &p);
	plain_send(&p, buf_str(&b));
	assert_true(plain_until(w, &p, "\"code\":\"busy\"", 2));
	assert_true(plain_until(w, &p, "\"end\":", 8));
	/* And then there is room again. */
	plain_send(&p, "{\"id\":11,\"cmd\":\"ping\"}\n");
	assert_true(plain_until(w, &p, "{\"end\":{},\"id\":11}", 1));
	plain_close(&p);
	buf_done(&b);
}

static void
test_rude(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{ "{\"id\":1,\"cmd\":\"ping\"}\n", "no hello" },
		{ "{\"hello\":{\"protocol\":99}}\n", "protocol 99" },
		{ HELLO "nonsense\n", "\"protocol\"" },
		{ HELLO "[]\n", "no JSON object" },
		{ HELLO "{\"cmd\":\"ping\"}\n", "needs a positive" },
		{ HELLO "{\"id\":1,\"id\":2,\"cmd\":\"ping\"}\n", "duplicate" },
	};
	struct world *w = *state;
	struct plain p;
	char *text;
	size_t i;

	for (i = 0; i < COUNT_OF(rows); i++) {
		plain_open(w, &p);
		plain_send(&p, rows[i].text);
		plain_until_over(w, &p);
		assert_non_null(strstr(buf_str(&p.in), rows[i].want));
		assert_non_null(strstr(buf_str(&p.in), "\"id\":null"));
		plain_close(&p);
	}
	/* A line that does not end. */
	text = xmalloc(WIRE_REQUEST_MAX + 1);
	memset(text, 'x', WIRE_REQUEST_MAX);
	text[WIRE_REQUEST_MAX] = '\0';
	plain_open(w, &p);
	plain_send(&p, HELLO);
	plain_send(&p, text);
	plain_until_over(w, &p);
	assert_non_null(strstr(buf_str(&p.in), "\"limit\""));
	plain_close(&p);
	free(text);
	text = ask(w, "{\"id\":1,\"cmd\":\"ping\"}\n");
	assert_non_null(strstr(text, "\"end\""));
	free(text);
}

/* A list longer than the queue waits for a slow client, and comes whole. */
static void
test_long_list(void **state)
{
	struct world *w = *state;
	struct plain p;
	int i;

	plain_open(w, &p);
	plain_send(&p,
	    HELLO "{\"id\":1,\"cmd\":\"next\",\"args\":{\"count\":"
		  "100}}\n");
	/* Take nothing for a while: the daemon goes on. */
	for (i = 0; i < 50; i++) {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		free(ask(w, "{\"id\":1,\"cmd\":\"ping\"}\n"));
	}
	assert_true(plain_until(w, &p, "{\"end\":{},\"id\":1}", 1));
	assert_true(plain_until(w, &p, "\"data\":", JOBS * 100));
	plain_close(&p);
}

static void
on_run_added(void *arg, int64_t id, const struct err *e)
{
	assert_true(id > 0 && (e == NULL || e->code == ERR_NONE));
	--*(int *)arg;
}

/* Runs come newest first with the promised members, over several turns. */
static void
test_history(void **state)
{
	struct world *w = *state;
	struct history_new_run row;
	json_t *config = json_object();
	struct plain p;
	int left = RUNS, i;

	memset(&row, 0, sizeof(row));
	row.job = "job1";
	row.kind = "backup";
	row.trigger = "manual";
	row.attempt = 1;
	row.config = config;
	for (i = 1; i <= RUNS; i++) {
		char uuid[ENV_UUID_SIZE];

		env_uuid(w->d->env, uuid);
		row.uuid = uuid;
		row.queued_ms = i;
		history_run_add(w->d->history, &row, on_run_added, &left);
	}
	while (left > 0)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	json_decref(config);
	plain_open(w, &p);
	plain_send(&p,
	    HELLO "{\"id\":1,\"cmd\":\"history\",\"args\":"
		  "{\"limit\":1000}}\n");
	assert_true(plain_until(w, &p, "{\"end\":{},\"id\":1}", 1));
	assert_true(plain_until(w, &p, "\"data\":{\"as_of\":null", RUNS));
	assert_null(strstr(buf_str(&p.in), "\"uuid\""));
	assert_true(strstr(buf_str(&p.in), "\"run\":250,") <
	    strstr(buf_str(&p.in), "\"run\":249,"));
	plain_close(&p);
}

/* Clients that go in the middle leave nothing behind. */
static void
test_gone_in_the_middle(void **state)
{
	static const char *const requests[] = {
		"{\"id\":1,\"cmd\":\"check\"}\n",
		"{\"id\":1,\"cmd\":\"history\"}\n",
		"{\"id\":1,\"cmd\":\"status\"}\n",
		"{\"id\":1,\"cmd\":\"snapshots\"}\n",
		"{\"id\":1,\"cmd\":\"next\",\"args\":{\"count\":100}}\n",
		("{\"id\":1,\"cmd\":\"trigger\",\"args\":{\"job\":\"job1\","
		 "\"wait\":true}}\n"),
	};
	struct world *w = *state;
	struct plain p;
	size_t i;
	int turns;
	char *text;

	for (i = 0; i < COUNT_OF(requests); i++)
		for (turns = 0; turns < 6; turns++) {
			int n;

			plain_open(w, &p);
			plain_send(&p, HELLO);
			plain_send(&p, requests[i]);
			for (n = 0; n < turns; n++)
				(void)uv_run(&w->loop, UV_RUN_NOWAIT);
			plain_close(&p);
			(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		}
	text = ask(w, "{\"id\":1,\"cmd\":\"ping\"}\n");
	assert_non_null(strstr(text, "\"end\""));
	free(text);
}

/* So many clients and no more; the ones that are there are served on. */
static void
test_too_many_clients(void **state)
{
	struct world *w = *state;
	struct plain first, all[60];
	size_t i;
	int refused = 0;

	plain_open(w, &first);
	plain_send(&first, HELLO);
	assert_true(plain_until(w, &first, "hello", 1));
	for (i = 0; i < COUNT_OF(all); i++) {
		plain_open(w, &all[i]);
		assert_true(plain_until(w, &all[i], "\n", 1));
		refused += strstr(buf_str(&all[i].in), "too many clients") !=
		    NULL;
	}
	assert_true(refused > 0 && refused < (int)COUNT_OF(all));
	plain_send(&first, "{\"id\":1,\"cmd\":\"ping\"}\n");
	assert_true(plain_until(w, &first, "\"end\"", 1));
	plain_close(&first);
	for (i = 0; i < COUNT_OF(all); i++)
		plain_close(&all[i]);
}

/* Who waits when the daemon stops is told the end of what it watched. */
static void
test_stop_tells_watchers(void **state)
{
	struct world *w = world_new("");
	struct plain p;

	(void)state;
	plain_open(w, &p);
	plain_send(&p,
	    HELLO "{\"id\":1,\"cmd\":\"trigger\",\"args\":{\"job\":"
		  "\"job1\",\"wait\":true}}\n");
	assert_true(plain_until(w, &p, "\"event\":\"started\"", 1));
	world_free(w);
	while (!p.is_over)
		plain_read(&p);
	assert_non_null(strstr(buf_str(&p.in), "{\"end\":{},\"id\":1}"));
	plain_close(&p);
}

/* Timers that are started from now on take a hundredth of their time. */
static void (*real_timer_start)(struct env_timer *, int64_t);
static struct env_ops fast_ops;

static void
fast_timer_start(struct env_timer *t, int64_t ms)
{
	real_timer_start(t, ms / 100);
}

/* Silence is ended: before the hello, after it, and after an answer. */
static void
test_silent_clients(void **state)
{
	struct world *w = *state;
	struct plain silent, idle, busy;
	const struct env_ops *real_ops = w->d->env->ops;

	fast_ops = *real_ops;
	real_timer_start = fast_ops.timer_start;
	fast_ops.timer_start = fast_timer_start;
	w->d->env->ops = &fast_ops;
	plain_open(w, &silent);
	plain_open(w, &idle);
	plain_send(&idle, HELLO);
	plain_open(w, &busy);
	plain_send(&busy, HELLO "{\"id\":1,\"cmd\":\"ping\"}\n");
	plain_until_over(w, &silent);
	assert_non_null(strstr(buf_str(&silent.in), "\"timeout\""));
	assert_false(idle.is_over);
	plain_until_over(w, &idle);
	assert_non_null(strstr(buf_str(&idle.in), "\"timeout\""));
	plain_until_over(w, &busy);
	assert_non_null(strstr(buf_str(&busy.in), "{\"end\":{},\"id\":1}"));
	plain_close(&silent);
	plain_close(&idle);
	plain_close(&busy);
	w->d->env->ops = real_ops;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_answers),
		TEST(test_two_at_once),
		TEST(test_too_many_requests),
		TEST(test_rude),
		TEST(test_long_list),
		TEST(test_history),
		TEST(test_gone_in_the_middle),
		TEST(test_too_many_clients),
		TEST(test_silent_clients),
		cmocka_unit_test(test_stop_tells_watchers),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
