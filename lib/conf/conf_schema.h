/*
 * conf_schema.h - the table of all keys: type, range, default, help.
 *
 * The parser, the checks and the sample file's test read the same rows.
 * Threads: any; constant.
 */
#ifndef CONF_CONF_SCHEMA_H
#define CONF_CONF_SCHEMA_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf_node.h"

struct conf_check;

enum conf_type {
	CONF_TEXT,
	CONF_WORD, /* One of row.words. */
	CONF_BOOL,
	CONF_INT,
	CONF_DURATION, /* In ms. */
	CONF_SIZE,     /* In bytes. */
	CONF_NAME,     /* str_is_safe_name() */
	CONF_ENV_NAME,
	CONF_PATH,      /* On this machine. */
	CONF_HOST_PATH, /* On the source's host. */
	CONF_PROGRAM,   /* A bare name, or a path on that host. */
	CONF_URL,
	CONF_SSH, /* [user@]machine */
	CONF_FINGERPRINT,
	CONF_CRON,
	CONF_ZONE,
	CONF_STORE,   /* The name of an entry of "stores". */
	CONF_HOST,    /* The name of an entry of "hosts". */
	CONF_LIST,    /* Of row.item. */
	CONF_OBJECT,  /* row.object */
	CONF_MAP,     /* Names -> row.item, an object or variant. */
	CONF_VARIANT, /* row.variants, chosen by "type". */
	CONF_MEMBERS  /* Free names -> any scalar. */
};

enum {
	CONF_REQUIRED = 1 << 0,
	CONF_SECRET = 1 << 1,  /* The value is not shown in a fault. */
	CONF_PRIVATE = 1 << 2, /* A file that only its owner may read. */
	CONF_FILLED = 1 << 3,  /* Absent: an object made of its defaults. */
	CONF_UNIQUE = 1 << 4   /* No entry of the list stands twice. */
};

struct conf_object {
	const struct conf_row *rows;
	size_t n;
	/* Rules between keys; ${node} and ${out} are the same object. */
	void (*rules)(struct conf_check *, const struct conf_node *node,
	    json_t *out);
};

struct conf_variant {
	const char *type;
	struct conf_object object;
};

struct conf_variants {
	const struct conf_variant *list;
	size_t n;
};

struct conf_row {
	const char *key;
	enum conf_type type;
	unsigned flags;
	int64_t min;      /* Both 0: no range.  In ms, in bytes; entries */
	int64_t max;      /* of a list. */
	const char *dflt; /* As it would be written; NULL: null. */
	const char *const *words;
	const struct conf_row *item;
	const struct conf_object *object;
	const struct conf_variants *variants;
	const char *shorthand; /* A lone text is the value of this key. */
	/* The value becomes {secret_kind: value} in member secret_of. */
	const char *secret_of;
	const char *secret_kind;
	const char *help;
};

extern const struct conf_object conf_schema;

#endif
