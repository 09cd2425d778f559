/*
 * azure_check.c - see azure.h: can the container be written, listed and
 * cleared with these credentials?  By doing so: what roles and signatures
 * allow cannot be asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/azure.h"

struct azure_probe {
	struct azure *az;
	char *path;
	store_done_fn *fn;
	void *arg;
	struct err err; /* Of the list; the probe is removed all the same. */
};

static void
probe_answer(struct azure_probe *p, const struct err *e)
{
	store_done_fn *fn = p->fn;
	void *arg = p->arg;
	struct err copy;

	err_copy(&copy, e);
	cloud_release(&p->az->cloud);
	free(p->path);
	free(p);
	fn(arg, e == NULL ? NULL : &copy);
}

static void
on_probe_removed(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct azure_probe *p = arg;

	(void)a;
	/* A container that keeps what it has is a good place for backups. */
	if (e != NULL && strcmp(code, "BlobImmutableDueToPolicy") == 0) {
		p->az->is_immutable = true;
		e = NULL;
	}
	if (e != NULL && e->code == ERR_NOT_FOUND)
		e = NULL;
	if (p->err.code != ERR_NONE)
		e = &p->err;
	probe_answer(p, e);
}

static void
on_probe_listed(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	struct azure_probe *p = arg;
	struct cloud_req req = { .what = AZURE_DELETE,
		.method = "DELETE",
		.path = p->path };

	(void)a;
	(void)code;
	err_copy(&p->err, e);
	(void)cloud_start(&p->az->cloud, &req, on_probe_removed, p);
}

static void
on_probe_put(void *arg, const struct http_answer *a, const char *code,
    const struct err *e)
{
	static const struct cloud_pair query[] = { { "restype", "container" },
		{ "comp", "list" }, { "maxresults", "1" } };
	struct azure_probe *p = arg;
	struct cloud_req req = { .what = AZURE_LIST,
		.method = "GET",
		.path = "",
		.query = query,
		.nquery = COUNT_OF(query) };

	(void)a;
	(void)code;
	if (e != NULL)
		probe_answer(p, e);
	else
		(void)cloud_start(&p->az->cloud, &req, on_probe_listed, p);
}

void
azure_check(struct store *s, store_done_fn *fn, void *arg)
{
	static const struct cloud_pair headers[] = {
		{ "x-ms-blob-type", "BlockBlob" },
	};
	struct azure_probe *p = xcalloc(1, sizeof(*p));
	struct cloud_req req = { .what = AZURE_PUT,
		.method = "PUT",
		.headers = headers,
		.nheaders = COUNT_OF(headers),
		.body = "probe\n",
		.body_len = 6 };
	char id[ENV_UUID_SIZE], name[64];

	p->az = azure_of(cloud_of(s));
	p->fn = fn;
	p->arg = arg;
	env_uuid(s->env, id);
	(void)snprintf(name, sizeof(name), ".ragbackup-probe-%s", id);
	p->path = azure_path(&p->az->cloud, name);
	req.path = p->path;
	cloud_hold(&p->az->cloud);
	(void)cloud_start(&p->az->cloud, &req, on_probe_put, p);
}
