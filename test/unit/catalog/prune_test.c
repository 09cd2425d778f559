/* prune_test.c - what goes from a store, in which order, and what never. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/catalog/snapshots.h"

static const char *const shown[] = { "id", "verdict", "deleted", "reason" };

static json_t *
prune(struct world *w, struct store *s, unsigned last, bool is_dry_run)
{
	struct retention_policy policy = { .last = last };
	struct listed l = { 0 };

	catalog_prune(w->env, s, "a", &policy, is_dry_run, on_listed, &l);
	return wait_list(w, &l);
}

static void
test_last(void **state)
{
	struct world *w = *state;
	json_t *l;

	plant_snapshot(w, "20260101-000000", "a", NULL);
	plant_snapshot(w, "20260102-000000", "a", NULL);
	plant_in(w, "20260102-000000", "x.rbtmp-Ab12Cd", "half");
	plant_snapshot(w, "20260103-000000", "a", NULL);
	plant_snapshot(w, "20260104-000000", "a", NULL);
	plant_snapshot(w, "20250101-000000", "other", NULL);
	plant_in(w, "20250418-085317", "kg.tar.gz", "123456789");
	plant_in(w, "20250418-085317", MANIFEST_NAME,
	    "15e2b0d3c33891ebb0f1ef"
	    "609ec419420c20e320ce94c65fbc8c3312448eb225  kg.tar.gz\n");
	l = prune(w, w->store, 2, true);
	assert_string_equal(lines_of(l, shown, 4),
	    "20260104-000000 keep no one of the last 2\n"
	    "20260103-000000 keep no one of the last 2\n"
	    "20260102-000000 delete no no rule keeps it\n"
	    "20260101-000000 delete no no rule keeps it\n");
	json_decref(l);
	assert_true(w_exists(w, "20260101-000000/MANIFEST.sha256"));
	l = prune(w, w->store, 2, false);
	assert_string_equal(lines_of(l, shown, 3),
	    "20260104-000000 keep no\n"
	    "20260103-000000 keep no\n"
	    "20260102-000000 delete yes\n"
	    "20260101-000000 delete yes\n");
	json_decref(l);
	/* Nothing of them stays; the others were not touched. */
	assert_string_equal(w_list(w, w->store, "", false),
	    "20250101-000000/ -\n20250418-085317/ -\n20260103-000000/ -\n"
	    "20260104-000000/ -\n");
	assert_false(w_exists(w, "20260102-000000"));
}

