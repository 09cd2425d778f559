/* download_test.c - ranges of an object from a store that misbehaves. */
#include "unit/store/download_world.h"

static void
test_whole(void **state)
{
	struct world *w = *state;

	w->size = 33 * MIB + 777;
	w->delay_ms = 1;
	assert_int_equal(w_get(w, 0, -1), ERR_NONE);
	assert_int_equal(w->got, w->size);
	assert_int_equal(w->max_under_way, 3);
	assert_int_equal(w->calls, 9);
}

/* One call, then as many as may be; never more than asked for. */
static void
test_parts(void **state)
{
	static const struct {
		int64_t size, from, len, got;
		unsigned calls;
	} rows[] = {
		{ 100, 0, -1, 100, 1 },
		{ 100, 0, 100, 100, 1 },
		{ 100, 0, 1000, 100, 1 },
		{ 100, 10, 20, 20, 1 },
		{ 100, 99, -1, 1, 1 },
		{ 100, 0, 0, 0, 0 },
		{ 100, 50, 0, 0, 0 },
		{ 4 * MIB, 0, -1, 4 * MIB, 1 },
		{ 4 * MIB + 1, 0, -1, 4 * MIB + 1, 2 },
		{ 9 * MIB, 5 * MIB, -1, 4 * MIB, 1 },
		{ 9 * MIB, 3 * MIB + 1, 5 * MIB, 5 * MIB, 2 },
		{ 9 * MIB, MIB, INT64_MAX, 8 * MIB, 2 },
		/* Past the end there is nothing. */
		{ 100, 100, -1, 0, 1 },
		{ 100, 100, 5, 0, 1 },
		{ 100, 5000, -1, 0, 1 },
	};
	struct world *w = *state;
	size_t i;

	for (i = 0; i < COUNT_OF(rows); i++) {
		w->size = rows[i].size;
		w->got = 0;
		w->calls = w->answers = 0;
		assert_int_equal(w_get(w, rows[i].from, rows[i].len), ERR_NONE);
		assert_int_equal(w->got, rows[i].got);
		assert_int_equal(w->calls, rows[i].calls);
	}
	/* The end stays the end. */
	w->answers = 0;
	w_open(w, 0, 10);
	while (w->answers == 0)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	w_read(w);
	while (w->answers == 1)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(w->err.code, ERR_NONE);
	w_close(w);
}

static void
answer_200(struct world *w, struct cloud_call *c)
{
	c->status = 200;
	c->code = ERR_NONE;
	c->at = 0;
	c->to = w->size - 1;
	c->say = "";
}

/* "bytes *" says how much there is; that an empty object has none. */
static void
test_empty(void **state)
{
	struct world *w = *state;

	w->size = 0;
	assert_int_equal(w_get(w, 0, -1), ERR_NONE);
	w->script = answer_200;
	w->answers = 0;
	assert_int_equal(w_get(w, 0, -1), ERR_NONE);
	assert_int_equal(w->got, 0);
	assert_int_equal(w->calls, 2);
}

static void
refuse_range(struct world *w, struct cloud_call *c)
{
	(void)w;
	c->status = 416;
	c->code = ERR_LIMIT;
	c->break_at = 0;
	c->say = "bytes */100";
}

static void
limit_without_416(struct world *w, struct cloud_call *c)
{
	(void)w;
	c->status = 400;
	c->code = ERR_LIMIT;
	c->break_at = 0;
}

static void
test_not_empty(void **state)
{
	struct world *w = *state;

	w->size = 100;
	w->script = refuse_range;
	assert_int_equal(w_get(w, 0, -1), ERR_PROTOCOL);
	w->answers = 0;
	w->script = limit_without_416;
	assert_int_equal(w_get(w, 0, -1), ERR_LIMIT);
}

/* A store that knows no ranges sends all; it is made to wait. */
static void
test_no_ranges(void **state)
{
	struct world *w = *state;

	w->script = answer_200;
	w->size = 3 * MIB;
	assert_int_equal(w_get(w, 0, -1), ERR_NONE);
	assert_int_equal(w->got, w->size);
	w->size = 21 * MIB;
	w->answers = 0;
	w->got = 0;
	w->max_alive = 0;
	w->is_block_even = true;
	w->is_lazy = true;
	assert_int_equal(w_get(w, 0, -1), ERR_NONE);
	assert_int_equal(w->got, w->size);
	assert_int_equal(w->calls, 2);
	assert_true(w->unpaused > 0);
	assert_true(w->max_alive <= 12 * MIB);
}

static void
test_no_ranges_part(void **state)
{
	static const int64_t lens[] = { 5, 4 * MIB, 5 * MIB, 12 * MIB };
	struct world *w = *state;
	size_t i;

	w->script = answer_200;
	w->size = 10 * MIB;
	for (i = 0; i < COUNT_OF(lens); i++) {
		w->answers = 0;
		w->got = 0;
		assert_int_equal(w_get(w, 0, lens[i]), ERR_NONE);
		assert_int_equal(w->got, lens[i] < w->size ? lens[i] : w->size);
	}
	assert_int_equal(w->calls, COUNT_OF(lens));
	/* From elsewhere, all is not what was asked for. */
	w->answers = 0;
	w->got = 0;
	assert_int_equal(w_get(w, 1, -1), ERR_PROTOCOL);
	assert_int_equal(w->got, 0);
	w->answers = 0;
	assert_int_equal(w_get(w, 9 * MIB, 100), ERR_PROTOCOL);
	assert_int_equal(w->got, 0);
	/* Nor if it is less. */
	w->size = 100;
	w->answers = 0;
	assert_int_equal(w_get(w, 1, -1), ERR_PROTOCOL);
	assert_int_equal(w->got, 0);
}

