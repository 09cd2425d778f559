/*
 * copy_crash_test.c - a copy killed at its first crash point, then its second,
 * and so on: what is in the target is whole or no snapshot, the source is as it
 * was, and the next run gets it there, or collects what was left.
 *
 * Needs a build with test hooks.  The program runs itself for each life.
 */
#include "unit/catalog/copying.h"

#include <signal.h>
#include <sys/wait.h>

#define LIMIT 200

static const char *self;

static struct copying *
open_at(const char *dir)
{
	struct copying *c = xcalloc(1, sizeof(*c));
	struct world *w = xcalloc(1, sizeof(*w));
	struct err e;
	char *path;

	(void)alarm(60);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->env = env_new(&w->loop);
	(void)snprintf(w->dir, sizeof(w->dir), "%s", dir);
	w->cfg = json_object();
	w->store = w_fs_open(w, "local", w->dir);
	path = file_join(dir, "second");
	c->w = w;
	c->to = w_fs_open(w, "second", path);
	assert_int_equal(w_check(w, c->to, &e), ERR_NONE);
	free(path);
	c->pool = work_pool_new(&w->loop, 1);
	return c;
}

static int
close_it(struct copying *c)
{
	struct world *w = c->w;

	store_close(c->to);
	store_close(w->store);
	work_pool_free(c->pool);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	env_free(w->env);
	json_decref(w->cfg);
	free(w);
	free(c);
	return 0;
}

/* The life that ends at a crash point. */
static int
live(const char *dir, const char *mode)
{
	struct copying *c = open_at(dir);
	bool is_claimed = strcmp(mode, "claimed") == 0;

	plant_snapshot(c->w, ID, "job", NULL);
	if (strcmp(mode, "fresh") != 0) {
		w_plant(c->w, "second/" ID "/.claim",
		    "{\"instance\":\"inst\",\"run\":\"dead-1\"}");
		w_plant(c->w, "second/" ID "/d.tar.gz", "half");
		w_plant(c->w, "second/" ID "/old.rbtmp-Ab12Cd", "half");
	}
	cp_start(c, c->w->store, c->to, is_claimed ? "dead-1" : "dead-2",
	    is_claimed);
	assert_int_equal(cp_wait(c), ERR_NONE);
	return close_it(c);
}

/* The dead reader's mark stays for a day; else nothing has changed. */
static void
check_source(struct copying *c)
{
	static const char *const keys[] = { "id", "error", "suspect" };
	struct listed l = { 0 };

	catalog_list(c->w->store, "job", on_listed, &l);
	assert_string_equal(lines_of(wait_list(c->w, &l), keys, 3),
	    ID " - no\n");
	json_decref(l.list);
}

static void
check_target(struct copying *c, bool is_sealed)
{
	static const char *const keys[] = { "id", "error", "suspect" };
	struct listed l = { 0 };

	catalog_list(c->to, NULL, on_listed, &l);
	assert_string_equal(lines_of(wait_list(c->w, &l), keys, 3),
	    is_sealed ? ID " - no\n" : "");
	json_decref(l.list);
}

/* The life after it. */
static int
check(const char *dir, const char *what)
{
	struct copying *c = open_at(dir);
	bool is_sealed = cp_is_sealed(c);
	struct listed l = { 0 };

	check_source(c);
	check_target(c, is_sealed);
	if (strcmp(what, "collect") == 0) {
		catalog_collect(c->w->env, c->to, "inst", cp_is_final, 1000,
		    on_listed, &l);
		json_decref(wait_list(c->w, &l));
		check_target(c, is_sealed);
		assert_int_equal(w_exists(c->w, "second/" ID "/.claim"),
		    is_sealed);
		assert_int_equal(w_exists(c->w, "second/" ID "/d.tar.gz"),
		    is_sealed);
	}
	cp_start(c, c->w->store, c->to, "run-3", false);
	assert_int_equal(cp_wait(c), ERR_NONE);
	assert_int_equal(c->was_there, is_sealed);
	check_source(c);
	check_target(c, true);
	assert_string_equal(w_get(c->w, c->to, ID "/d.tar.gz"), "data");
	return close_it(c);
}

static int
run(const char *what, const char *dir, const char *mode, unsigned crash_at)
{
	char at[16];
	pid_t pid;
	int status;

	(void)snprintf(at, sizeof(at), "%u", crash_at);
	assert_int_not_equal(pid = fork(), -1);
	if (pid == 0) {
		if (crash_at > 0)
			(void)setenv("RAGBACKUP_CRASH_AT", at, 1);
		(void)execl(self, self, what, dir, mode, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
sweep(const char *mode)
{
	static const char *const after[] = { "again", "collect" };
	char dir[64] = "";
	bool is_over = false;
	unsigned n, i;
	int status;

	for (n = 1; !is_over; n++)
		for (i = 0; i < COUNT_OF(after); i++) {
			(void)snprintf(dir, sizeof(dir),
			    "/tmp/rb-crash-XXXXXX");
			assert_non_null(mkdtemp(dir));
			status = run("live", dir, mode, n);
			is_over = WIFEXITED(status);
			if (is_over)
				assert_int_equal(WEXITSTATUS(status), 0);
			else
				assert_int_equal(WTERMSIG(status), SIGKILL);
			status = run("check", dir, after[i], 0);
			if (status != 0)
				fail_msg("%s: killed at point %u, then '%s'",
				    mode, n, after[i]);
			assert_int_equal(file_remove_tree(dir, NULL), 0);
			assert_true(n < LIMIT);
		}
	assert_true(n > 15);
}

#ifdef RAGBACKUP_TEST_HOOKS
#define NEEDS_HOOKS() ((void)0)
#else
#define NEEDS_HOOKS() skip()
#endif

static void
test_fresh(void **state)
{
	(void)state;
	NEEDS_HOOKS();
	sweep("fresh");
}

static void
test_leftovers(void **state)
{
	(void)state;
	NEEDS_HOOKS();
	sweep("leftovers");
}

static void
test_claimed(void **state)
{
	(void)state;
	NEEDS_HOOKS();
	sweep("claimed");
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_leftovers),
		cmocka_unit_test(test_claimed),
	};

	self = argv[0];
	if (argc == 4 && strcmp(argv[1], "live") == 0)
		return live(argv[2], argv[3]);
	if (argc == 4)
		return check(argv[2], argv[3]);
	return cmocka_run_group_tests_name("copy_crash", tests, NULL, NULL);
}
