/*
 * fs_fault_test.c - the filesystem store when things go wrong: a disk that
 * hangs, fails or is full, one that knows no links, odd things in the folder.
 */
#include "unit/store/world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>

/* Our own fsync comes before the C library's: it can hang like a dead disk. */
static atomic_bool is_hung;
static atomic_int nhung;
/* Or fail, once each time this is set. */
static atomic_bool has_io_error;

int
fsync(int fd)
{
	(void)fd;
	if (atomic_exchange(&has_io_error, false)) {
		errno = EIO;
		return -1;
	}
	if (!atomic_load(&is_hung))
		return 0;
	(void)atomic_fetch_add(&nhung, 1);
	while (atomic_load(&is_hung))
		(void)usleep(1000);
	(void)atomic_fetch_sub(&nhung, 1);
	return 0;
}

/* And a file system that knows no second name for a file. */
static atomic_bool has_no_links;

int
link(const char *from, const char *to)
{
	if (!atomic_load(&has_no_links))
		return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
	errno = EPERM;
	return -1;
}

static struct store *
open_with(struct world *w, const char *path, const char *key, int64_t value)
{
	struct err e = ERR_INIT;
	struct store *s;
	json_t *cfg = json_pack("{s:s,s:s,s:I}", "type", "filesystem", "path",
	    path, key, (json_int_t)value);

	json_object_set_new(w->cfg, key, cfg);
	s = store_open(&(struct store_env){ .env = w->env }, key, cfg, &e);
	assert_non_null(s);
	return s;
}

static void
on_ready_never(void *arg)
{
	(void)arg;
	fail();
}

#ifndef __APPLE__
static void
wait_hung(struct world *w, int n)
{
	while (atomic_load(&nhung) < n) {
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		(void)usleep(1000);
	}
}

/* What was given up while it was flushed does not appear later. */
static void
test_late_put(void **state)
{
	struct world *w = *state;
	struct store_put_opt opt = { 1, true, NULL, 100 };
	struct block *b = block_new(1);
	struct store *s = open_with(w, w->dir, "stall", 300);
	struct waited a = { 0 };
	struct store_put *p;
	struct err e = ERR_INIT;

	b->data[0] = 'x';
	b->len = 1;
	assert_int_equal(w_put(w, s, "id/first", "1"), ERR_NONE);
	atomic_store(&is_hung, true);
	p = store_put_open(s, "id/x", &opt, on_ready_never, NULL, &e);
	assert_true(store_put_write(p, b));
	block_unref(b);
	store_put_finish(p, w_on_put, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_TIMEOUT);
	assert_int_equal(atomic_load(&nhung), 1);
	/* Closing does not wait for the disk either. */
	store_close(s);
	atomic_store(&is_hung, false);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	assert_int_equal(a.answers, 1);
	assert_string_equal(w_list(w, w->store, "id/", true), "id/first 1\n");
	/* Its temporary file is gone as well: this removes the folder. */
	assert_int_equal(w_remove(w, w->store, "id/first"), ERR_NONE);
	assert_false(w_exists(w, "id"));
}

/* A failed flush is an error, the object is not there, and nothing tries the
 * same bytes again. */
static void
test_io_error(void **state)
{
	struct world *w = *state;

	assert_int_equal(w_put(w, w->store, "id/a", "1"), ERR_NONE);
	atomic_store(&has_io_error, true);
	assert_int_equal(w_put(w, w->store, "id/a", "22"), ERR_IO);
	assert_false(atomic_load(&has_io_error));
	assert_string_equal(w_get(w, w->store, "id/a"), "1");
	assert_int_equal(w_put(w, w->store, "id/a", "22"), ERR_NONE);
	atomic_store(&has_io_error, true);
	assert_int_equal(w_remove(w, w->store, "id/a"), ERR_IO);
	assert_int_equal(w_remove(w, w->store, "id/a"), ERR_NONE);
	assert_false(w_exists(w, "id"));
}

