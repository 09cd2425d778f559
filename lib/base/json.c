/* json.c - see json.h. */
#include "base/json.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

const char *
json_get_str(const json_t *o, const char *key, const char *dflt)
{
	const json_t *v = json_object_get(o, key);

	return json_is_string(v) ? json_string_value(v) : dflt;
}

int64_t
json_get_int(const json_t *o, const char *key, int64_t dflt)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? json_integer_value(v) : dflt;
}

bool
json_get_bool(const json_t *o, const char *key, bool dflt)
{
	const json_t *v = json_object_get(o, key);

	return json_is_boolean(v) ? json_is_true(v) : dflt;
}

json_t *
json_get_object(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	return json_is_object(v) ? v : NULL;
}

json_t *
json_get_array(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	return json_is_array(v) ? v : NULL;
}

void
json_put(json_t *o, const char *key, json_t *taken)
{
	BUG_IF(taken == NULL || json_object_set_new(o, key, taken) != 0);
}

void
json_put_str(json_t *o, const char *key, const char *s)
{
	json_t *v = s == NULL ? json_null() : json_string(s);

	/* What is not UTF-8 is shown, not lost. */
	if (v == NULL) {
		char *copy = xstrdup(s), *at;

		for (at = copy; *at != '\0'; at++)
			if ((unsigned char)*at >= 0x80)
				*at = '?';
		v = json_string(copy);
		free(copy);
	}
	json_put(o, key, v);
}

void
json_put_int(json_t *o, const char *key, int64_t v)
{
	json_put(o, key, json_integer(v));
}

void
json_put_bool(json_t *o, const char *key, bool v)
{
	json_put(o, key, json_boolean(v));
}

void
json_put_time(json_t *o, const char *key, int64_t ms)
{
	char text[STR_TIME_MAX];

	if (ms == 0) {
		json_put(o, key, json_null());
		return;
	}
	str_format_time(ms, text);
	json_put_str(o, key, text);
}

json_t *
json_parse(const char *text, size_t n, struct err *e)
{
	json_error_t je;
	json_t *v;

	v = json_loadb(text, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &je);
	if (v == NULL)
		(void)err_set(e, ERR_PROTOCOL, "JSON: line %d column %d: %s",
		    je.line, je.column, je.text);
	return v;
}

static char *
json_dump(const json_t *v, size_t flags)
{
	char *s = json_dumps(v, flags | JSON_SORT_KEYS | JSON_ENCODE_ANY);

	BUG_IF(s == NULL);
	return s;
}

char *
json_print(const json_t *v)
{
	return json_dump(v, JSON_COMPACT);
}

char *
json_print_pretty(const json_t *v)
{
	char *s = json_dump(v, JSON_INDENT(2)), *out;

	out = xasprintf("%s\n", s);
	free(s);
	return out;
}
