/* directory_test.c - folders: the copy is theirs, and nothing is left. */
#include "unit/source/fixture.h"

#define CFG                                                                    \
	"{\"type\": \"directory\", \"paths\": [\"%s\"], "                      \
	"\"checks\": \"off\", \"lock_wait\": 0, "                              \
	"\"deadman\": {\"lease\": 3000, \"max_downtime\": 60000}}"

static void
make_tree(const char *dir)
{
	shell("mkdir -p '%s/docs/deep' && cd '%s/docs' && "
	      "echo one >a && ln a deep/again && ln -s ../nowhere link && "
	      "echo two >'with blank' && chmod 640 a && chmod 2750 deep && "
	      "touch -d '2020-02-02T02:02:02.123456' a && mkfifo pipe && "
	      "mkdir .ragbackup-old && echo no >.ragbackup-old/x && "
	      "touch -d '2019-01-01T01:01:01.654321' deep . && "
	      "if [ \"$(id -u)\" = 0 ]; then chown 7474:7474 'with blank'; fi",
	    dir, dir);
}

static char *
cfg_of(const char *path)
{
	return xasprintf(CFG, path);
}

static void
check_nothing_left(struct fixture *f)
{
	char *cmd = xasprintf("find %s/.ragbackup ! -type d", f->dir);

	assert_true(shell_is(cmd, ""));
	free(cmd);
}

static void
run_to_capture(struct subject *t)
{
	subject_ok(t, source_prepare);
	subject_ok(t, source_quiesce);
	subject_ok(t, source_capture);
	subject_ok(t, source_resume);
}

/* To what it was when it was copied, without what is never copied. */
static void
undo_changes(struct fixture *f)
{
	shell("cd %s/docs && rm -rf late .ragbackup-old && "
	      "touch -d '2019-01-01T01:01:01.654321' .",
	    f->dir);
}

static void
check_tar(struct fixture *f, const char *tar)
{
	shell("python3 test/unit/source/same_tar.py %s/docs %s", f->dir, tar);
}

static void
test_whole_run(void **state)
{
	struct fixture f;
	struct subject t;
	const struct source_artifact *a;
	char *path, *cfg, *tar;

	(void)state;
	fixture_init(&f);
	make_tree(f.dir);
	path = xasprintf("%s/docs", f.dir);
	tar = xasprintf("%s/out.tar", f.dir);
	cfg = cfg_of(path);
	subject_init(&t, &f, cfg, NULL, NULL);
	run_to_capture(&t);
	assert_true(source_facts(t.s)->as_of_ms > 0);
	assert_false(source_facts(t.s)->has_services);
	assert_int_equal(source_facts(t.s)->downtime_ms, 0);
	a = source_artifact(t.s, 0);
	assert_non_null(a);
	assert_string_equal(a->name, "docs.tar");
	assert_string_equal(a->kind, "path");
	assert_true(a->is_tar && a->is_rereadable && !a->has_data_checks);
	assert_null(source_artifact(t.s, 1));
	/* What changes now is not in the copy. */
	shell("echo late >%s/docs/late", f.dir);
	assert_true(subject_read(&t, 0, false, tar) % 512 == 0);
	undo_changes(&f);
	check_tar(&f, tar);
	shell("cd %s && mkdir got && tar -xpf out.tar -C got && "
	      "cmp docs/a got/a && test got/a -ef got/deep/again",
	    f.dir);
	/* A second reading gives the same; also compressed there. */
	shell("cp %s %s.1", tar, tar);
	(void)subject_read(&t, 0, true, tar);
	shell("gunzip -c <%s >%s.2", tar, tar);
	/* bsdtar tells when a file was last read, too. */
	shell("case $(tar --version) in *bsdtar*) ;; *) cmp %s.1 %s.2 ;; esac",
	    tar, tar);
	free(tar);
	tar = xasprintf("%s/out.tar.2", f.dir);
	check_tar(&f, tar);
	subject_ok(&t, source_release);
	check_nothing_left(&f);
	subject_ok(&t, source_release);
	subject_done(&t);
	free(cfg);
	free(tar);
	free(path);
	fixture_done(&f);
}

