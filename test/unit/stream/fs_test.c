/* fs_test.c - a file streamed into real filesystem stores. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "stream/readers.h"
#include "stream/stream.h"
#include "unit/stream/tools.h"

#define NSTORES 2

struct world {
	uv_loop_t loop;
	struct env *env;
	struct work_pool *pool;
	json_t *cfg[NSTORES];
	struct store *stores[NSTORES];
	struct stream_sink sinks[NSTORES];
	struct stream_opt opt;
	struct stream *stream;
	unsigned answers, cancels;
	struct stream_result result;
	struct stream_sink_result sink_results[NSTORES];
	struct err err;
};

static void
setup(struct world *w)
{
	struct err e = ERR_INIT;
	char *path, *file = file_join(tools_dir, "x.tar");
	size_t i;

	(void)alarm(60); /* A hang ends here. */
	memset(w, 0, sizeof(*w));
	assert_int_equal(tools_run("rm -rf s0 s1 && mkdir s0 s1"), 0);
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->env = env_new(&w->loop);
	w->pool = work_pool_new(&w->loop, 2);
	for (i = 0; i < NSTORES; i++) {
		path = xasprintf("%s/s%zu", tools_dir, i);
		w->cfg[i] = json_object();
		json_put_str(w->cfg[i], "type", "filesystem");
		json_put_str(w->cfg[i], "path", path);
		free(path);
		w->stores[i] = store_open(&(struct store_env){ .env = w->env },
		    i == 0 ? "a" : "b", w->cfg[i], &e);
		assert_non_null(w->stores[i]);
		w->sinks[i].store = w->stores[i];
		w->sinks[i].key = "20260101-000000/x.tar.gz";
	}
	w->opt.reader = reader_file_new(w->pool, file);
	w->opt.is_compressed_here = true;
	w->opt.is_tar = true;
	w->opt.size_hint = -1;
	w->opt.sinks = w->sinks;
	w->opt.nsinks = NSTORES;
	free(file);
}

static void
teardown(struct world *w)
{
	size_t i;

	for (i = 0; i < NSTORES; i++)
		store_close(w->stores[i]);
	work_pool_free(w->pool);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	env_free(w->env);
	for (i = 0; i < NSTORES; i++)
		json_decref(w->cfg[i]);
}

static void
on_answer(void *arg, const struct stream_result *r, const struct err *e)
{
	struct world *w = arg;

	w->answers++;
	w->stream = NULL;
	err_copy(&w->err, e);
	if (r == NULL)
		return;
	w->result = *r;
	memcpy(w->sink_results, r->sinks, sizeof(w->sink_results));
}

static void
on_canceled(void *arg)
{
	struct world *w = arg;

	w->cancels++;
	w->stream = NULL;
}

static void
run(struct world *w)
{
	w->stream = stream_start(w->env, w->pool, &w->opt, on_answer, w);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(w->answers, 1);
}

static void
test_both_hold_it(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	run(&w);
	assert_int_equal(w.err.code, ERR_NONE);
	assert_int_equal(w.sink_results[0].err.code, ERR_NONE);
	assert_int_equal(w.sink_results[1].err.code, ERR_NONE);
	assert_int_equal(w.sink_results[0].proof.size, w.result.size);
	assert_int_equal(w.result.entries, 3);
	assert_int_equal(tools_run("cmp s0/2*/x.tar.gz s1/2*/x.tar.gz && "
				   "gzip -dc s0/2*/x.tar.gz | cmp - x.tar"),
	    0);
	teardown(&w);
}

/* A file stands where the snapshot's folder has to be. */
static void
test_one_cannot(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	assert_int_equal(tools_run("echo >s1/20260101-000000"), 0);
	run(&w);
	assert_int_equal(w.err.code, ERR_NONE);
	assert_int_equal(w.sink_results[0].err.code, ERR_NONE);
	assert_int_not_equal(w.sink_results[1].err.code, ERR_NONE);
	assert_int_equal(tools_run("gzip -dc s0/2*/x.tar.gz | cmp - x.tar"), 0);
	teardown(&w);
}

static void
test_a_damaged_tar_leaves_nothing(void **state)
{
	struct world w;

	(void)state;
	setup(&w);
	reader_close(w.opt.reader);
	w.opt.reader = reader_mem_new(w.env, "no tar at all", 13);
	run(&w);
	assert_int_equal(w.err.code, ERR_CORRUPT);
	teardown(&w);
	assert_int_equal(tools_run("test -z \"$(find s0 s1 -type f)\""), 0);
}

/* Whenever it is canceled, there is a whole object or none, and no debris. */
static void
test_cancel(void **state)
{
	struct world w;
	unsigned turns, i;

	(void)state;
	for (turns = 0; turns < 60; turns += 1 + turns / 6) {
		setup(&w);
		w.stream = stream_start(w.env, w.pool, &w.opt, on_answer, &w);
		for (i = 0; i < turns && w.stream != NULL; i++)
			(void)uv_run(&w.loop, UV_RUN_ONCE);
		if (w.stream != NULL)
			stream_cancel(w.stream, on_canceled, &w);
		assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0);
		assert_int_equal(w.answers + w.cancels, 1);
		teardown(&w);
		assert_int_equal(tools_run("for f in $(find s0 s1 -type f); do "
					   "test ${f##*/} = x.tar.gz && gzip "
					   "-dc $f | cmp - x.tar || exit 1; "
					   "done"),
		    0);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_hold_it),
		cmocka_unit_test(test_one_cannot),
		cmocka_unit_test(test_a_damaged_tar_leaves_nothing),
		cmocka_unit_test(test_cancel),
	};
	int rc;

	tools_init();
	BUG_IF(tools_run("mkdir d && seq 1 900000 >d/a && echo >d/b && "
			 "tar -cf x.tar d") != 0);
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	tools_done();
	return rc;
}
