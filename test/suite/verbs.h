/*
 * verbs.h - one thing done to a store, for those who watch it from outside.
 */
#ifndef TEST_SUITE_VERBS_H
#define TEST_SUITE_VERBS_H

#include "suite.h"

/* Do ${verb}, close the store and all, and return the exit status. */
int verb_run(struct suite *, const char *verb, char **args, int nargs);

#endif
