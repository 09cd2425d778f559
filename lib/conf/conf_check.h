/*
 * conf_check.h - one pass over a tree: nodes in, checked JSON and faults out.
 *
 * Internal to the room.  Threads: any; one pass has one owner.
 */
#ifndef CONF_CONF_CHECK_H
#define CONF_CONF_CHECK_H

#include "base/buf.h"
#include "conf/conf_schema.h"

struct conf_check {
	char *base; /* Its folder, absolute. */
	char *home; /* NULL when nobody knows. */
	const struct conf_node *root;
	struct conf_faults *faults;
	struct buf key;  /* "jobs.lightrag.source" while walking. */
	bool is_remote;  /* Inside a source that names a host. */
	bool with_files; /* Look at key and secret files. */
};

/* A fault at ${n} (NULL: no place) with the current key in front. */
void conf_check_fault(struct conf_check *, const struct conf_node *,
    const char *, ...) __attribute__((format(printf, 3, 4)));
/* A fault at ${n} of ${key} below the current one; "" is the current. */
void conf_check_fault_key(struct conf_check *, const struct conf_node *,
    const char *key, const char *, ...) __attribute__((format(printf, 4, 5)));
/* Step into a key and back: the length to return to. */
size_t conf_check_enter(struct conf_check *, const char *name);
size_t conf_check_enter_index(struct conf_check *, size_t);
void conf_check_leave(struct conf_check *, size_t was);

/* conf_value.c: a text by its type; NULL with a fault added. */
json_t *conf_value(struct conf_check *, const struct conf_row *,
    const struct conf_node *);
/* A plain text as YAML 1.2 would type it, for free members. */
json_t *conf_value_free(const struct conf_node *);
/* "'text'", shortened for a message; valid until the next but three call. */
const char *conf_show(const char *);
/* " (did you mean 'x'?)" or "". */
const char *conf_hint(const char *word, const char *const *words, size_t n);

/* conf_path.c: absolute, "~" expanded, "." and "//" gone; NULL: no home. */
char *conf_path_local(const struct conf_check *, const char *);
char *conf_path_home(void);
/* The folder of ${path}, absolute. */
char *conf_path_folder(const char *path);

/* conf_walk.c: the whole tree by conf_schema. */
json_t *conf_walk(struct conf_check *);

/* conf_rules_store.c */
void conf_rules_rates(struct conf_check *, const struct conf_node *, json_t *);
void conf_rules_azure(struct conf_check *, const struct conf_node *, json_t *);
void conf_rules_s3(struct conf_check *, const struct conf_node *, json_t *);
void conf_rules_gcs(struct conf_check *, const struct conf_node *, json_t *);

/* conf_rules.c */
void conf_rules_keep(struct conf_check *, const struct conf_node *, json_t *);
void conf_rules_docker(struct conf_check *, const struct conf_node *, json_t *);
void conf_rules_deadman(struct conf_check *, const struct conf_node *,
    json_t *);
void conf_rules_schedule(struct conf_check *, const struct conf_node *,
    json_t *);
void conf_rules_job(struct conf_check *, const struct conf_node *, json_t *);
void conf_rules_daemon(struct conf_check *, const struct conf_node *, json_t *);

#endif
