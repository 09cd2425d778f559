/*
 * when.h - times as people write and read them: local, relative, short.
 *
 * Threads: one.
 */
#ifndef CTL_WHEN_H
#define CTL_WHEN_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define WHEN_MAX 40

/*
 * RFC 3339; "2026-03-29" or "2026-03-29 04:00[:05]" in local time; or a
 * duration, for so long before ${now_ms}.
 */
int when_parse(const char *, int64_t now_ms, int64_t *ms);
/* "2026-03-29 04:00:05" in local time. */
void when_format(int64_t ms, char out[WHEN_MAX]);
/* The RFC 3339 member of an object in local time; "-" for none. */
void when_member(const json_t *, const char *key, char out[WHEN_MAX]);
/* "4 s", "3 min", "2 h 5 min", "3 days": rounded for people. */
void when_span(int64_t ms, char out[WHEN_MAX]);
/* "in 3 min", "2 days ago". */
void when_from(int64_t ms, int64_t now_ms, char out[WHEN_MAX]);
/* "0:05", "12:34", "1:02:03". */
void when_clock(int64_t ms, char out[WHEN_MAX]);

#endif
