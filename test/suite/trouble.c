/* trouble.c - see suite.h: stores that are out of reach, or slow. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

#define ABORT_MS 20000

static bool
is_among(enum err_code code, const char *codes)
{
	const char *name = err_name(code);
	size_t n = strlen(name);
	const char *at;

	for (at = codes; (at = strstr(at, name)) != NULL; at += n)
		if ((at == codes || at[-1] == ',') &&
		    (at[n] == ',' || at[n] == '\0'))
			return true;
	return false;
}

struct trouble {
	struct suite *suite;
	struct store *store;
	const char *codes;
	int64_t within_ms, began;
};

static void
began(struct trouble *t)
{
	t->began = env_mono_ms(t->suite->env);
}

static void
ended(struct trouble *t, const char *what, const struct err *e)
{
	int64_t took = env_mono_ms(t->suite->env) - t->began;

	(void)printf("# %s: %s after %lld ms: %s\n", what, err_name(e->code),
	    (long long)took, e->msg);
	if (!is_among(e->code, t->codes))
		suite_fail(t->suite, __FILE__, __LINE__, "%s: %s is none of %s",
		    what, err_name(e->code), t->codes);
	if (took > t->within_ms)
		suite_fail(t->suite, __FILE__, __LINE__, "%s took %lld ms",
		    what, (long long)took);
}

static void
trouble_reads(struct trouble *t)
{
	struct suite *s = t->suite;
	struct listing l;
	struct told told;
	struct err e;

	began(t);
	act_get(s, t->store, act_key(s, "object"), 1, 0, -1, 0, &e);
	ended(t, "get", &e);
	began(t);
	act_list(s, t->store, s->folder, true, &l);
	ended(t, "list", &l.err);
	listing_done(&l);
	began(t);
	act_stat(s, t->store, act_key(s, "object"), &told);
	/* The answer to HEAD has no body to tell what it is that is not there
	 * or not allowed. */
	if ((told.err.code == ERR_NOT_FOUND &&
		is_among(ERR_CONFIG, t->codes)) ||
	    (told.err.code == ERR_PERMISSION && is_among(ERR_AUTH, t->codes)))
		err_clear(&told.err);
	else
		ended(t, "stat", &told.err);
}

static void
trouble_writes(struct trouble *t)
{
	struct suite *s = t->suite;
	struct err e;

	began(t);
	act_put(s, t->store, act_key(s, "object"), 1, 100, 100, NULL, &e);
	ended(t, "put", &e);
	/* Its parts are given up, then it is aborted: that takes a while. */
	began(t);
	act_put(s, t->store, act_key(s, "object"), 1, 50 * MB, -1, NULL, &e);
	t->within_ms += ABORT_MS;
	ended(t, "put of 50 MB", &e);
	t->within_ms -= ABORT_MS;
	began(t);
	act_put_if_absent(s, t->store, act_key(s, "object"), 1, 100, &e);
	/* Without conditions a store may say so first. */
	if (s->caps.has_if_absent || e.code != ERR_PROTOCOL)
		ended(t, "put if absent", &e);
	began(t);
	act_remove(s, t->store, act_key(s, "object"), &e);
	ended(t, "remove", &e);
	began(t);
	act_sweep(s, t->store, s->folder, 0, &e);
	ended(t, "sweep", &e);
}

void
trouble_expect(struct suite *s, const char *name, const char *codes,
    int64_t seconds)
{
	struct trouble t = { .suite = s, .codes = codes };
	struct err e;

	t.within_ms = seconds * 1000;
	t.store = suite_open(s, name);
	HOLDS(s, t.store != NULL, "there is no store '%s'", name);
	began(&t);
	act_check(s, t.store, &e);
	ended(&t, "check", &e);
	trouble_reads(&t);
	trouble_writes(&t);
	store_close(t.store);
}

static void
round_of(struct suite *s, struct store *store)
{
	static const int64_t sizes[] = { 0, 1000, 11 * MB };
	char leaf[40];
	struct listing l;
	struct told told;
	struct err e;
	size_t i;

	act_check(s, store, &e);
	CODE_IS(s, &e, ERR_NONE, "check");
	for (i = 0; i < COUNT_OF(sizes); i++) {
		(void)snprintf(leaf, sizeof(leaf), "f/object-%zu", i);
		act_put(s, store, act_key(s, leaf), i, sizes[i], -1, NULL, &e);
		CODE_IS(s, &e, ERR_NONE, "put");
		act_get(s, store, act_key(s, leaf), i, 0, -1, sizes[i], &e);
		CODE_IS(s, &e, ERR_NONE, "get");
		act_stat(s, store, act_key(s, leaf), &told);
		CODE_IS(s, &told.err, ERR_NONE, "stat");
	}
	act_list(s, store, "", true, &l);
	if (l.n != COUNT_OF(sizes) ||
	    listing_find(&l, act_key(s, "f/object-1")) == NULL)
		suite_fail(s, __FILE__, __LINE__, "%zu are listed: %s", l.n,
		    l.n > 0 ? l.list[0].key : l.err.msg);
	listing_done(&l);
	act_list(s, store, "", false, &l);
	if (l.n != 1 || !l.list[0].is_folder)
		suite_fail(s, __FILE__, __LINE__, "%zu at the top: %s", l.n,
		    l.n > 0 ? l.list[0].key : l.err.msg);
	listing_done(&l);
	act_sweep(s, store, s->folder, 0, &e);
	CODE_IS(s, &e, ERR_NONE, "sweep");
	act_clear(s, store, "");
	act_list(s, store, "", true, &l);
	if (l.n != 0)
		suite_fail(s, __FILE__, __LINE__, "%zu are left", l.n);
	listing_done(&l);
}

void
trouble_round(struct suite *s, const char *name)
{
	struct store *store = suite_open(s, name);

	HOLDS(s, store != NULL, "there is no store '%s'", name);
	round_of(s, store);
	store_close(store);
}

#define SLOW_SIZE (6 * MB)
#define SLOW_RATE (2 * MB)

/* The first half second's bytes are free; a busy machine takes its time. */
static void
check_pace(struct suite *s, const char *what, int64_t took)
{
	int64_t least = SLOW_SIZE * 1000 / SLOW_RATE - 1000;

	(void)printf("# %s: %lld ms\n", what, (long long)took);
	if (took < least || took > 15 * least)
		suite_fail(s, __FILE__, __LINE__,
		    "%s of %lld bytes at %lld a second took %lld ms", what,
		    (long long)SLOW_SIZE, (long long)SLOW_RATE,
		    (long long)took);
}

void
trouble_slow(struct suite *s, const char *name)
{
	struct store *store = suite_open(s, name);
	const char *key = act_key(s, "object");
	int64_t before;
	struct err e;

	HOLDS(s, store != NULL, "there is no store '%s'", name);
	before = env_mono_ms(s->env);
	act_put(s, store, key, 1, SLOW_SIZE, -1, NULL, &e);
	if (e.code != ERR_NONE)
		suite_fail(s, __FILE__, __LINE__, "put: %s", e.msg);
	check_pace(s, "put", env_mono_ms(s->env) - before);
	before = env_mono_ms(s->env);
	act_get(s, store, key, 1, 0, -1, SLOW_SIZE, &e);
	if (e.code != ERR_NONE)
		suite_fail(s, __FILE__, __LINE__, "get: %s", e.msg);
	check_pace(s, "get", env_mono_ms(s->env) - before);
	act_clear(s, store, "");
	store_close(store);
}
