/*
 * str.h - text: numbers, durations, sizes, times, names, quoting, hex.
 *
 * Threads: any.  Parsers return 0, or -1 for text that is not wholly what they
 * read; they never accept a prefix.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

int str_parse_i64(const char *, int64_t *);
int str_parse_u64(const char *, uint64_t *);

/* "90s", "15m", "24h", "8d", "2w", "250ms", "1h30m"; "0" is zero.  In ms. */
int str_parse_duration(const char *, int64_t *ms);
/* "500", "64k", "8MiB", "1.5GB" (k, KiB = 1024; KB, MB, GB = 1000^n). */
int str_parse_size(const char *, int64_t *bytes);
/* "1h30m", "250ms", "0s": parses back to the same value. */
void str_format_duration(int64_t ms, char *, size_t);
/* "512 B", "1.5 MiB": for people. */
void str_format_size(int64_t bytes, char *, size_t);

#define STR_TIME_MAX 32
/* Milliseconds since 1970 as "2026-03-29T01:00:00Z" (".123Z" if not whole). */
void str_format_time(int64_t ms, char out[STR_TIME_MAX]);
/* RFC 3339 with Z or a numeric offset; a plain date is its midnight, UTC. */
int str_parse_time(const char *, int64_t *ms);

bool str_has_prefix(const char *, const char *);
bool str_has_suffix(const char *, const char *);
/* Edit distance, for suggestions; stops counting at 64 characters. */
unsigned str_distance(const char *, const char *);
/*
 * The nearest of ${n} words, NULL if none is near enough to be worth a
 * "did you mean".
 */
const char *str_nearest(const char *, const char *const *, size_t n);

/*
 * A name that may come from a store or go into a path: one or more segments
 * [A-Za-z0-9][A-Za-z0-9._-]* joined by '/', at most 255 bytes a segment.
 */
bool str_is_safe_name(const char *); /* One segment. */
bool str_is_safe_path(const char *); /* One or more segments. */

/* Append ${s} as one word of POSIX sh: 'it'\''s'. */
void str_quote_sh(struct buf *, const char *);

#define STR_HEX_SHA256 65
void str_hex(const uint8_t *, size_t, char *out);
int str_unhex(const char *, uint8_t *, size_t);

#endif
