/* prove_test.c - by the store's digest, by a version that was checked, or by
 * reading back; and giving it up at each moment. */
#include "unit/catalog/scripted.h"

#include "catalog/catalog.h"

#define ID "20260418-085317"
#define DIGITS                                                                 \
	"15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"
#define BIG ((size_t)1 << 20)

struct proving {
	struct waited a; /* First: on_done gets this as well. */
	int64_t bytes;
	struct catalog_prove *cancel; /* At the next progress. */
	unsigned given_up;
};

static void
on_given_up(void *arg)
{
	struct proving *p = arg;

	p->given_up++;
}

static void
on_progress(void *arg, int64_t bytes)
{
	struct proving *p = arg;

	assert_true(bytes > p->bytes);
	p->bytes = bytes;
	if (p->cancel != NULL)
		catalog_prove_cancel(p->cancel, on_given_up, p);
	p->cancel = NULL;
}

static enum err_code
prove(struct world *w, struct store *s, const struct catalog_file *f)
{
	struct proving p = { .bytes = 0 };

	(void)catalog_prove(s, ID, f, 1, on_progress, w_on_done, &p);
	w_wait(w, &p.a);
	if (p.a.err.code == ERR_NONE)
		assert_int_equal(p.bytes, f->size);
	return p.a.err.code;
}

/* What the put said, what stat says, and whether that is proof, damage, or
 * nothing, so that it is read. */
static void
test_words(void **state)
{
	static const struct {
		struct store_proof proof;
		const char *kind, *value, *etag;
		enum err_code want;
		bool is_read;
	} cases[] = {
		{ { 9, "md5", "aa", false, "" }, "md5", "aa", NULL, ERR_NONE,
		    false },
		{ { 9, "md5", "aa", false, "" }, "md5", "ab", NULL, ERR_CORRUPT,
		    false },
		{ { 9, "crc32c", "aa", false, "" }, "crc32c", "aa", "e",
		    ERR_NONE, false },
		{ { 9, "sha256", DIGITS, false, "" }, "sha256", DIGITS, NULL,
		    ERR_NONE, false },
		/* The put's own word alone proves nothing. */
		{ { 9, "sha256", DIGITS, false, "" }, NULL, NULL, NULL,
		    ERR_NONE, true },
		{ { 9, "sha256", "aa", false, "" }, "sha256", "aa", NULL,
		    ERR_CORRUPT, false },
		{ { 9, "md5", "aa", false, "" }, "crc32c", "aa", NULL, ERR_NONE,
		    true },
		{ { 9, "md5", "", false, "" }, "md5", "", NULL, ERR_NONE,
		    true },
		{ { 9, "none", "", false, "" }, "none", "", "e", ERR_NONE,
		    true },
		{ { 9, "etag", "e-2", false, "" }, "etag", "e-2", NULL,
		    ERR_NONE, false },
		{ { 9, "etag", "e-2", false, "" }, "etag", "e-3", NULL,
		    ERR_NONE, true },
		/* Checked on its way in, and still that version. */
		{ { 9, "none", "", true, "e" }, NULL, NULL, "e", ERR_NONE,
		    false },
		{ { 9, "none", "", true, "e" }, NULL, NULL, "f", ERR_NONE,
		    true },
		{ { 9, "none", "", true, "e" }, NULL, NULL, NULL, ERR_NONE,
		    true },
		{ { 9, "none", "", true, "" }, NULL, NULL, "", ERR_NONE, true },
		{ { 9, "none", "", false, "e" }, NULL, NULL, "e", ERR_NONE,
		    true },
		/* Another size was proven than is to be there. */
		{ { 8, "md5", "aa", true, "e" }, "md5", "aa", "e", ERR_NONE,
		    true },
	};
	struct world *w = *state;
	struct scripted *s = sc_open(w, w->store);
	struct catalog_file f = { "d", 9, DIGITS, NULL };
	bool is_read;
	size_t i;

	assert_int_equal(w_put(w, w->store, ID "/d", "123456789"), ERR_NONE);
	s->stat_key = "/d";
	for (i = 0; i < COUNT_OF(cases); i++) {
		s->kind = cases[i].kind;
		s->value = cases[i].value;
		s->etag = cases[i].etag;
		f.proof = &cases[i].proof;
		buf_clear(&s->log);
		assert_int_equal(prove(w, &s->base, &f), cases[i].want);
		is_read = strstr(buf_str(&s->log), "get ") != NULL;
		if (is_read != cases[i].is_read)
			fail_msg("case %zu", i);
		/* A wrong size is damage, whatever anybody says. */
		f.size = 10;
		assert_int_equal(prove(w, &s->base, &f), ERR_CORRUPT);
		f.size = 9;
	}
	store_close(&s->base);
}

