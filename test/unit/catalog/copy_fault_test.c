/*
 * copy_fault_test.c - a copy whose first operation fails, then its second, and
 * so on; given up at every moment; two at once; and after a crash.
 */
#include "unit/catalog/copying.h"

#define LIMIT 400

/* Whatever became of it, nothing that is not whole is sealed, and one that
 * comes later gets it there. */
static void
check_settled(struct copying *c)
{
	if (cp_is_sealed(c))
		cp_check_same(c);
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_NONE);
	cp_check_same(c);
	cp_forget(c);
}

static void
forget_marks(struct copying *c)
{
	char *text = xstrdup(cp_files(c, c->w->store)), *at, *next;

	for (at = text; *at != '\0'; at = next) {
		next = strchr(at, '\n') + 1;
		at[strcspn(at, " ")] = '\0';
		if (strstr(at, "/.pin-") != NULL ||
		    strstr(at, "/.suspect") != NULL)
			assert_int_equal(w_remove(c->w, c->w->store, at),
			    ERR_NONE);
	}
	free(text);
}

static void
test_target_faults(void **state)
{
	struct copying *c = *state;
	bool is_over, has_no_if_absent = false;
	unsigned n;

	cp_plant(c, false);
	do {
		for (n = 1, is_over = false; !is_over; n++) {
			struct scripted *s = sc_open(c->w, c->to);

			s->fail_at = n;
			s->has_no_if_absent = has_no_if_absent;
			cp_start(c, c->w->store, &s->base, "dead-1", false);
			is_over = cp_wait(c) == ERR_NONE && s->ops < n;
			assert_int_equal(c->err.code == ERR_NONE,
			    cp_is_sealed(c));
			assert_null(strstr(cp_files(c, c->w->store),
			    "/."
			    "pin-"));
			assert_false(w_exists(c->w, ID "/.suspect"));
			s->fail_at = 0;
			check_settled(c);
			store_close(&s->base);
			assert_true(n < LIMIT);
		}
		assert_true(n > 20);
		has_no_if_absent = !has_no_if_absent;
	} while (has_no_if_absent);
}

static void
test_source_faults(void **state)
{
	struct copying *c = *state;
	bool is_over;
	unsigned n;

	cp_plant(c, false);
	for (n = 1, is_over = false; !is_over; n++) {
		struct scripted *s = sc_open(c->w, c->w->store);

		s->fail_at = n;
		cp_start(c, &s->base, c->to, "run-1", false);
		is_over = cp_wait(c) == ERR_NONE && s->ops < n;
		/* It cannot be read: that is no word on whether it is whole. */
		assert_false(w_exists(c->w, ID "/.suspect"));
		if (c->err.code == ERR_NONE)
			assert_true(cp_is_sealed(c));
		else
			assert_string_equal(cp_files(c, c->to), "");
		forget_marks(c);
		check_settled(c);
		store_close(&s->base);
		assert_true(n < LIMIT);
	}
	assert_true(n > 10);
}

/* Given up after so many turns of the loop: done or nothing, and one answer. */
static void
test_cancel_turns(void **state)
{
	struct copying *c = *state;
	unsigned turns, i, canceled = 0;
	bool is_over = false;

	cp_plant(c, false);
	for (turns = 0; !is_over; turns++) {
		cp_start(c, c->w->store, c->to, "run-1", false);
		for (i = 0; i < turns && c->answers == 0; i++)
			(void)uv_run(&c->w->loop, UV_RUN_ONCE);
		is_over = c->answers > 0;
		if (!is_over)
			catalog_copy_cancel(c->copy);
		(void)cp_wait(c);
		if (c->err.code == ERR_NONE) {
			cp_check_same(c);
			cp_forget(c);
		} else {
			assert_int_equal(c->err.code, ERR_CANCELED);
			cp_check_nothing(c);
			canceled++;
		}
		assert_true(turns < LIMIT);
	}
	assert_true(canceled > 20);
}

/* Given up while it waits to go on, and by who is told of a phase. */
static void
cancel_at(struct copying *c, enum catalog_copy_phase phase)
{
	if (phase == *(enum catalog_copy_phase *)c->more)
		catalog_copy_cancel(c->copy);
}

