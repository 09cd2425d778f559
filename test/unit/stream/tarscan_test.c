/* tarscan_test.c - tars of every maker, cut, damaged and forged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "stream/filter.h"
#include "unit/stream/tools.h"

#define BLOCK ((size_t)512)
#define GIB ((int64_t)1024 * 1024 * 1024)

/* What the hooks saw: "name size sum\n" each. */
struct seen {
	struct buf list;
	int64_t left;
	unsigned sum;
	bool is_inside;
};

static void
on_begin(void *arg, const char *name, int64_t size)
{
	struct seen *s = arg;

	assert_false(s->is_inside);
	s->is_inside = true;
	s->left = size;
	s->sum = 0;
	buf_addf(&s->list, "%s %lld", name, (long long)size);
}

static void
on_data(void *arg, const void *p, size_t n)
{
	struct seen *s = arg;
	const uint8_t *b = p;
	size_t i;

	assert_true(s->is_inside);
	assert_true((int64_t)n <= s->left);
	s->left -= (int64_t)n;
	for (i = 0; i < n; i++)
		s->sum = (s->sum * 31 + b[i]) % 1000003;
}

static void
on_end(void *arg)
{
	struct seen *s = arg;

	assert_true(s->is_inside);
	assert_int_equal(s->left, 0);
	s->is_inside = false;
	buf_addf(&s->list, " %u\n", s->sum);
}

static int
scan(const void *data, size_t n, size_t piece_size, struct seen *s,
    int64_t *entries, struct err *e)
{
	struct tarscan_hooks hooks = { on_begin, on_data, on_end, s };
	struct tarscan *t = tarscan_new(s != NULL ? &hooks : NULL);
	const uint8_t *p = data;
	size_t piece;
	int rc = 0;

	err_clear(e);
	for (; rc == 0 && n > 0; p += piece, n -= piece) {
		piece = n < piece_size ? n : piece_size;
		rc = tarscan_write(t, p, piece, e);
	}
	if (rc == 0)
		rc = tarscan_end(t, e);
	if (entries != NULL)
		*entries = tarscan_entries(t);
	tarscan_free(t);
	return rc;
}

/* A tree with all that a tar can hold; listed by Python for comparison. */
static const char make_tree[] =
    "rm -rf d && mkdir -p d/sub && cd d && seq 1 3000 >numbers && : >empty && "
    "printf x >one && head -c 512 /dev/zero >block && ln numbers hard && "
    "ln -s numbers soft && mkfifo pipe && "
    "l=$(printf '%0130d' 7) && mkdir -p $l/$l && echo deep >$l/$l/file$l && "
    "ln $l/$l/file$l hard$l && ln -s $l/$l/file$l soft$l && "
    "echo '{}' >sub/store.json && cd ..";

static const char list_tree[] =
    "import tarfile\n"
    "t = tarfile.open('x.tar')\n"
    "out = open('list', 'w')\n"
    "n = 0\n"
    "for m in t:\n"
    "    n += 1\n"
    "    if not m.isreg() or m.issparse(): continue\n"
    "    s = 0\n"
    "    for b in t.extractfile(m).read(): s = (s * 31 + b) % 1000003\n"
    "    out.write('%s %d %d\\n' % (m.name, m.size, s))\n"
    "open('count', 'w').write(str(n))\n";

static void
check_tar(void)
{
	static const size_t pieces[] = { 1, 7, 511, 512, 513, 1 << 20 };
	struct seen s = { .left = 0 };
	struct err e = ERR_INIT;
	char *tar, *list, *count;
	int64_t entries;
	size_t i, n;

	assert_int_equal(tools_run("python3 list.py"), 0);
	tar = tools_read("x.tar", &n);
	list = tools_read("list", NULL);
	count = tools_read("count", NULL);
	for (i = 0; i < COUNT_OF(pieces); i++) {
		buf_clear(&s.list);
		if (scan(tar, n, pieces[i], &s, &entries, &e) == -1)
			fail_msg("%s", e.msg);
		assert_string_equal(buf_str(&s.list), list);
		assert_int_equal(entries, atoi(count));
	}
	buf_done(&s.list);
	free(tar);
	free(list);
	free(count);
}

