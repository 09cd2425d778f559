/*
 * tools.h - run a program on bytes: what other people's tools think of them.
 */
#ifndef TEST_STREAM_TOOLS_H
#define TEST_STREAM_TOOLS_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"

/* A directory of the test's own; tools_done() removes it. */
static char tools_dir[64];

static __attribute__((unused)) void
tools_init(void)
{
	(void)snprintf(tools_dir, sizeof(tools_dir), "%s",
	    "/tmp/rbstream.XXXXXX");
	BUG_IF(mkdtemp(tools_dir) == NULL);
}

static __attribute__((unused)) void
tools_done(void)
{
	struct err e = ERR_INIT;

	BUG_IF(file_remove_tree(tools_dir, &e) == -1);
}

/* Run a shell command in the directory; its exit status. */
static __attribute__((unused)) int
tools_run(const char *command)
{
	char *line = xasprintf("cd '%s' && { %s; } >>log 2>&1 </dev/null",
	    tools_dir, command);
	int status = system(line);

	free(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

static __attribute__((unused)) bool
tools_has(const char *program)
{
	char *line = xasprintf("command -v %s", program);
	bool has = tools_run(line) == 0;

	free(line);
	return has;
}

static __attribute__((unused)) void
tools_write(const char *name, const void *p, size_t n)
{
	char *path = file_join(tools_dir, name);
	FILE *f = fopen(path, "wb");

	BUG_IF(f == NULL || fwrite(p, 1, n, f) != n || fclose(f) != 0);
	free(path);
}

static __attribute__((unused)) char *
tools_read(const char *name, size_t *n)
{
	char *path = file_join(tools_dir, name), *text;
	struct err e = ERR_INIT;

	text = file_slurp(path, (size_t)1 << 30, n, &e);
	free(path);
	return text;
}

#endif
