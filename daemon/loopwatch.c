/* loopwatch.c - see loopwatch.h. */
#include "loopwatch.h"

#ifdef RAGBACKUP_TEST_HOOKS
#include "base/loopwait.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__linux__)
#include <fcntl.h>
#include <inttypes.h>
#include <unistd.h>
#endif

#define TURN_MAX_MS 100

static uv_check_t after_poll;
static uv_prepare_t before_poll;
static bool is_watching;

struct turn {
	int64_t wall_ms;
	int64_t cpu_ms;
	int64_t queued_ms; /* Ready to run, but others had the CPUs. */
	int64_t spawn_ms;  /* Waited for children to reach their exec. */
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

/*
 * schedstat(5): nanoseconds on a CPU, then nanoseconds in its queue.  Without
 * it (macOS) a blocking call cannot be told from a busy machine.
 */
static int64_t
queued_ms(int64_t otherwise)
{
#if defined(__linux__)
	static int fd = -1;
	char text[96];
	int64_t ran, queued;
	ssize_t n;

	if (fd == -1)
		fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	n = fd == -1 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
	if (n > 0) {
		text[n] = '\0';
		if (sscanf(text, "%" SCNd64 " %" SCNd64, &ran, &queued) == 2)
			return queued / 1000000;
	}
#endif
	return otherwise;
}

static void
turn_read(struct turn *t)
{
	t->wall_ms = clock_ms(CLOCK_MONOTONIC);
	t->cpu_ms = clock_ms(CLOCK_THREAD_CPUTIME_ID);
	t->queued_ms = queued_ms(t->wall_ms - t->cpu_ms);
	t->spawn_ms = loopwait_total_ms();
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
	int64_t wall, cpu, queued, spawn;

	(void)h;
	turn_read(&now);
	wall = now.wall_ms - begun.wall_ms;
	cpu = now.cpu_ms - begun.cpu_ms;
	queued = now.queued_ms - begun.queued_ms;
	spawn = now.spawn_ms - begun.spawn_ms;
	if (begun.wall_ms == 0 || wall - queued - spawn <= TURN_MAX_MS)
		return;
	(void)fprintf(stderr,
	    "ragbackupd: a turn of the loop took %lld ms (%lld ms of "
	    "CPU, %lld ms in the queue for one, %lld ms in uv_spawn)\n",
	    (long long)wall, (long long)cpu, (long long)queued,
	    (long long)spawn);
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