static void
test_read_back(void **state)
{
	struct world *w = *state;
	struct scripted *s = sc_open(w, w->store);
	struct catalog_file f = { "d", 9, DIGITS, NULL };

	assert_int_equal(prove(w, &s->base, &f), ERR_CORRUPT);
	assert_int_equal(w_put(w, w->store, ID "/d", "123456789"), ERR_NONE);
	assert_int_equal(prove(w, &s->base, &f), ERR_NONE);
	s->flip_key = "/d";
	assert_int_equal(prove(w, &s->base, &f), ERR_CORRUPT);
	s->flip_key = NULL;
	/* Trouble is trouble, not damage; gone in between is damage. */
	s->fail_at = s->ops + 1;
	assert_int_equal(prove(w, &s->base, &f), ERR_NETWORK);
	s->fail_at = s->ops + 2;
	assert_int_equal(prove(w, &s->base, &f), ERR_NETWORK);
	s->get_key = "/d";
	s->get_code = ERR_NOT_FOUND;
	s->get_faults = 1;
	assert_int_equal(prove(w, &s->base, &f), ERR_CORRUPT);
	store_close(&s->base);
}

/* Canceled after one turn of the loop, after two ...: while it asks, reads and
 * hashes.  No callback comes, nothing is left (the teardown looks). */
static void
test_cancel(void **state)
{
	struct world *w = *state;
	char *text = xmalloc(BIG + 1), hex[STR_HEX_SHA256];
	struct catalog_file files[3];
	struct catalog_prove *op;
	struct proving p;
	unsigned turns, i;

	memset(text, 'x', BIG);
	text[BIG] = '\0';
	memset(hex, 'a', sizeof(hex));
	hex[sizeof(hex) - 1] = '\0';
	assert_int_equal(w_put(w, w->store, ID "/a", "123456789"), ERR_NONE);
	assert_int_equal(w_put(w, w->store, ID "/b", text), ERR_NONE);
	free(text);
	files[0] = (struct catalog_file){ "a", 9, DIGITS, NULL };
	files[1] = (struct catalog_file){ "a", 9, DIGITS, NULL };
	files[2] = (struct catalog_file){ "b", (int64_t)BIG, hex, NULL };
	for (turns = 0;; turns++) {
		memset(&p, 0, sizeof(p));
		op = catalog_prove(w->store, ID, files, 3, on_progress,
		    w_on_done, &p);
		for (i = 0; i < turns && p.a.answers == 0; i++)
			(void)uv_run(&w->loop, UV_RUN_ONCE);
		if (p.a.answers > 0)
			break;
		catalog_prove_cancel(op, on_given_up, &p);
		assert_int_equal(p.given_up, 0);
		while (uv_run(&w->loop, UV_RUN_NOWAIT) != 0)
			;
		assert_int_equal(p.a.answers, 0);
		assert_int_equal(p.given_up, 1);
	}
	assert_int_equal(p.a.err.code, ERR_CORRUPT);
	assert_true(turns > 8);
}

/* By who is told of progress: after a file that was read, and after one that
 * the store's word was good for. */
static void
test_cancel_told(void **state)
{
	struct store_proof checked = { 9, "none", "", true, "e" };
	struct world *w = *state;
	struct scripted *s = sc_open(w, w->store);
	struct catalog_file files[2] = { { "a", 9, DIGITS, NULL },
		{ "a", 9, DIGITS, NULL } };
	struct proving p;
	unsigned i;

	assert_int_equal(w_put(w, w->store, ID "/a", "123456789"), ERR_NONE);
	s->stat_key = "/a";
	s->etag = "e";
	for (i = 0; i < 2; i++) {
		memset(&p, 0, sizeof(p));
		p.cancel = catalog_prove(&s->base, ID, files, 2, on_progress,
		    w_on_done, &p);
		while (uv_run(&w->loop, UV_RUN_ONCE) != 0)
			;
		assert_int_equal(p.a.answers, 0);
		assert_int_equal(p.bytes, 9);
		files[0].proof = &checked;
	}
	assert_int_equal(s->ops, 3);
	store_close(&s->base);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_words),
		T(test_read_back),
		T(test_cancel),
		T(test_cancel_told),
	};

	return cmocka_run_group_tests_name("prove", tests, NULL, NULL);
}
