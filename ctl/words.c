/* words.c - see words.h. */
#include "words.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "when.h"

struct parse {
	struct words *w;
	char **argv;
	int argc;
	int at;
	int64_t now_ms;
	bool are_options_over;
	struct ctl_param params[CTL_PARAM_MAX];
	size_t nparams;
};

static const char *const globals[] = { "json", "help", "version", "socket",
	"config" };

static int
words_unknown_option(struct parse *p, const char *name, struct err *e)
{
	const char *known[CTL_PARAM_MAX + COUNT_OF(globals)], *near;
	char given[64];
	size_t n = 0, i;

	for (i = 0; i < COUNT_OF(globals); i++)
		known[n++] = globals[i];
	for (i = 0; i < p->nparams; i++)
		if (p->params[i].is_option)
			known[n++] = p->params[i].option;
	(void)snprintf(given, sizeof(given), "%s", name);
	near = str_nearest(given, known, n);
	return err_set(e, ERR_USAGE, "%s%sthere is no option '--%s'%s%s%s",
	    p->w->cmd == NULL ? "" : p->w->cmd->name,
	    p->w->cmd == NULL ? "" : ": ", given,
	    near == NULL ? "" : "; did you mean '--", near == NULL ? "" : near,
	    near == NULL ? "" : "'?");
}

/* The value of an option: behind "=" or the next word. */
static const char *
words_value(struct parse *p, const char *inside, const char *name,
    struct err *e)
{
	if (inside != NULL)
		return inside;
	if (p->at < p->argc)
		return p->argv[p->at++];
	(void)err_set(e, ERR_USAGE, "--%.64s needs a value", name);
	return NULL;
}

static int
words_set(struct parse *p, const struct ctl_param *param, const char *text,
    struct err *e)
{
	char time[STR_TIME_MAX];
	int64_t ms;
	json_t *v;

	if (strcmp(param->kind, "T") == 0) {
		if (when_parse(text, p->now_ms, &ms) == -1)
			return err_set(e, ERR_USAGE,
			    "--%s '%.64s' is no time: "
			    "2026-03-29, \"2026-03-29 04:00\", RFC 3339, or 8d "
			    "for eight days ago",
			    param->option, text);
		str_format_time(ms, time);
		text = time;
	}
	if ((v = ctl_param_parse(param, text, e)) == NULL)
		return err_context(e, "%s", p->w->cmd->name);
	json_put(p->w->args, param->name, v);
	return 0;
}

static int
words_global(struct parse *p, const char *name, const char *inside,
    bool *is_global, struct err *e)
{
	struct words *w = p->w;
	const char **value = NULL;

	*is_global = true;
	if (strcmp(name, "socket") == 0)
		value = &w->socket;
	else if (strcmp(name, "config") == 0)
		value = &w->config;
	if (value != NULL) {
		*value = words_value(p, inside, name, e);
		return *value == NULL ? -1 : 0;
	}
	if (inside == NULL && strcmp(name, "json") == 0)
		w->is_json = true;
	else if (inside == NULL && strcmp(name, "help") == 0)
		w->wants_help = true;
	else if (inside == NULL && strcmp(name, "version") == 0)
		w->wants_version = true;
	else
		*is_global = false;
	return 0;
}

static int
words_option(struct parse *p, const char *word, struct err *e)
{
	const char *equals = strchr(word, '='), *inside, *text;
	char name[64];
	size_t n = equals == NULL ? strlen(word) : (size_t)(equals - word), i;
	bool is_global;

	if (n >= sizeof(name))
		return words_unknown_option(p, word, e);
	memcpy(name, word, n);
	name[n] = '\0';
	inside = equals == NULL ? NULL : equals + 1;
	if (words_global(p, name, inside, &is_global, e) == -1)
		return -1;
	if (is_global)
		return 0;
	for (i = 0; i < p->nparams; i++) {
		const struct ctl_param *param = &p->params[i];

		if (!param->is_option || strcmp(param->option, name) != 0)
			continue;
		if (param->kind[0] != '\0') {
			text = words_value(p, inside, name, e);
			return text == NULL ? -1 : words_set(p, param, text, e);
		}
		if (inside != NULL)
			return err_set(e, ERR_USAGE, "--%s takes no value",
			    name);
		json_put_bool(p->w->args, param->name, true);
		return 0;
	}
	return words_unknown_option(p, name, e);
}

