/* text_tasks.c - what verify, copy, retry and prune found, for people. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "out.h"
#include "table.h"
#include "when.h"

static void
verify_faults(struct buf *b, const json_t *results)
{
	const json_t *v, *f;
	size_t i, k;

	json_array_foreach(results, i, v)
		json_array_foreach(json_get_array(v, "faults"), k, f)
			buf_addf(b, "  %s: %s: %s\n",
			    json_get_str(v, "store", "?"),
			    json_get_str(f, "file", "?"),
			    json_get_str(f, "fault", ""));
}

static void
text_verify(struct out *o, struct buf *b, const json_t *results)
{
	static const char *const heads[] = { "STORE", "VERDICT", ">FILES",
		">SIZE", ">READ", "", NULL };
	struct table *t = table_new(heads);
	const json_t *v;
	char text[64];
	size_t i;

	json_array_foreach(results, i, v) {
		const char *verdict = json_get_str(v, "verdict", "?");

		table_cell(t, TEXT_PLAIN, json_get_str(v, "store", "?"));
		table_cell(t, text_style_of(verdict), verdict);
		(void)snprintf(text, sizeof(text), "%d",
		    (int)json_get_int(v, "files", 0));
		table_cell(t, TEXT_PLAIN, text);
		table_cell(t, TEXT_PLAIN,
		    text_size(v, "bytes", text, sizeof(text)));
		table_cell(t, TEXT_PLAIN,
		    text_size(v, "read", text, sizeof(text)));
		table_cell(t, TEXT_PLAIN, json_get_str(v, "error", ""));
	}
	table_print(t, o, b);
	table_free(t);
	verify_faults(b, results);
}

static void
text_copied(struct out *o, struct buf *b, const json_t *results)
{
	static const char *const heads[] = { "STORE", "VERDICT", "FROM",
		">BYTES", "", NULL };
	struct table *t = table_new(heads);
	const json_t *v;
	char text[64];
	size_t i;

	json_array_foreach(results, i, v) {
		const char *verdict = json_get_str(v, "verdict", "?");
		bool was_there = json_get_bool(v, "was_there", false);

		table_cell(t, TEXT_PLAIN, json_get_str(v, "store", "?"));
		table_cell(t, text_style_of(verdict), verdict);
		table_cell(t, TEXT_PLAIN, json_get_str(v, "from", "-"));
		table_cell(t, TEXT_PLAIN,
		    text_size(v, "bytes", text, sizeof(text)));
		table_cell(t, TEXT_PLAIN,
		    was_there ? "was there already"
			      : json_get_str(v, "error", ""));
	}
	table_print(t, o, b);
	table_free(t);
}

static enum text_style
prune_style(const char *verdict)
{
	return strcmp(verdict, "delete") == 0 ? TEXT_WARN : TEXT_PLAIN;
}

static void
text_pruned(struct out *o, struct buf *b, const json_t *results)
{
	static const char *const heads[] = { "STORE", "SNAPSHOT", "DATA AS OF",
		"VERDICT", "", "REASON", NULL };
	struct table *t = table_new(heads);
	const json_t *v;
	char when[WHEN_MAX];
	size_t i;

	json_array_foreach(results, i, v) {
		const char *verdict = json_get_str(v, "verdict", "?");
		const char *error = json_get_str(v, "error", NULL);

		table_cell(t, TEXT_PLAIN, json_get_str(v, "store", "?"));
		table_cell(t, TEXT_PLAIN, json_get_str(v, "id", "?"));
		when_member(v, "as_of", when);
		table_cell(t, TEXT_PLAIN, when);
		table_cell(t, prune_style(verdict), verdict);
		table_cell(t, TEXT_PLAIN,
		    json_get_bool(v, "deleted", false) ? "deleted" : "");
		table_cell(t, error == NULL ? TEXT_PLAIN : TEXT_BAD,
		    error == NULL ? json_get_str(v, "reason", "") : error);
	}
	table_print(t, o, b);
	table_free(t);
}

bool
text_results(struct out *o, struct buf *b, const json_t *run)
{
	const json_t *results = json_get_array(run, "results");
	const char *kind = json_get_str(run, "kind", "");

	/* "show" has the whole row. */
	if (results == NULL)
		results = json_get_array(json_get_object(run, "details"),
		    "results");
	if (results == NULL)
		return false;
	if (json_array_size(results) == 0)
		return true;
	buf_addc(b, '\n');
	if (strcmp(kind, "verify") == 0)
		text_verify(o, b, results);
	else if (strcmp(kind, "prune") == 0)
		text_pruned(o, b, results);
	else
		text_copied(o, b, results);
	return true;
}
