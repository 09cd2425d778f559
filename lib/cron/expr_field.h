/*
 * expr_field.h - one field of a cron expression.
 *
 * Threads: any.
 */
#ifndef CRON_EXPR_FIELD_H
#define CRON_EXPR_FIELD_H

#include "cron/expr.h"

enum expr_field_id {
	EXPR_SECOND,
	EXPR_MINUTE,
	EXPR_HOUR,
	EXPR_DAY,
	EXPR_MONTH,
	EXPR_WEEKDAY,
	EXPR_FIELDS
};

/* Where the parser is. */
struct expr_text {
	const char *start; /* Of the whole, for columns. */
	const char *at;
	const char *end; /* Of the field. */
};

/* The fault at ${at}, "column N: ..."; returns -1. */
int expr_fault(const struct expr_text *, const char *at, struct err *,
    const char *, ...) __attribute__((format(printf, 4, 5)));
/* Read t->at..t->end as field ${id} into ${x}. */
int expr_field_parse(struct expr_text *, enum expr_field_id, struct cron_expr *,
    struct err *);

#endif
