/* text_runs.c - runs and snapshots for people. */
#include "out.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "table.h"
#include "when.h"

static const char *
runs_span(const json_t *o, const char *key, char out[WHEN_MAX])
{
	if (!json_is_integer(json_object_get(o, key)))
		return "-";
	when_span(json_get_int(o, key, 0), out);
	return out;
}

const char *
text_size(const json_t *o, const char *key, char *out, size_t size)
{
	if (!json_is_integer(json_object_get(o, key)))
		return "-";
	str_format_size(json_get_int(o, key, 0), out, size);
	return out;
}

/* How long from one member to the other. */
static const char *
runs_took(const json_t *o, char out[WHEN_MAX])
{
	int64_t from, to;

	if (str_parse_time(json_get_str(o, "started", ""), &from) == -1 ||
	    str_parse_time(json_get_str(o, "finished", ""), &to) == -1)
		return "-";
	when_span(to - from, out);
	return out;
}

/* The error, else what was warned of. */
static const char *
runs_remark(const json_t *run, char *out, size_t size)
{
	size_t n = json_array_size(json_get_array(run, "warnings"));

	if (json_get_str(run, "error", NULL) != NULL)
		return json_get_str(run, "error", "");
	if (n == 0)
		return "";
	(void)snprintf(out, size, "%zu warning%s", n, n == 1 ? "" : "s");
	return out;
}

static void
history_row(struct table *t, const json_t *run)
{
	const char *state = json_get_str(run, "state", "?");
	char text[64], when[WHEN_MAX];
	bool is_running = strcmp(state, "running") == 0;

	(void)snprintf(text, sizeof(text), "%" PRId64,
	    json_get_int(run, "run", 0));
	table_cell(t, TEXT_PLAIN, text);
	table_cell(t, TEXT_PLAIN, json_get_str(run, "job", ""));
	table_cell(t, TEXT_PLAIN, json_get_str(run, "kind", ""));
	table_cell(t, text_style_of(state),
	    is_running ? json_get_str(run, "step", state) : state);
	table_cell(t, TEXT_PLAIN, json_get_str(run, "trigger", ""));
	when_member(run, "started", when);
	table_cell(t, TEXT_PLAIN, when);
	table_cell(t, TEXT_PLAIN, runs_took(run, when));
	table_cell(t, TEXT_PLAIN, runs_span(run, "downtime_ms", when));
	table_cell(t, TEXT_PLAIN,
	    text_size(run, "bytes_stored", text, sizeof(text)));
	table_cell(t, TEXT_PLAIN, json_get_str(run, "snapshot", "-"));
	table_cell(t, TEXT_PLAIN, runs_remark(run, text, sizeof(text)));
}

void
text_history(struct out *o, struct buf *b, const json_t *list)
{
	static const char *const heads[] = { ">RUN", "JOB", "KIND", "STATE",
		"TRIGGER", "STARTED", ">TOOK", ">DOWN", ">STORED", "SNAPSHOT",
		"", NULL };
	struct table *t;
	const json_t *v;
	size_t i;

	if (json_array_size(list) == 0) {
		buf_adds(b, "no runs\n");
		return;
	}
	t = table_new(heads);
	json_array_foreach(list, i, v)
		history_row(t, v);
	table_print(t, o, b);
	table_free(t);
}

static void
run_line(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "  %-12s %s\n", name, value);
}

static void
run_stores(struct out *o, struct buf *b, const json_t *run)
{
	const json_t *v;
	char text[64];
	size_t i;

	json_array_foreach(json_get_array(run, "stores"), i, v) {
		const char *verdict = json_get_str(v, "verdict", "-");

		/* Retention has run there too; what counts is the seal. */
		if (strcmp(verdict, "pruned") == 0)
			verdict = "sealed";
		buf_addf(b, "  %-12s ", "store");
		buf_addf(b, "%s: ", json_get_str(v, "store", "?"));
		text_styled(o, b, text_style_of(verdict), verdict);
		buf_addf(b, ", %s", text_size(v, "bytes", text, sizeof(text)));
		if (json_get_str(v, "error", NULL) != NULL)
			buf_addf(b, ": %s", json_get_str(v, "error", ""));
		buf_addc(b, '\n');
	}
}

static void
run_figures(struct buf *b, const json_t *run)
{
	char text[64], when[WHEN_MAX];

	if (json_is_integer(json_object_get(run, "downtime_ms")))
		run_line(b, "downtime", runs_span(run, "downtime_ms", when));
	if (json_is_integer(json_object_get(run, "healthy_ms")))
		run_line(b, "healthy", runs_span(run, "healthy_ms", when));
	if (json_get_int(run, "bytes_read", 0) > 0)
		run_line(b, "read",
		    text_size(run, "bytes_read", text, sizeof(text)));
	if (json_get_int(run, "bytes_stored", 0) > 0)
		run_line(b, "stored",
		    text_size(run, "bytes_stored", text, sizeof(text)));
}

