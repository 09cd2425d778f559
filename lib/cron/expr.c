/* expr.c - see cron.h: the text of a schedule. */
#include "cron/expr.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "cron/civil.h"
#include "cron/expr_field.h"

#define EXPR_MAX 1000
#define EVERY_MIN_MS 1000
#define EVERY_MAX_MS (INT64_C(366) * 86400 * 1000)

static const struct {
	const char *name;
	const char *means;
} macros[] = {
	{ "@yearly", "0 0 1 1 *" },
	{ "@annually", "0 0 1 1 *" },
	{ "@monthly", "0 0 1 * *" },
	{ "@weekly", "0 0 * * 0" },
	{ "@daily", "0 0 * * *" },
	{ "@midnight", "0 0 * * *" },
	{ "@hourly", "0 * * * *" },
};

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *
skip_blanks(const char *s)
{
	while (is_blank(*s))
		s++;
	return s;
}

static const char *
skip_word(const char *s)
{
	while (*s != '\0' && !is_blank(*s))
		s++;
	return s;
}

/* Five fields, or six with the seconds first. */
static int
expr_fields(struct cron_expr *x, struct expr_text *t, struct err *e)
{
	const char *words[EXPR_FIELDS], *s = t->at;
	unsigned n = 0, i, id;

	for (; *s != '\0'; s = skip_blanks(skip_word(s))) {
		if (n == EXPR_FIELDS)
			return expr_fault(t, s, e, "more than six fields");
		words[n++] = s;
	}
	if (n < EXPR_FIELDS - 1)
		return expr_fault(t, s, e,
		    "five fields are needed (minute, "
		    "hour, day of month, month, day of week); there %s %u",
		    n == 1 ? "is" : "are", n);
	if (n == EXPR_FIELDS - 1)
		x->seconds = 1;
	for (i = 0, id = EXPR_FIELDS - n; i < n; i++, id++) {
		t->at = words[i];
		t->end = skip_word(words[i]);
		if (expr_field_parse(t, (enum expr_field_id)id, x, e) == -1)
			return -1;
	}
	x->is_fixed = *words[n - 5] != '*' && *words[n - 4] != '*';
	x->any_day = *words[n - 3] == '*';
	x->any_weekday = *words[n - 1] == '*';
	/* The calendar repeats after 400 years: any start will do. */
	if (expr_next(x, 0) == EXPR_NEVER)
		return expr_fault(t, words[n - 3], e,
		    "no such date ever comes");
	return 0;
}

static int
expr_every(struct cron_expr *x, const struct expr_text *t, const char *word,
    struct err *e)
{
	const char *end = skip_word(word);
	char *text = xstrndup(word, (size_t)(end - word));
	int rc = str_parse_duration(text, &x->every_ms);

	if (rc == -1 || x->every_ms < EVERY_MIN_MS ||
	    x->every_ms > EVERY_MAX_MS)
		rc = expr_fault(t, word, e,
		    "@every: '%.20s' is not a duration of 1s to 366d", text);
	else if (*skip_blanks(end) != '\0')
		rc = expr_fault(t, skip_blanks(end), e,
		    "@every: '%.20s' is too much", skip_blanks(end));
	free(text);
	return rc;
}

static int
expr_macro(struct cron_expr *x, struct expr_text *t, struct err *e)
{
	const char *word = t->at, *end = skip_word(word);
	size_t n = (size_t)(end - word), i;
	struct expr_text means;

	if (n == 6 && strncasecmp(word, "@every", n) == 0)
		return expr_every(x, t, skip_blanks(end), e);
	for (i = 0; i < COUNT_OF(macros); i++)
		if (strlen(macros[i].name) == n &&
		    strncasecmp(word, macros[i].name, n) == 0)
			break;
	if (i == COUNT_OF(macros))
		return expr_fault(t, word, e,
		    "'%.*s' is not known (@hourly, "
		    "@daily, @weekly, @monthly, @yearly, @every 90m are)",
		    (int)(n > 20 ? 20 : n), word);
	if (*skip_blanks(end) != '\0')
		return expr_fault(t, skip_blanks(end), e,
		    "'%.20s' is too much behind %s", skip_blanks(end),
		    macros[i].name);
	means.start = means.at = means.end = macros[i].means;
	return expr_fields(x, &means, e);
}

/* "CRON_TZ=Europe/Oslo " or "TZ=..." in front. */
static int
expr_zone(struct cron_expr *x, struct expr_text *t, struct err *e)
{
	const char *name, *end;

	if (strncmp(t->at, "CRON_TZ=", 8) == 0)
		name = t->at + 8;
	else if (strncmp(t->at, "TZ=", 3) == 0)
		name = t->at + 3;
	else
		return 0;
	end = skip_word(name);
	if (end == name)
		return expr_fault(t, name, e, "a time zone is missing");
	x->zone = xstrndup(name, (size_t)(end - name));
	t->at = skip_blanks(end);
	return 0;
}

static int
expr_parse(struct cron_expr *x, const char *text, struct err *e)
{
	struct expr_text t = { text, skip_blanks(text), text };

	if (strlen(text) > EXPR_MAX)
		return expr_fault(&t, text + EXPR_MAX, e, "too long");
	if (expr_zone(x, &t, e) == -1)
		return -1;
	if (*t.at == '@')
		return expr_macro(x, &t, e);
	return expr_fields(x, &t, e);
}

struct cron_expr *
cron_expr_parse(const char *text, struct err *e)
{
	struct cron_expr *x = xcalloc(1, sizeof(*x));

	if (expr_parse(x, text, e) == 0)
		return x;
	cron_expr_free(x);
	return NULL;
}

void
cron_expr_free(struct cron_expr *x)
{
	if (x == NULL)
		return;
	free(x->zone);
	free(x);
}

const char *
cron_expr_zone(const struct cron_expr *x)
{
	return x->zone;
}
