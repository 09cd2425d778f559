/*
 * directory.c - plain folders of a host, copied aside, then streamed.
 *
 * Knows: the settings that directory.sh wants.  All work is done by it.
 */
#include "base/json.h"
#include "base/str.h"
#include "source/host/scripts.h"
#include "source/hosted.h"

static void
directory_settings(struct hosted *h, struct buf *b)
{
	const json_t *paths = json_get_array(h->src.env.cfg, "paths");
	struct buf text = BUF_INIT;
	size_t i;

	for (i = 0; i < json_array_size(paths); i++)
		buf_addf(&text, "%s%s", i == 0 ? "" : "\n",
		    json_string_value(json_array_get(paths, i)));
	buf_adds(b, "RB_PATHS=");
	str_quote_sh(b, buf_str(&text));
	buf_addc(b, '\n');
	buf_done(&text);
}

static const char *const directory_scripts[] = { host_script_state,
	host_script_switch, host_script_verbs, host_script_directory, NULL };

static const struct hosted_kind directory_kind = { "directory",
	directory_scripts, directory_settings };

static struct source *
directory_create(const struct source_env *senv, const json_t *saved,
    struct err *e)
{
	return hosted_new(&directory_kind, &directory_ops, senv, saved, e);
}

const struct source_ops directory_ops = { "directory", directory_create,
	hosted_save, hosted_facts_of, hosted_prepare, hosted_quiesce,
	hosted_capture, hosted_resume, health_probe, hosted_artifact,
	hosted_open, hosted_finish, hosted_release, hosted_undo, hosted_cancel,
	hosted_recover, hosted_free };
