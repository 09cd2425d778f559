/* jsonscan_test.c - one verdict however it is cut, the same as Python's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream/filter.h"
#include "unit/stream/tools.h"

/* Texts that C can write; more are made from them by cutting and changing. */
static const char *const corpus[] = {
	"{}",
	"[]",
	"null",
	"true",
	"false",
	"0",
	"-0",
	"1",
	"12",
	"-1.5",
	"1e5",
	"1E+5",
	"1.25e-7",
	"\"\"",
	"\"a\"",
	" [ ] ",
	"\n{\t}\r\n",
	"[1,2,3]",
	"[[],[[]],{}]",
	"{\"a\":1}",
	"{\"a\":{\"b\":[1,{}]}}",
	"{\"a\":1,\"a\":2}",
	"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
	"\"\\u00e5\\uD834\\uDD1E\"",
	"\"\\ud800\"",
	"NaN",
	"Infinity",
	"-Infinity",
	"[NaN,-Infinity]",
	"\"\xc3\xa6\xe2\x82\xac\"",
	"\"\xf0\x9f\x98\x80\"",
	"\"\xf4\x8f\xbf\xbf\"",
	"\"\xed\x9f\xbf\"",
	"\"\xee\x80\x80\"",
	"\"\x7f\"",
	"[0.0,1.0]",
	"{\"doc-1\": {\"content\": \"x\\ny\", \"len\": 3}, \"k\": [0.1, -2e3]}",
	"\xef\xbb\xbf{}",
	"\xef\xbb\xbf \"x\"",
	/* From here on: not JSON. */
	"",
	" ",
	"\n",
	"{",
	"[",
	"}",
	"]",
	"{]",
	"[}",
	"[1,]",
	"{\"a\":1,}",
	"[,1]",
	"[1 2]",
	"{\"a\" 1}",
	"{a:1}",
	"{1:1}",
	"{\"a\"}",
	"{\"a\":}",
	"{,}",
	"[1]]",
	"[1] x",
	"1 2",
	"{}{}",
	"\"",
	"\"a",
	"\"\\",
	"\"\\u",
	"\"\\u12\"",
	"\"\\u12g4\"",
	"\"\\x41\"",
	"\"\\a\"",
	"\"a\nb\"",
	"\"a\tb\"",
	"\"\x01\"",
	"'a'",
	"nul",
	"nulll",
	"True",
	"tru",
	"fals",
	"nan",
	"Nan",
	"NaNx",
	"+1",
	"-",
	"01",
	"-01",
	"1.",
	".5",
	"1.e5",
	"1e",
	"1e+",
	"0x10",
	"1_000",
	"--1",
	"-NaN",
	"-I",
	"Infinit",
	"+Infinity",
	"[1,2",
	"{\"a\":[1",
	"[\"a",
	"[true",
	"// c\n1",
	"/**/1",
	"\f1",
	"\xa0",
	"\xc3\xa6",
	"\"\xc3\"",
	"\"\xc3(\"",
	"\"\xa0\"",
	"\"\xc0\xaf\"",
	"\"\xe0\x80\xaf\"",
	"\"\xed\xa0\x80\"",
	"\"\xf0\x80\x80\xaf\"",
	"\"\xf4\x90\x80\x80\"",
	"\"\xf8\x88\x80\x80\x80\"",
	"\"\xff\"",
	"\xef\xbb\xbf",
	"\xef\xbb",
	" \xef\xbb\xbf{}",
	"\xef\xbb\xbf\xef\xbb\xbf{}",
	"{\"a\":\"\\",
	"[-]",
	"[1e]",
	"[\"a\":1]",
	"{\"a\":1:2}",
	"{\"a\",1}",
};

static int
verdict(const char *p, size_t n, struct err *e)
{
	struct jsonscan j;

	err_clear(e);
	jsonscan_init(&j);
	if (jsonscan_write(&j, p, n, e) == -1)
		return -1;
	return jsonscan_end(&j, e);
}

/* The verdict, the same cut at every place and byte by byte. */
static int
verdict_cut(const char *p, size_t n)
{
	struct err e = ERR_INIT;
	int want = verdict(p, n, &e), rc;
	struct jsonscan j;
	size_t cut;

	for (cut = 0; cut <= n; cut++) {
		jsonscan_init(&j);
		rc = jsonscan_write(&j, p, cut, &e);
		if (rc == 0)
			rc = jsonscan_write(&j, p + cut, n - cut, &e);
		if (rc == 0)
			rc = jsonscan_end(&j, &e);
		assert_int_equal(rc, want);
	}
	jsonscan_init(&j);
	for (cut = 0, rc = 0; rc == 0 && cut < n; cut++)
		rc = jsonscan_write(&j, p + cut, 1, &e);
	if (rc == 0)
		rc = jsonscan_end(&j, &e);
	assert_int_equal(rc, want);
	return want;
}

