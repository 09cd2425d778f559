/*
 * readme.c - see describe.h: a snapshot's README.md.
 *
 * Its ```sh blocks can be pasted one by one or run as one script, from the
 * snapshot's folder, by any POSIX shell (and zsh: so no comments, and nothing
 * that ends an interactive shell).  TARGET, VOLUME_PREFIX and IMAGE come from
 * the environment when they are set there.  Every word from data is quoted.
 */
#include "snapshot/describe.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

/* Text of the data in a line of prose: a code span that it cannot leave. */
static void
add_span(struct buf *b, const char *s)
{
	buf_addc(b, '`');
	for (; *s != '\0'; s++)
		buf_addc(b, *s == '`' || (unsigned char)*s < 0x20 ? '\'' : *s);
	buf_addc(b, '`');
}

/* A path as one word; "~" is the home of whoever runs it. */
static void
add_path(struct buf *b, const char *path)
{
	if (path[0] == '~' && (path[1] == '/' || path[1] == '\0')) {
		buf_adds(b, "\"$HOME\"");
		path++;
	}
	if (path[0] != '\0')
		str_quote_sh(b, path);
}

static bool
is_kind(const json_t *artifact, const char *kind)
{
	return strcmp(json_get_str(artifact, "kind", ""), kind) == 0;
}

static size_t
count_kind(const json_t *snapshot, const char *kind)
{
	const json_t *a;
	size_t i, n = 0;

	json_array_foreach(json_get_array(snapshot, "artifacts"), i, a)
		n += is_kind(a, kind);
	return n;
}

/* "xzpf" and what stands for it with another compression. */
static const char *
tar_flags(const json_t *artifact)
{
	return str_has_suffix(json_get_str(artifact, "name", ""), ".gz")
	    ? "-xzpf"
	    : "-xpf";
}

static void
add_size(struct buf *b, const json_t *artifact)
{
	char text[32];

	str_format_size(json_get_int(artifact, "size", 0), text, sizeof(text));
	buf_adds(b, text);
}

static void
add_head(struct buf *b, const json_t *s)
{
	const json_t *source = json_get_object(s, "source");
	const char *host = json_get_str(source, "host", NULL);
	const json_t *v;
	size_t i;

	buf_addf(b, "# Snapshot %s\n\n", json_get_str(s, "id", ""));
	buf_adds(b, "A backup of job ");
	add_span(b, json_get_str(s, "job", ""));
	buf_addf(b, ": the data as it was at %s.\n",
	    json_get_str(s, "as_of", "an unknown time"));
	if (host != NULL) {
		buf_adds(b, "It comes from the host named ");
		add_span(b, host);
		buf_adds(b, " in the configuration.\n");
	}
	buf_addf(b,
	    "Written by %s; nothing of it is needed to restore: the "
	    "files are plain\narchives, and this page has the commands.\n"
	    "`snapshot.json` describes them for programs.\n\n",
	    json_get_str(s, "tools", "ragbackup"));
	json_array_foreach(json_get_array(s, "artifacts"), i, v) {
		buf_adds(b, "- ");
		add_span(b, json_get_str(v, "name", ""));
		buf_addf(b, ", %s ", json_get_str(v, "kind", ""));
		add_span(b, json_get_str(v, "of", ""));
		buf_adds(b, ", ");
		add_size(b, v);
		buf_addc(b, '\n');
	}
	json_array_foreach(json_get_array(s, "warnings"), i, v) {
		buf_adds(b, "- Warning of the backup: ");
		add_span(b, json_is_string(v) ? json_string_value(v) : "");
		buf_addc(b, '\n');
	}
}

static void
add_check(struct buf *b)
{
	buf_adds(b,
	    "\n## Check\n\n"
	    "In this folder; every file must be `OK`:\n\n"
	    "```sh\n"
	    "if command -v sha256sum >/dev/null 2>&1; then\n"
	    "\tsha256sum -c MANIFEST.sha256\n"
	    "else\n"
	    "\tshasum -a 256 -c MANIFEST.sha256\n"
	    "fi\n"
	    "```\n");
}

