/*
 * upload_int.h - what the files of upload.h share.
 *
 * upload.c moves an upload along, upload_end.c ends it, upload_part.c cuts and
 * plans its parts, upload_digest.c reads them on the pool, upload_crc32c.c is
 * one digest.
 * Threads: loop thread only, but upload_digest_part() runs on the pool.
 */
#ifndef STORE_UPLOAD_INT_H
#define STORE_UPLOAD_INT_H

#include <stdatomic.h>

#include "store/upload.h"

struct upload_digest;

/*
 *	CUT --pool--> READ --ops--> SENT --answer--> gone
 */
enum piece_state { PIECE_CUT, PIECE_READ, PIECE_SENT };

/* A part that is not in the store yet. */
struct upload_piece {
	struct upload_part part; /* First. */
	struct upload_piece *next;
	enum piece_state state;
	int64_t planned; /* Its size when full. */
	size_t room;     /* Of part.blocks. */
};

enum upload_state { UPLOAD_OPEN, UPLOAD_FINISHING, UPLOAD_ABORTED };

/* What is asked of the backend once for all. */
enum upload_step { STEP_NONE, STEP_ASKED, STEP_DONE };

struct upload_work {
	enum upload_state state;
	store_ready_fn *ready;
	void *ready_arg;
	store_put_fn *fn;
	void *arg;
	int64_t deadline_ms;
	struct env_timer *timer; /* Of the deadline, then of the abort. */
	struct err err;
	bool has_failed, is_waiting, is_answered;

	struct upload_piece *filling;
	struct upload_piece *first, **last; /* Cut, by number. */
	size_t npieces;                     /* Of these. */
	unsigned ncut;
	struct upload_part *done; /* In the store, by number. */
	size_t ndone, done_room;
	int64_t done_bytes;

	enum upload_step begin, end, abort; /* "end": put or complete. */

	struct work job;
	bool is_reading;
	struct upload_piece *read; /* By the job. */
	struct upload_digest *digest;
	atomic_bool is_given_up;
};

/* upload_end.c */
/* How long finish waits for the abort of what failed. */
#define UPLOAD_ABORT_WAIT_MS 15000
/* Those that end it may free ${u}. */
void upload_answer(struct upload *, const struct store_proof *);
void upload_fail(struct upload *, const struct err *);
/* Nothing more is sent. */
void upload_stop(struct upload *);
/* Once it is stopped: is there anything left to wait for, or to do? */
void upload_settle(struct upload *);
bool upload_is_settled(const struct upload *);
void upload_on_timer(void *upload);

/* upload_part.c */
/* Take ${b} into the parts; -1: it cannot be done. */
int upload_cut(struct upload *, struct block *, struct err *);
/* What is left is the last part, an empty one if there was nothing. */
void upload_cut_last(struct upload *);
bool upload_is_full(const struct upload_piece *);
void upload_piece_free(struct upload_piece *); /* Accepts NULL. */
/* Take it out of the list; it is the caller's. */
void upload_piece_take(struct upload *, struct upload_piece *);
/* Remember what complete() wants to know of it. */
void upload_piece_keep(struct upload *, const struct upload_piece *);

/* upload_digest.c */
struct upload_digest *upload_digest_new(const struct upload_ops *);
void upload_digest_free(struct upload_digest *); /* Accepts NULL. */
/* Those of ${p}, and when it is the last one those of ${u}; on any thread,
 * part after part.  Ends early when ${is_given_up}. */
void upload_digest_part(struct upload_digest *, struct upload *,
    struct upload_part *, atomic_bool *is_given_up);

#endif
