/*
 * suite.h - what must hold of every store, tried on one that a configuration
 * describes.
 *
 * Knows: store.h, and that bytes can be made from a seed and a place, so that
 * any range of any object can be compared without keeping it.  Does not know:
 * backends.
 * Threads: one; each act_* call runs the loop until its answer has come.
 */
#ifndef TEST_SUITE_SUITE_H
#define TEST_SUITE_SUITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/env.h"
#include "base/mem.h"
#include "base/work.h"
#include "conf/conf.h"
#include "store/store.h"

#define KB INT64_C(1024)
#define MB (1024 * KB)

struct suite {
	uv_loop_t loop;
	struct env *env;
	struct http *http;
	struct work_pool *pool;
	struct conf *conf;
	const char *name;    /* Of the store. */
	struct store *store; /* NULL: it could not be opened. */
	struct store_caps caps;
	char folder[64];  /* This test's: "NAME/". */
	unsigned many;    /* Objects of a long list. */
	char *secrets;    /* Lines that no error may hold; NULL: none. */
	unsigned failed;  /* Faults of the test that runs. */
	unsigned answers; /* Of anything; see suite_wait(). */
};

/* --- suite.c: the place, and what was found. */
int suite_init(struct suite *, const char *conf_path, struct err *);
void suite_done(struct suite *);
/* Another store of the same configuration; NULL: there is none. */
struct store *suite_open(struct suite *, const char *name);
/* Run the loop until ${done}. */
void suite_wait(struct suite *, const bool *done);
void suite_sleep(struct suite *, int64_t ms);
void suite_fail(struct suite *, const char *file, int line, const char *fmt,
    ...) __attribute__((format(printf, 4, 5)));
/* Every error that was seen comes by here. */
void suite_see(struct suite *, const struct err *);

/* What does not hold ends the test; only where nothing is under way. */
#define HOLDS(s, cond, ...)                                                    \
	do {                                                                   \
		if (!(cond)) {                                                 \
			suite_fail((s), __FILE__, __LINE__, __VA_ARGS__);      \
			return;                                                \
		}                                                              \
	} while (0)
/* ${code} is what came of it. */
#define CODE_IS(s, e, want, what)                                              \
	HOLDS(s, (e)->code == (want), "%s: wanted %s, got %s: %s", (what),     \
	    err_name(want), err_name((e)->code), (e)->msg)

/* --- act.c: operations that are waited for. */

/* Bytes ${from} on of what ${seed} stands for. */
void act_fill(uint64_t seed, int64_t from, void *, size_t n);

struct putting {
	struct suite *suite;
	struct store_put *put;
	uint64_t seed;
	int64_t size, at;
	size_t piece; /* Bytes of each block; 0: BLOCK_SIZE. */
	bool is_held; /* Leave it unfinished when all is written. */
	bool may_write;
	bool is_done; /* Answered; or all written, when held. */
	struct err err;
	struct store_proof proof;
};

/* ${p} as given: seed, size, piece, is_held; false: it could not be opened. */
bool putting_start(struct suite *, struct store *, const char *key,
    const struct store_put_opt *, struct putting *);
/* One that was held: ${more} bytes, then its end. */
void putting_go_on(struct putting *, int64_t more);

struct getting {
	struct suite *suite;
	struct reader *reader;
	uint64_t seed;
	int64_t from;  /* Where in the object it begins. */
	int64_t at;    /* Bytes that have come. */
	int64_t pause; /* Stop asking when so many have; 0: never. */
	bool is_equal; /* All as ${seed} has them. */
	bool is_done;  /* At its end, or at the pause. */
	int fd;        /* Write them there; -1: compare. */
	struct err err;
};

void getting_start(struct suite *, struct store *, const char *key,
    int64_t from, int64_t len, struct getting *);
void getting_go_on(struct getting *);

struct listing {
	struct store_stat *list; /* Copies. */
	size_t n;
	struct err err;
};
void listing_done(struct listing *);
/* NULL: not in it. */
const struct store_stat *listing_find(const struct listing *, const char *key);

/* Of an object as the store tells it. */
struct told {
	struct err err;
	int64_t size, mtime_ms;
	char kind[16], value[132], etag[132];
};

/* All fill ${e} (ERR_NONE when it went well). */
void act_check(struct suite *, struct store *, struct err *);
/* An object of ${size} bytes of ${seed}; hint -1: unknown. */
void act_put(struct suite *, struct store *, const char *key, uint64_t seed,
    int64_t size, int64_t hint, struct store_proof *, struct err *);
void act_put_if_absent(struct suite *, struct store *, const char *key,
    uint64_t seed, int64_t size, struct err *);
/* ERR_CORRUPT, when what came is not what ${seed} stands for. */
void act_get(struct suite *, struct store *, const char *key, uint64_t seed,
    int64_t from, int64_t len, int64_t want, struct err *);
void act_stat(struct suite *, struct store *, const char *key, struct told *);
void act_list(struct suite *, struct store *, const char *prefix, bool is_flat,
    struct listing *);
void act_remove(struct suite *, struct store *, const char *key, struct err *);
void act_sweep(struct suite *, struct store *, const char *prefix,
    int64_t age_ms, struct err *);
/* Everything below ${prefix}. */
void act_clear(struct suite *, struct store *, const char *prefix);

/* "FOLDER/LEAF" of the test that runs; one of eight, taken in turn. */
const char *act_key(struct suite *, const char *leaf);

/* --- One test each; the words are its title. */
struct suite_test {
	const char *name;
	const char *title;
	void (*run)(struct suite *);
	unsigned limit_s;
};

extern const struct suite_test put_tests[], get_tests[], list_tests[],
    race_tests[];

/* trouble.c: every operation on store ${name} ends with one of ${codes}
 * ("auth,config"), within ${seconds} each. */
void trouble_expect(struct suite *, const char *name, const char *codes,
    int64_t seconds);
/* A short round of all operations. */
void trouble_round(struct suite *, const char *name);
/* "bandwidth" is kept to. */
void trouble_slow(struct suite *, const char *name);

#endif
