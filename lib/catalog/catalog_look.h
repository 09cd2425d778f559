/*
 * catalog_look.h - one look into a snapshot's folder, for the rest of the room.
 *
 * Threads: loop thread only.  Nothing in a folder is trusted: names that are
 * not keys of a store are counted as foreign, small files are read up to a cap.
 */
#ifndef CATALOG_CATALOG_LOOK_H
#define CATALOG_CATALOG_LOOK_H

#include "base/buf.h"
#include "catalog/catalog.h"

#define CATALOG_SUSPECT_NAME ".suspect"
#define CATALOG_PIN_PREFIX ".pin-"
#define CATALOG_MARK_MAX ((size_t)4096)
/* A reader that lives renews its pin; one older than this is a dead one's. */
#define CATALOG_PIN_MS (INT64_C(24) * 3600 * 1000)

struct catalog_file_seen {
	char *name; /* Below "{id}/". */
	int64_t size;
	int64_t mtime_ms;
};

struct catalog_folder {
	char id[SNAPSHOT_ID_MAX];
	struct catalog_file_seen *files; /* Sorted by name. */
	size_t n;
	bool has_manifest;
	bool is_suspect;
	int64_t newest_ms;
	char *pinned_by; /* NULL: nobody reads it. */
};

typedef void catalog_look_fn(void *arg, struct catalog_folder *,
    const struct err *);

/* What is in "{id}/" and who reads it; the callee frees the folder. */
void catalog_look(struct store *, const char *id, catalog_look_fn *, void *);
void catalog_folder_free(struct catalog_folder *); /* Accepts NULL. */
const struct catalog_file_seen *catalog_folder_find(const struct catalog_folder
							*,
    const char *name);
bool catalog_is_claim(const char *name);

/*
 * What the claims in a folder (borrowed until the answer) say: an array, owned
 * by the callee, of {"instance", "run"}, both null where it cannot be told.  One
 * that went meanwhile is left out.
 */
typedef void catalog_claims_fn(void *arg, json_t *claims, const struct err *);
void catalog_claims(struct store *, const struct catalog_folder *,
    catalog_claims_fn *, void *);

/* The id-shaped folders of a store, newest first; ids[i] is from malloc. */
struct catalog_ids {
	char **ids;
	size_t n;
};

typedef void catalog_ids_fn(void *arg, struct catalog_ids *,
    const struct err *);
void catalog_ids(struct store *, catalog_ids_fn *, void *);
void catalog_ids_done(struct catalog_ids *);

#endif
