/*
 * describe_test.c - snapshot.json from a stranger is refused, and the README.md
 * restores: its ```sh blocks are run as they stand, by the shells there are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "snapshot/describe.h"

#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static json_t *
artifact(const char *name, const char *kind, const char *of)
{
	json_t *a = json_object();

	json_put_str(a, "name", name);
	json_put_str(a, "kind", kind);
	json_put_str(a, "of", of);
	json_put_int(a, "size", 100);
	json_put_str(a, "sha256", HEX);
	json_put_int(a, "plain_size", 1000);
	json_put_str(a, "plain_sha256", HEX);
	json_put_str(a, "compression", "gzip");
	return a;
}

static json_t *
snapshot(void)
{
	json_t *o = json_object();

	json_put_int(o, "format", SNAPSHOT_FORMAT);
	json_put_str(o, "id", "20260418-085317");
	json_put_str(o, "job", "lightrag");
	json_put_str(o, "instance", "i");
	json_put_str(o, "run", "r");
	json_put_str(o, "created", "2026-04-18T08:53:20Z");
	json_put_str(o, "as_of", "2026-04-18T08:53:17Z");
	json_put(o, "downtime_ms", json_null());
	json_put(o, "source", json_pack("{s:s,s:n}", "type", "docker", "host"));
	json_put(o, "versions", json_object());
	json_put_str(o, "tools", "ragbackup test");
	json_put(o, "artifacts", json_array());
	json_put(o, "requires", json_array());
	json_put(o, "external", json_array());
	json_put(o, "warnings", json_array());
	return o;
}

static void
add(json_t *o, json_t *a)
{
	(void)json_array_append_new(json_object_get(o, "artifacts"), a);
}

static void
test_check(void **state)
{
	static const char *const bad[] = { "{\"format\":2}",
		"{\"format\":null}", "{\"id\":\"../x\"}", "{\"id\":null}",
		"{\"job\":\"a/b\"}", "{\"as_of\":\"yesterday\"}",
		"{\"downtime_ms\":-1}", "{\"downtime_ms\":\"5\"}",
		"{\"source\":{}}", "{\"source\":[]}", "{\"artifacts\":{}}",
		"{\"artifacts\":[5]}", "{\"requires\":[\"x\"]}",
		"{\"external\":[\"x\"]}", "{\"warnings\":[1]}",
		"{\"tools\":\"a\\nb\"}",
		"{\"source\":{\"type\":\"docker\",\"stop\":[\"a\\n```\"]}}" };
	static const char *const bad_artifacts[] = {
		"{\"name\":\"../../etc/cron.d/x\"}", "{\"name\":\".claim\"}",
		"{\"size\":-1}", "{\"size\":1.5}", "{\"sha256\":\"ab\"}",
		"{\"sha256\":null}", "{\"plain_size\":-1}", "{\"kind\":5}",
		"{\"of\":\"-v/:/dst\"}", "{\"of\":\"/etc:/x\"}",
		"{\"kind\":\"path\",\"of\":\"rel\"}", "{\"of\":\"a\\u001b[2J\"}"
	};
	json_t *o, *change;
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	o = snapshot();
	add(o, artifact("a.tar.gz", "volume", "a"));
	add(o, artifact("b.tar.gz", "path", "/srv/it's b"));
	(void)json_array_append_new(json_object_get(o, "warnings"),
	    json_string("two\nlines"));
	assert_int_equal(snapshot_json_check(o, &e), 0);
	json_decref(o);
	for (i = 0; i < COUNT_OF(bad); i++) {
		o = snapshot();
		change = json_loads(bad[i], 0, NULL);
		assert_non_null(change);
		(void)json_object_update(o, change);
		json_decref(change);
		err_clear(&e);
		assert_int_equal(snapshot_json_check(o, &e), -1);
		assert_int_equal(e.code, ERR_CORRUPT);
		json_decref(o);
	}
	for (i = 0; i < COUNT_OF(bad_artifacts); i++) {
		o = snapshot();
		add(o, artifact("a.tar.gz", "volume", "a"));
		change = json_loads(bad_artifacts[i], 0, NULL);
		assert_non_null(change);
		(void)json_object_update(json_array_get(json_object_get(o,
							    "artifacts"),
					     0),
		    change);
		json_decref(change);
		assert_int_equal(snapshot_json_check(o, &e), -1);
		json_decref(o);
	}
	o = snapshot();
	add(o, artifact("a.tar.gz", "volume", "a"));
	add(o, artifact("a.tar.gz", "volume", "b"));
	assert_int_equal(snapshot_json_check(o, &e), -1);
	json_decref(o);
	assert_int_equal(snapshot_json_check(NULL, &e), -1);
}

/* A folder for one test, with a shell in it. */
struct place {
	char dir[64];
};

static int
setup(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));

	(void)alarm(60);
	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/rb-readme-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	*state = p;
	return 0;
}

static int
teardown(void **state)
{
	struct place *p = *state;

	assert_int_equal(file_remove_tree(p->dir, NULL), 0);
	free(p);
	return 0;
}

