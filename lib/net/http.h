/*
 * http.h - HTTP/1.1 requests on the loop; the only user of libcurl.
 *
 * Knows: curl multi with libuv, deadlines, the bytes-moved watchdog, TLS.
 * Does not know: stores, signatures, retries (they are the caller's).
 * Threads: loop thread only; names are resolved by uv_getaddrinfo and handed
 * to curl, so that its resolver never starts a thread.  The process ignores
 * SIGPIPE.
 *
 * No proxy is taken from the environment, no redirect is followed, no cookie
 * is kept, nothing is unpacked; TLS is 1.2 or newer.  Connections are kept and
 * used again.  A request that meets a kept connection just closed by the
 * server is sent again by itself, from the start of its body; that is the only
 * retry, and is_once rules it out.
 *
 * Errors: ERR_NETWORK name not found, not connected, cut off; ERR_TIMEOUT
 * deadline, stall or connect time passed; ERR_LIMIT answer or headers too
 * large; ERR_PROTOCOL not HTTP, or a certificate that is not trusted (trying
 * again does not help); ERR_CONFIG the URL, a header or the CA file is wrong.
 * Their text names method, host and path, never the query.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/block.h"
#include "base/env.h"
#include "base/err.h"

struct http;
struct http_req;

struct http *http_new(struct env *);
/* One more owner: http_free() then only counts until the last one. */
struct http *http_ref(struct http *);
/* By the last owner: ends all requests without callbacks. */
void http_free(struct http *);

struct http_opt {
	const char *method;         /* "GET" */
	const char *url;            /* Sent as it is; redirects are answers. */
	const char *const *headers; /* "Name: value", NULL at the end; an
					   empty value is "Name;". */
	const void *body;           /* Copied; NULL: none. */
	size_t body_len;
	struct block *const *blocks; /* Or: the body as blocks, referenced. */
	size_t nblocks;
	int64_t deadline_ms; /* All of it; 0: none. */
	/*
	 * No byte moved for so long; 0: 30 s.  Waiting for the answer counts,
	 * so a call that a server works on in silence wants more.  Time in
	 * which on_block said wait does not count.
	 */
	int64_t stall_ms;
	int64_t connect_ms;  /* 0: 15 s. */
	size_t answer_max;   /* Larger is ERR_LIMIT; 0: 1 MiB. */
	const char *ca_file; /* NULL: the system's. */
	bool is_insecure;    /* Do not verify TLS; asked for by name. */
	int64_t max_rate;    /* Bytes a second, either way; 0: no limit. */
	/*
	 * When set, a 2xx answer's body goes here block by block (owned by
	 * the callee; any size together, answer_max is not for it) instead of
	 * into the answer; return false to pause until http_unpause().  About
	 * 1 MiB is read ahead.  Cancelling from inside is allowed.
	 */
	bool (*on_block)(void *arg, struct block *);
	void *block_arg;
	/* On a connection of its own: never sent a second time by itself. */
	bool is_once;
	/* A body of more than 1 MiB waits until the server says that it wants
	 * it, for half a second at most ("Expect: 100-continue"): a refusal
	 * arrives then, where a server that refuses early and hangs up would
	 * just seem to have cut the connection. */
	bool does_ask;
	/* NULL, or set to true as soon as the server may see any of it; not
	 * touched after the callback or http_cancel(). */
	bool *is_sent;
};

struct http_answer {
	long status;
	const char *body; /* NUL-terminated; valid in the call. */
	size_t body_len;
	const char *headers; /* Status line and header lines, 64 KiB at
				   most; see http_header(). */
};

/* ${a} is NULL when ${e} is set: no complete answer came. */
typedef void http_fn(void *arg, const struct http_answer *a,
    const struct err *e);

/* Always starts; ${fn} comes once, never from within. */
struct http_req *http_start(struct http *, const struct http_opt *, http_fn *,
    void *);
void http_unpause(struct http_req *);
/* Bytes of its body that were handed to the network. */
int64_t http_sent(const struct http_req *);
/* No callback comes any more; frees the request. */
void http_cancel(struct http_req *);
/* A header of the answer (the first of that name), copied into ${out} without
 * spaces around; false if absent. */
bool http_header(const struct http_answer *, const char *name, char *out,
    size_t size);

#endif
