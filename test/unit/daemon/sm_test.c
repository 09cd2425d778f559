/* sm_test.c - the engine: edges, durability before steps, giving back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "job/sm.h"

enum { S_START, S_TAKE, S_BACK, S_END, S_COUNT };

struct world {
	struct sm sm;
	uv_loop_t loop;
	bool is_broken; /* The history cannot be written. */
	bool is_slow;   /* The answer waits for world_answer(). */
	sm_done_fn *fn;
	void *arg;
	char trace[128];
};

static void
trace(struct world *w, const char *word)
{
	strncat(w->trace, word, sizeof(w->trace) - strlen(w->trace) - 1);
	strncat(w->trace, " ", sizeof(w->trace) - strlen(w->trace) - 1);
}

static void
step_take(void *ctx)
{
	trace(ctx, "take");
}

static void
step_back(void *ctx)
{
	trace(ctx, "back");
}

static void
step_end(void *ctx)
{
	trace(ctx, "end");
}

static const struct sm_state table[] = {
	{ "START", 1u << S_TAKE, NULL, SM_QUEUE_AGAIN, 0 },
	{ "TAKE", 1u << S_BACK, step_take, SM_UNDO, 0 },
	{ "BACK", 1u << S_END, step_back, SM_UNDO, SM_GIVES_BACK },
	{ "END", 0, step_end, SM_CLOSED, SM_FINAL },
};

static void
world_answer(void *arg)
{
	struct world *w = arg;
	struct err e;
	sm_done_fn *fn = w->fn;

	w->fn = NULL;
	if (w->is_broken) {
		(void)err_set(&e, ERR_IO, "broken");
		fn(w->arg, &e);
	} else {
		fn(w->arg, NULL);
	}
}

static void
world_persist(void *ctx, const char *name, sm_done_fn *fn, void *arg)
{
	struct world *w = ctx;

	trace(w, name);
	w->fn = fn;
	w->arg = arg;
	if (!w->is_slow)
		(void)defer_call(&w->loop, world_answer, w);
}

static void
world_lost(void *ctx, const struct err *e)
{
	(void)e;
	trace(ctx, "lost");
}

static struct world *
world_new(void)
{
	struct world *w = xcalloc(1, sizeof(*w));

	assert_int_equal(uv_loop_init(&w->loop), 0);
	w->sm.table = table;
	w->sm.count = S_COUNT;
	w->sm.ctx = w;
	w->sm.loop = &w->loop;
	w->sm.persist = world_persist;
	w->sm.lost = world_lost;
	return w;
}

static void
world_run(struct world *w)
{
	(void)uv_run(&w->loop, UV_RUN_DEFAULT);
}

static void
world_free(struct world *w)
{
	world_run(w);
	assert_true(sm_is_idle(&w->sm));
	assert_int_equal(uv_loop_close(&w->loop), 0);
	free(w);
}

static void
test_step_waits_for_durable_state(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->is_slow = true;
	sm_move(&w->sm, S_TAKE);
	world_run(w);
	assert_string_equal(w->trace, "TAKE ");
	assert_false(sm_is_idle(&w->sm));
	world_answer(w);
	assert_string_equal(w->trace, "TAKE take ");
	world_free(w);
}

static void
test_lost_state_runs_no_step(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->is_broken = true;
	sm_move(&w->sm, S_TAKE);
	world_run(w);
	assert_string_equal(w->trace, "TAKE lost ");
	world_free(w);
}

static void
test_giving_back_does_not_wait(void **state)
{
	struct world *w = world_new();

	(void)state;
	sm_move(&w->sm, S_TAKE);
	world_run(w);
	w->trace[0] = '\0';
	w->is_broken = w->is_slow = true;
	sm_move(&w->sm, S_BACK);
	/* Never from within. */
	assert_string_equal(w->trace, "BACK ");
	world_run(w);
	assert_string_equal(w->trace, "BACK back ");
	world_answer(w);
	assert_string_equal(w->trace, "BACK back ");
	world_free(w);
}

static void
test_edges(void **state)
{
	struct world *w = world_new();

	(void)state;
	assert_true(sm_may(&w->sm, S_TAKE));
	assert_false(sm_may(&w->sm, S_BACK));
	assert_false(sm_may(&w->sm, S_COUNT));
	assert_int_equal(sm_find(table, S_COUNT, "BACK"), S_BACK);
	assert_int_equal(sm_find(table, S_COUNT, "BAK"), -1);
	assert_false(sm_is_final(&w->sm));
	world_free(w);
}

static void
test_stop_forgets_the_step(void **state)
{
	struct world *w = world_new();

	(void)state;
	w->is_slow = true;
	sm_move(&w->sm, S_TAKE);
	sm_stop(&w->sm);
	world_answer(w);
	world_run(w);
	assert_string_equal(w->trace, "TAKE ");
	world_free(w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_step_waits_for_durable_state),
		cmocka_unit_test(test_lost_state_runs_no_step),
		cmocka_unit_test(test_giving_back_does_not_wait),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_stop_forgets_the_step),
	};

	return cmocka_run_group_tests_name("sm", tests, NULL, NULL);
}
