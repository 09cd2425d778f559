/* ctl_cmds_test.c - the command table and its syntax column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "wire/ctl_cmds.h"

static void
test_params(void **state)
{
	struct ctl_param p[CTL_PARAM_MAX];
	const struct ctl_cmd *c = ctl_cmd_find("history");

	(void)state;
	assert_int_equal(ctl_cmd_params(c, p), 5);
	assert_string_equal(p[0].name, "job");
	assert_string_equal(p[0].kind, "JOB");
	assert_false(p[0].is_required);
	assert_false(p[0].is_option);
	assert_string_equal(p[1].name, "limit");
	assert_string_equal(p[1].kind, "N");
	assert_true(p[1].is_option);
	c = ctl_cmd_find("trigger");
	assert_int_equal(ctl_cmd_params(c, p), 2);
	assert_true(p[0].is_required);
	assert_string_equal(p[1].name, "wait");
	assert_string_equal(p[1].kind, "");
	assert_int_equal(ctl_cmd_params(ctl_cmd_find("ping"), p), 0);
}

/* Every row can be read: a bad one would stop the program here. */
static void
test_every_row(void **state)
{
	struct ctl_param p[CTL_PARAM_MAX];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(ctl_cmds); i++) {
		assert_int_equal(ctl_cmds[i].id, i);
		(void)ctl_cmd_params(&ctl_cmds[i], p);
		assert_ptr_equal(ctl_cmd_find(ctl_cmds[i].name), &ctl_cmds[i]);
		assert_true(strlen(ctl_cmds[i].help) < 70);
	}
	assert_null(ctl_cmd_find("histroy"));
	assert_string_equal(ctl_cmd_nearest("histroy"), "history");
	assert_null(ctl_cmd_nearest("xyzzy"));
}

static void
test_args(void **state)
{
	static const struct {
		const char *cmd, *args;
		bool is_good;
	} rows[] = {
		{ "ping", "{}", true },
		{ "ping", "{\"x\":1}", false },
		{ "trigger", "{}", false },
		{ "trigger", "{\"job\":\"a\"}", true },
		{ "trigger", "{\"job\":\"a\",\"wait\":true}", true },
		{ "trigger", "{\"job\":\"a\",\"wait\":1}", false },
		{ "trigger", "{\"job\":1}", false },
		{ "show", "{\"run\":1}", true },
		{ "show", "{\"run\":0}", false },
		{ "show", "{\"run\":\"1\"}", false },
		{ "history", "{\"limit\":-1}", false },
		{ "history", "{\"since\":\"yesterday\"}", false },
		{ "history", "{\"since\":\"2026-01-01T00:00:00Z\"}", true },
		{ "history", "{\"job\":null}", true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT_OF(rows); i++) {
		struct err e = ERR_INIT;
		json_t *args = json_loads(rows[i].args, 0, NULL);

		assert_int_equal(ctl_cmd_check_args(ctl_cmd_find(rows[i].cmd),
				     args, &e),
		    rows[i].is_good ? 0 : -1);
		if (!rows[i].is_good)
			assert_int_equal(e.code, ERR_USAGE);
		json_decref(args);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_params),
		cmocka_unit_test(test_every_row),
		cmocka_unit_test(test_args),
	};

	return cmocka_run_group_tests_name("ctl_cmds", tests, NULL, NULL);
}
