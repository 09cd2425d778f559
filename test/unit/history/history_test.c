/* history_test.c - what is written is read, in order, also after a restart. */
#include "unit/history/fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#define T0 INT64_C(1774746000000) /* 2026-03-29T01:00:00Z */

static void
set_run(struct fixture *f, int64_t run, json_t *set)
{
	struct answer a = { 0 };

	history_run_set(f->h, run, set, on_done, &a);
	await_ok(f, &a);
}

static void
step_run(struct fixture *f, int64_t run, const char *step, int64_t at,
    int64_t bytes, const char *error)
{
	struct answer a = { 0 };

	history_run_step(f->h, run, step, at, bytes, error, on_done, &a);
	await_ok(f, &a);
}

static void
store_run(struct fixture *f, int64_t run, const char *store,
    const char *verdict, int64_t bytes, const char *error, int64_t at)
{
	struct answer a = { 0 };

	history_run_store(f->h, run, store, verdict, bytes, error, at, on_done,
	    &a);
	await_ok(f, &a);
}

static json_t *
get_run(struct fixture *f, int64_t run)
{
	struct answer a = { 0 };

	history_run_get(f->h, run, on_json, &a);
	await_ok(f, &a);
	return a.value;
}

static json_t *
list_runs(struct fixture *f, const struct history_filter *filter)
{
	struct answer a = { 0 };

	history_runs(f->h, filter, on_json, &a);
	await_ok(f, &a);
	return a.value;
}

static json_t *
list_jobs(struct fixture *f)
{
	struct answer a = { 0 };

	history_jobs(f->h, on_json, &a);
	await_ok(f, &a);
	return a.value;
}

/* A run through all that is recorded of one. */
static void
test_run(void **state)
{
	struct fixture f;
	json_t *r, *v;
	int64_t run;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	run = add_run(&f, "lightrag", T0, T0 + 1000);
	step_run(&f, run, "PREPARE", T0 + 2000, 0, NULL);
	step_run(&f, run, "QUIESCE", T0 + 3000, 10, NULL);
	step_run(&f, run, "UNDO", T0 + 4000, 20, "host gone");
	store_run(&f, run, "local", "sending", 0, NULL, T0 + 4000);
	store_run(&f, run, "offsite", "sending", 0, NULL, T0 + 4000);
	store_run(&f, run, "local", "sealed", 77, NULL, T0 + 5000);
	store_run(&f, run, "offsite", "dropped", 5, "403", T0 + 5500);
	set_run(&f, run,
	    json_pack("{s:I s:I s:I s:s s:i s:i s:i s:i s:s s:[s]"
		      " s:s s:s s:{s:s} s:s s:{s:b}}",
		"started", (json_int_t)T0 + 2000, "as_of",
		(json_int_t)T0 + 3500, "finished", (json_int_t)T0 + 6000,
		"state", "partial", "downtime_ms", 1500, "healthy_ms", 900,
		"bytes_read", 100, "bytes_stored", 77, "snapshot",
		"20260329-010003", "warnings", "idle not checked", "error",
		"it's \"bad\"; DROP TABLE runs", "error_code", "run-partial",
		"source", "host", "vm", "details", "text", "health", "ok", 1));
	/* Twice: what the first and the reopened database say is the same. */
	for (int i = 0; i < 2; i++) {
		r = get_run(&f, run);
		assert_int_equal(json_object_del(r, "uuid"), 0);
		v = json_object_get(r, "steps");
		assert_json(v,
		    "[{\"bytes\":10,\"error\":null,\"finished\":"
		    "\"2026-03-29T01:00:03Z\",\"started\":"
		    "\"2026-03-29T01:00:02Z\",\"step\":\"PREPARE\"},"
		    "{\"bytes\":20,\"error\":\"host gone\",\"finished\":"
		    "\"2026-03-29T01:00:04Z\",\"started\":"
		    "\"2026-03-29T01:00:03Z\",\"step\":\"QUIESCE\"},"
		    "{\"bytes\":null,\"error\":null,\"finished\":"
		    "\"2026-03-29T01:00:06Z\",\"started\":"
		    "\"2026-03-29T01:00:04Z\",\"step\":\"UNDO\"}]");
		assert_int_equal(json_object_del(r, "steps"), 0);
		v = json_object_get(r, "stores");
		assert_json(v,
		    "[{\"bytes\":77,\"error\":null,\"finished\":"
		    "\"2026-03-29T01:00:05Z\",\"started\":"
		    "\"2026-03-29T01:00:04Z\",\"store\":\"local\","
		    "\"verdict\":\"sealed\"},{\"bytes\":5,\"error\":\"403\","
		    "\"finished\":\"2026-03-29T01:00:05.500Z\",\"started\":"
		    "\"2026-03-29T01:00:04Z\",\"store\":\"offsite\","
		    "\"verdict\":\"dropped\"}]");
		assert_int_equal(json_object_del(r, "stores"), 0);
		assert_json(r,
		    "{\"as_of\":\"2026-03-29T01:00:03.500Z\","
		    "\"attempt\":1,\"bytes_read\":100,\"bytes_stored\":77,"
		    "\"config\":{\"name\":\"lightrag\"},\"details\":\"text\","
		    "\"downtime_ms\":1500,"
		    "\"error\":\"it's \\\"bad\\\"; DROP TABLE runs\","
		    "\"error_code\":\"run-partial\","
		    "\"finished\":\"2026-03-29T01:00:06Z\","
		    "\"health\":{\"ok\":true},\"healthy_ms\":900,"
		    "\"job\":\"lightrag\",\"kind\":\"backup\","
		    "\"queued\":\"2026-03-29T01:00:01Z\",\"run\":1,"
		    "\"scheduled_for\":\"2026-03-29T01:00:00Z\","
		    "\"snapshot\":\"20260329-010003\","
		    "\"source\":{\"host\":\"vm\"},"
		    "\"started\":\"2026-03-29T01:00:02Z\","
		    "\"state\":\"partial\",\"step\":\"UNDO\","
		    "\"trigger\":\"schedule\","
		    "\"warnings\":[\"idle not checked\"]}");
		json_decref(r);
		fixture_close(&f);
		fixture_open(&f);
	}
	fixture_done(&f);
}