/* Both threads hang: everything else is answered in time, and bounded. */
static void
test_dead_disk(void **state)
{
	struct world *w = *state;
	struct store *s = open_with(w, w->dir, "stall", 200);
	struct waited hung[2] = { { 0 }, { 0 } }, many[60] = { { 0 } };
	struct waited get = { 0 };
	uint64_t began;
	size_t i, left;

	assert_int_equal(w_put(w, s, "a", "1"), ERR_NONE);
	atomic_store(&is_hung, true);
	store_remove(s, "x/1", w_on_done, &hung[0]);
	store_remove(s, "a", w_on_done, &hung[0]);
	store_remove(s, "b", w_on_done, &hung[1]);
	wait_hung(w, 2);
	began = uv_hrtime();
	store_get_bytes(s, "a", 10, w_on_bytes, &get);
	for (i = 0; i < COUNT_OF(many); i++)
		store_stat(s, "a", w_on_stat, &many[i]);
	do {
		(void)uv_run(&w->loop, UV_RUN_ONCE);
		for (left = get.answers == 0, i = 0; i < COUNT_OF(many); i++)
			left += many[i].answers == 0;
	} while (left > 0);
	assert_true(uv_hrtime() - began < UINT64_C(2000000000));
	assert_int_equal(get.err.code, ERR_TIMEOUT);
	for (i = 0; i < COUNT_OF(many); i++)
		assert_int_equal(many[i].err.code, ERR_TIMEOUT);
	/* So many hang that more are refused at once. */
	began = uv_hrtime();
	assert_int_equal(w_stat(w, s, "a"), ERR_TIMEOUT);
	assert_true(uv_hrtime() - began < UINT64_C(150000000));
	/* Another store goes on meanwhile, but for its own fsync. */
	assert_int_equal(w_stat(w, w->store, "b"), ERR_NOT_FOUND);
	atomic_store(&is_hung, false);
	while (hung[0].answers < 2 || hung[1].answers < 1)
		(void)uv_run(&w->loop, UV_RUN_ONCE);
	/* It is back: so is the store. */
	for (i = 0; i < 100 && w_stat(w, s, "b") == ERR_TIMEOUT; i++)
		(void)usleep(10000);
	assert_int_equal(w_put(w, s, "b", "2"), ERR_NONE);
	buf_done(&get.text);
	store_close(s);
}
#endif

/* Without links it says so, and still does not replace what it sees. */
static void
test_no_links(void **state)
{
	struct world *w = *state;
	struct store_caps caps;

	atomic_store(&has_no_links, true);
	assert_int_equal(w_put_if(w, w->store, "id/a", "1", true), ERR_NONE);
	store_caps(w->store, &caps);
	assert_false(caps.has_if_absent);
	assert_int_equal(w_put_if(w, w->store, "id/a", "2", true),
	    ERR_CONFLICT);
	assert_string_equal(w_get(w, w->store, "id/a"), "1");
	assert_int_equal(w_put(w, w->store, "id/a", "3"), ERR_NONE);
	assert_string_equal(w_list(w, w->store, "", true), "id/a 1\n");
	atomic_store(&has_no_links, false);
}

/* Aborted at any time: nothing of it stays, and nothing is called. */
static void
test_abort(void **state)
{
	struct world *w = *state;
	struct store_put_opt opt = { -1, false, NULL, 0 };
	struct block *b = block_new(BLOCK_SIZE);
	struct store_put *p;
	struct err e = ERR_INIT;
	int i, n;

	memset(b->data, 7, b->cap);
	b->len = b->cap;
	for (i = 0; i < 12; i++) {
		p = store_put_open(w->store, "id/x", &opt, on_ready_never, NULL,
		    &e);
		assert_non_null(p);
		for (n = 0; n < i && store_put_write(p, b); n++)
			if (i % 2 == 0)
				(void)uv_run(&w->loop, UV_RUN_NOWAIT);
		store_put_abort(p);
		assert_int_equal(uv_run(&w->loop, UV_RUN_DEFAULT), 0);
		assert_false(w_exists(w, "id"));
	}
	assert_int_equal(atomic_load(&b->refs), 1);
	block_unref(b);
}

struct flow {
	struct store_put *put;
	struct waited a;
	int left;
	int waits;
	bool is_waiting;
	bool has_failed; /* Known before finish. */
};

