/* put_tests.c - objects of all sizes go in, and are what their proof says. */
#include <string.h>

#include "suite.h"

/* A proof, what the store says of the object, and its bytes agree. */
static void
check_object(struct suite *s, const char *key, uint64_t seed, int64_t size,
    const struct store_proof *proof)
{
	struct told told;
	struct err e;

	act_stat(s, s->store, key, &told);
	CODE_IS(s, &told.err, ERR_NONE, "stat");
	HOLDS(s, told.size == size, "stat says %lld bytes, not %lld",
	    (long long)told.size, (long long)size);
	HOLDS(s, proof->kind[0] != '\0', "the proof names no kind");
	if (strcmp(proof->kind, "none") != 0)
		HOLDS(s, proof->value[0] != '\0', "a proof without value");
	if (told.kind[0] != '\0' && strcmp(told.kind, proof->kind) == 0)
		HOLDS(s, strcmp(told.value, proof->value) == 0,
		    "%s: proof '%s', stat '%s'", proof->kind, proof->value,
		    told.value);
	if (proof->etag[0] != '\0')
		HOLDS(s, strcmp(told.etag, proof->etag) == 0,
		    "version: proof '%s', stat '%s'", proof->etag, told.etag);
	/* Whatever proves it: bytes that the store saw checked, a digest of
	 * the store's own, or neither and it is read back. */
	if (proof->is_checked)
		HOLDS(s, proof->etag[0] != '\0' || told.kind[0] != '\0',
		    "checked on its way in, but nothing names it");
	act_get(s, s->store, key, seed, 0, -1, size, &e);
	CODE_IS(s, &e, ERR_NONE, "get");
}

static void
try_size(struct suite *s, int64_t size, int64_t hint)
{
	const char *key = act_key(s, "object");
	uint64_t seed = (uint64_t)size + 7;
	struct store_proof proof;
	struct err e;

	act_put(s, s->store, key, seed, size, hint, &proof, &e);
	CODE_IS(s, &e, ERR_NONE, "put");
	check_object(s, key, seed, size, &proof);
	if (s->failed > 0)
		suite_fail(s, __FILE__, __LINE__,
		    "that was %lld bytes, hint "
		    "%lld",
		    (long long)size, (long long)hint);
}

static void
test_check(struct suite *s)
{
	struct listing l;
	struct err e;

	act_check(s, s->store, &e);
	CODE_IS(s, &e, ERR_NONE, "check");
	store_caps(s->store, &s->caps);
	HOLDS(s, s->caps.digest != NULL, "caps without a digest's name");
	act_list(s, s->store, "", true, &l);
	CODE_IS(s, &l.err, ERR_NONE, "list");
	if (l.n != 0)
		suite_fail(s, __FILE__, __LINE__, "'%s' is there",
		    l.list[0].key);
	listing_done(&l);
}

static void
test_small(struct suite *s)
{
	static const int64_t sizes[] = { 0, 1, 1000, 65536, 256 * KB - 1,
		256 * KB, 256 * KB + 1, 3 * MB };
	size_t i;

	for (i = 0; i < COUNT_OF(sizes) && s->failed == 0; i++) {
		try_size(s, sizes[i], -1);
		if (s->failed == 0)
			try_size(s, sizes[i], sizes[i]);
	}
}

static void
test_part_edges(struct suite *s)
{
	static const int64_t sizes[] = { 8 * MB - 1, 8 * MB, 8 * MB + 1,
		16 * MB };
	size_t i;

	for (i = 0; i < COUNT_OF(sizes) && s->failed == 0; i++)
		try_size(s, sizes[i], -1);
}

static void
test_unknown_size(struct suite *s)
{
	try_size(s, 20 * MB + 12345, -1);
}

static void
test_hints(struct suite *s)
{
	try_size(s, 20 * MB + 12345, 20 * MB + 12345);
	if (s->failed == 0)
		try_size(s, 20 * MB, 1000);
	if (s->failed == 0)
		try_size(s, 1000, 200 * MB);
}

/* Blocks do not fit into parts: they are cut anew. */
static void
test_odd_pieces(struct suite *s)
{
	struct store_put_opt opt = { -1, false, NULL, 0 };
	struct putting p = { .seed = 5, .size = 18 * MB + 77, .piece = 99991 };
	const char *key = act_key(s, "object");

	HOLDS(s, putting_start(s, s->store, key, &opt, &p), "put: %s",
	    p.err.msg);
	suite_wait(s, &p.is_done);
	CODE_IS(s, &p.err, ERR_NONE, "put");
	check_object(s, key, 5, p.size, &p.proof);
}