static void
add_where(struct buf *b, const json_t *s)
{
	bool has_volumes = count_kind(s, "volume") > 0;
	bool has_paths = count_kind(s, "path") > 0;

	buf_adds(b,
	    "\n## Restore\n\n"
	    "Copy this folder to the machine that is to have the data, change "
	    "into it there,\nand go on in one shell");
	if (has_paths)
		buf_adds(b,
		    ", as root if the owners of files are to be "
		    "kept");
	buf_adds(b, ".\nThe order is: stop, make empty, restore, start.\n\n");
	if (has_paths)
		buf_addf(b,
		    "`TARGET` restores folders to another place%s; "
		    "empty, they go back\nto where they were.\n",
		    count_kind(s, "path") > 1 ? ", each in a folder of its "
						"own there"
					      : "");
	if (has_volumes)
		buf_adds(b,
		    "`VOLUME_PREFIX` is put before the names of "
		    "volumes, to restore beside the old ones;\n`IMAGE` is any "
		    "image on that machine with `sh` and `tar`.\n");
	buf_adds(b, "\n```sh\n");
	if (has_paths)
		buf_adds(b, "TARGET=\"${TARGET:-}\"\n");
	if (has_volumes)
		buf_adds(b,
		    "VOLUME_PREFIX=\"${VOLUME_PREFIX:-}\"\n"
		    "IMAGE=\"${IMAGE:-alpine}\"\n");
	if (!has_paths && !has_volumes)
		buf_adds(b, ":\n");
	buf_adds(b, "```\n");
}

/* The services' names, in the order they are stopped or started. */
static void
add_words(struct buf *b, const json_t *list, bool is_reverse)
{
	size_t n = json_array_size(list), i;

	for (i = 0; i < n; i++) {
		const char *s = json_string_value(json_array_get(list,
		    is_reverse ? n - 1 - i : i));

		if (s != NULL) {
			buf_addc(b, ' ');
			str_quote_sh(b, s);
		}
	}
}

/* By Compose where its folder is known. */
static void
add_compose(struct buf *b, const char *dir, const char *verb,
    const json_t *list, bool is_reverse)
{
	buf_adds(b,
	    "\tcompose() {\n"
	    "\t\tif docker compose version >/dev/null 2>&1; then\n"
	    "\t\t\tdocker compose \"$@\"\n"
	    "\t\telse\n"
	    "\t\t\tdocker-compose \"$@\"\n"
	    "\t\tfi\n"
	    "\t}\n"
	    "\t(cd ");
	add_path(b, dir);
	buf_addf(b, " && compose %s", verb);
	add_words(b, list, is_reverse);
	buf_adds(b, ")\n");
}

/* By the labels that Compose puts on its containers. */
static void
add_by_labels(struct buf *b, const char *project, const char *verb,
    const json_t *list, bool is_reverse)
{
	buf_adds(b, "\tfor SERVICE in");
	add_words(b, list, is_reverse);
	buf_adds(b, "; do\n\t\tdocker ps -aq");
	if (project != NULL) {
		buf_adds(b, " --filter label=com.docker.compose.project=");
		str_quote_sh(b, project);
	}
	buf_addf(b,
	    " \\\n\t\t    --filter \"label=com.docker.compose.service="
	    "$SERVICE\" |\n"
	    "\t\twhile read -r ID; do\n"
	    "\t\t\tdocker %s \"$ID\"\n"
	    "\t\tdone\n"
	    "\tdone\n",
	    verb);
}

static void
add_services(struct buf *b, const json_t *s, const char *verb, bool is_reverse)
{
	const json_t *source = json_get_object(s, "source");
	const json_t *list = json_get_array(source, "stop");
	const char *dir = json_get_str(source, "compose", NULL);
	const char *project = json_get_str(source, "project", NULL);

	if (json_array_size(list) == 0)
		return;
	buf_addf(b,
	    "\n### %s the services\n\n"
	    "Only when their own data is replaced:\n\n"
	    "```sh\n"
	    "if [ -z \"${VOLUME_PREFIX:-}${TARGET:-}\" ]; then\n",
	    is_reverse ? "Start" : "Stop");
	if (dir != NULL)
		add_compose(b, dir, verb, list, is_reverse);
	else
		add_by_labels(b, project, verb, list, is_reverse);
	buf_adds(b, "fi\n```\n");
}

/*
 * Names in an archive's headers mean other numbers elsewhere: a tar that can be
 * told so keeps the numbers; busybox's does so anyway.
 */
#define PROBE_TAR                                                              \
	"\tfor OPTS in \"--numeric-owner --xattrs\" --numeric-owner \"\"; "    \
	"do\n"                                                                 \
	"\t\ttar $OPTS -cf - /dev/null >/dev/null 2>&1 && break\n"             \
	"\tdone\n"