static void
answer_200_second(struct world *w, struct cloud_call *c)
{
	if (c->number == 2)
		answer_200(w, c);
}

static void
test_no_ranges_later(void **state)
{
	struct world *w = *state;

	w->script = answer_200_second;
	w->size = 10 * MIB;
	assert_int_equal(w_get(w, 0, -1), ERR_PROTOCOL);
	assert_true(w->got <= 4 * MIB);
}

/* One wrong thing in the n-th answer. */
struct lie {
	unsigned number;
	const char *say;
	int64_t more, less; /* Bytes. */
	long status;
	const char *version;
	enum err_code want;
};
static const struct lie *lie;

static void
tell_lie(struct world *w, struct cloud_call *c)
{
	(void)w;
	if (c->number != lie->number)
		return;
	c->say = lie->say;
	c->to += lie->more - lie->less;
	if (lie->status != 0)
		c->status = lie->status;
	if (lie->version != NULL)
		c->version = lie->version;
}

static void
test_lies(void **state)
{
	static const struct lie lies[] = {
		{ 1, "bytes 1-4194304/10485760", 0, 0, 0, NULL, ERR_PROTOCOL },
		{ 1, "bytes 0-4194304/10485760", 0, 0, 0, NULL, ERR_PROTOCOL },
		{ 1, "bytes 0-4194303/4194303", 0, 0, 0, NULL, ERR_PROTOCOL },
		{ 1, "bytes 0-4194303/*", 0, 0, 0, NULL, ERR_PROTOCOL },
		{ 1, "bytes */10485760", 0, 0, 0, NULL, ERR_PROTOCOL },
		{ 1, "bytes 4194303-0/10485760", 0, 0, 0, NULL, ERR_PROTOCOL },
		{ 1, "bytes 0-9/99999999999999999999", 0, 0, 0, NULL,
		    ERR_PROTOCOL },
		{ 1, "octets 0-4194303/10485760", 0, 0, 0, NULL, ERR_PROTOCOL },
		{ 1, "", 0, 0, 0, NULL, ERR_PROTOCOL },
		/* More came than it said, and less than nothing. */
		{ 1, "bytes 0-99/10485760", 0, 0, 0, NULL, ERR_PROTOCOL },
		{ 2, "bytes 4194304-8388607/10485760", 1, 0, 0, NULL,
		    ERR_PROTOCOL },
		{ 2, "bytes 0-4194303/10485760", 0, 0, 0, NULL, ERR_PROTOCOL },
		{ 2, "bytes 4194304-8388607/10485760", 0, 4 * MIB, 0, NULL,
		    ERR_PROTOCOL },
		{ 1, NULL, 0, 0, 204, NULL, ERR_PROTOCOL },
		/* Another object meanwhile. */
		{ 2, "bytes 4194304-8388607/10485761", 0, 0, 0, NULL,
		    ERR_CORRUPT },
		{ 3, NULL, 0, 0, 0, "\"v2\"", ERR_CORRUPT },
	};
	struct world *w = *state;
	size_t i;

	w->size = 10 * MIB;
	w->script = tell_lie;
	for (i = 0; i < COUNT_OF(lies); i++) {
		lie = &lies[i];
		w->answers = w->calls = 0;
		w->got = 0;
		if (w_get(w, 0, -1) != lie->want)
			fail_msg("row %zu: %s", i, err_name(w->err.code));
		/* Nothing of a span that was lied about. */
		assert_true(w->got <= (lie->number - 1) * 4 * MIB);
	}
	/* A store may tell no version, and spaces are no lie. */
	lie = &(const struct lie){ 1, "bytes   0-4194303/10485760", 0, 0, 0, "",
		ERR_NONE };
	w->answers = w->calls = 0;
	w->got = 0;
	assert_int_equal(w_get(w, 0, -1), ERR_NONE);
	assert_int_equal(w->got, w->size);
}

/* Answers with less than was asked for, but says so. */
static void
answer_less(struct world *w, struct cloud_call *c)
{
	if (c->to - c->at > 99999) {
		c->to = c->at + 99999 + (int64_t)w_random(w, 900000);
		if (c->to > c->r.to)
			c->to = c->r.to;
		c->say_to = c->to;
	}
}

static void
test_short_answers(void **state)
{
	struct world *w = *state;

	w->size = 10 * MIB;
	w->script = answer_less;
	assert_int_equal(w_get(w, 0, -1), ERR_NONE);
	assert_int_equal(w->got, w->size);
	assert_true(w->calls > 10);
}

/* Says that all is there, and ends before: as if it had broken off. */
static void
answer_truncated(struct world *w, struct cloud_call *c)
{
	(void)w;
	if (c->number == 1 || c->number == 3)
		c->to -= 1000;
}

static void
test_truncated(void **state)
{
	struct world *w = *state;

	w->size = 10 * MIB;
	w->script = answer_truncated;
	assert_int_equal(w_get(w, 0, -1), ERR_NONE);
	assert_int_equal(w->got, w->size);
	assert_int_equal(w->calls, 5);
	assert_int_equal(w->asked[1] + w->asked[2] + w->asked[3] + w->asked[4],
	    4 * MIB - 1000 + 4 * MIB + 8 * MIB +
		(w->asked[2] == 4 * MIB ? 8 * MIB - 1000 : 10 * MIB - 1000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_whole),
		T(test_parts),
		T(test_empty),
		T(test_not_empty),
		T(test_no_ranges),
		T(test_no_ranges_part),
		T(test_no_ranges_later),
		T(test_lies),
		T(test_short_answers),
		T(test_truncated),
	};

	return cmocka_run_group_tests_name("download", tests, NULL, NULL);
}