void
text_run(struct out *o, struct buf *b, const json_t *run)
{
	const char *state = json_get_str(run, "state", "?");
	const char *kind = json_get_str(run, "kind", "backup");
	const json_t *v;
	char when[WHEN_MAX];
	size_t i;

	/* A task says what it is; "-": of no known job. */
	if (strcmp(kind, "backup") == 0)
		buf_addf(b,
		    "run %" PRId64 " of %s: ", json_get_int(run, "run", 0),
		    json_get_str(run, "job", "?"));
	else
		buf_addf(b,
		    "run %" PRId64 ", %s: ", json_get_int(run, "run", 0), kind);
	text_styled(o, b, text_style_of(state), state);
	if (json_get_str(run, "error", NULL) != NULL)
		buf_addf(b, ": %s", json_get_str(run, "error", ""));
	buf_addc(b, '\n');
	if (json_get_str(run, "snapshot", NULL) != NULL)
		run_line(b, "snapshot", json_get_str(run, "snapshot", ""));
	if (json_get_str(run, "finished", NULL) != NULL)
		run_line(b, "took", runs_took(run, when));
	run_figures(b, run);
	if (!text_results(o, b, run))
		run_stores(o, b, run);
	json_array_foreach(json_get_array(run, "warnings"), i, v)
		run_line(b, "warning",
		    json_is_string(v) ? json_string_value(v)
				      : json_get_str(v, "message", ""));
}

static void
show_steps(struct out *o, struct buf *b, const json_t *run)
{
	static const char *const heads[] = { "STEP", "STARTED", ">TOOK",
		">BYTES", "", NULL };
	const json_t *steps = json_get_array(run, "steps"), *v;
	struct table *t;
	char text[64], when[WHEN_MAX];
	size_t i;

	if (json_array_size(steps) == 0)
		return;
	t = table_new(heads);
	json_array_foreach(steps, i, v) {
		bool has_bytes = json_get_int(v, "bytes", 0) > 0;

		table_cell(t, TEXT_PLAIN, json_get_str(v, "step", ""));
		when_member(v, "started", when);
		table_cell(t, TEXT_PLAIN, when);
		table_cell(t, TEXT_PLAIN, runs_took(v, when));
		table_cell(t, TEXT_PLAIN,
		    has_bytes ? text_size(v, "bytes", text, sizeof(text))
			      : "-");
		table_cell(t, TEXT_BAD, json_get_str(v, "error", ""));
	}
	buf_addc(b, '\n');
	table_print(t, o, b);
	table_free(t);
}

void
text_show(struct out *o, struct buf *b, const json_t *run)
{
	static const char *const times[][2] = {
		{ "scheduled", "scheduled_for" },
		{ "started", "started" },
		{ "data as of", "as_of" },
		{ "finished", "finished" },
	};
	char when[WHEN_MAX];
	size_t i;

	text_run(o, b, run);
	run_line(b, "trigger", json_get_str(run, "trigger", "-"));
	for (i = 0; i < COUNT_OF(times); i++) {
		if (json_get_str(run, times[i][1], NULL) == NULL)
			continue;
		when_member(run, times[i][1], when);
		run_line(b, times[i][0], when);
	}
	if (json_get_str(run, "health", NULL) != NULL)
		run_line(b, "health", json_get_str(run, "health", ""));
	show_steps(o, b, run);
}

static void
snapshots_stores(const json_t *v, struct buf *b, enum text_style *style)
{
	const json_t *at;
	size_t i;

	*style = TEXT_PLAIN;
	json_array_foreach(json_get_array(v, "stores"), i, at) {
		const char *error = json_get_str(at, "error", NULL);

		buf_addf(b, "%s%s", i == 0 ? "" : ", ",
		    json_get_str(at, "store", "?"));
		if (error != NULL)
			buf_addf(b, " (%s)", error);
		else if (json_is_true(json_object_get(at, "suspect")))
			buf_adds(b, " (suspect)");
		else
			continue;
		*style = TEXT_BAD;
	}
}

static void
snapshots_row(struct table *t, const json_t *v)
{
	struct buf stores = BUF_INIT;
	enum text_style style;
	char text[64], when[WHEN_MAX];
	const json_t *files = json_object_get(v, "artifacts");

	table_cell(t, TEXT_PLAIN, json_get_str(v, "snapshot", ""));
	table_cell(t, TEXT_PLAIN,
	    json_is_true(json_object_get(v, "legacy"))
		? "(legacy)"
		: json_get_str(v, "job", "-"));
	when_member(v, "as_of", when);
	table_cell(t, TEXT_PLAIN, when);
	table_cell(t, TEXT_PLAIN, text_size(v, "size", text, sizeof(text)));
	(void)snprintf(text, sizeof(text), "%" PRId64,
	    json_is_array(files) ? (int64_t)json_array_size(files)
				 : (int64_t)json_integer_value(files));
	table_cell(t, TEXT_PLAIN, text);
	snapshots_stores(v, &stores, &style);
	table_cell(t, style, buf_str(&stores));
	buf_done(&stores);
}

void
text_snapshots(struct out *o, struct buf *b, const json_t *list)
{
	static const char *const heads[] = { "SNAPSHOT", "JOB", "DATA AS OF",
		">SIZE", ">ARTIFACTS", "STORES", NULL };
	struct table *t;
	const json_t *v;
	size_t i;

	if (json_array_size(list) == 0) {
		buf_adds(b, "no snapshots\n");
		return;
	}
	t = table_new(heads);
	json_array_foreach(list, i, v)
		snapshots_row(t, v);
	table_print(t, o, b);
	table_free(t);
}