/* Run a script in the place; what it says is shown if it fails. */
static int
run(struct place *p, const char *script)
{
	char *line = xasprintf("cd %s && { %s\n} >out 2>&1 || { cat out; "
			       "false; }",
	    p->dir, script);
	int rc = system(line);

	free(line);
	return rc;
}

/* README.md and its blocks as one script, in snap/. */
static void
write_readme(struct place *p, const json_t *o)
{
	char *text = snapshot_readme(o),
	     *path = xasprintf("%s/snap/README.md", p->dir);

	assert_int_equal(file_publish(path, text, strlen(text), false, NULL),
	    0);
	assert_int_equal(
	    run(p,
		"cd snap && awk '/^```sh$/ { on = 1; next } "
		"/^```$/ { on = 0 } on' README.md >../blocks.sh && "
		"{ sha256sum *.tar.gz README.md || "
		"shasum -a 256 *.tar.gz README.md; } >MANIFEST.sha256"),
	    0);
	free(path);
	free(text);
}

static const char *const shells[] = { "sh", "dash", "bash", "busybox sh", "zsh",
	"mksh" };

static bool
has_shell(const char *shell)
{
	char *line = xasprintf("%s -c true 2>/dev/null", shell);
	bool is_there = system(line) == 0;

	free(line);
	return is_there;
}

static void
restore_folder(struct place *p, const char *shell)
{
	char *line;

	line = xasprintf(
	    "rm -rf \"it's here\" other && (cd snap && "
	    "%s -e ../blocks.sh) && cmp data/b/f \"it's here/b/f\" && "
	    "test -x \"it's here/x\" && test -h \"it's here/l\" && "
	    "diff -r data \"it's here\" && "
	    "test \"$(ls -ln data/own | awk '{ print $1, $3, $4, $6, $7, $8 }')\" = "
	    "\"$(ls -ln \"it's here/own\" | awk '{ print $1, $3, $4, $6, $7, $8 }')\"",
	    shell);
	assert_int_equal(run(p, line), 0);
	free(line);
	/* Elsewhere by one variable; not over something that is there. */
	line = xasprintf(
	    "(cd snap && TARGET=\"$PWD/../other\" "
	    "%s -e ../blocks.sh) && diff -r data other && "
	    "! (cd snap && TARGET=\"$PWD/../other\" %s -e ../blocks.sh)",
	    shell, shell);
	assert_int_equal(run(p, line), 0);
	free(line);
}

static void
test_folder(void **state)
{
	struct place *p = *state;
	json_t *o = snapshot();
	char *of = xasprintf("%s/it's here", p->dir);
	size_t i;

	assert_int_equal(
	    run(p,
		"mkdir -p snap data/b && echo f >data/b/f && "
		"echo x >data/x && chmod 750 data/x && ln -s x data/l && "
		"echo o >data/own && { chown 12345:54321 data/own || :; } && "
		"touch -t 202001010000 data/own data/b && "
		"tar -czf snap/d.tar.gz -C data ."),
	    0);
	json_put(o, "source", json_pack("{s:s}", "type", "directory"));
	add(o, artifact("d.tar.gz", "path", of));
	write_readme(p, o);
	for (i = 0; i < COUNT_OF(shells); i++)
		if (has_shell(shells[i]))
			restore_folder(p, shells[i]);
		else
			print_message("no %s here\n", shells[i]);
	free(of);
	json_decref(o);
}

/* Two folders go into one place, each under its own name. */
static void
test_folders(void **state)
{
	struct place *p = *state;
	json_t *o = snapshot();

	assert_int_equal(run(p,
			     "mkdir -p snap a b && echo 1 >a/f && "
			     "echo 2 >b/f && tar -czf snap/a.tar.gz -C a . && "
			     "tar -czf snap/b.tar.gz -C b ."),
	    0);
	add(o, artifact("a.tar.gz", "path", "~/a"));
	add(o, artifact("b.tar.gz", "path", "/nonexistent/$(touch x)`id`\"b"));
	write_readme(p, o);
	assert_int_equal(
	    run(p,
		"(cd snap && TARGET=\"$PWD/../to\" sh -e "
		"../blocks.sh) && diff -r a to/a && diff -r b to/b && "
		"test ! -e snap/x"),
	    0);
	assert_int_equal(run(p,
			     "grep -q '^DIR=\"$HOME\"'\\''/a'\\''$' "
			     "blocks.sh"),
	    0);
	json_decref(o);
}

