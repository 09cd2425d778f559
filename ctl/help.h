/*
 * help.h - usage, from the command table.
 *
 * Threads: one.
 */
#ifndef CTL_HELP_H
#define CTL_HELP_H

#include <stdio.h>

#include "wire/ctl_cmds.h"

/* Of all commands, or of ${cmd}. */
void help_print(FILE *, const struct ctl_cmd *cmd);

#endif
