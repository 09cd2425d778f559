/* reader_test.c - readers over memory and files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/readers.h"
#include "unit/stream/tools.h"

struct world {
	uv_loop_t loop;
	struct env *env;
	struct work_pool *pool;
	struct reader *reader;
	struct buf got;
	unsigned answers, ends;
	bool is_once; /* Close after the first block. */
	struct err err;
};

static void
setup(struct world *w)
{
	(void)alarm(60); /* A hang ends here. */
	memset(w, 0, sizeof(*w));
	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->env = env_new(&w->loop);
	w->pool = work_pool_new(&w->loop, 1);
}

static void
teardown(struct world *w)
{
	work_pool_free(w->pool);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&w->loop), 0);
	env_free(w->env);
	buf_done(&w->got);
}

static void
on_block(void *arg, struct block *b, const struct err *e)
{
	struct world *w = arg;

	w->answers++;
	if (b != NULL) {
		assert_null(e);
		assert_in_range(b->len, 1, BLOCK_SIZE);
		buf_add(&w->got, b->data, b->len);
		block_unref(b);
		if (!w->is_once) {
			reader_read(w->reader, on_block, w);
			return;
		}
	}
	w->ends++;
	err_copy(&w->err, e);
	reader_close(w->reader);
}

static void
read_all(struct world *w, struct reader *r)
{
	w->reader = r;
	reader_read(r, on_block, w);
	assert_int_equal(w->answers, 0);
	assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(w->ends, 1);
}

static const size_t sizes[] = { 0, 1, BLOCK_SIZE - 1, BLOCK_SIZE,
	BLOCK_SIZE + 1, 3 * BLOCK_SIZE + 17 };

static void
test_both_give_all(void **state)
{
	uint8_t *data = xmalloc(4 * BLOCK_SIZE);
	char *path = file_join(tools_dir, "f");
	struct world w;
	size_t i;
	int form;

	(void)state;
	for (i = 0; i < 4 * BLOCK_SIZE; i++)
		data[i] = (uint8_t)(i * 7 + i / 1000);
	for (i = 0; i < COUNT_OF(sizes); i++)
		for (form = 0; form < 2; form++) {
			setup(&w);
			tools_write("f", data, sizes[i]);
			read_all(&w,
			    form == 0 ? reader_file_new(w.pool, path)
				      : reader_mem_new(w.env, data, sizes[i]));
			assert_int_equal(w.err.code, ERR_NONE);
			assert_int_equal(w.got.len, sizes[i]);
			assert_memory_equal(buf_str(&w.got), data, sizes[i]);
			teardown(&w);
		}
	free(path);
	free(data);
}

static void
test_file_errors(void **state)
{
	char *missing = file_join(tools_dir, "missing");
	char *fifo = file_join(tools_dir, "fifo");
	struct world w;

	(void)state;
	setup(&w);
	read_all(&w, reader_file_new(w.pool, missing));
	assert_int_equal(w.err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(w.err.msg, "missing"));
	teardown(&w);

	setup(&w);
	read_all(&w, reader_file_new(w.pool, tools_dir));
	assert_int_equal(w.err.code, ERR_IO);
	teardown(&w);

	assert_int_equal(mkfifo(fifo, 0600), 0);
	setup(&w);
	read_all(&w, reader_file_new(w.pool, fifo));
	assert_int_equal(w.err.code, ERR_IO);
	teardown(&w);
	free(missing);
	free(fifo);
}

/* Closed unused, while a read is under way, and from the answer. */
static void
test_close_at_any_time(void **state)
{
	uint8_t data[1000] = { 1 };
	char *path = file_join(tools_dir, "f");
	struct world w;
	int form, when;

	(void)state;
	tools_write("f", data, sizeof(data));
	for (form = 0; form < 2; form++)
		for (when = 0; when < 3; when++) {
			setup(&w);
			w.is_once = true;
			w.reader = form == 0
			    ? reader_file_new(w.pool, path)
			    : reader_mem_new(w.env, data, sizeof(data));
			if (when > 0)
				reader_read(w.reader, on_block, &w);
			if (when < 2)
				reader_close(w.reader);
			assert_int_equal(uv_run(&w.loop, UV_RUN_DEFAULT), 0);
			assert_int_equal(w.answers, when == 2 ? 1 : 0);
			teardown(&w);
		}
	reader_close(NULL);
	free(path);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_give_all),
		cmocka_unit_test(test_file_errors),
		cmocka_unit_test(test_close_at_any_time),
	};
	int rc;

	tools_init();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	tools_done();
	return rc;
}