static void
test_unknown(void **state)
{
	struct answer a[5] = { 0 };
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	history_run_get(f.h, 7, on_json, &a[0]);
	history_run_step(f.h, 7, "PREPARE", T0, 0, NULL, on_done, &a[1]);
	history_run_set(f.h, 7, json_pack("{s:s}", "state", "done"), on_done,
	    &a[2]);
	history_run_store(f.h, 7, "local", "sending", 0, NULL, T0, on_done,
	    &a[3]);
	history_debt_failed(f.h, 7, T0, "no", on_done, &a[4]);
	for (size_t i = 0; i < COUNT_OF(a); i++) {
		if (!a[i].has_come)
			await(&f, &a[i]);
		assert_int_equal(a[i].err.code, ERR_NOT_FOUND);
	}
	fixture_done(&f);
}

/* A member that a run has not, or one of a wrong type, sets nothing. */
static void
test_set_refused(void **state)
{
	struct answer a = { 0 }, b = { 0 };
	struct fixture f;
	int64_t run;
	json_t *r;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	run = add_run(&f, "j", 0, T0);
	history_run_set(f.h, run,
	    json_pack("{s:s s:s}", "state", "done", "uuid", "x"), on_done, &a);
	await(&f, &a);
	assert_int_equal(a.err.code, ERR_INTERNAL);
	history_run_set(f.h, run,
	    json_pack("{s:s s:s}", "state", "done", "started", "soon"), on_done,
	    &b);
	await(&f, &b);
	assert_int_equal(b.err.code, ERR_CONFLICT);
	r = get_run(&f, run);
	assert_string_equal(json_get_str(r, "state", ""), "running");
	assert_true(json_is_null(json_object_get(r, "started")));
	json_decref(r);
	fixture_done(&f);
}

