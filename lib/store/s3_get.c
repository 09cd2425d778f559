/* s3_get.c - an object's bytes, by ranges; see download.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/s3.h"

static struct cloud_call *
s3_range(struct cloud *c, const struct download_range *r, cloud_fn *fn)
{
	char range[64], *path = s3_path(s3_of(c), r->key);
	struct cloud_pair headers[] = { { "Range", range },
		{ "If-Match", r->version } };
	struct cloud_req req = { .what = S3_GET,
		.method = "GET",
		.path = path,
		.headers = headers,
		.nheaders = r->version == NULL ? 1 : 2,
		.on_block = r->on_block,
		.block_arg = r->arg };
	struct cloud_call *call;

	(void)snprintf(range, sizeof(range), "bytes=%" PRId64 "-%" PRId64,
	    r->from, r->to);
	call = cloud_start(c, &req, fn, r->arg);
	free(path);
	return call;
}

/* With its quotes, as If-Match wants it. */
static void
s3_version(struct cloud *c, const struct http_answer *a, char *out, size_t size)
{
	(void)c;
	out[0] = '\0';
	(void)http_header(a, "ETag", out, size);
}

static const struct download_ops s3_download_ops = {
	.range = s3_range,
	.version = s3_version,
};

struct reader *
s3_get(struct store *s, const char *key, int64_t from, int64_t len)
{
	return download_new(cloud_of(s), &s3_download_ops, key, from, len);
}
