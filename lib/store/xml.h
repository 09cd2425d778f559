/*
 * xml.h - a small XML document as a tree; for stores' answers.
 *
 * Knows: expat.  Does not know: what is in it.  Namespaces' prefixes are cut
 * off, entities of a document's own are refused, depth is at most 32.
 * Threads: any.
 */
#ifndef STORE_XML_H
#define STORE_XML_H

#include <stddef.h>

#include "base/err.h"

struct xml {
	char *name; /* "Key"; an attribute's is "@Encoded". */
	char *text; /* All character data in it, "" if none. */
	struct xml *child, *next;
};

/* The root; ERR_PROTOCOL when it is not well formed.  A byte order mark and
 * white space before the document are skipped. */
struct xml *xml_parse(const char *, size_t, struct err *);
void xml_free(struct xml *); /* Accepts NULL. */
/* First child of that name, NULL if none; accepts NULL. */
const struct xml *xml_find(const struct xml *, const char *name);
/* Its next sibling of the same name. */
const struct xml *xml_next(const struct xml *);
/* The text of the first child of that name, or ${dflt}. */
const char *xml_text(const struct xml *, const char *name, const char *dflt);
/* Append ${text} with &, <, >, ", ' escaped. */
struct buf;
void xml_escape(struct buf *, const char *text);

#endif
