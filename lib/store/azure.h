/*
 * azure.h - the store in a container of Azure Blob Storage.
 *
 * Knows: the Blob service's REST calls, its words and its ways of signing.
 * Does not know: sending again, cutting into parts, ranges (cloud.h, upload.h,
 * download.h do).
 * Threads: loop thread only; secrets are read on lent.pool.
 *
 * azure.c          opening, URLs, signing
 * azure_auth.c     credentials, read and fetched
 * azure_fault.c    what an answer means
 * azure_put.c      one object up: Put Blob, or blocks and their list
 * azure_commit.c   a list of blocks whose fate is settled by reading
 * azure_get.c      ranges, stat, remove
 * azure_list.c     pages
 * azure_sweep.c    blocks that never became an object
 * azure_check.c    whether the container can be used
 */
#ifndef STORE_AZURE_H
#define STORE_AZURE_H

#include "store/azure_cred.h"
#include "store/cloud.h"
#include "store/store.h"

/* A conservative version that knows all tiers; what is newer is not needed. */
#define AZURE_VERSION "2021-12-02"
/* Where the upload that made a blob is named in its metadata. */
#define AZURE_META "x-ms-meta-ragbackup"

extern const struct store_ops azure_ops;

struct azure {
	struct cloud cloud; /* First. */
	char *tier;         /* NULL: the account's own. */
	struct azure_cred cred;
	int64_t warned_ms; /* Of a SAS that is about to expire. */
	bool is_immutable; /* What was written cannot be removed yet. */
};

struct azure *azure_of(struct cloud *);

/* The kinds of calls, which the judge tells apart. */
enum azure_call {
	AZURE_PUT,
	AZURE_BLOCK,
	AZURE_COMMIT,
	AZURE_BLOCKS, /* Which blocks are there. */
	AZURE_HEAD,
	AZURE_GET,
	AZURE_LIST,
	AZURE_DELETE
};

/* "/PREFIXkey", encoded; free() it.  The container's own path is "". */
char *azure_path(struct cloud *, const char *key);

/* For cloud_ops. */
void azure_authorize(struct cloud *, cloud_auth_fn *, void *);
enum cloud_verdict azure_judge(struct cloud *, const struct cloud_req *,
    const struct http_answer *, struct cloud_fault *);

/* For store_ops. */
void azure_check(struct store *, store_done_fn *, void *);
struct store_put *azure_put_open(struct store *, const char *,
    const struct store_put_opt *, store_ready_fn *, void *, struct err *);
struct reader *azure_get(struct store *, const char *, int64_t, int64_t);
void azure_stat(struct store *, const char *, store_stat_fn *, void *);
void azure_list(struct store *, const char *, bool, store_list_fn *, void *);
void azure_remove(struct store *, const char *, store_done_fn *, void *);
void azure_sweep(struct store *, const char *, int64_t, store_done_fn *,
    void *);

/*
 * Every name below ${prefix} (of the store), by pages; with ${delimiter} one
 * level.  ${has_uncommitted}: also those of which there are blocks only.  It
 * always starts; one ${fn}; ${l} is good in the call.
 */
typedef void azure_names_fn(void *arg, struct cloud_list *l,
    const struct err *e);
void azure_names(struct azure *, const char *prefix, const char *delimiter,
    bool has_uncommitted, azure_names_fn *, void *);

/*
 * Drop the blocks of ${path} that are in no list.  There is no call for that:
 * an empty list, if there is no blob, takes them away, and the empty blob that
 * it makes is removed again.  What became a blob meanwhile stays, but for one
 * that the upload ${run} (may be NULL) made.  ${is_needless}: just answer.
 * ${fn} comes once; azure_unstage_cancel() before.
 */
struct azure_unstage;
struct azure_unstage *azure_unstage(struct azure *, const char *path,
    const char *run, bool is_needless, store_done_fn *, void *);
void azure_unstage_cancel(struct azure_unstage *);

/*
 * Ids of blocks: 40 characters that tell whose they are and when they were
 * sent, and that no other upload's are.
 */
#define AZURE_BLOCK_ID_MAX 48
#define AZURE_BLOCK_SALT 14
void azure_block_id(const char salt[AZURE_BLOCK_SALT + 1], int64_t now_ms,
    unsigned number, char out[AZURE_BLOCK_ID_MAX]);
/* When the block ${id} was sent; -1 when the id is not of our making. */
int azure_block_time(const char *id, int64_t *ms);

/* The ETag of an answer as it is, "" if none. */
void azure_etag(const struct http_answer *, char *out, size_t size);
/* The MD5 in an answer's header Content-MD5, as hex; false: none. */
bool azure_md5(const struct http_answer *, char out[33]);

#endif
