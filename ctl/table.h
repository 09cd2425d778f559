/*
 * table.h - rows of columns, as wide as their widest cell.
 *
 * Threads: one.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include "out.h"

struct table;

/* ${heads}: the columns' names, NULL at the end; a leading '>' means right. */
struct table *table_new(const char *const *heads);
/* The next cell, row by row. */
void table_cell(struct table *, enum text_style, const char *);
void table_print(const struct table *, const struct out *, struct buf *);
void table_free(struct table *);

#endif
