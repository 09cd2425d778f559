/*
 * docker_fixture.h - a Docker engine for the tests of one program, and a small
 * project on it.  Without root or dockerd they are skipped.
 */
#ifndef TEST_SOURCE_DOCKER_FIXTURE_H
#define TEST_SOURCE_DOCKER_FIXTURE_H

#include "unit/source/fixture.h"

#define CFG_AB                                                                 \
	"{\"type\": \"docker\", \"project\": \"app\", "                        \
	"\"stop\": [\"a\", \"b\"], \"volumes\": [\"vol-a\", \"vol-b\"], "      \
	"\"stop_timeout\": 10000, \"lock_wait\": 0, "                          \
	"\"deadman\": {\"lease\": 3000, \"max_downtime\": 60000}}"

#define CFG_OF(stop, volumes, more)                                            \
	"{\"type\": \"docker\", "                                              \
	"\"project\": \"app\", \"stop\": [" stop "], \"volumes\": [" volumes   \
	"], \"stop_timeout\": 2000, \"lock_wait\": 0, "                        \
	"\"deadman\": {\"lease\": 3000, \"max_downtime\": 60000}" more "}"

static char engine_dir[64];

static inline int
engine_start(void **state)
{
	static struct fixture f;
	char *host;

	if (geteuid() != 0 ||
	    system("command -v dockerd docker busybox "
		   ">/dev/null 2>&1") != 0) {
		print_message("1..0 # SKIP needs root and a Docker engine\n");
		exit(0);
	}
	(void)snprintf(engine_dir, sizeof(engine_dir), "/tmp/rbeng.XXXXXX");
	assert_non_null(mkdtemp(engine_dir));
	fixture_init(&f);
	*state = &f;
	host = shell_out("test/services/docker start %s | tail -n 1",
	    engine_dir);
	assert_int_equal(setenv("DOCKER_HOST", host, 1), 0);
	assert_int_equal(unsetenv("DOCKER_CONTEXT"), 0);
	free(host);
	return 0;
}

static inline int
engine_stop(void **state)
{
	shell("test/services/docker destroy %s", engine_dir);
	fixture_done(*state);
	return 0;
}

/*
 * Containers of project "app": a with volume vol-a, b with vol-b, and one more
 * with none.  ${body} runs in a; it ends at once when asked to.
 */
static inline void
container_up(const char *service, const char *volume, const char *body)
{
	shell("docker run -d --name app_%s --label "
	      "com.docker.compose.project=app --label "
	      "com.docker.compose.service=%s --label "
	      "com.docker.compose.oneoff=False -v %s:/d alpine sh -c '%s' "
	      ">/dev/null",
	    service, service, volume, body);
}

#define POLITE "trap \"exit 0\" TERM; while :; do sleep 0.1; done"

static inline void
project_up(void)
{
	shell("docker volume create app_vol-a >/dev/null && "
	      "docker volume create app_vol-b >/dev/null && "
	      "cd $(docker volume inspect -f '{{.Mountpoint}}' app_vol-a) && "
	      "mkdir -p deep && seq 1 20000 >deep/kv_store.json && "
	      "ln -f deep/kv_store.json twin && ln -sf ../else link && "
	      "chown -R 7474:7474 deep && chmod 2751 deep && "
	      "touch -d '2021-01-01 01:01:01.5' deep/kv_store.json deep");
	container_up("a", "app_vol-a", POLITE);
	container_up("b", "app_vol-b", POLITE);
	container_up("off", "app_vol-b", POLITE);
}

static inline void
project_down(void)
{
	shell("docker rm -f $(docker ps -aq) >/dev/null && "
	      "docker volume rm $(docker volume ls -q) >/dev/null");
}

/* What of it runs: names without the order of their start. */
static inline void
project_expect(const char *want)
{
	char *got =
	    shell_out("docker ps --format '{{.Names}}' | "
		      "grep ^app_ | sort | tr '\\n' ' ' | sed 's/ $//' || :");

	assert_string_equal(got, want);
	free(got);
}

static inline void
check_host_clean(struct fixture *f)
{
	char *left =
	    shell_out("find %s/.ragbackup ! -type d 2>/dev/null; "
		      "docker ps -aq --filter label=ragbackup.run; "
		      "docker volume ls -q --filter label=ragbackup.run",
		f->dir);

	assert_string_equal(left, "");
	free(left);
}

#endif
