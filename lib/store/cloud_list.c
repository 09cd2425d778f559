/* cloud_list.c - a list that is collected page by page; see cloud.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "store/cloud.h"

/* Pages hold a thousand, or less when a store pleases. */
#define PAGES_MAX 100000
#define ENTRIES_MAX 1000000

void
cloud_list_add(struct cloud_list *l, const char *key, int64_t size,
    int64_t mtime_ms, bool is_folder)
{
	const char *prefix = l->prefix == NULL ? "" : l->prefix;
	struct store_stat *st;
	bool has_slash;
	char *own;
	size_t n;

	/* What others keep beside ours is none of our business. */
	if (!str_has_prefix(key, prefix))
		return;
	own = xstrdup(key + strlen(prefix));
	n = strlen(own);
	has_slash = n > 0 && own[n - 1] == '/';
	if (is_folder && has_slash)
		own[n - 1] = '\0';
	if (store_key_check(own, NULL) == -1 || is_folder != has_slash) {
		free(own);
		return;
	}
	if (is_folder)
		own[n - 1] = '/';
	/* Room doubles: at each power of two. */
	if ((l->n & (l->n - 1)) == 0)
		l->list = xrealloc(l->list,
		    (l->n == 0 ? 1 : 2 * l->n) * sizeof(*l->list));
	st = &l->list[l->n++];
	memset(st, 0, sizeof(*st));
	st->key = own;
	st->size = is_folder ? 0 : size;
	st->mtime_ms = mtime_ms;
	st->is_folder = is_folder;
}

int
cloud_list_turn(struct cloud_list *l, const char *last, const char *next,
    struct err *e)
{
	if (last != NULL && strcmp(last, next) == 0)
		return err_set(e, ERR_PROTOCOL, "a list goes in a circle");
	if (++l->pages >= PAGES_MAX)
		return err_set(e, ERR_PROTOCOL,
		    "a list does not end within %d pages", PAGES_MAX);
	if (l->n > ENTRIES_MAX)
		return err_set(e, ERR_LIMIT, "a list of more than %d entries",
		    ENTRIES_MAX);
	return 0;
}

/* Of doubles the first stays: what is newest, as a page can show a key that an
 * earlier one had already. */
static int
stat_compare(const void *pa, const void *pb)
{
	const struct store_stat *a = pa, *b = pb;
	int rc = strcmp(a->key, b->key);

	if (rc != 0)
		return rc;
	return a->mtime_ms > b->mtime_ms ? -1 : a->mtime_ms < b->mtime_ms;
}

void
cloud_list_sort(struct cloud_list *l)
{
	size_t i, n = 0;

	if (l->n > 1)
		qsort(l->list, l->n, sizeof(*l->list), stat_compare);
	for (i = 0; i < l->n; i++)
		if (n > 0 && strcmp(l->list[n - 1].key, l->list[i].key) == 0)
			free((char *)l->list[i].key);
		else
			l->list[n++] = l->list[i];
	l->n = n;
}

void
cloud_list_done(struct cloud_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free((char *)l->list[i].key);
	free(l->list);
	free(l->prefix);
	memset(l, 0, sizeof(*l));
}
