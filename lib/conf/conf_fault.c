/* conf_fault.c - the list of faults; see conf.h and conf_node.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/conf_node.h"

#define FAULTS_MAX 100

bool
conf_faults_full(const struct conf_faults *faults)
{
	return faults->n >= FAULTS_MAX;
}

void
conf_fault_add(struct conf_faults *faults, int line, int column,
    const char *fmt, ...)
{
	struct conf_fault *f;
	char text[1024];
	va_list ap;

	if (conf_faults_full(faults))
		return;
	faults->list = xrealloc(faults->list,
	    (faults->n + 1) * sizeof(*faults->list));
	f = &faults->list[faults->n++];
	f->line = line;
	f->column = column;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->text = xstrdup(text);
}

static int
fault_compare(const void *a, const void *b)
{
	const struct conf_fault *x = a, *y = b;

	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return strcmp(x->text, y->text);
}

void
conf_faults_sort(struct conf_faults *faults)
{
	if (faults->n > 1)
		qsort(faults->list, faults->n, sizeof(*faults->list),
		    fault_compare);
}

void
conf_faults_done(struct conf_faults *faults)
{
	size_t i;

	if (faults == NULL)
		return;
	for (i = 0; i < faults->n; i++)
		free(faults->list[i].text);
	free(faults->list);
	faults->list = NULL;
	faults->n = 0;
}
