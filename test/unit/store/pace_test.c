/* pace_test.c - bandwidth: of the bucket, of a reader, of a store's puts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/pace.h"
#include "stream/readers.h"
#include "unit/daemon/vclock.h"
#include "unit/store/world.h"

struct ticking {
	struct vclock clock;
	uv_loop_t loop;
};

static void
ticking_init(struct ticking *t)
{
	memset(t, 0, sizeof(*t));
	assert_int_equal(uv_loop_init(&t->loop), 0);
	t->clock.env.ops = &v_ops;
	t->clock.env.loop = &t->loop;
	t->clock.mono = 1000000;
}

static void
ticking_done(struct ticking *t)
{
	assert_null(t->clock.timers);
	assert_int_equal(uv_run(&t->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&t->loop), 0);
}

/* To the one timer's time. */
static void
ticking_fire(struct ticking *t)
{
	struct env_timer *timer = t->clock.timers;

	assert_non_null(timer);
	assert_true(timer->due >= t->clock.mono);
	t->clock.mono = timer->due;
	timer->due = -1;
	timer->fn(timer->arg);
}

static void
test_bucket(void **state)
{
	struct ticking t;
	struct pace *p;

	(void)state;
	ticking_init(&t);
	p = pace_new(&t.clock.env, 1000);
	/* Half a second at once, then a thousand a second. */
	assert_int_equal(pace_take(p, 500), 0);
	assert_int_equal(pace_take(p, 1), 1);
	assert_int_equal(pace_take(p, 999), 1000);
	t.clock.mono += 1000;
	assert_int_equal(pace_take(p, 0), 0);
	assert_int_equal(pace_take(p, 250), 250);
	/* A long rest saves up no more than the half second. */
	t.clock.mono += 3600000;
	assert_int_equal(pace_take(p, 500), 0);
	assert_int_equal(pace_take(p, 2000), 2000);
	/* One that came late waits only for what is left. */
	t.clock.mono += 1500;
	assert_int_equal(pace_take(p, 0), 500);
	pace_free(p);
	pace_free(NULL);
	ticking_done(&t);
}

/* Whatever the sizes and the clock's grain: the sum is right. */
static void
check_rate(int64_t rate, size_t n, int64_t total)
{
	struct ticking t;
	struct pace *p;
	int64_t began, done, want;

	ticking_init(&t);
	began = t.clock.mono;
	p = pace_new(&t.clock.env, rate);
	for (done = 0; done < total; done += (int64_t)n)
		t.clock.mono += pace_take(p, n);
	want = done * 1000 / rate - 500;
	assert_in_range(t.clock.mono - began, want - want / 100 - 2,
	    want + want / 100 + 2);
	pace_free(p);
	ticking_done(&t);
}

static void
test_rates(void **state)
{
	(void)state;
	check_rate(1, 7, 700);
	check_rate(1000, 3, 30000);
	check_rate(1024 * 1024, 262144, INT64_C(1) << 30);
	check_rate(INT64_C(1) << 30, 262144, INT64_C(1) << 33);
	check_rate(7777, 1, 77770);
}

struct got {
	size_t bytes;
	unsigned calls, ends;
};

static void
on_got(void *arg, struct block *b, const struct err *e)
{
	struct got *g = arg;

	assert_null(e);
	g->calls++;
	if (b == NULL)
		g->ends++;
	else
		g->bytes += b->len;
	block_unref(b);
}

static void
ticking_read(struct ticking *t, struct reader *r, struct got *g)
{
	reader_read(r, on_got, g);
	(void)uv_run(&t->loop, UV_RUN_DEFAULT);
}

static void
test_reader(void **state)
{
	const size_t n = 3 * BLOCK_SIZE;
	uint8_t *data = xcalloc(1, n);
	struct got g = { 0, 0, 0 };
	struct ticking t;
	struct reader *r;
	struct pace *p;
	int64_t began;

	(void)state;
	ticking_init(&t);
	began = t.clock.mono;
	/* Two blocks a second: the first is the burst. */
	p = pace_new(&t.clock.env, 2 * BLOCK_SIZE);
	r = pace_reader(p, &t.clock.env, reader_mem_new(&t.clock.env, data, n));
	pace_free(p);
	ticking_read(&t, r, &g);
	assert_int_equal(g.calls, 1);
	ticking_read(&t, r, &g);
	assert_int_equal(g.calls, 1);
	ticking_fire(&t);
	assert_int_equal(g.calls, 2);
	ticking_read(&t, r, &g);
	ticking_fire(&t);
	assert_int_equal(g.bytes, n);
	assert_int_equal(t.clock.mono - began, 1000);
	/* The end is not held up. */
	ticking_read(&t, r, &g);
	assert_int_equal(g.ends, 1);
	reader_close(r);
	ticking_done(&t);
	free(data);
}

