/* sm.c - see sm.h. */
#include "job/sm.h"

#include <string.h>

#include "base/crash.h"
#include "base/mem.h"

int
sm_find(const struct sm_state *table, unsigned count, const char *name)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if (strcmp(table[i].name, name) == 0)
			return (int)i;
	return -1;
}

bool
sm_may(const struct sm *m, unsigned to)
{
	return to < m->count &&
	    (m->table[m->state].may_go & UINT64_C(1) << to) != 0;
}

const char *
sm_name(const struct sm *m)
{
	return m->table[m->state].name;
}

bool
sm_is_final(const struct sm *m)
{
	return (m->table[m->state].flags & SM_FINAL) != 0;
}

static void
sm_step(struct sm *m)
{
	CRASH_POINT(sm_name(m));
	if (m->table[m->state].step != NULL)
		m->table[m->state].step(m->ctx);
}

static void
on_step_due(void *arg)
{
	struct sm *m = arg;

	m->soon = NULL;
	sm_step(m);
}

static void
on_state_durable(void *arg, const struct err *e)
{
	struct sm *m = arg;

	m->writes--;
	if (!m->is_moving)
		return;
	m->is_moving = false;
	if (e != NULL)
		m->lost(m->ctx, e);
	else
		sm_step(m);
}

static void
on_given_back_durable(void *arg, const struct err *e)
{
	struct sm *m = arg;

	/* The step has run long ago; the history's owner logs its troubles. */
	(void)e;
	m->writes--;
}

void
sm_move(struct sm *m, unsigned to)
{
	bool gives_back;

	BUG_IF(!sm_may(m, to) || m->is_moving || m->soon != NULL);
	CRASH_POINT("move");
	m->state = to;
	gives_back = (m->table[to].flags & SM_GIVES_BACK) != 0;
	m->writes++;
	if (gives_back) {
		m->persist(m->ctx, m->table[to].name, on_given_back_durable, m);
		m->soon = defer_call(m->loop, on_step_due, m);
	} else {
		m->is_moving = true;
		m->persist(m->ctx, m->table[to].name, on_state_durable, m);
	}
}

void
sm_stop(struct sm *m)
{
	m->is_moving = false;
	defer_cancel(m->soon);
	m->soon = NULL;
}

bool
sm_is_idle(const struct sm *m)
{
	return m->writes == 0 && m->soon == NULL;
}
