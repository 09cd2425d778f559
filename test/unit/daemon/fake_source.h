/*
 * fake_source.h - a scripted source: every operation does what the test says.
 *
 * Stands in for lib/source at link time: it defines all source_* functions, so
 * that the real ones are not taken from the library.
 */
#ifndef TEST_FAKE_SOURCE_H
#define TEST_FAKE_SOURCE_H

#include <stdbool.h>

#include "source/source.h"

enum fake_op {
	FAKE_PREPARE,
	FAKE_QUIESCE,
	FAKE_CAPTURE,
	FAKE_RESUME,
	FAKE_PROBE,
	FAKE_END,
	FAKE_RELEASE,
	FAKE_UNDO,
	FAKE_OPS
};

/* What the world looks like; reset by fake_source_reset(). */
struct fake_world {
	struct err fail[FAKE_OPS]; /* ERR_NONE: it goes well. */
	bool hangs[FAKE_OPS];      /* Until canceled. */
	unsigned calls[FAKE_OPS];
	unsigned failing_undos; /* So many fail, then it goes well. */
	bool has_services;
	bool is_running; /* The services. */
	bool has_staging;
	bool is_json_torn;   /* A kv_store file in it is cut off. */
	bool is_read_broken; /* Reading the artifact fails half-way. */
	bool is_reboot_safe;
	enum source_recovery recovery;
};

extern struct fake_world fake;

void fake_source_reset(void);

#endif
