/* xml_test.c - what stores answer, and what nobody should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "store/xml.h"

static struct xml *
parse(const char *text)
{
	struct err e = ERR_INIT;
	struct xml *x = xml_parse(text, strlen(text), &e);

	if (x == NULL)
		fail_msg("%s", e.msg);
	return x;
}

static void
refuse(const char *text, const char *why)
{
	struct err e = ERR_INIT;

	assert_null(xml_parse(text, strlen(text), &e));
	assert_int_equal(e.code, ERR_PROTOCOL);
	if (strstr(e.msg, why) == NULL)
		fail_msg("'%s' is not in '%s'", why, e.msg);
}

static void
test_list(void **state)
{
	struct xml *x = parse(
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	    "<s3:ListBucketResult xmlns:s3=\"http://s3.example/doc\">"
	    "<Name>b</Name><IsTruncated>true</IsTruncated>"
	    "<Contents><Key>a &amp; b</Key><Size>3</Size></Contents>"
	    "<CommonPrefixes><Prefix>x/</Prefix></CommonPrefixes>"
	    "<s3:Contents><Key Encoded=\"true\">&#xe6;<![CDATA[<>]]> </Key>"
	    "<Size/></s3:Contents></s3:ListBucketResult>");
	const struct xml *c = xml_find(x, "Contents");

	(void)state;
	assert_string_equal(x->name, "ListBucketResult");
	assert_string_equal(xml_text(x, "IsTruncated", "-"), "true");
	assert_string_equal(xml_text(x, "Marker", "-"), "-");
	assert_string_equal(xml_text(c, "Key", NULL), "a & b");
	c = xml_next(c);
	assert_string_equal(xml_text(c, "Key", NULL), "\xc3\xa6<> ");
	assert_string_equal(xml_text(xml_find(c, "Key"), "@Encoded", ""),
	    "true");
	assert_string_equal(xml_text(c, "Size", "-"), "");
	assert_null(xml_next(c));
	assert_null(xml_find(NULL, "Key"));
	assert_string_equal(xml_text(NULL, "Key", "-"), "-");
	xml_free(x);
	xml_free(NULL);
}

static void
test_before(void **state)
{
	struct xml *x = parse("\xef\xbb\xbf<?xml version=\"1.0\"?><A>1</A>");

	(void)state;
	assert_string_equal(x->text, "1");
	xml_free(x);
	x = parse("\xef\xbb\xbf\r\n \t<?xml version=\"1.0\"?><A>2</A>\n");
	assert_string_equal(x->text, "2");
	xml_free(x);
	/* As S3 sends while it completes an upload. */
	x = parse("\n   \n<?xml version=\"1.0\"?>\n<A>3</A>");
	assert_string_equal(x->text, "3");
	xml_free(x);
}

static void
test_malformed(void **state)
{
	(void)state;
	refuse("", "no element");
	refuse("  \n", "no element");
	refuse("\xef\xbb\xbf", "no element");
	refuse("not XML", "line 1");
	refuse("<A>", "line 1");
	refuse("<A></B>", "mismatched");
	refuse("<A/><B/>", "junk");
	refuse("<A>&nbsp;</A>", "entity");
	refuse("<A>\xff\xfe</A>", "line 1");
	refuse("<A>\x01</A>", "line 1");
	refuse("<A x='1' x='2'/>", "duplicate");
}

static void
test_entities(void **state)
{
	(void)state;
	refuse("<!DOCTYPE a [<!ENTITY x \"ha\">]><a>&x;</a>", "document type");
	refuse("<!DOCTYPE lolz [<!ENTITY a \"lol\"><!ENTITY b "
	       "\"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\"><!ENTITY c "
	       "\"&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;\">]><lolz>&c;</lolz>",
	    "document type");
	refuse("<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
	       "<a>&x;</a>",
	    "document type");
	refuse("<!DOCTYPE html><html/>", "document type");
}

static void
test_depth(void **state)
{
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct xml *x;
	int depth, i;

	(void)state;
	for (depth = 32; depth <= 33; depth++) {
		for (i = 0; i < depth; i++)
			buf_adds(&b, "<a>");
		for (i = 0; i < depth; i++)
			buf_adds(&b, "</a>");
		x = xml_parse(buf_str(&b), b.len, &e);
		assert_int_equal(x != NULL, depth == 32);
		xml_free(x);
		buf_clear(&b);
	}
	assert_int_equal(e.code, ERR_PROTOCOL);
	assert_non_null(strstr(e.msg, "deeply"));
	/* A million that never end are refused at the 33rd. */
	for (i = 0; i < 1000000; i++)
		buf_adds(&b, "<a>");
	assert_null(xml_parse(buf_str(&b), b.len, &e));
	buf_done(&b);
}

static void
test_escape(void **state)
{
	struct buf b = BUF_INIT;
	struct xml *x;

	(void)state;
	buf_adds(&b, "<K>");
	xml_escape(&b, "a&b<c>\"d'e\xc3\xa6&");
	buf_adds(&b, "</K>");
	assert_string_equal(buf_str(&b),
	    "<K>a&amp;b&lt;c&gt;&quot;d&apos;e\xc3\xa6&amp;</K>");
	x = parse(buf_str(&b));
	assert_string_equal(x->text, "a&b<c>\"d'e\xc3\xa6&");
	xml_free(x);
	buf_clear(&b);
	xml_escape(&b, "");
	assert_string_equal(buf_str(&b), "");
	buf_done(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_before),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_entities),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_escape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
