/* out_json.c - answers for programs: as they came, sorted, indented. */
#include "out.h"

#include <stdlib.h>

#include "base/json.h"

static void
json_answer(struct out *o, const struct words *w, const json_t *value)
{
	char *text = json_print_pretty(value);

	(void)w;
	(void)fputs(text, o->to);
	free(text);
}

/* Standard output is for answers alone. */
static void
json_error(struct out *o, const struct err *e)
{
	json_t *v = json_object(), *error = json_object();
	char *text;

	json_put_str(error, "code", err_name(e->code));
	json_put_str(error, "message", e->msg);
	json_put(v, "error", error);
	text = json_print(v);
	(void)fprintf(o->err_to, "%s\n", text);
	free(text);
	json_decref(v);
}

const struct out_ops out_json = { json_answer, json_error };