/* A Mac's tar, started without a locale as launchd does. */
static void
test_bsdtar(void **state)
{
	struct fixture f;
	struct subject t;
	char *cfg, *tar, *path, *had = xstrdup(getenv("PATH"));

	(void)state;
	if (system("command -v bsdtar >/dev/null") != 0) {
		free(had);
		skip();
	}
	fixture_init(&f);
	make_tree(f.dir);
	shell("mkdir %s/bin && cd %s/bin && "
	      "{ echo '#!/bin/sh'; "
	      "echo 'case $1 in --v*) ;; *) echo \"$LC_ALL\" "
	      ">>%s/locale ;; esac'; "
	      "echo 'exec bsdtar \"$@\"'; } >tar && "
	      "printf '#!/bin/sh\necho Darwin\n' >uname && chmod 755 *",
	    f.dir, f.dir, f.dir);
	path = xasprintf("%s/bin:%s", f.dir, had);
	assert_int_equal(setenv("PATH", path, 1), 0);
	(void)unsetenv("LC_ALL");
	(void)unsetenv("LANG");
	tar = xasprintf("%s/out.tar", f.dir);
	cfg = cfg_of("~/docs");
	subject_init(&t, &f, cfg, NULL, NULL);
	run_to_capture(&t);
	assert_true(subject_read(&t, 0, false, tar) > 0);
	subject_ok(&t, source_release);
	assert_int_equal(setenv("PATH", had, 1), 0);
	undo_changes(&f);
	check_tar(&f, tar);
	assert_true(shell_is("sort -u ~/locale", "en_US.UTF-8"));
	check_nothing_left(&f);
	subject_done(&t);
	free(cfg);
	free(tar);
	free(path);
	free(had);
	fixture_done(&f);
}

static void
test_missing_folder(void **state)
{
	struct fixture f;
	struct subject t;
	char *cfg;

	(void)state;
	fixture_init(&f);
	cfg = cfg_of("/no/such/folder");
	subject_init(&t, &f, cfg, NULL, NULL);
	assert_int_equal(subject_do(&t, source_prepare), ERR_NOT_FOUND);
	assert_non_null(strstr(t.err.msg, "/no/such/folder"));
	subject_ok(&t, source_undo);
	check_nothing_left(&f);
	subject_done(&t);
	free(cfg);
	fixture_done(&f);
}

/* Two sets that overlap, one inside the other, exclude each other. */
static void
test_lock(void **state)
{
	struct fixture f;
	struct subject one, two;
	char *outer, *inner;

	(void)state;
	fixture_init(&f);
	make_tree(f.dir);
	outer = xasprintf(CFG, "~/docs");
	inner = xasprintf(CFG, "~/docs/deep");
	subject_init(&one, &f, outer, NULL, NULL);
	subject_ok(&one, source_prepare);
	subject_init(&two, &f, inner, NULL, NULL);
	assert_int_equal(subject_do(&two, source_prepare), ERR_BUSY);
	assert_non_null(strstr(two.err.msg, one.run));
	assert_non_null(strstr(two.err.msg, "lightrag"));
	/* Longer than the lease: the beat goes on. */
	fixture_sleep(&f, 4500);
	assert_int_equal(subject_do(&two, source_prepare), ERR_BUSY);
	subject_ok(&one, source_quiesce);
	subject_ok(&one, source_capture);
	subject_ok(&one, source_resume);
	subject_ok(&two, source_prepare);
	subject_ok(&two, source_undo);
	subject_ok(&one, source_release);
	check_nothing_left(&f);
	subject_done(&one);
	subject_done(&two);
	free(outer);
	free(inner);
	fixture_done(&f);
}

/* A holder that shows no sign of life is repaired; it cannot go on after. */
static void
test_dead_holder(void **state)
{
	struct fixture f;
	struct subject one, two;
	json_t *saved;
	char *cfg;

	(void)state;
	fixture_init(&f);
	make_tree(f.dir);
	cfg = cfg_of("~/docs");
	subject_init(&one, &f, cfg, NULL, NULL);
	subject_ok(&one, source_prepare);
	subject_ok(&one, source_quiesce);
	saved = source_save(one.s);
	source_free(one.s); /* As a daemon that is killed. */
	fixture_sleep(&f, 5000);
	subject_init(&two, &f, cfg, NULL, NULL);
	subject_ok(&two, source_prepare);
	assert_non_null(strstr(buf_str(&f.warnings), one.run));
	{
		struct err e = ERR_INIT;

		one.s = source_new(&one.senv, saved, &e);
		assert_non_null(one.s);
	}
	assert_int_equal(subject_do(&one, source_capture), ERR_LEASE);
	subject_ok(&two, source_quiesce);
	subject_ok(&two, source_capture);
	subject_ok(&one, source_undo);
	subject_ok(&two, source_resume);
	subject_ok(&two, source_release);
	check_nothing_left(&f);
	json_decref(saved);
	subject_done(&one);
	subject_done(&two);
	free(cfg);
	fixture_done(&f);
}