/* Closed while it waits, and while the inner one reads. */
static void
test_reader_close(void **state)
{
	uint8_t data[1000] = { 0 };
	struct got g = { 0, 0, 0 };
	struct ticking t;
	struct reader *r;
	struct pace *p;

	(void)state;
	ticking_init(&t);
	p = pace_new(&t.clock.env, 10);
	r = pace_reader(p, &t.clock.env,
	    reader_mem_new(&t.clock.env, data, sizeof(data)));
	ticking_read(&t, r, &g);
	reader_close(r);
	r = pace_reader(p, &t.clock.env,
	    reader_mem_new(&t.clock.env, data, sizeof(data)));
	reader_read(r, on_got, &g);
	reader_close(r);
	pace_free(p);
	assert_int_equal(g.calls, 0);
	ticking_done(&t);
}

/* --- A store's bandwidth, in real time. */
#define RATE (2 * 1024 * 1024)

static int
paced_setup(void **state)
{
	struct world *w;
	struct err e = ERR_INIT;

	assert_int_equal(w_setup(state), 0);
	w = *state;
	store_close(w->store);
	json_object_set_new(json_object_get(w->cfg, "local"), "bandwidth",
	    json_integer(RATE));
	w->store = store_open(&(struct store_env){ .env = w->env }, "local",
	    json_object_get(w->cfg, "local"), &e);
	assert_non_null(w->store);
	return 0;
}

static void
test_store(void **state)
{
	struct world *w = *state;
	const size_t n = 2 * RATE;
	char *data = xcalloc(1, n);
	struct waited a = { 0 };
	int64_t began = env_mono_ms(w->env), took;

	store_put_bytes(w->store, "20260101-000000/a", data, n, false, w_on_put,
	    &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_int_equal(a.proof.size, n);
	took = env_mono_ms(w->env) - began;
	/* Two seconds' worth, of which half a second is free. */
	assert_in_range(took, 1200, 5000);
	memset(&a, 0, sizeof(a));
	began = env_mono_ms(w->env);
	store_get_bytes(w->store, "20260101-000000/a", n, w_on_bytes, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_int_equal(a.text.len, n);
	assert_in_range(env_mono_ms(w->env) - began, 1200, 5000);
	buf_done(&a.text);
	free(data);
}

static void
on_never(void *arg)
{
	(void)arg;
	fail_msg("ready came after the end");
}

/* The store is closed while a put and a reader wait: they go on to own it. */
static void
test_store_abort(void **state)
{
	struct world *w = *state;
	struct store_put_opt opt = { -1, false, NULL, 0 };
	struct block *b = block_new(BLOCK_SIZE);
	struct err e = ERR_INIT;
	struct store_put *p;
	bool may_go_on = true;
	int i;

	b->len = b->cap;
	memset(b->data, 'x', b->len);
	p = store_put_open(w->store, "20260101-000000/b", &opt, on_never, NULL,
	    &e);
	assert_non_null(p);
	for (i = 0; i < 8 && may_go_on; i++)
		may_go_on = store_put_write(p, b);
	assert_false(may_go_on);
	block_unref(b);
	store_put_abort(p);
}

static void
test_store_refused(void **state)
{
	struct world *w = *state;

	/* No put, nothing left behind. */
	assert_int_equal(w_put_if(w, w->store, "../a", "x", false), ERR_USAGE);
	assert_string_equal(w_get(w, w->store, "20260101-000000/none"),
	    "!not-found");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bucket),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_reader),
		cmocka_unit_test(test_reader_close),
		cmocka_unit_test_setup_teardown(test_store, paced_setup,
		    w_teardown),
		cmocka_unit_test_setup_teardown(test_store_abort, paced_setup,
		    w_teardown),
		cmocka_unit_test_setup_teardown(test_store_refused, paced_setup,
		    w_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
