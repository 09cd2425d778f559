/*
 * conf.h - the configuration: one YAML file, checked against a table.
 *
 * Knows: the schema (conf_schema.c), YAML, defaults, units, paths.  Does not
 * know: what the values mean to the rooms that use them.
 * Threads: conf_load() any but the loop (it reads files); a struct conf is
 * constant and counted, on the loop thread.
 *
 * The result is a JSON tree with sections "daemon", "stores", "hosts", "jobs".
 * Every key of the schema is present: its value, its default, or null.
 * Durations are integers in ms, sizes integers in bytes, paths absolute with ~
 * expanded (relative ones count from the file's folder).  Secrets are
 * references ({"file": path} or {"env": name}), never values, so that a run's
 * frozen configuration can stand in the history.
 *
 * Where keys are written and where they are read differ in three places:
 * hosts.*.passphrase_file and passphrase_env become "passphrase", idle's
 * api_key_file becomes "api_key" (a secret reference or null), and a lone URL
 * as "health" becomes the whole object.  Paths of a source on another host
 * (compose, paths, docker_path) stay as written, a leading "~/" included.
 * keep.last is 0 when all are kept.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <jansson.h>
#include <stddef.h>

#include "base/err.h"

struct conf {
	unsigned refs;
	char *path;
	json_t *root;
};

/*
 * Every fault found, not only the first.  ${text} is "jobs.x.stores: what was
 * expected (did you mean ...?)", without the place, which a program prints
 * before it as "file:line:column: ".
 */
struct conf_fault {
	int line; /* From 1; 0 when not bound to a place. */
	int column;
	char *text;
};

struct conf_faults {
	struct conf_fault *list;
	size_t n;
};

/**
 * conf_load(path, faults, e):
 * Read and check; secret and key files that it names must exist and be private.
 * On faults return NULL, ${e} (ERR_CONFIG) has the first one as
 * "path:line:column: ..." and ${faults} (may be NULL) all of them, in the order
 * of the file; end it with conf_faults_done() in any case.  conf_parse() does
 * the same with ${text}, as if read from ${path}, and looks at no secret file.
 */
struct conf *conf_load(const char *path, struct conf_faults *, struct err *);
/* As conf_load(), but looks at no secret file: for a client that wants to know
 * the socket and may not read the daemon's keys. */
struct conf *conf_load_public(const char *path, struct conf_faults *,
    struct err *);
struct conf *conf_parse(const char *path, const char *text, size_t len,
    struct conf_faults *, struct err *);
void conf_faults_done(struct conf_faults *);
struct conf *conf_ref(struct conf *);
void conf_unref(struct conf *);

/* Section entries; borrowed; NULL when absent. */
const json_t *conf_daemon(const struct conf *);
const json_t *conf_store(const struct conf *, const char *name);
const json_t *conf_host(const struct conf *, const char *name);
const json_t *conf_job(const struct conf *, const char *name);
const json_t *conf_jobs(const struct conf *); /* Object name -> job. */

/**
 * conf_freeze(c, job):
 * What a run of ${job} works from, whatever is reloaded meanwhile: {"name",
 * "job": {...}, "host": {...} | null, "stores": {name: {...}}, "hosts":
 * {name: {...}} of those stores}.  A new reference, made of copies; NULL when
 * there is no such job.
 */
json_t *conf_freeze(const struct conf *, const char *job);
/* Only "stores" and "hosts", for ${list}: [{"store": name}]. */
json_t *conf_freeze_store_list(const struct conf *, const json_t *list);

/*
 * The default socket and configuration paths of this platform; free() them.
 * Configuration: for root /etc/ragbackup/ragbackup.yaml (macOS:
 * /usr/local/etc/...) if it exists; else ragbackup/ragbackup.yaml in
 * $XDG_CONFIG_HOME or ~/.config.  State and socket without a configured
 * state_dir: for root /var/lib/ragbackup (macOS: /var/db/ragbackup) and
 * /run/ragbackup/control.sock (macOS: /var/run/...); else
 * ~/.local/state/ragbackup and control.sock in it.  A configured state_dir
 * holds control.sock itself, whoever runs.
 */
char *conf_default_path(void);
char *conf_default_socket(void);

#endif