static void
flow_go(void *arg)
{
	struct flow *f = arg;
	struct block *b;

	f->is_waiting = false;
	while (f->left > 0 && !f->is_waiting) {
		b = block_new(BLOCK_SIZE);
		memset(b->data, f->left, b->cap);
		b->len = b->cap;
		f->left--;
		f->is_waiting = !store_put_write(f->put, b);
		f->waits += f->is_waiting;
		block_unref(b);
	}
	f->has_failed = store_put_failed(f->put);
	if (!f->is_waiting)
		store_put_finish(f->put, w_on_put, &f->a);
}

static void
on_block(void *arg, struct block *b, const struct err *e)
{
	void **args = arg;

	*(struct block **)args[1] = b;
	w_on_done(args[0], e);
}

static int64_t
read_all(struct world *w, const char *key, int64_t from, int64_t len,
    uint8_t *first)
{
	struct reader *r = store_get(w->store, key, from, len);
	int64_t got = 0;

	for (;;) {
		struct waited a = { 0 };
		struct block *b = NULL;
		void *args[2] = { &a, &b };

		reader_read(r, on_block, args);
		w_wait(w, &a);
		assert_int_equal(a.err.code, ERR_NONE);
		if (b == NULL)
			break;
		if (got == 0)
			*first = b->data[0];
		got += (int64_t)b->len;
		block_unref(b);
	}
	reader_close(r);
	return got;
}

/* The window is bounded, and a range is what was asked for. */
static void
test_flow(void **state)
{
	struct world *w = *state;
	struct store_put_opt opt = { -1, true, NULL, 0 };
	struct flow f = { .left = 100 };
	struct err e = ERR_INIT;
	uint8_t first = 0;
	int64_t block = (int64_t)BLOCK_SIZE;

	f.put = store_put_open(w->store, "big", &opt, flow_go, &f, &e);
	flow_go(&f);
	w_wait(w, &f.a);
	assert_int_equal(f.a.err.code, ERR_NONE);
	assert_int_equal(f.a.proof.size, 100 * block);
	assert_string_equal(f.a.proof.kind, "none");
	assert_true(f.waits > 3);
	assert_false(f.has_failed);
	assert_int_equal(read_all(w, "big", 0, -1, &first), 100 * block);
	assert_int_equal(first, 100);
	assert_int_equal(read_all(w, "big", 99 * block, -1, &first), block);
	assert_int_equal(first, 1);
	assert_int_equal(read_all(w, "big", block - 1, 2, &first), 2);
	assert_int_equal(first, 100);
	assert_int_equal(read_all(w, "big", 100 * block, 5, &first), 0);
	/* A reader may go while it reads. */
	reader_close(store_get(w->store, "big", 0, -1));
}

static bool
has_live_tmp(struct world *w)
{
	char *line = xasprintf("ls %s/id/live.rbtmp-* >/dev/null 2>&1", w->dir);
	bool has_any = system(line) == 0;

	free(line);
	return has_any;
}

/* Folders below folders are swept too, but for what is being written. */
static void
test_sweep_live(void **state)
{
	struct world *w = *state;
	struct store_put_opt opt = { -1, false, NULL, 0 };
	struct flow f = { .left = 0 };
	struct block *b = block_new(1);
	struct err e = ERR_INIT;

	w_plant(w, "id/x/y/z.rbtmp-Ab12Cd", "dead");
	b->data[0] = 'x';
	b->len = 1;
	f.put = store_put_open(w->store, "id/live", &opt, flow_go, &f, &e);
	assert_true(store_put_write(f.put, b));
	block_unref(b);
	while (!has_live_tmp(w))
		(void)uv_run(&w->loop, UV_RUN_NOWAIT);
	assert_int_equal(w_sweep(w, w->store, "id/", 0), ERR_NONE);
	assert_false(w_exists(w, "id/x"));
	store_put_finish(f.put, w_on_put, &f.a);
	w_wait(w, &f.a);
	assert_int_equal(f.a.err.code, ERR_NONE);
	assert_string_equal(w_get(w, w->store, "id/live"), "x");
}

