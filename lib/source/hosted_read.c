/* hosted_read.c - artifacts: their names, their bytes; see hosted.h. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "source/hosted.h"

#define STREAM_STALL_MS INT64_C(180000)
#define STREAM_DEADLINE_MS (INT64_C(24) * 3600 * 1000)
#define ARTIFACT_NAME_MAX 200

/* The last part of a path, or a volume, as a safe name. */
static char *
artifact_stem(const json_t *m)
{
	const char *of = json_get_str(m, "of", "");
	const char *slash = strrchr(of, '/');
	char *name = xstrndup(slash == NULL ? of : slash + 1,
		 ARTIFACT_NAME_MAX),
	     *at;

	for (at = name; *at != '\0'; at++)
		if (!isalnum((unsigned char)*at) && strchr("._-", *at) == NULL)
			*at = '_';
	if (!isalnum((unsigned char)*name)) {
		at = xasprintf("root%s", name);
		free(name);
		name = at;
	}
	return name;
}

/* "documents.tar", "documents-2.tar" for the second one of that name. */
static char *
artifact_name(const json_t *mounts, size_t i)
{
	char *mine = artifact_stem(json_array_get(mounts, i)), *name, *other;
	unsigned same = 1;
	size_t k;

	for (k = 0; k < i; k++) {
		other = artifact_stem(json_array_get(mounts, k));
		same += strcmp(other, mine) == 0;
		free(other);
	}
	name = same == 1 ? xasprintf("%s.tar", mine)
			 : xasprintf("%s-%u.tar", mine, same);
	free(mine);
	return name;
}

const struct source_artifact *
hosted_artifact(struct source *s, size_t i)
{
	struct hosted *h = hosted_of(s);
	const json_t *mounts = json_get_array(h->st, "mounts");
	const json_t *m = json_array_get(mounts, i);
	struct source_artifact *a = &h->artifact;
	char key[24];

	if (m == NULL)
		return NULL;
	free(h->artifact_name);
	h->artifact_name = artifact_name(mounts, i);
	json_decref(h->artifact_extra);
	h->artifact_extra = json_object();
	json_put_str(h->artifact_extra, "real", json_get_str(m, "real", ""));
	(void)snprintf(key, sizeof(key), "%d", (int)json_get_int(m, "n", 0));
	memset(a, 0, sizeof(*a));
	a->name = h->artifact_name;
	a->kind = json_get_str(m, "kind", "");
	a->of = json_get_str(m, "of", "");
	a->size_hint = json_get_int(json_get_object(h->st, "kib"), key, -1);
	if (a->size_hint >= 0)
		a->size_hint *= 1024;
	a->is_tar = true;
	a->has_data_checks = strcmp(json_get_str(s->env.cfg, "checks", "off"),
				 "off") != 0;
	a->is_rereadable = true;
	a->extra = h->artifact_extra;
	return a;
}

static void
read_settings(struct buf *b, const json_t *m, bool is_gzip, int level,
    const char *const *tees)
{
	struct buf lines = BUF_INIT;
	size_t i;

	for (i = 0; tees != NULL && tees[i] != NULL; i++) {
		/* What is not compressed has no pipe to branch off from. */
		BUG_IF(!is_gzip || strchr(tees[i], '\n') != NULL);
		buf_addf(&lines, "%s%s", i == 0 ? "" : "\n", tees[i]);
	}
	buf_addf(b, "RB_N=%d\n", (int)json_get_int(m, "n", 0));
	buf_adds(b, "RB_GZIP=");
	if (is_gzip)
		buf_addf(b, "%d", level);
	buf_adds(b, "\nRB_TEES=");
	str_quote_sh(b, buf_str(&lines));
	buf_addc(b, '\n');
	buf_done(&lines);
}

struct reader *
hosted_open(struct source *s, size_t i, bool is_gzip, int level,
    const char *const *tees)
{
	struct hosted *h = hosted_of(s);
	struct hosted_verb v = { .name = "stream" };
	const json_t *m = json_array_get(json_get_array(h->st, "mounts"), i);
	struct host_cmd cmd = { 0 };
	struct buf script = BUF_INIT, extra = BUF_INIT;
	struct reader *r;

	BUG_IF(m == NULL);
	read_settings(&extra, m, is_gzip, level, tees);
	v.extra = buf_str(&extra);
	hosted_script(h, &v, &script);
	cmd.script = buf_str(&script);
	cmd.deadline_ms = STREAM_DEADLINE_MS;
	/* While we do not read, as a store is slow, it does not count. */
	cmd.stall_ms = STREAM_STALL_MS;
	r = host_stream(h->host, &cmd);
	buf_done(&script);
	buf_done(&extra);
	return r;
}

static void
on_finish_soon(void *arg)
{
	struct hosted *h = arg;

	h->defer = NULL;
	hosted_end(h, NULL);
}

/* A tar's own verdict came with its stream: tar's status, its end marker. */
void
hosted_finish(struct source *s, size_t i, source_done_fn *fn, void *arg)
{
	struct hosted *h = hosted_of(s);

	(void)i;
	hosted_begin(h, fn, arg, false);
	h->defer = defer_call(s->env.env->loop, on_finish_soon, h);
}
