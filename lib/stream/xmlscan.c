/* xmlscan.c - see filter.h. */
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "stream/filter.h"

/*
 * The parser keeps open tags, distinct names and the tag it is in.  GraphML has
 * its bulk in character data, which is not kept: this is plenty.
 */
#define XMLSCAN_MEMORY ((size_t)8 * 1024 * 1024)
#define XMLSCAN_PIECE ((size_t)1024 * 1024)

struct xmlscan {
	XML_Parser parser;
	size_t used; /* Bytes the parser holds. */
	bool has_root, is_graphml, has_doctype, has_bytes;
};

/* In front of each of the parser's allocations. */
union xml_head {
	size_t size;
	max_align_t align;
};

/* Expat's allocators get no argument: whom they work for. */
static _Thread_local struct xmlscan *xml_owner;

static void *
xml_realloc(void *p, size_t n)
{
	union xml_head *h = p == NULL ? NULL : (union xml_head *)p - 1;
	size_t old = h == NULL ? 0 : h->size;
	struct xmlscan *x = xml_owner;

	if (n > XMLSCAN_MEMORY || x->used - old + n > XMLSCAN_MEMORY)
		return NULL;
	if ((h = realloc(h, sizeof(*h) + n)) == NULL)
		return NULL;
	x->used = x->used - old + n;
	h->size = n;
	return h + 1;
}

static void *
xml_malloc(size_t n)
{
	return xml_realloc(NULL, n);
}

static void
xml_free(void *p)
{
	union xml_head *h = p;

	if (p == NULL)
		return;
	h--;
	xml_owner->used -= h->size;
	free(h);
}

static void
on_xml_element(void *arg, const XML_Char *name, const XML_Char **attr)
{
	struct xmlscan *x = arg;
	const char *colon = strrchr(name, ':');

	(void)attr;
	if (x->has_root)
		return;
	x->has_root = true;
	x->is_graphml = strcmp(colon != NULL ? colon + 1 : name, "graphml") ==
	    0;
	if (!x->is_graphml)
		(void)XML_StopParser(x->parser, XML_FALSE);
}

static void
on_xml_doctype(void *arg, const XML_Char *name, const XML_Char *sysid,
    const XML_Char *pubid, int has_subset)
{
	struct xmlscan *x = arg;

	(void)name;
	(void)sysid;
	(void)pubid;
	(void)has_subset;
	x->has_doctype = true;
	(void)XML_StopParser(x->parser, XML_FALSE);
}

struct xmlscan *
xmlscan_new(void)
{
	static const XML_Memory_Handling_Suite memory = {
		xml_malloc,
		xml_realloc,
		xml_free,
	};
	struct xmlscan *x = xcalloc(1, sizeof(*x));

	xml_owner = x;
	x->parser = XML_ParserCreate_MM(NULL, &memory, NULL);
	BUG_IF(x->parser == NULL);
	XML_SetUserData(x->parser, x);
	XML_SetStartElementHandler(x->parser, on_xml_element);
	XML_SetStartDoctypeDeclHandler(x->parser, on_xml_doctype);
	xml_owner = NULL;
	return x;
}

static int
xml_fail(struct xmlscan *x, struct err *e)
{
	enum XML_Error code = XML_GetErrorCode(x->parser);
	long long at = (long long)XML_GetCurrentByteIndex(x->parser);

	if (!x->has_bytes)
		return err_set(e, ERR_CHECK, "empty, not GraphML");
	if (x->has_doctype)
		return err_set(e, ERR_CHECK, "XML with a DOCTYPE");
	if (x->has_root && !x->is_graphml)
		return err_set(e, ERR_CHECK, "XML, but not GraphML");
	if (code == XML_ERROR_NO_MEMORY)
		return err_set(e, ERR_CHECK, "XML too complex near byte %lld",
		    at);
	return err_set(e, ERR_CHECK, "not XML at byte %lld: %s", at,
	    XML_ErrorString(code));
}

static int
xml_parse(struct xmlscan *x, const char *p, size_t n, bool is_last,
    struct err *e)
{
	enum XML_Status rc;

	xml_owner = x;
	rc = XML_Parse(x->parser, p, (int)n, is_last);
	xml_owner = NULL;
	return rc == XML_STATUS_OK ? 0 : xml_fail(x, e);
}

int
xmlscan_write(struct xmlscan *x, const void *data, size_t n, struct err *e)
{
	const char *p = data;
	size_t piece;

	for (; n > 0; p += piece, n -= piece) {
		x->has_bytes = true;
		piece = n < XMLSCAN_PIECE ? n : XMLSCAN_PIECE;
		if (xml_parse(x, p, piece, false, e) == -1)
			return -1;
	}
	return 0;
}

int
xmlscan_end(struct xmlscan *x, struct err *e)
{
	return xml_parse(x, "", 0, true, e);
}

void
xmlscan_free(struct xmlscan *x)
{
	if (x == NULL)
		return;
	xml_owner = x;
	XML_ParserFree(x->parser);
	xml_owner = NULL;
	free(x);
}
