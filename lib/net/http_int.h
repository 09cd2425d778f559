/*
 * http_int.h - what the files of http.h share; nobody else includes it.
 *
 *	http.c            requests: start, wake, finish, cancel, time limits
 *	http_resolve.c    names to addresses, for CURLOPT_RESOLVE
 *	http_socket.c     curl multi on uv_poll and a timer
 *	http_transfer.c   one easy handle: options, body, answer
 *	http_fault.c      curl's results in our words
 *
 * Curl's callbacks never call out and never touch the multi: they record, and
 * http_ready() lets the loop run the request's next step.
 */
#ifndef NET_HTTP_INT_H
#define NET_HTTP_INT_H

#include <curl/curl.h>
#include <uv.h>

#include "base/buf.h"
#include "base/defer.h"
#include "net/http.h"

#define HTTP_HEADERS_MAX ((size_t)64 * 1024)
/* Bytes of a streamed answer that wait for its reader before curl is paused. */
#define HTTP_PENDING_MAX ((size_t)4 * BLOCK_SIZE)

struct http_sock;
struct http_lookup;
struct http_name;

struct http {
	unsigned owners;
	struct env *env;
	CURLM *multi;
	struct env_timer *timer; /* Curl's. */
	struct http_req *all;
	struct http_req *ready_head;
	struct http_req **ready_tail;
	struct defer *wake;
	struct http_sock *socks;
	struct http_name *names; /* Resolved lately. */
};

enum http_phase { HTTP_WAITING, HTTP_RESOLVING, HTTP_MOVING, HTTP_OVER };

/* Where an upload's bytes come from; seekable. */
struct http_body {
	bool has;
	char *bytes;
	struct block **blocks;
	size_t nblocks;
	uint64_t size;
	uint64_t at;
};

struct http_req {
	struct http *http;
	struct http_req *next, **prev; /* http->all */
	struct http_req *ready_next;
	bool is_ready;
	bool *gone; /* Set when freed during a callback. */
	enum http_phase phase;
	http_fn *fn;
	void *arg;

	char *method;
	char *url;
	char *label; /* "GET https://host/path": no query. */
	char *ca_file;
	bool is_insecure;
	struct curl_slist *headers;
	struct curl_slist *resolve;
	struct http_body body;
	size_t answer_max;
	int64_t deadline_ms;
	int64_t stall_ms;
	int64_t connect_ms;
	int64_t max_rate;
	bool is_once;
	bool does_ask;
	bool *is_sent;

	char *host; /* To be resolved. */
	char *port;
	struct http_lookup *lookup;

	CURL *easy;
	char curl_text[CURL_ERROR_SIZE];
	struct env_timer *timer;
	int64_t ends_ms;  /* Monotonic; 0: no deadline. */
	int64_t moved_ms; /* Monotonic: when a byte moved last. */

	bool (*on_block)(void *, struct block *);
	void *block_arg;
	struct block **pending; /* For on_block, oldest first. */
	size_t npending;
	size_t pending_bytes;
	bool is_held;   /* on_block said wait. */
	bool is_paused; /* Curl was told to wait. */

	struct buf answer_headers;
	struct buf answer;
	long status;
	struct err err;
};

/* The request has something to do: run its step soon. */
void http_ready(struct http_req *);
/* The first failure counts; the request is over. */
void http_fail(struct http_req *, enum err_code, const char *, ...)
    __attribute__((format(printf, 3, 4)));
/* All of its bytes moved, or it failed: from curl's message. */
void http_over(struct http_req *, CURLcode);
/* The address is known, or ${e} says why not. */
void http_resolved(struct http_req *, const char *entry, const struct err *);

/*
 * http_resolve.c: find the addresses of req->host; http_resolved() comes, never
 * from within.  ${entry} is a CURLOPT_RESOLVE entry.
 */
void http_resolve_start(struct http_req *);
void http_resolve_cancel(struct http_req *);
/* The address may be wrong: ask anew next time. */
void http_resolve_forget(struct http *, const char *host, const char *port);
void http_resolve_done(struct http *);
/* Curl knows its address without asking anybody. */
bool http_resolve_is_needless(const char *host);

/* http_socket.c */
int http_socket_init(struct http *);
void http_socket_done(struct http *);
/* Let curl run what is due. */
void http_socket_kick(struct http *);

/* http_transfer.c */
int http_transfer_begin(struct http_req *, struct err *);
void http_transfer_resume(struct http_req *);
void http_transfer_end(struct http_req *); /* Accepts one not begun. */
void http_body_init(struct http_body *, const struct http_opt *);
void http_body_done(struct http_body *);

/* http_fault.c */
void http_fault(struct http_req *, CURLcode);

#endif
