/*
 * cloud.h - what the stores behind HTTP have in common: one request, signed,
 * judged, and sent again where that can help.
 *
 * Knows: back-off, Retry-After, credentials that expire, clock skew, silence,
 * lists.  Does not know: a provider's signature, words and paths: struct
 * cloud_ops does.
 * Threads: loop thread only.  ops->authorize may read secrets on lent.pool.
 *
 * A call is made of attempts.  Before each the credentials are fetched if there
 * are none or they are about to expire (one fetch at a time, the others wait),
 * then ops->sign() makes URL and headers anew.  An attempt that failed on the
 * way, or that ops->judge() calls CLOUD_AGAIN, is followed by another after a
 * back-off with full jitter (200 ms doubling to 30 s; at least what Retry-After
 * says), until cfg "retry_for" has passed since the first failure.  After an
 * attempt that got no answer a large body goes out only when the store has said
 * that it wants it, or nothing at all: a refusal is then heard.
 */
#ifndef STORE_CLOUD_H
#define STORE_CLOUD_H

#include "base/buf.h"
#include "net/http.h"
#include "store/store.h"

struct cloud;
struct cloud_call;
struct cloud_req;
struct cloud_wire;

enum cloud_verdict {
	CLOUD_OK,
	CLOUD_FAIL,  /* Trying again does not help. */
	CLOUD_AGAIN, /* Busy or broken: after a back-off. */
	CLOUD_RENEW  /* Refused credentials: at once, with new ones; once. */
};

/* As they are, not encoded.  Value NULL: a name alone ("?uploads"). */
struct cloud_pair {
	const char *name;
	const char *value;
};

/* What the store said was wrong; filled by judge for all but CLOUD_OK. */
struct cloud_fault {
	struct err err;
	char code[64]; /* The store's own word: "NoSuchUpload"; "" if none. */
};

/* ${expires_ms}: wall clock, 0: never.  ERR_AUTH, ERR_CONFIG end the calls that
 * wait for it; a transient error is tried again with back-off. */
typedef void cloud_auth_fn(void *arg, int64_t expires_ms, const struct err *);

struct cloud_ops {
	/* Get what sign() needs; answer once, never from within.  NULL:
	 * nothing is needed. */
	void (*authorize)(struct cloud *, cloud_auth_fn *, void *);
	/* Complete ${wire}, whose URL is made of base, path and query and whose
	 * headers are the request's own; to both more may be added.  -1 fails
	 * the call.  Not asked for a request with a URL of its own. */
	int (*sign)(struct cloud *, const struct cloud_req *,
	    struct cloud_wire *, struct err *);
	/* What a complete answer (2xx too) means. */
	enum cloud_verdict (*judge)(struct cloud *, const struct cloud_req *,
	    const struct http_answer *, struct cloud_fault *);
	/* Nobody uses it any more: free everything, the struct too. */
	void (*free)(struct cloud *);
};

/* Embedded at the start of each such store. */
struct cloud {
	struct store base; /* First. */
	const struct cloud_ops *cops;
	char *url;    /* "https://host:port", set by the backend; no slash. */
	char *prefix; /* "" or ends with '/'; not encoded. */
	char *ca_file;
	bool is_insecure;
	int64_t silence_ms;   /* "request_timeout" */
	int64_t retry_for_ms; /* "retry_for" */
	unsigned concurrency;
	int64_t part_size;      /* 0: not configured. */
	int64_t bandwidth;      /* Bytes a second; 0: no limit. */
	int64_t clock_ahead_ms; /* Add to our clock to have the store's. */
	bool is_authorized;
	int64_t auth_expires_ms;
	struct cloud_auth *auth; /* cloud_auth.c's own. */
	unsigned users;
	bool is_closed;
	json_t *cfg;       /* A copy: base.cfg outlives store_close(). */
	struct defer *end; /* ops->free is due. */
};

/* One request; all borrowed for the call of cloud_start(), which copies it. */
struct cloud_req {
	int what; /* The backend's own word for the kind of call. */
	const char *method;
	const char *path; /* As on the wire, percent-encoded, from '/' on. */
	const char *url;  /* Instead: a whole URL; no credentials, no sign(). */
	const struct cloud_pair *query;
	size_t nquery;
	const struct cloud_pair *headers; /* Sent in addition. */
	size_t nheaders;
	const void *body;
	size_t body_len;
	struct block *const *blocks; /* Or the body as blocks, referenced. */
	size_t nblocks;
	/* Raw, of the body, where known; of ${body} cloud_start() computes
	 * them.  NULL where there is no body. */
	const uint8_t *md5, *sha256;
	/*
	 * When it is not known whether an attempt took effect, do not try
	 * again (the error says so): the caller settles it by reading.  For
	 * conditional writes.
	 */
	bool is_once;
	int64_t retry_for_ms; /* 0: the store's own. */
	int64_t silence_ms;   /* 0: the store's own; commits want minutes. */
	size_t answer_max;    /* 0: 1 MiB. */
	/* As in http.h, for a 2xx answer only.  Once a block was delivered the
	 * call is not tried again: its error is the answer. */
	bool (*on_block)(void *arg, struct block *);
	void *block_arg;
};

