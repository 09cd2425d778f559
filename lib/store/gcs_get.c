/* gcs_get.c - see gcs.h: ranges of objects. */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/gcs.h"

/*
 * What is stored gzipped would be unpacked on the way, and the range ignored,
 * for those who do not say that they take it as it is.
 */
static struct cloud_call *
gcs_range(struct cloud *c, const struct download_range *r, cloud_fn *fn)
{
	char range[64];
	struct cloud_pair headers[] = { { "Range", range },
		{ "Accept-Encoding", "gzip" } };
	struct cloud_pair query[] = { { "alt", "media" },
		{ "ifGenerationMatch", r->version } };
	char *path = gcs_path(gcs_of(c), r->key);
	struct cloud_req req = { .what = GCS_GET,
		.method = "GET",
		.path = path,
		.query = query,
		.nquery = r->version == NULL ? 1 : 2,
		.headers = headers,
		.nheaders = COUNT_OF(headers),
		.on_block = r->on_block,
		.block_arg = r->arg };
	struct cloud_call *call;

	(void)snprintf(range, sizeof(range), "bytes=%lld-%lld",
	    (long long)r->from, (long long)r->to);
	call = cloud_start(c, &req, fn, r->arg);
	free(path);
	return call;
}

static void
gcs_version(struct cloud *c, const struct http_answer *a, char *out,
    size_t size)
{
	(void)c;
	out[0] = '\0';
	(void)http_header(a, "X-Goog-Generation", out, size);
}

static const struct download_ops gcs_download = {
	.range = gcs_range,
	.version = gcs_version,
};

struct reader *
gcs_get(struct store *s, const char *key, int64_t from, int64_t len)
{
	return download_new(cloud_of(s), &gcs_download, key, from, len);
}
