/* race_tests.c - conditional writes, and several at once. */
#include <stdio.h>
#include <string.h>

#include "suite.h"

#define WRITERS 8
#define ROUNDS 6

static void
test_if_absent(struct suite *s)
{
	const char *key = act_key(s, "object");
	struct err e;

	act_put_if_absent(s, s->store, key, 1, 100, &e);
	CODE_IS(s, &e, ERR_NONE, "the first");
	act_put_if_absent(s, s->store, key, 2, 200, &e);
	CODE_IS(s, &e, ERR_CONFLICT, "the second");
	act_get(s, s->store, key, 1, 0, -1, 100, &e);
	CODE_IS(s, &e, ERR_NONE, "the first one's bytes");
	act_remove(s, s->store, key, &e);
	CODE_IS(s, &e, ERR_NONE, "remove");
	act_put_if_absent(s, s->store, key, 3, 0, &e);
	CODE_IS(s, &e, ERR_NONE, "an empty one, after it was removed");
	act_put_if_absent(s, s->store, key, 4, 0, &e);
	CODE_IS(s, &e, ERR_CONFLICT, "another empty one");
}

/* Says so: the other way to claim then is to write names apart and look. */
static void
test_without_condition(struct suite *s)
{
	const char *key = act_key(s, "object");
	struct err e;

	act_put(s, s->store, key, 1, 100, 100, NULL, &e);
	CODE_IS(s, &e, ERR_NONE, "put");
	act_put_if_absent(s, s->store, key, 2, 200, &e);
	HOLDS(s, e.code != ERR_NONE,
	    "a condition that the store cannot keep "
	    "was taken for kept");
	act_get(s, s->store, key, 1, 0, -1, 100, &e);
	CODE_IS(s, &e, ERR_NONE, "the first one's bytes");
}

static void
race(struct suite *s, unsigned round)
{
	struct store_put_opt opt = { 2000, true, NULL, 0 };
	struct putting p[WRITERS];
	char leaf[40];
	unsigned i, winner = 0, winners = 0;
	struct err e;

	(void)snprintf(leaf, sizeof(leaf), "claim-%u", round);
	memset(p, 0, sizeof(p));
	for (i = 0; i < WRITERS; i++) {
		p[i].seed = i + 100;
		p[i].size = 2000 + i;
		(void)putting_start(s, s->store, act_key(s, leaf), &opt, &p[i]);
	}
	for (i = 0; i < WRITERS; i++)
		suite_wait(s, &p[i].is_done);
	for (i = 0; i < WRITERS; i++) {
		if (p[i].err.code == ERR_NONE) {
			winners++;
			winner = i;
		} else {
			CODE_IS(s, &p[i].err, ERR_CONFLICT, "a loser");
		}
	}
	HOLDS(s, winners == 1, "%u of %u won", winners, WRITERS);
	act_get(s, s->store, act_key(s, leaf), winner + 100, 0, -1,
	    p[winner].size, &e);
	CODE_IS(s, &e, ERR_NONE, "the winner's bytes");
}

static void
test_race(struct suite *s)
{
	unsigned i;

	if (!s->caps.has_if_absent) {
		test_without_condition(s);
		return;
	}
	test_if_absent(s);
	for (i = 0; i < ROUNDS && s->failed == 0; i++)
		race(s, i);
}