static void
test_cancel_phases(void **state)
{
	struct copying *c = *state;
	enum catalog_copy_phase phase;
	unsigned turns;

	cp_plant(c, false);
	c->more = &phase;
	c->at_phase = cancel_at;
	for (phase = CATALOG_COPY_PIN; phase <= CATALOG_COPY_SEALING; phase++) {
		assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_CANCELED);
		assert_int_equal(c->phases, (2u << phase) - 1);
		cp_check_nothing(c);
	}
	/* Held at its first phase it does nothing. */
	c->at_phase = NULL;
	c->is_held = true;
	cp_start(c, c->w->store, c->to, "run-1", false);
	for (turns = 0; turns < 5; turns++)
		(void)uv_run(&c->w->loop, UV_RUN_NOWAIT);
	assert_int_equal(c->phases, 1);
	assert_null(strstr(cp_files(c, c->w->store), "/.pin-"));
	catalog_copy_cancel(c->copy);
	catalog_copy_cancel(c->copy);
	assert_int_equal(cp_wait(c), ERR_CANCELED);
	cp_check_nothing(c);
}

/* While the seal is under way its outcome is the answer. */
static void
cancel_seal(void *arg, const char *what, const char *key)
{
	struct copying *c = arg;

	if (strcmp(what, "put") == 0 && sc_is(key, MANIFEST_NAME))
		catalog_copy_cancel(c->copy);
}

static void
test_cancel_seal(void **state)
{
	struct copying *c = *state;
	struct scripted *s = sc_open(c->w, c->to);

	cp_plant(c, false);
	s->before = cancel_seal;
	s->before_arg = c;
	assert_int_equal(cp_copy(c, c->w->store, &s->base), ERR_NONE);
	cp_check_same(c);
	store_close(&s->base);
}

static void
go_but_claim(struct copying *c, enum catalog_copy_phase phase)
{
	if (phase != CATALOG_COPY_CLAIM)
		catalog_copy_go(c->copy);
}

/* Both stand before the claim; then both go. */
static void
meet(struct copying *c, struct copying *d)
{
	while ((c->phases & d->phases & 1u << CATALOG_COPY_CLAIM) == 0)
		(void)uv_run(&c->w->loop, UV_RUN_ONCE);
	catalog_copy_go(c->copy);
	catalog_copy_go(d->copy);
}

/* Two at once, of one process: the second waits and finds it there.  Of two:
 * one gets it, the other is told. */
static void
test_two(void **state)
{
	struct copying *c = *state, d = *c;
	char *path = file_join(c->w->dir, "second");
	struct store *again = w_fs_open(c->w, "again", path);
	unsigned i;

	cp_plant(c, false);
	for (i = 0; i < 4; i++) {
		struct scripted *s = sc_open(c->w, c->to),
				*t = sc_open(c->w,
				    (i & 1) != 0 ? again : c->to);

		s->has_no_if_absent = t->has_no_if_absent = (i & 2) != 0;
		c->is_held = d.is_held = true;
		c->at_phase = d.at_phase = go_but_claim;
		cp_start(c, c->w->store, &s->base, "run-1", false);
		cp_start(&d, c->w->store, &t->base, "run-2", false);
		meet(c, &d);
		(void)cp_wait(&d);
		(void)cp_wait(c);
		if ((i & 1) == 0) {
			assert_int_equal(c->err.code, ERR_NONE);
			assert_int_equal(d.err.code, ERR_NONE);
			assert_true(c->was_there != d.was_there);
		} else if (i == 1) {
			/* One sends it; the other is refused, or so late that
			 * it finds it there. */
			assert_true((c->err.code == ERR_NONE &&
					!c->was_there) !=
			    (d.err.code == ERR_NONE && !d.was_there));
		}
		if (c->err.code != ERR_NONE)
			assert_int_equal(c->err.code, ERR_CONFLICT);
		if (d.err.code != ERR_NONE)
			assert_int_equal(d.err.code, ERR_CONFLICT);
		c->is_held = false;
		c->at_phase = NULL;
		check_settled(c);
		store_close(&s->base);
		store_close(&t->base);
	}
	store_close(again);
	free(path);
}

/* What a copy of ours left that was killed is no obstacle. */
static void
test_leftovers(void **state)
{
	struct copying *c = *state;

	cp_plant(c, false);
	w_plant(c->w, "second/" ID "/.claim",
	    "{\"instance\":\"inst\",\"run\":\"dead-1\"}");
	w_plant(c->w, "second/" ID "/a.tar.gz", "of another");
	w_plant(c->w, "second/" ID "/gone.tar.gz", "of another");
	w_plant(c->w, "second/" ID "/zz.rdb.rbtmp-Ab12Cd", "half");
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_NONE);
	cp_check_same(c);
	assert_false(w_exists(c->w, "second/" ID "/gone.tar.gz"));
	assert_false(w_exists(c->w, "second/" ID "/zz.rdb.rbtmp-Ab12Cd"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, cp_setup, cp_teardown)
		T(test_target_faults),
		T(test_source_faults),
		T(test_cancel_turns),
		T(test_cancel_phases),
		T(test_cancel_seal),
		T(test_two),
		T(test_leftovers),
	};

	return cmocka_run_group_tests_name("copy_fault", tests, NULL, NULL);
}
