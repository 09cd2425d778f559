/*
 * daemon.h - the parts of ragbackupd and who owns them.
 *
 * Threads: loop thread only.
 */
#ifndef DAEMON_DAEMON_H
#define DAEMON_DAEMON_H

#include <stdbool.h>
#include <uv.h>

#include "base/env.h"
#include "base/err.h"
#include "base/work.h"
#include "conf/conf.h"
#include "history/history.h"
#include "net/http.h"
#include "store/store.h"

struct control;
struct runner;
struct scheduler;

struct daemon {
	uv_loop_t *loop;
	struct env *env;
	struct work_pool *pool;
	struct http *http;
	struct conf *conf; /* The newest good one. */
	char *conf_path;
	struct history *history;
	struct runner *runner;
	struct scheduler *scheduler;
	struct control *control;
	int64_t started_ms;
	bool is_stopping;
};

/**
 * daemon_new(loop, conf, conf_path, threads, e):
 * Open the history, make all parts, listen on the control socket.  Blocks;
 * before the loop runs.  ${conf} is referenced, ${conf_path} copied.
 */
struct daemon *daemon_new(uv_loop_t *, struct conf *, const char *conf_path,
    unsigned threads, struct err *);
/* Close all parts; the runner has stopped.  Then run the loop to its end. */
void daemon_close(struct daemon *);
void daemon_free(struct daemon *);

/*
 * Store ${name} of ${root}, which has sections "stores" and "hosts": a
 * configuration, or what conf_freeze() made of it; borrowed for its life.
 */
struct store *daemon_store(struct daemon *, const json_t *root,
    const char *name, struct err *);

/*
 * Re-open the log; read the configuration again, aside, swap it in when it is
 * good and tell the scheduler.  A bad one changes nothing and is the error.
 */
typedef void daemon_done_fn(void *arg, const struct err *);
void daemon_reload(struct daemon *, daemon_done_fn *, void *);

#endif
