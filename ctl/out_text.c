/* out_text.c - answers for people. */
#include "out.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "table.h"
#include "when.h"
#include "words.h"

bool
out_can_draw(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term != NULL && strcmp(term, "dumb") != 0;
}

bool
out_wants_color(int fd)
{
	const char *no = getenv("NO_COLOR");

	return out_can_draw(fd) && (no == NULL || *no == '\0');
}

void
text_styled(const struct out *o, struct buf *b, enum text_style style,
    const char *s)
{
	static const char *const codes[] = { "", "1", "32", "33", "31" };

	if (o->has_color && style != TEXT_PLAIN && *s != '\0')
		buf_addf(b, "\033[%sm%s\033[0m", codes[style], s);
	else
		buf_adds(b, s);
}

enum text_style
text_style_of(const char *state)
{
	static const struct {
		const char *word;
		enum text_style style;
	} styles[] = {
		{ "done", TEXT_GOOD },
		{ "sealed", TEXT_GOOD },
		{ "pruned", TEXT_GOOD },
		{ "running", TEXT_BOLD },
		{ "partial", TEXT_WARN },
		{ "canceled", TEXT_WARN },
		{ "paused", TEXT_WARN },
		{ "ok", TEXT_GOOD },
		{ "damaged", TEXT_BAD },
		{ "unknown", TEXT_WARN },
		{ "failed", TEXT_BAD },
		{ "dropped", TEXT_BAD },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(styles); i++)
		if (strcasecmp(styles[i].word, state) == 0)
			return styles[i].style;
	return TEXT_PLAIN;
}

/*
 * Text from a store or a host must not talk to the terminal: a copy of the
 * value in which control characters are question marks.
 */
static char *
clean_string(const char *s)
{
	char *copy = xstrdup(s), *at;

	for (at = copy; *at != '\0'; at++) {
		unsigned char c = (unsigned char)*at;

		if (c < 0x20 || c == 0x7f)
			*at = c == '\n' || c == '\t' ? ' ' : '?';
		else if (c == 0xc2 && (unsigned char)at[1] >= 0x80 &&
		    (unsigned char)at[1] < 0xa0)
			at[0] = at[1] = '?';
	}
	return copy;
}

static json_t *
clean_value(const json_t *v)
{
	json_t *out, *item;
	const char *key;
	char *text;
	size_t i;

	if (json_is_string(v)) {
		text = clean_string(json_string_value(v));
		out = json_string(text);
		free(text);
		return out;
	}
	if (json_is_array(v)) {
		out = json_array();
		json_array_foreach(v, i, item)
			BUG_IF(json_array_append_new(out, clean_value(item)) !=
			    0);
		return out;
	}
	if (!json_is_object(v))
		return json_copy((json_t *)(uintptr_t)v);
	out = json_object();
	json_object_foreach((json_t *)(uintptr_t)v, key, item)
		json_put(out, key, clean_value(item));
	return out;
}

static void
text_trigger(struct out *o, struct buf *b, const struct words *w,
    const json_t *v)
{
	if (words_waits(w))
		text_run(o, b, v);
	else
		buf_addf(b, "%" JSON_INTEGER_FORMAT "\n",
		    (json_int_t)json_get_int(v, "run", 0));
}

static void
text_next(struct out *o, struct buf *b, const json_t *list)
{
	static const char *const heads[] = { "JOB", "AT", "IN", "", NULL };
	struct table *t = table_new(heads);
	char at[WHEN_MAX], in[WHEN_MAX];
	const json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		int64_t ms = 0;
		bool is_paused = json_get_bool(v, "paused", false);

		when_member(v, "at", at);
		(void)when_parse(json_get_str(v, "at", ""), 0, &ms);
		when_span(ms - o->now_ms, in);
		table_cell(t, TEXT_PLAIN, json_get_str(v, "job", ""));
		table_cell(t, TEXT_PLAIN, at);
		table_cell(t, TEXT_PLAIN, ms > o->now_ms ? in : "now");
		table_cell(t, TEXT_WARN, is_paused ? "paused" : "");
	}
	if (json_array_size(list) == 0)
		buf_adds(b, "no job has a schedule\n");
	else
		table_print(t, o, b);
	table_free(t);
}

