/* get_tests.c - objects and ranges of them come out as they went in. */
#include <string.h>

#include "suite.h"

#define LARGE (30 * MB + 54321)
#define SEED 42

static void
put_large(struct suite *s)
{
	struct err e;

	act_put(s, s->store, act_key(s, "large"), SEED, LARGE, -1, NULL, &e);
	CODE_IS(s, &e, ERR_NONE, "put");
}

struct range {
	int64_t from, len, want;
};

static void
test_ranges(struct suite *s)
{
	static const struct range ranges[] = {
		{ 0, 1, 1 },
		{ 0, 1000, 1000 },
		{ 1000, 70000, 70000 },
		{ 4 * MB - 5, 10, 10 },
		{ 4 * MB, 4 * MB, 4 * MB },
		{ 8 * MB - 1, 13 * MB, 13 * MB },
		{ 20 * MB, -1, LARGE - 20 * MB },
		{ LARGE - 1, -1, 1 },
		{ LARGE - 10, 10, 10 },
		{ LARGE - 10, 1000, 10 },
		{ 0, LARGE + 1, LARGE },
		{ 17, 0, 0 },
	};
	struct err e;
	size_t i;

	put_large(s);
	for (i = 0; i < COUNT_OF(ranges) && s->failed == 0; i++) {
		const struct range *r = &ranges[i];

		act_get(s, s->store, act_key(s, "large"), SEED, r->from, r->len,
		    r->want, &e);
		HOLDS(s, e.code == ERR_NONE, "%lld bytes from %lld on: %s",
		    (long long)r->len, (long long)r->from, e.msg);
	}
}

/* There is nothing: no bytes, or word that there are none; never a hang. */
static void
test_beyond(struct suite *s)
{
	static const int64_t places[] = { LARGE, LARGE + 1, LARGE + 100 * MB };
	struct err e;
	size_t i;

	put_large(s);
	for (i = 0; i < COUNT_OF(places) && s->failed == 0; i++) {
		act_get(s, s->store, act_key(s, "large"), SEED, places[i], -1,
		    0, &e);
		HOLDS(s, e.code == ERR_NONE || e.code == ERR_LIMIT,
		    "from %lld on: %s", (long long)places[i], e.msg);
	}
	act_put(s, s->store, act_key(s, "empty"), 1, 0, 0, NULL, &e);
	CODE_IS(s, &e, ERR_NONE, "put");
	act_get(s, s->store, act_key(s, "empty"), 1, 0, -1, 0, &e);
	CODE_IS(s, &e, ERR_NONE, "get an empty object");
	act_get(s, s->store, act_key(s, "empty"), 1, 0, 10, 0, &e);
	CODE_IS(s, &e, ERR_NONE, "get 10 bytes of an empty object");
}

static void
test_whole(struct suite *s)
{
	struct err e;
	int i;

	put_large(s);
	for (i = 0; i < 3 && s->failed == 0; i++) {
		act_get(s, s->store, act_key(s, "large"), SEED, 0, -1, LARGE,
		    &e);
		CODE_IS(s, &e, ERR_NONE, "get");
	}
}

static void
test_missing(struct suite *s)
{
	struct told told;
	struct err e;

	act_get(s, s->store, act_key(s, "nothing"), 1, 0, -1, 0, &e);
	CODE_IS(s, &e, ERR_NOT_FOUND, "get");
	act_get(s, s->store, act_key(s, "nothing"), 1, 5, 10, 0, &e);
	CODE_IS(s, &e, ERR_NOT_FOUND, "get a range");
	act_stat(s, s->store, act_key(s, "nothing"), &told);
	CODE_IS(s, &told.err, ERR_NOT_FOUND, "stat");
	act_put(s, s->store, act_key(s, "folder/object"), 1, 10, 10, NULL, &e);
	CODE_IS(s, &e, ERR_NONE, "put");
	act_get(s, s->store, act_key(s, "folder"), 1, 0, -1, 0, &e);
	HOLDS(s, e.code != ERR_NONE, "a folder was read");
}

