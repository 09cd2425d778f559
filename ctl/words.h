/*
 * words.h - the command line, read by the command table.
 *
 * Threads: one.
 */
#ifndef CTL_WORDS_H
#define CTL_WORDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "wire/ctl_cmds.h"

struct words {
	const struct ctl_cmd *cmd; /* NULL: only help or the version. */
	json_t *args;
	const char *socket; /* Borrowed from argv, as config. */
	const char *config;
	bool is_json;
	bool wants_help;
	bool wants_version;
	bool wants_completion;
	const char *shell; /* Of the completion. */
};

/**
 * words_parse(argc, argv, now_ms, w, e):
 * Read the words behind the program's name.  Options of the program may stand
 * anywhere, those of a command behind it, as "--name value" or "--name=value";
 * "--" ends them.  ERR_USAGE with a suggestion where there is one.  ${w} is to
 * be freed by words_done() either way.
 */
int words_parse(int argc, char **argv, int64_t now_ms, struct words *,
    struct err *);
void words_done(struct words *);

/* One of the commands that make a task and follow it: verify, copy, ... */
bool words_is_task(const struct words *);
/* Whether the daemon's answer comes only when a run has ended. */
bool words_waits(const struct words *);

#endif
