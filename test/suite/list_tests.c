/* list_tests.c - lists, removals, sweeps. */
#include <stdio.h>
#include <string.h>

#include "suite.h"

static void
put_each(struct suite *s, const char *const *leaves, size_t n)
{
	struct err e;
	size_t i;

	for (i = 0; i < n && s->failed == 0; i++) {
		act_put(s, s->store, act_key(s, leaves[i]), i, (int64_t)i * 10,
		    -1, NULL, &e);
		CODE_IS(s, &e, ERR_NONE, leaves[i]);
	}
}

static void
expect_list(struct suite *s, const char *prefix, bool is_flat,
    const char *const *leaves, size_t n)
{
	struct listing l;
	size_t i;

	act_list(s, s->store, prefix, is_flat, &l);
	if (l.err.code != ERR_NONE)
		suite_fail(s, __FILE__, __LINE__, "list '%s': %s", prefix,
		    l.err.msg);
	else if (l.n != n)
		suite_fail(s, __FILE__, __LINE__, "'%s' has %zu, not %zu",
		    prefix, l.n, n);
	for (i = 0; i < l.n && i < n; i++) {
		const char *key = act_key(s, leaves[i]);
		bool is_folder = key[strlen(key) - 1] == '/';

		if (strcmp(l.list[i].key, key) != 0 ||
		    l.list[i].is_folder != is_folder)
			suite_fail(s, __FILE__, __LINE__,
			    "'%s': %zu is '%s'%s, not '%s'", prefix, i,
			    l.list[i].key,
			    l.list[i].is_folder ? " (a folder)" : "", key);
	}
	listing_done(&l);
}

/* A folder's key ends with '/', and by that it sorts. */
static void
test_levels(struct suite *s)
{
	static const char *const all[] = { "a-b", "a.tar.gz", "a/b/c/d", "a/b1",
		"a/c", "b", "c/MANIFEST.sha256", "c/snapshot.json" };
	static const char *const top[] = { "a-b", "a.tar.gz", "a/", "b", "c/" };
	static const char *const below_a[] = { "a/b/", "a/b1", "a/c" };
	static const char *const flat_a[] = { "a/b/c/d", "a/b1", "a/c" };
	char prefix[80];

	put_each(s, all, COUNT_OF(all));
	if (s->failed > 0)
		return;
	expect_list(s, s->folder, true, all, COUNT_OF(all));
	expect_list(s, s->folder, false, top, COUNT_OF(top));
	(void)snprintf(prefix, sizeof(prefix), "%sa/", s->folder);
	expect_list(s, prefix, false, below_a, COUNT_OF(below_a));
	expect_list(s, prefix, true, flat_a, COUNT_OF(flat_a));
	(void)snprintf(prefix, sizeof(prefix), "%snothing/", s->folder);
	expect_list(s, prefix, true, NULL, 0);
	expect_list(s, prefix, false, NULL, 0);
}

static void
test_entries(struct suite *s)
{
	int64_t before = env_wall_ms(s->env);
	const struct store_stat *st;
	struct listing l;
	struct told told;
	struct err e;

	act_put(s, s->store, act_key(s, "object"), 1, 12345, -1, NULL, &e);
	CODE_IS(s, &e, ERR_NONE, "put");
	act_stat(s, s->store, act_key(s, "object"), &told);
	CODE_IS(s, &told.err, ERR_NONE, "stat");
	HOLDS(s,
	    told.mtime_ms > before - 5000 && told.mtime_ms < before + 60000,
	    "stat: its time is %lld ms off",
	    (long long)(told.mtime_ms - before));
	act_list(s, s->store, s->folder, true, &l);
	st = listing_find(&l, act_key(s, "object"));
	if (st == NULL)
		suite_fail(s, __FILE__, __LINE__, "not listed");
	else if (st->size != 12345 || st->mtime_ms < before - 5000 ||
	    st->mtime_ms > before + 60000)
		suite_fail(s, __FILE__, __LINE__,
		    "listed with %lld bytes, its "
		    "time %lld ms off",
		    (long long)st->size, (long long)(st->mtime_ms - before));
	listing_done(&l);
}

#define WRITERS 16

