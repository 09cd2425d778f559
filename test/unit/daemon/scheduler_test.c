/*
 * scheduler_test.c - weeks of schedules on a clock of the test's own, with a
 * real history and a stand-in for the runner.
 */
#include "unit/daemon/scheduler_world.h"

#include <stdio.h>

/* 04:00 on Sundays in Oslo, over the change to summer time. */
static void
test_weeks(void **state)
{
	struct world *w;
	int64_t at[3];

	(void)state;
	w = world_new("2026-03-18T12:00:00Z", "0 4 * * 0", "Europe/Oslo", DAY);
	assert_int_equal(scheduler_next(w->d.scheduler, "j", 3, at), 3);
	assert_true(at[0] == instant("2026-03-22T03:00:00Z"));
	assert_true(at[1] == instant("2026-03-29T02:00:00Z"));
	assert_true(at[2] == instant("2026-04-05T02:00:00Z"));
	assert_int_equal(scheduler_next(w->d.scheduler, "none", 3, at), 0);
	assert_int_equal(scheduler_next(w->d.scheduler, "unscheduled", 3, at),
	    0);
	/* Nothing from before it was first seen. */
	check(w, "");
	pass(w, 20 * DAY);
	check(w,
	    "schedule 03-22T03:00, schedule 03-29T02:00, "
	    "schedule 04-05T02:00");
	world_free(w);
}

static void
test_on_time(void **state)
{
	struct world *w;
	unsigned before;

	(void)state;
	w = world_new("2026-03-18T12:00:10Z", "*/5 * * * *", "UTC", 0);
	pass(w, 4 * MINUTE + 49 * SECOND + 999);
	assert_int_equal(w->triggered, 0);
	pass(w, 1);
	assert_int_equal(w->triggered, 1);
	/* Idle, it looks every half minute and no more often. */
	before = w->clock.fired;
	pass(w, 4 * MINUTE);
	assert_int_equal(w->clock.fired - before, 8);
	world_free(w);
}

/* Down for days: the newest is made up for, what came before is merged. */
static void
test_catch_up(void **state)
{
	struct world *w;

	(void)state;
	w = world_new("2026-03-18T12:00:00Z", "0 4 * * *", "UTC", DAY);
	pass(w, DAY);
	stop(w);
	w->clock.wall += 3 * DAY;
	start(w);
	check(w,
	    "schedule 03-19T04:00, catch-up 03-22T04:00, "
	    "merged 03-20T04:00, merged 03-21T04:00");
	check_reason(w, "merged into the run for 2026-03-22T04:00:00Z");
	/* Once: neither by and by nor by another start. */
	pass(w, HOUR);
	stop(w);
	start(w);
	pass(w, 15 * HOUR);
	check(w,
	    "schedule 03-19T04:00, catch-up 03-22T04:00, "
	    "schedule 03-23T04:00, merged 03-20T04:00, merged 03-21T04:00");
	world_free(w);
}

static void
test_missed(void **state)
{
	struct world *w;

	(void)state;
	w = world_new("2026-03-18T12:00:00Z", "0 4 * * *", "UTC", 7 * HOUR);
	stop(w);
	w->clock.wall += 2 * DAY; /* To 12:00: eight hours late. */
	start(w);
	check(w, "missed 03-19T04:00, missed 03-20T04:00");
	check_reason(w, "8h late, more than catch_up allows");
	pass(w, DAY);
	check(w,
	    "schedule 03-21T04:00, missed 03-19T04:00, "
	    "missed 03-20T04:00");
	world_free(w);
}

/* Without catch_up a restart of seconds still does not lose a firing. */
static void
test_short_restart(void **state)
{
	struct world *w;

	(void)state;
	w = world_new("2026-03-18T03:59:50Z", "0 4 * * *", "UTC", 0);
	stop(w);
	w->clock.wall += 20 * SECOND;
	start(w);
	check(w, "schedule 03-18T04:00");
	stop(w);
	w->clock.wall += DAY + 61 * SECOND;
	start(w);
	check(w, "schedule 03-18T04:00, missed 03-19T04:00");
	world_free(w);
}

/* With it, one that was missed is a catch-up however late it is. */
static void
test_short_catch_up(void **state)
{
	struct world *w;

	(void)state;
	w = world_new("2026-03-18T04:00:01Z", "*/4 * * * * *", "UTC", HOUR);
	stop(w);
	w->clock.wall += 13 * SECOND;
	start(w);
	pass(w, 5 * SECOND);
	check(w,
	    "catch-up 03-18T04:00, schedule 03-18T04:00, "
	    "merged 03-18T04:00, merged 03-18T04:00");
	world_free(w);
}

