/*
 * hostfs_test.c - the store on a host, over a real sshd: with this system's
 * shell and tools, with busybox for all of them, and with tools that take what
 * BSD's take.
 */
#include "unit/store/hostfs_world.h"

#include <openssl/evp.h>
#include <utime.h>

static void
check_mode(const struct world *w, const char *name, unsigned mode)
{
	char *path = file_join(w->dir, name);
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, mode);
	free(path);
}

static void
test_put_get(void **state)
{
	struct world *w = *state;

	assert_string_equal(store_host(w->store), "vm");
	assert_int_equal(w_put(w, w->store, "20260101-000000/a.txt", "one"),
	    ERR_NONE);
	assert_string_equal(w_get(w, w->store, "20260101-000000/a.txt"), "one");
	/* Replaced as a whole. */
	assert_int_equal(w_put(w, w->store, "20260101-000000/a.txt", "22"),
	    ERR_NONE);
	assert_string_equal(w_get(w, w->store, "20260101-000000/a.txt"), "22");
	assert_int_equal(w_put_if(w, w->store, "20260101-000000/a.txt", "x",
			     true),
	    ERR_CONFLICT);
	assert_string_equal(w_get(w, w->store, "20260101-000000/a.txt"), "22");
	assert_int_equal(w_put_if(w, w->store, "20260101-000000/.claim", "",
			     true),
	    ERR_NONE);
	assert_string_equal(w_get(w, w->store, "20260101-000000/.claim"), "");
	assert_string_equal(w_get(w, w->store, "nothing"), "!not-found");
	assert_string_equal(w_get(w, w->store, "no/thing"), "!not-found");
	assert_string_equal(w_get(w, w->store, "20260101-000000"), "!corrupt");
	assert_int_equal(w_stat(w, w->store, "20260101-000000"), ERR_NOT_FOUND);
	assert_int_equal(w_stat(w, w->store, "20260101-000000/a.txt"),
	    ERR_NONE);
	assert_int_equal(w_put(w, w->store, "20260101-000000", "x"), ERR_IO);
	assert_int_equal(w_put(w, w->store, "20260101-000000/a.txt/b", "x"),
	    ERR_IO);
	assert_string_equal(w_list(w, w->store, "20260101-000000/", true),
	    "20260101-000000/.claim 0\n20260101-000000/a.txt 2\n");
	/* Nobody else reads what is saved. */
	check_mode(w, "20260101-000000", 0700);
	check_mode(w, "20260101-000000/a.txt", 0600);
}

static void
test_names(void **state)
{
	static const char *const bad[] = { "../x", "/etc/passwd", "a//b", "",
		".claim", "a/.hidden", "a/.claim/b", "a/x.rbtmp-abcdef",
		"a/.pin-", "a/b/../../../c", "a/ b", "$(id)", "a;b" };
	struct world *w = *state;
	size_t i;

	for (i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(w_put(w, w->store, bad[i], "x"), ERR_USAGE);
		assert_string_equal(w_get(w, w->store, bad[i]), "!usage");
		assert_int_equal(w_stat(w, w->store, bad[i]), ERR_USAGE);
		assert_int_equal(w_remove(w, w->store, bad[i]), ERR_USAGE);
	}
	assert_string_equal(w_list(w, w->store, "a", true), "!usage");
	assert_string_equal(w_list(w, w->store, "../", true), "!usage");
	assert_int_equal(w_sweep(w, w->store, "../", 0), ERR_USAGE);
	assert_string_equal(w_list(w, w->store, "", true), "");
}

