/*
 * ctl_cmds.h - the table of commands, and what its syntax column means.
 *
 * The words behind a command are "NAME" (an argument), "[NAME]" (one that may
 * be left out), "--option VALUE" (needed), "[--option VALUE]" and "[--flag]".  On the wire an argument is
 * a member of "args" called by its name in lower case, an option by its name
 * without the dashes; "-" inside a name becomes "_".  RUN and N are positive
 * integers, flags are true, all else is a string; T is RFC 3339.
 * Threads: any.
 */
#ifndef WIRE_CTL_CMDS_H
#define WIRE_CTL_CMDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum ctl_access { CTL_READ, CTL_WRITE };
enum ctl_answer { CTL_ONE, CTL_MANY };

enum ctl_cmd_id {
#define CTL_CMD(name, syntax, access, streams, answer, help) CTL_CMD_##name,
#include "wire/ctl_cmds.def"
#undef CTL_CMD
	CTL_CMD_COUNT
};

struct ctl_cmd {
	enum ctl_cmd_id id;
	const char *name;
	const char *syntax;
	enum ctl_access access;
	bool streams;
	enum ctl_answer answer;
	const char *help;
};

extern const struct ctl_cmd ctl_cmds[CTL_CMD_COUNT];

/* NULL for an unknown one; ctl_cmd_nearest() may know what was meant. */
const struct ctl_cmd *ctl_cmd_find(const char *name);
const char *ctl_cmd_nearest(const char *name);

#define CTL_PARAM_MAX 8

struct ctl_param {
	char name[24];   /* As on the wire. */
	char option[24]; /* As typed, without the dashes in front. */
	char kind[16];   /* "JOB", "RUN", "T"; "" for a flag. */
	bool is_option;
	bool is_required;
};

size_t ctl_cmd_params(const struct ctl_cmd *, struct ctl_param *);

/* The value of one word, a new reference. */
json_t *ctl_param_parse(const struct ctl_param *, const char *, struct err *);
/* Whether ${args} (may be NULL) is what the command takes; ERR_USAGE. */
int ctl_cmd_check_args(const struct ctl_cmd *, const json_t *args,
    struct err *);

#endif