static void
test_asleep(void **state)
{
	struct world *w;

	(void)state;
	w = world_new("2026-03-18T03:00:00Z", "0 4 * * *", "UTC", DAY);
	/* The machine sleeps: the timers' clock stands still. */
	w->clock.wall += 5 * HOUR;
	pass(w, 30 * SECOND);
	check(w, "catch-up 03-18T04:00");
	world_free(w);
}

static void
test_very_many(void **state)
{
	struct world *w;

	(void)state;
	w = world_new("2026-03-18T12:00:30Z", "* * * * *", "UTC", DAY);
	stop(w);
	w->clock.wall += 203 * MINUTE;
	start(w);
	check(w, "catch-up 03-18T15:23, merged 03-18T15:22");
	check_reason(w,
	    "202 firings from 2026-03-18T12:01:00Z on: merged "
	    "into the run for 2026-03-18T15:23:00Z");
	stop(w);
	w->clock.wall += 400 * DAY;
	start(w);
	check(w,
	    "catch-up 03-18T15:23, catch-up 04-22T15:23, "
	    "merged 03-18T15:22, merged 04-22T15:22");
	check_reason(w,
	    "more than 10000 firings from 2026-03-18T15:24:00Z on: "
	    "merged into the run for 2027-04-22T15:23:00Z");
	world_free(w);
}

static void
test_overlap(void **state)
{
	struct world *w;

	(void)state;
	w = world_new("2026-03-18T12:00:30Z", "*/10 * * * *", "UTC", DAY);
	w->current = 42;
	pass(w, 15 * MINUTE);
	check(w, "skipped 03-18T12:10");
	check_reason(w, "overlap: run 42 still goes on");
	assert_int_equal(w->triggered, 0);
	w->current = 0;
	/* Busy in the very moment counts the same. */
	w->refuse = ERR_BUSY;
	pass(w, 10 * MINUTE);
	w->refuse = ERR_NONE;
	pass(w, 10 * MINUTE);
	check(w,
	    "schedule 03-18T12:30, skipped 03-18T12:10, "
	    "skipped 03-18T12:20");
	world_free(w);
}

static void
on_done(void *arg, const struct err *e)
{
	assert_null(e);
	*(bool *)arg = true;
}

static void
set_paused(struct world *w, bool is_paused)
{
	bool has_come = false;

	scheduler_pause(w->d.scheduler, "j", is_paused, on_done, &has_come);
	assert_false(has_come);
	drain(w);
	assert_true(has_come);
	assert_int_equal(scheduler_is_paused(w->d.scheduler, "j"), is_paused);
}

static void
test_pause(void **state)
{
	struct world *w;

	(void)state;
	w = world_new("2026-03-18T12:00:00Z", "0 4 * * *", "UTC", DAY);
	assert_false(scheduler_is_paused(w->d.scheduler, "j"));
	set_paused(w, true);
	pass(w, DAY);
	stop(w);
	start(w);
	assert_true(scheduler_is_paused(w->d.scheduler, "j"));
	pass(w, DAY);
	check(w, "skipped 03-19T04:00, skipped 03-20T04:00");
	check_reason(w, "paused");
	set_paused(w, false);
	pass(w, DAY);
	check(w,
	    "schedule 03-21T04:00, skipped 03-19T04:00, "
	    "skipped 03-20T04:00");
	world_free(w);
}

/* A clock set back runs nothing twice, now or after a restart. */
static void
test_clock_back(void **state)
{
	struct world *w;

	(void)state;
	w = world_new("2026-03-18T03:30:00Z", "0 * * * *", "UTC", DAY);
	pass(w, HOUR);
	w->clock.wall -= 2 * HOUR;
	pass(w, HOUR);
	stop(w);
	start(w);
	pass(w, 70 * MINUTE);
	check(w, "schedule 03-18T04:00");
	pass(w, HOUR);
	check(w, "schedule 03-18T04:00, schedule 03-18T05:00");
	world_free(w);
}

/* One that was years ahead for a while does not stop the job for years. */
static void
test_clock_was_ahead(void **state)
{
	struct world *w;

	(void)state;
	w = world_new("2036-01-01T00:00:00Z", "0 4 * * *", "UTC", DAY);
	pass(w, DAY);
	check(w, "schedule 01-01T04:00");
	w->clock.wall = instant("2026-03-18T12:00:00Z");
	pass(w, DAY);
	check(w, "schedule 01-01T04:00, schedule 03-19T04:00");
	world_free(w);
}

/* A firing that could not be started stays due. */
static void
test_refused_is_retried(void **state)
{
	struct world *w;

	(void)state;
	w = world_new("2026-03-18T03:59:00Z", "0 4 * * *", "UTC", DAY);
	w->refuse = ERR_NO_SPACE;
	pass(w, 10 * MINUTE);
	assert_in_range(w->triggered, 15, 25);
	check(w, "");
	w->refuse = ERR_NONE;
	pass(w, MINUTE);
	check(w, "catch-up 03-18T04:00");
	world_free(w);
}

