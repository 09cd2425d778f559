/* download_fault_test.c - downloads that break off, change, or are closed. */
#include "unit/store/download_world.h"

/* Each call breaks off somewhere, most of them. */
static void
break_often(struct world *w, struct cloud_call *c)
{
	c->break_at = 1 + (int64_t)w_random(w, (uint64_t)MIB);
	if (c->status != 206 || c->break_at > c->to - c->at)
		return;
	c->code = w_random(w, 2) == 0 ? ERR_NETWORK : ERR_TIMEOUT;
}

static void
test_breaks(void **state)
{
	struct world *w = *state;

	w->size = 13 * MIB;
	w->cloud.retry_for_ms = 20000;
	w->script = break_often;
	assert_int_equal(w_get(w, 0, -1), ERR_NONE);
	assert_int_equal(w->got, w->size);
	assert_true(w->waits < w->calls);
	assert_true(w->waits > 5);
}

/* The first one of all: its version is not known, so its bytes do not count. */
static void
break_first(struct world *w, struct cloud_call *c)
{
	if (c->number > 2)
		return;
	c->code = ERR_NETWORK;
	c->break_at = 3 * MIB / 2;
	/* What the next call gets is another object. */
	c->is_spoiled = true;
	w->version = "\"v2\"";
}

static void
test_first_breaks(void **state)
{
	struct world *w = *state;

	w->size = 9 * MIB;
	w->script = break_first;
	assert_int_equal(w_get(w, 0, -1), ERR_NONE);
	assert_int_equal(w->got, w->size);
	/* From its start, and less each time. */
	assert_int_equal(w->asked[1], 0);
	assert_int_equal(w->asked[2], 0);
	assert_int_equal(w->asked[3], MIB);
}

static void
break_first_always(struct world *w, struct cloud_call *c)
{
	(void)w;
	c->code = ERR_NETWORK;
	c->break_at = 10;
}

static void
test_first_never(void **state)
{
	struct world *w = *state;
	int64_t began = env_mono_ms(w->env);

	w->size = 9 * MIB;
	w->cloud.retry_for_ms = 300;
	w->script = break_first_always;
	assert_int_equal(w_get(w, 0, -1), ERR_NETWORK);
	assert_int_equal(w->got, 0);
	assert_true(env_mono_ms(w->env) - began >= 300);
	assert_true(w->calls > 1);
}

/* As long as bytes come it goes on, longer than retry_for. */
static void
break_later(struct world *w, struct cloud_call *c)
{
	(void)w;
	if (c->number > 1 && c->to - c->at > MIB / 2) {
		c->code = ERR_NETWORK;
		c->break_at = MIB / 2;
	}
}

static void
test_progress(void **state)
{
	struct world *w = *state;
	int64_t began = env_mono_ms(w->env);

	w->size = 8 * MIB;
	w->cloud.retry_for_ms = 10;
	w->cloud.concurrency = 1;
	w->script = break_later;
	assert_int_equal(w_get(w, 0, -1), ERR_NONE);
	assert_int_equal(w->got, w->size);
	assert_int_equal(w->calls, 1 + 8);
	assert_int_equal(w->asked[2], 4 * MIB + MIB / 2);
	assert_true(env_mono_ms(w->env) - began > 10);
	assert_int_equal(w->waits, 7);
}

struct refusal {
	unsigned number;
	enum err_code code;
	int64_t break_at;
	enum err_code want;
};
static const struct refusal *refusal;

static void
refuse(struct world *w, struct cloud_call *c)
{
	(void)w;
	if (c->number != refusal->number)
		return;
	c->code = refusal->code;
	c->break_at = refusal->break_at;
	c->status = 400;
}

