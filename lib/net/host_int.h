/*
 * host_int.h - the inside of a host, for the files of this room only.
 */
#ifndef NET_HOST_INT_H
#define NET_HOST_INT_H

#include "net/chan.h"
#include "net/envelope.h"
#include "net/host.h"

struct exec;
struct ssh;

/* What is under way on a host, so that host_free() can end it. */
struct host_item {
	struct host_item *prev, *next;
	void (*abandon)(struct host_item *);
};

struct host {
	struct env *env;
	char *name;
	const json_t *cfg;      /* NULL: this machine. */
	struct ssh *ssh;        /* The shared connection, NULL when none. */
	struct host_item items; /* A ring. */
};

void host_item_add(struct host *, struct host_item *);
void host_item_remove(struct host_item *);

/*
 * A channel that executes ${command}; ${is_reused} tells whether it rides on a
 * connection that was there before, and so may turn out to be dead.
 */
struct chan *host_exec(struct host *, const char *command, bool is_fresh,
    bool *is_reused, struct err *);
/* Use the shared connection no more: the next command makes a new one. */
void host_drop_connection(struct host *);
uv_loop_t *host_loop(const struct host *);

/*
 * Stop the processes of ${t}; ${fn} is called once, from the loop, unless the
 * host is freed before.
 */
struct host_kill;
struct host_kill *host_kill_start(struct host *, const struct envelope_target *,
    bool is_suspect, void (*)(void *, const struct err *), void *);

#endif
