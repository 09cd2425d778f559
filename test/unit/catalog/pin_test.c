/* pin_test.c - a reader's mark: written, seen, renewed, taken back. */
#include "unit/catalog/snapshots.h"

#include "catalog/catalog_pin.h"

#define ID "20260101-000000"

static void
on_released(void *arg)
{
	struct waited *a = arg;

	a->answers++;
}

static void
unpin(struct world *w, struct catalog_pin *p)
{
	struct waited a = { 0 };

	catalog_unpin(p, on_released, &a);
	w_wait(w, &a);
}

static struct catalog_pin *
pin(struct world *w, struct store *s, enum err_code want)
{
	struct waited a = { 0 };
	struct catalog_pin *p = catalog_pin(s, ID, "verify by inst", NULL,
	    w_on_done, &a);

	assert_non_null(p);
	w_wait(w, &a);
	assert_int_equal(a.err.code, want);
	return p;
}

static unsigned
count_pins(struct world *w)
{
	const char *at = w_list(w, w->store, ID "/", true);
	unsigned n = 0;

	while ((at = strstr(at, "/.pin-")) != NULL) {
		at++;
		n++;
	}
	return n;
}

static const char *
pinned_by(struct world *w)
{
	static const char *const keys[] = { "pinned_by" };
	struct listed l = { 0 };
	const char *text;

	catalog_list(w->store, NULL, on_listed, &l);
	text = lines_of(wait_list(w, &l), keys, 1);
	json_decref(l.list);
	return text;
}

static void
test_pin(void **state)
{
	struct world *w = *state;
	struct catalog_pin *a, *b;

	plant_snapshot(w, ID, "a", NULL);
	a = pin(w, w->store, ERR_NONE);
	assert_string_equal(pinned_by(w), "verify by inst\n");
	/* Each reader has its own. */
	b = pin(w, w->store, ERR_NONE);
	assert_int_equal(count_pins(w), 2);
	unpin(w, a);
	assert_string_equal(pinned_by(w), "verify by inst\n");
	unpin(w, b);
	assert_int_equal(count_pins(w), 0);
	assert_string_equal(pinned_by(w), "-\n");
}

/* Without a manifest there is nothing to pin, and nothing is left. */
static void
test_not_there(void **state)
{
	struct world *w = *state;

	unpin(w, pin(w, w->store, ERR_NOT_FOUND));
	assert_false(w_exists(w, ID));
	plant_claim(w, ID, ".claim", "inst", "run");
	unpin(w, pin(w, w->store, ERR_NOT_FOUND));
	assert_int_equal(count_pins(w), 0);
	assert_true(w_exists(w, ID "/.claim"));
}

/* With keys that may only read: no mark, and none is tried again or taken
 * back; what is not there is not there all the same. */
static void
test_read_only(void **state)
{
	struct world *w = *state;
	struct scripted *s = sc_open(w, w->store);
	struct catalog_pin *p;

	s->put_key = "";
	s->put_code = ERR_PERMISSION;
	unpin(w, pin(w, &s->base, ERR_NOT_FOUND));
	plant_snapshot(w, ID, "a", NULL);
	p = pin(w, &s->base, ERR_NONE);
	assert_int_equal(count_pins(w), 0);
	unpin(w, p);
	assert_null(strstr(buf_str(&s->log), "remove"));
	/* Any other refusal is one. */
	s->put_code = ERR_AUTH;
	unpin(w, pin(w, &s->base, ERR_AUTH));
	store_close(&s->base);
}

static void
forget_pins(struct world *w)
{
	const char *at;
	char key[128];

	while (count_pins(w) > 0) {
		at = strstr(w_list(w, w->store, ID "/", true), ID "/.pin-");
		(void)snprintf(key, sizeof(key), "%.*s", (int)strcspn(at, " "),
		    at);
		assert_int_equal(w_remove(w, w->store, key), ERR_NONE);
	}
}

/* The first operation fails, the second, and so on: a pin is there when it was
 * said to be, and only when its removal fails it stays for a day. */
static void
test_faults(void **state)
{
	struct world *w = *state;
	bool is_over = false;
	unsigned n;

	plant_snapshot(w, ID, "a", NULL);
	for (n = 1; !is_over; n++) {
		struct scripted *s = sc_open(w, w->store);
		struct waited a = { 0 };
		struct catalog_pin *p;

		s->fail_at = n;
		p = catalog_pin(&s->base, ID, "r", NULL, w_on_done, &a);
		w_wait(w, &a);
		assert_int_equal(a.err.code == ERR_NONE, n > 2);
		assert_int_equal(count_pins(w), a.err.code == ERR_NONE);
		unpin(w, p);
		assert_int_equal(count_pins(w), n == 3);
		is_over = s->ops < n;
		store_close(&s->base);
		forget_pins(w);
	}
	assert_int_equal(n, 5);
}

