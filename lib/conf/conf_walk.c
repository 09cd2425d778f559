/* conf_walk.c - the tree against the table; see conf_check.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "conf/conf_check.h"

#define LIST_MAX 1000

static const char *const kind_words[] = { "a single value", "a list",
	"a mapping" };

static void __attribute__((format(printf, 4, 0)))
check_vfault(struct conf_check *c, const struct conf_node *n, const char *key,
    const char *fmt, va_list ap)
{
	char text[900];
	size_t was = c->key.len;

	if (key[0] != '\0')
		(void)conf_check_enter(c, key);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	conf_fault_add(c->faults, n == NULL ? 0 : n->line,
	    n == NULL ? 0 : n->column, "%s%s%s", buf_str(&c->key),
	    c->key.len == 0 ? "" : ": ", text);
	conf_check_leave(c, was);
}

void
conf_check_fault(struct conf_check *c, const struct conf_node *n,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	check_vfault(c, n, "", fmt, ap);
	va_end(ap);
}

void
conf_check_fault_key(struct conf_check *c, const struct conf_node *n,
    const char *key, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	check_vfault(c, n, key, fmt, ap);
	va_end(ap);
}

size_t
conf_check_enter(struct conf_check *c, const char *name)
{
	size_t was = c->key.len;

	buf_addf(&c->key, "%s%.80s", was == 0 ? "" : ".", name);
	return was;
}

size_t
conf_check_enter_index(struct conf_check *c, size_t i)
{
	size_t was = c->key.len;

	buf_addf(&c->key, "[%zu]", i);
	return was;
}

void
conf_check_leave(struct conf_check *c, size_t was)
{
	if (c->key.len == was)
		return;
	c->key.len = was;
	c->key.data[was] = '\0';
}

static json_t *walk_row(struct conf_check *, const struct conf_row *,
    const struct conf_node *);

static json_t *
walk_kind_fault(struct conf_check *c, const struct conf_node *n,
    enum conf_node_kind wanted)
{
	conf_check_fault(c, n, "expected %s, got %s", kind_words[wanted],
	    kind_words[n->kind]);
	return NULL;
}

static const struct conf_row *
walk_find(const struct conf_object *o, const char *key)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (strcmp(o->rows[i].key, key) == 0)
			return &o->rows[i];
	return NULL;
}

static void
walk_unknown(struct conf_check *c, const struct conf_object *o,
    const struct conf_node *key, bool has_type)
{
	const char *words[64];
	size_t n = 0;

	BUG_IF(o->n + 1 > COUNT_OF(words));
	for (; n < o->n; n++)
		words[n] = o->rows[n].key;
	if (has_type)
		words[n++] = "type";
	conf_check_fault_key(c, key, key->text, "unknown key%s",
	    conf_hint(key->text, words, n));
}

/* Each key is known and stands once. */
static void
walk_keys(struct conf_check *c, const struct conf_object *o,
    const struct conf_node *n, bool has_type)
{
	const struct conf_node *key;
	size_t i, k;

	for (i = 0; i + 1 < n->n && !conf_faults_full(c->faults); i += 2) {
		key = n->items[i];
		if (walk_find(o, key->text) == NULL &&
		    !(has_type && strcmp(key->text, "type") == 0)) {
			walk_unknown(c, o, key, has_type);
			continue;
		}
		for (k = 0; k < i; k += 2)
			if (strcmp(n->items[k]->text, key->text) == 0)
				break;
		if (k < i)
			conf_check_fault_key(c, key, key->text,
			    "duplicate key; it stands on line %d already",
			    n->items[k]->line);
	}
}

/* The value without a node: its default, an object of defaults, or null. */
static json_t *
walk_default(struct conf_check *c, const struct conf_row *row)
{
	static const struct conf_node empty_map = { .kind = CONF_NODE_MAP };
	struct conf_node n = { .kind = CONF_NODE_TEXT, .is_plain = true };
	json_t *v;

	if ((row->flags & CONF_FILLED) != 0)
		return walk_row(c, row, &empty_map);
	if (row->type == CONF_LIST)
		return json_array();
	if (row->type == CONF_MAP)
		return json_object();
	if (row->dflt == NULL)
		return json_null();
	n.text = xstrdup(row->dflt);
	v = conf_value(c, row, &n);
	free(n.text);
	return v;
}