/* Two find a dead holder at the same time: one gets the lock, one is told. */
static void
test_two_breakers(void **state)
{
	struct fixture f;
	struct subject dead, two[2];
	char *cfg;
	char run[ENV_UUID_SIZE];
	int i, won = 0;

	(void)state;
	fixture_init(&f);
	make_tree(f.dir);
	cfg = cfg_of("~/docs");
	subject_init(&dead, &f, cfg, NULL, NULL);
	subject_ok(&dead, source_prepare);
	memcpy(run, dead.run, sizeof(run));
	subject_done(&dead);
	fixture_sleep(&f, 4500);
	for (i = 0; i < 2; i++) {
		subject_init(&two[i], &f, cfg, NULL, NULL);
		source_prepare(two[i].s, on_subject_done, &two[i]);
	}
	for (i = 0; i < 2; i++) {
		subject_wait(&two[i]);
		won += two[i].err.code == ERR_NONE;
		assert_true(two[i].err.code == ERR_NONE ||
		    two[i].err.code == ERR_BUSY);
	}
	assert_int_equal(won, 1);
	for (i = 0; i < 2; i++) {
		subject_ok(&two[i], source_undo);
		subject_done(&two[i]);
	}
	subject_init(&dead, &f, cfg, run, NULL);
	subject_ok(&dead, source_undo);
	subject_done(&dead);
	check_nothing_left(&f);
	free(cfg);
	fixture_done(&f);
}

static void
test_recover(void **state)
{
	struct fixture f;
	struct subject t;
	json_t *saved;
	char *cfg, *tar;
	struct err e = ERR_INIT;

	(void)state;
	fixture_init(&f);
	make_tree(f.dir);
	cfg = cfg_of("~/docs");
	tar = xasprintf("%s/out.tar", f.dir);
	subject_init(&t, &f, cfg, NULL, NULL);
	subject_ok(&t, source_prepare);
	source_recover(t.s, "PREPARE", on_subject_recover, &t);
	subject_wait(&t);
	assert_int_equal(t.recovery, SOURCE_UNDO);
	subject_ok(&t, source_quiesce);
	source_recover(t.s, "CAPTURE", on_subject_recover, &t);
	subject_wait(&t);
	assert_int_equal(t.recovery, SOURCE_UNDO);
	subject_ok(&t, source_capture);
	saved = source_save(t.s);
	source_free(t.s);
	t.s = source_new(&t.senv, saved, &e);
	json_decref(saved);
	source_recover(t.s, "CAPTURE", on_subject_recover, &t);
	subject_wait(&t);
	assert_int_equal(t.recovery, SOURCE_RERUN);
	subject_ok(&t, source_resume);
	assert_true(subject_read(&t, 0, false, tar) > 0);
	subject_ok(&t, source_release);
	source_recover(t.s, "TRANSFER", on_subject_recover, &t);
	subject_wait(&t);
	assert_int_equal(t.recovery, SOURCE_UNDO);
	check_nothing_left(&f);
	subject_done(&t);
	free(cfg);
	free(tar);
	fixture_done(&f);
}

static void
test_cancel(void **state)
{
	struct fixture f;
	struct subject t, c;
	char *cfg;

	(void)state;
	fixture_init(&f);
	make_tree(f.dir);
	cfg = cfg_of("~/docs");
	subject_init(&t, &f, cfg, NULL, NULL);
	subject_init(&c, &f, cfg, NULL, NULL);
	source_prepare(t.s, on_subject_done, &t);
	source_cancel(t.s, on_subject_done, &c);
	subject_wait(&c);
	/* Its own answer came first. */
	assert_true(t.is_answered);
	t.is_answered = false;
	assert_int_equal(t.err.code, ERR_CANCELED);
	source_cancel(t.s, on_subject_done, &c);
	assert_false(c.is_answered);
	subject_wait(&c);
	subject_ok(&t, source_undo);
	check_nothing_left(&f);
	/* Freed in the middle: no callback. */
	source_prepare(t.s, on_subject_done, &t);
	subject_done(&t);
	subject_done(&c);
	fixture_sleep(&f, 1500);
	assert_false(t.is_answered);
	free(cfg);
	fixture_done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_run),
		cmocka_unit_test(test_bsdtar),
		cmocka_unit_test(test_missing_folder),
		cmocka_unit_test(test_lock),
		cmocka_unit_test(test_dead_holder),
		cmocka_unit_test(test_two_breakers),
		cmocka_unit_test(test_recover),
		cmocka_unit_test(test_cancel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
