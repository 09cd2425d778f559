/*
 * id.h - snapshot ids: UTC "YYYYMMDD-HHMMSS", the runbook's form, with "-2" and
 * so on when taken.  Pure.
 */
#ifndef SNAPSHOT_ID_H
#define SNAPSHOT_ID_H

#include <stdbool.h>
#include <stdint.h>

#define SNAPSHOT_ID_MAX 32

/* The id for instant ${ms}; ${n} is 1 for the plain form, 2 for "-2" ... */
void snapshot_id_format(int64_t ms, unsigned n, char out[SNAPSHOT_ID_MAX]);
bool snapshot_id_is_valid(const char *);
/* The instant in the id, -1 for what is no id. */
int64_t snapshot_id_time(const char *);
/* Order by time, then suffix: <0, 0, >0. */
int snapshot_id_compare(const char *, const char *);

#endif