/* A mark that a reader left when it died goes when it has begun again. */
static void
test_begun_again(void **state)
{
	struct world *w = *state;
	struct waited a = { 0 };
	struct catalog_pin *p;

	plant_snapshot(w, ID, "a", NULL);
	plant_in(w, ID, ".pin-run-to", "{\"by\": \"the dead\"}");
	p = catalog_pin(w->store, ID, "copy by inst", "run-to", w_on_done, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_int_equal(count_pins(w), 1);
	assert_string_equal(pinned_by(w), "copy by inst\n");
	unpin(w, p);
	assert_int_equal(count_pins(w), 0);
}

/* Retention of the same store at the same time, the pin so many turns later:
 * either it is pinned and stays, or it is gone and there is no pin. */
static void
test_pruned_at_once(void **state)
{
	struct retention_policy one = { .last = 1 };
	struct world *w = *state;
	unsigned turns, i, spared = 0, gone = 0;

	plant_snapshot(w, "20260201-000000", "a", NULL);
	for (turns = 0; turns < 60; turns++) {
		struct waited a = { 0 };
		struct listed l = { 0 };
		struct catalog_pin *p;

		plant_snapshot(w, ID, "a", NULL);
		catalog_prune(w->env, w->store, "a", &one, false, on_listed,
		    &l);
		for (i = 0; i < turns && l.answers == 0; i++)
			(void)uv_run(&w->loop, UV_RUN_ONCE);
		p = catalog_pin(w->store, ID, "r", NULL, w_on_done, &a);
		while (a.answers == 0 || l.answers == 0)
			(void)uv_run(&w->loop, UV_RUN_ONCE);
		json_decref(l.list);
		if (a.err.code != ERR_NONE)
			assert_int_equal(a.err.code, ERR_NOT_FOUND);
		assert_int_equal(w_exists(w, ID "/" MANIFEST_NAME),
		    a.err.code == ERR_NONE);
		spared += a.err.code == ERR_NONE;
		gone += a.err.code != ERR_NONE;
		unpin(w, p);
		assert_int_equal(count_pins(w), 0);
	}
	assert_true(spared > 0 && gone > 0);
}

/* --- Time that passes in no time. */

struct fast_timer {
	struct env_timer_base base;
	env_timer_fn *fn;
	void *arg;
	int64_t due_ms;
	bool is_armed;
	struct fast_timer *next;
};

static struct fast_timer *timers;
static int64_t ahead_ms;
static struct env *real;

static int64_t
fast_wall(struct env *e)
{
	(void)e;
	return env_wall_ms(real) + ahead_ms;
}

static int64_t
fast_mono(struct env *e)
{
	(void)e;
	return env_mono_ms(real) + ahead_ms;
}

static void
fast_random(struct env *e, void *out, size_t n)
{
	(void)e;
	env_random(real, out, n);
}

static struct env_timer *
fast_timer_new(struct env *e, env_timer_fn *fn, void *arg)
{
	struct fast_timer *t = xcalloc(1, sizeof(*t));

	t->base.env = e;
	t->fn = fn;
	t->arg = arg;
	t->next = timers;
	timers = t;
	return (struct env_timer *)t;
}

static void
fast_timer_start(struct env_timer *timer, int64_t ms)
{
	struct fast_timer *t = (struct fast_timer *)(void *)timer;

	t->due_ms = fast_mono(NULL) + ms;
	t->is_armed = true;
}

static void
fast_timer_stop(struct env_timer *timer)
{
	((struct fast_timer *)(void *)timer)->is_armed = false;
}

static void
fast_timer_free(struct env_timer *timer)
{
	struct fast_timer *t = (struct fast_timer *)(void *)timer, **at;

	if (t == NULL)
		return;
	for (at = &timers; *at != t; at = &(*at)->next)
		assert_non_null(*at);
	*at = t->next;
	free(t);
}

static void
pass(int64_t ms)
{
	struct fast_timer *t, *next;

	ahead_ms += ms;
	for (t = timers; t != NULL; t = next) {
		next = t->next;
		if (t->is_armed && t->due_ms <= fast_mono(NULL)) {
			t->is_armed = false;
			t->fn(t->arg);
		}
	}
}

static const struct env_ops fast_ops = { fast_wall, fast_mono, fast_random,
	fast_timer_new, fast_timer_start, fast_timer_stop, fast_timer_free };

#define HOUR (INT64_C(3600) * 1000)

static void
settle(struct world *w)
{
	unsigned i;

	for (i = 0; i < 20; i++) {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		(void)usleep(5000);
	}
}

/* A reader that lives for days keeps its pin; a dead one's ends. */
static void
test_renewed(void **state)
{
	struct world *w = *state;
	struct env fast = { &fast_ops, &w->loop };
	struct scripted *s;
	struct catalog_pin *p;
	struct listed l = { 0 };
	struct waited a = { 0 };
	int64_t i;

	real = w->env;
	plant_snapshot(w, ID, "a", NULL);
	s = sc_open(w, w->store);
	s->base.env = &fast;
	p = pin(w, &s->base, ERR_NONE);
	for (i = 0; i < 72; i++) {
		/* One renewal that fails is tried again soon. */
		s->put_key = i % 20 == 7 ? "" : NULL;
		s->put_code = ERR_NETWORK;
		pass(HOUR);
		settle(w);
	}
	s->put_key = NULL;
	catalog_list(&s->base, NULL, on_listed, &l);
	(void)wait_list(w, &l);
	assert_string_equal(json_get_str(json_array_get(l.list, 0), "pinned_by",
				""),
	    "verify by inst");
	json_decref(l.list);
	assert_int_equal(count_pins(w), 1);
	/* Released while a renewal is under way: it does not come back. */
	pass(7 * HOUR);
	catalog_unpin(p, on_released, &a);
	w_wait(w, &a);
	settle(w);
	assert_int_equal(count_pins(w), 0);
	assert_null(timers);
	ahead_ms = 0;
	store_close(&s->base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_pin),
		T(test_not_there),
		T(test_read_only),
		T(test_faults),
		T(test_begun_again),
		T(test_pruned_at_once),
		T(test_renewed),
	};

	return cmocka_run_group_tests_name("pin", tests, NULL, NULL);
}
