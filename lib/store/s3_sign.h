/*
 * s3_sign.h - Amazon's signature, version 4, as S3 wants it.
 *
 * Knows: canonical requests (the path encoded once, dots and doubled slashes
 * left alone), the chain of keys.  Does not know: where keys come from, HTTP.
 * Threads: any; pure.
 */
#ifndef STORE_S3_SIGN_H
#define STORE_S3_SIGN_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "store/cloud.h"

struct s3_sign {
	const char *method;
	const char *path; /* As on the wire. */
	const struct cloud_pair *query;
	size_t nquery;
	/* All that are to be signed: "Host" and every "x-amz-..." there is. */
	const struct cloud_pair *headers;
	size_t nheaders;
	const char *sha256; /* Of the body, hex; "UNSIGNED-PAYLOAD". */
	int64_t now_ms;
	const char *key_id, *secret, *region;
};

/* Append the value of the header "Authorization". */
void s3_sign(const struct s3_sign *, struct buf *out);

/* "20130524T000000Z" */
#define S3_SIGN_DATE_MAX 32
void s3_sign_date(int64_t ms, char out[S3_SIGN_DATE_MAX]);

#endif