static void
test_refusals(void **state)
{
	static const struct refusal rows[] = {
		{ 1, ERR_NOT_FOUND, 0, ERR_NOT_FOUND },
		{ 1, ERR_PERMISSION, 0, ERR_PERMISSION },
		{ 3, ERR_NOT_FOUND, 0, ERR_NOT_FOUND },
		{ 2, ERR_CONFLICT, 0, ERR_CORRUPT },
		{ 2, ERR_AUTH, 0, ERR_AUTH },
		/* Tried again for long enough already: no byte came. */
		{ 1, ERR_NETWORK, 0, ERR_NETWORK },
		{ 3, ERR_BUSY, 0, ERR_BUSY },
		/* Bytes came, but trying again does not help. */
		{ 2, ERR_PROTOCOL, 1000, ERR_PROTOCOL },
		{ 2, ERR_CORRUPT, 1000, ERR_CORRUPT },
	};
	struct world *w = *state;
	size_t i;

	w->size = 20 * MIB;
	w->delay_ms = 1;
	w->script = refuse;
	for (i = 0; i < COUNT_OF(rows); i++) {
		refusal = &rows[i];
		w->answers = w->calls = 0;
		w->got = 0;
		if (w_get(w, 0, -1) != refusal->want)
			fail_msg("row %zu: %s", i, err_name(w->err.code));
	}
}

/* The object is replaced while the others are on their way. */
static void
replace_object(struct world *w, struct cloud_call *c)
{
	if (c->number == 3)
		w->version = "\"v2\"";
}

static void
shrink_object(struct world *w, struct cloud_call *c)
{
	if (c->number == 2)
		w->size = 6 * MIB;
}

static void
test_changed(void **state)
{
	struct world *w = *state;

	w->size = 30 * MIB;
	w->script = replace_object;
	assert_int_equal(w_get(w, 0, -1), ERR_CORRUPT);
	assert_non_null(strstr(w->err.msg, "changed"));
	w->size = 30 * MIB;
	w->answers = w->calls = 0;
	w->got = 0;
	w->script = shrink_object;
	assert_int_equal(w_get(w, 0, -1), ERR_CORRUPT);
	/* Where no version is told, the sizes tell. */
	w->size = 30 * MIB;
	w->version = "";
	w->answers = w->calls = 0;
	w->got = 0;
	assert_int_equal(w_get(w, 0, -1), ERR_CORRUPT);
}

/* Memory is bounded by what may be under way, however slow the user is. */
static void
run_memory(struct world *w, bool is_even, unsigned concurrency, int64_t most)
{
	w->size = 40 * MIB;
	w->cloud.concurrency = concurrency;
	w->is_block_even = is_even;
	w->is_lazy = true;
	w->max_alive = 0;
	w->answers = 0;
	w->got = 0;
	assert_int_equal(w_get(w, 0, -1), ERR_NONE);
	assert_int_equal(w->got, w->size);
	assert_true(w->max_alive <= most);
	/* And that is made use of. */
	assert_true(w->max_alive > most / 2);
}

static void
test_memory(void **state)
{
	struct world *w = *state;

	run_memory(w, true, 2, 8 * MIB);
	run_memory(w, true, 5, 20 * MIB);
	run_memory(w, true, 1, 4 * MIB);
	/* Blocks that come half empty are joined: less than twice. */
	run_memory(w, false, 2, 16 * MIB);
}

/* Closed after so many turns; nothing may come after. */
static bool
run_closed(unsigned turns, bool is_reading)
{
	void *state;
	struct world *w;
	unsigned i;
	bool has_more;

	assert_int_equal(w_setup(&state), 0);
	w = state;
	w->size = 9 * MIB;
	w->seed += turns;
	w->delay_ms = 1;
	if (turns % 2 == 1)
		w->script = break_often;
	w_open(w, 0, -1);
	for (i = 0; i < turns && w->answers == 0; i++)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	has_more = w->answers == 0;
	while (has_more && w->is_reading != is_reading && w->answers == 0)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	i = w->answers;
	w_close(w);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(w->answers, i);
	assert_int_equal(w_teardown(&state), 0);
	return has_more;
}

