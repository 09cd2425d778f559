/*
 * envelope.h - what is put around a script on its way to a host, and how its
 * output is found again in what comes back.
 *
 * To the host: one constant command; then, on its standard input, the length
 * of the wrapped script, the script, a line "go", and the script's own input.
 * From the host: noise of the login shell, the begin marker with the process
 * id, the payload, the end marker with the exit status; the markers hold a
 * random number.  The script starts only after "go", which is sent only once
 * the begin marker was seen: a script whose process we do not know has done
 * nothing, so it may be sent again, and needs no killing.
 * Knows: bytes.  Does not know: channels.  Threads: any; one owner.
 */
#ifndef NET_ENVELOPE_H
#define NET_ENVELOPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/block.h"
#include "base/buf.h"
#include "base/env.h"
#include "base/err.h"
#include "net/host.h"

/*
 * Parsed by whatever the login shell is; dd reads not a byte too many, which
 * the shell's own buffers or head might.
 */
#define ENVELOPE_COMMAND                                                       \
	"exec sh -c 'IFS= read -r n && s=$(dd ibs=1 obs=4096 "                 \
	"count=\"$n\" 2>/dev/null; printf x) && eval \"${s%x}\"'"
#define ENVELOPE_GO "go\n"

/* Which processes make up the script. */
struct envelope_target {
	long pid;      /* 0: unknown, the script has not begun. */
	bool is_group; /* It leads a process group; else it is the
				   root of a tree. */
};

enum envelope_state { ENVELOPE_NOISE, ENVELOPE_PAYLOAD, ENVELOPE_DONE };

struct envelope {
	char nonce[33];
	enum envelope_state state;
	struct envelope_target target;
	int status;       /* When DONE. */
	size_t noise;     /* Bytes before the begin marker. */
	struct buf held;  /* Standard output that may be a marker. */
	struct buf line;  /* Standard error's unfinished line. */
	struct buf tail;  /* Its last lines. */
	bool is_err_done; /* Its end mark was seen. */
};

void envelope_init(struct envelope *, struct env *);
void envelope_done(struct envelope *);
/* All that goes to standard input before "go". */
void envelope_wrap(const struct envelope *, const char *script, struct buf *);
/**
 * envelope_out(v, b, payload, e):
 * Take the block ${b} of standard output over.  ${payload} becomes the payload
 * in it, NULL if none.  Once the end marker is the last that came, the state is
 * ENVELOPE_DONE.  -1 for an output that cannot be ours.
 */
int envelope_out(struct envelope *, struct block *, struct block **,
    struct err *);
/* The same for standard error: notes go to ${fn}, which may be NULL. */
void envelope_err(struct envelope *, struct block *, host_note_fn *, void *);
/* What standard error's end says, as one line; the unfinished line too. */
void envelope_err_text(const struct envelope *, struct buf *);

#endif
