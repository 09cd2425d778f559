/* xml_fuzz.c - a store's answer of any bytes is a whole tree, or none. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static size_t
check_tree(const struct xml *x, unsigned depth)
{
	size_t n = 0;

	/* An attribute stands one below the deepest element. */
	BUG_IF(depth > 33);
	for (; x != NULL; x = x->next) {
		BUG_IF(x->name == NULL || x->text == NULL);
		BUG_IF(x->name[0] == '@' && x->child != NULL);
		n += 1 + check_tree(x->child, depth + 1);
	}
	return n;
}

/* What is escaped comes back as it was. */
static void
check_escape(const char *text)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct xml *x;

	/* These XML has no way to say, or reads as a line feed. */
	if (strpbrk(text, "\r") != NULL)
		return;
	buf_adds(&b, "<a>");
	xml_escape(&b, text);
	buf_adds(&b, "</a>");
	x = xml_parse(buf_str(&b), b.len, &e);
	BUG_IF(x == NULL || strcmp(x->text, text) != 0);
	xml_free(x);
	buf_done(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err e = ERR_INIT;
	struct xml *x = xml_parse((const char *)data, len, &e);
	const struct xml *key;

	if (x == NULL) {
		BUG_IF(e.code != ERR_PROTOCOL || e.msg[0] == '\0');
		return 0;
	}
	BUG_IF(x->next != NULL);
	BUG_IF(check_tree(x, 1) > len);
	for (key = xml_find(x, "Key"); key != NULL; key = xml_next(key))
		BUG_IF(strcmp(key->name, "Key") != 0);
	check_escape(x->text);
	xml_free(x);
	return 0;
}
