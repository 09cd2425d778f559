/* loopwatch.c - see loopwatch.h. */
#include "loopwatch.h"

#ifdef RAGBACKUP_TEST_HOOKS
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__linux__)
#include <sys/resource.h>
#endif

#define TURN_MAX_MS 100

static uv_check_t after_poll;
static uv_prepare_t before_poll;
static bool is_watching;

struct turn {
	int64_t wall_ms;
	int64_t cpu_ms;
	long gave_up;
};

static struct turn begun;

static int64_t
clock_ms(clockid_t id)
{
	struct timespec t;

	if (clock_gettime(id, &t) != 0)
		return 0;
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
turn_read(struct turn *t)
{
	t->wall_ms = clock_ms(CLOCK_MONOTONIC);
	t->cpu_ms = clock_ms(CLOCK_THREAD_CPUTIME_ID);
	t->gave_up = 0;
#if defined(__linux__)
	struct rusage u;

	if (getrusage(RUSAGE_THREAD, &u) == 0)
		t->gave_up = u.ru_nvcsw;
#endif
}

static void
on_after_poll(uv_check_t *h)
{
	(void)h;
	turn_read(&begun);
}

static void
on_before_poll(uv_prepare_t *h)
{
	struct turn now;
	int64_t wall, cpu;

	(void)h;
	turn_read(&now);
	wall = now.wall_ms - begun.wall_ms;
	cpu = now.cpu_ms - begun.cpu_ms;
	if (begun.wall_ms == 0 || wall <= TURN_MAX_MS)
		return;
	/* A few short waits (a lock) are no blocking call. */
	if (cpu <= TURN_MAX_MS && now.gave_up - begun.gave_up < 2)
		return;
	(void)fprintf(stderr,
	    "ragbackupd: a turn of the loop took %lld ms "
	    "(%lld ms of CPU, gave up the CPU %ld times)\n",
	    (long long)wall, (long long)cpu, now.gave_up - begun.gave_up);
	if (getenv("RAGBACKUP_LOOPWATCH_WARN") == NULL)
		abort();
}

void
loopwatch_start(uv_loop_t *loop)
{
	(void)uv_check_init(loop, &after_poll);
	(void)uv_prepare_init(loop, &before_poll);
	(void)uv_check_start(&after_poll, on_after_poll);
	(void)uv_prepare_start(&before_poll, on_before_poll);
	uv_unref((uv_handle_t *)&after_poll);
	uv_unref((uv_handle_t *)&before_poll);
	is_watching = true;
}

void
loopwatch_stop(void)
{
	if (!is_watching)
		return;
	is_watching = false;
	uv_close((uv_handle_t *)&after_poll, NULL);
	uv_close((uv_handle_t *)&before_poll, NULL);
}
#else
typedef int loopwatch_unused;
#endif
