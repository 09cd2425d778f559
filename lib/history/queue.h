/*
 * queue.h - requests to the history's thread and their answers.
 *
 * Knows: order, threads, transactions.  Does not know: what is asked.
 * Threads: history_ask() the loop's; an operation runs on the history's.
 */
#ifndef HISTORY_QUEUE_H
#define HISTORY_QUEUE_H

#include "history/db.h"
#include "history/history.h"

/* What an operation yields besides success. */
struct history_answer {
	int64_t id;
	json_t *value;
};

struct history_op {
	const char *what; /* For errors: "add a run". */
	bool is_write;    /* Runs in one transaction. */
	int (*fn)(struct db *, const json_t *args, struct history_answer *,
	    struct err *);
};

/* At most one is set; none: nobody wants to know. */
struct history_reply {
	history_done_fn *done;
	history_id_fn *id;
	history_json_fn *json;
	void *arg;
};

#define HISTORY_DONE(fn, arg) ((struct history_reply){ fn, NULL, NULL, arg })
#define HISTORY_ID(fn, arg) ((struct history_reply){ NULL, fn, NULL, arg })
#define HISTORY_JSON(fn, arg) ((struct history_reply){ NULL, NULL, fn, arg })

/* ${args} is taken over. */
void history_ask(struct history *, const struct history_op *, json_t *args,
    struct history_reply);
int64_t history_now_ms(struct history *);

#endif
