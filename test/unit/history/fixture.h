/*
 * fixture.h - a history in a folder of its own, and calls that wait for their
 * answer.  For one test program each.
 */
#ifndef UNIT_HISTORY_FIXTURE_H
#define UNIT_HISTORY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/env.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "history/history.h"

struct fixture {
	uv_loop_t loop;
	struct env *env;
	char dir[64];
	char *path;
	struct history *h;
};

/* An answer, once it has come. */
struct answer {
	bool has_come;
	int64_t id;
	json_t *value;
	struct err err;
};

__attribute__((unused)) static void
fixture_open(struct fixture *f)
{
	struct err e = ERR_INIT;

	f->h = history_open(f->env, f->path, &e);
	if (f->h == NULL)
		fail_msg("%s", e.msg);
}

__attribute__((unused)) static void
fixture_close(struct fixture *f)
{
	history_close(f->h);
	f->h = NULL;
	(void)uv_run(&f->loop, UV_RUN_DEFAULT);
}

__attribute__((unused)) static void
fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	assert_int_equal(uv_loop_init(&f->loop), 0);
	f->env = env_new(&f->loop);
	strcpy(f->dir, "/tmp/history_test.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->path = file_join(f->dir, "history.db");
}

__attribute__((unused)) static void
fixture_done(struct fixture *f)
{
	struct err e = ERR_INIT;

	if (f->h != NULL)
		fixture_close(f);
	env_free(f->env);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	assert_int_equal(file_remove_tree(f->dir, &e), 0);
	free(f->path);
}

__attribute__((unused)) static void
on_done(void *arg, const struct err *e)
{
	struct answer *a = arg;

	assert_false(a->has_come);
	a->has_come = true;
	err_copy(&a->err, e);
}

__attribute__((unused)) static void
on_id(void *arg, int64_t id, const struct err *e)
{
	struct answer *a = arg;

	a->id = id;
	on_done(arg, e);
}

__attribute__((unused)) static void
on_json(void *arg, json_t *v, const struct err *e)
{
	struct answer *a = arg;

	a->value = v;
	assert_true((v == NULL) == (e != NULL));
	on_done(arg, e);
}

/* Run the loop until ${a} is answered. */
__attribute__((unused)) static void
await(struct fixture *f, struct answer *a)
{
	assert_false(a->has_come); /* Never from within the call. */
	while (!a->has_come)
		(void)uv_run(&f->loop, UV_RUN_ONCE);
}

__attribute__((unused)) static void
await_ok(struct fixture *f, struct answer *a)
{
	await(f, a);
	if (a->err.code != ERR_NONE)
		fail_msg("%s", a->err.msg);
}

/* A JSON value to compare with. */
__attribute__((unused)) static void
assert_json(const json_t *v, const char *text)
{
	char *have = json_print(v);

	assert_string_equal(have, text);
	free(have);
}

__attribute__((unused)) static void
add_start(struct fixture *f, const char *job, int64_t scheduled_ms,
    int64_t queued_ms, struct answer *a)
{
	json_t *config = json_pack("{s:s}", "name", job);
	struct history_new_run n = { NULL, job, "backup", "manual",
		scheduled_ms, queued_ms, 1, config };
	char uuid[ENV_UUID_SIZE];

	if (scheduled_ms != 0)
		n.trigger = "schedule";
	env_uuid(f->env, uuid);
	n.uuid = uuid;
	history_run_add(f->h, &n, on_id, a);
	json_decref(config);
}

__attribute__((unused)) static int64_t
add_run(struct fixture *f, const char *job, int64_t scheduled_ms,
    int64_t queued_ms)
{
	struct answer a = { 0 };

	add_start(f, job, scheduled_ms, queued_ms, &a);
	await_ok(f, &a);
	assert_true(a.id > 0);
	return a.id;
}

#endif
