/*
 * hostfs_place.c - objects whose bytes a script on the host writes itself; see
 * store_place() in store.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "store/host/scripts.h"
#include "store/hostfs.h"

/* It is read once more, at no less than so many bytes in a millisecond. */
#define ADOPT_WAIT_MS (INT64_C(15) * 60 * 1000)
#define ADOPT_RATE 10000

int
hostfs_proof(const char *out, int64_t size, const char *sha256,
    struct store_proof *proof, struct err *e)
{
	long long is_size, mtime;
	char inode[41];

	if (sscanf(out, "published %lld %lld %40s", &is_size, &mtime, inode) !=
		3 ||
	    is_size != size)
		return err_set(e, ERR_PROTOCOL,
		    "unexpected answer to a put: '%.100s'", out);
	memset(proof, 0, sizeof(*proof));
	proof->size = size;
	(void)snprintf(proof->kind, sizeof(proof->kind), "sha256");
	(void)snprintf(proof->value, sizeof(proof->value), "%s", sha256);
	proof->is_checked = true;
	hostfs_etag(inode, size, mtime, proof->etag, sizeof(proof->etag));
	return 0;
}

/* All that stands before a place's token. */
static char *
place_stem(const struct hostfs *fs, const char *key)
{
	char *path = file_join(fs->root, key), *stem;

	stem = xasprintf("%s%s", path, FILE_TMP_MARK);
	free(path);
	return stem;
}

char *
hostfs_place(struct store *s, const char *key, struct err *e)
{
	struct hostfs *fs = (struct hostfs *)s;
	char token[HOSTFS_TOKEN_SIZE], *stem, *place;

	(void)e;
	stem = place_stem(fs, key);
	hostfs_token(fs, token);
	place = xasprintf("%s%s", stem, token);
	free(stem);
	return place;
}

struct hostfs_adopt {
	struct hostfs_op op;
	int64_t size;
	char sha[STR_HEX_SHA256];
	store_put_fn *fn;
	void *arg;
};

static void
on_adopted(struct hostfs_op *op, const char *out, const struct err *e)
{
	struct hostfs_adopt *a = CONTAINER_OF(op, struct hostfs_adopt, op);
	struct store_proof proof;
	struct err mine = ERR_INIT;
	bool is_well = e == NULL &&
	    hostfs_proof(out, a->size, a->sha, &proof, &mine) == 0;

	a->fn(a->arg, is_well ? &proof : NULL,
	    is_well         ? NULL
		: e != NULL ? e
			    : &mine);
	free(a);
}

/* The token in ${place}, NULL when it is none of ${key}. */
static const char *
place_token(const struct hostfs *fs, const char *key, const char *place)
{
	char *stem = place_stem(fs, key);
	const char *token = NULL;

	if (str_has_prefix(place, stem) &&
	    strlen(place + strlen(stem)) == HOSTFS_TOKEN_SIZE - 1 &&
	    str_is_safe_name(place + strlen(stem)))
		token = place + strlen(stem);
	free(stem);
	return token;
}

static void
adopt_run(struct hostfs *fs, struct hostfs_adopt *a, const char *key,
    const char *token)
{
	struct hostfs_verb v = { .script = host_script_hostfs_put,
		.name = "publish" };
	struct buf b = BUF_INIT;

	hostfs_set(&b, "RB_KEY", key);
	hostfs_set(&b, "RB_TOKEN", token);
	hostfs_set(&b, "RB_ABSENT", "");
	hostfs_set(&b, "RB_HASH", "yes");
	hostfs_set_int(&b, "RB_SIZE", a->size);
	hostfs_set(&b, "RB_SHA", a->sha);
	v.settings = &b;
	v.deadline_ms = ADOPT_WAIT_MS + a->size / ADOPT_RATE;
	v.stall_ms = fs->stall_ms;
	hostfs_op_start(fs, &a->op, &v, on_adopted);
	buf_done(&b);
}

void
hostfs_adopt(struct store *s, const char *key, const char *place, int64_t size,
    const char *sha256, store_put_fn *fn, void *arg)
{
	struct hostfs *fs = (struct hostfs *)s;
	struct hostfs_adopt *a = xcalloc(1, sizeof(*a));
	const char *token = NULL;
	struct err e = ERR_INIT;

	a->size = size;
	(void)snprintf(a->sha, sizeof(a->sha), "%s", sha256);
	a->fn = fn;
	a->arg = arg;
	if (store_key_check(key, &e) == 0 &&
	    (token = place_token(fs, key, place)) == NULL)
		(void)err_set(&e, ERR_USAGE, "'%.200s' is no place for '%s'",
		    place, key);
	if (token == NULL)
		hostfs_op_refuse(fs, &a->op, &e, on_adopted);
	else
		adopt_run(fs, a, key, token);
}
