/* seal_test.c - the commit whose outcome is not known, and the proof. */
#include "unit/catalog/scripted.h"

#include "catalog/catalog.h"

#define ID "20260418-085317"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define DIGITS                                                                 \
	"15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225"

static struct manifest *
manifest_of(const char *name, const char *hex)
{
	struct manifest *m = manifest_new();

	assert_int_equal(manifest_add(m, name, hex, NULL), 0);
	return m;
}

static enum err_code
seal(struct world *w, struct store *s, const struct manifest *m, struct err *e)
{
	struct waited a = { 0 };

	catalog_seal(s, ID, m, w_on_done, &a);
	w_wait(w, &a);
	err_copy(e, &a.err);
	return a.err.code;
}

static enum err_code
is_sealed(struct world *w, struct store *s)
{
	struct waited a = { 0 };

	catalog_is_sealed(s, ID, w_on_done, &a);
	w_wait(w, &a);
	return a.err.code;
}

static void
test_seal(void **state)
{
	struct world *w = *state;
	struct manifest *m = manifest_of("a", EMPTY);
	struct manifest *other = manifest_of("a", DIGITS);
	struct err e;

	assert_int_equal(is_sealed(w, w->store), ERR_NOT_FOUND);
	assert_int_equal(seal(w, w->store, m, &e), ERR_NONE);
	assert_int_equal(is_sealed(w, w->store), ERR_NONE);
	/* Again, after a crash: the same text is success, another is not. */
	assert_int_equal(seal(w, w->store, m, &e), ERR_NONE);
	assert_int_equal(seal(w, w->store, other, &e), ERR_CONFLICT);
	assert_string_equal(w_get(w, w->store, ID "/" MANIFEST_NAME),
	    EMPTY "  a\n");
	manifest_free(m);
	manifest_free(other);
}

static void
test_unclear(void **state)
{
	static const enum err_code codes[] = { ERR_TIMEOUT, ERR_NETWORK,
		ERR_CONFLICT, ERR_IO };
	struct world *w = *state;
	struct manifest *m = manifest_of("a", EMPTY);
	struct scripted *s = sc_open(w, w->store);
	struct err e;
	size_t i;

	s->put_key = s->get_key = MANIFEST_NAME;
	for (i = 0; i < COUNT_OF(codes); i++) {
		s->put_code = codes[i];
		/* It landed: success, also when reading needs patience. */
		s->put_lands = true;
		s->get_code = ERR_NETWORK;
		s->get_faults = i == 1 ? 2 : 0;
		assert_int_equal(seal(w, &s->base, m, &e), ERR_NONE);
		assert_int_equal(s->get_faults, 0);
		assert_int_equal(w_remove(w, w->store, ID "/" MANIFEST_NAME),
		    ERR_NONE);
	}
	s->put_code = ERR_TIMEOUT;
	s->put_lands = false;
	assert_int_equal(seal(w, &s->base, m, &e), ERR_TIMEOUT);
	/* Landed, but nothing can be read: unknown is said, not assumed. */
	s->put_lands = true;
	s->get_faults = 99;
	assert_int_equal(seal(w, &s->base, m, &e), ERR_TIMEOUT);
	assert_non_null(strstr(e.msg, "unknown"));
	store_close(&s->base);
	manifest_free(m);
}

static void
test_seal_without_condition(void **state)
{
	struct world *w = *state;
	struct manifest *m = manifest_of("a", EMPTY);
	struct manifest *other = manifest_of("a", DIGITS);
	struct scripted *s = sc_open(w, w->store);
	struct err e;

	s->has_no_if_absent = true;
	assert_int_equal(seal(w, &s->base, m, &e), ERR_NONE);
	assert_int_equal(seal(w, &s->base, m, &e), ERR_NONE);
	assert_int_equal(seal(w, &s->base, other, &e), ERR_CONFLICT);
	store_close(&s->base);
	manifest_free(m);
	manifest_free(other);
}

struct proving {
	struct waited a; /* First: on_done gets this as well. */
	int64_t bytes;
};

static void
on_progress(void *arg, int64_t bytes)
{
	struct proving *p = arg;

	assert_true(bytes >= p->bytes);
	p->bytes = bytes;
}

static enum err_code
prove(struct world *w, const struct catalog_file *files, size_t n,
    struct err *e, int64_t *bytes)
{
	struct proving p = { { 0 }, 0 };

	catalog_prove(w->store, ID, files, n, on_progress, w_on_done, &p);
	w_wait(w, &p.a);
	err_copy(e, &p.a.err);
	*bytes = p.bytes;
	return p.a.err.code;
}

static void
test_prove(void **state)
{
	struct store_proof lie = { .size = 9,
		.kind = "sha256",
		.value = DIGITS };
	struct catalog_file files[] = {
		{ "empty", 0, EMPTY, NULL },
		{ "digits", 9, DIGITS, NULL },
	};
	struct world *w = *state;
	struct err e;
	int64_t bytes;

	assert_int_equal(w_put(w, w->store, ID "/empty", ""), ERR_NONE);
	assert_int_equal(w_put(w, w->store, ID "/digits", "123456789"),
	    ERR_NONE);
	assert_int_equal(prove(w, files, 2, &e, &bytes), ERR_NONE);
	assert_int_equal(bytes, 9);
	assert_int_equal(w_put(w, w->store, ID "/digits", "123456780"),
	    ERR_NONE);
	assert_int_equal(prove(w, files, 2, &e, &bytes), ERR_CORRUPT);
	assert_non_null(strstr(e.msg, "digits"));
	assert_non_null(strstr(e.msg, "SHA-256"));
	assert_int_equal(w_put(w, w->store, ID "/digits", "1234567890"),
	    ERR_NONE);
	assert_int_equal(prove(w, files, 2, &e, &bytes), ERR_CORRUPT);
	assert_non_null(strstr(e.msg, "size"));
	/* The store's own digest does not excuse a wrong size. */
	files[1].proof = &lie;
	assert_int_equal(prove(w, files, 2, &e, &bytes), ERR_CORRUPT);
	files[1].proof = NULL;
	assert_int_equal(w_remove(w, w->store, ID "/digits"), ERR_NONE);
	assert_int_equal(prove(w, files, 2, &e, &bytes), ERR_CORRUPT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_seal),
		T(test_unclear),
		T(test_seal_without_condition),
		T(test_prove),
	};

	return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
