/* chain_test.c - plain and stored figures, tar and data checks in a row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/chain.h"
#include "unit/stream/tools.h"

/* What came of one pass. */
struct pass {
	struct stream_result r;
	struct buf stored;
	struct err err;
};

static void
pass(struct pass *x, const struct stream_opt *opt, const char *p, size_t n,
    size_t block_size)
{
	struct chain *c = chain_new(opt);
	struct blockq out = { .ring = NULL };
	struct block *b;
	int rc = 0;

	memset(&x->r, 0, sizeof(x->r));
	buf_clear(&x->stored);
	err_clear(&x->err);
	while (rc == 0 && n > 0) {
		b = block_new(block_size);
		b->len = n < block_size ? n : block_size;
		memcpy(b->data, p, b->len);
		p += b->len;
		n -= b->len;
		rc = chain_write(c, b, &out, &x->err);
		block_unref(b);
	}
	if (rc == 0)
		rc = chain_end(c, &out, &x->err);
	assert_int_equal(rc, x->err.code == ERR_NONE ? 0 : -1);
	while ((b = blockq_take(&out)) != NULL) {
		buf_add(&x->stored, b->data, b->len);
		block_unref(b);
	}
	blockq_done(&out);
	chain_result(c, &x->r);
	chain_free(c);
}

/* What Python says of a file in the directory. */
static void
assert_sha256(const char *name, const char *hex)
{
	char *line = xasprintf(
	    "python3 -c 'import hashlib; assert "
	    "hashlib.sha256(open(\"%s\", \"rb\").read()).hexdigest() == "
	    "\"%s\"'",
	    name, hex);

	assert_int_equal(tools_run(line), 0);
	free(line);
}

static void
test_figures(void **state)
{
	struct stream_opt here = { .is_compressed_here = true, .is_tar = true };
	struct stream_opt host = { .is_gzip_plain = true, .is_tar = true };
	struct stream_opt bare = { .is_tar = true };
	struct pass x = { .stored = BUF_INIT };
	char *tar, *gz;
	size_t n, ngz;

	(void)state;
	assert_int_equal(
	    tools_run("mkdir -p d && seq 1 200000 >d/a && "
		      "echo >d/b && tar -cf x.tar d && gzip -c x.tar >x.gz"),
	    0);
	tar = tools_read("x.tar", &n);
	gz = tools_read("x.gz", &ngz);

	pass(&x, &here, tar, n, 65536);
	assert_int_equal(x.err.code, ERR_NONE);
	assert_int_equal(x.r.entries, 3);
	assert_int_equal(x.r.plain_size, n);
	assert_int_equal(x.r.size, x.stored.len);
	assert_sha256("x.tar", x.r.plain_sha256);
	tools_write("ours.gz", x.stored.data, x.stored.len);
	assert_sha256("ours.gz", x.r.sha256);
	assert_int_equal(tools_run("gzip -dc ours.gz | cmp - x.tar"), 0);

	pass(&x, &host, gz, ngz, 1000);
	assert_int_equal(x.err.code, ERR_NONE);
	assert_int_equal(x.r.entries, 3);
	assert_int_equal(x.r.plain_size, n);
	assert_int_equal(x.r.size, ngz);
	assert_sha256("x.tar", x.r.plain_sha256);
	assert_sha256("x.gz", x.r.sha256);
	assert_int_equal(x.stored.len, ngz);
	assert_memory_equal(x.stored.data, gz, ngz);

	pass(&x, &bare, tar, n, 3);
	assert_int_equal(x.err.code, ERR_NONE);
	assert_int_equal(x.r.size, n);
	assert_sha256("x.tar", x.r.sha256);

	/* Not what was announced, or not all of it. */
	pass(&x, &host, tar, n, 65536);
	assert_int_equal(x.err.code, ERR_CORRUPT);
	pass(&x, &bare, gz, ngz, 65536);
	assert_int_equal(x.err.code, ERR_CORRUPT);
	pass(&x, &here, tar, n / 2, 65536);
	assert_int_equal(x.err.code, ERR_CORRUPT);
	pass(&x, &host, gz, ngz - 1, 65536);
	assert_int_equal(x.err.code, ERR_CORRUPT);
	free(tar);
	free(gz);
	buf_done(&x.stored);
}