static void
test_every_maker(void **state)
{
	static const char *const made[] = {
		"tar -cf x.tar d",
		"tar -cf x.tar --format=gnu -C d .",
		"tar -cf x.tar --format=pax d",
		"tar -cf x.tar --format=oldgnu d",
		"tar -cf x.tar --format=ustar d/sub d/numbers d/hard",
		"tar -cf x.tar --format=v7 d/sub d/numbers d/hard",
		"tar -b 1 -cf x.tar --format=posix d",
		"bsdtar -cf x.tar d",
		"bsdtar -cf x.tar --format=pax d",
		"bsdtar -cf x.tar --format=gnutar d",
		"bsdtar -cf x.tar --format=ustar d/sub d/numbers d/hard",
		"busybox tar -cf x.tar d",
		"busybox tar -cf - -C d . >x.tar",
		"python3 -c 'import tarfile; t = tarfile.open(\"x.tar\", \"w\", "
		"format=tarfile.PAX_FORMAT); t.add(\"d\"); t.close()'",
		"python3 -c 'import tarfile; t = tarfile.open(\"x.tar\", \"w\", "
		"format=tarfile.GNU_FORMAT); t.add(\"d\"); t.close()'",
		"python3 -c 'import tarfile; t = tarfile.open(\"x.tar\", \"w\", "
		"format=tarfile.PAX_FORMAT, pax_headers={\"comment\": "
		"\"all\"}); t.add(\"d\"); t.close()'",
		"tar -cf x.tar -T /dev/null",
	};
	bool has_gnu;
	size_t i;

	(void)state;
	assert_int_equal(tools_run(make_tree), 0);
	tools_write("list.py", list_tree, strlen(list_tree));
	has_gnu = tools_run("tar --version | grep GNU") == 0;
	for (i = 0; i < COUNT_OF(made); i++) {
		if ((str_has_prefix(made[i], "tar") && !has_gnu) ||
		    (str_has_prefix(made[i], "bsdtar") &&
			!tools_has("bsdtar")) ||
		    (str_has_prefix(made[i], "busybox") &&
			!tools_has("busybox")))
			continue;
		if (tools_run(made[i]) != 0)
			fail_msg("%s", made[i]);
		check_tar();
	}
}

/* Sparse members are counted and skipped; what follows is seen. */
static void
test_sparse(void **state)
{
	static const char *const formats[] = { "gnu",
		"pax --sparse-version=0.0", "pax --sparse-version=0.1",
		"pax --sparse-version=1.0" };
	struct seen s = { .left = 0 };
	struct err e = ERR_INIT;
	int64_t entries;
	char *tar, *line;
	size_t i, n;

	(void)state;
	assert_int_equal(
	    tools_run(
		"rm -f holes.json; i=0; while [ $i -lt 60 ]; "
		"do printf '{' | dd of=holes.json bs=8192 seek=$i conv=notrunc; "
		"i=$((i+2)); done; echo '{}' >after.json"),
	    0);
	for (i = 0; i < COUNT_OF(formats); i++) {
		line = xasprintf("tar -S -cf x.tar --format=%s holes.json "
				 "after.json",
		    formats[i]);
		if (tools_run(line) != 0) { /* Not GNU tar. */
			free(line);
			continue;
		}
		free(line);
		tar = tools_read("x.tar", &n);
		buf_clear(&s.list);
		if (scan(tar, n, 100, &s, &entries, &e) == -1)
			fail_msg("%s: %s", formats[i], e.msg);
		assert_int_equal(entries, 2);
		assert_non_null(strstr(buf_str(&s.list), "after.json 3 "));
		if (n < 491520) /* The file system keeps holes. */
			assert_null(strstr(buf_str(&s.list), "holes.json"));
		free(tar);
	}
	buf_done(&s.list);
}