static int
words_command(struct parse *p, const char *word, struct err *e)
{
	const char *near;

	if (strcmp(word, "help") == 0) {
		p->w->wants_help = true;
		return 0;
	}
	if (strcmp(word, "completion") == 0) {
		p->w->wants_completion = true;
		return 0;
	}
	p->w->cmd = ctl_cmd_find(word);
	if (p->w->cmd != NULL) {
		p->nparams = ctl_cmd_params(p->w->cmd, p->params);
		return 0;
	}
	near = ctl_cmd_nearest(word);
	return err_set(e, ERR_USAGE, "there is no command '%.64s'%s%s%s", word,
	    near == NULL ? "; try --help" : "; did you mean '",
	    near == NULL ? "" : near, near == NULL ? "" : "'?");
}

static int
words_argument(struct parse *p, const char *word, struct err *e)
{
	size_t i;

	if (p->w->wants_completion && p->w->shell == NULL) {
		p->w->shell = word;
		return 0;
	}
	if (p->w->cmd == NULL)
		return words_command(p, word, e);
	for (i = 0; i < p->nparams; i++)
		if (!p->params[i].is_option &&
		    json_object_get(p->w->args, p->params[i].name) == NULL)
			return words_set(p, &p->params[i], word, e);
	return err_set(e, ERR_USAGE, "%s: '%.64s' is one word too many",
	    p->w->cmd->name, word);
}

static int
words_check(const struct words *w, struct err *e)
{
	if (w->wants_help || w->wants_version)
		return 0;
	if (w->wants_completion)
		return w->shell != NULL
		    ? 0
		    : err_set(e, ERR_USAGE, "completion: the shell is missing");
	if (w->cmd == NULL)
		return err_set(e, ERR_USAGE,
		    "a command is missing; try "
		    "--help");
	return ctl_cmd_check_args(w->cmd, w->args, e);
}

int
words_parse(int argc, char **argv, int64_t now_ms, struct words *w,
    struct err *e)
{
	struct parse p = { .w = w,
		.argv = argv,
		.argc = argc,
		.now_ms = now_ms };

	memset(w, 0, sizeof(*w));
	w->args = json_object();
	for (p.at = 1; p.at < argc;) {
		const char *word = argv[p.at++];
		int rc = 0;

		if (p.are_options_over || word[0] != '-' || word[1] == '\0') {
			rc = words_argument(&p, word, e);
		} else if (strcmp(word, "--") == 0) {
			p.are_options_over = true;
		} else if (strncmp(word, "--", 2) == 0) {
			rc = words_option(&p, word + 2, e);
		} else if (strcmp(word, "-h") == 0) {
			w->wants_help = true;
		} else if (strcmp(word, "-V") == 0) {
			w->wants_version = true;
		} else {
			rc = err_set(e, ERR_USAGE, "there is no option '%.64s'",
			    word);
		}
		if (rc == -1)
			return -1;
	}
	return words_check(w, e);
}

void
words_done(struct words *w)
{
	json_decref(w->args);
	w->args = NULL;
}

bool
words_is_task(const struct words *w)
{
	return w->cmd->id == CTL_CMD_verify || w->cmd->id == CTL_CMD_copy ||
	    w->cmd->id == CTL_CMD_retry || w->cmd->id == CTL_CMD_prune;
}

bool
words_waits(const struct words *w)
{
	if (w->cmd->id == CTL_CMD_trigger)
		return json_get_bool(w->args, "wait", false);
	return !words_is_task(w) || !json_get_bool(w->args, "no_wait", false);
}
