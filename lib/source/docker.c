/*
 * docker.c - named volumes and bind paths of containers, stopped for the copy.
 *
 * Knows: the settings that docker.sh wants.  All work is done by it.
 */
#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "source/host/scripts.h"
#include "source/hosted.h"

static void
docker_setting(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "%s=", name);
	str_quote_sh(b, value == NULL ? "" : value);
	buf_addc(b, '\n');
}

/* Array member ${key} of the strings in ${list}, one a line. */
static void
docker_list(struct buf *b, const char *name, const json_t *list,
    const char *key)
{
	struct buf text = BUF_INIT;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);

		if (key != NULL)
			v = json_object_get(v, key);
		if (text.len > 0)
			buf_addc(&text, '\n');
		buf_adds(&text, json_is_string(v) ? json_string_value(v) : "");
	}
	docker_setting(b, name, buf_str(&text));
	buf_done(&text);
}

/* What ran, in the order of starting, while it may still have to be. */
static void
docker_ran(struct hosted *h, struct buf *b)
{
	const json_t *ran = json_get_array(h->st, "ran");
	struct buf ids = BUF_INIT;
	size_t i;

	/* Prepare lists what runs; only quiesce stops it. */
	if (json_get_int(h->st, "stop_epoch", 0) != 0 &&
	    !json_get_bool(h->st, "is_resumed", false))
		for (i = json_array_size(ran); i > 0; i--)
			buf_addf(&ids, "%s%s", ids.len > 0 ? " " : "",
			    json_get_str(json_array_get(ran, i - 1), "id", ""));
	docker_setting(b, "RB_RAN", buf_str(&ids));
	buf_done(&ids);
}

/* Prepare came to its end, so there is a staging volume until a release. */
static bool
docker_has_made(const struct hosted *h)
{
	return json_get_str(h->st, "image", NULL) != NULL &&
	    strcmp(json_get_str(h->st, "step", ""), "RELEASED") != 0;
}

static void
docker_settings(struct hosted *h, struct buf *b)
{
	const json_t *cfg = h->src.env.cfg;

	docker_setting(b, "RB_DOCKER",
	    json_get_str(cfg, "docker_path", "docker"));
	docker_setting(b, "RB_DOCKER_HOST",
	    json_get_str(cfg, "docker_host", NULL));
	docker_setting(b, "RB_COMPOSE", json_get_str(cfg, "compose", NULL));
	docker_setting(b, "RB_PROJECT", json_get_str(cfg, "project", NULL));
	docker_setting(b, "RB_IMAGE", json_get_str(cfg, "helper_image", NULL));
	docker_list(b, "RB_STOP", json_get_array(cfg, "stop"), NULL);
	docker_list(b, "RB_VOLUMES", json_get_array(cfg, "volumes"), NULL);
	docker_list(b, "RB_PATHS", json_get_array(cfg, "paths"), NULL);
	buf_addf(b, "RB_STOP_TIMEOUT=%" PRId64 "\n",
	    (json_get_int(cfg, "stop_timeout", 60000) + 999) / 1000);
	docker_setting(b, "RB_PROJECT_FOUND",
	    json_get_str(h->st, "project", NULL));
	docker_setting(b, "RB_IMAGE_FOUND", json_get_str(h->st, "image", NULL));
	docker_setting(b, "RB_TOOLS", json_get_str(h->st, "tools", NULL));
	docker_ran(h, b);
	docker_setting(b, "RB_MADE", docker_has_made(h) ? "yes" : NULL);
}

static const char *const docker_scripts[] = { host_script_state,
	host_script_switch, host_script_verbs, host_script_docker_engine,
	host_script_docker_copy, host_script_docker, NULL };

static const struct hosted_kind docker_kind = { "docker", docker_scripts,
	docker_settings };

static struct source *
docker_create(const struct source_env *senv, const json_t *saved, struct err *e)
{
	return hosted_new(&docker_kind, &docker_ops, senv, saved, e);
}

const struct source_ops docker_ops = { "docker", docker_create, hosted_save,
	hosted_facts_of, hosted_prepare, hosted_quiesce, hosted_capture,
	hosted_resume, health_probe, hosted_artifact, hosted_open,
	hosted_finish, hosted_release, hosted_undo, hosted_cancel,
	hosted_recover, hosted_free };
