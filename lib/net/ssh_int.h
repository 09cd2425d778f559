/*
 * ssh_int.h - the inside of a connection, for the files ssh_*.c only.
 *
 * ssh.c and ssh_chan.c are the loop's side; ssh_thread.c and what it calls
 * (ssh_connect.c, ssh_recv.c, ssh_auth.c, ssh_serve.c) run on the connection's
 * thread.
 * Every field below says whose it is; "shared" ones are under ${lock}.
 */
#ifndef NET_SSH_INT_H
#define NET_SSH_INT_H

#include <libssh2.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <uv.h>

#include "base/block.h"
#include "base/err.h"
#include "net/chan.h"
#include "net/ssh.h"
#include "net/ssh_conf.h"
#include "net/ssh_known.h"

/* Blocks that wait for the loop, for each stream of a channel. */
#define SSH_QUEUE 8
#define SSH_READ_SIZE ((size_t)64 * 1024)
/* Larger windows and packets were measured to be slower. */
#define SSH_WINDOW (2 * 1024 * 1024)
#define SSH_PACKET 32768
/* A connection without channels closes itself. */
#define SSH_IDLE_MS 60000

struct ssh_queue {
	struct block *blocks[SSH_QUEUE];
	unsigned first, n;
	bool is_over; /* The far side ended it. */
};

/* What the thread does next for a channel; each may have to be repeated. */
enum ssh_step {
	SSH_STEP_OPEN,
	SSH_STEP_EXEC,
	SSH_STEP_SERVE,
	SSH_STEP_FREE, /* Being given back to libssh2. */
	SSH_STEP_GONE
};

struct ssh_chan {
	struct chan chan;
	struct ssh *ssh;
	struct ssh_chan *next; /* Shared. */
	char *command;         /* Constant. */
	/* The loop's. */
	struct {
		reader_fn *fn;
		void *arg;
	} want[2];
	chan_done_fn *write_fn, *shut_fn;
	void *write_arg, *shut_arg;
	/* Shared. */
	struct ssh_queue queue[2];
	struct block *write; /* To be written; NULL: nothing. */
	bool is_written;     /* The answer to a write is due. */
	bool wants_shut, is_shut;
	bool is_closed; /* By its owner. */
	bool is_gone;   /* The thread knows it no more. */
	struct err err; /* It failed, the connection lives on. */
	struct chan_exit exit;
	/* The thread's. */
	LIBSSH2_CHANNEL *ch;
	enum ssh_step step;
	size_t write_at;
	struct block *room[2];
	bool is_eof_sent;
	/* Either's. */
	atomic_uint_fast64_t moved;
};

struct ssh {
	/* The loop's. */
	uv_loop_t *loop;
	uv_async_t async;
	uv_thread_t thread;
	unsigned refs;
	bool is_joined;
	bool is_delivering;
	/* Constant. */
	struct ssh_conf *conf;
	int wake[2]; /* The loop writes, the thread polls. */
	uv_mutex_t lock;
	/* Shared. */
	struct ssh_chan *chans;
	bool is_stopping; /* Nobody wants it any more. */
	bool has_failed;  /* With ${err}; also when it was closed. */
	bool is_finished; /* The thread's last word. */
	bool is_connected;
	struct err err;
	/* The thread's. */
	int fd;
	LIBSSH2_SESSION *session;
	struct known known;
	int64_t until_ms;         /* Of connecting; see ssh_now_ms(). */
	struct ssh_chan *opening; /* libssh2 opens one at a time. */
	struct ssh_chan *stuck; /* Whose packet is half sent, if any's: only */
	int stuck_op;           /* this operation may go on. */
	bool wants_in, wants_out;
	unsigned spins; /* Waits in a row that were none. */
	int64_t keepalive_at_ms;
	unsigned unanswered; /* Keepalives since it was last heard. */
	int64_t idle_since_ms;
};

/* Tell the thread that something changed. */
void ssh_wake(struct ssh *);
int64_t ssh_now_ms(void);

extern const struct chan_ops ssh_chan_ops;
/* The loop: answer one callback that is due; false when none is. */
bool ssh_chan_deliver(struct ssh *);
void ssh_chan_free(struct ssh_chan *);

void ssh_thread(void *);
/*
 * The thread: wait until the socket is ready as libssh2 wants it, or the time
 * to connect is over, or nobody wants the connection.  0: call again.
 */
int ssh_again(struct ssh *, struct err *);
/* Whether its owners have let go of it; any thread. */
bool ssh_is_unwanted(struct ssh *);
/* A session that reads as ssh_recv.c says; NULL: no memory. */
LIBSSH2_SESSION *ssh_session_new(struct ssh *);
/* The last error of libssh2 in words. */
const char *ssh_why(struct ssh *);
/* The connection is over; the first reason stays. */
void ssh_fail(struct ssh *, const struct err *);
int ssh_connect(struct ssh *, struct err *);
int ssh_auth(struct ssh *, struct err *);
/* What the thread asks libssh2 to do for a channel; each may say "again". */
enum ssh_op {
	SSH_OP_OPEN,
	SSH_OP_EXEC,
	SSH_OP_READ_OUT,
	SSH_OP_READ_ERR,
	SSH_OP_WRITE,
	SSH_OP_EOF,
	SSH_OP_FREE
};
/* What came of it; FAIL: the connection is lost. */
enum ssh_did { SSH_DID_NOTHING, SSH_DID_SOME, SSH_DID_FAIL };
enum ssh_did ssh_op(struct ssh *, struct ssh_chan *, enum ssh_op);
/* The connection was lost while doing ${what}; returns SSH_DID_FAIL. */
enum ssh_did ssh_lost(struct ssh *, const char *what);
void ssh_serve(struct ssh *);
void ssh_disconnect(struct ssh *, bool is_alive);

/* What a private key's file tells without its passphrase. */
struct ssh_key_facts {
	bool is_encrypted;
	bool is_rsa;
	bool is_private_key;
};
void ssh_key_inspect(const char *text, struct ssh_key_facts *);

#endif
