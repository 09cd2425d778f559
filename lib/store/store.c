/* store.c - see store.h: dispatch to the backends, and what a key may be. */
#include "store/store.h"

#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/azure.h"
#include "store/fs.h"
#include "store/gcs.h"
#include "store/hostfs.h"
#include "store/pace.h"
#include "store/refused.h"
#include "store/s3.h"

#define KEY_MAX 1024

static const struct store_ops *const backends[] = { &fs_ops, &azure_ops,
	&gcs_ops, &s3_ops };

/* Each way has the whole of it. */
static struct store *
store_set_pace(struct store *s, const json_t *cfg)
{
	int64_t rate = json_get_int(cfg, "bandwidth", 0);

	if (s == NULL || rate <= 0)
		return s;
	s->pace_in = pace_new(s->env, rate);
	s->pace_out = pace_new(s->env, rate);
	return s;
}

struct store *
store_open(const struct store_env *lent, const char *name, const json_t *cfg,
    struct err *e)
{
	const char *type = json_get_str(cfg, "type", "filesystem");
	size_t i;

	/* A folder on a host has the same type. */
	if (strcmp(type, fs_ops.type) == 0 &&
	    json_get_str(cfg, "host", NULL) != NULL)
		return store_set_pace(hostfs_ops.open(lent, name, cfg, e), cfg);
	for (i = 0; i < COUNT_OF(backends); i++)
		if (strcmp(backends[i]->type, type) == 0)
			return store_set_pace(backends[i]->open(lent, name, cfg,
						  e),
			    cfg);
	(void)err_set(e, ERR_CONFIG, "store '%s': type '%s' is unknown", name,
	    type);
	return NULL;
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	/* What is still under way owns them too. */
	pace_free(s->pace_in);
	pace_free(s->pace_out);
	s->pace_in = s->pace_out = NULL;
	s->ops->close(s);
}

const char *
store_name(const struct store *s)
{
	return s->name;
}

void
store_caps(struct store *s, struct store_caps *caps)
{
	s->ops->caps(s, caps);
}

void
store_check(struct store *s, store_done_fn *fn, void *arg)
{
	s->ops->check(s, fn, arg);
}

/* A put begins with it. */
static struct store_put_base *
put_base(struct store_put *p)
{
	return (struct store_put_base *)(void *)p;
}

struct store_put *
store_put_open(struct store *s, const char *key,
    const struct store_put_opt *opt, store_ready_fn *ready, void *arg,
    struct err *e)
{
	struct pace_put *pace = NULL;
	struct store_put *p;

	if (store_key_check(key, e) == -1)
		return NULL;
	if (s->pace_in != NULL) {
		pace = pace_put_new(s->pace_in, s->env, ready, arg);
		ready = pace_put_ready;
		arg = pace;
	}
	if ((p = s->ops->put_open(s, key, opt, ready, arg, e)) == NULL)
		pace_put_free(pace);
	else
		put_base(p)->pace = pace;
	return p;
}

static const struct store_ops *
put_ops(struct store_put *p)
{
	return put_base(p)->store->ops;
}

bool
store_put_write(struct store_put *p, struct block *b)
{
	bool may_go_on = put_ops(p)->put_write(p, b);

	/* What is thrown away takes no time. */
	if (put_base(p)->pace == NULL || put_ops(p)->put_failed(p))
		return may_go_on;
	return pace_put_wrote(put_base(p)->pace, b->len, may_go_on);
}

bool
store_put_failed(struct store_put *p)
{
	return put_ops(p)->put_failed(p);
}

void
store_put_finish(struct store_put *p, store_put_fn *fn, void *arg)
{
	if (put_base(p)->pace != NULL)
		pace_put_finish(put_base(p)->pace, p, fn, arg);
	else
		put_ops(p)->put_finish(p, fn, arg);
}

void
store_put_abort(struct store_put *p)
{
	struct pace_put *pace = put_base(p)->pace;

	put_ops(p)->put_abort(p);
	pace_put_free(pace);
}

int64_t
store_put_moved(struct store_put *p)
{
	const struct store_ops *ops = put_ops(p);

	return ops->put_moved == NULL ? -1 : ops->put_moved(p);
}

struct reader *
store_get(struct store *s, const char *key, int64_t from, int64_t len)
{
	struct err e = ERR_INIT;
	struct reader *r;

	if (store_key_check(key, &e) == -1)
		return refused_reader(s->env, &e);
	r = s->ops->get(s, key, from, len);
	return s->pace_out == NULL ? r : pace_reader(s->pace_out, s->env, r);
}

void
store_stat(struct store *s, const char *key, store_stat_fn *fn, void *arg)
{
	s->ops->stat(s, key, fn, arg);
}

void
store_list(struct store *s, const char *prefix, bool is_flat, store_list_fn *fn,
    void *arg)
{
	s->ops->list(s, prefix, is_flat, fn, arg);
}

void
store_remove(struct store *s, const char *key, store_done_fn *fn, void *arg)
{
	s->ops->remove(s, key, fn, arg);
}

void
store_sweep(struct store *s, const char *prefix, int64_t age_ms,
    store_done_fn *fn, void *arg)
{
	s->ops->sweep(s, prefix, age_ms, fn, arg);
}

const char *
store_host(const struct store *s)
{
	return s->ops->host == NULL ? NULL : s->ops->host(s);
}

char *
store_place(struct store *s, const char *key, struct err *e)
{
	return store_key_check(key, e) == -1 ? NULL : s->ops->place(s, key, e);
}

void
store_adopt(struct store *s, const char *key, const char *place, int64_t size,
    const char *sha256, store_put_fn *fn, void *arg)
{
	s->ops->adopt(s, key, place, size, sha256, fn, arg);
}

/* The marks that stand beside a snapshot's files. */
static bool
key_is_mark(const char *leaf)
{
	static const char *const families[] = { ".claim-", ".pin-" };
	size_t i;

	if (strcmp(leaf, ".claim") == 0 || strcmp(leaf, ".suspect") == 0)
		return true;
	for (i = 0; i < COUNT_OF(families); i++)
		if (str_has_prefix(leaf, families[i]) &&
		    str_is_safe_name(leaf + strlen(families[i])))
			return true;
	return false;
}

int
store_key_check(const char *key, struct err *e)
{
	const char *slash = strchr(key, '/');
	char folder[256];

	if (strlen(key) > KEY_MAX || strstr(key, FILE_TMP_MARK) != NULL)
		return err_set(e, ERR_USAGE, "no key for a store: '%.100s'",
		    key);
	if (str_is_safe_path(key))
		return 0;
	if (slash != NULL && (size_t)(slash - key) < sizeof(folder)) {
		memcpy(folder, key, (size_t)(slash - key));
		folder[slash - key] = '\0';
		if (str_is_safe_name(folder) && key_is_mark(slash + 1))
			return 0;
	}
	return err_set(e, ERR_USAGE, "no key for a store: '%.100s'", key);
}

int
store_prefix_check(const char *prefix, struct err *e)
{
	size_t n = strlen(prefix);
	char path[KEY_MAX + 1];

	if (n == 0)
		return 0;
	if (n <= KEY_MAX && prefix[n - 1] == '/') {
		memcpy(path, prefix, n - 1);
		path[n - 1] = '\0';
		if (str_is_safe_path(path))
			return 0;
	}
	return err_set(e, ERR_USAGE, "no prefix for a store: '%.100s'", prefix);
}
