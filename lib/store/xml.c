/* xml.c - see xml.h. */
#include "store/xml.h"

#include <expat.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

#define DEPTH_MAX 32

struct level {
	struct xml *node;
	struct xml **tail; /* Where its next child goes. */
	struct buf text;
};

struct xml_work {
	XML_Parser parser;
	struct xml *root;
	struct level levels[DEPTH_MAX];
	unsigned depth;
	const char *fault; /* Why we stopped it. */
};

static char *
local_name(const char *name, const char *mark)
{
	const char *colon = strrchr(name, ':');

	return xasprintf("%s%s", mark, colon == NULL ? name : colon + 1);
}

static void
work_stop(struct xml_work *w, const char *fault)
{
	w->fault = fault;
	(void)XML_StopParser(w->parser, XML_FALSE);
}

static void
on_start(void *arg, const XML_Char *name, const XML_Char **attrs)
{
	struct xml_work *w = arg;
	struct xml *node, *attr;
	struct level *l;

	/* Events that were under way come after the stop, too. */
	if (w->fault != NULL)
		return;
	if (w->depth == DEPTH_MAX) {
		work_stop(w, "elements are nested too deeply");
		return;
	}
	node = xcalloc(1, sizeof(*node));
	node->name = local_name(name, "");
	if (w->depth == 0) {
		w->root = node;
	} else {
		l = &w->levels[w->depth - 1];
		*l->tail = node;
		l->tail = &node->next;
	}
	l = &w->levels[w->depth++];
	l->node = node;
	l->tail = &node->child;
	for (; attrs[0] != NULL; attrs += 2) {
		attr = xcalloc(1, sizeof(*attr));
		attr->name = local_name(attrs[0], "@");
		attr->text = xstrdup(attrs[1]);
		*l->tail = attr;
		l->tail = &attr->next;
	}
}

static void
on_end(void *arg, const XML_Char *name)
{
	struct xml_work *w = arg;
	struct level *l;

	(void)name;
	if (w->fault != NULL)
		return;
	l = &w->levels[--w->depth];
	l->node->text = l->text.data == NULL ? xstrdup("") : buf_take(&l->text);
}

static void
on_text(void *arg, const XML_Char *text, int n)
{
	struct xml_work *w = arg;

	if (w->fault == NULL && w->depth > 0)
		buf_add(&w->levels[w->depth - 1].text, text, (size_t)n);
}

/* No store sends one; entities that grow to gigabytes come in one. */
static void
on_doctype(void *arg, const XML_Char *name, const XML_Char *system,
    const XML_Char *public, int has_subset)
{
	(void)name;
	(void)system;
	(void)public;
	(void)has_subset;
	work_stop(arg, "it has a document type of its own");
}

static int
work_run(struct xml_work *w, const char *text, size_t n, struct err *e)
{
	enum XML_Status rc;

	XML_SetUserData(w->parser, w);
	XML_SetElementHandler(w->parser, on_start, on_end);
	XML_SetCharacterDataHandler(w->parser, on_text);
	XML_SetStartDoctypeDeclHandler(w->parser, on_doctype);
	rc = XML_Parse(w->parser, text, (int)n, 1);
	if (w->fault != NULL)
		return err_set(e, ERR_PROTOCOL, "XML: %s", w->fault);
	if (rc != XML_STATUS_OK)
		return err_set(e, ERR_PROTOCOL, "XML: line %lu: %s",
		    (unsigned long)XML_GetCurrentLineNumber(w->parser),
		    XML_ErrorString(XML_GetErrorCode(w->parser)));
	return 0;
}

struct xml *
xml_parse(const char *text, size_t n, struct err *e)
{
	struct xml_work w;
	size_t i;
	int rc;

	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		n -= 3;
	}
	for (; n > 0 && memchr(" \t\r\n", *text, 4) != NULL; n--)
		text++;
	if (n > INT_MAX / 2) {
		(void)err_set(e, ERR_PROTOCOL, "XML: it is too large");
		return NULL;
	}
	memset(&w, 0, sizeof(w));
	w.parser = XML_ParserCreate(NULL);
	BUG_IF(w.parser == NULL);
	rc = work_run(&w, text, n, e);
	XML_ParserFree(w.parser);
	for (i = 0; i < DEPTH_MAX; i++)
		buf_done(&w.levels[i].text);
	if (rc == 0)
		return w.root;
	xml_free(w.root);
	return NULL;
}

/* Goes down no deeper than the parser did. */
void
xml_free(struct xml *x)
{
	struct xml *next;

	for (; x != NULL; x = next) {
		next = x->next;
		xml_free(x->child);
		free(x->name);
		free(x->text);
		free(x);
	}
}

static const struct xml *
first_of(const struct xml *x, const char *name)
{
	while (x != NULL && strcmp(x->name, name) != 0)
		x = x->next;
	return x;
}

const struct xml *
xml_find(const struct xml *x, const char *name)
{
	return x == NULL ? NULL : first_of(x->child, name);
}

const struct xml *
xml_next(const struct xml *x)
{
	return x == NULL ? NULL : first_of(x->next, x->name);
}

const char *
xml_text(const struct xml *x, const char *name, const char *dflt)
{
	const struct xml *found = xml_find(x, name);

	return found == NULL ? dflt : found->text;
}

void
xml_escape(struct buf *out, const char *text)
{
	static const char special[] = "&<>\"'";
	static const char *const words[] = { "&amp;", "&lt;", "&gt;", "&quot;",
		"&apos;" };
	size_t n;

	for (;; text++) {
		n = strcspn(text, special);
		buf_add(out, text, n);
		text += n;
		if (*text == '\0')
			return;
		buf_adds(out, words[strchr(special, *text) - special]);
	}
}
