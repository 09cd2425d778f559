/* envelope_test.c - markers and payload, cut into pieces of every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/mem.h"
#include "net/envelope.h"

static uv_loop_t loop;
static struct env *env;

static int
group_setup(void **state)
{
	(void)state;
	assert_int_equal(uv_loop_init(&loop), 0);
	env = env_new(&loop);
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	env_free(env);
	assert_int_equal(uv_loop_close(&loop), 0);
	return 0;
}

static struct block *
piece(const char *p, size_t n)
{
	struct block *b = block_new(n);

	memcpy(b->data, p, n);
	b->len = n;
	return b;
}

/* Feed ${all} in pieces of ${size}; what comes out is in ${out}. */
static int
feed(struct envelope *v, const struct buf *all, size_t size, struct buf *out)
{
	struct err e = ERR_INIT;
	struct block *b;
	size_t at, n;

	for (at = 0; at < all->len; at += n) {
		n = all->len - at < size ? all->len - at : size;
		if (envelope_out(v, piece(all->data + at, n), &b, &e) == -1)
			return -1;
		if (b != NULL)
			buf_add(out, b->data, b->len);
		block_unref(b);
	}
	return 0;
}

static void
test_pieces(void **state)
{
	static const char payload[] = "some\0binary \xff payload\n@rb end 001";
	struct envelope v;
	size_t size, len;

	(void)state;
	for (size = 1; size < 180; size++)
		for (len = 0; len <= sizeof(payload); len += 7) {
			struct buf all = BUF_INIT, out = BUF_INIT;

			envelope_init(&v, env);
			buf_addf(&all, "noise @rb%.31sXbegin 12 group\n",
			    v.nonce);
			buf_addf(&all, "more@rb%sbegin 4711 group\n", v.nonce);
			buf_add(&all, payload, len);
			buf_addf(&all, "@rb%send 042\n", v.nonce);
			assert_int_equal(feed(&v, &all, size, &out), 0);
			assert_int_equal(v.state, ENVELOPE_DONE);
			assert_int_equal(v.status, 42);
			assert_int_equal(v.target.pid, 4711);
			assert_true(v.target.is_group);
			assert_int_equal(out.len, len);
			assert_memory_equal(buf_str(&out), payload, len);
			buf_done(&all);
			buf_done(&out);
			envelope_done(&v);
		}
}

/* Cut anywhere, it is never done. */
static void
test_cut_short(void **state)
{
	struct envelope v;
	struct buf all = BUF_INIT, out = BUF_INIT;
	size_t keep, whole;

	(void)state;
	envelope_init(&v, env);
	buf_addf(&all, "@rb%sbegin 4711 tree\npayload@rb%send 000\n", v.nonce,
	    v.nonce);
	whole = all.len;
	for (keep = 0; keep <= whole; keep++) {
		struct envelope w = v;

		all.len = keep;
		buf_clear(&out);
		assert_int_equal(feed(&w, &all, 16, &out), 0);
		assert_int_equal(w.state == ENVELOPE_DONE, keep == whole);
		envelope_done(&w);
	}
	assert_string_equal(buf_str(&out), "payload");
	buf_done(&all);
	buf_done(&out);
	envelope_done(&v);
}

static void
test_not_ours(void **state)
{
	struct envelope v;
	struct buf all = BUF_INIT, out = BUF_INIT;
	size_t i;

	(void)state;
	envelope_init(&v, env);
	for (i = 0; i < 1200; i++)
		buf_addf(&all, "%01023d\n", 0);
	assert_int_equal(feed(&v, &all, 4096, &out), -1);
	assert_true(v.held.len < 8192);
	envelope_done(&v);
	envelope_init(&v, env);
	buf_clear(&all);
	buf_addf(&all, "@rb%sbegin zero group\n", v.nonce);
	assert_int_equal(feed(&v, &all, 4096, &out), -1);
	envelope_done(&v);
	buf_done(&all);
	buf_done(&out);
}

static void
on_note(void *arg, const char *note)
{
	buf_addf(arg, "<%s>", note);
}

static void
test_standard_error(void **state)
{
	struct buf notes = BUF_INIT, text = BUF_INIT, all = BUF_INIT;
	struct envelope v;
	size_t size, at, n;

	(void)state;
	for (size = 1; size < 40; size++) {
		envelope_init(&v, env);
		buf_clear(&notes);
		buf_clear(&all);
		buf_addf(&all,
		    "warn\n@rb one\nx @rb two\n@rb \n\n@rb%send\nlast",
		    v.nonce);
		for (at = 0; at < all.len; at += n) {
			n = all.len - at < size ? all.len - at : size;
			assert_int_equal(v.is_err_done,
			    at >= all.len - strlen("last"));
			envelope_err(&v, piece(all.data + at, n), on_note,
			    &notes);
			if (at + n >= all.len - strlen("last"))
				break;
		}
		assert_true(v.is_err_done);
		assert_string_equal(buf_str(&notes), "<one><>");
		envelope_err_text(&v, &text);
		assert_memory_equal(buf_str(&text), "warn; x @rb two", 15);
		envelope_done(&v);
	}
	buf_done(&notes);
	buf_done(&text);
	buf_done(&all);
}

/* A line without an end does not grow without an end. */
static void
test_endless_line(void **state)
{
	static const char junk[1000] = { 'j' };
	struct buf text = BUF_INIT;
	struct envelope v;
	int i;

	(void)state;
	envelope_init(&v, env);
	for (i = 0; i < 1000; i++)
		envelope_err(&v, piece(junk, sizeof(junk)), NULL, NULL);
	assert_true(v.line.len <= 65536 && v.tail.len <= 4096);
	envelope_err_text(&v, &text);
	assert_true(text.len <= 4096);
	buf_done(&text);
	envelope_done(&v);
}

/* What is sent holds no marker, so that an echo of it is none. */
static void
test_wrap(void **state)
{
	struct buf out = BUF_INIT;
	struct envelope v;
	size_t said;
	char *end;

	(void)state;
	envelope_init(&v, env);
	envelope_wrap(&v, "echo 'it''s'", &out);
	said = strtoul(buf_str(&out), &end, 10);
	assert_int_equal(*end, '\n');
	assert_int_equal(strlen(end + 1), said);
	assert_null(strstr(buf_str(&out), v.nonce));
	buf_done(&out);
	envelope_done(&v);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_not_ours),
		cmocka_unit_test(test_standard_error),
		cmocka_unit_test(test_endless_line),
		cmocka_unit_test(test_wrap),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
