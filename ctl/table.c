/* table.c - see table.h. */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define COLUMNS_MAX 12

struct cell {
	char *text;
	enum text_style style;
};

struct table {
	const char *const *heads;
	size_t ncols;
	struct cell *cells;
	size_t n, cap;
};

struct table *
table_new(const char *const *heads)
{
	struct table *t = xcalloc(1, sizeof(*t));

	t->heads = heads;
	while (heads[t->ncols] != NULL)
		t->ncols++;
	BUG_IF(t->ncols > COLUMNS_MAX);
	return t;
}

void
table_cell(struct table *t, enum text_style style, const char *text)
{
	if (t->n == t->cap) {
		t->cap = t->cap == 0 ? 64 : t->cap * 2;
		t->cells = xrealloc(t->cells, t->cap * sizeof(*t->cells));
	}
	t->cells[t->n].text = xstrdup(text);
	t->cells[t->n++].style = style;
}

/* Characters, not bytes: every byte but those that continue one in UTF-8. */
static size_t
table_width(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

static void
table_pad(struct buf *b, size_t n)
{
	while (n-- > 0)
		buf_addc(b, ' ');
}

/* Blanks at the end of a line help nobody. */
static void
table_end_row(struct buf *b)
{
	while (b->len > 0 && b->data[b->len - 1] == ' ')
		b->data[--b->len] = '\0';
	buf_addc(b, '\n');
}

static void
table_put(const struct table *t, const struct out *o, struct buf *b, size_t col,
    size_t width, const struct cell *c)
{
	size_t pad = width - table_width(c->text);
	bool is_right = t->heads[col][0] == '>';

	if (col > 0)
		buf_adds(b, "  ");
	if (is_right)
		table_pad(b, pad);
	text_styled(o, b, c->style, c->text);
	if (!is_right && col + 1 < t->ncols)
		table_pad(b, pad);
}

void
table_print(const struct table *t, const struct out *o, struct buf *b)
{
	size_t widths[COLUMNS_MAX], i, col;
	struct cell head;

	for (col = 0; col < t->ncols; col++) {
		const char *name = t->heads[col];

		widths[col] = table_width(name + (name[0] == '>'));
	}
	for (i = 0; i < t->n; i++) {
		size_t w = table_width(t->cells[i].text);

		if (w > widths[i % t->ncols])
			widths[i % t->ncols] = w;
	}
	for (col = 0; col < t->ncols; col++) {
		const char *name = t->heads[col];

		head.text = xstrdup(name + (name[0] == '>'));
		head.style = TEXT_BOLD;
		table_put(t, o, b, col, widths[col], &head);
		free(head.text);
	}
	table_end_row(b);
	for (i = 0; i < t->n; i++) {
		col = i % t->ncols;
		table_put(t, o, b, col, widths[col], &t->cells[i]);
		if (col + 1 == t->ncols)
			table_end_row(b);
	}
}

void
table_free(struct table *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		free(t->cells[i].text);
	free(t->cells);
	free(t);
}