static void
text_check(struct out *o, struct buf *b, const json_t *v)
{
	const char *path = json_get_str(v, "path", "");
	const json_t *faults = json_get_array(v, "faults"), *f;
	size_t i;

	if (json_get_bool(v, "ok", false)) {
		buf_addf(b, "%s: ", path);
		text_styled(o, b, TEXT_GOOD, "good");
		buf_addc(b, '\n');
		return;
	}
	json_array_foreach(faults, i, f) {
		int line = (int)json_get_int(f, "line", 0);

		buf_adds(b, path);
		if (line > 0)
			buf_addf(b, ":%d:%d", line,
			    (int)json_get_int(f, "column", 0));
		buf_addf(b, ": %s\n", json_get_str(f, "text", ""));
	}
	if (json_array_size(faults) == 0)
		buf_addf(b, "%s\n", json_get_str(v, "error", path));
}

static void
text_ping(struct buf *b, const json_t *v)
{
	char up[WHEN_MAX];

	when_span(json_get_int(v, "uptime_ms", 0), up);
	buf_addf(b, "ragbackupd %s answers, up for %s (process %d)\n",
	    json_get_str(v, "version", "?"), up,
	    (int)json_get_int(v, "pid", 0));
}

static void
text_version(struct buf *b, const json_t *v)
{
	const json_t *d = json_get_object(v, "daemon");

	buf_addf(b, "ragbackupctl %s\n", json_get_str(v, "client", "?"));
	if (d == NULL)
		buf_adds(b, "ragbackupd   not reachable\n");
	else
		buf_addf(b, "ragbackupd   %s\n",
		    json_get_str(d, "version", "?"));
}

static void
text_append(struct out *o, struct buf *b, const struct words *w,
    const json_t *v)
{
	switch (w->cmd->id) {
	case CTL_CMD_status:
		text_status(o, b, v);
		break;
	case CTL_CMD_verify:
	case CTL_CMD_copy:
	case CTL_CMD_retry:
	case CTL_CMD_prune:
	case CTL_CMD_trigger:
		text_trigger(o, b, w, v);
		break;
	case CTL_CMD_cancel:
	case CTL_CMD_watch:
		text_run(o, b, v);
		break;
	case CTL_CMD_history:
		text_history(o, b, v);
		break;
	case CTL_CMD_show:
		text_show(o, b, v);
		break;
	case CTL_CMD_snapshots:
		text_snapshots(o, b, v);
		break;
	case CTL_CMD_next:
		text_next(o, b, v);
		break;
	case CTL_CMD_pause:
	case CTL_CMD_resume:
		buf_addf(b, "job %s %s\n", json_get_str(v, "job", ""),
		    json_get_bool(v, "paused", false) ? "is paused"
						      : "follows its schedule");
		break;
	case CTL_CMD_reload:
		buf_addf(b, "%s is in use\n", json_get_str(v, "config", ""));
		break;
	case CTL_CMD_check:
		text_check(o, b, v);
		break;
	case CTL_CMD_ping:
		text_ping(b, v);
		break;
	case CTL_CMD_version:
		text_version(b, v);
		break;
	case CTL_CMD_COUNT:
		break;
	}
}

static void
text_answer(struct out *o, const struct words *w, const json_t *value)
{
	json_t *v = clean_value(value);
	struct buf b = BUF_INIT;

	text_append(o, &b, w, v);
	(void)fwrite(buf_str(&b), 1, b.len, o->to);
	buf_done(&b);
	json_decref(v);
}

static void
text_error(struct out *o, const struct err *e)
{
	char *text = clean_string(e->msg);

	(void)fprintf(o->err_to, "ragbackupctl: %s\n", text);
	free(text);
}

const struct out_ops out_text = { text_answer, text_error };
