/* hostfs.c - the store on a host: opening, closing, what needs no asking. */
#include "store/hostfs.h"

#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"

#define HOSTFS_STALL_MS 60000
/* Connecting is silence too, and a host that flushes tells every 10 s. */
#define HOSTFS_STALL_MIN_MS 30000

static struct store *
hostfs_open(const struct store_env *lent, const char *name, const json_t *cfg,
    struct err *e)
{
	const char *path = json_get_str(cfg, "path", "");
	const char *host = json_get_str(cfg, "host", "");
	const json_t *host_cfg = json_get_object(lent->hosts, host);
	struct hostfs *fs;

	if (path[0] == '\0') {
		(void)err_set(e, ERR_CONFIG, "store '%s' has no path", name);
		return NULL;
	}
	if (host_cfg == NULL) {
		(void)err_set(e, ERR_CONFIG, "store '%s': no host '%s'", name,
		    host);
		return NULL;
	}
	fs = xcalloc(1, sizeof(*fs));
	if ((fs->host = host_new(lent->env, host, host_cfg, e)) == NULL) {
		free(fs);
		return NULL;
	}
	fs->base.ops = &hostfs_ops;
	fs->base.env = lent->env;
	fs->base.lent = *lent;
	fs->base.name = xstrdup(name);
	fs->base.cfg = cfg;
	fs->host_name = xstrdup(host);
	/* Relative is to the home there, wherever a script stands. */
	fs->root = path[0] == '/' || path[0] == '~' ? xstrdup(path)
						    : xasprintf("~/%s", path);
	fs->min_free = json_get_int(cfg, "min_free", 0);
	fs->stall_ms = json_get_int(cfg, "stall", HOSTFS_STALL_MS);
	if (fs->stall_ms < HOSTFS_STALL_MIN_MS)
		fs->stall_ms = HOSTFS_STALL_MIN_MS;
	fs->pool = lent->pool != NULL ? work_pool_ref(lent->pool)
				      : work_pool_new(lent->env->loop, 1);
	return &fs->base;
}

static void
hostfs_free(void *arg)
{
	struct hostfs *fs = arg;

	host_free(fs->host);
	work_pool_free(fs->pool);
	free(fs->host_name);
	free(fs->root);
	free(fs->base.name);
	free(fs);
}

void
hostfs_hold(struct hostfs *fs)
{
	fs->nusers++;
}

void
hostfs_drop(struct hostfs *fs)
{
	BUG_IF(fs->nusers == 0);
	/* Not from here: the host is calling back. */
	if (--fs->nusers == 0 && fs->is_closing)
		(void)defer_call(fs->base.env->loop, hostfs_free, fs);
}

/* What is aborted still gets its time to be cleaned up there. */
static void
hostfs_close(struct store *s)
{
	struct hostfs *fs = (struct hostfs *)s;

	fs->is_closing = true;
	if (fs->nusers == 0)
		hostfs_free(fs);
}

static void
hostfs_caps(struct store *s, struct store_caps *caps)
{
	const struct hostfs *fs = (const struct hostfs *)s;

	caps->has_if_absent = fs->links != HOSTFS_LINKS_NO;
	caps->digest = "sha256";
	caps->max_parts = 0;
}

static const char *
hostfs_host(const struct store *s)
{
	return ((const struct hostfs *)s)->host_name;
}

const struct store_ops hostfs_ops = {
	.type = "filesystem",
	.open = hostfs_open,
	.close = hostfs_close,
	.caps = hostfs_caps,
	.check = hostfs_check,
	.put_open = hostfs_put_open,
	.put_write = hostfs_put_write,
	.put_failed = hostfs_put_failed,
	.put_finish = hostfs_put_finish,
	.put_abort = hostfs_put_abort,
	.get = hostfs_get,
	.stat = hostfs_stat,
	.list = hostfs_list,
	.remove = hostfs_remove,
	.sweep = hostfs_sweep,
	.host = hostfs_host,
	.place = hostfs_place,
	.adopt = hostfs_adopt,
};
