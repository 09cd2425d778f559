/* conf.c - see conf.h. */
#include "conf/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "conf/conf_check.h"

#define CONF_FILE_MAX ((size_t)1024 * 1024)

static struct conf *
conf_new(const char *path, json_t *root)
{
	struct conf *c = xcalloc(1, sizeof(*c));

	c->refs = 1;
	c->path = xstrdup(path);
	c->root = root;
	return c;
}

/* Hand the faults over; the first of them, with its place, is the error. */
static void
conf_report(const char *path, struct conf_faults *own, struct conf_faults *out,
    struct err *e)
{
	const struct conf_fault *f = own->list;
	char place[64] = "", more[64] = "";

	conf_faults_sort(own);
	if (f->line > 0)
		(void)snprintf(place, sizeof(place), "%d:%d: ", f->line,
		    f->column);
	if (own->n > 1)
		(void)snprintf(more, sizeof(more), " (and %zu more)",
		    own->n - 1);
	(void)err_set(e, ERR_CONFIG, "%s:%s%s%s", path,
	    place[0] == '\0' ? " " : place, f->text, more);
	if (out == NULL)
		conf_faults_done(own);
	else
		*out = *own;
}

static struct conf *
conf_build(const char *path, const char *text, size_t len, bool with_files,
    struct conf_faults *out, struct err *e)
{
	struct conf_faults faults = { NULL, 0 };
	struct conf_check c = { .faults = &faults, .with_files = with_files };
	struct conf_node *root;
	json_t *tree = NULL;

	if (len > CONF_FILE_MAX) {
		conf_fault_add(&faults, 0, 0,
		    "the file is larger than %zu bytes", CONF_FILE_MAX);
	} else if ((root = conf_node_parse(text, len, &faults)) != NULL) {
		c.root = root;
		c.base = conf_path_folder(path);
		c.home = conf_path_home();
		tree = conf_walk(&c);
		buf_done(&c.key);
		free(c.base);
		free(c.home);
		conf_node_free(root);
	}
	if (faults.n > 0) {
		json_decref(tree);
		conf_report(path, &faults, out, e);
		return NULL;
	}
	return conf_new(path, tree);
}

struct conf *
conf_parse(const char *path, const char *text, size_t len,
    struct conf_faults *faults, struct err *e)
{
	if (faults != NULL)
		*faults = (struct conf_faults){ NULL, 0 };
	return conf_build(path, text, len, false, faults, e);
}

static struct conf *
conf_read(const char *path, bool with_files, struct conf_faults *faults,
    struct err *e)
{
	struct conf_faults own = { NULL, 0 };
	struct err why = ERR_INIT;
	struct conf *c;
	size_t len;
	char *text;

	if (faults != NULL)
		*faults = own;
	if ((text = file_slurp(path, CONF_FILE_MAX, &len, &why)) == NULL) {
		conf_fault_add(&own, 0, 0, "%s", why.msg);
		conf_report(path, &own, faults, e);
		return NULL;
	}
	c = conf_build(path, text, len, with_files, faults, e);
	free(text);
	return c;
}

struct conf *
conf_load(const char *path, struct conf_faults *faults, struct err *e)
{
	return conf_read(path, true, faults, e);
}

struct conf *
conf_load_public(const char *path, struct conf_faults *faults, struct err *e)
{
	return conf_read(path, false, faults, e);
}

struct conf *
conf_ref(struct conf *c)
{
	c->refs++;
	return c;
}

void
conf_unref(struct conf *c)
{
	if (c == NULL || --c->refs > 0)
		return;
	json_decref(c->root);
	free(c->path);
	free(c);
}

const json_t *
conf_daemon(const struct conf *c)
{
	return json_object_get(c->root, "daemon");
}

static const json_t *
conf_entry(const struct conf *c, const char *section, const char *name)
{
	return json_object_get(json_object_get(c->root, section), name);
}

const json_t *
conf_store(const struct conf *c, const char *name)
{
	return conf_entry(c, "stores", name);
}

const json_t *
conf_host(const struct conf *c, const char *name)
{
	return conf_entry(c, "hosts", name);
}

const json_t *
conf_job(const struct conf *c, const char *name)
{
	return conf_entry(c, "jobs", name);
}

const json_t *
conf_jobs(const struct conf *c)
{
	return json_object_get(c->root, "jobs");
}

static json_t *
conf_freeze_stores(const struct conf *c, const json_t *list)
{
	json_t *out = json_object();
	const char *name;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		name = json_get_str(json_array_get(list, i), "store", NULL);
		json_put(out, name, json_deep_copy(conf_store(c, name)));
	}
	return out;
}

/* The hosts that ${stores} are on. */
static json_t *
conf_freeze_hosts(const struct conf *c, const json_t *stores)
{
	json_t *out = json_object(), *v;
	const char *name, *host;

	/* The tree is constant; jansson only lacks the word for it. */
	json_object_foreach((json_t *)(uintptr_t)stores, name, v) {
		host = json_get_str(v, "host", NULL);
		if (host != NULL)
			json_put(out, host, json_deep_copy(conf_host(c, host)));
	}
	return out;
}

json_t *
conf_freeze_store_list(const struct conf *c, const json_t *list)
{
	json_t *out = json_object();

	json_put(out, "stores", conf_freeze_stores(c, list));
	json_put(out, "hosts",
	    conf_freeze_hosts(c, json_object_get(out, "stores")));
	return out;
}

json_t *
conf_freeze(const struct conf *c, const char *name)
{
	const json_t *job = conf_job(c, name), *source;
	const char *host;
	json_t *out;

	if (job == NULL)
		return NULL;
	source = json_get_object(job, "source");
	host = json_get_str(source, "host", NULL);
	out = conf_freeze_store_list(c, json_get_array(job, "stores"));
	json_put_str(out, "name", name);
	json_put(out, "job", json_deep_copy(job));
	json_put(out, "host",
	    host == NULL ? json_null() : json_deep_copy(conf_host(c, host)));
	return out;
}
