/*
 * hostfs_fault_test.c - the store on a host when things go wrong: connections
 * that are cut, programs that are killed, disks that are full, slow, or fail,
 * writers that race.
 */
#include "unit/store/hostfs_world.h"

#include <errno.h>

#define MB ((int64_t)1000000)

/*
 * Tools that misbehave as long as a file of that name lies beside them: "slow"
 * and "io-error" for sync, "no-links" for ln, "short" for head.
 */
static int
start_faulty(void **state)
{
	(void)state;
	hw_start_tools(
	    "for t in sh awk cat cut dd df find grep id kill ls mkdir mv ps "
	    "rm rmdir sha256sum sleep stat tail tee tr uname date; do "
	    "ln -s $(command -v $t) $D/$t || exit 1; done; "
	    "printf '#!/bin/sh\\n[ ! -e %s/slow ] || sleep 4\\n"
	    "[ ! -e %s/io-error ] || [ $# -eq 0 ] || { "
	    "echo \"sync: error syncing: Input/output error\" >&2; exit 1; }\\n"
	    "exec /bin/sync \"$@\"\\n' $D $D >$D/sync; "
	    "printf '#!/bin/sh\\n[ ! -e %s/no-links ] || { "
	    "echo \"ln: Operation not permitted\" >&2; exit 1; }\\n"
	    "exec /bin/ln \"$@\"\\n' $D >$D/ln; "
	    "printf '#!/bin/sh\\n[ ! -e %s/short ] || { echo x; exit 0; }\\n"
	    "exec /usr/bin/head \"$@\"\\n' $D >$D/head; "
	    "chmod +x $D/sync $D/ln $D/head");
	return 0;
}

static void
tool(const char *fault, bool is_on)
{
	sshd_shell("%s %s/%s", is_on ? "touch" : "rm -f", hw_tools, fault);
}

/* Every process of the server that serves a connection, by its id. */
static void
cut_connections(void)
{
	sshd_shell("all=$(cat %s); ps -A -o pid= -o ppid= -o comm= | "
		   "while read -r pid ppid comm; do case \" $all \" in "
		   "*\" $ppid \"*) case $comm in sshd*) all=\"$all $pid\"; "
		   "kill -KILL \"$pid\" ;; esac ;; esac; done",
	    sshd_path(&hw_sshd, "sshd.pid"));
}

/* Temporary files in the store's folder. */
static long
tmp_count(const struct world *w)
{
	char cmd[200];
	FILE *p;
	long n;

	(void)snprintf(cmd, sizeof(cmd), "find %s -name '*.rbtmp-*' | wc -l",
	    w->dir);
	assert_non_null(p = popen(cmd, "r"));
	assert_int_equal(fscanf(p, "%ld", &n), 1);
	(void)pclose(p);
	return n;
}

static void
turn(struct world *w, int64_t ms)
{
	uint64_t until = uv_hrtime() + (uint64_t)ms * 1000000;

	while (uv_hrtime() < until) {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		(void)usleep(2000);
	}
}

static void
wait_no_tmp(struct world *w)
{
	int i;

	for (i = 0; i < 100 && tmp_count(w) > 0; i++)
		turn(w, 100);
	assert_int_equal(tmp_count(w), 0);
}

static void
wait_tmp(struct world *w)
{
	int i;

	for (i = 0; i < 100 && tmp_count(w) == 0; i++)
		turn(w, 50);
	assert_true(tmp_count(w) > 0);
}

/* Cut in its middle: an error, what was there stays, nothing half is left. */
static void
test_cut_put(void **state)
{
	struct world *w = *state;
	struct waited a;
	struct hw_put h;

	assert_int_equal(w_put(w, w->store, "id/x", "old"), ERR_NONE);
	hw_put_open(w, &h, w->store, "id/x", false, -1);
	assert_true(hw_put_some(w, &h, 6 * MB));
	wait_tmp(w);
	cut_connections();
	(void)hw_put_some(w, &h, 3 * MB);
	hw_put_end(w, &h, &a);
	assert_int_equal(a.err.code, ERR_NETWORK);
	assert_string_equal(w_get(w, w->store, "id/x"), "old");
	/* The script there saw that nobody listens. */
	wait_no_tmp(w);
	assert_int_equal(w_put(w, w->store, "id/x", "new"), ERR_NONE);
	assert_string_equal(w_list(w, w->store, "", true), "id/x 3\n");
}

