/* conf_value.c - texts turned into values by type; see conf_check.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "conf/conf_check.h"
#include "cron/cron.h"

typedef json_t *value_fn(struct conf_check *, const struct conf_row *,
    const struct conf_node *);

const char *
conf_show(const char *text)
{
	static _Thread_local char ring[4][80];
	static _Thread_local unsigned at;
	char *out = ring[at++ % 4];
	size_t n = strlen(text), cut = 60;

	if (n <= cut) {
		(void)snprintf(out, sizeof(ring[0]), "'%s'", text);
		return out;
	}
	while (cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
		cut--;
	(void)snprintf(out, sizeof(ring[0]), "'%.*s...'", (int)cut, text);
	return out;
}

const char *
conf_hint(const char *word, const char *const *words, size_t n)
{
	static _Thread_local char hint[120];
	const char *near;

	if (strlen(word) > 64 || (near = str_nearest(word, words, n)) == NULL)
		return "";
	(void)snprintf(hint, sizeof(hint), " (did you mean %s?)",
	    conf_show(near));
	return hint;
}

/* "expected X, got 'text'": the one form of all type faults. */
static json_t *
value_fault(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n, const char *expected)
{
	if (n->text[0] == '\0')
		conf_check_fault(c, n, "expected %s, got nothing", expected);
	else if ((row->flags & CONF_SECRET) != 0)
		conf_check_fault(c, n, "expected %s, got something else",
		    expected);
	else
		conf_check_fault(c, n, "expected %s, got %s", expected,
		    conf_show(n->text));
	return NULL;
}

static json_t *
value_text(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	if (n->text[0] == '\0')
		return value_fault(c, row, n, "a text");
	return json_string(n->text);
}

static json_t *
value_word(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	struct buf b = BUF_INIT;
	size_t i;

	buf_adds(&b, "one of ");
	for (i = 0; row->words[i] != NULL; i++) {
		if (strcmp(row->words[i], n->text) == 0) {
			buf_done(&b);
			return json_string(n->text);
		}
		buf_addf(&b, "%s%s", i == 0 ? "" : ", ", row->words[i]);
	}
	conf_check_fault(c, n, "expected %s, got %s%s", buf_str(&b),
	    n->text[0] == '\0' ? "nothing" : conf_show(n->text),
	    conf_hint(n->text, row->words, i));
	buf_done(&b);
	return NULL;
}

/* -1 unless it is one of the words that YAML 1.1 and 1.2 agree on. */
static int
value_bool_of(const char *text)
{
	static const char *const words[] = { "false", "true", "no", "yes",
		"off", "on" };
	size_t i;

	for (i = 0; i < COUNT_OF(words); i++)
		if (strcasecmp(words[i], text) == 0)
			return i % 2 == 1;
	return -1;
}

static json_t *
value_bool(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	int v = value_bool_of(n->text);

	if (v == -1)
		return value_fault(c, row, n, "true or false");
	return json_boolean(v == 1);
}

static void
value_format(enum conf_type type, int64_t v, char *out, size_t size)
{
	if (type == CONF_DURATION)
		str_format_duration(v, out, size);
	else if (type == CONF_SIZE)
		str_format_size(v, out, size);
	else
		(void)snprintf(out, size, "%lld", (long long)v);
}

static json_t *
value_range(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n, int64_t v)
{
	char min[64], max[64];

	if ((row->min == 0 && row->max == 0) ||
	    (v >= row->min && v <= row->max))
		return json_integer(v);
	value_format(row->type, row->min, min, sizeof(min));
	value_format(row->type, row->max, max, sizeof(max));
	conf_check_fault(c, n, "expected %s to %s, got %s", min, max,
	    conf_show(n->text));
	return NULL;
}

static json_t *
value_int(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	int64_t v;

	if (str_parse_i64(n->text, &v) == -1)
		return value_fault(c, row, n, "a whole number");
	return value_range(c, row, n, v);
}

