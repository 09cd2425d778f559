/* copy_test.c - a snapshot sent to another store: whole, or nothing of it. */
#include "unit/catalog/copying.h"

static void
test_copy(void **state)
{
	struct copying *c = *state;

	cp_plant(c, false);
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_NONE);
	assert_int_equal(c->phases, 31);
	assert_false(c->was_there);
	assert_true(c->bytes > (int64_t)CP_BIG);
	cp_check_same(c);
	assert_non_null(strstr(w_get(c->w, c->to, ID "/.claim"), "run-copy"));
	/* Again: it is there. */
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_NONE);
	assert_true(c->was_there);
	assert_int_equal(c->bytes, 0);
	cp_check_same(c);
}

/* The runbook's own: the files of the manifest, which stays as it is. */
static void
test_legacy(void **state)
{
	struct copying *c = *state;

	cp_plant(c, true);
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_NONE);
	cp_check_same(c);
	assert_false(w_exists(c->w, "second/" ID "/" SNAPSHOT_JSON_NAME));
	assert_non_null(strchr(w_get(c->w, c->to, ID "/" MANIFEST_NAME), '*'));
}

/* The order in which it lands is a run's: what describes it comes last. */
static void
test_order(void **state)
{
	static const char *const order[] = { "put " ID "/.claim\n",
		"put " ID "/a.tar.gz\n", "put " ID "/zz.rdb\n",
		"put " ID "/README.md\n", "put " ID "/snapshot.json\n",
		"put " ID "/MANIFEST.sha256\n" };
	struct copying *c = *state;
	struct scripted *s = sc_open(c->w, c->to);
	const char *log;
	size_t i;

	cp_plant(c, false);
	assert_int_equal(cp_copy(c, c->w->store, &s->base), ERR_NONE);
	for (i = 0, log = buf_str(&s->log); i < COUNT_OF(order); i++)
		assert_non_null(log = strstr(log, order[i]));
	store_close(&s->base);
}

/* What stands in the target is never touched. */
static void
test_there_already(void **state)
{
	struct copying *c = *state;
	char *before;

	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_NOT_FOUND);
	cp_check_nothing(c);
	cp_plant(c, false);
	w_plant(c->w, "second/" ID "/d.tar.gz", "else");
	w_plant(c->w, "second/" ID "/" MANIFEST_NAME,
	    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	    "  d.tar.gz\n");
	before = xstrdup(cp_files(c, c->to));
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_EXISTS);
	assert_non_null(strstr(c->err.msg, "'local'"));
	assert_non_null(strstr(c->err.msg, "'second'"));
	assert_string_equal(cp_files(c, c->to), before);
	free(before);
	cp_forget(c);
	/* Somebody is at it, or was. */
	w_plant(c->w, "second/" ID "/.claim",
	    "{\"instance\":\"another\",\"run\":\"dead-1\"}");
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_CONFLICT);
	assert_string_equal(cp_files(c, c->to), ID "/.claim 37\n");
	cp_forget(c);
	/* Damaged there: not taken for a success. */
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_NONE);
	w_plant(c->w, "second/" ID "/.suspect", "{}");
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_CORRUPT);
	assert_true(cp_is_sealed(c));
	assert_false(w_exists(c->w, ID "/.suspect"));
}

static void
test_source_damaged(void **state)
{
	static const char *const files[] = { "a.tar.gz", "zz.rdb",
		SNAPSHOT_JSON_NAME };
	struct copying *c = *state;
	struct scripted *s = sc_open(c->w, c->w->store);
	size_t i;

	for (i = 0; i < 2 * COUNT_OF(files); i++) {
		const char *file = files[i % COUNT_OF(files)];

		cp_plant(c, false);
		s->flip_key = i < COUNT_OF(files) ? file : NULL;
		s->get_key = file;
		s->get_code = i % 2 == 0 ? ERR_CORRUPT : ERR_NOT_FOUND;
		s->get_faults = i < COUNT_OF(files) ? 0 : 1;
		assert_int_equal(cp_copy(c, &s->base, c->to), ERR_CORRUPT);
		assert_non_null(strstr(c->err.msg, file));
		cp_check_nothing(c);
		assert_non_null(strstr(w_get(c->w, c->w->store, ID "/.suspect"),
		    file));
		assert_int_equal(w_remove(c->w, c->w->store, ID "/.suspect"),
		    ERR_NONE);
	}
	/* One that is not there at all; a manifest that is none. */
	assert_int_equal(w_remove(c->w, c->w->store, ID "/zz.rdb"), ERR_NONE);
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_CORRUPT);
	assert_true(w_exists(c->w, ID "/.suspect"));
	plant_in(c->w, ID, MANIFEST_NAME, "?");
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_CORRUPT);
	cp_check_nothing(c);
	/* Trouble is not damage. */
	cp_plant(c, false);
	assert_int_equal(w_remove(c->w, c->w->store, ID "/.suspect"), ERR_NONE);
	s->get_code = ERR_TIMEOUT;
	s->get_faults = 1;
	assert_int_equal(cp_copy(c, &s->base, c->to), ERR_TIMEOUT);
	assert_false(w_exists(c->w, ID "/.suspect"));
	store_close(&s->base);
}

