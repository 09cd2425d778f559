/*
 * hosted.h - a source whose work is done by shell scripts on a host: what
 * docker and directory have in common.
 *
 * Knows: verbs, their answers, the beat of the dead-man's switch, what has to
 * be remembered across a restart.  Does not know: what a kind's scripts do.
 * Threads: loop thread only.
 *
 * A verb is one host_run(): settings as quoted variables, the kind's scripts,
 * "verb_NAME".  It answers in lines of fields parted by tabs; "error CODE TEXT"
 * is how it fails.  What it tells is kept in ${st}, which is what
 * source_save() gives:
 *
 *	project, engine, image, tools, boot	as prepare found them
 *	mounts	[{n, kind, name, real, kib}]
 *	ran	[{id, service, name}], in the order in which they are stopped
 *	as_of_ms, stop_epoch, downtime_ms, arms, versions, step
 */
#ifndef SOURCE_HOSTED_H
#define SOURCE_HOSTED_H

#include "base/buf.h"
#include "source/source.h"

struct health;
struct hosted;
struct idle;

/* The first scripts of every kind are state, switch and verbs. */
#define HOSTED_COMMON_SCRIPTS 3

struct hosted_kind {
	const char *type;
	const char *const *scripts; /* NULL at the end. */
	/* Append the kind's own settings as "NAME=quoted" lines. */
	void (*settings)(struct hosted *, struct buf *);
};

/* Fields of one answered line; missing ones are "". */
#define HOSTED_FIELDS 8

struct hosted_verb {
	const char *name;
	const char *extra; /* More settings; NULL for none. */
	int64_t deadline_ms;
	bool is_fresh;  /* Over a new connection. */
	bool is_common; /* Needs only the scripts all kinds have. */
};

typedef void hosted_next_fn(struct hosted *, const struct err *);

struct hosted {
	struct source src;
	const struct hosted_kind *kind;
	struct host *host;
	json_t *st;
	struct source_facts facts;
	struct source_artifact artifact; /* The one last asked for. */
	char *artifact_name;
	json_t *artifact_extra;

	/* The operation under way. */
	source_done_fn *fn;
	void *arg;
	struct host_run *run;
	hosted_next_fn *next; /* After the verb's answer. */
	bool is_giving_back;  /* A cancel does not stop it. */
	bool is_stopping;     /* Its script is being ended. */
	struct err verb_err;  /* Its "error" line. */
	const char *verb;
	struct idle *idle;
	struct defer *defer;
	struct defer *cancel_defer;
	source_done_fn *cancel_fn;
	void *cancel_arg;
	source_recover_fn *recover_fn;
	void *recover_arg;
	struct err op_err;

	/* Signs of life, and the limit on the downtime. */
	struct env_timer *beat_timer;
	struct host_run *beat_run;
	uint64_t beats;
	struct env_timer *budget_timer;
	bool is_over_budget;

	struct health *health; /* Beside everything else. */
};

struct source *hosted_new(const struct hosted_kind *, const struct source_ops *,
    const struct source_env *, const json_t *saved, struct err *);
struct hosted *hosted_of(struct source *);

/* The machinery, for the operations. */
void hosted_begin(struct hosted *, source_done_fn *, void *, bool gives_back);
void hosted_end(struct hosted *, const struct err *);
void hosted_call(struct hosted *, const struct hosted_verb *, hosted_next_fn *);
void hosted_script(struct hosted *, const struct hosted_verb *, struct buf *);
void hosted_beat_start(struct hosted *);
void hosted_beat_stop(struct hosted *);
void hosted_stop_budget(struct hosted *);
void hosted_note(struct hosted *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
void hosted_warn(struct hosted *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/* hosted_answer.c: one line, one note of a verb; facts after the last line. */
void hosted_line(struct hosted *, char *line);
void hosted_remark(struct hosted *, const char *note);
void hosted_facts(struct hosted *);

/* hosted_ops.c: the operations of the vtable. */
json_t *hosted_save(struct source *);
const struct source_facts *hosted_facts_of(struct source *);
void hosted_prepare(struct source *, source_done_fn *, void *);
void hosted_quiesce(struct source *, source_done_fn *, void *);
void hosted_capture(struct source *, source_done_fn *, void *);
void hosted_resume(struct source *, source_done_fn *, void *);
void hosted_release(struct source *, source_done_fn *, void *);
void hosted_undo(struct source *, source_done_fn *, void *);
void hosted_cancel(struct source *, source_done_fn *, void *);
void hosted_recover(struct source *, const char *, source_recover_fn *, void *);
void hosted_free(struct source *);

/* hosted_read.c: artifacts and their bytes. */
const struct source_artifact *hosted_artifact(struct source *, size_t);
struct reader *hosted_open(struct source *, size_t, bool, int,
    const char *const *);
void hosted_finish(struct source *, size_t, source_done_fn *, void *);

/* health.c: one at a time, which may run beside an operation. */
void health_probe(struct source *, source_probe_fn *, void *);
/* Its own callback comes with ERR_CANCELED, soon; nothing when none runs. */
void health_cancel(struct hosted *);
/* No callback any more. */
void health_free(struct hosted *);

extern const struct source_ops docker_ops;
extern const struct source_ops directory_ops;

#endif