static json_t *
value_duration(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	int64_t v;

	if (strlen(n->text) > 64 || str_parse_duration(n->text, &v) == -1)
		return value_fault(c, row, n,
		    "a duration such as 90s, 15m or 1h30m");
	return value_range(c, row, n, v);
}

static json_t *
value_size(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	int64_t v;

	if (strlen(n->text) > 64 || str_parse_size(n->text, &v) == -1)
		return value_fault(c, row, n,
		    "a size such as 64k, 8MiB or 1.5GB");
	return value_range(c, row, n, v);
}

static json_t *
value_name(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	if (!str_is_safe_name(n->text))
		return value_fault(c, row, n,
		    "a name of letters, digits and . _ -, "
		    "beginning with a letter or digit");
	return json_string(n->text);
}

static json_t *
value_env_name(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	const char *s = n->text;

	if (isalpha((unsigned char)*s) || *s == '_')
		while (isalnum((unsigned char)*s) || *s == '_')
			s++;
	if (s == n->text || *s != '\0')
		return value_fault(c, row, n,
		    "the name of an environment variable");
	return json_string(n->text);
}

static bool
value_is_tilde_bad(const char *path)
{
	return path[0] == '~' && path[1] != '\0' && path[1] != '/';
}

static json_t *
value_path(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	struct err e = ERR_INIT;
	json_t *v = NULL;
	char *path;

	if (n->text[0] == '\0' || value_is_tilde_bad(n->text))
		return value_fault(c, row, n,
		    "a path (\"~/\" is the home folder)");
	if ((path = conf_path_local(c, n->text)) == NULL) {
		conf_check_fault(c, n, "no home folder is known for \"~\"");
		return NULL;
	}
	if (strlen(path) >= 4096)
		conf_check_fault(c, n, "the path is too long");
	else if ((row->flags & CONF_PRIVATE) != 0 && c->with_files &&
	    file_check_private(path, &e) == -1)
		conf_check_fault(c, n, "%s", e.msg);
	else
		v = json_string(path);
	free(path);
	return v;
}

/* On another machine only its own shell knows what "~" is. */
static json_t *
value_host_path(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	if (!c->is_remote)
		return value_path(c, row, n);
	if ((n->text[0] != '/' && n->text[0] != '~') ||
	    value_is_tilde_bad(n->text) || strlen(n->text) >= 4096)
		return value_fault(c, row, n,
		    "a path on that host that begins with / or ~/");
	return json_string(n->text);
}

static json_t *
value_program(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	if (strchr(n->text, '/') != NULL)
		return value_host_path(c, row, n);
	if (!str_is_safe_name(n->text))
		return value_fault(c, row, n, "the name or path of a program");
	return json_string(n->text);
}

static json_t *
value_url(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	const char *s = n->text, *host;

	if (strncasecmp(s, "http://", 7) != 0 &&
	    strncasecmp(s, "https://", 8) != 0)
		return value_fault(c, row, n,
		    "a URL that begins with http:// or https://");
	host = strstr(s, "://") + 3;
	if (strcspn(host, "/?#:") == 0 || strpbrk(s, " \"<>\\") != NULL)
		return value_fault(c, row, n, "a URL with a host name");
	if (memchr(host, '@', strcspn(host, "/?#")) != NULL) {
		conf_check_fault(c, n,
		    "a URL must not hold a user or a password");
		return NULL;
	}
	return json_string(s);
}

static json_t *
value_ssh(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	const char *at = strrchr(n->text, '@');
	const char *machine = at == NULL ? n->text : at + 1, *s;
	bool is_good = *machine != '\0' && *machine != '-' && at != n->text &&
	    n->text[0] != '-' && strlen(n->text) <= 320;

	for (s = n->text; at != NULL && s < at; s++)
		if ((unsigned char)*s <= ' ' || *s == '/' || *s == ':')
			is_good = false;
	for (s = machine; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) &&
		    strchr("._-:[]%", *s) == NULL)
			is_good = false;
	if (!is_good)
		return value_fault(c, row, n, "user@machine");
	return json_string(n->text);
}

