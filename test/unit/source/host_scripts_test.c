/*
 * host_scripts_test.c - the scripts by themselves, with a docker that says what
 * a real one says on a bad day.
 */
#include "unit/source/fixture.h"

#include "source/host/scripts.h"
#include "source/hosted.h"

static struct fixture f;

static void
part_write(const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", f.dir, name);
	FILE *to = fopen(path, "w");

	assert_non_null(to);
	assert_true(fputs(text, to) >= 0);
	assert_int_equal(fclose(to), 0);
	free(path);
}

/* The scripts, a run's folder, a docker that does ${docker}, in $HOME. */
static int
bad_day_start(void **state)
{
	(void)state;
	fixture_init(&f);
	part_write("state.sh", host_script_state);
	part_write("switch.sh", host_script_switch);
	part_write("verbs.sh", host_script_verbs);
	part_write("engine.sh", host_script_docker_engine);
	part_write("copy.sh", host_script_docker_copy);
	part_write("docker.sh", host_script_docker);
	part_write("all.sh",
	    "RB_INSTANCE=i RB_RUN=r RB_JOB=j RB_MODE=docker RB_LEASE=60\n"
	    "RB_MAX=600 RB_LOCK_WAIT=0 RB_DOCKER=$HOME/docker RB_DOCKER_HOST=\n"
	    "RB_MADE=yes RB_STOP= RB_COMPOSE= RB_RAN='id1 id2'\n"
	    "for part in state switch verbs engine copy docker; do\n"
	    ". $HOME/$part.sh\n"
	    "done\n"
	    "state_check\n"
	    "mkdir -p $RUN/steps\n"
	    "DK=$HOME/docker\n"
	    "echo boot=$(boot_id) >$RUN/conf\n"
	    "echo lease=1 >>$RUN/conf\n"
	    "echo max=600 >>$RUN/conf\n"
	    "echo 'id1 t1 1 running a app-a-1' >$RUN/ran\n"
	    "echo 'id2 t2 1 running b app-b-1' >>$RUN/ran\n");
	return 0;
}

static int
bad_day_end(void **state)
{
	(void)state;
	fixture_done(&f);
	return 0;
}

static void
docker_is(const char *text)
{
	part_write("docker", "#!/bin/sh\necho \"$*\" >>$HOME/asked\n");
	shell("cat >>$HOME/docker <<'END'\n%s\nEND\n"
	      "chmod 700 $HOME/docker; rm -f $HOME/asked",
	    text);
}

static void
check_says(const char *script, const char *want)
{
	char *got = shell_out(". $HOME/all.sh\n%s", script);

	assert_string_equal(got, want);
	free(got);
}

#define LOOK                                                                   \
	"fire_look && echo \"down:$DOWN gone:$GONE\" || echo \"fault: $FAULT\""

/* Of an engine that hangs nothing is known: nobody is gone. */
static void
test_silent_engine(void **state)
{
	(void)state;
	docker_is("exit 137");
	check_says(LOOK, "fault: no answer from docker");
	docker_is("echo Cannot connect to the Docker daemon >&2; exit 1");
	check_says(LOOK, "fault: Cannot connect to the Docker daemon");
}

static void
test_removed_container(void **state)
{
	(void)state;
	docker_is("echo WARNING: no config >&2\n"
		  "echo = id1 false t1 0\n"
		  "echo Error: No such object: id2 >&2; exit 1");
	check_says(LOOK, "down: id1 gone: app-b-1");
	docker_is("echo WARNING: no config >&2\n"
		  "echo = id1 true t9 0; echo = id2 true t9 0");
	check_says(LOOK, "down: gone:");
}

/* A disk too full for its sign of life is no reason to leave. */
static void
test_full_disk(void **state)
{
	(void)state;
	check_says("beat; : >$RUN/token.armed\n"
		   "put() { cat >/dev/null; return 1; }\n"
		   "fire() { echo fired $1 >$HOME/fired; }\n"
		   "(helper $RUN test); cat $HOME/fired",
	    "fired lease");
}

#define STEP "epoch() { echo $(($(date +%%s) %s 3600)); }\n"

/* The clock steps by an hour: a stop is still under way, a beat still fresh. */
static void
check_step(const char *by)
{
	char *script = xasprintf("beat; echo \"id1 $(moment) 60\" "
				 ">$RUN/stopping\n" STEP
				 "stop_in_flight id1 t1 t1 && echo waits\n"
				 "[ $(age_of $RUN/beat) -lt 5 ] && echo fresh",
	    by);

	check_says(script, "waits\nfresh");
	free(script);
}