static void
check_page(struct fixture *f, const struct history_filter *filter,
    const char *expect)
{
	json_t *list = list_runs(f, filter), *r;
	char have[200] = "";
	size_t i;

	json_array_foreach(list, i, r)
		(void)snprintf(have + strlen(have), sizeof(have) - strlen(have),
		    "%d ", (int)json_get_int(r, "run", 0));
	assert_string_equal(have, expect);
	json_decref(list);
}

static void
test_filters(void **state)
{
	static const struct {
		struct history_filter filter;
		const char *runs;
	} cases[] = {
		{ { 0 }, "10 9 8 7 6 5 4 3 2 1 " },
		{ { .limit = 3 }, "10 9 8 " },
		{ { .limit = 3, .before_run = 8 }, "7 6 5 " },
		{ { .job = "b" }, "10 8 6 4 2 " },
		{ { .job = "b", .state = "done" }, "6 " },
		{ { .state = "done" }, "9 6 3 " },
		{ { .kind = "verify" }, "" },
		{ { .kind = "backup", .limit = 1 }, "10 " },
		{ { .since_ms = T0 + 4, .until_ms = T0 + 7 }, "6 5 4 " },
		{ { .job = "a", .since_ms = T0 + 6 }, "9 7 " },
		{ { .job = "a' OR '1'='1" }, "" },
	};
	struct fixture f;
	size_t i;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	for (i = 1; i <= 10; i++) {
		int64_t run = add_run(&f, i % 2 == 0 ? "b" : "a", 0,
		    T0 + (int64_t)i);

		if (i % 3 == 0)
			set_run(&f, run, json_pack("{s:s}", "state", "done"));
	}
	for (i = 0; i < COUNT_OF(cases); i++)
		check_page(&f, &cases[i].filter, cases[i].runs);
	fixture_done(&f);
}

static void
test_unfinished(void **state)
{
	struct answer a = { 0 };
	struct fixture f;
	int64_t run;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	set_run(&f, add_run(&f, "a", 0, T0),
	    json_pack("{s:s}", "state", "done"));
	run = add_run(&f, "b", 0, T0);
	step_run(&f, run, "QUIESCE", T0, 0, NULL);
	fixture_close(&f);
	fixture_open(&f);
	history_unfinished(f.h, on_json, &a);
	await_ok(&f, &a);
	assert_int_equal(json_array_size(a.value), 1);
	assert_json(json_object_get(json_array_get(a.value, 0), "config"),
	    "{\"name\":\"b\"}");
	assert_json(json_object_get(json_array_get(a.value, 0), "step"),
	    "\"QUIESCE\"");
	json_decref(a.value);
	fixture_done(&f);
}

static void
test_jobs(void **state)
{
	struct answer a[6] = { 0 };
	struct fixture f;
	json_t *jobs, *j;
	size_t i;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	set_run(&f, add_run(&f, "a", T0, T0),
	    json_pack("{s:s}", "state", "done"));
	set_run(&f, add_run(&f, "a", T0 - 5, T0),
	    json_pack("{s:s}", "state", "failed"));
	(void)add_run(&f, "b", 0, T0);
	history_firing(f.h, "b", T0 + 60, "skipped", "paused", on_done, &a[0]);
	history_firing(f.h, "b", T0 + 90, "missed", NULL, on_done, &a[1]);
	history_pause(f.h, "b", true, on_done, &a[2]);
	history_pause(f.h, "c", true, on_done, &a[3]);
	history_pause(f.h, "c", false, on_done, &a[4]);
	history_job_seen(f.h, "c", T0 + 1, on_done, &a[5]);
	for (i = 0; i < COUNT_OF(a); i++)
		if (!a[i].has_come)
			await_ok(&f, &a[i]);
	fixture_close(&f);
	fixture_open(&f);
	jobs = list_jobs(&f);
	assert_int_equal(json_object_size(jobs), 3);
	j = json_object_get(jobs, "a");
	/* Bookkeeping never steps back. */
	assert_int_equal(json_get_int(j, "last_due", 0), T0);
	assert_false(json_get_bool(j, "paused", true));
	assert_json(json_object_get(json_object_get(j, "last"), "run"), "2");
	assert_json(json_object_get(json_object_get(j, "last_ok"), "run"), "1");
	j = json_object_get(jobs, "b");
	assert_int_equal(json_get_int(j, "last_due", 0), T0 + 90);
	assert_true(json_get_bool(j, "paused", false));
	assert_true(json_is_null(json_object_get(j, "last_ok")));
	j = json_object_get(jobs, "c");
	assert_int_equal(json_get_int(j, "last_due", 0), T0 + 1);
	assert_true(json_is_null(json_object_get(j, "last")));
	json_decref(jobs);
	memset(&a[0], 0, sizeof(a[0]));
	history_firings(f.h, "b", 0, on_json, &a[0]);
	await_ok(&f, &a[0]);
	assert_int_equal(json_array_size(a[0].value), 2);
	j = json_array_get(a[0].value, 1);
	assert_string_equal(json_get_str(j, "verdict", ""), "skipped");
	assert_string_equal(json_get_str(j, "reason", ""), "paused");
	assert_string_equal(json_get_str(j, "due", ""),
	    "2026-03-29T01:00:00.060Z");
	json_decref(a[0].value);
	fixture_done(&f);
}

