/*
 * backup_int.h - what the files of the backup machine share.
 */
#ifndef DAEMON_JOB_BACKUP_INT_H
#define DAEMON_JOB_BACKUP_INT_H

#include "base/work.h"
#include "catalog/catalog.h"
#include "catalog/catalog_copy.h"
#include "daemon.h"
#include "job/backup.h"
#include "job/sm.h"
#include "snapshot/describe.h"
#include "snapshot/manifest.h"
#include "source/source.h"
#include "store/store.h"
#include "stream/stream.h"

#define TO(s) (UINT64_C(1) << BACKUP_##s)

/*
 * One row a state: name, where it may move, its step, what a restart does with
 * it, flags.  The table is laid out for reading.
 */
/* clang-format off */
#define BACKUP_STATES(X)						\
	X(QUEUED,   TO(PREPARE) | TO(UNDO) | TO(CANCELED) | TO(FAILED),	\
	    NULL,            SM_QUEUE_AGAIN, 0)				\
	X(PREPARE,  TO(QUIESCE) | TO(UNDO),				\
	    backup_prepare,  SM_UNDO,        0)				\
	X(QUIESCE,  TO(CAPTURE) | TO(UNDO),				\
	    backup_quiesce,  SM_UNDO,        0)				\
	X(CAPTURE,  TO(RESUME) | TO(UNDO),				\
	    backup_capture,  SM_UNDO,        0)				\
	X(RESUME,   TO(RESUME) | TO(TRANSFER) | TO(UNDO),		\
	    backup_resume,   SM_ASK_SOURCE,  SM_GIVES_BACK)		\
	X(TRANSFER, TO(RESUME) | TO(DONE) | TO(PARTIAL) | TO(UNDO),	\
	    backup_transfer, SM_ASK_SOURCE,  0)				\
	X(UNDO,     TO(UNDO) | TO(FAILED) | TO(CANCELED),		\
	    backup_undo,     SM_UNDO,        SM_GIVES_BACK)		\
	X(DONE,     0,							\
	    backup_close,    SM_CLOSED,      SM_GIVES_BACK | SM_FINAL)	\
	X(PARTIAL,  0,							\
	    backup_close,    SM_CLOSED,      SM_GIVES_BACK | SM_FINAL)	\
	X(FAILED,   0,							\
	    backup_close,    SM_CLOSED,      SM_GIVES_BACK | SM_FINAL)	\
	X(CANCELED, 0,							\
	    backup_close,    SM_CLOSED,      SM_GIVES_BACK | SM_FINAL)
/* clang-format on */

enum backup_state {
#define BACKUP_ENUM(name, to, step, restart, flags) BACKUP_##name,
	BACKUP_STATES(BACKUP_ENUM)
#undef BACKUP_ENUM
	    BACKUP_STATE_COUNT
};

/* When the configuration does not say: a week. */
#define GC_AGE_MS INT64_C(604800000)

enum leg_state {
	LEG_SENDING,
	LEG_WAITING, /* Was too slow: fed from another that is sealed. */
	LEG_PROVING,
	LEG_SEALING,
	LEG_SEALED,
	LEG_PRUNED,
	LEG_DROPPED,
	LEG_STATE_COUNT
};

/* One store of the run. */
struct leg {
	struct backup *b;
	struct store *store; /* Opened for this run; NULL: could not be. */
	const char *name;
	const json_t *cfg; /* {"store", "keep"} of the job. */
	enum leg_state state;
	bool is_busy; /* An operation is under way. */
	bool is_claimed;
	bool is_swept;     /* Of a dead daemon's half-written files. */
	bool is_collected; /* Claims that nobody wrote down. */
	struct err err;    /* Why it was dropped, or waits. */
	bool was_sink;     /* Of the artifact that has just ended. */
	bool is_fed;       /* Not by the stream: see backup_feed.c. */
	struct catalog_copy *feed;
	struct catalog_prove *prove;
	size_t fed_from; /* The next leg to be asked. */
	char *place; /* On its own host, where a script writes the artifact. */
	int64_t bytes; /* Stored in it. */
	size_t extra;  /* Of README.md, snapshot.json: put so far. */
	struct store_proof *proofs; /* Of the run's files, as sent. */
	size_t nproofs;
	struct catalog_file *files; /* For PROVING. */
};

