/*
 * expr_field.c - see expr_field.h.
 *
 *	field = item {"," item}
 *	item  = "*" ["/" step] | value ["-" value ["/" step]]
 *	      | day "W" | "L" | "LW"			(day of month)
 *	      | weekday "L" | weekday "#" week		(day of week)
 */
#include "cron/expr_field.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

static const char *const month_names[] = { "JAN", "FEB", "MAR", "APR", "MAY",
	"JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC", NULL };
static const char *const weekday_names[] = { "SUN", "MON", "TUE", "WED", "THU",
	"FRI", "SAT", NULL };

static const struct {
	const char *name;
	int min, max;
	int count; /* Different values; 7 is 0 again for days. */
	const char *const *names;
} fields[] = {
	[EXPR_SECOND] = { "second", 0, 59, 60, NULL },
	[EXPR_MINUTE] = { "minute", 0, 59, 60, NULL },
	[EXPR_HOUR] = { "hour", 0, 23, 24, NULL },
	[EXPR_DAY] = { "day of month", 1, 31, 31, NULL },
	[EXPR_MONTH] = { "month", 1, 12, 12, month_names },
	[EXPR_WEEKDAY] = { "day of week", 0, 7, 7, weekday_names },
};

int
expr_fault(const struct expr_text *t, const char *at, struct err *e,
    const char *fmt, ...)
{
	char what[200];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_set(e, ERR_CONFIG, "column %d: %s", (int)(at - t->start) + 1,
	    what);
}

static int
field_number(struct expr_text *t, const char *name, int min, int max, int *out,
    struct err *e)
{
	const char *from = t->at;
	int v = 0;

	for (; t->at < t->end && isdigit((unsigned char)*t->at); t->at++)
		if (v <= max) /* Enough to know that it is too big. */
			v = v * 10 + (*t->at - '0');
	if (v < min || v > max)
		return expr_fault(t, from, e, "%s: %.*s is not within %d-%d",
		    name, (int)(t->at - from > 20 ? 20 : t->at - from), from,
		    min, max);
	*out = v;
	return 0;
}

static int
field_value(struct expr_text *t, enum expr_field_id id, int *out, struct err *e)
{
	const char *const *names = fields[id].names;
	const char *from = t->at;
	int i;

	if (t->at < t->end && isdigit((unsigned char)*t->at))
		return field_number(t, fields[id].name, fields[id].min,
		    fields[id].max, out, e);
	for (i = 0; names != NULL && names[i] != NULL; i++)
		if (t->end - t->at >= 3 &&
		    strncasecmp(t->at, names[i], 3) == 0) {
			t->at += 3;
			*out = i + fields[id].min;
			return 0;
		}
	if (from == t->end || *from == ',')
		return expr_fault(t, from, e, "%s: a value is missing",
		    fields[id].name);
	return expr_fault(t, from, e, "%s: '%.*s' is not a value",
	    fields[id].name, (int)(t->end - from > 20 ? 20 : t->end - from),
	    from);
}

static bool
field_take(struct expr_text *t, char c)
{
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

/* A letter by which this field means something else than a value. */
static bool
field_take_letter(struct expr_text *t, char c)
{
	if (t->at == t->end || toupper((unsigned char)*t->at) != c)
		return false;
	t->at++;
	return true;
}

/* Steps of at most the whole field: a bigger one hides a mistake. */
static int
field_step(struct expr_text *t, enum expr_field_id id, int *step, struct err *e)
{
	const char *from = t->at;

	*step = 1;
	if (!field_take(t, '/'))
		return 0;
	from = t->at;
	if (t->at == t->end || !isdigit((unsigned char)*t->at))
		return expr_fault(t, from, e, "%s: a step is missing",
		    fields[id].name);
	return field_number(t, "step", 1, fields[id].count - 1, step, e);
}

/* From ${lo} to ${hi}, past the field's end where ${hi} is the smaller. */
static void
field_fill(enum expr_field_id id, int lo, int hi, int step, expr_set *set)
{
	int min = fields[id].min, count = fields[id].count, v;

	if (hi < lo && id == EXPR_WEEKDAY && lo == 7)
		lo = 0;
	if (hi < lo)
		hi += count;
	for (v = lo; v <= hi; v += step)
		*set |= UINT64_C(1) << ((v - min) % count + min);
}

static int
field_range(struct expr_text *t, enum expr_field_id id, int lo, expr_set *set,
    struct err *e)
{
	int hi = lo, step = 1;

	if (field_take(t, '-') &&
	    (field_value(t, id, &hi, e) == -1 ||
		field_step(t, id, &step, e) == -1))
		return -1;
	if (t->at < t->end && *t->at == '/')
		return expr_fault(t, t->at, e,
		    "%s: a step needs a range or '*'", fields[id].name);
	field_fill(id, lo, hi, step, set);
	return 0;
}

static int
day_item(struct expr_text *t, struct cron_expr *x, struct err *e)
{
	int day;

	if (field_take_letter(t, 'L')) {
		if (field_take_letter(t, 'W'))
			x->last_workday = true;
		else
			x->last_day = true;
		return 0;
	}
	if (field_value(t, EXPR_DAY, &day, e) == -1)
		return -1;
	if (field_take_letter(t, 'W')) {
		x->workdays |= UINT64_C(1) << day;
		return 0;
	}
	return field_range(t, EXPR_DAY, day, &x->days, e);
}

static int
weekday_item(struct expr_text *t, struct cron_expr *x, struct err *e)
{
	int day, week;

	if (field_value(t, EXPR_WEEKDAY, &day, e) == -1)
		return -1;
	if (field_take_letter(t, 'L')) {
		x->last_weekdays |= UINT64_C(1) << day % 7;
		return 0;
	}
	if (!field_take(t, '#'))
		return field_range(t, EXPR_WEEKDAY, day, &x->weekdays, e);
	if (field_number(t, "week", 1, EXPR_WEEKS, &week, e) == -1)
		return -1;
	x->nth[week - 1] |= UINT64_C(1) << day % 7;
	return 0;
}

static expr_set *
field_set(struct cron_expr *x, enum expr_field_id id)
{
	switch (id) {
	case EXPR_SECOND:
		return &x->seconds;
	case EXPR_MINUTE:
		return &x->minutes;
	case EXPR_HOUR:
		return &x->hours;
	case EXPR_DAY:
		return &x->days;
	case EXPR_MONTH:
		return &x->months;
	default:
		return &x->weekdays;
	}
}

static int
field_item(struct expr_text *t, enum expr_field_id id, struct cron_expr *x,
    struct err *e)
{
	int value, step;

	if (field_take(t, '*')) {
		if (field_step(t, id, &step, e) == -1)
			return -1;
		field_fill(id, fields[id].min,
		    fields[id].min + fields[id].count - 1, step,
		    field_set(x, id));
		return 0;
	}
	if (id == EXPR_DAY)
		return day_item(t, x, e);
	if (id == EXPR_WEEKDAY)
		return weekday_item(t, x, e);
	if (field_value(t, id, &value, e) == -1)
		return -1;
	return field_range(t, id, value, field_set(x, id), e);
}

int
expr_field_parse(struct expr_text *t, enum expr_field_id id,
    struct cron_expr *x, struct err *e)
{
	do {
		if (field_item(t, id, x, e) == -1)
			return -1;
	} while (field_take(t, ','));
	if (t->at < t->end)
		return expr_fault(t, t->at, e, "%s: '%.*s' is too much",
		    fields[id].name,
		    (int)(t->end - t->at > 20 ? 20 : t->end - t->at), t->at);
	return 0;
}