/* At any time: before the first byte, in the middle, at the end. */
static void
test_close(struct suite *s)
{
	static const int64_t places[] = { 1, 3 * MB, 9 * MB, LARGE };
	struct err e;
	size_t i;

	put_large(s);
	reader_close(store_get(s->store, act_key(s, "large"), 0, -1));
	for (i = 0; i < COUNT_OF(places) && s->failed == 0; i++) {
		struct getting g = { .seed = SEED, .fd = -1 };

		g.pause = places[i];
		getting_start(s, s->store, act_key(s, "large"), 0, -1, &g);
		suite_wait(s, &g.is_done);
		reader_close(g.reader);
		HOLDS(s, g.err.code == ERR_NONE && g.is_equal, "up to %lld: %s",
		    (long long)places[i], g.err.msg);
	}
	act_get(s, s->store, act_key(s, "large"), SEED, 0, 10, 10, &e);
	CODE_IS(s, &e, ERR_NONE, "get afterwards");
}

/* A reader that rests is not an error, however long it takes. */
static void
test_rest(struct suite *s)
{
	struct getting g = { .seed = SEED, .fd = -1, .pause = MB };

	put_large(s);
	getting_start(s, s->store, act_key(s, "large"), 0, -1, &g);
	suite_wait(s, &g.is_done);
	suite_sleep(s, 3000);
	if (g.err.code == ERR_NONE) {
		getting_go_on(&g);
		suite_wait(s, &g.is_done);
	}
	reader_close(g.reader);
	CODE_IS(s, &g.err, ERR_NONE, "get");
	HOLDS(s, g.is_equal && g.at == LARGE, "%lld bytes, equal: %d",
	    (long long)g.at, g.is_equal);
}

/* The old bytes to their end, or an error: never some of each. */
static void
test_changed(struct suite *s)
{
	struct getting g = { .seed = SEED, .fd = -1, .pause = 256 * KB };
	struct err e;

	put_large(s);
	getting_start(s, s->store, act_key(s, "large"), 0, -1, &g);
	suite_wait(s, &g.is_done);
	act_put(s, s->store, act_key(s, "large"), SEED + 1, LARGE, -1, NULL,
	    &e);
	if (g.err.code == ERR_NONE) {
		getting_go_on(&g);
		suite_wait(s, &g.is_done);
	}
	reader_close(g.reader);
	CODE_IS(s, &e, ERR_NONE, "replace it");
	HOLDS(s, g.is_equal, "bytes of both versions came");
	if (g.err.code == ERR_NONE)
		HOLDS(s, g.at == LARGE, "%lld bytes came", (long long)g.at);
	else
		CODE_IS(s, &g.err, ERR_CORRUPT, "get");
}

static void
test_at_once(struct suite *s)
{
	struct getting g[6];
	size_t i;

	put_large(s);
	for (i = 0; i < COUNT_OF(g); i++) {
		memset(&g[i], 0, sizeof(g[i]));
		g[i].seed = SEED;
		g[i].fd = -1;
		getting_start(s, s->store, act_key(s, "large"), (int64_t)i * MB,
		    -1, &g[i]);
	}
	for (i = 0; i < COUNT_OF(g); i++) {
		suite_wait(s, &g[i].is_done);
		reader_close(g[i].reader);
	}
	for (i = 0; i < COUNT_OF(g); i++) {
		CODE_IS(s, &g[i].err, ERR_NONE, "get");
		HOLDS(s, g[i].is_equal && g[i].at == LARGE - (int64_t)i * MB,
		    "reader %zu: %lld bytes, equal: %d", i, (long long)g[i].at,
		    g[i].is_equal);
	}
}

const struct suite_test get_tests[] = {
	{ "whole", "30 MB come out byte for byte", test_whole, 60 },
	{ "ranges", "ranges: front, middle, tail, more than there is",
	    test_ranges, 60 },
	{ "beyond", "ranges past the end, and an empty object", test_beyond,
	    60 },
	{ "missing", "what is not there is not found", test_missing, 30 },
	{ "close", "a reader is closed at any time", test_close, 60 },
	{ "rest", "a reader that rests goes on", test_rest, 60 },
	{ "changed", "an object replaced while it is read", test_changed, 60 },
	{ "at-once", "six readers at once", test_at_once, 90 },
	{ NULL, NULL, NULL, 0 },
};