/* A docker that keeps volumes in folders and notes what it was asked. */
static const char shim[] =
    "mkdir -p bin vols && cat >bin/docker <<'EOF'\n"
    "#!/bin/sh\n"
    "top=$(cd \"$(dirname \"$0\")/..\" && pwd)\n"
    "echo \"docker $*\" | head -1 >>\"$top/calls\"\n"
    "case \"$1 $2\" in\n"
    "'volume inspect') test -d \"$top/vols/$3\"; exit ;;\n"
    "'volume create') mkdir \"$top/vols/$3\"; exit ;;\n"
    "'compose version') exit 0 ;;\n"
    "'ps -aq') test ! -e \"$top/ids\" || cat \"$top/ids\"; exit 0 ;;\n"
    "'stop c1' | 'start c1') exit 0 ;;\n"
    "compose*) pwd >>\"$top/calls\"; exit 0 ;;\n"
    "'run --rm') ;;\n"
    "*) exit 1 ;;\n"
    "esac\n"
    "test \"$3 $4 $5\" = '--network none -v' || exit 1\n"
    "dst=${6%:/dst} src=${8%:/src:ro}\n"
    "case $9 in alpine) ;; *) exit 1 ;; esac\n"
    "test -d \"$top/vols/$dst\" || exit 1\n"
    "shift 11\n"
    "text=$(printf '%s' \"$1\" | sed -e \"s#/dst#$top/vols/$dst#g\" "
    "-e \"s#/src#$src#g\")\n"
    "shift\n"
    "exec sh -c \"$text\" \"$@\"\n"
    "EOF\n"
    "chmod +x bin/docker";

static void
test_volumes(void **state)
{
	struct place *p = *state;
	json_t *o = snapshot();
	char *compose = xasprintf("%s/my project", p->dir);

	assert_int_equal(run(p, shim), 0);
	assert_int_equal(
	    run(p,
		"mkdir -p snap kg neo 'my project' && "
		"echo 1 >kg/f && echo 2 >neo/f && tar -czf snap/kg.tar.gz -C kg . "
		"&& tar -czf snap/neo.tar.gz -C neo ."),
	    0);
	json_put(o, "source",
	    json_pack("{s:s,s:s,s:s,s:[s,s]}", "type", "docker", "host", "vm",
		"compose", compose, "stop", "lightrag", "neo4j"));
	add(o, artifact("kg.tar.gz", "volume", "lightrag-kg"));
	add(o, artifact("neo.tar.gz", "volume", "lightrag-neo4j"));
	write_readme(p, o);
	/* Beside the old ones: nothing is stopped. */
	assert_int_equal(run(p,
			     "(cd snap && PATH=\"$PWD/../bin:$PATH\" "
			     "VOLUME_PREFIX=new- sh -e ../blocks.sh) && "
			     "diff -r kg vols/new-lightrag-kg && "
			     "diff -r neo vols/new-lightrag-neo4j && "
			     "! grep compose calls && rm calls"),
	    0);
	/* In their place: stopped in order, started in reverse. */
	assert_int_equal(
	    run(p,
		"(cd snap && PATH=\"$PWD/../bin:$PATH\" "
		"sh -e ../blocks.sh) && diff -r kg vols/lightrag-kg && "
		"grep -e 'compose st' -e project calls >got && "
		"printf '%s\\n' 'docker compose stop lightrag neo4j' "
		"\"$PWD/my project\" 'docker compose start neo4j lightrag' "
		"\"$PWD/my project\" >want && cmp got want"),
	    0);
	/* Not into a volume that has something. */
	assert_int_equal(run(p,
			     "! (cd snap && PATH=\"$PWD/../bin:$PATH\" "
			     "VOLUME_PREFIX=new- sh -e ../blocks.sh) && "
			     "grep -q 'not empty' out"),
	    0);
	free(compose);
	json_decref(o);
}

/* No folder of Compose is known: its labels tell; nothing there is no error. */
static void
test_labels(void **state)
{
	struct place *p = *state;
	json_t *o = snapshot();

	assert_int_equal(run(p, shim), 0);
	assert_int_equal(run(p,
			     "mkdir -p snap kg && echo 1 >kg/f && "
			     "tar -czf snap/kg.tar.gz -C kg ."),
	    0);
	json_put(o, "source",
	    json_pack("{s:s,s:s,s:[s]}", "type", "docker", "project", "it's",
		"stop", "neo 4j"));
	add(o, artifact("kg.tar.gz", "volume", "kg"));
	write_readme(p, o);
	assert_int_equal(
	    run(p,
		"(cd snap && PATH=\"$PWD/../bin:$PATH\" "
		"sh -e ../blocks.sh) && diff -r kg vols/kg && "
		"grep -q \"project=it's --filter.*service=neo 4j\" calls && "
		"! grep -e stop -e start calls && rm calls && rm -r vols/kg"),
	    0);
	assert_int_equal(
	    run(p,
		"echo c1 >ids && (cd snap && "
		"PATH=\"$PWD/../bin:$PATH\" sh -e ../blocks.sh) && "
		"grep -q 'docker stop c1' calls && "
		"grep -q 'docker start c1' calls"),
	    0);
	json_decref(o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		cmocka_unit_test(test_check),
		T(test_folder),
		T(test_folders),
		T(test_volumes),
		T(test_labels),
	};

	return cmocka_run_group_tests_name("describe", tests, NULL, NULL);
}
