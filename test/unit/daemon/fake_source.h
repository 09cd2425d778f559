/*
 * fake_source.h - a scripted source: every operation does what the test says.
 *
 * Stands in for lib/source at link time: it defines all source_* functions, so
 * that the real ones are not taken from the library.  Included by one test
 * program at a time.
 */
#ifndef TEST_FAKE_SOURCE_H
#define TEST_FAKE_SOURCE_H

#include <stdbool.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <zlib.h>

#include "base/defer.h"
#include "base/json.h"
#include "base/mem.h"
#include "source/source.h"
#include "stream/readers.h"

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
	enum source_recovery recovery; /* While there is a copy. */
	bool is_recover_hanging;       /* Until canceled. */
	unsigned recovers;
	char failing_run[ENV_UUID_SIZE]; /* Undoing it fails. */
};

/* Shared with forked children: what one of them did is there after it died. */
static struct fake_world *fake_shared;
static struct fake_source *fake_hanging; /* The last that hangs. */
#define fake (*fake_shared)

struct fake_source {
	struct source base;
	struct source_facts facts;
	enum fake_op op;
	source_done_fn *fn;
	source_probe_fn *probe_fn;
	source_recover_fn *recover_fn;
	void *arg, *probe_arg;
	struct defer *soon, *probe_soon;
	source_done_fn *cancel_fn;
	void *cancel_arg;
	bool is_canceled, is_recovering;
};

