/* log.c - see log.h. */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

#define LOG_LINE_MAX 4096

static pthread_mutex_t log_lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = STDERR_FILENO;
static char *log_path;
static enum log_level log_min = LOG_INFO;

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static int
log_open_file(const char *path, struct err *e)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1)
		return err_sys(e, errno, "log file '%s'", path);
	return fd;
}

static void
log_swap(int fd)
{
	int old;

	(void)pthread_mutex_lock(&log_lock);
	old = log_fd;
	log_fd = fd;
	(void)pthread_mutex_unlock(&log_lock);
	if (old != STDERR_FILENO)
		(void)close(old);
}

int
log_open(const char *path, enum log_level level, struct err *e)
{
	int fd = STDERR_FILENO;

	if (path != NULL && (fd = log_open_file(path, e)) == -1)
		return -1;
	log_swap(fd);
	free(log_path);
	log_path = path == NULL ? NULL : xstrdup(path);
	log_min = level;
	return 0;
}

int
log_reopen(struct err *e)
{
	int fd;

	if (log_path == NULL)
		return 0;
	if ((fd = log_open_file(log_path, e)) == -1)
		return -1;
	log_swap(fd);
	return 0;
}

void
log_set_level(enum log_level level)
{
	log_min = level;
}

int
log_parse_level(const char *name, enum log_level *out)
{
	unsigned i;

	for (i = 0; i < COUNT_OF(level_names); i++)
		if (strcmp(name, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return 0;
		}
	return -1;
}

void
log_close(void)
{
	log_swap(STDERR_FILENO);
	free(log_path);
	log_path = NULL;
}

void
log_line(enum log_level level, const char *fmt, ...)
{
	char line[LOG_LINE_MAX], when[STR_TIME_MAX];
	struct timeval tv;
	va_list ap;
	size_t n, i;
	int more;

	if (level < log_min)
		return;
	(void)gettimeofday(&tv, NULL);
	str_format_time((int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000, when);
	n = (size_t)snprintf(line, sizeof(line), "%s %-5s ", when,
	    level_names[level]);
	va_start(ap, fmt);
	more = vsnprintf(line + n, sizeof(line) - n, fmt, ap);
	va_end(ap);
	n += more < 0 ? 0 : (size_t)more;
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	for (i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = ' ';
	line[n++] = '\n';
	(void)pthread_mutex_lock(&log_lock);
	while (write(log_fd, line, n) == -1 && errno == EINTR)
		continue;
	(void)pthread_mutex_unlock(&log_lock);
}