static json_t *
list_debts(struct fixture *f)
{
	struct answer a = { 0 };

	history_debts(f->h, on_json, &a);
	await_ok(f, &a);
	return a.value;
}

static void
test_debts(void **state)
{
	struct answer a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 }, bad = { 0 };
	json_t *data = json_pack("{s:[s,s]}", "ids", "c1", "c2"), *list;
	struct fixture f;
	int64_t run;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	run = add_run(&f, "a", 0, T0);
	history_debt_add(f.h, run, "a", "services", "vm", data, T0, on_id, &a);
	history_debt_add(f.h, 0, "a", "staging", NULL, NULL, T0, on_id, &b);
	json_decref(data);
	await_ok(&f, &a);
	if (!b.has_come)
		await_ok(&f, &b);
	history_debt_failed(f.h, a.id, T0 + 1000, "no route", on_done, &c);
	await_ok(&f, &c);
	fixture_close(&f);
	fixture_open(&f);
	list = list_debts(&f);
	assert_json(list,
	    "[{\"attempts\":1,\"created\":"
	    "\"2026-03-29T01:00:00Z\",\"data\":{\"ids\":[\"c1\",\"c2\"]},"
	    "\"debt\":1,\"host\":\"vm\",\"job\":\"a\",\"kind\":\"services\","
	    "\"last_attempt\":\"2026-03-29T01:00:01Z\",\"last_error\":"
	    "\"no route\",\"run\":1},{\"attempts\":0,\"created\":"
	    "\"2026-03-29T01:00:00Z\",\"data\":{},\"debt\":2,\"host\":null,"
	    "\"job\":\"a\",\"kind\":\"staging\",\"last_attempt\":null,"
	    "\"last_error\":null,\"run\":null}]");
	json_decref(list);
	history_debt_settle(f.h, a.id, on_done, &d);
	await_ok(&f, &d);
	list = list_debts(&f);
	assert_int_equal(json_array_size(list), 1);
	json_decref(list);
	/* A debt of a run that is not there would never be looked for. */
	history_debt_add(f.h, 99, "a", "upload", NULL, NULL, T0, on_id, &bad);
	await(&f, &bad);
	assert_int_equal(bad.err.code, ERR_CONFLICT);
	assert_int_equal(bad.id, 0);
	fixture_done(&f);
}

