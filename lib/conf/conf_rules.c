/* conf_rules.c - rules between keys, called by the table's objects. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "conf/conf_check.h"
#include "conf/conf_place.h"
#include "cron/cron.h"

/* The shortest sun_path of our systems holds 104 bytes with its NUL. */
#define SOCKET_PATH_MAX 103

static const struct conf_node *
rules_place(const struct conf_node *n, const char *key)
{
	const struct conf_node *v = conf_node_get(n, key);

	return v == NULL ? n : v;
}

void
conf_rules_daemon(struct conf_check *c, const struct conf_node *n, json_t *out)
{
	bool is_own = conf_node_get(n, "state_dir") != NULL;
	const char *dir;
	char *path;

	if (!is_own) {
		path = conf_place_state_dir();
		if (path == NULL)
			conf_check_fault_key(c, n, "state_dir",
			    "this key is required: no home folder is known");
		json_put_str(out, "state_dir", path);
		free(path);
	}
	if ((dir = json_get_str(out, "state_dir", NULL)) == NULL)
		return;
	if (conf_node_get(n, "socket") == NULL) {
		path = is_own ? file_join(dir, "control.sock")
			      : conf_default_socket();
		json_put_str(out, "socket", path);
		free(path);
	}
	if (strlen(json_get_str(out, "socket", "")) > SOCKET_PATH_MAX)
		conf_check_fault_key(c, rules_place(n, "socket"), "socket",
		    "the path of the socket is longer than %d bytes: %s",
		    SOCKET_PATH_MAX, json_get_str(out, "socket", ""));
}

void
conf_rules_deadman(struct conf_check *c, const struct conf_node *n, json_t *out)
{
	int64_t lease = json_get_int(out, "lease", 0);
	int64_t limit = json_get_int(out, "max_downtime", 0);

	if (lease != 0 && limit != 0 && limit <= lease)
		conf_check_fault_key(c, rules_place(n, "max_downtime"),
		    "max_downtime", "expected more than the lease");
}

void
conf_rules_keep(struct conf_check *c, const struct conf_node *n, json_t *out)
{
	static const char *const rules[] = { "last", "hourly", "daily",
		"weekly", "monthly", "yearly", "within" };
	size_t i;

	(void)c;
	(void)n;
	/* None given: retention keeps all, which it calls 0. */
	for (i = 0; i < COUNT_OF(rules); i++)
		if (json_is_null(json_object_get(out, rules[i])))
			json_put_int(out, rules[i], 0);
}

/* Two volumes whose files differ by case are one on a Mac. */
static void
rules_volumes(struct conf_check *c, const struct conf_node *n,
    const json_t *volumes)
{
	const char *a, *b;
	size_t i, k, count = json_array_size(volumes);

	if (n == NULL || n->kind != CONF_NODE_LIST || n->n != count)
		return;
	for (i = 0; i < count; i++)
		for (k = 0; k < i; k++) {
			a = json_string_value(json_array_get(volumes, i));
			b = json_string_value(json_array_get(volumes, k));
			if (strcasecmp(a, b) == 0 && strcmp(a, b) != 0)
				conf_check_fault_key(c, n->items[i], "volumes",
				    "%s and %s would be one file "
				    "where case does not count",
				    conf_show(b), conf_show(a));
		}
}

/* Entries that were written; what is no list has its fault already. */
static size_t
rules_count(const struct conf_node *n, const char *key)
{
	const struct conf_node *list = conf_node_get(n, key);

	if (list == NULL || conf_node_is_empty(list))
		return 0;
	return list->kind == CONF_NODE_LIST ? list->n : 1;
}

void
conf_rules_docker(struct conf_check *c, const struct conf_node *n, json_t *out)
{
	rules_volumes(c, conf_node_get(n, "volumes"),
	    json_get_array(out, "volumes"));
	if (rules_count(n, "volumes") + rules_count(n, "paths") == 0)
		conf_check_fault(c, n,
		    "expected at least one entry in "
		    "'volumes' or 'paths'");
}

/* A zone in the expression and one beside it: which would be meant? */
void
conf_rules_schedule(struct conf_check *c, const struct conf_node *n,
    json_t *out)
{
	const char *text = json_get_str(out, "cron", NULL), *own;
	struct err e = ERR_INIT;
	struct cron_expr *x;
	struct cron_zone *z;

	if (text == NULL || (x = cron_expr_parse(text, &e)) == NULL)
		return;
	if ((own = cron_expr_zone(x)) != NULL) {
		if (conf_node_get(n, "timezone") != NULL)
			conf_check_fault_key(c, rules_place(n, "timezone"),
			    "timezone",
			    "the schedule names a zone of its own "
			    "already: %s",
			    conf_show(own));
		if ((z = cron_zone_load(own, &e)) == NULL)
			conf_check_fault_key(c, rules_place(n, "cron"), "cron",
			    "%s", e.msg);
		cron_zone_free(z);
	}
	cron_expr_free(x);
}

void
conf_rules_job(struct conf_check *c, const struct conf_node *n, json_t *out)
{
	const struct conf_node *list = conf_node_get(n, "stores");
	json_t *stores = json_get_array(out, "stores");
	const char *a, *b;
	size_t i, k, count = json_array_size(stores);

	if (list == NULL || list->kind != CONF_NODE_LIST || list->n != count)
		return;
	for (i = 0; i < count; i++)
		for (k = 0; k < i; k++) {
			a = json_get_str(json_array_get(stores, i), "store",
			    "");
			b = json_get_str(json_array_get(stores, k), "store",
			    "");
			if (a[0] != '\0' && strcmp(a, b) == 0)
				conf_check_fault_key(c, list->items[i],
				    "stores", "store %s stands twice",
				    conf_show(a));
		}
}
