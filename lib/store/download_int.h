/*
 * download_int.h - what the files of download.h share.
 *
 * download.c plans spans of an object and hands their bytes on in order,
 * download_range.c gets one span, download_answer.c judges what came of it.
 * Threads: loop thread only.
 */
#ifndef STORE_DOWNLOAD_INT_H
#define STORE_DOWNLOAD_INT_H

#include "base/defer.h"
#include "store/download.h"

#define SPAN_SIZE ((int64_t)4 << 20)
/* Of objects of this size fewer spans, and longer ones, are under way. */
#define LARGE_SIZE ((int64_t)64 << 20)
#define LARGE_SPAN_SIZE ((int64_t)8 << 20)
#define LARGE_SPANS 3

/* A piece of the object; nothing of it is handed on before all of it is here
 * and the answers were about just these bytes. */
struct span {
	struct download *d;
	struct span *next;
	int64_t from, to;        /* Inclusive. */
	int64_t at;              /* The next byte that is to come. */
	int64_t asked, asked_to; /* By the call. */
	struct cloud_call *call;
	struct env_timer *timer; /* Before the next call. */
	unsigned tries;          /* Without progress; */
	int64_t stuck_ms;        /* since when. */
	struct block **blocks;
	size_t first, nblocks, room;
	bool is_done;
	/* The store sends the whole object, whatever it is asked for: handed on
	 * as it comes, and made to wait. */
	bool is_whole, is_paused;
};

struct download {
	struct reader base; /* First. */
	struct cloud *cloud;
	const struct download_ops *ops;
	char *key;
	int64_t from, end; /* From here until before there; INT64_MAX: all. */
	int64_t size;      /* Of the object; -1: not known yet. */
	char version[192]; /* With it; "": the store does not tell. */
	int64_t next;      /* What no span has been made for. */
	struct span *head, **tail;
	size_t nspans;
	struct defer *wake;
	struct err err;
	reader_fn *fn; /* Of the read under way. */
	void *arg;
};

/* download.c */
/* Something came, ended or failed: look at it soon. */
void download_wake(struct download *);
/* The first failure counts; returns -1. */
int download_fail(struct download *, enum err_code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* download_range.c */
struct span *span_new(struct download *, int64_t from, int64_t to);
void span_free(struct span *);
void span_ask(struct span *);
/* Forget what came of it. */
void span_drop(struct span *);
/* The first block, NULL if none is to be had. */
struct block *span_take(struct span *);

/* download_answer.c */
/* It is over with a call: done, asked for again, or the download failed. */
void span_answered(struct span *, const struct http_answer *);
void span_failed(struct span *, const struct http_answer *, const struct err *);

#endif
