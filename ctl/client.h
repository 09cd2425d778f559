/*
 * client.h - one request to the daemon, from connecting to the end.
 *
 * Threads: one; runs a loop of its own.
 */
#ifndef CTL_CLIENT_H
#define CTL_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct client_opt {
	const char *socket;
	const char *cmd;
	const json_t *args;
	bool is_many;    /* The answer is an array of its data lines. */
	bool streams;    /* May take as long as it takes. */
	int progress_fd; /* -1: progress is not shown. */
	bool is_terminal;
};

struct client_answer {
	json_t *value; /* Data; NULL if there was none. */
	json_t *end;
	int64_t run;         /* That was watched; 0 if none. */
	bool is_interrupted; /* Ctrl-C: watching stopped, nothing else. */
};

/**
 * client_ask(opt, a, e):
 * Return 0 with ${a} filled, or -1 with ${e}: ERR_UNAVAILABLE when the daemon
 * cannot be reached or went away, else what it answered.  ${a} is to be freed
 * by client_answer_done() either way.
 */
int client_ask(const struct client_opt *, struct client_answer *, struct err *);
void client_answer_done(struct client_answer *);

#endif