struct backup {
	struct run run; /* First. */
	struct sm sm;
	struct conf *conf; /* Of the start: what the source borrows. */
	struct source_env senv;
	struct source *source;
	struct leg *legs;
	size_t nlegs;
	char id[SNAPSHOT_ID_MAX];
	struct manifest *manifest;
	int64_t *sizes; /* Of the manifest's entries as added. */
	char **names;
	size_t nfiles;
	json_t *artifacts;   /* For snapshot.json. */
	char *extra_text[2]; /* README.md, snapshot.json. */
	size_t extra_len[2];
	struct stream *stream;
	size_t artifact; /* The one that is sent. */
	char *artifact_key;
	unsigned tries;                   /* Of the present artifact. */
	struct err check;                 /* What its data checks found. */
	size_t adopting;                  /* Stores that take over a file. */
	int64_t bytes_read, bytes_stored; /* Of finished artifacts. */
	int64_t total_hint;
	struct env_timer *tick; /* Progress of the stream. */
	struct env_timer *timeout;
	struct work disk_work;
	int64_t disk_free;
	struct err disk_err;
	bool is_probing;
	bool is_unhealthy;
	struct err health_err;
	char *health;        /* The probe's answer. */
	int64_t healthy_ms;  /* -1: unknown. */
	bool is_stream_busy; /* A stream, or its end, is awaited. */
	bool is_sent_again;  /* From its start, for who waited. */
	bool is_stopping;    /* TRANSFER ends early: waits for the legs. */
	bool is_source_busy;
	bool is_source_canceling;
	bool is_past_legs; /* All legs are final. */
	/* A sealed run whose services may be down: it ends with source_undo. */
	bool must_give_back;
	bool is_recovering;  /* Of a revived run: nothing is begun yet. */
	bool is_stop_wanted; /* Asked for meanwhile. */
	unsigned seal_reads;
	struct env_timer *seal_timer;
	void (*on_legs_settled)(struct backup *);
	struct err error; /* First cause; ERR_NONE if none. */
	json_t *warnings;
	int64_t debt_staging, debt_services;
	int64_t downtime_ms;
	enum sm_restart restart;
	bool is_revived;
	char *was_state; /* Of a revived run. */
	json_t *last;    /* What the row says in the end. */
};

/* backup.c */
/* Open the source: afresh, or as ${saved} says. */
int backup_source_open(struct backup *, const json_t *saved, struct err *);
void backup_arm_timeout(struct backup *);
/* Go to the UNDO of a run that could not even begin. */
void backup_refuse(struct backup *, const struct err *);
/* Remember the first cause, in the history too. */
void backup_blame(struct backup *, const struct err *);
void backup_warn(struct backup *, const char *, ...)
    __attribute__((format(printf, 2, 3)));
/* Remember the first cause and leave the present state for UNDO; in TRANSFER
 * first end what runs. */
void backup_fail(struct backup *, const struct err *);
void backup_set(struct backup *, json_t *taken);
bool backup_is_sealed_anywhere(const struct backup *);
/* Some store is neither sealed nor dropped. */
bool backup_is_sending(const struct backup *);
/* Sealed somewhere: no UNDO any more. */
bool backup_must_keep(const struct backup *);
/* End such a run: what is left is dropped. */
void backup_end_sealed(struct backup *);
void backup_save_downtime(struct backup *);
/* At once: a crash after it must not lose the cause. */
void backup_save_error(struct backup *);
int backup_find_state(const char *);

/* backup_cancel.c */
int backup_cancel(struct run *, const struct err *, struct err *why);
void backup_on_timeout(void *);
/* backup_revive.c */
void backup_start_revived(struct backup *);
/* backup_steps.c */
void backup_prepare(void *);
void backup_quiesce(void *);
void backup_capture(void *);
void backup_resume(void *);
/* backup_transfer.c */
void backup_transfer(void *);
void backup_transfer_stop(struct backup *);
/* Why there is no store left. */
void backup_blame_first_leg(struct backup *, struct err *);
/* Called whenever something of TRANSFER has ended. */
void backup_transfer_check(struct backup *);
/* backup_send.c */
void backup_send_next(struct backup *);
void backup_on_tick(void *);
/* backup_feed.c */
/* Some store is being fed, or will be, or is sent to anew; what nobody can
 * feed is dropped. */
bool backup_feed(struct backup *);
void backup_feed_stop(struct backup *);
/* backup_describe.c */
void backup_describe(struct backup *);
void backup_add_file(struct backup *, const char *name, int64_t size,
    const char *sha256);
/* backup_undo.c */
void backup_undo(void *);
void backup_close(void *);
void backup_settle(struct backup *, int64_t *debt);
/* backup_leg.c */
/* -1 when none can be opened; those that cannot are dropped, or, of a revived
 * run, have no store and say why. */
int backup_legs_open(struct backup *, struct err *);
void backup_legs_free(struct backup *);
/* What a dead daemon's row says of each store. */
void backup_legs_revive(struct backup *, const json_t *row);
/* Find out by reading which of them a dead daemon sealed. */
void backup_legs_settle(struct backup *, void (*)(struct backup *));
/* Remove what it left half-written under this run's claim, then ${fn}. */
void backup_legs_sweep(struct backup *, void (*)(struct backup *));
void leg_drop(struct leg *, const struct err *);
/* It was too slow for the stream. */
void leg_wait(struct leg *, const struct err *);
/* Sealed: now its retention. */
void leg_sealed(struct leg *);
/* Rows and warnings for what catalog_prune() or _collect() answered. */
void leg_log_deleted(struct leg *, const json_t *list, const char *why);
void leg_move(struct leg *, enum leg_state);
bool leg_is_final(const struct leg *);
bool leg_is_sealed(const struct leg *);
const char *leg_word(enum leg_state);
int leg_find_state(const char *);
void leg_sent(struct leg *, const struct store_proof *);
/* All artifacts are in: README.md, snapshot.json, proof, seal, prune. */
void leg_finish(struct leg *);
/* Reading back may take hours: nobody waits for it who wants to end. */
void leg_stop_proving(struct leg *);

#endif
