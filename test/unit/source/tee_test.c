/*
 * tee_test.c - a source on a host that writes its stream into files there as
 * well, over a real sshd; some of them cannot be written.
 */
#include "unit/source/fixture.h"

#define CFG                                                                    \
	"{\"type\": \"directory\", \"host\": \"vm\", "                         \
	"\"paths\": [\"%s/docs\"], "                                           \
	"\"checks\": \"off\", \"lock_wait\": 0, "                              \
	"\"deadman\": {\"lease\": 3000, \"max_downtime\": 60000}}"

struct teed {
	struct fixture f;
	struct subject t;
	json_t *host;
	char *sshd; /* Its folder. */
};

static json_t *
host_of(const char *sshd)
{
	char *port = shell_out("cat %s/port", sshd);
	char *user = shell_out("id -un");
	char *target = xasprintf("%s@127.0.0.1", user);
	char *id = xasprintf("%s/id", sshd);
	char *known = xasprintf("%s/known_hosts", sshd);
	json_t *cfg = json_pack("{s:s,s:i,s:s,s:s,s:b}", "ssh", target, "port",
	    atoi(port), "identity", id, "known_hosts", known, "agent", 0);

	assert_non_null(cfg);
	free(port);
	free(user);
	free(target);
	free(id);
	free(known);
	return cfg;
}

static int
setup(void **state)
{
	struct teed *d = xcalloc(1, sizeof(*d));
	char *cfg;

	(void)alarm(100);
	fixture_init(&d->f);
	d->sshd = xasprintf("%s/sshd", d->f.dir);
	shell("test/services/sshd start %s --config 'SetEnv HOME=%s'", d->sshd,
	    d->f.dir);
	d->host = host_of(d->sshd);
	/* More than the pipes hold, and than the small disk. */
	shell("mkdir -p %s/docs %s/store && cd %s/docs && "
	      "head -c 6000000 /dev/urandom >random && seq 300000 >numbers",
	    d->f.dir, d->f.dir, d->f.dir);
	cfg = xasprintf(CFG, d->f.dir);
	subject_init_on(&d->t, &d->f, cfg, d->host, NULL, NULL);
	free(cfg);
	subject_ok(&d->t, source_prepare);
	subject_ok(&d->t, source_quiesce);
	subject_ok(&d->t, source_capture);
	subject_ok(&d->t, source_resume);
	*state = d;
	return 0;
}

static int
teardown(void **state)
{
	struct teed *d = *state;

	subject_ok(&d->t, source_release);
	subject_done(&d->t);
	shell("test/services/sshd stop %s", d->sshd);
	fixture_done(&d->f);
	json_decref(d->host);
	free(d->sshd);
	free(d);
	return 0;
}

/* Equal to what came here, byte for byte, and a whole gzip. */
static void
check_same(const char *here, const char *there)
{
	shell("cmp %s %s && gzip -t %s", here, there, there);
}

static void
test_bytes(void **state)
{
	struct teed *d = *state;
	char *a = xasprintf("%s/store/a.rbtmp-1", d->f.dir);
	char *b = xasprintf("%s/store/it's b.rbtmp-2", d->f.dir);
	char *here = xasprintf("%s/here.tar.gz", d->f.dir);
	const char *tees[] = { a, "~/store/it's b.rbtmp-2", "~/store/c.rbtmp-3",
		NULL };
	char *modes;

	assert_true(subject_read_tees(&d->t, 0, true, here, tees) > 6000000);
	check_same(here, a);
	shell("cmp %s \"%s\"", here, b);
	shell("cmp %s %s/store/c.rbtmp-3", here, d->f.dir);
	shell("tar -tzf %s | grep -q numbers", a);
	/* For nobody else to read. */
	modes = shell_out("stat -c %%a %s/store/* | sort -u", d->f.dir);
	assert_string_equal(modes, "600");
	free(modes);
	free(a);
	free(b);
	free(here);
}

/* No folder, a file that is there, a link, a folder: the rest is whole. */
static void
test_cannot_make(void **state)
{
	struct teed *d = *state;
	char *here = xasprintf("%s/here.tar.gz", d->f.dir);
	char *good = xasprintf("%s/store/good", d->f.dir), *text;
	const char *tees[] = { "~/none/x", "~/store/there", "~/store/link", "/",
		"~/store/good", NULL };
	const char *none[] = { "~/none/x", NULL };

	shell("cd %s/store && echo mine >there && ln -s ../victim link",
	    d->f.dir);
	(void)subject_read_tees(&d->t, 0, true, here, tees);
	check_same(here, good);
	text = shell_out("cat %s/store/there", d->f.dir);
	assert_string_equal(text, "mine");
	free(text);
	shell("test ! -e %s/victim && test ! -e %s/none", d->f.dir, d->f.dir);
	(void)subject_read_tees(&d->t, 0, true, here, none);
	shell("gzip -t %s", here);
	free(here);
	free(good);
}

/* A full disk of one spoils neither the stream nor another. */
static void
test_full(void **state)
{
	struct teed *d = *state;
	char *small = xasprintf("%s/small", d->f.dir);
	char *here = xasprintf("%s/here.tar.gz", d->f.dir);
	char *good = xasprintf("%s/store/good", d->f.dir);
	const char *tees[] = { "~/small/x", "~/store/good", NULL };
	char *cmd = xasprintf("mkdir -p %s && mount -t tmpfs -o size=1m "
			      "tmpfs %s 2>/dev/null && echo yes || echo no",
	    small, small);

	if (!shell_is(cmd, "yes")) {
		print_message("           needs root and tmpfs\n");
		goto out;
	}
	assert_true(subject_read_tees(&d->t, 0, true, here, tees) > 6000000);
	check_same(here, good);
	shell("test $(wc -c <%s/x) -lt 2000000", small);
	shell("umount %s", small);
out:
	free(cmd);
	free(small);
	free(here);
	free(good);
}

/* Without tees it is as before. */
static void
test_none(void **state)
{
	struct teed *d = *state;
	char *here = xasprintf("%s/here.tar.gz", d->f.dir);
	const char *none[] = { NULL };

	(void)subject_read_tees(&d->t, 0, true, here, none);
	shell("gzip -t %s", here);
	(void)subject_read(&d->t, 0, false, here);
	shell("tar -tf %s | grep -q random", here);
	free(here);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		T(test_bytes),
		T(test_cannot_make),
		T(test_full),
		T(test_none),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("tee", tests, NULL, NULL);
}
