/*
 * completion.h - what a shell needs to complete our words, from the table.
 *
 * Threads: one.
 */
#ifndef CTL_COMPLETION_H
#define CTL_COMPLETION_H

#include <stdio.h>

#include "base/err.h"

/* The script for "bash", "zsh" or "fish"; ERR_USAGE for any other shell. */
int completion_print(FILE *, const char *shell, struct err *);

#endif
