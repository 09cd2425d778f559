/*
 * out.h - one way to print what a command answered, two forms.
 *
 * Handlers return values; these print them: text for people (local times,
 * units, colour on a terminal unless NO_COLOR is set) or JSON for programs
 * (RFC 3339 UTC, bytes, milliseconds, sorted members).
 * Threads: one.
 */
#ifndef CTL_OUT_H
#define CTL_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/err.h"
#include "wire/ctl_cmds.h"

struct words;

struct out {
	const struct out_ops *ops;
	FILE *to;
	FILE *err_to;
	bool has_color;
	int64_t now_ms;
};

struct out_ops {
	/* The whole answer: an object, or an array of a MANY command. */
	void (*answer)(struct out *, const struct words *, const json_t *);
	void (*error)(struct out *, const struct err *);
};

extern const struct out_ops out_text;
extern const struct out_ops out_json;

/* Whether ${fd} is a terminal that can be drawn on, and may be coloured. */
bool out_can_draw(int fd);
bool out_wants_color(int fd);

/* The parts of out_text: each appends the whole text of an answer. */
void text_status(struct out *, struct buf *, const json_t *);
void text_history(struct out *, struct buf *, const json_t *);
void text_show(struct out *, struct buf *, const json_t *);
void text_snapshots(struct out *, struct buf *, const json_t *);
/* A run that has just ended, in a few lines. */
void text_run(struct out *, struct buf *, const json_t *);

/* What a task found, whatever it is of; false when ${run} is none. */
bool text_results(struct out *, struct buf *, const json_t *run);

/* A member in bytes, as people read it; "-" where there is none. */
const char *text_size(const json_t *, const char *key, char *out, size_t size);

enum text_style { TEXT_PLAIN, TEXT_BOLD, TEXT_GOOD, TEXT_WARN, TEXT_BAD };
/* Append ${s} in a colour, when there are colours. */
void text_styled(const struct out *, struct buf *, enum text_style,
    const char *);
/* How a state or verdict is coloured. */
enum text_style text_style_of(const char *state);

#endif
