/* host.c - see host.h. */
#include "net/host.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/mem.h"
#include "net/host_int.h"
#include "net/local.h"
#include "net/ssh.h"

struct host *
host_new(struct env *env, const char *name, const json_t *cfg, struct err *e)
{
	struct host *h;

	if (cfg != NULL && ssh_check_config(cfg, e) == -1) {
		(void)err_context(e, "host '%s'", name);
		return NULL;
	}
	h = xcalloc(1, sizeof(*h));
	h->env = env;
	h->name = xstrdup(name);
	h->cfg = cfg;
	h->items.next = h->items.prev = &h->items;
	return h;
}

void
host_free(struct host *h)
{
	struct host_item *item;

	if (h == NULL)
		return;
	while ((item = h->items.next) != &h->items)
		item->abandon(item);
	host_drop_connection(h);
	free(h->name);
	free(h);
}

const char *
host_name(const struct host *h)
{
	return h->name;
}

bool
host_is_local(const struct host *h)
{
	return h->cfg == NULL;
}

uv_loop_t *
host_loop(const struct host *h)
{
	return h->env->loop;
}

void
host_item_add(struct host *h, struct host_item *item)
{
	item->prev = h->items.prev;
	item->next = &h->items;
	item->prev->next = item;
	item->next->prev = item;
}

void
host_item_remove(struct host_item *item)
{
	item->prev->next = item->next;
	item->next->prev = item->prev;
	item->prev = item->next = item;
}

void
host_drop_connection(struct host *h)
{
	struct ssh *s = h->ssh;

	h->ssh = NULL;
	ssh_unref(s);
}

struct chan *
host_exec(struct host *h, const char *command, bool is_fresh, bool *is_reused,
    struct err *e)
{
	struct chan *c;
	struct ssh *s;

	*is_reused = false;
	if (h->cfg == NULL)
		return local_exec(h->env->loop, command, e);
	if (is_fresh) {
		if ((s = ssh_open(h->env->loop, h->cfg, e)) == NULL)
			return NULL;
		c = ssh_exec(s, command);
		ssh_unref(s); /* The channel holds it. */
		return c;
	}
	if (h->ssh != NULL && !ssh_is_usable(h->ssh))
		host_drop_connection(h);
	*is_reused = h->ssh != NULL;
	if (h->ssh == NULL)
		h->ssh = ssh_open(h->env->loop, h->cfg, e);
	if (h->ssh == NULL)
		return NULL;
	return ssh_exec(h->ssh, command);
}
