/*
 * conf_node.h - a YAML file as a tree of texts that know where they stand.
 *
 * Knows: libyaml, marks, what of YAML is refused here (anchors, tags, several
 * documents, deep nesting).  Does not know: the schema.
 * Threads: any; a tree has one owner.
 */
#ifndef CONF_CONF_NODE_H
#define CONF_CONF_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/conf.h"

enum conf_node_kind { CONF_NODE_TEXT, CONF_NODE_LIST, CONF_NODE_MAP };

struct conf_node {
	enum conf_node_kind kind;
	int line;                 /* From 1. */
	int column;               /* From 1, in characters. */
	bool is_plain;            /* A text without quotes. */
	char *text;               /* Of a text; no control characters in it. */
	struct conf_node **items; /* Of a map: key, value, key, value ... */
	size_t n;
	size_t cap;
};

/* Deeper or larger files are refused. */
#define CONF_NODE_DEPTH_MAX 16
#define CONF_NODE_COUNT_MAX 100000

/**
 * conf_node_parse(text, len, faults):
 * The one document in ${text}, or NULL with a fault added.  Free it with
 * conf_node_free().
 */
struct conf_node *conf_node_parse(const char *text, size_t len,
    struct conf_faults *);
void conf_node_free(struct conf_node *); /* Accepts NULL. */

/* The value of ${key} in a map (the first, if it stands twice), else NULL. */
const struct conf_node *conf_node_get(const struct conf_node *,
    const char *key);
/* "key:" with nothing behind it. */
bool conf_node_is_empty(const struct conf_node *);

/* Add a fault; the list is full at a hundred, the rest is dropped. */
void conf_fault_add(struct conf_faults *, int line, int column, const char *,
    ...) __attribute__((format(printf, 4, 5)));
bool conf_faults_full(const struct conf_faults *);
/* In the order of the file. */
void conf_faults_sort(struct conf_faults *);

#endif
