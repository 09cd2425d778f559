/* ctl_cmds.c - see ctl_cmds.h. */
#include "wire/ctl_cmds.h"

#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define VALUE_MAX 4096

const struct ctl_cmd ctl_cmds[CTL_CMD_COUNT] = {
#define CTL_CMD(name, syntax, access, streams, answer, help)                   \
	{ CTL_CMD_##name, #name, syntax, CTL_##access, streams, CTL_##answer,  \
		help },
#include "wire/ctl_cmds.def"
#undef CTL_CMD
};

const struct ctl_cmd *
ctl_cmd_find(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT_OF(ctl_cmds); i++)
		if (strcmp(ctl_cmds[i].name, name) == 0)
			return &ctl_cmds[i];
	return NULL;
}

const char *
ctl_cmd_nearest(const char *name)
{
	const char *names[CTL_CMD_COUNT];
	size_t i;

	for (i = 0; i < COUNT_OF(ctl_cmds); i++)
		names[i] = ctl_cmds[i].name;
	return str_nearest(name, names, COUNT_OF(names));
}

/* Copy the word at ${s} up to a blank or bracket; returns what follows. */
static const char *
params_word(const char *s, char *out, size_t size)
{
	size_t n = strcspn(s, " ]");

	BUG_IF(n == 0 || n >= size);
	memcpy(out, s, n);
	out[n] = '\0';
	return s + n;
}

static const char *
params_one(const char *s, struct ctl_param *p)
{
	char *at;

	memset(p, 0, sizeof(*p));
	p->is_required = *s != '[';
	s += !p->is_required;
	p->is_option = strncmp(s, "--", 2) == 0;
	if (p->is_option) {
		s = params_word(s + 2, p->name, sizeof(p->name));
		if (*s == ' ') /* A flag alone never is required. */
			s = params_word(s + 1, p->kind, sizeof(p->kind));
	} else {
		s = params_word(s, p->name, sizeof(p->name));
		BUG_IF(strlen(p->name) >= sizeof(p->kind));
		strcpy(p->kind, p->name);
	}
	strcpy(p->option, p->name);
	for (at = p->name; *at != '\0'; at++)
		*at = *at == '-' ? '_' : (char)tolower((unsigned char)*at);
	return s + strspn(s, "] ");
}

size_t
ctl_cmd_params(const struct ctl_cmd *cmd, struct ctl_param *out)
{
	const char *s = cmd->syntax;
	size_t n = 0;

	while (*s != '\0') {
		BUG_IF(n == CTL_PARAM_MAX);
		s = params_one(s, &out[n++]);
	}
	return n;
}

static bool
param_is_number(const struct ctl_param *p)
{
	return strcmp(p->kind, "RUN") == 0 || strcmp(p->kind, "N") == 0;
}

json_t *
ctl_param_parse(const struct ctl_param *p, const char *text, struct err *e)
{
	json_t *v;
	int64_t n;

	if (param_is_number(p)) {
		if (str_parse_i64(text, &n) == 0 && n > 0)
			return json_integer(n);
		(void)err_set(e, ERR_USAGE,
		    "%s '%.100s' is not a positive "
		    "number",
		    p->is_option ? p->option : p->kind, text);
		return NULL;
	}
	if (*text == '\0' || strlen(text) > VALUE_MAX ||
	    (v = json_string(text)) == NULL) {
		(void)err_set(e, ERR_USAGE, "%s is empty, too long, or no text",
		    p->is_option ? p->option : p->kind);
		return NULL;
	}
	return v;
}

static int
args_check_one(const struct ctl_param *p, const json_t *v, struct err *e)
{
	int64_t ms;

	if (v == NULL || json_is_null(v)) {
		if (p->is_required)
			return err_set(e, ERR_USAGE, "%s%s is missing",
			    p->is_option ? "--" : "",
			    p->is_option ? p->option : p->kind);
		return 0;
	}
	if (p->kind[0] == '\0') {
		if (!json_is_boolean(v))
			return err_set(e, ERR_USAGE,
			    "'%s' must be true or "
			    "false",
			    p->name);
	} else if (param_is_number(p)) {
		if (!json_is_integer(v) || json_integer_value(v) <= 0)
			return err_set(e, ERR_USAGE,
			    "'%s' must be a positive "
			    "number",
			    p->name);
	} else if (!json_is_string(v) || json_string_length(v) > VALUE_MAX) {
		return err_set(e, ERR_USAGE, "'%s' must be a string", p->name);
	} else if (strcmp(p->kind, "T") == 0 &&
	    str_parse_time(json_string_value(v), &ms) == -1) {
		return err_set(e, ERR_USAGE, "'%s' must be an RFC 3339 time",
		    p->name);
	}
	return 0;
}

int
ctl_cmd_check_args(const struct ctl_cmd *cmd, const json_t *args, struct err *e)
{
	struct ctl_param params[CTL_PARAM_MAX];
	size_t n = ctl_cmd_params(cmd, params), i, known = 0;

	for (i = 0; i < n; i++) {
		const json_t *v = json_object_get(args, params[i].name);

		known += v != NULL;
		if (args_check_one(&params[i], v, e) == -1)
			return err_context(e, "%s", cmd->name);
	}
	if (known != json_object_size(args))
		return err_set(e, ERR_USAGE, "%s takes: %s", cmd->name,
		    *cmd->syntax == '\0' ? "nothing" : cmd->syntax);
	return 0;
}