/* What is no file, too large or too deep is said, not read. */
static void
test_odd(void **state)
{
	struct world *w = *state;
	struct waited a = { 0 };
	char path[512] = "";
	char *fifo = file_join(w->dir, "fifo");
	int i;

	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_string_equal(w_get(w, w->store, "fifo"), "!corrupt");
	assert_int_equal(w_stat(w, w->store, "fifo"), ERR_CORRUPT);
	assert_string_equal(w_list(w, w->store, "", true), "");
	free(fifo);
	assert_int_equal(w_put(w, w->store, "big", "0123456789"), ERR_NONE);
	store_get_bytes(w->store, "big", 9, w_on_bytes, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_LIMIT);
	for (i = 0; i < 20; i++)
		(void)strcat(path, "d/");
	(void)strcat(path, "f");
	assert_int_equal(w_put(w, w->store, path, "1"), ERR_NONE);
	assert_string_equal(w_list(w, w->store, "", true), "!limit");
	assert_int_equal(w_remove(w, w->store, path), ERR_NONE);
	assert_false(w_exists(w, "d"));
	assert_int_equal(w_stat(w, w->store, "big/below"), ERR_IO);
}

/* Space that is to stay free stays so: before, and while it is written. */
static void
test_min_free(void **state)
{
	struct world *w = *state;
	struct store_put_opt opt = { INT64_MAX / 2, false, NULL, 0 };
	struct store *s = open_with(w, w->dir, "min_free", INT64_MAX / 4);
	struct waited a = { 0 };
	struct store_put *p;
	struct err e = ERR_INIT;

	assert_int_equal(w_check(w, s, &e), ERR_NO_SPACE);
	assert_int_equal(w_put(w, s, "id/a", "1"), ERR_NO_SPACE);
	assert_string_equal(w_list(w, s, "", true), "");
	assert_false(w_exists(w, "id"));
	store_close(s);
	p = store_put_open(w->store, "id/a", &opt, on_ready_never, NULL, &e);
	store_put_finish(p, w_on_put, &a);
	w_wait(w, &a);
	assert_int_equal(a.err.code, ERR_NO_SPACE);
	assert_false(w_exists(w, "id"));
}

#ifdef __linux__
static void
test_disk_full(void **state)
{
	struct world *w = *state;
	struct flow f = { .left = 40 };
	struct store_put_opt opt = { -1, false, NULL, 0 };
	char *path = file_join(w->dir, "small"), *line;
	struct err e = ERR_INIT;
	struct store *s;
	int rc;

	assert_int_equal(mkdir(path, 0700), 0);
	line = xasprintf("mount -t tmpfs -o size=4m tmpfs %s", path);
	rc = system(line);
	free(line);
	if (rc != 0) {
		print_message("skipped: no tmpfs can be mounted here\n");
		free(path);
		return;
	}
	s = w_fs_open(w, "small", path);
	assert_int_equal(w_put(w, s, "old/a", "1"), ERR_NONE);
	f.put = store_put_open(s, "new/a", &opt, flow_go, &f, &e);
	flow_go(&f);
	w_wait(w, &f.a);
	assert_int_equal(f.a.err.code, ERR_NO_SPACE);
	assert_true(f.has_failed);
	/* The room is given back, nothing half stays, and it goes on. */
	assert_string_equal(w_list(w, s, "", true), "old/a 1\n");
	assert_false(w_exists(w, "small/new"));
	memset(&f, 0, sizeof(f));
	f.left = 12;
	f.put = store_put_open(s, "new/a", &opt, flow_go, &f, &e);
	flow_go(&f);
	w_wait(w, &f.a);
	assert_int_equal(f.a.err.code, ERR_NONE);
	store_close(s);
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
	line = xasprintf("umount %s", path);
	assert_int_equal(system(line), 0);
	free(line);
	free(path);
}
#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, w_setup, w_teardown)
		T(test_no_links),
		T(test_abort),
		T(test_flow),
		T(test_sweep_live),
		T(test_odd),
		T(test_min_free),
#ifndef __APPLE__
		T(test_io_error),
		T(test_late_put),
		T(test_dead_disk),
#endif
#ifdef __linux__
		T(test_disk_full),
#endif
	};

	return cmocka_run_group_tests_name("fs_fault", tests, NULL, NULL);
}