/* A whole gzip of half a tar is no backup either. */
static void
test_truncated_before_it_was_compressed(void **state)
{
	struct stream_opt host = { .is_gzip_plain = true, .is_tar = true };
	struct pass x = { .stored = BUF_INIT };
	size_t ngz;
	char *gz;

	(void)state;
	assert_int_equal(tools_run("seq 1 9000 >s && tar -cf x.tar s && "
				   "head -c 20480 x.tar | gzip >x.gz"),
	    0);
	gz = tools_read("x.gz", &ngz);
	pass(&x, &host, gz, ngz, 999);
	assert_int_equal(x.err.code, ERR_CORRUPT);
	assert_non_null(strstr(x.err.msg, "tar truncated"));
	free(gz);
	buf_done(&x.stored);
}

static void
check_data(const char *make, unsigned checked, unsigned malformed,
    const char *first)
{
	struct stream_opt opt = { .is_compressed_here = true,
		.is_tar = true,
		.has_data_checks = true };
	struct pass x = { .stored = BUF_INIT };
	char *tar, *line;
	size_t n, piece;

	line = xasprintf(
	    "rm -rf d && mkdir -p d/ws && cd d && { %s; } && "
	    "cd .. && find d | sort | tar --no-recursion -cf x.tar -T -",
	    make);
	assert_int_equal(tools_run(line), 0);
	free(line);
	tar = tools_read("x.tar", &n);
	for (piece = 1; piece < 400000; piece = piece * 37 + 1) {
		pass(&x, &opt, tar, n, piece);
		assert_int_equal(x.err.code, ERR_NONE);
		assert_int_equal(x.r.checked, checked);
		assert_int_equal(x.r.malformed, malformed);
		assert_string_equal(x.r.check.msg, first);
		assert_int_equal(x.r.check.code,
		    malformed == 0 ? ERR_NONE : ERR_CHECK);
	}
	free(tar);
	buf_done(&x.stored);
}

static void
test_data_checks(void **state)
{
	(void)state;
	check_data("echo '{}' >kv_store_full_docs.json; echo '[1]' >ws/v.json; "
		   "echo '<graphml/>' >ws/g.graphml; echo '{' >note.txt; "
		   "printf '\\000\\005' >._v.json; echo '{' >a.json.tmp",
	    3, 0, "");
	check_data("printf '{\"a\": \"b' >kv_store_doc_status.json; "
		   "echo '[' >ws/v.json; echo '{}' >ok.json",
	    3, 2,
	    "'d/kv_store_doc_status.json': JSON truncated after 8 bytes: "
	    "unterminated string from byte 6");
	check_data(": >a.json", 1, 1, "'d/a.json': empty, not JSON");
	check_data(": >a.graphml", 1, 1, "'d/a.graphml': empty, not GraphML");
	check_data("echo '<graphml><node>' >ws/g.graphml; echo 1 >ws/h.json", 2,
	    1, "'d/ws/g.graphml': not XML at byte 16: no element found");
	check_data("mkdir x.json; ln -s nowhere y.json; echo 1 >z", 0, 0, "");
	check_data("echo 1 >a.json; ln a.json b.json", 1, 0, "");
}

static void
test_queue(void **state)
{
	struct blockq a = { .ring = NULL }, b = { .ring = NULL };
	struct block *x;
	size_t i, taken = 0;

	(void)state;
	for (i = 0; i < 1000; i++) {
		x = block_new(8);
		x->len = i % 8 + 1;
		x->data[0] = (uint8_t)i;
		blockq_add(&a, x);
		if (i % 3 != 0)
			continue;
		x = blockq_take(&a);
		assert_int_equal(x->data[0], (uint8_t)taken++);
		block_unref(x);
	}
	assert_int_equal(a.n, 1000 - taken);
	assert_int_equal(blockq_at(&a, 0)->data[0], (uint8_t)taken);
	blockq_move(&b, &a);
	assert_int_equal(a.n, 0);
	assert_int_equal(a.bytes, 0);
	assert_int_equal(blockq_at(&b, b.n - 1)->data[0], (uint8_t)999);
	assert_null(blockq_take(&a));
	blockq_done(&a);
	blockq_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_truncated_before_it_was_compressed),
		cmocka_unit_test(test_data_checks),
		cmocka_unit_test(test_queue),
	};
	int rc;

	tools_init();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	tools_done();
	return rc;
}