/* Cut while the host flushes: whole or not there, whatever is told. */
static void
test_cut_publish(void **state)
{
	struct world *w = *state;
	struct waited a = { 0 };
	struct hw_put h;
	const char *list;

	assert_int_equal(w_put(w, w->store, "id/.claim", "1"), ERR_NONE);
	tool("slow", true);
	hw_put_open(w, &h, w->store, "id/x", true, -1);
	assert_true(hw_put_some(w, &h, 5 * MB));
	store_put_finish(h.put, w_on_put, &a);
	turn(w, 1500);
	assert_int_equal(a.answers, 0);
	cut_connections();
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_NETWORK);
	wait_no_tmp(w);
	tool("slow", false);
	list = w_list(w, w->store, "id/", true);
	if (strcmp(list, "id/.claim 1\n") != 0)
		assert_string_equal(list, "id/.claim 1\nid/x 5000000\n");
}

static void
test_cut_get(void **state)
{
	struct world *w = *state;
	struct waited a;
	struct hw_put h;
	struct hw_get g;

	hw_put_open(w, &h, w->store, "id/x", true, -1);
	assert_true(hw_put_some(w, &h, 40 * MB));
	hw_put_end(w, &h, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	hw_get_range(w, &g, w->store, "id/x", 5, -1, MB);
	assert_int_equal(g.err.code, ERR_NONE);
	cut_connections();
	g.is_over = false;
	g.stop_at = 0;
	reader_read(g.reader, hw_on_read, &g);
	while (!g.is_over)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	reader_close(g.reader);
	assert_int_equal(g.err.code, ERR_NETWORK);
	assert_false(g.is_wrong);
	assert_true(g.got < 40 * MB - 5);
	/* The rest, from there on. */
	hw_get_range(w, &g, w->store, "id/x", g.at, -1, 0);
	reader_close(g.reader);
	assert_int_equal(g.err.code, ERR_NONE);
	assert_false(g.is_wrong);
	assert_int_equal(g.at, 40 * MB);
}

/* Closed in its middle, the reader leaves nothing running for ever. */
static void
test_close_get(void **state)
{
	struct world *w = *state;
	struct waited a;
	struct hw_put h;
	struct hw_get g;

	hw_put_open(w, &h, w->store, "id/x", true, -1);
	assert_true(hw_put_some(w, &h, 20 * MB));
	hw_put_end(w, &h, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	hw_get_range(w, &g, w->store, "id/x", 0, -1, MB);
	reader_close(g.reader);
	g.reader = store_get(w->store, "id/x", 0, -1);
	reader_close(g.reader);
	assert_int_equal(w_stat(w, w->store, "id/x"), ERR_NONE);
}

/* Output that ends too early with a good status is no whole object. */
static void
test_short_get(void **state)
{
	struct world *w = *state;
	struct hw_get g;

	assert_int_equal(w_put(w, w->store, "id/x", "0123456789"), ERR_NONE);
	tool("short", true);
	hw_get_range(w, &g, w->store, "id/x", 0, 5, 0);
	reader_close(g.reader);
	assert_int_equal(g.err.code, ERR_CORRUPT);
	tool("short", false);
}

/* What writes is killed: what it leaves is not taken for the whole. */
static void
test_killed_writer(void **state)
{
	struct world *w = *state;
	struct waited a;
	struct hw_put h;

	hw_put_open(w, &h, w->store, "id/x", false, -1);
	assert_true(hw_put_some(w, &h, 6 * MB));
	wait_tmp(w);
	sshd_shell("n=0; for pid in $(ps -A -o pid= -o args= | "
		   "awk '$2 == \"tee\" { print $1 }'); do "
		   "[ \"$(readlink /proc/$pid/cwd)\" = %s/id ] || continue; "
		   "kill -KILL $pid; n=1; done; [ $n = 1 ]",
	    w->dir);
	(void)hw_put_some(w, &h, 3 * MB);
	hw_put_end(w, &h, &a);
	assert_int_not_equal(a.err.code, ERR_NONE);
	assert_string_equal(w_list(w, w->store, "", true), "");
	wait_no_tmp(w);
	assert_false(w_exists(w, "id"));
}

static void
test_full_disk(void **state)
{
	struct world *w = *state;
	struct waited a;
	struct hw_put h;
	char cmd[200];

	(void)snprintf(cmd, sizeof(cmd),
	    "mount -t tmpfs -o size=4m,mode=700 tmpfs %s 2>/dev/null", w->dir);
	if (system(cmd) != 0) {
		print_message("           needs root and tmpfs\n");
		return;
	}
	/* Said at once, not after a gigabyte. */
	hw_put_open(w, &h, w->store, "id/x", true, -1);
	assert_false(hw_put_some(w, &h, 1000 * MB));
	assert_true(h.at < 100 * MB);
	hw_put_end(w, &h, &a);
	assert_int_equal(a.err.code, ERR_NO_SPACE);
	assert_int_equal(tmp_count(w), 0);
	assert_string_equal(w_list(w, w->store, "", true), "");
	/* Asked before, where the size is known. */
	hw_put_open(w, &h, w->store, "id/x", true, 100 * MB);
	(void)hw_put_some(w, &h, 3 * MB);
	hw_put_end(w, &h, &a);
	assert_int_equal(a.err.code, ERR_NO_SPACE);
	assert_int_equal(w_put(w, w->store, "id/y", "1"), ERR_NONE);
	sshd_shell("umount %s", w->dir);
}

/* Eight at once, of two stores, want one name. */
static void
test_race(void **state)
{
	struct world *w = *state;
	struct store *other = hw_open(w, "other", w->dir, NULL, 0);
	struct waited a[8];
	int round, won, lost;
	size_t i;

	for (round = 0; round < 3; round++) {
		memset(a, 0, sizeof(a));
		for (i = 0; i < COUNT_OF(a); i++)
			store_put_bytes(i % 2 == 0 ? w->store : other,
			    "id/.claim", "x", 1, true, w_on_put, &a[i]);
		for (won = lost = 0, i = 0; i < COUNT_OF(a); i++) {
			while (a[i].answers == 0)
				(void)uv_run(&w->loop, UV_RUN_ONCE);
			won += a[i].err.code == ERR_NONE;
			lost += a[i].err.code == ERR_CONFLICT;
			if (a[i].err.code != ERR_NONE &&
			    a[i].err.code != ERR_CONFLICT)
				fail_msg("%s", a[i].err.msg);
		}
		assert_int_equal(won, 1);
		assert_int_equal(lost, COUNT_OF(a) - 1);
		assert_int_equal(tmp_count(w), 0);
		assert_int_equal(w_remove(w, w->store, "id/.claim"), ERR_NONE);
	}
	store_close(other);
}

/* Puts and removals take the folder from under each other's feet. */
static void
test_folder_race(void **state)
{
	struct world *w = *state;
	struct waited put[6] = { { 0 } }, gone[6] = { { 0 } };
	char key[20];
	size_t i;

	for (i = 0; i < COUNT_OF(put); i++) {
		(void)snprintf(key, sizeof(key), "id/%zu", i);
		store_put_bytes(w->store, key, "x", 1, true, w_on_put, &put[i]);
		store_remove(w->store, "id/none", w_on_done, &gone[i]);
	}
	for (i = 0; i < COUNT_OF(put); i++) {
		while (put[i].answers == 0 || gone[i].answers == 0)
			(void)uv_run(&w->loop, UV_RUN_ONCE);
		if (put[i].err.code != ERR_NONE)
			fail_msg("%s", put[i].err.msg);
		assert_int_equal(gone[i].err.code, ERR_NONE);
	}
	assert_string_equal(w_list(w, w->store, "", true),
	    "id/0 1\nid/1 1\nid/2 1\nid/3 1\nid/4 1\nid/5 1\n");
}

/* More streams than a connection may have channels, all whole. */
static void
test_many(void **state)
{
	struct world *w = *state;
	struct hw_put h[12];
	struct waited a[12];
	char key[20];
	size_t i, k;

	for (i = 0; i < COUNT_OF(h); i++) {
		(void)snprintf(key, sizeof(key), "id/%zu", i);
		hw_put_open(w, &h[i], w->store, key, true, -1);
	}
	for (k = 0; k < 3; k++)
		for (i = 0; i < COUNT_OF(h); i++)
			assert_true(hw_put_some(w, &h[i], MB));
	memset(a, 0, sizeof(a));
	for (i = 0; i < COUNT_OF(h); i++) {
		while (!h[i].is_ready)
			(void)uv_run(&w->loop, UV_RUN_ONCE);
		store_put_finish(h[i].put, w_on_put, &a[i]);
	}
	for (i = 0; i < COUNT_OF(h); i++) {
		while (a[i].answers == 0)
			(void)uv_run(&w->loop, UV_RUN_ONCE);
		if (a[i].err.code != ERR_NONE)
			fail_msg("%s", a[i].err.msg);
		assert_string_equal(a[i].proof.value, a[0].proof.value);
	}
}

/* Given up at any time: no callback, and nothing of it stays there. */
static void
test_abort(void **state)
{
	static const int64_t sizes[] = { 0, 1000, 2 * MB, 2200 * 1000, 8 * MB };
	struct world *w = *state;
	struct hw_put h;
	size_t i;

	for (i = 0; i < 2 * COUNT_OF(sizes); i++) {
		hw_put_open(w, &h, w->store, "id/x", false, -1);
		assert_true(hw_put_some(w, &h, sizes[i / 2]));
		if (i % 2 == 1)
			turn(w, 200);
		h.is_ready = true;
		store_put_abort(h.put);
	}
	wait_no_tmp(w);
	assert_string_equal(w_list(w, w->store, "", true), "");
	/* And with the store closed right behind it. */
	hw_put_open(w, &h, w->store, "id/x", false, -1);
	assert_true(hw_put_some(w, &h, 4 * MB));
	wait_tmp(w);
	store_put_abort(h.put);
	store_close(w->store);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(tmp_count(w), 0);
	w->store = hw_open(w, "again", w->dir, NULL, 0);
}

/* What was given up while it was flushed does not appear later. */
static void
test_late(void **state)
{
	struct world *w = *state;
	struct store_put_opt opt = { -1, false, NULL, 1000 };
	struct block *b = block_new(BLOCK_SIZE);
	struct err e = ERR_INIT;
	struct waited a;
	struct hw_put h;
	int i;

	memset(b->data, 'x', b->cap);
	b->len = b->cap;
	assert_int_equal(w_put(w, w->store, "id/.claim", "1"), ERR_NONE);
	tool("slow", true);
	for (i = 0; i < 2; i++) {
		memset(&h, 0, sizeof(h));
		memset(&a, 0, sizeof(a));
		h.is_ready = true;
		h.put = store_put_open(w->store, "id/x", &opt, hw_on_ready, &h,
		    &e);
		assert_true(hw_put_some(w, &h, i == 0 ? 10 : 4 * MB));
		hw_put_end(w, &h, &a);
		assert_int_equal(a.err.code, ERR_TIMEOUT);
	}
	block_unref(b);
	tool("slow", false);
	turn(w, 5000);
	assert_string_equal(w_list(w, w->store, "", true), "id/.claim 1\n");
	wait_no_tmp(w);
}

/* A flush that fails is an error, and the old one stays. */
static void
test_io_error(void **state)
{
	struct world *w = *state;

	assert_int_equal(w_put(w, w->store, "id/a", "1"), ERR_NONE);
	tool("io-error", true);
	assert_int_equal(w_put(w, w->store, "id/a", "22"), ERR_IO);
	assert_int_equal(w_put_if(w, w->store, "id/b", "22", true), ERR_IO);
	assert_int_equal(w_put(w, w->store, "new/b", "22"), ERR_IO);
	tool("io-error", false);
	assert_string_equal(w_get(w, w->store, "id/a"), "1");
	assert_string_equal(w_list(w, w->store, "", true), "id/a 1\n");
	assert_int_equal(tmp_count(w), 0);
}

/* Without links it says so, and still does not replace what it sees. */
static void
test_no_links(void **state)
{
	struct world *w = *state;
	struct store_caps caps;
	struct err e;

	tool("no-links", true);
	assert_int_equal(w_check(w, w->store, &e), ERR_NONE);
	store_caps(w->store, &caps);
	assert_false(caps.has_if_absent);
	assert_int_equal(w_put_if(w, w->store, "id/a", "1", true), ERR_NONE);
	assert_int_equal(w_put_if(w, w->store, "id/a", "2", true),
	    ERR_CONFLICT);
	assert_string_equal(w_get(w, w->store, "id/a"), "1");
	assert_int_equal(w_put(w, w->store, "id/a", "3"), ERR_NONE);
	assert_string_equal(w_list(w, w->store, "", true), "id/a 1\n");
	assert_int_equal(tmp_count(w), 0);
	tool("no-links", false);
	assert_int_equal(w_check(w, w->store, &e), ERR_NONE);
	store_caps(w->store, &caps);
	assert_true(caps.has_if_absent);
}

/* A temporary file of ${pid}, "BOOT" or another start of the host. */
static void
plant_tmp(struct world *w, const char *name, long pid, bool is_this_boot,
    long age)
{
	char path[200];

	w_plant(w, "a/keep", "k");
	(void)snprintf(path, sizeof(path), "%s/a/%s.rbtmp-0123456789abcdef",
	    w->dir, name);
	sshd_shell("boot=$(tr -cd a-zA-Z0-9 <%s | cut -c1-8); "
		   "touch -d '-%ld seconds' %s-%ld-%s",
	    is_this_boot ? "/proc/sys/kernel/random/boot_id" : "/etc/passwd",
	    age, path, pid, "$boot");
}

/* Its writer is known to be gone: not only age counts. */
static void
test_sweep_dead(void **state)
{
	struct world *w = *state;

	if (access("/proc/sys/kernel/random/boot_id", R_OK) != 0)
		return;
	plant_tmp(w, "dead", 999999999, true, 120);
	plant_tmp(w, "just", 999999999, true, 5);
	plant_tmp(w, "mine", getpid(), true, 120);
	plant_tmp(w, "before", getpid(), false, 2000);
	plant_tmp(w, "shared", getpid(), false, 120);
	assert_int_equal(tmp_count(w), 5);
	assert_int_equal(w_sweep(w, w->store, "a/", 3600 * 1000), ERR_NONE);
	assert_int_equal(tmp_count(w), 3);
	sshd_shell("ls %s/a | grep -q ^just && ls %s/a | grep -q ^mine && "
		   "ls %s/a | grep -q ^shared",
	    w->dir, w->dir, w->dir);
}

/* Nor is what we write just now swept away from under us. */
static void
test_sweep_live(void **state)
{
	struct world *w = *state;
	struct waited a;
	struct hw_put h;

	hw_put_open(w, &h, w->store, "id/x", true, -1);
	assert_true(hw_put_some(w, &h, 4 * MB));
	wait_tmp(w);
	assert_int_equal(w_sweep(w, w->store, "id/", 0), ERR_NONE);
	assert_int_equal(tmp_count(w), 1);
	hw_put_end(w, &h, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_string_equal(w_list(w, w->store, "", true), "id/x 4000000\n");
}

static int
start_few_channels(void **state)
{
	(void)state;
	sshd_start(&hw_sshd, "--config 'MaxSessions 4'");
	return 0;
}

int
main(void)
{
	const struct CMUnitTest plain[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, hw_setup, w_teardown)
		T(test_many),
		T(test_cut_put),
		T(test_cut_get),
	};
	const struct CMUnitTest faulty[] = {
		T(test_cut_put),
		T(test_cut_publish),
		T(test_cut_get),
		T(test_close_get),
		T(test_short_get),
		T(test_killed_writer),
		T(test_full_disk),
		T(test_race),
		T(test_folder_race),
		T(test_abort),
		T(test_late),
		T(test_io_error),
		T(test_no_links),
		T(test_sweep_dead),
		T(test_sweep_live),
	};
	int failed;

	(void)signal(SIGPIPE, SIG_IGN);
	failed = cmocka_run_group_tests_name("hostfs, few channels", plain,
	    start_few_channels, hw_stop);
	failed += cmocka_run_group_tests_name("hostfs, faults", faulty,
	    start_faulty, hw_stop);
	return failed;
}