static void
test_order(void **state)
{
	struct world *w = *state;
	struct scripted *s = sc_open(w, w->store);
	struct waited a = { 0 };
	const char *at, *log;
	size_t i;
	static const char *const order[] = {
		"remove 20260101-000000/MANIFEST.sha256",
		"stat 20260101-000000/MANIFEST.sha256",
		"remove 20260101-000000/d.tar.gz",
		"remove 20260101-000000/.claim\n"
	};

	plant_snapshot(w, "20260101-000000", "a", NULL);
	catalog_remove(&s->base, "20260101-000000", w_on_done, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	log = buf_str(&s->log);
	for (i = 0; i < COUNT_OF(order); i++) {
		assert_non_null(at = strstr(log, order[i]));
		log = at;
	}
	assert_string_equal(w_list(w, w->store, "", true), "");
	/* A manifest that does not go: nothing else goes either. */
	plant_snapshot(w, "20260102-000000", "a", NULL);
	s->remove_key = MANIFEST_NAME;
	memset(&a, 0, sizeof(a));
	catalog_remove(&s->base, "20260102-000000", w_on_done, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_IO);
	assert_true(w_exists(w, "20260102-000000/d.tar.gz"));
	assert_true(w_exists(w, "20260102-000000/.claim"));
	store_close(&s->base);
}

static void
test_spared(void **state)
{
	struct world *w = *state;
	json_t *l;

	/* 05 needs 01; 02 is read; 03 is suspect; 04 is broken. */
	plant_snapshot(w, "20260101-000000", "a", NULL);
	plant_snapshot(w, "20260102-000000", "a", NULL);
	plant_in(w, "20260102-000000", ".pin-1", "{\"by\":\"verify 3\"}");
	plant_snapshot(w, "20260103-000000", "a", NULL);
	plant_in(w, "20260103-000000", ".suspect", "");
	plant_snapshot(w, "20260104-000000", "a", NULL);
	plant_in(w, "20260104-000000", "d.tar.gz", "x");
	plant_snapshot(w, "20260105-000000", "a", "20260101-000000");
	plant_snapshot(w, "29990101-000000", "a", NULL);
	l = prune(w, w->store, 1, false);
	assert_string_equal(lines_of(l, shown, 4),
	    "29990101-000000 keep no dated in the future\n"
	    "20260105-000000 keep no the last one\n"
	    "20260104-000000 skip no cannot be read\n"
	    "20260103-000000 skip no suspect\n"
	    "20260102-000000 skip no in use by verify 3\n"
	    "20260101-000000 keep no needed by 20260105-000000\n");
	json_decref(l);
	assert_true(w_exists(w, "20260101-000000/MANIFEST.sha256"));
	assert_true(w_exists(w, "20260104-000000/MANIFEST.sha256"));
}

/* A reader comes after the list was made, before the deletion. */
struct late_pin {
	struct world *w;
	unsigned looks;
};

static void
pin_late(void *arg, const char *what, const char *key)
{
	struct late_pin *p = arg;

	if (strcmp(what, "list") == 0 && strcmp(key, "20260102-000000/") == 0 &&
	    ++p->looks == 2)
		plant_in(p->w, "20260102-000000", ".pin-9", "{\"by\":\"r\"}");
}

static void
test_late_pin(void **state)
{
	struct world *w = *state;
	struct scripted *s = sc_open(w, w->store);
	struct retention_policy policy = { .last = 1 };
	struct late_pin late = { w, 0 };
	struct listed l = { 0 };

	/* 02 needs 01: it is spared, so 01 is as well. */
	plant_snapshot(w, "20260101-000000", "a", NULL);
	plant_snapshot(w, "20260102-000000", "a", "20260101-000000");
	plant_snapshot(w, "20260103-000000", "a", NULL);
	s->before = pin_late;
	s->before_arg = &late;
	catalog_prune(w->env, &s->base, "a", &policy, false, on_listed, &l);
	(void)wait_list(w, &l);
	assert_string_equal(lines_of(l.list, shown, 4),
	    "20260103-000000 keep no the last one\n"
	    "20260102-000000 skip no in use by r\n"
	    "20260101-000000 skip no needed by 20260102-000000\n");
	json_decref(l.list);
	assert_true(w_exists(w, "20260101-000000/MANIFEST.sha256"));
	store_close(&s->base);
}

/* What the store does not let go is skipped, with all that it needs. */
static void
test_refused(void **state)
{
	struct world *w = *state;
	struct scripted *s = sc_open(w, w->store);
	json_t *l;

	plant_snapshot(w, "20260101-000000", "a", NULL);
	plant_snapshot(w, "20260102-000000", "a", "20260101-000000");
	plant_snapshot(w, "20260103-000000", "a", NULL);
	plant_snapshot(w, "20260104-000000", "a", NULL);
	plant_snapshot(w, "20260105-000000", "a", NULL);
	s->remove_key = "20260102-000000/" MANIFEST_NAME;
	s->remove_code = ERR_PERMISSION;
	l = prune(w, &s->base, 1, false);
	assert_string_equal(lines_of(l, shown, 3),
	    "20260105-000000 keep no\n"
	    "20260104-000000 delete yes\n"
	    "20260103-000000 delete yes\n"
	    "20260102-000000 skip no\n"
	    "20260101-000000 skip no\n");
	assert_non_null(strstr(lines_of(l, shown, 4), "its store refuses"));
	assert_non_null(strstr(lines_of(l, shown, 4), "needed by 20260102"));
	assert_null(json_get_str(json_array_get(l, 3), "error", NULL));
	json_decref(l);
	assert_true(w_exists(w, "20260102-000000/d.tar.gz"));
	/* Half gone is no skip: it is no snapshot any more. */
	s->remove_key = "20260102-000000/d.tar.gz";
	l = prune(w, &s->base, 1, false);
	assert_string_equal(json_get_str(json_array_get(l, 1), "verdict", ""),
	    "delete");
	assert_non_null(json_get_str(json_array_get(l, 1), "error", NULL));
	json_decref(l);
	store_close(&s->base);
}

static bool
is_final(void *arg, const char *run)
{
	(void)arg;
	return strncmp(run, "over", 4) == 0;
}

/*
 * Where folders do not exist by themselves: what never became an object is
 * swept while the claim still names the folder as ours, and the claim is the
 * last object to go.
 */
static void
test_collect_order(void **state)
{
	static const char *const order[] = { "remove 20260101-000000/MANIFEST",
		"remove 20260101-000000/d.tar.gz", "sweep 20260101-000000/\n",
		"remove 20260101-000000/.claim\n", "sweep \n" };
	struct world *w = *state;
	struct scripted *s = sc_open(w, w->store);
	struct listed l = { 0 };
	const char *log;
	size_t i;

	plant_claim(w, "20260101-000000", ".claim", "inst", "over-1");
	plant_in(w, "20260101-000000", "d.tar.gz", "half");
	plant_claim(w, "20260104-000000", ".claim", "another", "over-2");
	plant_in(w, "20260105-000000", "d.tar.gz", "no claim");
	plant_claim(w, "20260106-000000", ".claim", "inst", "running");
	catalog_collect(w->env, &s->base, "inst", is_final, 7 * 86400000,
	    on_listed, &l);
	json_decref(wait_list(w, &l));
	for (i = 0, log = buf_str(&s->log); i < COUNT_OF(order); i++)
		assert_non_null(log = strstr(log, order[i]));
	/* Others' uploads are theirs; those of a run of ours go by age. */
	log = buf_str(&s->log);
	assert_null(strstr(log, "sweep 20260104"));
	assert_null(strstr(log, "sweep 20260105"));
	assert_non_null(strstr(log, "sweep 20260106-000000/\n"));
	assert_null(strstr(log, "remove 20260106"));
	store_close(&s->base);
}

/* As a writer that still lives holds it. */
static int
lock_file(struct world *w, const char *name)
{
	char *path = file_join(w->dir, name);
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(fd != -1);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	free(path);
	return fd;
}

static void
plant_empty(struct world *w, const char *name, int64_t age_s)
{
	char *path = file_join(w->dir, name);

	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
	make_old(w, name, age_s);
}

static void
test_collect(void **state)
{
	static const char *const went[] = { "id", "run", "deleted", "reason" };
	struct world *w = *state;
	struct listed l = { 0 };
	int fd;

	plant_claim(w, "20260101-000000", ".claim", "inst", "over-1");
	plant_in(w, "20260101-000000", "d.tar.gz", "half");
	plant_in(w, "20260101-000000", "e.tar.gz.rbtmp-Ab12Cd", "half");
	plant_claim(w, "20260102-000000", ".claim", "inst", "running");
	plant_in(w, "20260102-000000", "e.tar.gz.rbtmp-Ab12Cd", "half");
	plant_claim(w, "20260103-000000", ".claim", "inst", "unknown");
	make_old(w, "20260103-000000/.claim", 9 * 86400);
	/* Foreign in one way or another, however old. */
	plant_claim(w, "20260104-000000", ".claim", "another", "over-2");
	plant_in(w, "20260104-000000", "x.rbtmp-Ab12Cd", "half");
	make_old(w, "20260104-000000/x.rbtmp-Ab12Cd", 99 * 86400);
	make_old(w, "20260104-000000/.claim", 99 * 86400);
	plant_in(w, "20260105-000000", "d.tar.gz", "no claim");
	plant_in(w, "20260106-000000", ".claim", "not JSON");
	plant_in(w, "photos", "d.tar.gz", "mine");
	plant_claim(w, "20260107-000000", ".claim-1", "inst", "over-3");
	plant_claim(w, "20260107-000000", ".claim-2", "another", "over-4");
	plant_claim(w, "20260108-000000", ".claim-1", "inst", "over-5");
	plant_claim(w, "20260108-000000", ".claim-2", "inst", "running");
	/* Sealed: only an old temporary file goes. */
	plant_snapshot(w, "20260109-000000", "a", NULL);
	plant_claim(w, "20260109-000000", ".claim", "inst", "over-6");
	plant_in(w, "20260109-000000", "x.rbtmp-Ab12Cd", "half");
	make_old(w, "20260109-000000/x.rbtmp-Ab12Cd", 9 * 86400);
	/* A claim that was never whole: its writer is dead, alive, or young. */
	plant_in(w, "20260110-000000", ".claim.rbtmp-Ab12Cd", "half");
	make_old(w, "20260110-000000/.claim.rbtmp-Ab12Cd", 60);
	plant_in(w, "20260111-000000", ".claim.rbtmp-Ab12Cd", "half");
	make_old(w, "20260111-000000/.claim.rbtmp-Ab12Cd", 60);
	fd = lock_file(w, "20260111-000000/.claim.rbtmp-Ab12Cd");
	plant_in(w, "20260112-000000", ".claim.rbtmp-Ab12Cd", "half");
	/* A removal that died before its last step; somebody's empty folder. */
	plant_empty(w, "20260113-000000", 60);
	plant_empty(w, "20260114-000000", 0);
	plant_empty(w, "album", 60);
	catalog_collect(w->env, w->store, "inst", is_final, 7 * 86400000,
	    on_listed, &l);
	(void)wait_list(w, &l);
	assert_false(w_exists(w, "20260113-000000"));
	assert_true(w_exists(w, "20260114-000000"));
	assert_true(w_exists(w, "album"));
	assert_int_equal(close(fd), 0);
	assert_false(w_exists(w, "20260110-000000"));
	assert_true(w_exists(w, "20260111-000000/.claim.rbtmp-Ab12Cd"));
	assert_true(w_exists(w, "20260112-000000/.claim.rbtmp-Ab12Cd"));
	assert_string_equal(lines_of(l.list, went, 4),
	    "20260103-000000 unknown yes untouched for too long\n"
	    "20260101-000000 over-1 yes its run is over\n");
	json_decref(l.list);
	assert_false(w_exists(w, "20260101-000000"));
	assert_true(w_exists(w, "20260102-000000/e.tar.gz.rbtmp-Ab12Cd"));
	assert_false(w_exists(w, "20260103-000000"));
	assert_true(w_exists(w, "20260104-000000/x.rbtmp-Ab12Cd"));
	assert_true(w_exists(w, "20260105-000000/d.tar.gz"));
	assert_true(w_exists(w, "20260106-000000/.claim"));
	assert_true(w_exists(w, "photos/d.tar.gz"));
	assert_true(w_exists(w, "20260107-000000/.claim-1"));
	assert_true(w_exists(w, "20260108-000000/.claim-1"));
	assert_true(w_exists(w, "20260109-000000/MANIFEST.sha256"));
	assert_false(w_exists(w, "20260109-000000/x.rbtmp-Ab12Cd"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_last),
		T(test_order),
		T(test_spared),
		T(test_late_pin),
		T(test_refused),
		T(test_collect),
		T(test_collect_order),
	};

	return cmocka_run_group_tests_name("prune", tests, NULL, NULL);
}
