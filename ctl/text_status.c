/* text_status.c - what runs, what is owed, what comes, for people. */
#include "out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "table.h"
#include "when.h"

static void
status_running(struct out *o, struct buf *b, const json_t *run,
    const char *word)
{
	int64_t bytes = json_get_int(run, "bytes", -1);
	int64_t total = json_get_int(run, "total", -1);
	char text[64];

	text_styled(o, b, TEXT_BOLD, word);
	buf_addf(b, "  run %" PRId64 " of %s", json_get_int(run, "run", 0),
	    json_get_str(run, "job", "?"));
	if (json_get_str(run, "step", NULL) != NULL)
		buf_addf(b, ": %s", json_get_str(run, "step", ""));
	if (bytes > 0) {
		str_format_size(bytes, text, sizeof(text));
		buf_addf(b, ", %s", text);
	}
	if (bytes > 0 && total > 0) {
		str_format_size(total, text, sizeof(text));
		buf_addf(b, " of %s", text);
	}
	if (json_get_str(run, "message", NULL) != NULL)
		buf_addf(b, " (%s)", json_get_str(run, "message", ""));
	buf_addc(b, '\n');
}

/* What a debt means to its owner. */
static const char *
debt_words(const char *kind)
{
	static const struct {
		const char *kind, *words;
	} all[] = {
		{ "services", "services that have to be started again" },
		{ "staging", "a copy that has to be removed" },
		{ "upload", "an unfinished upload that has to be removed" },
		{ "lease", "a dead-man's switch that has to be released" },
		{ "scratch", "working files that have to be removed" },
	};
	size_t i;

	for (i = 0; i < COUNT_OF(all); i++)
		if (strcmp(all[i].kind, kind) == 0)
			return all[i].words;
	return kind;
}

static void
status_debt(struct out *o, struct buf *b, const json_t *debt)
{
	const char *host = json_get_str(debt, "host", NULL);
	const char *error = json_get_str(debt, "last_error", NULL);
	char since[WHEN_MAX];
	struct buf line = BUF_INIT;

	when_member(debt, "created", since);
	buf_addf(&line, "owed     %s",
	    debt_words(json_get_str(debt, "kind", "?")));
	if (host != NULL && *host != '\0')
		buf_addf(&line, " on %s", host);
	buf_addf(&line, ", run %" PRId64 ", since %s",
	    json_get_int(debt, "run", 0), since);
	if (json_get_int(debt, "attempts", 0) > 0)
		buf_addf(&line, ", tried %" PRId64 " times",
		    json_get_int(debt, "attempts", 0));
	if (error != NULL)
		buf_addf(&line, ": %s", error);
	text_styled(o, b, TEXT_BAD, buf_str(&line));
	buf_addc(b, '\n');
	buf_done(&line);
}

static void
status_warning(struct out *o, struct buf *b, const json_t *v)
{
	const char *text = json_is_string(v) ? json_string_value(v)
					     : json_get_str(v, "message", "");

	text_styled(o, b, TEXT_WARN, "warning");
	buf_addf(b, "  %s\n", text);
}

static void
status_job(struct out *o, struct table *t, const json_t *job)
{
	const json_t *last = json_get_object(job, "last");
	const json_t *good = json_get_object(job, "last_ok");
	const char *state = json_get_str(job, "state", "?");
	char text[WHEN_MAX], cell[WHEN_MAX + 32], last_state[24];
	int64_t ms;

	table_cell(t, TEXT_PLAIN, json_get_str(job, "job", ""));
	table_cell(t, text_style_of(state), state);
	if (last == NULL) {
		table_cell(t, TEXT_PLAIN, "never");
	} else {
		(void)snprintf(last_state, sizeof(last_state), "%s",
		    json_get_str(last, "state", "?"));
		when_member(last, "started", text);
		(void)snprintf(cell, sizeof(cell), "%s %s", text, last_state);
		table_cell(t, text_style_of(last_state), cell);
	}
	table_cell(t, good == NULL ? TEXT_WARN : TEXT_PLAIN,
	    good == NULL ? "none" : json_get_str(good, "snapshot", "none"));
	when_member(job, "next", text);
	if (when_parse(json_get_str(job, "next", ""), 0, &ms) == 0) {
		char from[WHEN_MAX];

		when_from(ms, o->now_ms, from);
		(void)snprintf(cell, sizeof(cell), "%s (%.28s)", text, from);
		table_cell(t, TEXT_PLAIN, cell);
	} else {
		table_cell(t, TEXT_PLAIN, "-");
	}
}

static void
status_jobs(struct out *o, struct buf *b, const json_t *jobs)
{
	static const char *const heads[] = { "JOB", "STATE", "LAST RUN",
		"LAST GOOD SNAPSHOT", "NEXT RUN", NULL };
	struct table *t = table_new(heads);
	const json_t *v;
	size_t i;

	json_array_foreach(jobs, i, v)
		status_job(o, t, v);
	table_print(t, o, b);
	table_free(t);
}

void
text_status(struct out *o, struct buf *b, const json_t *v)
{
	const json_t *d = json_get_object(v, "daemon"), *item;
	size_t i, before = b->len;

	json_array_foreach(json_get_array(v, "debts"), i, item)
		status_debt(o, b, item);
	json_array_foreach(json_get_array(v, "warnings"), i, item)
		status_warning(o, b, item);
	json_array_foreach(json_get_array(v, "running"), i, item)
		status_running(o, b, item, "running");
	json_array_foreach(json_get_array(v, "queued"), i, item)
		status_running(o, b, item, "queued ");
	if (json_get_bool(d, "stopping", false))
		buf_adds(b, "the daemon is stopping\n");
	if (b->len == before)
		buf_adds(b, "nothing runs, nothing is owed\n");
	buf_addc(b, '\n');
	status_jobs(o, b, json_get_array(v, "jobs"));
}