/* Read the file as another program would, while the history is open. */
static void
test_deletions_and_reader(void **state)
{
	struct answer a = { 0 };
	sqlite3 *other;
	sqlite3_stmt *q;
	struct fixture f;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	history_deleted(f.h, 0, "local", "20260101-000000", "keep last 4", T0,
	    on_done, &a);
	await_ok(&f, &a);
	assert_int_equal(sqlite3_open_v2(f.path, &other, SQLITE_OPEN_READONLY,
			     NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(other,
			     "SELECT store || snapshot"
			     " || reason || at FROM deletions",
			     -1, &q, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(q, 0),
	    "local20260101-000000keep last 41774746000000");
	/* Writes go on under its open read. */
	(void)add_run(&f, "a", 0, T0);
	(void)sqlite3_finalize(q);
	(void)sqlite3_close(other);
	fixture_done(&f);
}

struct ordered {
	struct fixture *f;
	struct answer answer;
	int *next;
	int number;
	bool again;
};

static void
on_ordered(void *arg, int64_t id, const struct err *e)
{
	struct ordered *o = arg;

	assert_null(e);
	assert_true(id > 0);
	assert_int_equal(o->number, (*o->next)++);
	if (o->again) {
		o->again = false;
		o->number += 100;
		history_debt_add(o->f->h, 0, "j", "upload", NULL, NULL, T0,
		    on_ordered, o);
	}
}

/* Closing answers all, in order, and what those answers ask as well. */
static void
test_order_and_close(void **state)
{
	struct ordered o[100] = { 0 };
	struct fixture f;
	int next = 0, i;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	for (i = 0; i < 100; i++) {
		o[i].f = &f;
		o[i].next = &next;
		o[i].number = i;
		o[i].again = true;
		history_debt_add(f.h, 0, "j", "upload", NULL, NULL, T0,
		    on_ordered, &o[i]);
		assert_int_equal(next, 0);
	}
	fixture_close(&f);
	assert_int_equal(next, 200);
	fixture_done(&f);
}

static void
raw_exec(const char *path, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
expect_refused(struct fixture *f, enum err_code code)
{
	struct err e = ERR_INIT;

	assert_null(history_open(f->env, f->path, &e));
	assert_int_equal(e.code, code);
	assert_non_null(strstr(e.msg, f->path));
}

static void
test_open(void **state)
{
	struct fixture f;
	char instance[ENV_UUID_SIZE];
	struct stat st;
	FILE *fp;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	(void)add_run(&f, "a", 0, T0);
	assert_int_equal(stat(f.path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	strcpy(instance, history_instance(f.h));
	assert_int_equal(strlen(instance), 36);
	fixture_close(&f);
	fixture_open(&f);
	assert_string_equal(history_instance(f.h), instance);
	fixture_close(&f);
	raw_exec(f.path, "PRAGMA user_version = 99");
	expect_refused(&f, ERR_CONFIG);
	assert_int_equal(unlink(f.path), 0);
	assert_non_null(fp = fopen(f.path, "w"));
	for (int i = 0; i < 2000; i++)
		(void)fputs("not a database ", fp);
	assert_int_equal(fclose(fp), 0);
	expect_refused(&f, ERR_CORRUPT);
	assert_int_equal(unlink(f.path), 0);
	assert_int_equal(mkdir(f.path, 0700), 0);
	expect_refused(&f, ERR_CONFIG);
	assert_int_equal(rmdir(f.path), 0);
	fixture_done(&f);
}

/* A page in the middle overwritten: found when opening. */
static void
test_damaged_page(void **state)
{
	struct fixture f;
	char junk[4096];
	FILE *fp;
	int i;

	(void)state;
	fixture_init(&f);
	fixture_open(&f);
	for (i = 0; i < 50; i++)
		(void)add_run(&f, "a", 0, T0);
	fixture_close(&f);
	memset(junk, 0x5a, sizeof(junk));
	assert_non_null(fp = fopen(f.path, "r+"));
	for (i = 3; i < 12; i++) {
		assert_int_equal(fseek(fp, i * 4096L, SEEK_SET), 0);
		assert_int_equal(fwrite(junk, 1, sizeof(junk), fp),
		    sizeof(junk));
	}
	assert_int_equal(fclose(fp), 0);
	expect_refused(&f, ERR_CORRUPT);
	fixture_done(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_set_refused),
		cmocka_unit_test(test_filters),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_jobs),
		cmocka_unit_test(test_debts),
		cmocka_unit_test(test_deletions_and_reader),
		cmocka_unit_test(test_order_and_close),
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_damaged_page),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
