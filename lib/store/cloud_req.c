/* cloud_req.c - a call's own copy of its request; see cloud_int.h. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/cloud_int.h"

static char *
copy_text(const char *s)
{
	return s == NULL ? NULL : xstrdup(s);
}

static struct cloud_pair *
copy_pairs(const struct cloud_pair *from, size_t n)
{
	struct cloud_pair *to = n == 0 ? NULL : xcalloc(n, sizeof(*to));
	size_t i;

	for (i = 0; i < n; i++) {
		to[i].name = xstrdup(from[i].name);
		to[i].value = copy_text(from[i].value);
	}
	return to;
}

static void
free_pairs(const struct cloud_pair *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		free((char *)p[i].name);
		free((char *)p[i].value);
	}
	free((struct cloud_pair *)p);
}

static void
copy_body(struct cloud_req *to, const struct cloud_req *from)
{
	struct block **blocks;
	char *body;
	size_t i;

	to->body = NULL;
	to->blocks = NULL;
	if (from->nblocks > 0) {
		blocks = xcalloc(from->nblocks, sizeof(struct block *));
		for (i = 0; i < from->nblocks; i++)
			blocks[i] = block_ref(from->blocks[i]);
		to->blocks = blocks;
	} else if (from->body != NULL) {
		body = xmalloc(from->body_len + 1);
		memcpy(body, from->body, from->body_len);
		to->body = body;
	}
}

/* Given, computed, or NULL. */
static const uint8_t *
copy_digest(const struct cloud_req *req, const uint8_t *given, uint8_t *own,
    size_t size, const EVP_MD *md)
{
	unsigned n = 0;

	if (given != NULL) {
		memcpy(own, given, size);
		return own;
	}
	if (req->body == NULL ||
	    EVP_Digest(req->body, req->body_len, own, &n, md, NULL) != 1)
		return NULL;
	return own;
}

void
cloud_req_copy(struct cloud_call *call, const struct cloud_req *from)
{
	struct cloud_req *to = &call->req;

	*to = *from;
	to->method = xstrdup(from->method == NULL ? "GET" : from->method);
	to->path = copy_text(from->path);
	to->url = copy_text(from->url);
	to->query = copy_pairs(from->query, from->nquery);
	to->headers = copy_pairs(from->headers, from->nheaders);
	copy_body(to, from);
	to->md5 = copy_digest(to, from->md5, call->md5, sizeof(call->md5),
	    EVP_md5());
	to->sha256 = copy_digest(to, from->sha256, call->sha256,
	    sizeof(call->sha256), EVP_sha256());
}

void
cloud_req_done(struct cloud_req *req)
{
	size_t i;

	free((char *)req->method);
	free((char *)req->path);
	free((char *)req->url);
	free_pairs(req->query, req->nquery);
	free_pairs(req->headers, req->nheaders);
	free((void *)req->body);
	for (i = 0; i < req->nblocks; i++)
		block_unref(req->blocks[i]);
	free((void *)req->blocks);
}
