/*
 * s3_complete.c - making one object of its parts; see s3_put.h.
 *
 * The answer may be lost, and asking again then says that there is no such
 * upload: the object itself tells, by its size and its ETag, which is made of
 * the parts' MD5s.  There is never a condition on it: some stores ignore that.
 */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/s3_put.h"
#include "store/xml.h"

/* A store may be silent for minutes while it puts the parts together. */
#define SILENCE_MS (10 * 60 * 1000)

static void
composite_of(const struct upload_part *parts, size_t n, char out[S3_ETAG_MAX])
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	uint8_t sum[EVP_MAX_MD_SIZE];
	size_t i;

	BUG_IF(md == NULL || EVP_DigestInit_ex(md, EVP_md5(), NULL) != 1);
	for (i = 0; i < n; i++)
		BUG_IF(EVP_DigestUpdate(md, parts[i].md5, 16) != 1);
	BUG_IF(EVP_DigestFinal_ex(md, sum, NULL) != 1);
	EVP_MD_CTX_free(md);
	str_hex(sum, 16, out);
	(void)snprintf(out + 32, S3_ETAG_MAX - 32, "-%zu", n);
}

static void
complete_body(const struct s3 *s, const struct upload_part *parts, size_t n,
    struct buf *out)
{
	const char *name = s3_checksum_name(s);
	char checksum[64];
	size_t i;

	buf_adds(out,
	    "<CompleteMultipartUpload "
	    "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
	for (i = 0; i < n; i++) {
		buf_addf(out, "<Part><PartNumber>%u</PartNumber><ETag>",
		    parts[i].number);
		xml_escape(out, parts[i].etag);
		buf_adds(out, "</ETag>");
		if (s3_checksum(s, &parts[i], checksum))
			buf_addf(out, "<Checksum%s>%s</Checksum%s>", name,
			    checksum, name);
		buf_adds(out, "</Part>");
	}
	buf_adds(out, "</CompleteMultipartUpload>");
}

static void
complete_prove(struct s3_put *p, const char *etag)
{
	struct store_proof proof = { .size = p->up.size, .is_checked = true };

	(void)snprintf(proof.etag, sizeof(proof.etag), "%s", etag);
	(void)snprintf(proof.kind, sizeof(proof.kind), "none");
	if (p->has_md5s && strcmp(etag, p->composite) == 0) {
		(void)snprintf(proof.kind, sizeof(proof.kind), "etag");
		(void)snprintf(proof.value, sizeof(proof.value), "%s",
		    p->composite);
	}
	upload_put_done(&p->up, &proof, NULL);
}

bool
s3_put_is_ours(const struct s3_put *p, const struct http_answer *a,
    char etag[S3_ETAG_MAX])
{
	char text[32];
	int64_t size;

	if (!http_header(a, "Content-Length", text, sizeof(text)) ||
	    str_parse_i64(text, &size) == -1 || size != p->up.size ||
	    !s3_etag(a, etag))
		return false;
	s3_etag_bare(etag);
	if (strcmp(etag, p->composite) == 0)
		return true;
	/* Where ETags are no MD5s the number of parts is all they tell. */
	(void)snprintf(text, sizeof(text), "-%zu", p->nparts);
	return !p->has_md5s && str_has_suffix(etag, text);
}

struct cloud_call *
s3_put_look(struct s3_put *p, cloud_fn *fn)
{
	struct cloud_req req = { .what = S3_HEAD,
		.method = "HEAD",
		.path = p->path };

	return cloud_start(p->up.cloud, &req, fn, p);
}

static void
on_complete_looked(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_put *p = arg;
	char etag[S3_ETAG_MAX];

	(void)code;
	p->up.call = NULL;
	if (e == NULL && s3_put_is_ours(p, a, etag))
		complete_prove(p, etag);
	else
		upload_put_done(&p->up, NULL, &p->err);
}

/* Whether the object may be there all the same. */
static bool
is_unsettled(const char *code, const struct err *e)
{
	return strcmp(code, "NoSuchUpload") == 0 || e->code == ERR_NOT_FOUND ||
	    e->code == ERR_NETWORK || e->code == ERR_TIMEOUT ||
	    e->code == ERR_BUSY || e->code == ERR_PROTOCOL;
}

static void
complete_check(struct s3_put *p, const struct http_answer *a)
{
	struct err e = ERR_INIT;
	struct xml *x = xml_parse(a->body, a->body_len, &e);
	char etag[S3_ETAG_MAX];

	(void)snprintf(etag, sizeof(etag), "%s", xml_text(x, "ETag", ""));
	xml_free(x);
	s3_etag_bare(etag);
	if (etag[0] == '\0') {
		(void)err_set(&p->err, ERR_PROTOCOL,
		    "store '%s': '%s' was completed without an ETag",
		    p->up.cloud->base.name, p->up.key);
		p->up.call = s3_put_look(p, on_complete_looked);
		return;
	}
	if (p->has_md5s && s3_etag_is_composite(etag) &&
	    strcmp(etag, p->composite) != 0) {
		(void)err_set(&e, ERR_CORRUPT,
		    "store '%s': the parts of '%s' became %s, not %s",
		    p->up.cloud->base.name, p->up.key, etag, p->composite);
		s3_put_condemn(p, &e);
		return;
	}
	complete_prove(p, etag);
}

static void
on_completed(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct s3_put *p = arg;

	p->up.call = NULL;
	if (e == NULL) {
		complete_check(p, a);
	} else if (is_unsettled(code, e)) {
		err_copy(&p->err, e);
		p->up.call = s3_put_look(p, on_complete_looked);
	} else {
		upload_put_done(&p->up, NULL, e);
	}
}

void
s3_put_complete(struct upload *u, const struct upload_part *parts, size_t n)
{
	struct s3_put *p = s3_put_of(u);
	struct buf body = BUF_INIT;
	const struct cloud_pair query = { "uploadId", p->id };
	const struct cloud_pair type = { "Content-Type", "application/xml" };
	struct cloud_req req = { .what = S3_COMPLETE,
		.method = "POST",
		.path = p->path,
		.query = &query,
		.nquery = 1,
		.headers = &type,
		.nheaders = 1,
		.silence_ms = SILENCE_MS };

	p->nparts = n;
	p->is_completing = true;
	composite_of(parts, n, p->composite);
	complete_body(s3_put_store(p), parts, n, &body);
	req.body = body.data;
	req.body_len = body.len;
	u->call = cloud_start(u->cloud, &req, on_completed, p);
	buf_done(&body);
}
