/* gcs.c - see gcs.h: opening, URLs, signing. */
#include "store/gcs.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

struct gcs *
gcs_of(struct cloud *c)
{
	return (struct gcs *)(void *)c;
}

char *
gcs_name(struct gcs *g, const char *key)
{
	return xasprintf("%s%s", g->cloud.prefix, key);
}

char *
gcs_path(struct gcs *g, const char *key)
{
	struct buf path = BUF_INIT;

	buf_addf(&path, "/storage/v1/b/%s/o/", g->bucket);
	cloud_encode(&path, g->cloud.prefix, "");
	cloud_encode(&path, key, "");
	return buf_take(&path);
}

char *
gcs_upload_path(struct gcs *g)
{
	return xasprintf("/upload/storage/v1/b/%s/o", g->bucket);
}

static int
gcs_sign(struct cloud *c, const struct cloud_req *req, struct cloud_wire *w,
    struct err *e)
{
	const struct gcs *g = gcs_of(c);

	(void)req;
	(void)e;
	if (g->token != NULL)
		cloud_header(w, "Authorization", "Bearer %s", g->token);
	return 0;
}

static void
gcs_free(struct cloud *c)
{
	struct gcs *g = gcs_of(c);

	if (g->token != NULL)
		OPENSSL_cleanse(g->token, strlen(g->token));
	free(g->token);
	free(g->bucket);
	free(g->storage_class);
	free(g->account);
	free(g->metadata);
	cloud_done(c);
	free(g);
}

static const struct cloud_ops gcs_cops = {
	.authorize = gcs_authorize,
	.sign = gcs_sign,
	.judge = gcs_judge,
	.free = gcs_free,
};
static const struct cloud_ops gcs_anonymous_cops = {
	.sign = gcs_sign,
	.judge = gcs_judge,
	.free = gcs_free,
};

/* "host:port" or a URL. */
static char *
gcs_endpoint(const char *given, const char *emulator)
{
	const char *from = given != NULL ? given : emulator;
	char *url;
	size_t n;

	if (from == NULL)
		return xstrdup(GCS_ENDPOINT);
	url = strstr(from, "://") == NULL ? xasprintf("http://%s", from)
					  : xstrdup(from);
	for (n = strlen(url); n > 0 && url[n - 1] == '/'; n--)
		url[n - 1] = '\0';
	return url;
}

/* Set and not empty. */
static const char *
env_text(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0' ? value : NULL;
}

/* As Google's own programs look for them; an emulator wants none. */
static const struct cloud_ops *
gcs_credentials(struct gcs *g, const json_t *cfg, bool has_emulator)
{
	const char *path = json_get_str(cfg, "credentials", NULL);
	const char *host = env_text("GCE_METADATA_HOST");

	if (json_get_bool(cfg, "anonymous", false) ||
	    (has_emulator && path == NULL))
		return &gcs_anonymous_cops;
	if (path == NULL)
		path = env_text("GOOGLE_APPLICATION_CREDENTIALS");
	if (path != NULL)
		g->account = file_expand(path, NULL);
	g->has_metadata = host != NULL;
	g->metadata = xstrdup(host != NULL ? host : "metadata.google.internal");
	return &gcs_cops;
}

static struct store *
gcs_open(const struct store_env *lent, const char *name, const json_t *cfg,
    struct err *e)
{
	const char *bucket = json_get_str(cfg, "bucket", NULL);
	const char *class = json_get_str(cfg, "storage_class", NULL);
	const char *endpoint = json_get_str(cfg, "endpoint", NULL);
	const char *emulator = NULL;
	struct buf encoded = BUF_INIT;
	const struct cloud_ops *cops;
	struct gcs *g;

	if (bucket == NULL || bucket[0] == '\0') {
		(void)err_set(e, ERR_CONFIG, "store '%s' has no bucket", name);
		return NULL;
	}
	if (endpoint == NULL)
		emulator = env_text("STORAGE_EMULATOR_HOST");
	g = xcalloc(1, sizeof(*g));
	cops = gcs_credentials(g, cfg, emulator != NULL);
	cloud_init(&g->cloud, &gcs_ops, cops, lent, name, cfg);
	g->cloud.url = gcs_endpoint(endpoint, emulator);
	g->is_custom = strcmp(g->cloud.url, GCS_ENDPOINT) != 0;
	cloud_encode(&encoded, bucket, "");
	g->bucket = buf_take(&encoded);
	if (class != NULL)
		g->storage_class = xstrdup(class);
	return &g->cloud.base;
}

static void
gcs_caps(struct store *s, struct store_caps *caps)
{
	caps->has_if_absent = !gcs_of(cloud_of(s))->lacks_if_absent;
	caps->digest = "crc32c";
	caps->max_parts = 0;
}

const struct store_ops gcs_ops = {
	.type = "gcs",
	.open = gcs_open,
	.close = cloud_close,
	.caps = gcs_caps,
	.check = gcs_check,
	.put_open = gcs_put_open,
	.put_write = upload_write,
	.put_failed = upload_failed,
	.put_finish = upload_finish,
	.put_abort = upload_abort,
	.put_moved = upload_moved,
	.get = gcs_get,
	.stat = gcs_stat,
	.list = gcs_list,
	.remove = gcs_remove,
	.sweep = gcs_sweep,
};