static void
add_volume(struct buf *b, const json_t *a)
{
	const char *volume = json_get_str(a, "of", "");

	buf_adds(b, "\n### Volume ");
	add_span(b, volume);
	buf_adds(b,
	    "\n\nIt must be empty. This throws away what is in it "
	    "now, for good:\n\n    docker run --rm --network none -v ");
	str_quote_sh(b, volume);
	buf_adds(b,
	    ":/dst \\\n        \"${IMAGE:-alpine}\" sh -c 'rm -rf /dst/..?* "
	    "/dst/.[!.]* /dst/*'\n\n```sh\n"
	    "VOLUME=\"${VOLUME_PREFIX:-}\"");
	str_quote_sh(b, volume);
	buf_adds(b,
	    "\ndocker volume inspect \"$VOLUME\" >/dev/null 2>&1 ||\n"
	    "    docker volume create \"$VOLUME\"\n"
	    "docker run --rm --network none -v \"$VOLUME\":/dst "
	    "-v \"$PWD\":/src:ro \\\n"
	    "    \"${IMAGE:-alpine}\" sh -c '\n"
	    "\tif [ -n \"$(ls -A /dst)\" ]; then\n"
	    "\t\techo \"the volume is not empty\" >&2\n"
	    "\t\texit 1\n"
	    "\tfi\n" PROBE_TAR);
	buf_addf(b, "\tcd /dst && tar $OPTS %s \"/src/$1\"' sh ", tar_flags(a));
	str_quote_sh(b, json_get_str(a, "name", ""));
	buf_adds(b, "\n```\n");
}

/* The artifact's name up to its first dot. */
static char *
stem_of(const json_t *a)
{
	const char *name = json_get_str(a, "name", "");
	const char *end = strstr(name, ".tar");

	return xstrndup(name,
	    end != NULL && end != name ? (size_t)(end - name) : strlen(name));
}

static void
add_folder(struct buf *b, const json_t *a, bool is_only)
{
	const char *path = json_get_str(a, "of", "");
	char *stem = stem_of(a);

	buf_adds(b, "\n### Folder ");
	add_span(b, path);
	buf_adds(b,
	    "\n\nIt must be empty or not there. To keep what is there "
	    "now, move it away:\n\n    mv ");
	add_path(b, path);
	buf_addc(b, ' ');
	add_path(b, path);
	buf_adds(b, ".before-restore\n\n```sh\nDIR=");
	add_path(b, path);
	buf_adds(b, "\n[ -z \"${TARGET:-}\" ] || DIR=\"$TARGET\"");
	if (!is_only) {
		buf_addc(b, '/');
		str_quote_sh(b, stem);
	}
	buf_adds(b,
	    "\nmkdir -p \"$DIR\"\nsh -c '\n"
	    "\tif [ -n \"$(ls -A \"$2\")\" ]; then\n"
	    "\t\techo \"$2 is not empty\" >&2\n"
	    "\t\texit 1\n"
	    "\tfi\n" PROBE_TAR);
	buf_addf(b, "\ttar $OPTS %s \"$1\" -C \"$2\"' sh ", tar_flags(a));
	str_quote_sh(b, json_get_str(a, "name", ""));
	buf_adds(b, " \"$DIR\"\n```\n");
	free(stem);
}

static void
add_other(struct buf *b, const json_t *a)
{
	buf_adds(b, "\n### ");
	add_span(b, json_get_str(a, "name", ""));
	buf_adds(b, "\n\nNo archive: a file of kind ");
	add_span(b, json_get_str(a, "kind", ""));
	buf_adds(b, ", to be given to the program it came from.\n");
}

char *
snapshot_readme(const json_t *s)
{
	bool is_only = count_kind(s, "path") == 1;
	struct buf b = BUF_INIT;
	const json_t *a;
	size_t i;

	add_head(&b, s);
	add_check(&b);
	add_where(&b, s);
	add_services(&b, s, "stop", false);
	json_array_foreach(json_get_array(s, "artifacts"), i, a) {
		if (is_kind(a, "volume"))
			add_volume(&b, a);
		else if (is_kind(a, "path"))
			add_folder(&b, a, is_only);
		else
			add_other(&b, a);
	}
	add_services(&b, s, "start", true);
	return buf_take(&b);
}