/* Size and digest of what was sent, and the version that stat names. */
static void
test_proof(void **state)
{
	struct world *w = *state;
	struct waited a = { 0 }, st = { 0 };
	time_t now = time(NULL);
	char etag[132];

	store_put_bytes(w->store, "id/abc", "abc", 3, true, w_on_put, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_int_equal(a.proof.size, 3);
	assert_string_equal(a.proof.kind, "sha256");
	assert_string_equal(a.proof.value,
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	assert_true(a.proof.is_checked);
	(void)snprintf(etag, sizeof(etag), "%s", a.proof.etag);
	assert_true(strlen(etag) > 5);
	store_stat(w->store, "id/abc", w_on_stat, &st);
	w_wait(w, &st);
	assert_int_equal(st.st.size, 3);
	assert_true(st.st.mtime_ms / 1000 >= now - 2 &&
	    st.st.mtime_ms / 1000 <= now + 60);
	assert_null(st.st.kind);
}

struct etag_wait {
	struct waited a;
	char etag[132];
};

static void
on_etag(void *arg, const struct store_stat *st, const struct err *e)
{
	struct etag_wait *t = arg;

	if (st != NULL)
		(void)snprintf(t->etag, sizeof(t->etag), "%s", st->etag);
	w_on_done(&t->a, e);
}

static void
test_etag(void **state)
{
	struct world *w = *state;
	struct waited a = { 0 };
	struct etag_wait t = { 0 };

	store_put_bytes(w->store, "id/x", "abc", 3, true, w_on_put, &a);
	w_wait(w, &a);
	store_stat(w->store, "id/x", on_etag, &t);
	w_wait(w, &t.a);
	assert_string_equal(t.etag, a.proof.etag);
	assert_int_equal(w_put(w, w->store, "id/x", "abd"), ERR_NONE);
	memset(&t, 0, sizeof(t));
	store_stat(w->store, "id/x", on_etag, &t);
	w_wait(w, &t.a);
	assert_string_not_equal(t.etag, a.proof.etag);
}

/* More than the window: streamed, and published by a second command. */
static void
test_large(void **state)
{
	static const int64_t ranges[][3] = { { 0, -1, 10000001 },
		{ 0, 70001, 70001 }, { 9000000, -1, 1000001 },
		{ 4194303, 300000, 300000 }, { 9999999, 100, 2 },
		{ 10000001, -1, 0 }, { 20000000, 5, 0 }, { 5, 0, 0 } };
	struct world *w = *state;
	struct waited a;
	struct hw_put h;
	struct hw_get g;
	size_t i;

	hw_put_open(w, &h, w->store, "id/big", true, 10000001);
	assert_true(hw_put_some(w, &h, 10000001));
	hw_put_end(w, &h, &a);
	if (a.err.code != ERR_NONE)
		fail_msg("%s", a.err.msg);
	assert_int_equal(a.proof.size, 10000001);
	assert_int_equal(strlen(a.proof.value), 64);
	assert_string_equal(w_list(w, w->store, "", true), "id/big 10000001\n");
	for (i = 0; i < COUNT_OF(ranges); i++) {
		hw_get_range(w, &g, w->store, "id/big", ranges[i][0],
		    ranges[i][1], 0);
		reader_close(g.reader);
		if (g.err.code != ERR_NONE || g.is_wrong ||
		    g.got != ranges[i][2])
			fail_msg("range %zu: %lld %s", i, (long long)g.got,
			    g.err.msg);
	}
	/* One that exists already is told before all of it was sent. */
	hw_put_open(w, &h, w->store, "id/big", true, -1);
	assert_false(hw_put_some(w, &h, (int64_t)1 << 30));
	hw_put_end(w, &h, &a);
	assert_int_equal(a.err.code, ERR_CONFLICT);
	hw_put_open(w, &h, w->store, "id/big", false, -1);
	assert_true(hw_put_some(w, &h, 3000000));
	hw_put_end(w, &h, &a);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_string_equal(w_list(w, w->store, "", true), "id/big 3000000\n");
}

static void
test_list(void **state)
{
	struct world *w = *state;
	char *path;

	assert_int_equal(w_put(w, w->store, "b/x/deep", "1"), ERR_NONE);
	assert_int_equal(w_put(w, w->store, "a/2", "22"), ERR_NONE);
	assert_int_equal(w_put(w, w->store, "a/1", "1"), ERR_NONE);
	assert_int_equal(w_put(w, w->store, "top", "333"), ERR_NONE);
	w_plant(w, "a/3.rbtmp-Ab12Cd", "half");
	w_plant(w, "c/only.rbtmp-Ab12Cd", "half");
	/* Foreign names are data. */
	w_plant(w, " odd $(id) 'x' \"y\"\t\\z/ f", "1");
	w_plant(w, ".hidden", "1");
	w_plant(w, "new\nline/f", "1");
	w_plant(w, "-rf", "1");
	path = file_join(w->dir, "empty");
	assert_int_equal(mkdir(path, 0700), 0);
	free(path);
	assert_string_equal(w_list(w, w->store, "", false),
	    " odd $(id) 'x' \"y\"\t\\z/ -\n"
	    "-rf 1\n.hidden 1\na/ -\nb/ -\ntop 3\n");
	assert_string_equal(w_list(w, w->store, "", true),
	    " odd $(id) 'x' \"y\"\t\\z/ f 1\n"
	    "-rf 1\n.hidden 1\na/1 1\na/2 2\nb/x/deep 1\ntop 3\n");
	assert_string_equal(w_list(w, w->store, "a/", false), "a/1 1\na/2 2\n");
	assert_string_equal(w_list(w, w->store, "none/", false), "");
	/* The last file takes its folders along, the root stays. */
	assert_int_equal(w_remove(w, w->store, "b/x/deep"), ERR_NONE);
	assert_false(w_exists(w, "b"));
	assert_int_equal(w_remove(w, w->store, "b/x/deep"), ERR_NONE);
	assert_int_equal(w_remove(w, w->store, "top"), ERR_NONE);
	assert_int_equal(w_remove(w, w->store, "a/1"), ERR_NONE);
	assert_int_equal(w_remove(w, w->store, "a"), ERR_IO);
	assert_true(w_exists(w, "a/2"));
}

static void
test_links(void **state)
{
	struct world *w = *state;
	char outside[] = "/tmp/rb-outside-XXXXXX", *path, *file;

	assert_non_null(mkdtemp(outside));
	file = file_join(outside, "secret");
	assert_int_equal(file_publish(file, "s", 1, false, NULL), 0);
	path = file_join(w->dir, "20260101-000000");
	assert_int_equal(symlink(outside, path), 0);
	free(path);
	path = file_join(w->dir, "link");
	assert_int_equal(symlink(file, path), 0);
	free(path);
	assert_int_equal(w_put(w, w->store, "20260101-000000/x", "1"),
	    ERR_CORRUPT);
	assert_string_equal(w_get(w, w->store, "20260101-000000/secret"),
	    "!corrupt");
	assert_string_equal(w_get(w, w->store, "link"), "!corrupt");
	assert_int_equal(w_stat(w, w->store, "link"), ERR_CORRUPT);
	assert_int_equal(w_put(w, w->store, "link", "1"), ERR_CORRUPT);
	assert_int_equal(w_put_if(w, w->store, "link", "1", true),
	    ERR_CONFLICT);
	assert_int_equal(w_remove(w, w->store, "20260101-000000/secret"),
	    ERR_CORRUPT);
	assert_string_equal(w_list(w, w->store, "20260101-000000/", true),
	    "!corrupt");
	assert_int_equal(w_sweep(w, w->store, "20260101-000000/", 0),
	    ERR_CORRUPT);
	assert_int_equal(w_sweep(w, w->store, "", 0), ERR_NONE);
	assert_string_equal(w_list(w, w->store, "", true), "");
	assert_string_equal(w_list(w, w->store, "", false), "");
	/* A link itself may go; what it points to stays. */
	assert_int_equal(w_remove(w, w->store, "link"), ERR_NONE);
	assert_false(w_exists(w, "link"));
	assert_int_equal(access(file, F_OK), 0);
	free(file);
	assert_int_equal(file_remove_tree(outside, NULL), 0);
}

static void
make_old(const struct world *w, const char *name, time_t seconds)
{
	struct utimbuf old = { time(NULL) - seconds, time(NULL) - seconds };
	char *path = file_join(w->dir, name);

	assert_int_equal(utime(path, &old), 0);
	free(path);
}

static void
test_sweep(void **state)
{
	struct world *w = *state;

	w_plant(w, "a/x.rbtmp-Ab12Cd", "old");
	w_plant(w, "a/y.rbtmp-Ab12Cd", "new");
	w_plant(w, "a/sub/x.rbtmp-Ab12Cd", "old");
	w_plant(w, "b/z.rbtmp-Ab12Cd", "old");
	w_plant(w, "a/keep", "k");
	make_old(w, "a/x.rbtmp-Ab12Cd", 100000);
	make_old(w, "a/sub/x.rbtmp-Ab12Cd", 100000);
	make_old(w, "b/z.rbtmp-Ab12Cd", 100000);
	assert_int_equal(w_sweep(w, w->store, "a/", 3600000), ERR_NONE);
	assert_false(w_exists(w, "a/x.rbtmp-Ab12Cd"));
	assert_false(w_exists(w, "a/sub"));
	assert_true(w_exists(w, "a/y.rbtmp-Ab12Cd"));
	assert_true(w_exists(w, "a/keep"));
	assert_true(w_exists(w, "b/z.rbtmp-Ab12Cd"));
	assert_int_equal(w_sweep(w, w->store, "b/", 3600000), ERR_NONE);
	assert_false(w_exists(w, "b"));
	assert_int_equal(w_sweep(w, w->store, "none/", 0), ERR_NONE);
}

/* From the root only what is nobody's goes. */
static void
test_sweep_root(void **state)
{
	struct world *w = *state;

	w_plant(w, "check.rbtmp-Ab12Cd", "probe");
	w_plant(w, "20260101-000000/x.rbtmp-Ab12Cd", "old");
	w_plant(w, "20260102-000000/x.rbtmp-Ab12Cd", "old");
	w_plant(w, "20260102-000000/.claim", "mine");
	w_plant(w, "20260103-000000-2/x.rbtmp-Ab12Cd", "new");
	w_plant(w, "foreign/x.rbtmp-Ab12Cd", "old");
	make_old(w, "check.rbtmp-Ab12Cd", 100000);
	make_old(w, "20260101-000000/x.rbtmp-Ab12Cd", 100000);
	make_old(w, "20260102-000000/x.rbtmp-Ab12Cd", 100000);
	make_old(w, "foreign/x.rbtmp-Ab12Cd", 100000);
	assert_int_equal(w_sweep(w, w->store, "", 3600000), ERR_NONE);
	assert_false(w_exists(w, "check.rbtmp-Ab12Cd"));
	assert_false(w_exists(w, "20260101-000000"));
	assert_true(w_exists(w, "20260102-000000/x.rbtmp-Ab12Cd"));
	assert_true(w_exists(w, "20260103-000000-2/x.rbtmp-Ab12Cd"));
	assert_true(w_exists(w, "foreign/x.rbtmp-Ab12Cd"));
}

static void
test_check(void **state)
{
	struct world *w = *state;
	struct store_caps caps;
	struct err e;
	struct store *s;
	char *path;

	assert_int_equal(w_check(w, w->store, &e), ERR_NONE);
	store_caps(w->store, &caps);
	assert_true(caps.has_if_absent);
	assert_string_equal(caps.digest, "sha256");
	assert_string_equal(w_list(w, w->store, "", true), "");
	path = file_join(w->dir, "new");
	s = hw_open(w, "new", path, NULL, 0);
	assert_int_equal(w_put(w, s, "a", "1"), ERR_MISSING);
	assert_int_equal(w_stat(w, s, "a"), ERR_MISSING);
	assert_int_equal(w_check(w, s, &e), ERR_NONE);
	check_mode(w, "new", 0700);
	assert_int_equal(w_put(w, s, "a", "1"), ERR_NONE);
	store_close(s);
	free(path);
	path = file_join(w->dir, "not/there");
	s = hw_open(w, "away", path, NULL, 0);
	assert_int_equal(w_check(w, s, &e), ERR_MISSING);
	assert_non_null(strstr(e.msg, path));
	assert_non_null(strstr(e.msg, "vm"));
	assert_false(w_exists(w, "not"));
	store_close(s);
	free(path);
	path = file_join(w->dir, "new/a");
	s = hw_open(w, "file", path, NULL, 0);
	assert_int_equal(w_check(w, s, &e), ERR_CONFIG);
	store_close(s);
	free(path);
}

/* What is to stay free is asked for before, and of nobody else. */
static void
test_min_free(void **state)
{
	struct world *w = *state;
	struct store *s = hw_open(w, "tight", w->dir, "min_free",
	    INT64_C(1) << 60);
	struct err e;

	assert_int_equal(w_check(w, s, &e), ERR_NO_SPACE);
	assert_int_equal(w_put(w, s, "id/a", "1"), ERR_NO_SPACE);
	assert_false(w_exists(w, "id"));
	assert_int_equal(w_put(w, w->store, "id/a", "1"), ERR_NONE);
	assert_string_equal(w_get(w, s, "id/a"), "1");
	store_close(s);
}

static void
test_adopt(void **state)
{
	static const char sha[] =
	    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	struct world *w = *state;
	struct waited a = { 0 };
	struct err e = ERR_INIT;
	char *place;

	assert_null(store_place(w->store, "../x", &e));
	assert_int_equal(e.code, ERR_USAGE);
	assert_int_equal(w_put(w, w->store, "id/.claim", "1"), ERR_NONE);
	place = store_place(w->store, "id/x", &e);
	assert_int_equal(strncmp(place, w->dir, strlen(w->dir)), 0);
	w_plant(w, place + strlen(w->dir) + 1, "abc");
	assert_string_equal(w_list(w, w->store, "id/", true), "id/.claim 1\n");
	/* Another key's place, other bytes, nothing there. */
	store_adopt(w->store, "id/y", place, 3, sha, w_on_put, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_USAGE);
	memset(&a, 0, sizeof(a));
	store_adopt(w->store, "id/x", place, 3, sha, w_on_put, &a);
	w_wait(w, &a);
	if (a.err.code != ERR_NONE)
		fail_msg("%s", a.err.msg);
	assert_string_equal(a.proof.value, sha);
	assert_string_equal(w_get(w, w->store, "id/x"), "abc");
	memset(&a, 0, sizeof(a));
	store_adopt(w->store, "id/x", place, 3, sha, w_on_put, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_NOT_FOUND);
	w_plant(w, place + strlen(w->dir) + 1, "abd");
	memset(&a, 0, sizeof(a));
	store_adopt(w->store, "id/x", place, 3, sha, w_on_put, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_CORRUPT);
	w_plant(w, place + strlen(w->dir) + 1, "abcd");
	memset(&a, 0, sizeof(a));
	store_adopt(w->store, "id/x", place, 3, sha, w_on_put, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_CORRUPT);
	/* Neither stays, what is there does. */
	assert_false(w_exists(w, place + strlen(w->dir) + 1));
	assert_string_equal(w_get(w, w->store, "id/x"), "abc");
	free(place);
}

static int
start_busybox(void **state)
{
	(void)state;
	hw_start_tools("busybox --install -s $D");
	return 0;
}

/* stat with -f alone, sync without operands, no sha256sum, no GNU head. */
static int
start_bsd(void **state)
{
	(void)state;
	hw_start_tools(
	    "for t in sh awk cat cut dd df find grep head id kill ln ls mkdir "
	    "mv openssl ps rm rmdir sleep tail tee tr uname date; do "
	    "ln -s $(command -v $t) $D/$t || exit 1; done; "
	    "printf '#!/bin/sh\\n[ \"$1\" = -f ] || "
	    "{ echo \"illegal option\" >&2; exit 1; }\\n"
	    "case $2 in \"%%z %%m %%i %%N\") ;; *) exit 1 ;; esac\\n"
	    "shift 2; exec /usr/bin/stat -c \"%%s %%Y %%i %%n\" \"$@\"\\n' "
	    ">$D/stat; "
	    "printf '#!/bin/sh\\n[ $# -eq 0 ] || "
	    "{ echo usage: sync >&2; exit 1; }\\nexec /bin/sync\\n' >$D/sync; "
	    "chmod +x $D/stat $D/sync");
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, hw_setup, w_teardown)
		T(test_put_get),
		T(test_names),
		T(test_proof),
		T(test_etag),
		T(test_large),
		T(test_list),
		T(test_links),
		T(test_sweep),
		T(test_sweep_root),
		T(test_check),
		T(test_min_free),
		T(test_adopt),
	};
	int failed;

	(void)signal(SIGPIPE, SIG_IGN);
	failed = cmocka_run_group_tests_name("hostfs", tests, hw_start_plain,
	    hw_stop);
	failed += cmocka_run_group_tests_name("hostfs, busybox", tests,
	    start_busybox, hw_stop);
	failed += cmocka_run_group_tests_name("hostfs, BSD's tools", tests,
	    start_bsd, hw_stop);
	return failed;
}
