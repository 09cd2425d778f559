/* cloud.c - see cloud.h: what a store behind HTTP is made of, and its end. */
#include "store/cloud.h"

#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "store/cloud_int.h"

#define SILENCE_MS 60000
#define RETRY_FOR_MS 300000
#define CONCURRENCY 4
#define CONCURRENCY_MAX 16

struct cloud *
cloud_of(struct store *s)
{
	return CONTAINER_OF(s, struct cloud, base);
}

/* "" or "a/b/". */
static char *
cloud_prefix(const char *path)
{
	size_t n;

	path += strspn(path, "/");
	for (n = strlen(path); n > 0 && path[n - 1] == '/'; n--)
		;
	return n == 0 ? xstrdup("") : xasprintf("%.*s/", (int)n, path);
}

static void
cloud_take_cfg(struct cloud *c, const json_t *cfg)
{
	const char *ca = json_get_str(cfg, "ca_file", NULL);
	int64_t n;

	c->cfg = json_deep_copy(cfg);
	c->base.cfg = c->cfg;
	c->prefix = cloud_prefix(json_get_str(cfg, "path", ""));
	c->ca_file = ca == NULL ? NULL : file_expand(ca, NULL);
	c->is_insecure = !json_get_bool(cfg, "tls_verify", true);
	c->silence_ms = json_get_int(cfg, "request_timeout", SILENCE_MS);
	c->retry_for_ms = json_get_int(cfg, "retry_for", RETRY_FOR_MS);
	n = json_get_int(cfg, "concurrency", CONCURRENCY);
	c->concurrency = n < 1    ? 1
	    : n > CONCURRENCY_MAX ? CONCURRENCY_MAX
				  : (unsigned)n;
	c->part_size = json_get_int(cfg, "part_size", 0);
	c->bandwidth = json_get_int(cfg, "bandwidth", 0);
}

void
cloud_init(struct cloud *c, const struct store_ops *ops,
    const struct cloud_ops *cops, const struct store_env *lent,
    const char *name, const json_t *cfg)
{
	BUG_IF(lent->http == NULL);
	c->base.ops = ops;
	c->base.env = lent->env;
	c->base.lent = *lent;
	c->base.name = xstrdup(name);
	c->cops = cops;
	(void)http_ref(lent->http);
	if (lent->pool != NULL)
		(void)work_pool_ref(lent->pool);
	cloud_take_cfg(c, cfg);
	cloud_auth_init(c);
}

void
cloud_done(struct cloud *c)
{
	BUG_IF(c->users > 0);
	cloud_auth_done(c);
	http_free(c->base.lent.http);
	work_pool_free(c->base.lent.pool);
	json_decref(c->cfg);
	free(c->base.name);
	free(c->url);
	free(c->prefix);
	free(c->ca_file);
}

static void
on_cloud_end(void *arg)
{
	struct cloud *c = arg;

	c->end = NULL;
	if (c->users == 0)
		c->cops->free(c);
}

/* Not from here: this may be a pool's or a request's callback. */
static void
cloud_end_soon(struct cloud *c)
{
	if (c->is_closed && c->users == 0 && c->end == NULL)
		c->end = defer_call(c->base.env->loop, on_cloud_end, c);
}

void
cloud_close(struct store *s)
{
	struct cloud *c = cloud_of(s);

	c->is_closed = true;
	cloud_end_soon(c);
}

void
cloud_hold(struct cloud *c)
{
	c->users++;
}

void
cloud_release(struct cloud *c)
{
	BUG_IF(c->users == 0);
	c->users--;
	cloud_end_soon(c);
}
