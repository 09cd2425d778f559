/*
 * s3_parts.c - an object on its way in, in parts; see s3_put.h.
 *
 * An upload whose beginning was not answered may have begun: nobody would ever
 * finish it.  So what there is of this key is taken away before another try.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/s3_put.h"
#include "store/xml.h"

#define BEGINS_MAX 5

static void put_begin(struct s3_put *);

static void
on_begin_swept(void *arg, const struct err *e)
{
	struct s3_put *p = arg;

	if (e == NULL)
		put_begin(p);
	else
		upload_begun(&p->up, &p->err);
}

static char *
begun_id(const struct http_answer *a)
{
	struct err e = ERR_INIT;
	struct xml *x = xml_parse(a->body, a->body_len, &e);
	const char *id = xml_text(x, "UploadId", "");
	char *copy = id[0] == '\0' ? NULL : xstrdup(id);

	xml_free(x);
	return copy;
}

static void
on_begun(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_put *p = arg;

	(void)code;
	p->up.call = NULL;
	if (e == NULL && (p->id = begun_id(a)) != NULL) {
		upload_begun(&p->up, NULL);
		return;
	}
	if (e != NULL)
		err_copy(&p->err, e);
	else
		(void)err_set(&p->err, ERR_PROTOCOL,
		    "store '%s': an upload was begun without an id",
		    p->up.cloud->base.name);
	if (e != NULL && err_is_transient(e->code) && p->begins < BEGINS_MAX &&
	    env_mono_ms(p->up.cloud->base.env) < p->begin_until_ms)
		s3_sweep_key(s3_put_store(p), p->up.key, on_begin_swept, p);
	else
		upload_begun(&p->up, &p->err);
}

static void
put_begin(struct s3_put *p)
{
	const struct cloud_pair query = { "uploads", NULL };
	const char *checksum = s3_checksum_name(s3_put_store(p));
	struct s3_headers h = { .n = 0 };
	struct cloud_req req = { .what = S3_BEGIN,
		.method = "POST",
		.path = p->path,
		.query = &query,
		.nquery = 1,
		.headers = h.pairs,
		.is_once = true };

	p->begins++;
	s3_headers_keep(&h, p);
	if (checksum != NULL)
		s3_headers_add(&h, "x-amz-checksum-algorithm", checksum);
	req.nheaders = h.n;
	p->up.call = cloud_start(p->up.cloud, &req, on_begun, p);
}

void
s3_put_begin(struct upload *u)
{
	struct s3_put *p = s3_put_of(u);

	p->begin_until_ms = env_mono_ms(u->cloud->base.env) +
	    u->cloud->retry_for_ms;
	put_begin(p);
}

/* -1: these are not the bytes that were sent. */
static int
part_read(struct s3_put *p, struct upload_part *part,
    const struct http_answer *a, struct err *e)
{
	char bare[S3_ETAG_MAX], md5[2 * 16 + 1];

	if (!s3_etag(a, part->etag))
		return err_set(e, ERR_PROTOCOL,
		    "store '%s': a part was taken without an ETag",
		    p->up.cloud->base.name);
	(void)snprintf(bare, sizeof(bare), "%s", part->etag);
	s3_etag_bare(bare);
	str_hex(part->md5, sizeof(part->md5), md5);
	if (strcmp(bare, md5) == 0)
		return 0;
	if (s3_etag_is_md5(bare) && !s3_is_sealed(a))
		return err_set(e, ERR_CORRUPT,
		    "store '%s': part %u of '%s' arrived with MD5 %s, not %s",
		    p->up.cloud->base.name, part->number, p->up.key, bare, md5);
	p->has_md5s = false;
	return 0;
}

static void
on_part(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct upload_part *part = arg;
	struct upload *u = part->upload;
	struct err mine = ERR_INIT;

	(void)code;
	part->call = NULL;
	if (e == NULL && part_read(s3_put_of(u), part, a, &mine) == -1)
		e = &mine;
	upload_part_done(u, part, e);
}

void
s3_put_part(struct upload *u, struct upload_part *part)
{
	struct s3_put *p = s3_put_of(u);
	char number[16];
	struct cloud_pair query[] = { { "partNumber", number },
		{ "uploadId", p->id } };
	struct s3_headers h = { .n = 0 };
	struct cloud_req req = { .what = S3_PART,
		.method = "PUT",
		.path = p->path,
		.query = query,
		.nquery = COUNT_OF(query),
		.headers = h.pairs,
		.blocks = part->blocks,
		.nblocks = part->nblocks,
		.md5 = part->md5,
		.sha256 = part->sha256 };

	(void)snprintf(number, sizeof(number), "%u", part->number);
	s3_headers_checksum(&h, p, part);
	req.nheaders = h.n;
	part->call = cloud_start(u->cloud, &req, on_part, part);
}

/* --- Giving up. */

static void
on_abort_removed(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_put *p = arg;

	(void)a;
	(void)code;
	(void)e;
	upload_aborted(&p->up);
}

/* It was completed in the last moment: what lies there goes if it is ours. */
static void
on_abort_looked(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_put *p = arg;
	struct cloud_req req = { .what = S3_REMOVE,
		.method = "DELETE",
		.path = p->path };
	char etag[S3_ETAG_MAX];

	(void)code;
	if (e != NULL || !s3_put_is_ours(p, a, etag)) {
		upload_aborted(&p->up);
		return;
	}
	(void)cloud_start(p->up.cloud, &req, on_abort_removed, p);
}

static void
on_put_aborted(void *arg, const struct err *e)
{
	struct s3_put *p = arg;

	if (p->is_completing && e != NULL && e->code == ERR_NOT_FOUND)
		(void)s3_put_look(p, on_abort_looked);
	else
		upload_aborted(&p->up);
}

void
s3_put_abort(struct upload *u)
{
	struct s3_put *p = s3_put_of(u);
	struct s3 *s = s3_put_store(p);

	if (p->id == NULL)
		s3_sweep_key(s, u->key, on_put_aborted, p);
	else
		s3_abort(s, u->key, p->id, on_put_aborted, p);
}
