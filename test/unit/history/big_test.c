/* big_test.c - a hundred thousand runs are no hindrance. */
#include "unit/history/fixture.h"

#include <sqlite3.h>

#define T0 INT64_C(1774746000000)

static const char fill[] =
    "BEGIN;"
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
    " WHERE i < 100000) INSERT INTO runs (uuid, job, kind, state, \"trigger\","
    " queued, attempt) SELECT 'u' || i, 'job' || (i % 20), 'backup',"
    " CASE WHEN i % 97 = 0 THEN 'failed' ELSE 'done' END, 'schedule',"
    " 1774746000000 + i * 1000, 1 FROM n;"
    "INSERT INTO run_docs (run, config, details) SELECT run,"
    " '{\"text\":\"' || hex(zeroblob(500)) || '\"}', '{}' FROM runs;"
    "INSERT INTO run_stores (run, store, verdict, bytes, started)"
    " SELECT run, 'local', 'sealed', 5, 1 FROM runs;"
    "INSERT INTO jobs (job) SELECT DISTINCT job FROM runs;"
    "COMMIT;";

static void
timed_list(struct fixture *f, const char *what,
    const struct history_filter *filter, size_t expect)
{
	struct answer a = { 0 };
	int64_t start = env_mono_ms(f->env);

	history_runs(f->h, filter, on_json, &a);
	await_ok(f, &a);
	start = env_mono_ms(f->env) - start;
	print_message("           %-24s %4d ms\n", what, (int)start);
	assert_int_equal(json_array_size(a.value), expect);
	assert_true(start < 5000);
	json_decref(a.value);
}

static void
test_many_runs(void **state)
{
	struct history_filter f100 = { .limit = 100 };
	struct history_filter job = { .job = "job7", .limit = 100 };
	struct history_filter failed = { .state = "failed", .limit = 100 };
	struct history_filter page = { .limit = 100, .before_run = 50001 };
	struct history_filter both = { .job = "job7", .state = "failed" };
	struct history_filter old = { .until_ms = T0 + 5000000, .limit = 100 };
	struct history_filter since = { .since_ms = T0 + 99990500 };
	struct answer a = { 0 };
	struct fixture f;
	sqlite3 *db;
	int64_t start;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	fixture_close(&f);
	assert_int_equal(sqlite3_open(f.path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, fill, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	start = env_mono_ms(f.env);
	fixture_open(&f);
	print_message("           %-24s %4d ms\n", "open and check",
	    (int)(env_mono_ms(f.env) - start));
	timed_list(&f, "newest 100", &f100, 100);
	timed_list(&f, "newest 100 of a job", &job, 100);
	timed_list(&f, "newest 100 failed", &failed, 100);
	timed_list(&f, "failed of a job", &both, 51);
	timed_list(&f, "a page in the middle", &page, 100);
	timed_list(&f, "the oldest by time", &old, 100);
	timed_list(&f, "the newest by time", &since, 10);
	start = env_mono_ms(f.env);
	history_jobs(f.h, on_json, &a);
	await_ok(&f, &a);
	print_message("           %-24s %4d ms\n", "jobs",
	    (int)(env_mono_ms(f.env) - start));
	assert_int_equal(json_object_size(a.value), 20);
	json_decref(a.value);
	fixture_done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_runs),
	};

	return cmocka_run_group_tests_name("big", tests, NULL, NULL);
}
