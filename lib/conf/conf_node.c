/* conf_node.c - see conf_node.h. */
#include "conf/conf_node.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/mem.h"

struct node_parse {
	yaml_parser_t yaml;
	const char *text;
	size_t len;
	struct conf_faults *faults;
	size_t count; /* Nodes so far. */
};

void
conf_node_free(struct conf_node *n)
{
	size_t i;

	if (n == NULL)
		return;
	for (i = 0; i < n->n; i++)
		conf_node_free(n->items[i]);
	free(n->items);
	free(n->text);
	free(n);
}

static void
node_push(struct conf_node *n, struct conf_node *item)
{
	if (n->n == n->cap) {
		n->cap = n->cap == 0 ? 8 : n->cap * 2;
		n->items = xrealloc(n->items, n->cap * sizeof(*n->items));
	}
	n->items[n->n++] = item;
}

bool
conf_node_is_empty(const struct conf_node *n)
{
	return n->kind == CONF_NODE_TEXT && n->is_plain && n->text[0] == '\0';
}

const struct conf_node *
conf_node_get(const struct conf_node *n, const char *key)
{
	size_t i;

	if (n == NULL || n->kind != CONF_NODE_MAP)
		return NULL;
	for (i = 0; i + 1 < n->n; i += 2)
		if (strcmp(n->items[i]->text, key) == 0)
			return n->items[i + 1];
	return NULL;
}

static void
node_fault_at(struct node_parse *p, const yaml_mark_t *m, const char *text)
{
	conf_fault_add(p->faults, (int)m->line + 1, (int)m->column + 1, "%s",
	    text);
}

/* The reader counts bytes only: find the place by counting. */
static void
node_fault_reader(struct node_parse *p)
{
	size_t at = p->yaml.problem_offset, i;
	int line = 1, column = 1;

	for (i = 0; i < at && i < p->len; i++) {
		if (p->text[i] == '\n') {
			line++;
			column = 1;
		} else if (((unsigned char)p->text[i] & 0xc0) != 0x80) {
			column++;
		}
	}
	conf_fault_add(p->faults, line, column,
	    "the file must be UTF-8 text: %s",
	    p->yaml.problem == NULL ? "unreadable" : p->yaml.problem);
}

/* libyaml has no word for tabs, and people meet them first. */
static bool
node_is_tab(const struct node_parse *p, const yaml_mark_t *m)
{
	return m->index < p->len && p->text[m->index] == '\t';
}

static void
node_fault_syntax(struct node_parse *p)
{
	const yaml_mark_t *m = &p->yaml.problem_mark;

	if (p->yaml.error == YAML_READER_ERROR) {
		node_fault_reader(p);
		return;
	}
	if (node_is_tab(p, m)) {
		node_fault_at(p, m,
		    "a tab cannot stand here; indent with spaces");
		return;
	}
	conf_fault_add(p->faults, (int)m->line + 1, (int)m->column + 1,
	    "YAML syntax: %s%s%s",
	    p->yaml.context == NULL ? "" : p->yaml.context,
	    p->yaml.context == NULL ? "" : ", ",
	    p->yaml.problem == NULL ? "unreadable" : p->yaml.problem);
}

static int
node_event(struct node_parse *p, yaml_event_t *ev)
{
	if (yaml_parser_parse(&p->yaml, ev) != 0)
		return 0;
	node_fault_syntax(p);
	return -1;
}

static bool
node_has_control(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return true;
	return false;
}

/* What YAML allows and this file does not: false with a fault added. */
static bool
node_is_welcome(struct node_parse *p, const yaml_event_t *ev, size_t depth)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	const char *fault = NULL;

	if (ev->type == YAML_SCALAR_EVENT) {
		anchor = ev->data.scalar.anchor;
		tag = ev->data.scalar.tag;
	} else if (ev->type == YAML_SEQUENCE_START_EVENT) {
		anchor = ev->data.sequence_start.anchor;
		tag = ev->data.sequence_start.tag;
	} else if (ev->type == YAML_MAPPING_START_EVENT) {
		anchor = ev->data.mapping_start.anchor;
		tag = ev->data.mapping_start.tag;
	}
	if (ev->type == YAML_ALIAS_EVENT || anchor != NULL)
		fault = "anchors and aliases are not allowed; write it out";
	else if (tag != NULL)
		fault = "tags are not allowed; values have the type of "
			"their key";
	else if (depth > CONF_NODE_DEPTH_MAX)
		fault = "nested too deeply";
	else if (++p->count > CONF_NODE_COUNT_MAX)
		fault = "too many values in one file";
	else if (ev->type == YAML_SCALAR_EVENT &&
	    node_has_control((const char *)ev->data.scalar.value,
		ev->data.scalar.length))
		fault = "control characters and line breaks are not allowed "
			"in a value";
	if (fault != NULL)
		node_fault_at(p, &ev->start_mark, fault);
	return fault == NULL;
}

