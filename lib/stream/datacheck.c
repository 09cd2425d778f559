/* datacheck.c - see filter.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "stream/filter.h"

struct datacheck {
	struct jsonscan json;
	bool is_json;        /* The member is looked into by json ... */
	struct xmlscan *xml; /* ... or by this. */
	bool is_bad;
	char *name;
	struct err first;
	unsigned checked, malformed;
};

struct datacheck *
datacheck_new(void)
{
	return xcalloc(1, sizeof(struct datacheck));
}

static const char *
datacheck_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static void
on_member(void *arg, const char *name, int64_t size)
{
	struct datacheck *d = arg;

	(void)size;
	/* "._x.json" is where macOS keeps the attributes of x.json. */
	if (str_has_prefix(datacheck_basename(name), "._"))
		return;
	if (str_has_suffix(name, ".json")) {
		d->is_json = true;
		jsonscan_init(&d->json);
	} else if (str_has_suffix(name, ".graphml"))
		d->xml = xmlscan_new();
	else
		return;
	d->checked++;
	d->is_bad = false;
	d->name = xstrdup(name);
}

static void
datacheck_bad(struct datacheck *d, struct err *e)
{
	d->is_bad = true;
	if (d->malformed++ > 0)
		return;
	(void)err_context(e, "'%.200s'", d->name);
	err_copy(&d->first, e);
}

static void
on_member_data(void *arg, const void *p, size_t n)
{
	struct datacheck *d = arg;
	struct err e = ERR_INIT;
	int rc = 0;

	if (d->is_bad)
		return;
	if (d->is_json)
		rc = jsonscan_write(&d->json, p, n, &e);
	else if (d->xml != NULL)
		rc = xmlscan_write(d->xml, p, n, &e);
	if (rc == -1)
		datacheck_bad(d, &e);
}

static void
on_member_end(void *arg)
{
	struct datacheck *d = arg;
	struct err e = ERR_INIT;
	int rc = 0;

	if (d->name == NULL)
		return;
	if (!d->is_bad)
		rc = d->is_json ? jsonscan_end(&d->json, &e)
				: xmlscan_end(d->xml, &e);
	if (rc == -1)
		datacheck_bad(d, &e);
	xmlscan_free(d->xml);
	d->xml = NULL;
	d->is_json = d->is_bad = false;
	free(d->name);
	d->name = NULL;
}

void
datacheck_hooks(struct datacheck *d, struct tarscan_hooks *hooks)
{
	hooks->begin = on_member;
	hooks->data = on_member_data;
	hooks->end = on_member_end;
	hooks->arg = d;
}

void
datacheck_result(const struct datacheck *d, struct err *first,
    unsigned *checked, unsigned *malformed)
{
	err_copy(first, &d->first);
	*checked = d->checked;
	*malformed = d->malformed;
}

void
datacheck_free(struct datacheck *d)
{
	if (d == NULL)
		return;
	xmlscan_free(d->xml);
	free(d->name);
	free(d);
}