/* A secret is a reference under one name, whatever key it came by. */
static void
walk_put_secret(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n, json_t *out, json_t *v)
{
	json_t *ref;

	if (json_object_get(out, row->secret_of) == NULL)
		json_put(out, row->secret_of, json_null());
	if (n == NULL) {
		json_decref(v);
		return;
	}
	if (!json_is_null(json_object_get(out, row->secret_of))) {
		conf_check_fault(c, n, "give one source of the %s, not two",
		    row->secret_of);
		json_decref(v);
		return;
	}
	ref = json_object();
	json_put(ref, row->secret_kind, v);
	json_put(out, row->secret_of, ref);
}

static void
walk_member(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *parent, json_t *out)
{
	const struct conf_node *n = conf_node_get(parent, row->key);
	size_t was;
	json_t *v;

	if (n == NULL && (row->flags & CONF_REQUIRED) != 0) {
		conf_check_fault_key(c, parent, row->key,
		    "this key is required: %s", row->help);
		return;
	}
	was = conf_check_enter(c, row->key);
	v = n == NULL ? walk_default(c, row) : walk_row(c, row, n);
	if (v != NULL && row->secret_of != NULL)
		walk_put_secret(c, row, n, out, v);
	else if (v != NULL)
		json_put(out, row->key, v);
	conf_check_leave(c, was);
}

static json_t *
walk_object(struct conf_check *c, const struct conf_object *o,
    const struct conf_node *n, const char *type)
{
	json_t *out = json_object();
	size_t i;

	if (type != NULL)
		json_put_str(out, "type", type);
	walk_keys(c, o, n, type != NULL);
	for (i = 0; i < o->n; i++)
		walk_member(c, &o->rows[i], n, out);
	if (o->rules != NULL)
		o->rules(c, n, out);
	return out;
}

static const struct conf_variant *
walk_choose(struct conf_check *c, const struct conf_variants *vs,
    const struct conf_node *n)
{
	const struct conf_node *type = conf_node_get(n, "type");
	const char *words[16];
	struct buf b = BUF_INIT;
	size_t i;

	for (i = 0; i < vs->n; i++) {
		if (type != NULL && type->kind == CONF_NODE_TEXT &&
		    strcmp(type->text, vs->list[i].type) == 0) {
			buf_done(&b);
			return &vs->list[i];
		}
		words[i] = vs->list[i].type;
		buf_addf(&b, "%s%s", i == 0 ? "" : ", ", words[i]);
	}
	if (type == NULL || type->kind != CONF_NODE_TEXT)
		conf_check_fault_key(c, type == NULL ? n : type, "type",
		    "this key is required: one of %s", buf_str(&b));
	else
		conf_check_fault_key(c, type, "type",
		    "expected one of %s, got %s%s", buf_str(&b),
		    conf_show(type->text), conf_hint(type->text, words, i));
	buf_done(&b);
	return NULL;
}

static json_t *
walk_variant(struct conf_check *c, const struct conf_variants *vs,
    const struct conf_node *n)
{
	const struct conf_variant *v;
	bool was = c->is_remote;
	json_t *out;

	if ((v = walk_choose(c, vs, n)) == NULL)
		return NULL;
	c->is_remote = conf_node_get(n, "host") != NULL;
	out = walk_object(c, &v->object, n, v->type);
	c->is_remote = was;
	return out;
}

static bool
walk_has(const json_t *list, const json_t *v)
{
	size_t i;

	for (i = 0; i < json_array_size(list); i++)
		if (json_equal(v, json_array_get(list, i)))
			return true;
	return false;
}

static json_t *
walk_list(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	size_t max = row->max > 0 ? (size_t)row->max : LIST_MAX, i, was;
	json_t *out = json_array(), *v;

	if (n->n < (size_t)row->min)
		conf_check_fault(c, n, "expected at least one entry");
	if (n->n > max) {
		conf_check_fault(c, n, "more than %zu entries", max);
		return out;
	}
	for (i = 0; i < n->n; i++) {
		was = conf_check_enter_index(c, i);
		v = walk_row(c, row->item, n->items[i]);
		if (v != NULL && (row->flags & CONF_UNIQUE) != 0 &&
		    walk_has(out, v))
			conf_check_fault(c, n->items[i], "%s stands twice",
			    conf_show(n->items[i]->text));
		if (v != NULL)
			BUG_IF(json_array_append_new(out, v) != 0);
		conf_check_leave(c, was);
	}
	return out;
}