/* Somebody removes the source's snapshot by force, in the middle. */
static void
remove_source(void *arg, const char *what, const char *key)
{
	struct copying *c = arg;
	char *path;

	if (strcmp(what, "get") != 0 || strstr(key, "zz.rdb") == NULL)
		return;
	path = file_join(c->w->dir, ID);
	assert_int_equal(file_remove_tree(path, NULL), 0);
	free(path);
}

static void
test_source_gone(void **state)
{
	struct copying *c = *state;
	struct scripted *s = sc_open(c->w, c->w->store);

	cp_plant(c, false);
	s->before = remove_source;
	s->before_arg = c;
	assert_int_equal(cp_copy(c, &s->base, c->to), ERR_NOT_FOUND);
	cp_check_nothing(c);
	assert_false(w_exists(c->w, ID));
	store_close(&s->base);
}

/* Retention of the source, each time a phase is entered. */
static void
prune_source(struct copying *c, enum catalog_copy_phase phase)
{
	static const char *const keys[] = { "verdict", "reason" };
	struct retention_policy one = { .last = 1 };
	struct listed l = { 0 };

	if (phase == CATALOG_COPY_PIN)
		return;
	catalog_prune(c->w->env, c->w->store, "job", &one, false, on_listed,
	    &l);
	(void)wait_list(c->w, &l);
	assert_string_equal(lines_of(l.list, keys, 2),
	    "keep the last one\nskip in use by copy by inst\n");
	json_decref(l.list);
}

static void
test_pruned_meanwhile(void **state)
{
	struct copying *c = *state;
	struct retention_policy one = { .last = 1 };
	struct listed l = { 0 };

	cp_plant(c, false);
	plant_snapshot(c->w, "20260201-000000", "job", NULL);
	c->at_phase = prune_source;
	assert_int_equal(cp_copy(c, c->w->store, c->to), ERR_NONE);
	cp_check_same(c);
	catalog_prune(c->w->env, c->w->store, "job", &one, false, on_listed,
	    &l);
	json_decref(wait_list(c->w, &l));
	assert_false(w_exists(c->w, ID));
}

/* The run holds the id there; what it left is swept, its claim stays. */
static void
test_claimed(void **state)
{
	static const char claim[] = "{\"instance\":\"inst\",\"run\":\"run-7\"}";
	struct copying *c = *state;
	struct scripted *s = sc_open(c->w, c->w->store);

	cp_plant(c, false);
	cp_start(c, c->w->store, c->to, "run-7", true);
	assert_int_equal(cp_wait(c), ERR_CONFLICT);
	cp_check_nothing(c);
	w_plant(c->w, "second/" ID "/.claim", claim);
	w_plant(c->w, "second/" ID "/a.tar.gz", "half");
	w_plant(c->w, "second/" ID "/old.tar.gz", "old");
	s->flip_key = "a.tar.gz";
	cp_start(c, &s->base, c->to, "run-7", true);
	assert_int_equal(cp_wait(c), ERR_CORRUPT);
	assert_string_equal(cp_files(c, c->to), ID "/.claim 33\n");
	w_plant(c->w, "second/" ID "/old.tar.gz", "old");
	cp_start(c, c->w->store, c->to, "run-7", true);
	assert_int_equal(cp_wait(c), ERR_NONE);
	cp_check_same(c);
	assert_string_equal(w_get(c->w, c->to, ID "/.claim"), claim);
	assert_false(w_exists(c->w, "second/" ID "/old.tar.gz"));
	/* It had sealed it before it crashed. */
	cp_start(c, c->w->store, c->to, "run-7", true);
	assert_int_equal(cp_wait(c), ERR_NONE);
	assert_true(c->was_there);
	store_close(&s->base);
}

static void
seal_unknown(struct copying *c, bool has_no_if_absent)
{
	struct scripted *s = sc_open(c->w, c->to);

	s->has_no_if_absent = has_no_if_absent;
	s->put_key = s->get_key = MANIFEST_NAME;
	s->put_code = ERR_TIMEOUT;
	s->get_code = ERR_NETWORK;
	s->put_lands = true;
	s->get_faults = 1;
	assert_int_equal(cp_copy(c, c->w->store, &s->base), ERR_NONE);
	assert_int_equal(s->get_faults, 0);
	cp_check_same(c);
	cp_forget(c);
	/* It did not land: no snapshot, and the next one gets it. */
	s->put_lands = false;
	cp_start(c, c->w->store, &s->base, "dead-1", false);
	assert_int_equal(cp_wait(c), ERR_TIMEOUT);
	assert_false(cp_is_sealed(c));
	assert_null(strstr(cp_files(c, c->w->store), "/.pin-"));
	s->put_key = NULL;
	assert_int_equal(cp_copy(c, c->w->store, &s->base), ERR_NONE);
	assert_false(c->was_there);
	cp_check_same(c);
	cp_forget(c);
	store_close(&s->base);
}

static void
test_seal_unknown(void **state)
{
	struct copying *c = *state;

	cp_plant(c, false);
	seal_unknown(c, false);
	seal_unknown(c, true);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, cp_setup, cp_teardown)
		T(test_copy),
		T(test_legacy),
		T(test_order),
		T(test_there_already),
		T(test_source_damaged),
		T(test_source_gone),
		T(test_pruned_meanwhile),
		T(test_claimed),
		T(test_seal_unknown),
	};

	return cmocka_run_group_tests_name("copy", tests, NULL, NULL);
}
