/*
 * catalog_copy_send.c - the bytes: the source's files one after the other as
 * they are, their proof, and the commit.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crash.h"
#include "base/mem.h"
#include "catalog/catalog_copy_int.h"
#include "catalog/catalog_seal.h"
#include "catalog/catalog_suspect.h"
#include "snapshot/describe.h"

/* --- The source's copy is damaged. */

static void
on_copy_marked(void *arg, const struct err *e)
{
	struct catalog_copy *c = arg;
	struct err damaged;

	/* That it could not be marked changes nothing. */
	(void)e;
	err_copy(&damaged, &c->err);
	err_clear(&c->err);
	if (copy_goes_on(c, NULL))
		copy_fail(c, &damaged);
}

void
copy_damaged(struct catalog_copy *c, const char *file, const char *fault)
{
	char *by = xasprintf("copy by %s", c->opt.instance), *text;

	(void)err_set(&c->err, ERR_CORRUPT,
	    "'%s' in store '%s' is damaged: %.400s", file,
	    store_name(c->opt.from), fault);
	text = xasprintf("%s: %.400s", file, fault);
	catalog_suspect_mark(c->opt.from, c->opt.id, by, text, on_copy_marked,
	    c);
	free(text);
	free(by);
}

/* --- What is sent, in which order: as a run does. */

static bool
is_last(const char *name)
{
	return strcmp(name, SNAPSHOT_README_NAME) == 0 ||
	    strcmp(name, SNAPSHOT_JSON_NAME) == 0;
}

static void
copy_add(struct catalog_copy *c, size_t i)
{
	struct catalog_file *f = &c->files[c->n];

	f->name = c->s->manifest->entries[i].name;
	f->sha256 = c->s->manifest->entries[i].sha256;
	f->size = catalog_snapshot_file(c->s, i)->size;
	f->proof = &c->proofs[c->n++];
}

void
copy_plan(struct catalog_copy *c)
{
	const struct manifest *m = c->s->manifest;
	struct err e = ERR_INIT;
	size_t i;

	if (catalog_snapshot_size(c->s, &c->total, &e) == -1) {
		copy_damaged(c, MANIFEST_NAME, e.msg);
		return;
	}
	c->files = xcalloc(m->n, sizeof(*c->files));
	c->proofs = xcalloc(m->n, sizeof(*c->proofs));
	for (i = 0; i < m->n; i++)
		if (!is_last(m->entries[i].name))
			copy_add(c, i);
	for (i = 0; i < m->n; i++)
		if (is_last(m->entries[i].name))
			copy_add(c, i);
	copy_enter(c, CATALOG_COPY_CLAIM);
}

/* --- Sending. */

static void
on_copy_still_sealed(void *arg, const struct err *e)
{
	struct catalog_copy *c = arg;

	if (copy_goes_on(c, e))
		copy_damaged(c, c->files[c->at].name, "it is missing");
}

static void
copy_read_failed(struct catalog_copy *c, const struct err *e)
{
	struct err copy;

	if (e->code == ERR_NOT_FOUND) {
		/* It went, or the whole snapshot did. */
		catalog_is_sealed(c->opt.from, c->opt.id, on_copy_still_sealed,
		    c);
	} else if (e->code == ERR_CORRUPT) {
		copy_damaged(c, c->files[c->at].name, e->msg);
	} else {
		err_copy(&copy, e);
		(void)err_context(&copy, "read '%s'", c->files[c->at].name);
		copy_fail(c, &copy);
	}
}

static void
on_copy_sent(void *arg, const struct stream_result *r, const struct err *e)
{
	struct catalog_copy *c = arg;
	const struct catalog_file *f = &c->files[c->at];
	struct err copy;

	c->stream = NULL;
	CRASH_POINT("copy sent a file");
	if (e != NULL) {
		copy_read_failed(c, e);
	} else if (r->sinks[0].err.code != ERR_NONE) {
		err_copy(&copy, &r->sinks[0].err);
		(void)err_context(&copy, "write '%s'", f->name);
		copy_fail(c, &copy);
	} else if (strcmp(r->sha256, f->sha256) != 0) {
		copy_damaged(c, f->name,
		    "its SHA-256 is not what the manifest says");
	} else {
		c->proofs[c->at] = r->sinks[0].proof;
		c->bytes += r->size;
		c->at++;
		copy_tell(c);
		copy_send(c);
	}
}

void
copy_send(struct catalog_copy *c)
{
	struct stream_sink sink = { .store = c->opt.to,
		.min_rate = c->opt.min_rate,
		.stall_ms = c->opt.stall_ms };
	struct stream_opt opt = { .sinks = &sink, .nsinks = 1 };
	char *key;

	if (!copy_goes_on(c, NULL)) /* By who was told of progress. */
		return;
	if (c->at == c->n) {
		c->sent = c->bytes;
		copy_enter(c, CATALOG_COPY_PROVING);
		return;
	}
	c->has_sent = true;
	key = xasprintf("%s/%s", c->opt.id, c->files[c->at].name);
	sink.key = key;
	opt.size_hint = c->files[c->at].size;
	opt.reader = store_get(c->opt.from, key, 0, -1);
	c->stream = stream_start(c->env, c->opt.pool, &opt, on_copy_sent, c);
	free(key);
}

/* --- Proof and commit. */

static void
on_copy_proven(void *arg, const struct err *e)
{
	struct catalog_copy *c = arg;

	c->prove = NULL;
	CRASH_POINT("copy proven");
	if (copy_goes_on(c, e))
		copy_enter(c, CATALOG_COPY_SEALING);
}

static void
on_copy_proving(void *arg, int64_t bytes)
{
	struct catalog_copy *c = arg;

	c->bytes = bytes;
}

void
copy_prove(struct catalog_copy *c)
{
	c->prove = catalog_prove(c->opt.to, c->opt.id, c->files, c->n,
	    on_copy_proving, on_copy_proven, c);
}

static void
on_copy_sealed(void *arg, const struct err *e)
{
	struct catalog_copy *c = arg;

	CRASH_POINT("copy sealed");
	if (e != NULL)
		copy_fail(c, e);
	else
		copy_finish(c);
}

void
copy_seal(struct catalog_copy *c)
{
	c->is_sealing = true;
	catalog_seal_text(c->opt.to, c->opt.id, c->s->text, c->s->text_len,
	    on_copy_sealed, c);
}
