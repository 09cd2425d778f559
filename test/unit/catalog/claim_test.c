/* claim_test.c - one id in all stores, whoever races, whatever they can do. */
#include "unit/catalog/scripted.h"

#include "catalog/catalog.h"

struct claimed {
	unsigned answers;
	char id[SNAPSHOT_ID_MAX];
	enum err_code codes[4];
	size_t n;
	struct err err;
};

static void
on_claimed(void *arg, const char *id, const struct err *errs,
    const struct err *e)
{
	struct claimed *c = arg;
	size_t i;

	c->answers++;
	assert_true((id == NULL) == (e != NULL));
	(void)snprintf(c->id, sizeof(c->id), "%s", id == NULL ? "" : id);
	for (i = 0; i < c->n; i++)
		c->codes[i] = errs[i].code;
	err_copy(&c->err, e);
}

static void
claim(struct world *w, struct store **stores, size_t n, const char *run,
    struct claimed *c)
{
	memset(c, 0, sizeof(*c));
	c->n = n;
	catalog_claim(w->env, stores, n, "inst-1", run, on_claimed, c);
	assert_int_equal(c->answers, 0);
	while (c->answers == 0)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	assert_int_equal(c->answers, 1);
}

static struct store *
second(struct world *w)
{
	struct err e;
	char *path = file_join(w->dir, "second");
	struct store *s = w_fs_open(w, "second", path);

	assert_int_equal(w_check(w, s, &e), ERR_NONE);
	free(path);
	return s;
}

static void
test_plain(void **state)
{
	struct world *w = *state;
	struct store *stores[2] = { w->store, second(w) };
	struct claimed a, b;
	char key[80];

	claim(w, stores, 2, "run-a", &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_true(snapshot_id_is_valid(a.id));
	(void)snprintf(key, sizeof(key), "%s/.claim", a.id);
	assert_non_null(strstr(w_get(w, stores[1], key), "run-a"));
	claim(w, stores, 2, "run-b", &b);
	assert_int_equal(b.err.code, ERR_NONE);
	assert_string_not_equal(a.id, b.id);
	assert_non_null(strstr(w_get(w, stores[0], key), "run-a"));
	store_close(stores[1]);
}

/* Taken in the second store only: given back in the first as well. */
static void
test_given_back(void **state)
{
	struct world *w = *state;
	struct store *stores[2] = { w->store, second(w) };
	char id[SNAPSHOT_ID_MAX], key[80];
	struct claimed c;
	int64_t now = env_wall_ms(w->env), t;

	/* The runbook's own: no claim, only files; and a foreign claim. */
	for (t = now - 1000; t < now + 5000; t += 1000) {
		snapshot_id_format(t, 1, id);
		(void)snprintf(key, sizeof(key), "%s/x.tar.gz", id);
		assert_int_equal(w_put(w, stores[1], key, "x"), ERR_NONE);
		snapshot_id_format(t, 2, id);
		(void)snprintf(key, sizeof(key), "%s/.claim", id);
		assert_int_equal(w_put(w, stores[0], key, "{}"), ERR_NONE);
	}
	claim(w, stores, 2, "run", &c);
	assert_int_equal(c.err.code, ERR_NONE);
	assert_string_equal(c.id + 15, "-3");
	(void)snprintf(key, sizeof(key), "%.15s/.claim", c.id);
	assert_int_equal(w_stat(w, stores[0], key), ERR_NOT_FOUND);
	assert_int_equal(w_stat(w, stores[1], key), ERR_NOT_FOUND);
	(void)snprintf(key, sizeof(key), "%.15s-2/.claim", c.id);
	assert_string_equal(w_get(w, stores[0], key), "{}");
	assert_int_equal(w_stat(w, stores[1], key), ERR_NOT_FOUND);
	store_close(stores[1]);
}

static void
test_one_fails(void **state)
{
	struct world *w = *state;
	char *path = file_join(w->dir, "not/there");
	struct store *stores[2] = { w_fs_open(w, "dead", path), w->store };
	struct claimed c;

	claim(w, stores, 2, "run", &c);
	assert_int_equal(c.err.code, ERR_NONE);
	assert_int_equal(c.codes[0], ERR_MISSING);
	assert_int_equal(c.codes[1], ERR_NONE);
	claim(w, stores, 1, "run", &c);
	assert_int_equal(c.err.code, ERR_MISSING);
	store_close(stores[0]);
	free(path);
}

/* A put that lands and says it did not is ours; one that does not is not. */
static void
test_unclear(void **state)
{
	struct world *w = *state;
	struct scripted *s = sc_open(w, w->store);
	struct store *stores[1] = { &s->base };
	struct claimed c;

	s->put_key = ".claim";
	s->put_code = ERR_TIMEOUT;
	s->put_lands = true;
	claim(w, stores, 1, "run", &c);
	assert_int_equal(c.err.code, ERR_NONE);
	s->put_lands = false;
	claim(w, stores, 1, "run-2", &c);
	assert_int_equal(c.err.code, ERR_TIMEOUT);
	store_close(&s->base);
}

#define RACERS 8

static void
race(struct world *w, bool has_if_absent)
{
	struct claimed c[RACERS] = { 0 };
	struct scripted *s[RACERS];
	struct store *stores[RACERS];
	char run[16];
	unsigned left = RACERS;
	size_t i, j;

	for (i = 0; i < RACERS; i++) {
		s[i] = sc_open(w, w->store);
		s[i]->has_no_if_absent = !has_if_absent;
		stores[i] = &s[i]->base;
		(void)snprintf(run, sizeof(run), "run-%zu", i);
		catalog_claim(w->env, &stores[i], 1, "inst", run, on_claimed,
		    &c[i]);
	}
	while (left > 0) {
		(void)uv_run(&w->loop, UV_RUN_ONCE);
		for (left = 0, i = 0; i < RACERS; i++)
			left += c[i].answers == 0;
	}
	for (i = 0; i < RACERS; i++) {
		assert_int_equal(c[i].err.code, ERR_NONE);
		for (j = 0; j < i; j++)
			assert_string_not_equal(c[i].id, c[j].id);
		store_close(stores[i]);
	}
}

static void
test_race(void **state)
{
	race(*state, true);
}

static void
test_race_without(void **state)
{
	race(*state, false);
}

/* A dead one's lower claim stays: the id is taken, the next one is not. */
static void
test_dead_claim(void **state)
{
	struct world *w = *state;
	struct scripted *s = sc_open(w, w->store);
	struct store *stores[1] = { &s->base };
	int64_t now = env_wall_ms(w->env), t;
	char id[SNAPSHOT_ID_MAX], key[80];
	struct claimed c;

	s->has_no_if_absent = true;
	for (t = now - 1000; t < now + 9000; t += 1000) {
		snapshot_id_format(t, 1, id);
		(void)snprintf(key, sizeof(key), "%s/.claim-%s", id,
		    "zzzzzzzz-dead");
		assert_int_equal(w_put(w, w->store, key, "{}"), ERR_NONE);
	}
	claim(w, stores, 1, "run", &c);
	assert_int_equal(c.err.code, ERR_NONE);
	assert_string_equal(c.id + 15, "-2");
	store_close(&s->base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_plain),
		T(test_given_back),
		T(test_one_fails),
		T(test_unclear),
		T(test_race),
		T(test_race_without),
		T(test_dead_claim),
	};

	return cmocka_run_group_tests_name("claim", tests, NULL, NULL);
}