static void
test_truncated(void **state)
{
	struct err e = ERR_INIT;
	struct seen s = { .left = 0 };
	size_t i, n, end;
	char *tar;

	(void)state;
	assert_int_equal(tools_run("mkdir -p t && seq 1 300 >t/a.json && "
				   "echo >t/b && tar -cf x.tar --format=pax t"),
	    0);
	tar = tools_read("x.tar", &n);
	for (end = n; end > 0 && tar[end - 1] == '\0'; end--)
		;
	end = (end + BLOCK - 1) / BLOCK * BLOCK + 2 * BLOCK;
	assert_true(n >= end);
	/* At every boundary, and a byte on either side of it. */
	for (i = 0; i <= n; i += i % BLOCK == 1 ? BLOCK - 2 : 1) {
		s.is_inside = false;
		buf_clear(&s.list);
		assert_int_equal(scan(tar, i, 300, &s, NULL, &e),
		    i >= end ? 0 : -1);
		if (i >= end)
			continue;
		assert_int_equal(e.code, ERR_CORRUPT);
		assert_non_null(strstr(e.msg, "truncated"));
	}
	for (i = 0; i < end; i += BLOCK)
		assert_int_equal(scan(tar, i, n, NULL, NULL, &e), -1);
	buf_done(&s.list);
	free(tar);
}

static void
put_sum(uint8_t *h)
{
	unsigned sum = 0;
	size_t i;

	memset(h + 148, ' ', 8);
	for (i = 0; i < BLOCK; i++)
		sum += h[i];
	(void)snprintf((char *)h + 148, 8, "%06o", sum);
}

static void
put_head(uint8_t *h, const char *name, char type, int64_t size)
{
	char text[32];

	memset(h, 0, BLOCK);
	memcpy(h, name, strlen(name));
	(void)snprintf(text, sizeof(text), "%011llo", (long long)size);
	memcpy(h + 124, text, 12);
	h[156] = (uint8_t)type;
	memcpy(h + 257, "ustar\00000", 8);
	put_sum(h);
}

/* Sizes beyond octal's 8 GiB, data and all; the data is not looked at. */
static void
test_nine_gib(void **state)
{
	static uint8_t zeros[1024 * 1024];
	struct err e = ERR_INIT;
	uint8_t head[3 * BLOCK];
	struct seen s = { .left = 0 };
	struct tarscan *t;
	int64_t left, size = 9 * GIB;
	int form;

	(void)state;
	for (form = 0; form < 2; form++) {
		put_head(head + 2 * BLOCK, "big", '0', 0);
		if (form == 0) { /* Base-256. */
			head[2 * BLOCK + 124] = 0x80;
			memset(head + 2 * BLOCK + 125, 0, 11);
			head[2 * BLOCK + 131] = 2;
			head[2 * BLOCK + 132] = 0x40;
			put_sum(head + 2 * BLOCK);
		} else {
			put_head(head, "x", 'x', 19);
			memset(head + BLOCK, 0, BLOCK);
			memcpy(head + BLOCK, "19 size=9663676416\n", 19);
		}
		t = tarscan_new(NULL);
		assert_int_equal(tarscan_write(t,
				     head + (form == 0 ? 2 * BLOCK : 0),
				     form == 0 ? BLOCK : 3 * BLOCK, &e),
		    0);
		for (left = size; left > 0; left -= (int64_t)sizeof(zeros))
			assert_int_equal(tarscan_write(t, zeros, sizeof(zeros),
					     &e),
			    0);
		assert_int_equal(tarscan_end(t, &e), -1);
		assert_int_equal(tarscan_write(t, zeros, 1024, &e), 0);
		assert_int_equal(tarscan_end(t, &e), 0);
		assert_int_equal(tarscan_entries(t), 1);
		tarscan_free(t);
		/* Cut behind the header: named, with what is missing. */
		buf_clear(&s.list);
		s.is_inside = false;
		assert_int_equal(scan(form == 0 ? head + 2 * BLOCK : head,
				     form == 0 ? BLOCK : 3 * BLOCK, 99, &s,
				     NULL, &e),
		    -1);
		assert_string_equal(buf_str(&s.list), "big 9663676416");
		assert_non_null(strstr(e.msg, "inside 'big', 9663676416"));
	}
	buf_done(&s.list);
}

