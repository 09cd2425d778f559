/* xmlscan_test.c - GraphML as networkx writes it, damaged, hostile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "stream/filter.h"

static const char good[] =
    "<?xml version='1.0' encoding='utf-8'?>\n"
    "<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">"
    "<key id=\"d0\" for=\"node\" attr.name=\"description\"/>\n"
    "<graph edgedefault=\"undirected\"><!-- c --><node id=\"&quot;A&quot;\">"
    "<data key=\"d0\">x &lt; y &#229; \xc3\xa5<![CDATA[<raw>]]></data></node>"
    "</graph></graphml>\n";

static int
scan(const char *p, size_t n, size_t piece_size, struct err *e)
{
	struct xmlscan *x = xmlscan_new();
	size_t piece;
	int rc = 0;

	err_clear(e);
	for (; rc == 0 && n > 0; p += piece, n -= piece) {
		piece = n < piece_size ? n : piece_size;
		rc = xmlscan_write(x, p, piece, e);
	}
	if (rc == 0)
		rc = xmlscan_end(x, e);
	xmlscan_free(x);
	return rc;
}

static void
test_good(void **state)
{
	static const char *const more[] = {
		"<graphml/>",
		"<graphml></graphml>\n<!-- behind -->",
		"<g:graphml xmlns:g='http://graphml.graphdrawing.org/xmlns'/>",
	};
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 1; i <= sizeof(good); i++)
		assert_int_equal(scan(good, sizeof(good) - 1, i, &e), 0);
	for (i = 0; i < COUNT_OF(more); i++)
		assert_int_equal(scan(more[i], strlen(more[i]), 3, &e), 0);
}

static void
test_truncated(void **state)
{
	struct err e = ERR_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) - 2; i++) {
		assert_int_equal(scan(good, i, 50, &e), -1);
		assert_int_equal(e.code, ERR_CHECK);
	}
}

static void
test_bad(void **state)
{
	static const struct {
		const char *text, *why;
	} bad[] = {
		{ "", "empty, not GraphML" },
		{ "<html/>", "XML, but not GraphML" },
		{ "<graphmlx></graphmlx>", "XML, but not GraphML" },
		{ "{}", "not XML at byte" },
		{ "<graphml><a></b></graphml>", "mismatched tag" },
		{ "<graphml/><graphml/>", "not XML at byte" },
		{ "<graphml>&nope;</graphml>", "undefined entity" },
		{ "<graphml>\xff</graphml>", "not XML at byte" },
		{ "<graphml>\x01</graphml>", "not XML at byte" },
		{ "<!DOCTYPE graphml><graphml/>", "DOCTYPE" },
		{ "<!DOCTYPE g SYSTEM 'file:///etc/passwd'><graphml/>",
		    "DOCTYPE" },
		{ "<!DOCTYPE g [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]>"
		  "<graphml>&b;</graphml>",
		    "DOCTYPE" },
	};
	struct err e = ERR_INIT;
	size_t i, piece;

	(void)state;
	for (i = 0; i < COUNT_OF(bad); i++)
		for (piece = 1; piece < 100; piece += 11) {
			assert_int_equal(scan(bad[i].text, strlen(bad[i].text),
					     piece, &e),
			    -1);
			assert_int_equal(e.code, ERR_CHECK);
			if (strstr(e.msg, bad[i].why) == NULL)
				fail_msg("%s: %s", bad[i].text, e.msg);
		}
}

/* What makes a parser hoard: one endless tag, endless depth, endless names. */
static void
test_memory_is_capped(void **state)
{
	struct err e = ERR_INIT;
	struct buf text = BUF_INIT;
	struct xmlscan *x;
	int form, i;

	(void)state;
	for (form = 0; form < 3; form++) {
		x = xmlscan_new();
		assert_int_equal(xmlscan_write(x, "<graphml>", 9, &e), 0);
		if (form == 0)
			assert_int_equal(xmlscan_write(x, "<a b='", 6, &e), 0);
		for (i = 0; i < 10000000; i++) {
			buf_clear(&text);
			while (text.len < 100000)
				buf_addf(&text,
				    form == 0       ? "%d"
					: form == 1 ? "<node%d>"
						    : "<a b%d=''/>",
				    i * 100000 + (int)text.len);
			if (xmlscan_write(x, text.data, text.len, &e) == -1)
				break;
		}
		assert_in_range(i, form == 0 ? 10 : 2, 100);
		assert_non_null(strstr(e.msg, "too complex"));
		xmlscan_free(x);
	}
	buf_done(&text);
}

/* Character data may be endless. */
static void
test_long_text(void **state)
{
	struct err e = ERR_INIT;
	char *text = xmalloc(1000000);
	struct xmlscan *x = xmlscan_new();
	int i;

	(void)state;
	memset(text, 'x', 1000000);
	assert_int_equal(xmlscan_write(x, "<graphml>", 9, &e), 0);
	for (i = 0; i < 50; i++)
		assert_int_equal(xmlscan_write(x, text, 1000000, &e), 0);
	assert_int_equal(xmlscan_write(x, "</graphml>", 10, &e), 0);
	assert_int_equal(xmlscan_end(x, &e), 0);
	xmlscan_free(x);
	xmlscan_free(NULL);
	free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_memory_is_capped),
		cmocka_unit_test(test_long_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