static void
fake_source_reset(void)
{
	if (fake_shared == NULL)
		fake_shared = mmap(NULL, sizeof(fake), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	BUG_IF(fake_shared == MAP_FAILED);
	memset(&fake, 0, sizeof(fake));
	fake.has_services = fake.is_running = true;
	fake.is_reboot_safe = true;
	fake.recovery = SOURCE_UNDO;
}

struct source *
source_new(const struct source_env *env, const json_t *saved, struct err *e)
{
	struct fake_source *f = xcalloc(1, sizeof(*f));

	(void)saved;
	(void)e;
	f->base.env = *env;
	f->facts.has_services = fake.has_services;
	f->facts.is_reboot_safe = fake.is_reboot_safe;
	f->facts.size_hint = -1;
	return &f->base;
}

void
source_free(struct source *s)
{
	struct fake_source *f = (struct fake_source *)s;

	if (f == NULL)
		return;
	defer_cancel(f->soon);
	defer_cancel(f->probe_soon);
	free(f);
}

json_t *
source_save(struct source *s)
{
	(void)s;
	return json_pack("{s:s}", "fake", "state");
}

const struct source_facts *
source_facts(struct source *s)
{
	return &((struct fake_source *)s)->facts;
}

static void
fake_effect(struct fake_source *f)
{
	switch (f->op) {
	case FAKE_QUIESCE:
		fake.is_running = false;
		f->facts.as_of_ms = env_wall_ms(f->base.env.env);
		break;
	case FAKE_CAPTURE:
		fake.has_staging = true;
		break;
	case FAKE_RESUME:
		fake.is_running = true;
		f->facts.downtime_ms = 1234;
		break;
	case FAKE_RELEASE:
		fake.has_staging = false;
		break;
	case FAKE_UNDO:
		fake.has_staging = false;
		fake.is_running = true;
		break;
	default:
		break;
	}
}

static bool
fake_gives_back(enum fake_op op)
{
	return op == FAKE_RESUME || op == FAKE_RELEASE || op == FAKE_UNDO;
}

/* The operation's own callback, then who asked for the cancel. */
static void
fake_answer(struct fake_source *f, const struct err *e)
{
	source_done_fn *fn = f->fn, *cancel_fn = f->cancel_fn;
	void *cancel_arg = f->cancel_arg;

	f->fn = NULL;
	f->cancel_fn = NULL;
	fn(f->arg, e->code == ERR_NONE ? NULL : e);
	if (cancel_fn != NULL)
		cancel_fn(cancel_arg, NULL);
}

static void
on_op_due(void *arg)
{
	struct fake_source *f = arg;
	struct err e = fake.fail[f->op];

	f->soon = NULL;
	if (f->op == FAKE_UNDO && fake.failing_undos > 0) {
		fake.failing_undos--;
		(void)err_set(&e, ERR_NETWORK, "host unreachable");
	}
	if (f->op == FAKE_UNDO &&
	    strcmp(fake.failing_run, f->base.env.run) == 0)
		(void)err_set(&e, ERR_SERVICE, "it does not start");
	if (f->is_canceled)
		(void)err_set(&e, ERR_CANCELED, "canceled");
	f->is_canceled = false;
	/* A stop that fails half-way has stopped something. */
	if (e.code == ERR_NONE || f->op == FAKE_QUIESCE)
		fake_effect(f);
	fake_answer(f, &e);
}

static void
fake_start(struct source *s, enum fake_op op, source_done_fn *fn, void *arg)
{
	struct fake_source *f = (struct fake_source *)s;

	BUG_IF(f->fn != NULL || f->is_recovering);
	fake.calls[op]++;
	f->op = op;
	f->fn = fn;
	f->arg = arg;
	fake_hanging = f;
	if (!fake.hangs[op])
		f->soon = defer_call(s->env.env->loop, on_op_due, f);
}

/* What hangs ends as the world says now. */
static void __attribute__((unused)) fake_go_on(void)
{
	struct fake_source *f = fake_hanging;

	f->soon = defer_call(f->base.env.env->loop, on_op_due, f);
}

void
source_prepare(struct source *s, source_done_fn *fn, void *arg)
{
	fake_start(s, FAKE_PREPARE, fn, arg);
}

void
source_quiesce(struct source *s, source_done_fn *fn, void *arg)
{
	fake_start(s, FAKE_QUIESCE, fn, arg);
}

void
source_capture(struct source *s, source_done_fn *fn, void *arg)
{
	fake_start(s, FAKE_CAPTURE, fn, arg);
}

void
source_resume(struct source *s, source_done_fn *fn, void *arg)
{
	fake_start(s, FAKE_RESUME, fn, arg);
}

void
source_release(struct source *s, source_done_fn *fn, void *arg)
{
	fake_start(s, FAKE_RELEASE, fn, arg);
}

void
source_undo(struct source *s, source_done_fn *fn, void *arg)
{
	fake_start(s, FAKE_UNDO, fn, arg);
}

void
source_end(struct source *s, size_t i, source_done_fn *fn, void *arg)
{
	(void)i;
	fake_start(s, FAKE_END, fn, arg);
}

static void
on_probe_due(void *arg)
{
	struct fake_source *f = arg;
	struct err e = fake.fail[FAKE_PROBE];

	f->probe_soon = NULL;
	f->probe_fn(f->probe_arg, "{\"status\":\"x\"}", 77,
	    e.code == ERR_NONE ? NULL : &e);
}

void
source_probe(struct source *s, source_probe_fn *fn, void *arg)
{
	struct fake_source *f = (struct fake_source *)s;

	fake.calls[FAKE_PROBE]++;
	f->probe_fn = fn;
	f->probe_arg = arg;
	if (!fake.hangs[FAKE_PROBE])
		f->probe_soon = defer_call(s->env.env->loop, on_probe_due, f);
}

static void
on_recover_due(void *arg)
{
	struct fake_source *f = arg;
	source_done_fn *cancel_fn = f->cancel_fn;
	struct err e = ERR_INIT;

	f->soon = NULL;
	f->cancel_fn = NULL;
	f->is_recovering = false;
	if (f->is_canceled)
		(void)err_set(&e, ERR_CANCELED, "canceled");
	f->is_canceled = false;
	f->recover_fn(f->arg, fake.has_staging ? fake.recovery : SOURCE_UNDO,
	    e.code == ERR_NONE ? NULL : &e);
	if (cancel_fn != NULL)
		cancel_fn(f->cancel_arg, NULL);
}

void
source_cancel(struct source *s, source_done_fn *fn, void *arg)
{
	struct fake_source *f = (struct fake_source *)s;

	BUG_IF(f->cancel_fn != NULL);
	BUG_IF(f->fn == NULL && !f->is_recovering);
	f->cancel_fn = fn;
	f->cancel_arg = arg;
	if (f->fn != NULL && fake_gives_back(f->op))
		return;
	f->is_canceled = true;
	if (f->soon == NULL)
		f->soon = defer_call(s->env.env->loop,
		    f->is_recovering ? on_recover_due : on_op_due, f);
}

void
source_recover(struct source *s, const char *state, source_recover_fn *fn,
    void *arg)
{
	struct fake_source *f = (struct fake_source *)s;

	(void)state;
	BUG_IF(f->fn != NULL);
	fake.recovers++;
	f->is_recovering = true;
	f->recover_fn = fn;
	f->arg = arg;
	if (!fake.is_recover_hanging)
		f->soon = defer_call(s->env.env->loop, on_recover_due, f);
}

const struct source_artifact *
source_artifact(struct source *s, size_t i)
{
	static const struct source_artifact list[] = {
		{ .name = "one.tar",
		    .kind = "volume",
		    .of = "one",
		    .size_hint = -1,
		    .is_tar = true,
		    .has_data_checks = true,
		    .is_rereadable = true },
		{ .name = "two.tar",
		    .kind = "volume",
		    .of = "two",
		    .size_hint = -1,
		    .is_tar = true,
		    .is_rereadable = true },
	};

	(void)s;
	return i < COUNT_OF(list) ? &list[i] : NULL;
}

/* A tar of one file, kv_store_test.json. */
static size_t
fake_tar(char *out, const char *text)
{
	unsigned sum = 0;
	size_t i;

	memset(out, 0, 2560);
	(void)snprintf(out, 100, "kv_store_test.json");
	(void)snprintf(out + 100, 8, "0000644");
	(void)snprintf(out + 108, 8, "0000000");
	(void)snprintf(out + 116, 8, "0000000");
	(void)snprintf(out + 124, 12, "%011o", (unsigned)strlen(text));
	(void)snprintf(out + 136, 12, "00000000000");
	memset(out + 148, ' ', 8);
	out[156] = '0';
	memcpy(out + 257, "ustar\00000", 8);
	for (i = 0; i < 512; i++)
		sum += (unsigned char)out[i];
	(void)snprintf(out + 148, 8, "%06o", sum);
	memcpy(out + 512, text, strlen(text));
	return 2048;
}

/* As a script on a host does it; in place. */
static size_t
fake_gzip(char *data, size_t n)
{
	uint8_t out[4096];
	z_stream z;

	memset(&z, 0, sizeof(z));
	BUG_IF(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK);
	z.next_in = (uint8_t *)data;
	z.avail_in = (unsigned)n;
	z.next_out = out;
	z.avail_out = sizeof(out);
	BUG_IF(deflate(&z, Z_FINISH) != Z_STREAM_END || z.total_out > n);
	n = z.total_out;
	memcpy(data, out, n);
	(void)deflateEnd(&z);
	return n;
}

static void
fake_tee(const char *path, const char *data, size_t n)
{
	FILE *f = fopen(path, "w");

	BUG_IF(f == NULL || fwrite(data, 1, n, f) != n || fclose(f) != 0);
}

struct reader *
source_open(struct source *s, size_t i, bool is_gzip, int level,
    const char *const *tees)
{
	char tar[2560];
	size_t n = fake_tar(tar,
	    fake.is_json_torn ? "{\"a\": \"torn" : "{\"a\": \"whole\"}");

	(void)i;
	(void)level;
	if (fake.is_read_broken)
		n = 700;
	if (is_gzip)
		n = fake_gzip(tar, n);
	for (; tees != NULL && *tees != NULL; tees++)
		fake_tee(*tees, tar, n);
	return reader_mem_new(s->env.env, tar, n);
}

#endif