static void
test_damaged_header(void **state)
{
	uint8_t tar[3 * BLOCK];
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	memset(tar, 0, sizeof(tar));
	put_head(tar, "name", '0', 0);
	assert_int_equal(scan(tar, sizeof(tar), 100, NULL, NULL, &e), 0);
	for (i = 0; i < BLOCK; i++) {
		if (i >= 148 && i < 156)
			continue;
		tar[i] ^= 1;
		assert_int_equal(scan(tar, sizeof(tar), 100, NULL, NULL, &e),
		    -1);
		assert_int_equal(e.code, ERR_CORRUPT);
		tar[i] ^= 1;
	}
}

/* ${n} blocks, then the end; the verdict's text. */
static void
assert_refused(const uint8_t *blocks, size_t n, const char *why)
{
	uint8_t tar[8 * BLOCK];
	struct err e = ERR_INIT;

	memset(tar, 0, sizeof(tar));
	memcpy(tar, blocks, n * BLOCK);
	assert_int_equal(scan(tar, (n + 2) * BLOCK, 100, NULL, NULL, &e), -1);
	assert_int_equal(e.code, ERR_CORRUPT);
	if (strstr(e.msg, why) == NULL)
		fail_msg("'%s' is not in '%s'", why, e.msg);
}

static void
test_forged(void **state)
{
	uint8_t b[4 * BLOCK];
	char type;

	(void)state;
	for (type = '1'; type <= '6'; type++) {
		put_head(b, "x", type, 1);
		assert_refused(b, 1, "with data");
	}
	put_head(b, "x", 'M', 0);
	assert_refused(b, 1, "multi-volume");
	put_head(b, "x", '0', 0);
	memcpy(b + 124, "12345678901", 11);
	put_sum(b);
	assert_refused(b, 1, "wrong size");
	memset(b + 124, 0xff, 12); /* Minus one. */
	put_sum(b);
	assert_refused(b, 1, "wrong size");
	b[124] = 0x80; /* Beyond 63 bits. */
	put_sum(b);
	assert_refused(b, 1, "wrong size");
	put_head(b, "x", 'x', 5 * 1024 * 1024);
	assert_refused(b, 1, "more than 4 MiB");
	memset(b, 0, BLOCK);
	put_head(b + BLOCK, "x", '0', 0);
	assert_refused(b, 2, "lone zero block");
	memset(b, 0, sizeof(b));
	b[1030] = 1;
	assert_refused(b, 3, "behind the end");
}

static void
test_forged_pax(void **state)
{
	static const char *const bad[] = {
		"x",
		"5 a\n",
		"99 path=a\n",
		"0 path=a\n",
		"9 path=a\n ",
		"10 pathab\n",
		"8 =abcd\n",
		"10 path=a ",
		"-1 path=a\n",
		"10 size=x\n",
		"11 size=-1\n",
		"10path=a\n",
		"4 =\n",
		"33 size=99999999999999999999999\n",
		"99999999999999999999 a",
	};
	uint8_t b[4 * BLOCK];
	struct err e = ERR_INIT;
	size_t i, n;

	(void)state;
	memset(b, 0, sizeof(b));
	for (i = 0; i < COUNT_OF(bad); i++) {
		n = strlen(bad[i]);
		put_head(b, "x", 'x', (int64_t)n);
		memset(b + BLOCK, 0, BLOCK);
		memcpy(b + BLOCK, bad[i], n);
		put_head(b + 2 * BLOCK, "y", '0', 0);
		assert_refused(b, 3, "pax");
	}
	put_head(b, "x", 'x', 10);
	memcpy(b + BLOCK, "10 path=\0\n", 10);
	assert_refused(b, 3, "NUL");
	memcpy(b + BLOCK, "10 path=a\n", 10);
	assert_refused(b, 2, "without its member");
	put_head(b, "x", 'g', 10);
	assert_refused(b, 3, "for all members");
	put_head(b, "x", 'L', 4);
	assert_refused(b, 2, "without its member");
	put_head(b, "x", 'x', 10);
	memset(b + 3 * BLOCK, 0, BLOCK);
	assert_int_equal(scan(b, 4 * BLOCK, 9, NULL, NULL, &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_maker),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_nine_gib),
		cmocka_unit_test(test_damaged_header),
		cmocka_unit_test(test_forged),
		cmocka_unit_test(test_forged_pax),
	};
	int rc;

	tools_init();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	tools_done();
	return rc;
}