static void
test_replace(struct suite *s)
{
	const char *key = act_key(s, "object");
	struct store_proof proof;
	struct err e;

	act_put(s, s->store, key, 1, 9 * MB, -1, &proof, &e);
	CODE_IS(s, &e, ERR_NONE, "put");
	act_put(s, s->store, key, 2, 500, 500, &proof, &e);
	CODE_IS(s, &e, ERR_NONE, "put a smaller one over it");
	check_object(s, key, 2, 500, &proof);
	act_put(s, s->store, key, 3, 9 * MB, -1, &proof, &e);
	CODE_IS(s, &e, ERR_NONE, "put a larger one over it");
	check_object(s, key, 3, 9 * MB, &proof);
}

/* The marks beside a snapshot's files are keys, too. */
static void
test_marks(struct suite *s)
{
	static const char *const marks[] = { ".claim", ".suspect",
		".claim-0f8fad5b-d9cb-469f-a165-70867728950e",
		".pin-0f8fad5b-d9cb-469f-a165-70867728950e" };
	struct listing l;
	struct err e;
	size_t i;

	for (i = 0; i < COUNT_OF(marks); i++) {
		act_put(s, s->store, act_key(s, marks[i]), i, 40, 40, NULL, &e);
		CODE_IS(s, &e, ERR_NONE, marks[i]);
		act_get(s, s->store, act_key(s, marks[i]), i, 0, -1, 40, &e);
		CODE_IS(s, &e, ERR_NONE, marks[i]);
	}
	act_list(s, s->store, s->folder, true, &l);
	if (l.n != COUNT_OF(marks))
		suite_fail(s, __FILE__, __LINE__, "%zu of %zu marks are listed",
		    l.n, COUNT_OF(marks));
	listing_done(&l);
}

static void
test_no_key(struct suite *s)
{
	static const char *const keys[] = { "", "/a", "a/../b", "a//b", "a/",
		"..", "a b", "a/.hidden" };
	struct store_put_opt opt = { -1, false, NULL, 0 };
	struct told told;
	struct err e;
	size_t i;

	for (i = 0; i < COUNT_OF(keys); i++) {
		struct putting p = { .seed = 1, .size = 10 };

		if (putting_start(s, s->store, keys[i], &opt, &p)) {
			suite_wait(s, &p.is_done);
			suite_fail(s, __FILE__, __LINE__, "put to '%s'",
			    keys[i]);
		}
		act_get(s, s->store, keys[i], 1, 0, -1, 0, &e);
		CODE_IS(s, &e, ERR_USAGE, keys[i]);
		act_stat(s, s->store, keys[i], &told);
		CODE_IS(s, &told.err, ERR_USAGE, keys[i]);
		act_remove(s, s->store, keys[i], &e);
		CODE_IS(s, &e, ERR_USAGE, keys[i]);
	}
}

/* Whatever was begun, nothing can be seen of it. */
static void
test_abort(struct suite *s)
{
	static const int64_t sizes[] = { 0, 1000, 24 * MB };
	struct store_put_opt opt = { -1, false, NULL, 0 };
	const char *key = act_key(s, "object");
	struct listing l;
	struct told told;
	struct err e;
	size_t i;

	for (i = 0; i < COUNT_OF(sizes); i++) {
		struct putting p = { .seed = 9,
			.size = sizes[i],
			.is_held = true };

		HOLDS(s, putting_start(s, s->store, key, &opt, &p), "put: %s",
		    p.err.msg);
		suite_wait(s, &p.is_done);
		HOLDS(s, !store_put_failed(p.put), "the put failed");
		store_put_abort(p.put);
		act_stat(s, s->store, key, &told);
		CODE_IS(s, &told.err, ERR_NOT_FOUND, "stat after abort");
	}
	suite_sleep(s, 500);
	act_sweep(s, s->store, s->folder, 0, &e);
	CODE_IS(s, &e, ERR_NONE, "sweep");
	act_list(s, s->store, s->folder, true, &l);
	if (l.n != 0)
		suite_fail(s, __FILE__, __LINE__, "'%s' is there",
		    l.list[0].key);
	listing_done(&l);
}

const struct suite_test put_tests[] = {
	{ "check", "the store can be reached, and is empty", test_check, 60 },
	{ "small", "objects of up to 3 MB", test_small, 60 },
	{ "edges", "objects just below, at and above a part", test_part_edges,
	    90 },
	{ "unknown", "20 MB of unknown size", test_unknown_size, 60 },
	{ "hints", "a size hint that is right, too small, too large",
	    test_hints, 90 },
	{ "pieces", "blocks of an odd size", test_odd_pieces, 60 },
	{ "replace", "an object is replaced by another", test_replace, 60 },
	{ "marks", "marks beside a snapshot's files", test_marks, 30 },
	{ "names", "what is no key is refused", test_no_key, 30 },
	{ "abort", "of an aborted put nothing stays", test_abort, 60 },
	{ NULL, NULL, NULL, 0 },
};