/* Large ones and small ones, up and down, through one store. */
static void
test_mixed(struct suite *s)
{
	struct store_put_opt opt = { -1, false, NULL, 0 };
	struct putting p[6];
	struct getting g[3];
	char leaf[40];
	struct err e;
	size_t i;

	act_put(s, s->store, act_key(s, "there"), 1, 12 * MB, -1, NULL, &e);
	CODE_IS(s, &e, ERR_NONE, "put");
	memset(p, 0, sizeof(p));
	memset(g, 0, sizeof(g));
	for (i = 0; i < COUNT_OF(p); i++) {
		p[i].seed = i;
		p[i].size = i % 2 == 0 ? 17 * MB : 3000;
		(void)snprintf(leaf, sizeof(leaf), "object-%zu", i);
		(void)putting_start(s, s->store, act_key(s, leaf), &opt, &p[i]);
	}
	for (i = 0; i < COUNT_OF(g); i++) {
		g[i].seed = 1;
		g[i].fd = -1;
		getting_start(s, s->store, act_key(s, "there"), 0, -1, &g[i]);
	}
	for (i = 0; i < COUNT_OF(p); i++)
		suite_wait(s, &p[i].is_done);
	for (i = 0; i < COUNT_OF(g); i++) {
		suite_wait(s, &g[i].is_done);
		reader_close(g[i].reader);
	}
	for (i = 0; i < COUNT_OF(g); i++)
		HOLDS(s,
		    g[i].err.code == ERR_NONE && g[i].is_equal &&
			g[i].at == 12 * MB,
		    "reader %zu: %s", i, g[i].err.msg);
	for (i = 0; i < COUNT_OF(p); i++) {
		CODE_IS(s, &p[i].err, ERR_NONE, "put");
		(void)snprintf(leaf, sizeof(leaf), "object-%zu", i);
		act_get(s, s->store, act_key(s, leaf), i, 0, -1, p[i].size, &e);
		CODE_IS(s, &e, ERR_NONE, leaf);
	}
}

/* Two to the same key: one of them, whole. */
static void
test_same_key(struct suite *s)
{
	struct store_put_opt opt = { -1, false, NULL, 0 };
	struct putting a = { .seed = 1, .size = 17 * MB };
	struct putting b = { .seed = 2, .size = 17 * MB };
	const char *key = act_key(s, "object");
	struct err one, other;

	(void)putting_start(s, s->store, key, &opt, &a);
	(void)putting_start(s, s->store, key, &opt, &b);
	suite_wait(s, &a.is_done);
	suite_wait(s, &b.is_done);
	HOLDS(s, a.err.code == ERR_NONE || b.err.code == ERR_NONE,
	    "neither came in: %s; %s", a.err.msg, b.err.msg);
	act_get(s, s->store, key, 1, 0, -1, 17 * MB, &one);
	act_get(s, s->store, key, 2, 0, -1, 17 * MB, &other);
	HOLDS(s, one.code == ERR_NONE || other.code == ERR_NONE,
	    "neither one's bytes are there: %s; %s", one.msg, other.msg);
}

/* Puts that are given up beside ones that go on. */
static void
test_abort_beside(struct suite *s)
{
	struct store_put_opt opt = { -1, false, NULL, 0 };
	struct putting good = { .seed = 1, .size = 24 * MB };
	struct putting bad = { .seed = 2, .size = 24 * MB, .is_held = true };
	struct told told;
	struct err e;

	(void)putting_start(s, s->store, act_key(s, "bad"), &opt, &bad);
	(void)putting_start(s, s->store, act_key(s, "good"), &opt, &good);
	suite_wait(s, &bad.is_done);
	if (bad.put != NULL)
		store_put_abort(bad.put);
	suite_wait(s, &good.is_done);
	CODE_IS(s, &good.err, ERR_NONE, "the one that goes on");
	act_get(s, s->store, act_key(s, "good"), 1, 0, -1, good.size, &e);
	CODE_IS(s, &e, ERR_NONE, "its bytes");
	act_stat(s, s->store, act_key(s, "bad"), &told);
	CODE_IS(s, &told.err, ERR_NOT_FOUND, "the aborted one");
}

const struct suite_test race_tests[] = {
	{ "race", "of eight conditional writers one wins", test_race, 60 },
	{ "mixed", "six puts and three readers at once", test_mixed, 120 },
	{ "same-key", "two puts to one key: one of them, whole", test_same_key,
	    60 },
	{ "beside", "an abort beside a put that goes on", test_abort_beside,
	    60 },
	{ NULL, NULL, NULL, 0 },
};