static void
test_close(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; run_closed(i, i % 3 != 0); i += 1 + i / 16)
		continue;
	assert_true(i > 10);
}

/* By its own callback, which is the usual place. */
static void
on_read_close(void *arg, struct block *b, const struct err *e)
{
	struct world *w = arg;

	assert_false(w->is_within);
	assert_null(e);
	block_unref(b);
	w->answers++;
	reader_close(w->reader);
	w->reader = NULL;
}

static void
test_close_within(void **state)
{
	struct world *w = *state;

	w->size = 30 * MIB;
	w->delay_ms = 1;
	w->reader = download_new(&w->cloud, &fake_ops, "20260101-000000/x", 0,
	    -1);
	reader_read(w->reader, on_read_close, w);
	assert_int_equal(w->answers, 0);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(w->answers, 1);
	assert_true(w->calls > 1);
}

/* Never read from, or not any more: nothing is asked for. */
static void
test_close_unread(void **state)
{
	struct world *w = *state;

	w->size = 100;
	w->reader = download_new(&w->cloud, &fake_ops, "20260101-000000/x", 0,
	    -1);
	reader_read(w->reader, on_read_close, w);
	reader_close(w->reader);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(w->answers, 0);
	reader_close(download_new(&w->cloud, &fake_ops, "20260101-000000/x", 0,
	    -1));
	assert_int_equal(w->calls, 0);
}

/* A store that falls silent holds up nobody's close. */
static void
fall_silent(struct world *w, struct cloud_call *c)
{
	(void)w;
	if (c->number == 2)
		c->hang_at = 5 * MIB;
}

static void
test_silent(void **state)
{
	struct world *w = *state;
	unsigned i;

	w->size = 60 * MIB;
	w->script = fall_silent;
	w_open(w, 0, -1);
	while (w->got < 4 * MIB || w->calls < 4 || w->under_way > 1)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	for (i = 0; i < 50; i++) {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		(void)usleep(300);
	}
	/* Half a span is not handed on, what comes behind it waits for it, and
	 * no more is asked for. */
	assert_int_equal(w->got, 4 * MIB);
	assert_int_equal(w->calls, 4);
	assert_int_equal(w->under_way, 1);
	w_close(w);
	assert_int_equal(w->canceled, 1);
}

static void
run_random(unsigned seed)
{
	void *state;
	struct world *w;
	int64_t from, len, want;

	assert_int_equal(w_setup(&state), 0);
	w = state;
	w->seed += seed * 104729u;
	for (from = 0; from < 10; from++)
		(void)w_random(w, 2);
	w->size = (int64_t)w_random(w, (uint64_t)(12 * MIB));
	w->block_max = 8192 + (size_t)w_random(w, BLOCK_SIZE - 8192);
	w->cloud.concurrency = 1 + (unsigned)w_random(w, 5);
	w->cloud.retry_for_ms = 20000;
	w->delay_ms = w_random(w, 4) == 0 ? 1 : 0;
	if (w_random(w, 2) == 0)
		w->script = break_often;
	from = w_random(w, 2) == 0 ? 0 : (int64_t)w_random(w, 5000000);
	len = w_random(w, 2) == 0 ? -1 : (int64_t)w_random(w, 9000000);
	want = w->size - from;
	if (len >= 0 && len < want)
		want = len;
	assert_int_equal(w_get(w, from, len), ERR_NONE);
	assert_int_equal(w->got, want > 0 ? want : 0);
	assert_int_equal(w_teardown(&state), 0);
}

static void
test_random(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 30; i++)
		run_random(i);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_breaks),
		T(test_first_breaks),
		T(test_first_never),
		T(test_progress),
		T(test_refusals),
		T(test_changed),
		T(test_memory),
		cmocka_unit_test(test_close),
		T(test_close_within),
		T(test_close_unread),
		T(test_silent),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("download_fault", tests, NULL, NULL);
}