static void
test_clock_step(void **state)
{
	(void)state;
	if (access("/proc/uptime", R_OK) != 0)
		skip();
	check_step("+");
	check_step("-");
	/* Ended long ago by the clock that does not step. */
	check_says("echo \"id1 $(($(moment) - 66)) 60\" >$RUN/stopping\n"
		   "stop_in_flight id1 t1 t1 || echo over",
	    "over");
}

/* Another host's life, in a home that two of them share. */
static void
test_shared_home(void **state)
{
	(void)state;
	check_says("echo \"5 $(epoch) other-boot 0 1\" >$RUN/beat\n"
		   "[ $(age_of $RUN/beat) -lt 5 ] && echo fresh",
	    "fresh");
}

/* The same home by another name: the same locks, and not somebody else's. */
static void
test_home_spelling(void **state)
{
	(void)state;
	check_says("_one=$RUN; ln -s $HOME $HOME/link\n"
		   "HOME=$HOME/link/; state_names\n"
		   "[ $RUN = $_one ] && echo same",
	    "same");
}

/* A lock that cannot be made is an error, and soon. */
static void
test_lock_impossible(void **state)
{
	(void)state;
	docker_is("exit 0");
	check_says("echo key >$RUN/keys; : >$RUN/token.armed\n"
		   "ln() { return 1; }\n"
		   "moment() { echo 100; }\n"
		   "(lock_take) | sed \"s,$LOCKS,LOCKS,\" | tr '\\t' ' '",
	    "error io cannot make the lock LOCKS/key");
}

/* What was removed while nobody looked is not owed for ever. */
static void
test_recover_removed(void **state)
{
	(void)state;
	docker_is("[ \"$1\" != ps ] || echo id2");
	check_says("kind_recover >/dev/null 2>&1\n"
		   "grep '^start' $HOME/asked",
	    "start id2");
}

/* Without a project a name that two of them have is nobody's in particular. */
static void
test_two_projects(void **state)
{
	(void)state;
	check_says("RB_STOP=db PROJECT=\n"
		   "TABLE='C id1 running t t 0 i one db False - /one-db-1 -\n"
		   "C id2 running t t 0 i two db False - /two-db-1 -'\n"
		   "(plan_make) | tr '\\t' ' '\n"
		   "PROJECT=two; plan_make; printf '%s\\n' \"$PLAN\"",
	    "error config 'db' is in several projects: say which (project)\n"
	    "id2 t 1 running db two-db-1");
}

/* An image may declare volumes: they go with the container. */
static void
test_clean_volumes(void **state)
{
	(void)state;
	docker_is("[ \"$1\" != ps ] || echo id9");
	check_says("kind_clean; grep '^rm' $HOME/asked", "rm -fv id9");
}

/* Whatever a host says, the daemon goes on. */
static void
test_odd_bytes(void **state)
{
	static const char *const odd[] = { "size\t\xff\t3", "arm\t\xfe",
		"report\t\xc3\tx", "container\t\xff\tid\trunning" };
	struct hosted h;
	char *line;
	size_t i;

	(void)state;
	memset(&h, 0, sizeof(h));
	h.st = json_object();
	for (i = 0; i < COUNT_OF(odd); i++) {
		line = xstrdup(odd[i]);
		hosted_line(&h, line);
		free(line);
	}
	assert_int_equal(json_get_int(json_get_object(h.st, "kib"), "?", 0), 3);
	json_decref(h.st);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_silent_engine,
		    bad_day_start, bad_day_end),
		cmocka_unit_test_setup_teardown(test_removed_container,
		    bad_day_start, bad_day_end),
		cmocka_unit_test_setup_teardown(test_full_disk, bad_day_start,
		    bad_day_end),
		cmocka_unit_test_setup_teardown(test_clock_step, bad_day_start,
		    bad_day_end),
		cmocka_unit_test_setup_teardown(test_shared_home, bad_day_start,
		    bad_day_end),
		cmocka_unit_test_setup_teardown(test_home_spelling,
		    bad_day_start, bad_day_end),
		cmocka_unit_test_setup_teardown(test_lock_impossible,
		    bad_day_start, bad_day_end),
		cmocka_unit_test_setup_teardown(test_recover_removed,
		    bad_day_start, bad_day_end),
		cmocka_unit_test_setup_teardown(test_two_projects,
		    bad_day_start, bad_day_end),
		cmocka_unit_test_setup_teardown(test_clean_volumes,
		    bad_day_start, bad_day_end),
		cmocka_unit_test(test_odd_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
