/* hostfs_list.c - what is in the store: stat and list. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/host/scripts.h"
#include "store/hostfs.h"

#define LIST_MAX 1000000
#define LIST_OUT_MAX ((size_t)256 * 1024 * 1024)
#define LIST_WAIT_MS (INT64_C(10) * 60 * 1000)

struct hostfs_stat {
	struct hostfs_op op;
	char *key;
	store_stat_fn *fn;
	void *arg;
};

static void
on_stat(struct hostfs_op *op, const char *out, const struct err *e)
{
	struct hostfs_stat *q = CONTAINER_OF(op, struct hostfs_stat, op);
	struct store_stat st = { .key = q->key };
	struct err mine = ERR_INIT;
	long long size, mtime;
	char inode[41], etag[132];

	if (e != NULL) {
		err_copy(&mine, e);
	} else if (sscanf(out, "%lld %lld %40s", &size, &mtime, inode) != 3) {
		(void)err_set(&mine, ERR_PROTOCOL,
		    "unexpected answer to a stat: '%.100s'", out);
	} else {
		st.size = size;
		st.mtime_ms = mtime * 1000;
		hostfs_etag(inode, size, mtime, etag, sizeof(etag));
		st.etag = etag;
	}
	q->fn(q->arg, mine.code == ERR_NONE ? &st : NULL,
	    mine.code == ERR_NONE ? NULL : &mine);
	free(q->key);
	free(q);
}

void
hostfs_stat(struct store *s, const char *key, store_stat_fn *fn, void *arg)
{
	struct hostfs *fs = (struct hostfs *)s;
	struct hostfs_stat *q = xcalloc(1, sizeof(*q));
	struct hostfs_verb v = { .script = host_script_hostfs_read,
		.name = "stat" };
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	q->key = xstrdup(key);
	q->fn = fn;
	q->arg = arg;
	if (store_key_check(key, &e) == -1) {
		hostfs_op_refuse(fs, &q->op, &e, on_stat);
		return;
	}
	hostfs_set(&b, "RB_KEY", key);
	v.settings = &b;
	hostfs_op_start(fs, &q->op, &v, on_stat);
	buf_done(&b);
}

struct hostfs_list {
	struct hostfs_op op;
	char *prefix;
	struct store_stat *list;
	size_t n, cap;
	store_list_fn *fn;
	void *arg;
};

/* "SIZE MTIME INODE ./NAME", with a "/" in front of it for a folder. */
static int
list_line(struct hostfs_list *l, const char *line, struct err *e)
{
	bool is_folder = line[0] == '/';
	struct store_stat *st;
	long long size, mtime;
	int at = 0;

	if (sscanf(line + is_folder, "%lld %lld %*s ./%n", &size, &mtime,
		&at) != 2 ||
	    at == 0)
		return err_set(e, ERR_PROTOCOL,
		    "unexpected line in a list: '%.100s'", line);
	if (l->n == LIST_MAX)
		return err_set(e, ERR_LIMIT, "more than %d entries in '%s'",
		    LIST_MAX, l->op.fs->root);
	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 32 : 2 * l->cap;
		l->list = xrealloc(l->list, l->cap * sizeof(*l->list));
	}
	st = &l->list[l->n++];
	memset(st, 0, sizeof(*st));
	st->key = xasprintf("%s%s%s", l->prefix, line + is_folder + at,
	    is_folder ? "/" : "");
	st->size = is_folder ? 0 : size;
	st->mtime_ms = mtime * 1000;
	st->is_folder = is_folder;
	return 0;
}

static int
stat_compare(const void *a, const void *b)
{
	const struct store_stat *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static int
list_parse(struct hostfs_list *l, const char *out, struct err *e)
{
	char *copy = xstrdup(out), *line, *rest = copy;
	int rc = 0;

	while (rc == 0 && (line = strsep(&rest, "\n")) != NULL)
		if (*line != '\0')
			rc = list_line(l, line, e);
	free(copy);
	if (l->n > 0)
		qsort(l->list, l->n, sizeof(*l->list), stat_compare);
	return rc;
}

static void
on_list(struct hostfs_op *op, const char *out, const struct err *e)
{
	struct hostfs_list *l = CONTAINER_OF(op, struct hostfs_list, op);
	struct err mine = ERR_INIT;
	bool is_well;
	size_t i;

	if (e != NULL)
		err_copy(&mine, e);
	is_well = e == NULL && list_parse(l, out, &mine) == 0;
	l->fn(l->arg, is_well ? l->list : NULL, is_well ? l->n : 0,
	    is_well ? NULL : &mine);
	for (i = 0; i < l->n; i++)
		free((char *)(uintptr_t)l->list[i].key);
	free(l->list);
	free(l->prefix);
	free(l);
}

void
hostfs_list(struct store *s, const char *prefix, bool is_flat,
    store_list_fn *fn, void *arg)
{
	struct hostfs *fs = (struct hostfs *)s;
	struct hostfs_list *l = xcalloc(1, sizeof(*l));
	struct hostfs_verb v = { .script = host_script_hostfs_read,
		.name = "list",
		.deadline_ms = LIST_WAIT_MS,
		.out_max = LIST_OUT_MAX };
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	l->prefix = xstrdup(prefix);
	l->fn = fn;
	l->arg = arg;
	if (store_prefix_check(prefix, &e) == -1) {
		hostfs_op_refuse(fs, &l->op, &e, on_list);
		return;
	}
	hostfs_set(&b, "RB_PREFIX", prefix);
	hostfs_set(&b, "RB_FLAT", is_flat ? "yes" : "");
	v.settings = &b;
	hostfs_op_start(fs, &l->op, &v, on_list);
	buf_done(&b);
}
