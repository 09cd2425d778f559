/*
 * describe.h - snapshot.json and README.md of a snapshot.  Pure.
 *
 * snapshot.json, format 1: {"format": 1, "id", "job", "instance", "run",
 * "created", "as_of" (RFC 3339), "downtime_ms", "source": {"type", ...},
 * "versions": {...}, "tools": "ragbackup X",
 * "artifacts": [{"name", "kind" ("volume"|"path"|...), "of" (volume or path),
 * "plain_size", "plain_sha256", "size", "sha256", "compression" ("gzip")}],
 * "requires": [], "external": [], "warnings": []}.
 */
#ifndef SNAPSHOT_DESCRIBE_H
#define SNAPSHOT_DESCRIBE_H

#include <jansson.h>

#include "base/err.h"

#define SNAPSHOT_JSON_NAME "snapshot.json"
#define SNAPSHOT_README_NAME "README.md"
#define SNAPSHOT_FORMAT 1

/*
 * Check a snapshot.json that came from a store: types, safe names, sizes >= 0.
 * Returns 0 or -1 with ERR_CORRUPT.
 */
int snapshot_json_check(const json_t *, struct err *);
/*
 * The README.md for a snapshot.json object: what it is, how to check it
 * (sha256sum and shasum), and the exact shell commands that restore each
 * artifact by hand, in the order stop, restore, start; free() it.
 */
char *snapshot_readme(const json_t *snapshot);

#endif
