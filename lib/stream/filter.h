/*
 * filter.h - what a stream's bytes go through on the worker pool.
 *
 * Each filter is fed pieces of any size, keeps flat memory whatever the length
 * of the whole, and gives its verdict at the end.  After a filter has failed it
 * may only be freed.
 * Knows: gzip, SHA-256, tar, JSON, XML.  Does not know: the loop, sinks.
 * Threads: any, one at a time; nothing here blocks but by using the CPU.
 */
#ifndef STREAM_FILTER_H
#define STREAM_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/block.h"
#include "base/err.h"
#include "base/str.h"
#include "stream/stream.h"

/* The next ${n} bytes of a filter's output; -1 with ${e} set ends it. */
typedef int filter_out_fn(void *arg, const void *p, size_t n, struct err *e);

/*
 * digest: SHA-256 and the count of bytes.
 */
struct digest;

struct digest *digest_new(void);
void digest_add(struct digest *, const void *, size_t);
int64_t digest_size(const struct digest *);
/* Once, after the last byte: lower-case hex. */
void digest_end(struct digest *, char hex[STR_HEX_SHA256]);
void digest_free(struct digest *); /* Accepts NULL. */

/*
 * gzip: one member, no name and no time in it, so that equal bytes give equal
 * output.  With isa-l fast and default are its levels 1 and 3, some ten times
 * as fast as zlib's 1 and 6, which serve where it is not to be had; best is
 * zlib's 9.
 */
struct gzip;
/* A block that is full, or the last one; owned by the callee. */
typedef void gzip_out_fn(void *arg, struct block *);

struct gzip *gzip_new(enum stream_level, gzip_out_fn *, void *);
int gzip_write(struct gzip *, const void *, size_t, struct err *);
int gzip_end(struct gzip *, struct err *);
void gzip_free(struct gzip *); /* Accepts NULL. */

/*
 * gunzip: the bytes behind one or more gzip members.  Each member's CRC and
 * length are checked; anything else behind the last member, and no member at
 * all, is ERR_CORRUPT.
 */
struct gunzip;

struct gunzip *gunzip_new(filter_out_fn *, void *);
int gunzip_write(struct gunzip *, const void *, size_t, struct err *);
int gunzip_end(struct gunzip *, struct err *);
void gunzip_free(struct gunzip *); /* Accepts NULL. */

/*
 * tarscan: the structure of a tar: ustar, GNU (long names, base-256 numbers,
 * old sparse files) and pax.  It must end with two zero blocks, with nothing
 * but zeros behind; else, or with a header that is damaged or that readers
 * understand in different ways, ERR_CORRUPT naming the place.
 */
struct tarscan_hooks {
	/* A regular file whose contents follow in one piece. */
	void (*begin)(void *arg, const char *name, int64_t size);
	void (*data)(void *arg, const void *, size_t);
	void (*end)(void *arg); /* All ${size} bytes were given. */
	void *arg;
};
struct tarscan;

/* ${hooks} is copied; NULL: structure alone. */
struct tarscan *tarscan_new(const struct tarscan_hooks *);
int tarscan_write(struct tarscan *, const void *, size_t, struct err *);
int tarscan_end(struct tarscan *, struct err *);
int64_t tarscan_entries(const struct tarscan *);
void tarscan_free(struct tarscan *); /* Accepts NULL. */

/*
 * jsonscan: whether bytes are one JSON value as RFC 8259 has it, in valid
 * UTF-8, nested no deeper than JSONSCAN_DEPTH.  As Python's json, which writes
 * the files in question, it also takes NaN, Infinity and -Infinity, \u escapes
 * of half a surrogate pair, and (from bytes) a byte order mark in front; not
 * control characters in strings.  An empty file is malformed.
 */
#define JSONSCAN_DEPTH 1024

struct jsonscan {
	int state;
	int word_next;               /* State behind a word. */
	const char *word;            /* What is left of it. */
	unsigned hex_left;           /* Digits of \uXXXX. */
	unsigned utf8_left;          /* Continuation bytes due ... */
	uint8_t utf8_low, utf8_high; /* ... and bounds of the next one. */
	bool is_key;                 /* The string is an object's key. */
	bool has_value;              /* Anything but white space was seen. */
	unsigned depth;
	int64_t offset;    /* Bytes before this piece. */
	int64_t string_at; /* Where the string began. */
	uint8_t is_object[JSONSCAN_DEPTH / 8];
};

void jsonscan_init(struct jsonscan *);
int jsonscan_write(struct jsonscan *, const void *, size_t, struct err *);
int jsonscan_end(struct jsonscan *, struct err *);

/*
 * xmlscan: whether bytes are a well-formed GraphML document: XML whose root is
 * "graphml", with any prefix.  A DOCTYPE is refused, so no entity can be
 * declared, let alone expanded; the parser's memory is capped.
 */
struct xmlscan;

struct xmlscan *xmlscan_new(void);
int xmlscan_write(struct xmlscan *, const void *, size_t, struct err *);
int xmlscan_end(struct xmlscan *, struct err *);
void xmlscan_free(struct xmlscan *); /* Accepts NULL. */

/*
 * datacheck: tarscan's hooks that put each *.json through jsonscan and each
 * *.graphml through xmlscan, and count.
 */
struct datacheck;

struct datacheck *datacheck_new(void);
void datacheck_hooks(struct datacheck *, struct tarscan_hooks *);
/* So far; ${first} names the first malformed member, ERR_NONE if none. */
void datacheck_result(const struct datacheck *, struct err *first,
    unsigned *checked, unsigned *malformed);
void datacheck_free(struct datacheck *); /* Accepts NULL. */

#endif