/* As ssh-keygen -l prints it: base64 of 32 bytes, without padding. */
static json_t *
value_fingerprint(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	const char *s = n->text;
	size_t i = 0;

	if (strncmp(s, "SHA256:", 7) == 0)
		for (s += 7;
		     isalnum((unsigned char)s[i]) || s[i] == '+' || s[i] == '/';
		     i++)
			;
	if (i != 43 || (s[i] != '\0' && strcmp(s + i, "=") != 0))
		return value_fault(c, row, n,
		    "SHA256: and 43 characters, as ssh-keygen -lf prints it");
	return json_string(n->text);
}

static json_t *
value_ref(struct conf_check *c, const struct conf_node *n, const char *section)
{
	const struct conf_node *map = conf_node_get(c->root, section);
	const char **names;
	size_t i, count = 0;

	if (conf_node_get(map, n->text) != NULL)
		return json_string(n->text);
	if (map != NULL && map->kind == CONF_NODE_MAP)
		count = map->n / 2;
	names = xcalloc(count + 1, sizeof(*names));
	for (i = 0; i < count; i++)
		names[i] = map->items[2 * i]->text;
	conf_check_fault(c, n, "expected an entry of '%s', got %s%s", section,
	    n->text[0] == '\0' ? "nothing" : conf_show(n->text),
	    conf_hint(n->text, names, count));
	free(names);
	return NULL;
}

static json_t *
value_store(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	(void)row;
	return value_ref(c, n, "stores");
}

static json_t *
value_host(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	(void)row;
	return value_ref(c, n, "hosts");
}

static json_t *
value_cron(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	struct err e = ERR_INIT;
	struct cron_expr *x;

	if (n->text[0] == '\0')
		return value_fault(c, row, n, "a schedule");
	if ((x = cron_expr_parse(n->text, &e)) == NULL) {
		conf_check_fault(c, n, "not a schedule: %s", e.msg);
		return NULL;
	}
	cron_expr_free(x);
	return json_string(n->text);
}

static json_t *
value_zone(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	struct err e = ERR_INIT;
	struct cron_zone *z;

	if (n->text[0] == '\0')
		return value_fault(c, row, n, "the name of a time zone");
	if ((z = cron_zone_load(n->text, &e)) == NULL) {
		conf_check_fault(c, n, "%s", e.msg);
		return NULL;
	}
	cron_zone_free(z);
	return json_string(n->text);
}

static value_fn *const values[] = {
	[CONF_TEXT] = value_text,
	[CONF_WORD] = value_word,
	[CONF_BOOL] = value_bool,
	[CONF_INT] = value_int,
	[CONF_DURATION] = value_duration,
	[CONF_SIZE] = value_size,
	[CONF_NAME] = value_name,
	[CONF_ENV_NAME] = value_env_name,
	[CONF_PATH] = value_path,
	[CONF_HOST_PATH] = value_host_path,
	[CONF_PROGRAM] = value_program,
	[CONF_URL] = value_url,
	[CONF_SSH] = value_ssh,
	[CONF_FINGERPRINT] = value_fingerprint,
	[CONF_CRON] = value_cron,
	[CONF_ZONE] = value_zone,
	[CONF_STORE] = value_store,
	[CONF_HOST] = value_host,
};

json_t *
conf_value(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	BUG_IF(row->type >= COUNT_OF(values));
	return values[row->type](c, row, n);
}

json_t *
conf_value_free(const struct conf_node *n)
{
	int64_t v;

	if (!n->is_plain)
		return json_string(n->text);
	if (strcmp(n->text, "true") == 0 || strcmp(n->text, "false") == 0)
		return json_boolean(n->text[0] == 't');
	if (strcmp(n->text, "null") == 0 || n->text[0] == '\0')
		return json_null();
	if (str_parse_i64(n->text, &v) == 0)
		return json_integer(v);
	return json_string(n->text);
}