static void
test_replan(void **state)
{
	struct world *w;
	int64_t at;

	(void)state;
	w = world_new("2026-03-18T12:00:00Z", "0 4 * * 0", "UTC", 30 * DAY);
	/* What would have been due under the new schedule was not. */
	configure(w, "0 11 * * *", "UTC", 30 * DAY);
	scheduler_replan(w->d.scheduler);
	scheduler_replan(w->d.scheduler);
	pass(w, DAY);
	check(w, "schedule 03-19T11:00");
	/* The same again changes nothing. */
	scheduler_replan(w->d.scheduler);
	pass(w, DAY);
	check(w, "schedule 03-19T11:00, schedule 03-20T11:00");
	/* A faulty one is not planned. */
	configure(w, "0 11 * * FOO", "UTC", 30 * DAY);
	scheduler_replan(w->d.scheduler);
	pass(w, DAY);
	assert_int_equal(scheduler_next(w->d.scheduler, "j", 1, &at), 0);
	configure(w, "0 11 * * *", "Nowhere/Town", 30 * DAY);
	scheduler_replan(w->d.scheduler);
	pass(w, DAY);
	assert_int_equal(scheduler_next(w->d.scheduler, "j", 1, &at), 0);
	/* One that is good again counts from now. */
	configure(w, "0 11 * * *", "UTC", 30 * DAY);
	scheduler_replan(w->d.scheduler);
	pass(w, DAY);
	check(w,
	    "schedule 03-19T11:00, schedule 03-20T11:00, "
	    "schedule 03-23T11:00");
	json_decref(w->conf.root);
	w->conf.root = json_pack("{s:{}}", "jobs");
	scheduler_replan(w->d.scheduler);
	pass(w, DAY);
	assert_int_equal(scheduler_next(w->d.scheduler, "j", 1, &at), 0);
	world_free(w);
}

/* The expression may name the zone. */
static void
test_zone_in_expression(void **state)
{
	struct world *w;
	int64_t at;

	(void)state;
	w = world_new("2026-07-01T12:00:00Z", "CRON_TZ=Europe/Oslo 0 4 * * *",
	    NULL, DAY);
	assert_int_equal(scheduler_next(w->d.scheduler, "j", 1, &at), 1);
	assert_true(at == instant("2026-07-02T02:00:00Z"));
	world_free(w);
}

/* Freed with answers on their way, it leaves nothing behind. */
/* What became due while another job was being seen to runs at once. */
static void
test_due_meanwhile(void **state)
{
	struct world *w;
	json_t *other;

	(void)state;
	w = world_new("2026-03-18T12:00:00Z", "10 * * * * *", "UTC", DAY);
	other = json_deep_copy(json_object_get(json_object_get(w->conf.root,
						   "jobs"),
	    "j"));
	json_object_set_new(json_object_get(other, "schedule"), "cron",
	    json_string("9 * * * * *"));
	json_object_set_new(json_object_get(w->conf.root, "jobs"), "k", other);
	scheduler_replan(w->d.scheduler);
	drain(w);
	w->takes = 1500;
	pass(w, 13 * SECOND);
	check(w, "schedule 03-18T12:00");
	assert_int_equal(w->triggered, 2);
	world_free(w);
}

static void
test_free_midway(void **state)
{
	struct world *w;
	bool has_come = false;

	(void)state;
	w = world_new("2026-03-18T12:00:00Z", "* * * * *", "UTC", DAY);
	scheduler_pause(w->d.scheduler, "j", true, on_done, &has_come);
	scheduler_replan(w->d.scheduler);
	scheduler_free(w->d.scheduler);
	history_close(w->d.history);
	w->d.scheduler = NULL;
	drain(w);
	assert_false(has_come);
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weeks),
		cmocka_unit_test(test_on_time),
		cmocka_unit_test(test_catch_up),
		cmocka_unit_test(test_missed),
		cmocka_unit_test(test_short_restart),
		cmocka_unit_test(test_short_catch_up),
		cmocka_unit_test(test_asleep),
		cmocka_unit_test(test_very_many),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_pause),
		cmocka_unit_test(test_clock_back),
		cmocka_unit_test(test_clock_was_ahead),
		cmocka_unit_test(test_refused_is_retried),
		cmocka_unit_test(test_replan),
		cmocka_unit_test(test_zone_in_expression),
		cmocka_unit_test(test_due_meanwhile),
		cmocka_unit_test(test_free_midway),
	};

	/* Not everybody's machine has the database. */
	if (access("/usr/share/zoneinfo/Europe/Oslo", R_OK) == -1 &&
	    access("/var/db/timezone/zoneinfo/Europe/Oslo", R_OK) == -1) {
		(void)fprintf(stderr, "scheduler: skipped: no tzdata here\n");
		return 0;
	}
	return cmocka_run_group_tests_name("scheduler", tests, NULL, NULL);
}
