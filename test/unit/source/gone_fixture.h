/*
 * gone_fixture.h - a daemon that dies: the source's operations in a process of
 * their own, which the test kills or freezes at a chosen moment.
 */
#ifndef TEST_SOURCE_GONE_FIXTURE_H
#define TEST_SOURCE_GONE_FIXTURE_H

#include <errno.h>
#include <time.h>

#include "unit/source/docker_fixture.h"

/* The docker program that waits before a command with ${hold} in it. */
static inline void
wrapper_make(struct fixture *f, const char *hold)
{
	shell(
	    "cat >%s/docker <<'END'\n"
	    "#!/bin/sh\n"
	    "case \" $1 \" in *' %s '*) echo held >>%s/held; sleep %s;; esac\n"
	    "exec docker \"$@\"\n"
	    "END\n"
	    "chmod 755 %s/docker; rm -f %s/held",
	    f->dir, hold, f->dir, "5", f->dir, f->dir);
}

static inline char *
cfg_wrapped(struct fixture *f, const char *more)
{
	return xasprintf(
	    "{\"type\": \"docker\", \"project\": \"app\", "
	    "\"docker_path\": \"%s/docker\", "
	    "\"stop\": [\"a\", \"b\"], \"volumes\": [\"vol-a\", \"vol-b\"], "
	    "\"stop_timeout\": 6000, \"lock_wait\": 0, "
	    "\"deadman\": {\"lease\": 2000, \"max_downtime\": 60000}%s}",
	    f->dir, more);
}

struct gone {
	pid_t pid;
	int from; /* A letter for each operation that ended. */
	char run[ENV_UUID_SIZE];
};

static inline void
gone_say(int fd, char c)
{
	if (write(fd, &c, 1) != 1)
		_exit(9);
}

/* "P" prepared, "Q" quiesced, "C" captured, "R" resumed; a small one: failed. */
static inline void
gone_child(struct fixture *f, const char *cfg, const char *run, int fd)
{
	static const struct {
		subject_op *op;
		char letter;
	} ops[] = { { source_prepare, 'P' }, { source_quiesce, 'Q' },
		{ source_capture, 'C' } };
	struct fixture mine;
	struct subject t;
	size_t i;
	enum err_code code;

	memset(&mine, 0, sizeof(mine));
	(void)uv_loop_init(&mine.loop);
	mine.env = env_new(&mine.loop);
	mine.http = http_new(mine.env);
	(void)snprintf(mine.dir, sizeof(mine.dir), "%s", f->dir);
	subject_init(&t, &mine, cfg, run, NULL);
	for (i = 0; i < COUNT_OF(ops); i++) {
		code = subject_do(&t, ops[i].op);
		if (code != ERR_NONE)
			(void)fprintf(stderr, "# %c: %s\n", ops[i].letter,
			    t.err.msg);
		gone_say(fd,
		    code == ERR_NONE        ? ops[i].letter
			: code == ERR_LEASE ? 'l'
					    : 'e');
		if (code != ERR_NONE)
			break;
	}
	/* The beat goes on until somebody ends us. */
	fixture_sleep(&mine, 600000);
	_exit(0);
}

static inline void
gone_start(struct gone *g, struct fixture *f, const char *cfg)
{
	int fds[2];

	env_uuid(f->env, g->run);
	assert_int_equal(pipe(fds), 0);
	g->pid = fork();
	assert_int_not_equal(g->pid, -1);
	if (g->pid == 0) {
		(void)close(fds[0]);
		(void)setpgid(0, 0);
		gone_child(f, cfg, g->run, fds[1]);
	}
	(void)close(fds[1]);
	g->from = fds[0];
}

static inline void
gone_expect(struct gone *g, const char *letters)
{
	char c;
	ssize_t n;

	for (; *letters != '\0'; letters++) {
		do
			n = read(g->from, &c, 1);
		while (n == -1 && errno == EINTR);
		assert_int_equal(n, 1);
		assert_int_equal(c, *letters);
	}
}

static inline void
gone_kill(struct gone *g)
{
	assert_int_equal(kill(-g->pid, SIGKILL), 0);
	assert_int_equal(waitpid(g->pid, NULL, 0), g->pid);
	(void)close(g->from);
}

static inline void
pause_ms(long ms)
{
	struct timespec left = { ms / 1000, ms % 1000 * 1000000 };

	while (nanosleep(&left, &left) == -1)
		assert_int_equal(errno, EINTR);
}

/* Until ${cmd} ends well; fails after ${seconds}. */
static inline void
wait_until(int seconds, const char *cmd)
{
	int i;

	for (i = 0; i < seconds * 5; i++) {
		if (system(cmd) == 0)
			return;
		pause_ms(200);
	}
	fail_msg("not within %d s: %s", seconds, cmd);
}

#define LEASE_S 2

static inline void
app_up(void)
{
	project_up();
	shell("docker stop -t 1 app_off >/dev/null");
}

#define ALL_UP                                                                 \
	"test \"$(docker ps --format '{{.Names}}' | grep ^app_ | "             \
	"sort | tr '\\n' ' ')\" = 'app_a app_b '"

static inline void
wait_held(struct fixture *f)
{
	char *cmd = xasprintf("test -e %s/held", f->dir);

	wait_until(20, cmd);
	free(cmd);
}

/* The daemon comes back: undo finds everything in place and cleans up. */
static inline void
gone_settle(struct gone *g, struct fixture *f, const char *cfg)
{
	struct subject t;

	subject_init(&t, f, cfg, g->run, NULL);
	source_recover(t.s, "CAPTURE", on_subject_recover, &t);
	subject_wait(&t);
	subject_ok(&t, source_undo);
	project_expect("app_a app_b");
	check_host_clean(f);
	subject_ok(&t, source_undo);
	subject_done(&t);
}

#endif
