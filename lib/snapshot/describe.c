/* describe.c - see describe.h: what a snapshot.json must be. */
#include "snapshot/describe.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "snapshot/id.h"

#define TEXT_MAX 4096

/* One line of text: it goes into READMEs, logs and terminals. */
static bool
is_plain_text(const char *s)
{
	if (strlen(s) > TEXT_MAX)
		return false;
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

/* No control character in any string or key, wherever it stands. */
static bool
all_text_is_plain(const json_t *v, unsigned depth)
{
	const char *key;
	json_t *sub;
	size_t i;

	if (depth > 16)
		return false;
	if (json_is_string(v))
		return is_plain_text(json_string_value(v));
	if (json_is_array(v)) {
		json_array_foreach(v, i, sub)
			if (!all_text_is_plain(sub, depth + 1))
				return false;
	}
	if (json_is_object(v)) {
		json_object_foreach((json_t *)(uintptr_t)v, key, sub)
			if (!is_plain_text(key) ||
			    !all_text_is_plain(sub, depth + 1))
				return false;
	}
	return true;
}

static bool
is_time(const json_t *v)
{
	int64_t ms;

	return json_is_string(v) &&
	    str_parse_time(json_string_value(v), &ms) == 0;
}

static bool
is_count(const json_t *v)
{
	return json_is_integer(v) && json_integer_value(v) >= 0;
}

static bool
is_name(const json_t *v)
{
	return json_is_string(v) && str_is_safe_name(json_string_value(v));
}

static bool
is_path(const json_t *v)
{
	return json_is_string(v) && str_is_safe_path(json_string_value(v));
}

static bool
is_id(const json_t *v)
{
	return json_is_string(v) && snapshot_id_is_valid(json_string_value(v));
}

static bool
is_digest(const json_t *v)
{
	uint8_t raw[32];

	return json_is_string(v) &&
	    str_unhex(json_string_value(v), raw, sizeof(raw)) == 0;
}

static bool
is_text(const json_t *v)
{
	return json_is_string(v);
}

static bool
is_object(const json_t *v)
{
	return json_is_object(v);
}

static bool
is_array(const json_t *v)
{
	return json_is_array(v);
}

struct member {
	const char *name;
	bool is_needed;
	bool (*is_good)(const json_t *);
	const char *expected;
};

static const struct member top_members[] = {
	{ "id", true, is_id, "a snapshot id" },
	{ "job", true, is_name, "a name" },
	{ "as_of", true, is_time, "a time" },
	{ "source", true, is_object, "an object" },
	{ "artifacts", true, is_array, "an array" },
	{ "instance", false, is_text, "text" },
	{ "run", false, is_text, "text" },
	{ "created", false, is_time, "a time" },
	{ "downtime_ms", false, is_count, "a number" },
	{ "versions", false, is_object, "an object" },
	{ "tools", false, is_text, "text" },
	{ "requires", false, is_array, "an array" },
	{ "external", false, is_array, "an array" },
	{ "warnings", false, is_array, "an array" },
};

static const struct member artifact_members[] = {
	{ "name", true, is_path, "a safe file name" },
	{ "kind", true, is_name, "a name" },
	{ "size", true, is_count, "a size" },
	{ "sha256", true, is_digest, "a SHA-256 digest" },
	{ "of", false, is_text, "text" },
	{ "plain_size", false, is_count, "a size" },
	{ "plain_sha256", false, is_digest, "a SHA-256 digest" },
	{ "compression", false, is_text, "text" },
};

/* A member that may be left out may also be null. */
static int
check_members(const json_t *o, const struct member *m, size_t n, struct err *e)
{
	const json_t *v;
	size_t i;

	for (i = 0; i < n; i++) {
		v = json_object_get(o, m[i].name);
		if ((v == NULL || json_is_null(v)) && !m[i].is_needed)
			continue;
		if (v == NULL || !m[i].is_good(v))
			return err_set(e, ERR_CORRUPT, "'%s' is not %s",
			    m[i].name, m[i].expected);
	}
	return 0;
}

/* A volume becomes an argument of "-v": its name must not change what that
 * means. */
static int
check_artifact(const json_t *a, struct err *e)
{
	const char *kind;

	if (!json_is_object(a))
		return err_set(e, ERR_CORRUPT, "not an object");
	if (check_members(a, artifact_members, COUNT_OF(artifact_members), e) ==
	    -1)
		return -1;
	kind = json_get_str(a, "kind", "");
	if (strcmp(kind, "volume") == 0 &&
	    !str_is_safe_name(json_get_str(a, "of", "")))
		return err_set(e, ERR_CORRUPT, "'of' is no volume's name");
	if (strcmp(kind, "path") == 0 &&
	    strchr("/~", json_get_str(a, "of", "x")[0]) == NULL)
		return err_set(e, ERR_CORRUPT, "'of' is no absolute path");
	return 0;
}

static int
check_artifacts(const json_t *list, struct err *e)
{
	const json_t *a;
	json_t *seen = json_object();
	const char *name;
	size_t i;
	int rc = 0;

	json_array_foreach(list, i, a) {
		rc = check_artifact(a, e);
		name = json_get_str(a, "name", "");
		if (rc == 0 && json_object_get(seen, name) != NULL)
			rc = err_set(e, ERR_CORRUPT, "'%s' stands twice", name);
		if (rc == -1) {
			(void)err_context(e, "artifact %zu", i + 1);
			break;
		}
		json_put_bool(seen, name, true);
	}
	json_decref(seen);
	return rc;
}

static int
check_list(const json_t *o, const char *name, bool (*is_good)(const json_t *),
    struct err *e)
{
	const json_t *v;
	size_t i;

	json_array_foreach(json_get_array(o, name), i, v)
		if (!is_good(v))
			return err_set(e, ERR_CORRUPT, "'%s' has a wrong entry",
			    name);
	return 0;
}

/* Versions and warnings are others' words; who shows them looks after it. */
static int
check_text(const json_t *o, struct err *e)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)o, key, v)
		if (strcmp(key, "versions") != 0 &&
		    strcmp(key, "warnings") != 0 && !all_text_is_plain(v, 0))
			return err_set(e, ERR_CORRUPT,
			    "'%s' has control characters", key);
	return 0;
}

int
snapshot_json_check(const json_t *o, struct err *e)
{
	int64_t format;
	int rc = -1;

	if (!json_is_object(o)) {
		(void)err_set(e, ERR_CORRUPT, "not an object");
		goto out;
	}
	format = json_get_int(o, "format", -1);
	if (format != SNAPSHOT_FORMAT) {
		(void)err_set(e, ERR_CORRUPT,
		    "format %lld is not known here, only %d", (long long)format,
		    SNAPSHOT_FORMAT);
		goto out;
	}
	if (check_text(o, e) == -1)
		goto out;
	if (check_members(o, top_members, COUNT_OF(top_members), e) == -1 ||
	    check_artifacts(json_get_array(o, "artifacts"), e) == -1 ||
	    check_list(o, "requires", is_id, e) == -1 ||
	    check_list(o, "external", is_object, e) == -1 ||
	    check_list(o, "warnings", is_text, e) == -1)
		goto out;
	if (json_get_str(json_get_object(o, "source"), "type", NULL) == NULL)
		(void)err_set(e, ERR_CORRUPT, "'source' has no type");
	else
		rc = 0;
out:
	if (rc == -1)
		(void)err_context(e, "%s", SNAPSHOT_JSON_NAME);
	return rc;
}
