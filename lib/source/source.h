/*
 * source.h - where the data comes from: one vtable for every kind.
 *
 * Knows: quiescing, capturing, resuming, artifacts, what is owed on a host.
 * Does not know: stores, the history, schedules, other runs.
 * Threads: loop thread only.
 *
 * Every operation starts always and answers exactly once by its callback, never
 * from within the call; one operation at a time, but source_note callbacks and
 * source_cancel come in between.  Every operation is idempotent: after a crash
 * it is called again on a source revived from what source_save() gave.
 *
 *	prepare  connect, repair what a dead run left, take the host lock, check
 *	quiesce  arm the dead-man's switch, then stop what must be still
 *	capture  point-in-time copy; valid only if the switch never fired
 *	resume   start exactly what ran; ends when each has been running 5 s
 *	probe    health of the services; may run beside the transfer
 *	next/open/end  artifacts, one after another, while services are up
 *	release  staging, lease, lock: nothing is left on the host
 *	undo     from any state: services back, copy thrown away, release
 */
#ifndef SOURCE_SOURCE_H
#define SOURCE_SOURCE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/block.h"
#include "base/env.h"
#include "base/err.h"
#include "net/host.h"
#include "net/http.h"

struct source;

/* What the daemon lends to a source; all borrowed for the source's life. */
struct source_env {
	struct env *env;
	struct http *http;
	const char *instance; /* This daemon's id, a UUID. */
	const char *run;      /* The run's UUID; names all it leaves. */
	const char *job;
	const json_t *cfg;      /* "source" of the frozen job. */
	const json_t *host_cfg; /* Frozen "hosts" entry; NULL: local. */
	const char *state_dir;  /* The daemon's; for local leases. */
	/* Something worth a line or a progress display. */
	void (*note)(void *arg, const char *text);
	/* A warning that belongs to the run's row. */
	void (*warn)(void *arg, const char *text);
	/* Bytes of the current operation, total -1 if unknown. */
	void (*progress)(void *arg, int64_t bytes, int64_t total);
	void *arg;
};

/* What is known after each operation; zero or NULL while unknown. */
struct source_facts {
	int64_t as_of_ms;    /* The instant the data stands for. */
	int64_t stop_ms;     /* Monotonic: first stop issued. */
	int64_t start_ms;    /* Monotonic: last start confirmed. */
	int64_t downtime_ms; /* Of them, or as the host measured it. */
	int64_t size_hint;   /* Bytes to capture; -1 unknown. */
	bool has_services;   /* Something was or will be stopped. */
	bool is_reboot_safe; /* An arm of the switch survives a reboot. */
	json_t *versions;    /* For snapshot.json; borrowed. */
	json_t *arms;        /* Which arms hold: array of words; borrowed. */
};

struct source_artifact {
	const char *name;  /* "lightrag-data.tar", without compression. */
	const char *kind;  /* "volume", "path", "rdb", ... */
	const char *of;    /* The volume's name, the path. */
	int64_t size_hint; /* -1: unknown. */
	bool is_tar;
	bool has_data_checks; /* LightRAG files inside must be well formed. */
	bool is_rereadable;   /* Can be opened again from the capture. */
	bool is_realtime;     /* The far side will not wait: spool it. */
	const json_t *extra;  /* Members for its entry in snapshot.json. */
};

/* What a restart does with a run that was in a state; see source_recover(). */
enum source_recovery {
	SOURCE_UNDO,    /* Services back, copy away, run failed. */
	SOURCE_RERUN,   /* The capture stands: RESUME if needed, then
				   TRANSFER from its start. */
	SOURCE_CONTINUE /* The far side still works on it. */
};

typedef void source_done_fn(void *arg, const struct err *);
typedef void source_recover_fn(void *arg, enum source_recovery,
    const struct err *);
/* ${json}: the probe's answer as it was, for the history; may be NULL. */
typedef void source_probe_fn(void *arg, const char *answer, int64_t healthy_ms,
    const struct err *);

struct source_ops {
	const char *type;
	struct source *(*create)(const struct source_env *, const json_t *saved,
	    struct err *);
	json_t *(*save)(struct source *);
	const struct source_facts *(*facts)(struct source *);
	void (*prepare)(struct source *, source_done_fn *, void *);
	void (*quiesce)(struct source *, source_done_fn *, void *);
	void (*capture)(struct source *, source_done_fn *, void *);
	void (*resume)(struct source *, source_done_fn *, void *);
	void (*probe)(struct source *, source_probe_fn *, void *);
	const struct source_artifact *(*artifact)(struct source *, size_t i);
	struct reader *(*open)(struct source *, size_t i, bool is_gzip,
	    int level, const char *const *tees);
	void (*end)(struct source *, size_t i, source_done_fn *, void *);
	void (*release)(struct source *, source_done_fn *, void *);
	void (*undo)(struct source *, source_done_fn *, void *);
	void (*cancel)(struct source *, source_done_fn *, void *);
	void (*recover)(struct source *, const char *state, source_recover_fn *,
	    void *);
	void (*free)(struct source *);
};

/* Embedded at the start of every implementation. */
struct source {
	const struct source_ops *ops;
	struct source_env env;
};

/**
 * source_new(senv, saved, e):
 * The source that ${senv}->cfg asks for.  ${saved}: NULL for a new run, or what
 * source_save() gave, to carry on or to settle a debt after a restart.
 */
struct source *source_new(const struct source_env *, const json_t *saved,
    struct err *);
void source_free(struct source *); /* No callback after; accepts NULL. */

/*
 * All that settling needs, without the process that made it: ids of what ran,
 * lock and lease names, staging.  Written into the history before QUIESCE.  A
 * new reference.
 */
json_t *source_save(struct source *);
const struct source_facts *source_facts(struct source *);
void source_prepare(struct source *, source_done_fn *, void *);
void source_quiesce(struct source *, source_done_fn *, void *);
void source_capture(struct source *, source_done_fn *, void *);
void source_resume(struct source *, source_done_fn *, void *);
void source_probe(struct source *, source_probe_fn *, void *);
/* Artifact ${i}, NULL past the last; known after capture; borrowed. */
const struct source_artifact *source_artifact(struct source *, size_t i);
/*
 * Its bytes; with ${is_gzip} compressed on the host at ${level} (1, 6, 9).
 * ${tees}: NULL, or paths of new files on the host ("~/": its home), NULL at
 * the end, into which the host writes the same bytes; only with ${is_gzip}.
 * One that cannot be written ends or spoils nothing else, and is not told here:
 * see store_adopt().
 */
struct reader *source_open(struct source *, size_t i, bool is_gzip, int level,
    const char *const *tees);
/* The stream's own verdict (an RDB's CRC); must pass before proof. */
void source_end(struct source *, size_t i, source_done_fn *, void *);
void source_release(struct source *, source_done_fn *, void *);
void source_undo(struct source *, source_done_fn *, void *);
/*
 * Make the operation under way stop: its own callback comes with ERR_CANCELED,
 * and after it ${fn}, when the far side has really stopped.  With none under
 * way ${fn} comes soon.  What must give back (resume, undo, release) is not
 * stopped.
 */
void source_cancel(struct source *, source_done_fn *, void *);
/* After a restart: what to do with a run whose last durable state was ${state}
 * ("PREPARE" ...). */
void source_recover(struct source *, const char *state, source_recover_fn *,
    void *);

#endif
