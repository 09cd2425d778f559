/*
 * json.h - short ways through jansson objects.
 *
 * Threads: any; a value has one owner.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* The member, or the default when absent, null or of another type. */
const char *json_get_str(const json_t *, const char *key, const char *dflt);
int64_t json_get_int(const json_t *, const char *key, int64_t dflt);
bool json_get_bool(const json_t *, const char *key, bool dflt);
/* The member as a borrowed object or array, NULL when absent or other. */
json_t *json_get_object(const json_t *, const char *key);
json_t *json_get_array(const json_t *, const char *key);

/* Set a member; a NULL string is JSON null. */
void json_put_str(json_t *, const char *key, const char *);
void json_put_int(json_t *, const char *key, int64_t);
void json_put_bool(json_t *, const char *key, bool);
void json_put(json_t *, const char *key, json_t *taken);
/* Milliseconds since 1970 as RFC 3339; 0 is null. */
void json_put_time(json_t *, const char *key, int64_t ms);

/* Parse one value, duplicate keys refused. */
json_t *json_parse(const char *, size_t, struct err *);
/* One line, sorted keys; free() it. */
char *json_print(const json_t *);
/* Indented by two, sorted keys, newline at the end; free() it. */
char *json_print_pretty(const json_t *);

#endif