/* More than a store puts onto one page. */
static void
test_many(struct suite *s)
{
	struct store_put_opt opt = { 5, false, NULL, 0 };
	struct putting p[WRITERS];
	char leaf[40];
	struct listing l;
	unsigned i, j;

	for (i = 0; i < s->many && s->failed == 0; i += WRITERS) {
		for (j = 0; j < WRITERS; j++) {
			memset(&p[j], 0, sizeof(p[j]));
			p[j].size = 5;
			(void)snprintf(leaf, sizeof(leaf), "f%u/object-%05u",
			    (i + j) % 3, i + j);
			(void)putting_start(s, s->store, act_key(s, leaf), &opt,
			    &p[j]);
		}
		for (j = 0; j < WRITERS; j++) {
			suite_wait(s, &p[j].is_done);
			if (p[j].err.code != ERR_NONE)
				suite_fail(s, __FILE__, __LINE__, "put: %s",
				    p[j].err.msg);
		}
	}
	act_list(s, s->store, s->folder, true, &l);
	if (l.n != i)
		suite_fail(s, __FILE__, __LINE__, "%zu of %u are listed", l.n,
		    i);
	listing_done(&l);
	act_list(s, s->store, s->folder, false, &l);
	if (l.n != 3)
		suite_fail(s, __FILE__, __LINE__, "%zu of 3 folders are listed",
		    l.n);
	listing_done(&l);
}

static void
test_remove(struct suite *s)
{
	const char *key = act_key(s, "folder/object");
	struct told told;
	struct err e;

	act_put(s, s->store, key, 1, 9 * MB, -1, NULL, &e);
	CODE_IS(s, &e, ERR_NONE, "put");
	act_remove(s, s->store, key, &e);
	CODE_IS(s, &e, ERR_NONE, "remove");
	act_stat(s, s->store, key, &told);
	CODE_IS(s, &told.err, ERR_NOT_FOUND, "stat");
	act_remove(s, s->store, key, &e);
	CODE_IS(s, &e, ERR_NONE, "remove again");
	act_remove(s, s->store, act_key(s, "never/was"), &e);
	CODE_IS(s, &e, ERR_NONE, "remove what never was");
	expect_list(s, s->folder, false, NULL, 0);
	act_put(s, s->store, key, 2, 100, 100, NULL, &e);
	CODE_IS(s, &e, ERR_NONE, "put again");
	act_get(s, s->store, key, 2, 0, -1, 100, &e);
	CODE_IS(s, &e, ERR_NONE, "get");
}

/* What became an object, and what is under way, stays. */
static void
test_sweep(struct suite *s)
{
	static const char *const left[] = { "done/object", "going/object" };
	struct store_put_opt opt = { -1, false, NULL, 0 };
	struct putting p = { .seed = 3, .size = 24 * MB, .is_held = true };
	struct err e;

	act_put(s, s->store, act_key(s, "done/object"), 1, 100, 100, NULL, &e);
	CODE_IS(s, &e, ERR_NONE, "put");
	HOLDS(s,
	    putting_start(s, s->store, act_key(s, "going/object"), &opt, &p),
	    "put: %s", p.err.msg);
	suite_wait(s, &p.is_done);
	act_sweep(s, s->store, s->folder, 3600000, &e);
	putting_go_on(&p, 1000);
	suite_wait(s, &p.is_done);
	CODE_IS(s, &e, ERR_NONE, "sweep");
	CODE_IS(s, &p.err, ERR_NONE, "the put under way");
	act_get(s, s->store, act_key(s, "going/object"), 3, 0, -1, p.size, &e);
	CODE_IS(s, &e, ERR_NONE, "get");
	act_sweep(s, s->store, "", 3600000, &e);
	CODE_IS(s, &e, ERR_NONE, "sweep all");
	expect_list(s, s->folder, true, left, COUNT_OF(left));
}

const struct suite_test list_tests[] = {
	{ "levels", "lists of one level, and of all below", test_levels, 60 },
	{ "entries", "size and time of what is listed", test_entries, 30 },
	{ "many", "a list of many objects", test_many, 180 },
	{ "remove", "remove, twice, and put again", test_remove, 60 },
	{ "sweep", "a sweep leaves alone what is under way", test_sweep, 60 },
	{ NULL, NULL, NULL, 0 },
};