static void
walk_map_entry(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *key, const struct conf_node *n, json_t *out)
{
	json_t *v;

	if (!str_is_safe_name(key->text)) {
		conf_check_fault(c, key,
		    "%s: expected a name of letters, "
		    "digits and . _ -, beginning with a letter or digit",
		    conf_show(key->text));
		return;
	}
	if (json_object_get(out, key->text) != NULL) {
		conf_check_fault_key(c, key, key->text,
		    "duplicate key; the name is taken");
		return;
	}
	v = NULL;
	if (row != NULL) {
		size_t was = conf_check_enter(c, key->text);

		v = walk_row(c, row, n);
		conf_check_leave(c, was);
	} else if (n->kind == CONF_NODE_TEXT) {
		v = conf_value_free(n);
	} else {
		conf_check_fault_key(c, n, key->text,
		    "expected a single value, got %s", kind_words[n->kind]);
	}
	json_put(out, key->text, v == NULL ? json_null() : v);
}

/* Free names; with ${row} NULL free values too. */
static json_t *
walk_map(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	json_t *out = json_object();
	size_t i;

	if (n->n / 2 > LIST_MAX) {
		conf_check_fault(c, n, "more than %d entries", LIST_MAX);
		return out;
	}
	for (i = 0; i + 1 < n->n; i += 2)
		walk_map_entry(c, row, n->items[i], n->items[i + 1], out);
	return out;
}

/* A lone text in place of an object: as if it stood under one of its keys. */
static json_t *
walk_shorthand(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	struct conf_node key = { .kind = CONF_NODE_TEXT,
		.line = n->line,
		.column = n->column,
		.is_plain = true };
	struct conf_node value = *n, map = *n, *items[2] = { &key, &value };
	json_t *v;

	key.text = xstrdup(row->shorthand);
	map.kind = CONF_NODE_MAP;
	map.items = items;
	map.n = 2;
	map.text = NULL;
	v = walk_object(c, row->object, &map, NULL);
	free(key.text);
	return v;
}

static json_t *
walk_composite(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	switch (row->type) {
	case CONF_LIST:
		return walk_list(c, row, n);
	case CONF_MAP:
		return walk_map(c, row->item, n);
	case CONF_MEMBERS:
		return walk_map(c, NULL, n);
	case CONF_VARIANT:
		return walk_variant(c, row->variants, n);
	default:
		return walk_object(c, row->object, n, NULL);
	}
}

static json_t *
walk_row(struct conf_check *c, const struct conf_row *row,
    const struct conf_node *n)
{
	enum conf_node_kind wanted = CONF_NODE_MAP;
	struct conf_node empty;

	/* Enough is wrong already; what input chooses must not cost more. */
	if (conf_faults_full(c->faults))
		return NULL;
	if (row->type < CONF_LIST)
		return n->kind == CONF_NODE_TEXT
		    ? conf_value(c, row, n)
		    : walk_kind_fault(c, n, CONF_NODE_TEXT);
	if (row->type == CONF_LIST)
		wanted = CONF_NODE_LIST;
	if (conf_node_is_empty(n)) {
		/* "hosts:" with every entry commented out. */
		empty = *n;
		empty.kind = wanted;
		return walk_composite(c, row, &empty);
	}
	if (row->shorthand != NULL && n->kind == CONF_NODE_TEXT)
		return walk_shorthand(c, row, n);
	if (n->kind != wanted)
		return walk_kind_fault(c, n, wanted);
	return walk_composite(c, row, n);
}

json_t *
conf_walk(struct conf_check *c)
{
	if (c->root->kind != CONF_NODE_MAP) {
		conf_check_fault(c, c->root,
		    "expected the sections daemon, stores, hosts and jobs");
		return NULL;
	}
	return walk_object(c, &conf_schema, c->root, NULL);
}