/* What is sent in one attempt. */
struct cloud_wire {
	struct buf url;
	int64_t now_ms;     /* The store's wall clock, as far as we know. */
	uint64_t body_size; /* What Content-Length will say. */
	char **headers;     /* NULL-terminated; see cloud_header(). */
	size_t n;
};
/* Add "Name: value" ("Name;" when the value is empty, which sends "Name:"); the
 * first call for a name counts. */
void cloud_header(struct cloud_wire *, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Common part: keys path (the prefix), ca_file, tls_verify, request_timeout,
 * retry_for, concurrency, part_size, bandwidth of ${cfg}.
 */
void cloud_init(struct cloud *, const struct store_ops *,
    const struct cloud_ops *, const struct store_env *, const char *name,
    const json_t *cfg);
void cloud_done(struct cloud *); /* From ops->free: the common part. */
/* For store_ops.close: ops->free follows when the last user has gone. */
void cloud_close(struct store *);
/* Everything that outlives a call (put, reader, list) is a user. */
void cloud_hold(struct cloud *);
void cloud_release(struct cloud *);
struct cloud *cloud_of(struct store *);

/*
 * ${a} is set when it went well, and with ${e} when the store answered; both
 * ${a} and ${code} ("" or the store's own word) are good in the call only.
 * Errors: ERR_NOT_FOUND, ERR_CONFLICT (a condition does not hold), ERR_AUTH
 * (refused), ERR_PERMISSION, ERR_NETWORK, ERR_TIMEOUT, ERR_BUSY (throttled to
 * the end), ERR_PROTOCOL, ERR_CORRUPT (a digest was refused), ERR_LIMIT,
 * ERR_CONFIG (no such bucket), ERR_NO_SPACE.  Their text names the store, never
 * a query, a header or a secret.
 */
typedef void cloud_fn(void *arg, const struct http_answer *a, const char *code,
    const struct err *e);

/* Always starts; one ${fn}, never from within. */
struct cloud_call *cloud_start(struct cloud *, const struct cloud_req *,
    cloud_fn *, void *);
void cloud_unpause(struct cloud_call *);
/* Bytes of the body that the present attempt has handed to the network. */
int64_t cloud_sent(const struct cloud_call *);
/* No callback any more; the call is freed. */
void cloud_cancel(struct cloud_call *);

/*
 * A plain unsigned request for credentials (metadata servers, token services):
 * up to 4 attempts, each within 10 s, on 404, 410, 429, 5xx and network errors
 * when ${is_patient}, else one of 2 s to connect.  The answer's status is not
 * judged.  Do not log bodies.
 */
struct cloud_ask;
void cloud_ask(struct cloud *, const struct http_opt *, bool is_patient,
    http_fn *, void *);

/* Percent-encode all but unreserved characters; ${keep} lists more to keep. */
void cloud_encode(struct buf *, const char *text, const char *keep);
/* Undo it, in place; '+' stays.  -1: malformed. */
int cloud_decode(char *);
/* RFC 1123 dates ("Tue, 27 Mar 2026 19:36:42 GMT"), both ways. */
#define CLOUD_DATE_MAX 32
void cloud_date(int64_t ms, char out[CLOUD_DATE_MAX]);
int cloud_date_parse(const char *, int64_t *ms);
/* Base64 of ${n} bytes into ${out} (4 * (n + 2) / 3 + 1), and back: the length,
 * or -1. */
void cloud_base64(const void *, size_t n, char *out);
long cloud_base64_decode(const char *, void *out, size_t size);

/* --- A list that is collected page by page. */
struct cloud_list {
	struct store_stat *list;
	size_t n;
	char *prefix; /* Of the whole bucket: what is cut off each key. */
	unsigned pages;
};
/* ${key} as the store has it; a folder's ends with '/', also in the list.  Keys
 * that no store_key_check() would take are left out. */
void cloud_list_add(struct cloud_list *, const char *key, int64_t size,
    int64_t mtime_ms, bool is_folder);
/*
 * Another page follows, which ${next} names and ${last} (NULL: none) named
 * before.  -1: a list that goes in a circle, or that nothing could hold.
 */
int cloud_list_turn(struct cloud_list *, const char *last, const char *next,
    struct err *);
/* Sort, drop doubles. */
void cloud_list_sort(struct cloud_list *);
void cloud_list_done(struct cloud_list *);

#endif