static struct conf_node *node_of_event(struct node_parse *, yaml_event_t *,
    size_t depth);

/* Read the members of ${n} up to the event ${end}. */
static int
node_fill(struct node_parse *p, struct conf_node *n, yaml_event_type_t end,
    size_t depth)
{
	struct conf_node *item;
	yaml_event_t ev;

	for (;;) {
		if (node_event(p, &ev) == -1)
			return -1;
		if (ev.type == end) {
			yaml_event_delete(&ev);
			return 0;
		}
		item = node_of_event(p, &ev, depth + 1);
		yaml_event_delete(&ev);
		if (item == NULL)
			return -1;
		node_push(n, item);
		if (n->kind == CONF_NODE_MAP && n->n % 2 == 1 &&
		    item->kind != CONF_NODE_TEXT) {
			conf_fault_add(p->faults, item->line, item->column,
			    "a key must be a plain word");
			return -1;
		}
	}
}

static struct conf_node *
node_of_event(struct node_parse *p, yaml_event_t *ev, size_t depth)
{
	struct conf_node *n;
	int rc = 0;

	if (!node_is_welcome(p, ev, depth))
		return NULL;
	n = xcalloc(1, sizeof(*n));
	n->line = (int)ev->start_mark.line + 1;
	n->column = (int)ev->start_mark.column + 1;
	if (ev->type == YAML_SCALAR_EVENT) {
		n->kind = CONF_NODE_TEXT;
		n->text = xstrndup((const char *)ev->data.scalar.value,
		    ev->data.scalar.length);
		n->is_plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	} else if (ev->type == YAML_SEQUENCE_START_EVENT) {
		n->kind = CONF_NODE_LIST;
		rc = node_fill(p, n, YAML_SEQUENCE_END_EVENT, depth);
	} else {
		n->kind = CONF_NODE_MAP;
		rc = node_fill(p, n, YAML_MAPPING_END_EVENT, depth);
	}
	if (rc == -1) {
		conf_node_free(n);
		return NULL;
	}
	return n;
}

/* Skip to the document's first event; NULL fault: the file has none. */
static int
node_open_document(struct node_parse *p, yaml_event_t *ev)
{
	yaml_event_type_t type;

	for (;;) {
		if (node_event(p, ev) == -1)
			return -1;
		type = ev->type;
		if (type == YAML_STREAM_END_EVENT) {
			conf_fault_add(p->faults, 1, 1,
			    "the file holds no configuration");
			yaml_event_delete(ev);
			return -1;
		}
		if (type != YAML_STREAM_START_EVENT &&
		    type != YAML_DOCUMENT_START_EVENT)
			return 0;
		yaml_event_delete(ev);
	}
}

static int
node_close_document(struct node_parse *p)
{
	yaml_event_t ev;
	int rc = -1;

	if (node_event(p, &ev) == -1)
		return -1;
	yaml_event_delete(&ev); /* The document's end. */
	if (node_event(p, &ev) == -1)
		return -1;
	if (ev.type == YAML_STREAM_END_EVENT)
		rc = 0;
	else
		node_fault_at(p, &ev.start_mark,
		    "a second document begins here; one is allowed");
	yaml_event_delete(&ev);
	return rc;
}

struct conf_node *
conf_node_parse(const char *text, size_t len, struct conf_faults *faults)
{
	struct node_parse p = { .text = text, .len = len, .faults = faults };
	struct conf_node *root = NULL;
	yaml_event_t ev;

	BUG_IF(yaml_parser_initialize(&p.yaml) == 0);
	yaml_parser_set_encoding(&p.yaml, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&p.yaml, (const unsigned char *)text, len);
	if (node_open_document(&p, &ev) == 0) {
		root = node_of_event(&p, &ev, 0);
		yaml_event_delete(&ev);
	}
	if (root != NULL && node_close_document(&p) == -1) {
		conf_node_free(root);
		root = NULL;
	}
	yaml_parser_delete(&p.yaml);
	return root;
}