/* One case into the file that Python reads: length as 4 bytes, then bytes. */
static void
add_case(struct buf *cases, struct buf *verdicts, const char *p, size_t n)
{
	uint8_t len[4] = { (uint8_t)(n >> 24), (uint8_t)(n >> 16),
		(uint8_t)(n >> 8), (uint8_t)n };

	buf_add(cases, len, 4);
	buf_add(cases, p, n);
	buf_addc(verdicts, verdict_cut(p, n) == 0 ? '1' : '0');
}

static void
add_changed(struct buf *cases, struct buf *verdicts, const char *p, size_t n)
{
	static const char with[] = "\"\\{}[],:0-eE.+ntNI u/\n\x80\xbf\xc3\xed";
	char text[128];
	size_t i, c;

	for (i = 0; i < n; i++)
		add_case(cases, verdicts, p, i);
	if (n == 0 || n > sizeof(text))
		return;
	for (i = 0; i < n; i++)
		for (c = 0; c < sizeof(with) - 1; c++) {
			memcpy(text, p, n);
			text[i] = with[c];
			add_case(cases, verdicts, text, n);
		}
}

/*
 * json.loads() of bytes decodes UTF-16 and 32 too, which nobody writes into
 * these files, and lets surrogates pass: decode strictly, as open() would.
 */
static const char judge[] =
    "import json\n"
    "d = open('cases', 'rb').read()\n"
    "i, out = 0, []\n"
    "while i < len(d):\n"
    "    n = int.from_bytes(d[i:i + 4], 'big')\n"
    "    t = d[i + 4:i + 4 + n]\n"
    "    i += 4 + n\n"
    "    try:\n"
    "        if t.startswith(b'\\xef\\xbb\\xbf'): t = t[3:]\n"
    "        t = t.decode('utf-8')\n"
    "        json.loads('' if t.startswith('\\ufeff') else t)\n"
    "        out.append('1')\n"
    "    except ValueError:\n"
    "        out.append('0')\n"
    "open('verdicts', 'w').write(''.join(out))\n";

static void
test_same_as_python(void **state)
{
	struct buf cases = BUF_INIT, verdicts = BUF_INIT;
	char *python;
	size_t i, n;

	(void)state;
	for (i = 0; i < COUNT_OF(corpus); i++) {
		n = strlen(corpus[i]);
		add_case(&cases, &verdicts, corpus[i], n);
		add_changed(&cases, &verdicts, corpus[i], n);
	}
	add_case(&cases, &verdicts, "\0", 1);
	add_case(&cases, &verdicts, "\"\0\"", 3);
	add_case(&cases, &verdicts, "\"\\\0\"", 4);
	tools_write("cases", cases.data, cases.len);
	tools_write("judge.py", judge, strlen(judge));
	assert_int_equal(tools_run("python3 judge.py"), 0);
	python = tools_read("verdicts", &n);
	assert_int_equal(n, verdicts.len);
	for (i = 0; i < n; i++)
		if (python[i] != verdicts.data[i])
			fail_msg("case %zu: Python says %c", i, python[i]);
	assert_true(n > 10000);
	assert_non_null(strchr(python, '1'));
	assert_non_null(strchr(python, '0'));
	free(python);
	buf_done(&cases);
	buf_done(&verdicts);
}

static void
test_words(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "empty, not JSON" },
		{ " \n", "empty, not JSON" },
		{ "{\"a\": \"bcd",
		    "JSON truncated after 10 bytes: "
		    "unterminated string from byte 6" },
		{ "{\"a\": [1, 2",
		    "JSON truncated after 11 bytes, 2 levels "
		    "deep" },
		{ "[1,]", "not JSON at byte 3: a value was expected" },
		{ "{\"a\":1 \"b\":2}",
		    "not JSON at byte 7: ',' or '}' was "
		    "expected" },
		{ "[\"\xff\"]", "not JSON at byte 2: not UTF-8" },
		{ "{} x", "not JSON at byte 3: something behind the value" },
	};
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(bad); i++) {
		assert_int_equal(verdict(bad[i].text, strlen(bad[i].text), &e),
		    -1);
		assert_int_equal(e.code, ERR_CHECK);
		assert_string_equal(e.msg, bad[i].why);
	}
}

static void
test_depth(void **state)
{
	char text[2 * (JSONSCAN_DEPTH + 1)];
	struct err e = ERR_INIT;
	size_t n;

	(void)state;
	for (n = JSONSCAN_DEPTH; n <= JSONSCAN_DEPTH + 1; n++) {
		memset(text, '[', n);
		memset(text + n, ']', n);
		assert_int_equal(verdict(text, 2 * n, &e),
		    n == JSONSCAN_DEPTH ? 0 : -1);
	}
	assert_non_null(strstr(e.msg, "nested too deep"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_as_python),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_depth),
	};
	int rc;

	tools_init();
	rc = cmocka_run_group_tests(tests, NULL, NULL);
	tools_done();
	return rc;
}
