/* suite.c - see suite.h: the place of the tests, and what they found. */
#include "suite.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

int
suite_init(struct suite *s, const char *conf_path, struct err *e)
{
	const char *secrets = getenv("SUITE_SECRETS");

	(void)signal(SIGPIPE, SIG_IGN);
	if ((s->conf = conf_load(conf_path, NULL, e)) == NULL)
		return -1;
	if (uv_loop_init(&s->loop) != 0)
		return err_set(e, ERR_INTERNAL, "no loop");
	s->env = env_new(&s->loop);
	s->http = http_new(s->env);
	s->pool = work_pool_new(&s->loop, 4);
	if (secrets != NULL && secrets[0] != '\0')
		s->secrets = xstrdup(secrets);
	return 0;
}

/* Every handle was closed, or the loop would not let itself be closed. */
void
suite_done(struct suite *s)
{
	(void)uv_run(&s->loop, UV_RUN_NOWAIT);
	http_free(s->http);
	work_pool_free(s->pool);
	(void)uv_run(&s->loop, UV_RUN_DEFAULT);
	env_free(s->env);
	if (uv_loop_close(&s->loop) != 0)
		suite_fail(s, __FILE__, __LINE__, "handles were left open");
	conf_unref(s->conf);
	free(s->secrets);
}

struct store *
suite_open(struct suite *s, const char *name)
{
	struct store_env lent = { s->env, s->http, s->pool,
		json_get_object(s->conf->root, "hosts") };
	const json_t *cfg = conf_store(s->conf, name);
	struct err e = ERR_INIT;
	struct store *store;

	if (cfg == NULL)
		return NULL;
	store = store_open(&lent, name, cfg, &e);
	if (store == NULL)
		suite_fail(s, __FILE__, __LINE__, "open '%s': %s", name, e.msg);
	return store;
}

void
suite_wait(struct suite *s, const bool *done)
{
	while (!*done)
		if (uv_run(&s->loop, UV_RUN_ONCE) == 0 && !*done) {
			(void)fprintf(stderr,
			    "the loop ended without an answer\n");
			abort();
		}
}

static void
on_slept(void *arg)
{
	*(bool *)arg = true;
}

void
suite_sleep(struct suite *s, int64_t ms)
{
	bool is_over = false;
	struct env_timer *t = env_timer_new(s->env, on_slept, &is_over);

	env_timer_start(t, ms);
	suite_wait(s, &is_over);
	env_timer_free(t);
}

void
suite_fail(struct suite *s, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	s->failed++;
	(void)printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	(void)vprintf(fmt, ap);
	va_end(ap);
	(void)printf("\n");
}

void
suite_see(struct suite *s, const struct err *e)
{
	char *copy, *line, *rest;

	if (s->secrets == NULL || e == NULL || e->code == ERR_NONE)
		return;
	copy = xstrdup(s->secrets);
	for (line = strtok_r(copy, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		if (strstr(e->msg, line) != NULL)
			suite_fail(s, __FILE__, __LINE__,
			    "a secret stands in an error (%zu characters of "
			    "it)",
			    strlen(line));
	free(copy);
}
